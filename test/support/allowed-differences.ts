import type { AllowedDifference, Exchange } from "./differential.ts";
import type { Message, ResourceRecord } from "./message.ts";
import { TYPES, typeNumber } from "./packet.ts";

/**
 * Where nsd 4.6 and steerd may differ, and which text leaves the choice. Each says what nsd's reply would be without
 * the difference; everything that is then still unequal fails.
 */
export const allowedDifferences: readonly AllowedDifference[] = [
  {
    name: "nsd adds addresses to an answer of type NS",
    rfc: "RFC 1034 section 4.3.2 step 6: other data that may be useful; minimal responses leave it out",
    without: ({ ours, theirs }) => {
      const servers = targets(theirs.answer);
      if (servers.size === 0 || ours.additional.length > 0) return null;
      return { ...theirs, additional: theirs.additional.filter((record) => !servers.has(ownerOf(record))) };
    },
  },
  {
    name: "nsd expands a wildcard for the address of a name server",
    rfc: "RFC 9471 section 2: glue is what the zone holds at the server's name",
    without: (exchange) => {
      const servers = targets(exchange.theirs.authority);
      const owners = ownersIn(exchange);
      const additional = exchange.theirs.additional.filter(
        (record) => !servers.has(ownerOf(record)) || owners.has(ownerOf(record)),
      );
      return additional.length === exchange.theirs.additional.length
        ? null
        : { ...exchange.theirs, additional };
    },
  },
  {
    name: "ANY gets another one of the RRsets",
    rfc: "RFC 8482 section 4.1",
    without: (exchange) => {
      const { query, ours, theirs } = exchange;
      const mine = ours.answer.at(-1);
      const other = theirs.answer.at(-1);
      if (query.type !== "ANY" || mine === undefined || other === undefined) return null;
      if (ownerOf(mine) !== ownerOf(other) || mine.type === other.type) return null;
      const chain = (message: Message): ResourceRecord[] =>
        message.answer.filter((record) => ownerOf(record) !== ownerOf(mine));
      const answer = ours.answer.filter((record) => ownerOf(record) === ownerOf(mine));
      if (answer.some((record) => record.type !== mine.type)) return null;
      return isWholeRrset(exchange, mine, answer.length)
        ? { ...theirs, answer: [...chain(theirs), ...answer], additional: [] }
        : null;
    },
  },
];

const ownerOf = (record: ResourceRecord): string => record.owner.toLowerCase();

function targets(records: ResourceRecord[]): Set<string> {
  return new Set(records.filter((record) => record.type === TYPES.NS).map((record) => record.rdata));
}

/** Whether a zone holds an RRset of that type and size at the record's owner, or at a wildcard that may cover it. */
function isWholeRrset(exchange: Exchange, record: ResourceRecord, size: number): boolean {
  const owner = ownerOf(record);
  return exchange.cluster.zones.some((zone) => {
    const sizes = new Map<string, number>();
    for (const entry of zone.records) {
      const name = entry.owner.toLowerCase();
      const covers = name === owner || (name.startsWith("*.") && owner.endsWith(name.slice(1)));
      if (covers && typeNumber(entry.type) === record.type) sizes.set(name, (sizes.get(name) ?? 0) + 1);
    }
    return [...sizes.values()].includes(size);
  });
}

function ownersIn(exchange: Exchange): Set<string> {
  return new Set(
    exchange.cluster.zones.flatMap((zone) => zone.records.map((record) => record.owner.toLowerCase())),
  );
}
