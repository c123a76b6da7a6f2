import type { ClientDescription } from "../geo/databases.ts";
import type {
  ClientExplanation,
  Explanation,
  LastResortExplanation,
  NegativeExplanation,
  PassName,
  PlaceExplanation,
  ScopeExplanation,
  StickyExplanation,
  TableExplanation,
  TtlExplanation,
  TtlLimit,
} from "../policy/explanation.ts";
import { listed } from "../wire/listing.ts";
import { nodeLines } from "./explain-node.ts";
import { paint, type Terminal } from "./terminal.ts";

/** Width of the first column: the longest of its words, and two blanks. */
const WORD_WIDTH = "last resort".length + 2;

/** Why a steered name was answered as it was: client, tables, the tree, TTL and scope, each in a sentence. */
export function explanationLines(
  explanation: Explanation,
  place: ClientDescription,
  terminal: Terminal,
): string[] {
  const word = (text: string): string => paint(terminal, "bold", text.padEnd(WORD_WIDTH));
  const { client, tables, sticky, lastResort, negative, ttl } = explanation;
  return [
    `${word("client")}${clientSentence(client, place)}`,
    ...tables.map((table) => `${word(table.kind)}${tableSentence(table, client)}`),
    ...(sticky === null ? [] : [`${word("hash")}${stickySentence(sticky, client)}`]),
    ...walkLines(explanation, terminal).map((line, i) => (i === 0 ? word("policy") : "") + line),
    ...(lastResort === null
      ? []
      : [`${word("last resort")}${lastResortSentence(lastResort, explanation.decision)}`]),
    ...(negative === null ? [] : [`${word("nodata")}${negativeSentence(negative, explanation.family)}`]),
    `${word("ttl")}${ttlSentence(ttl)}`,
    `${word("next")}${nextSentence(ttl.limit)}`,
    `${word("scope")}${scopeSentence(explanation.scope, tables)}`,
  ];
}

/** The walk that decided, or failed last. Of the walks before it that failed only the first is shown whole. */
function walkLines({ root }: Explanation, terminal: Terminal): string[] {
  const indented = ([head, ...below]: string[]): string[] => [head!, ...below.map((line) => `  ${line}`)];
  const [first, ...again] = [...root.earlier, root];
  const lines = indented(nodeLines(first!, first === root, terminal));
  for (const walk of again) {
    const failed = walk.outcome === "failed";
    const decided = walk === root && !failed ? indented(nodeLines(walk, true, terminal)).slice(1) : [];
    const padding = " ".repeat(WORD_WIDTH);
    lines.push(`${padding}${PASS_WORDS[walk.pass]}${failed ? ": failed too" : ":"}`, ...decided);
  }
  return lines;
}

/** What a walk takes for up. */
const PASS_WORDS: Record<PassName, string> = {
  normal: "as the probes say",
  "one-up": "again, with min_healthy: 1",
  all: "again, as if every endpoint were up",
};

function lastResortSentence(lastResort: LastResortExplanation, decision: Explanation["decision"]): string {
  const of = lastResort.of === null ? "the record" : `the node ${lastResort.of.label || lastResort.of.kind}`;
  switch (lastResort.kind) {
    case "all":
      return decision === "nodata"
        ? `all, of ${of}: but nothing is left to answer`
        : `all, of ${of}: everything has failed, so that everything is answered`;
    case "pool":
      return `pool ${lastResort.pool?.name ?? ""}, of ${of}: everything else has failed`;
    case "addresses":
      return `addresses, of ${of}: everything else has failed`;
    case "nodata":
    case "servfail":
      return `${lastResort.kind}, of ${of}: everything has failed`;
  }
}

function clientSentence(client: ClientExplanation, place: ClientDescription): string {
  const known = [place.database, place.prefix].filter((part) => part !== "").join(", ");
  const city = place.city === "" ? "" : `, ${place.city}`;
  const network = place.asn === 0 ? "" : `, AS${place.asn}`;
  const where = `${client.address} is ${place.location}${city}${network}${known === "" ? "" : ` (${known})`}`;
  return client.source === "ecs" ? where : `${where}: the resolver, as no client subnet counts`;
}

function tableSentence(table: TableExplanation, client: ClientExplanation): string {
  const matches = matchWords(table);
  switch (table.place) {
    case "client":
      return `${matches} (${table.tile})`;
    case "resolver":
      return `${matches}, of the resolver ${client.resolver} (${table.tile})`;
    case "unknown":
      return `${matches}: nothing is known of the place (${table.tile})`;
  }
}

function stickySentence({ prefix, place, tile }: StickyExplanation, client: ClientExplanation): string {
  return place === "client" ? `of ${prefix}` : `of ${prefix}, for the resolver ${client.resolver} (${tile})`;
}

