import { formatMessage, type Message, type ResourceRecord, rcodeName, readMessage } from "./message.ts";
import { buildQuery, TYPES, typeName } from "./packet.ts";
import { type Cluster, type GeneratedQuery, zoneText } from "./zone-universe.ts";

/** A query, and what both servers said. */
export interface Exchange {
  cluster: Cluster;
  query: GeneratedQuery;
  ours: Message;
  theirs: Message;
}

/** Payload size far over every answer, so that nothing is cut: sizes have tests of their own. */
export function queryPacket(query: GeneratedQuery, id: number): Uint8Array {
  return buildQuery({ id: id & 0xffff, name: query.name, type: query.type, edns: { udpSize: 4096 } });
}

const recordKey = (record: ResourceRecord): string =>
  `${record.owner.toLowerCase()} ${record.ttl} ${record.class} ${typeName(record.type)} ${record.rdata}`;

const rrsetOrder = (records: ResourceRecord[]): string =>
  [...new Set(records.map((record) => `${record.owner.toLowerCase()} ${typeName(record.type)}`))].join(", ");

/** Sentences about everything in which two replies differ; none when they are equal. */
function differences(ours: Message, theirs: Message): string[] {
  const found: string[] = [];
  if (ours.rcode !== theirs.rcode)
    found.push(`rcode ${rcodeName(ours.rcode)}, not ${rcodeName(theirs.rcode)}`);
  if (ours.aa !== theirs.aa) found.push(`AA is ${ours.aa}, not ${theirs.aa}`);
  if (ours.tc !== theirs.tc) found.push(`TC is ${ours.tc}, not ${theirs.tc}`);
  if (ours.trailing !== 0) found.push(`${ours.trailing} octets after the last record`);
  if (ours.qname !== theirs.qname) found.push(`question ${ours.qname}, not ${theirs.qname}`);
  for (const section of ["answer", "authority", "additional"] as const) {
    const mine = ours[section].map(recordKey);
    const other = theirs[section].map(recordKey);
    for (const key of new Set(mine)) if (!other.includes(key)) found.push(`${section} has ${key}`);
    for (const key of new Set(other)) if (!mine.includes(key)) found.push(`${section} lacks ${key}`);
    if (new Set(mine).size !== mine.length) found.push(`${section} has a record twice`);
  }
  // The links of a chain have to be read in their order (RFC 1034 section 4.3.2, step 3a).
  if (found.length === 0 && rrsetOrder(ours.answer) !== rrsetOrder(theirs.answer)) {
    found.push(`answer in the order ${rrsetOrder(ours.answer)}, not ${rrsetOrder(theirs.answer)}`);
  }
  return found;
}

/** A way in which the other server's reply may differ. */
export interface AllowedDifference {
  name: string;
  rfc: string;
  /** The other server's reply as it would be without this difference, or null where the difference is not there. */
  without(exchange: Exchange): Message | null;
}

export interface Outcome {
  /** Null: equal, perhaps after allowed differences. */
  failure: string[] | null;
  allowed: string[];
}

export function judge(exchange: Exchange, allowances: readonly AllowedDifference[]): Outcome {
  let found = differences(exchange.ours, exchange.theirs);
  if (found.length === 0) return { failure: null, allowed: [] };
  const allowed: string[] = [];
  let adjusted = exchange;
  for (const allowance of allowances) {
    const theirs = allowance.without(adjusted);
    if (theirs === null) continue;
    allowed.push(allowance.name);
    adjusted = { ...adjusted, theirs };
    found = differences(adjusted.ours, adjusted.theirs);
    if (found.length === 0) return { failure: null, allowed };
  }
  return { failure: differences(exchange.ours, exchange.theirs), allowed: [] };
}

/** What a cluster's zones hold, for telling apart replies that look the same. */
export interface ClusterFacts {
  owners: Set<string>;
  betweens: Set<string>;
  occluded: Set<string>;
  cuts: Set<string>;
}

export function clusterFacts(cluster: Cluster): ClusterFacts {
  const owners = new Set<string>();
  const betweens = new Set<string>();
  for (const zone of cluster.zones) {
    for (const record of zone.records) owners.add(record.owner.toLowerCase());
  }
  for (const owner of owners) {
    for (let at = owner.indexOf("."); at >= 0 && at + 1 < owner.length; at = owner.indexOf(".", at + 1)) {
      const parent = owner.slice(at + 1);
      if (!owners.has(parent)) betweens.add(parent);
    }
  }
  const cuts = new Set(cluster.cuts);
  const occluded = new Set(
    [...owners].filter((owner) => cluster.cuts.some((cut) => owner.endsWith(`.${cut}`))),
  );
  return { owners, betweens, occluded, cuts };
}

export const CATEGORIES = [
  "positive",
  "wildcard",
  "wildcard CNAME",
  "CNAME chain within a zone",
  "CNAME chain across zones",
  "CNAME chain to nothing",
  "CNAME chain to a referral",
  "CNAME loop",
  "DNAME",
  "YXDOMAIN",
  "referral with glue",
  "referral without glue",
  "sibling glue",
  "occluded name",
  "DS at a cut",
  "empty non-terminal",
  "NODATA",
  "NXDOMAIN",
  "refused",
  "mixed case",
] as const;

export type Category = (typeof CATEGORIES)[number];

/** Categories of a query, read off the other server's reply. */
export function categorise(
  cluster: Cluster,
  facts: ClusterFacts,
  query: GeneratedQuery,
  reply: Message,
): Category[] {
  const found: Category[] = [];
  const name = query.name.toLowerCase();
  const cnames = reply.answer.filter((record) => record.type === TYPES.CNAME);
  const dname = reply.answer.some(
    (record) => record.type === TYPES.DNAME && record.owner.toLowerCase() !== name,
  );
  const soa = reply.authority.some((record) => record.type === TYPES.SOA);
  const referral = reply.authority.some((record) => record.type === TYPES.NS);
  if (name !== query.name) found.push("mixed case");
  if (reply.rcode === 5) found.push("refused");
  if (reply.rcode === 6) found.push("YXDOMAIN");
  if (dname) found.push("DNAME");
  if (referral && !reply.aa) found.push(...referralCategories(facts, name, reply));
  if (query.type === "DS" && facts.cuts.has(name) && reply.aa) found.push("DS at a cut");
  if (reply.answer.length === 0 && soa && reply.rcode === 3) found.push("NXDOMAIN");
  if (reply.answer.length === 0 && soa && reply.rcode === 0) {
    found.push(facts.betweens.has(name) ? "empty non-terminal" : "NODATA");
  }
  if (cnames.length > 0 && !dname && query.type !== "CNAME") {
    if (!facts.owners.has(name)) found.push("wildcard CNAME");
    found.push(...chainCategories(cluster, reply, cnames, soa, referral));
  }
  if (reply.rcode === 0 && reply.answer.length > 0 && cnames.length === 0 && !dname) {
    found.push(facts.owners.has(name) ? "positive" : "wildcard");
  }
  return found;
}

function referralCategories(facts: ClusterFacts, name: string, reply: Message): Category[] {
  const cut = reply.authority[0]!.owner.toLowerCase();
  const found: Category[] = [reply.additional.length > 0 ? "referral with glue" : "referral without glue"];
  if (reply.additional.some((record) => !`.${record.owner.toLowerCase()}`.endsWith(`.${cut}`))) {
    found.push("sibling glue");
  }
  if (facts.occluded.has(name)) found.push("occluded name");
  return found;
}

function chainCategories(
  cluster: Cluster,
  reply: Message,
  cnames: ResourceRecord[],
  soa: boolean,
  referral: boolean,
): Category[] {
  const owners = cnames.map((record) => record.owner.toLowerCase());
  if (owners.includes(cnames.at(-1)!.rdata)) return ["CNAME loop"];
  if (referral) return ["CNAME chain to a referral"];
  if (soa) return ["CNAME chain to nothing"];
  const homes = new Set(reply.answer.map((record) => homeOf(cluster, record.owner.toLowerCase())));
  return [homes.size > 1 ? "CNAME chain across zones" : "CNAME chain within a zone"];
}

function homeOf(cluster: Cluster, name: string): string {
  const apexes = cluster.zones
    .map((zone) => zone.origin.toLowerCase())
    .filter((apex) => name === apex || name.endsWith(`.${apex}`));
  return apexes.sort((left, right) => right.length - left.length)[0] ?? "";
}

/** Everything that is needed to understand one failure. */
export function report(exchange: Exchange, failure: string[]): string {
  const { cluster, query, ours, theirs } = exchange;
  return [
    `\n${query.name} ${query.type}`,
    ...failure.map((line) => `  ${line}`),
    "--- steerd",
    formatMessage(ours),
    "--- nsd",
    formatMessage(theirs),
    "--- zones",
    ...cluster.zones.map((zone) => `; zone ${zone.origin}\n${zoneText(zone)}`),
  ].join("\n");
}

/**
 * Removes records one after the other for as long as the two servers still differ about the query. `ask` gets the
 * zones that are left and answers for both.
 */
export async function minimise(
  exchange: Exchange,
  allowances: readonly AllowedDifference[],
  ask: (cluster: Cluster, packet: Uint8Array) => Promise<{ ours: Uint8Array; theirs: Uint8Array } | null>,
  attempts = 80,
): Promise<Exchange> {
  let best = exchange;
  const packet = queryPacket(exchange.query, 1);
  const attempt = async (cluster: Cluster): Promise<boolean> => {
    const replies = await ask(cluster, packet);
    if (replies === null) return false;
    const smaller = {
      cluster,
      query: exchange.query,
      ours: readMessage(replies.ours),
      theirs: readMessage(replies.theirs),
    };
    if (judge(smaller, allowances).failure === null) return false;
    best = smaller;
    return true;
  };
  let left = attempts;
  for (let zone = exchange.cluster.zones.length - 1; zone >= 0 && best.cluster.zones.length > 1; zone--) {
    if (left-- > 0)
      await attempt({ ...best.cluster, zones: best.cluster.zones.filter((_, index) => index !== zone) });
  }
  for (let zone = 0; zone < best.cluster.zones.length; zone++) {
    for (let size = 8; size >= 1; size = size === 8 ? 2 : size - 1) {
      // The SOA and the first NS stay: a zone needs them.
      for (
        let at = best.cluster.zones[zone]!.records.length - size;
        at >= 2 && left > 0;
        at -= size, left--
      ) {
        const zones = best.cluster.zones.map((other, index) =>
          index === zone
            ? { ...other, records: other.records.filter((_, i) => i < at || i >= at + size) }
            : other,
        );
        await attempt({ ...best.cluster, zones });
      }
    }
  }
  return best;
}