function matchWords(table: TableExplanation): string {
  if (table.matches.length === 0) return "no key matches";
  if (table.places !== null) return distanceWords(table.matches, table.places);
  if (table.kind === "latency") return `by round trip ${listed(table.matches)}`;
  return `matches ${listed(table.matches)}`;
}

/** `by distance frankfurt, 360 km; virginia, 6,300 km (bias +20)`, or the list's order. */
function distanceWords(names: string[], places: PlaceExplanation[]): string {
  const isKnown = places.every(({ distanceKm }) => distanceKm !== null);
  if (!isKnown) return `in the list's order ${listed(names)}`;
  const each = places.map(({ bias, distanceKm }, i) => {
    const sign = bias > 0 ? "+" : "";
    return `${names[i]}, ${kilometreWords(distanceKm!)}${bias === 0 ? "" : ` (bias ${sign}${bias})`}`;
  });
  return `by distance ${listed(each, "; ")}`;
}

/** To two digits or so: clients stand at their country's centre, or their city's. */
function kilometreWords(distanceKm: number): string {
  const step = distanceKm >= 1000 ? 100 : 10;
  return `${(Math.round(distanceKm / step) * step).toLocaleString("en")} km`;
}

function negativeSentence({ reason, node }: NegativeExplanation, family: Explanation["family"]): string {
  const all = "resolvers keep that for every client, scope 0";
  switch (reason) {
    case "no-key":
      return `no key of ${node} is for this client, and it has no default; ${all}`;
    case "no-family":
      return `${node} was picked, and has no ${family === 0 ? "name" : `IPv${family} address`} that is up; ${all}`;
    case "last-resort":
      return `as last_resort says; ${all}`;
    case "withheld":
      return `every address is drained or forced down; ${all}`;
  }
}

/** What changes first of all that was read. */
function nextSentence(limit: TtlLimit | null): string {
  if (limit === null) return "nothing that was read can change sooner than a new failure";
  const { failback, horizonMs, pool, probes, state } = limit;
  const when = `in ${horizonMs / 1000} s at the earliest`;
  if (failback !== null) return `${when}: ${failback} goes back to an earlier entry`;
  const what = limit.address ?? pool;
  if (probes === null || state === null) return `${when}: ${what} can change`;
  const results = `${probes.needed} more ${probes.good ? "good" : "failed"} ${probes.needed === 1 ? "probe" : "probes"}`;
  return probes.good ? `${when}: ${what} needs ${results}` : `${when}: ${what} goes down after ${results}`;
}

function ttlSentence(ttl: TtlExplanation): string {
  if (ttl.minSeconds === ttl.maxSeconds) return `${ttl.seconds} s: fixed`;
  const { limit } = ttl;
  const change = limit === null ? "" : changeWords(limit);
  switch (ttl.reason) {
    case "settled":
      return `${ttl.seconds} s: the maximum; ${limit === null ? "nothing that was read can change sooner" : change}`;
    case "horizon":
      return `${ttl.seconds} s: ${change}`;
    case "min":
      return `${ttl.seconds} s: the minimum; ${change}`;
  }
}

function changeWords({ pool, endpoint, address, failback, horizonMs }: TtlLimit): string {
  const seconds = `${horizonMs / 1000} s`;
  if (failback !== null) return `${failback} can go back in ${seconds}`;
  const source = [pool, endpoint].filter((part) => part !== null).join("/");
  return `${source || address} can change in ${seconds}`;
}

/** `the nearest table has 193.0.0.0/19 as one tile; geo /16`: the longest tile first. */
function tileWords({ bits, table: number }: ScopeExplanation, tables: TableExplanation[]): string {
  const longest = tables.find(({ table }) => table === number);
  const others = tables.filter((table) => table !== longest).sort((a, b) => b.tileBits - a.tileBits);
  const rest = others.map(({ kind, tileBits }) => `${kind} ${tileBits === bits ? "too" : `/${tileBits}`}`);
  const first = `the ${longest?.kind} table has ${longest?.tile} as one tile`;
  return rest.length === 0 ? first : `${first}; ${rest.join(", ")}`;
}

function scopeSentence(scope: ScopeExplanation, tables: TableExplanation[]): string {
  switch (scope.reason) {
    case "tile":
      return `/${scope.bits}: ${tileWords(scope, tables)}`;
    case "sticky":
      return `/${scope.bits}: the prefix that is hashed`;
    case "no-ecs":
      return "none: the query carries no client subnet";
    case "ecs-off":
      return `/${scope.bits}: the record does not heed client subnets`;
    case "no-tables":
      return `/${scope.bits}: every client gets the same`;
    case "negative":
      return `/${scope.bits}: a negative answer is the same for every client`;
  }
}
