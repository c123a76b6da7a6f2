import { clearHostBits, formatAddress, formatPrefix } from "../geo/prefix.ts";
import { CHAIN_ENTRY_MASK, CLASS_NOTHING, type TableModel } from "../geo/table.ts";
import { type Answer, DECIDED_ADDRESSES, DECIDED_NODATA } from "../wire/answer.ts";
import type { Client } from "./client.ts";
import type { DecideContext } from "./context.ts";
import {
  ENTRY_NODE,
  ENTRY_WORDS,
  FAMILY_NAME,
  LAST_RESORT_ADDRESSES,
  LAST_RESORT_NODATA,
  LAST_RESORT_POOL,
  LAST_RESORT_REF,
  LAST_RESORT_SERVFAIL,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_POOL,
  NODE_LAST_RESORT,
  NODE_TABLE,
  NODE_WORDS,
  RECORD_ECS,
  RECORD_LAST_RESORT,
  RECORD_ROOT,
  RECORD_TABLE_COUNT,
  RECORD_TTL_MAX,
  RECORD_TTL_MIN,
  RECORD_WORDS,
} from "./data.ts";
import { decide } from "./decide.ts";
import { explainNegative } from "./explain-negative.ts";
import { explainNode } from "./explain-node.ts";
import { explainAddress, explainPool } from "./explain-pool.ts";
import type {
  ClientExplanation,
  Explanation,
  LastResortExplanation,
  PickedAddress,
  PlaceExplanation,
  ScopeExplanation,
  StickyExplanation,
  TableExplanation,
  TtlExplanation,
  TtlLimit,
} from "./explanation.ts";
import { hashedPrefix } from "./hashed-prefix.ts";
import type { PolicyNames } from "./names.ts";
import { createRecorder, type Recording, type TableReading } from "./recorder.ts";
import { ORIGIN_CLIENT, ORIGIN_RESOLVER } from "./trace.ts";
import { NO_HORIZON } from "./ttl.ts";

/**
 * Decides as `decide` does, in the same context and with the same effect on its answer, and says why. `also`: addresses
 * that are answered together with these.
 */
export function explainDecision(
  context: DecideContext,
  names: PolicyNames,
  record: number,
  ownerHash: number,
  family: 0 | 4 | 6,
  also: readonly number[] = [],
): Explanation {
  const { recording, trace } = createRecorder();
  const { answer, client } = context;
  context.trace = trace;
  decide(context, record, ownerHash, family);
  context.trace = null;
  recording.picked.push(...also);
  const words = context.policy.records.subarray(record * RECORD_WORDS, (record + 1) * RECORD_WORDS);
  const heedsEcs = client.fromEcs !== 0 && words[RECORD_ECS] !== 0;
  const { zone, owner } = names.records[record]!;
  const explained: Omit<Explanation, "negative"> = {
    zone,
    owner,
    family,
    decision:
      answer.decision === DECIDED_ADDRESSES
        ? family === FAMILY_NAME
          ? "target"
          : "addresses"
        : answer.decision === DECIDED_NODATA
          ? "nodata"
          : "servfail",
    addresses: recording.picked.map((address) => pickedAddress(names, address)),
    ttl: explainTtl(context, names, recording, words),
    scope: explainScope(recording, context, words, answer),
    sticky: explainSticky(context, client, heedsEcs),
    client: explainClient(client, heedsEcs),
    tables: recording.tables.map((reading) => explainTable(context, names, reading, client, heedsEcs, words)),
    root: explainNode(context, names, recording.root!, new Set(recording.picked), true),
    lastResort: explainLastResort(context, names, recording, words),
  };
  return { ...explained, negative: explainNegative(explained) };
}

function pickedAddress(names: PolicyNames, address: number): PickedAddress {
  const { text, endpoint } = names.addresses[address]!;
  if (endpoint < 0) return { address: text, pool: null, endpoint: null };
  const { pool, name } = names.endpoints[endpoint]!;
  return { address: text, pool: names.pools[pool]!.name, endpoint: name };
}

function explainTtl(
  context: DecideContext,
  names: PolicyNames,
  recording: Recording,
  words: Int32Array,
): TtlExplanation {
  const { leastMs, ttlSeconds: seconds } = recording;
  const minSeconds = words[RECORD_TTL_MIN]!;
  const maxSeconds = words[RECORD_TTL_MAX]!;
  // The last reading of those that are equally near is the most precise one: an address, not its pool.
  const nearest = recording.horizons.findLast(({ horizonMs }) => horizonMs === leastMs);
  const bound = { seconds, minSeconds, maxSeconds };
  if (leastMs === NO_HORIZON || nearest === undefined) return { ...bound, reason: "settled", limit: null };
  const limit = limitOf(context, names, nearest, leastMs);
  const reason = leastMs >= maxSeconds * 1000 ? "settled" : leastMs < minSeconds * 1000 ? "min" : "horizon";
  return { ...bound, reason, limit };
}

function limitOf(
  context: DecideContext,
  names: PolicyNames,
  { address, node, pool }: Recording["horizons"][number],
  horizonMs: number,
): TtlLimit {
  const none = { failback: null, horizonMs, state: null, run: null, probes: null };
  if (address >= 0) {
    // Only addresses of pools have rows, and with them horizons.
    const owner = names.endpoints[names.addresses[address]!.endpoint]!.pool;
    const { state, run } = explainAddress(context, names, owner, address, new Set(), null);
    return { ...none, ...pickedAddress(names, address), state, run };
  }
  if (node < 0) return { ...none, ...unsettledAddress(context, names, pool, horizonMs) };
  const { kind, label } = names.nodes[node]!;
  return { ...none, pool: null, endpoint: null, address: null, failback: label || kind };
}

/** The address of a pool whose horizon is the pool's own. */
function unsettledAddress(
  context: DecideContext,
  names: PolicyNames,
  pool: number,
  horizonMs: number,
): Pick<TtlLimit, "pool" | "endpoint" | "address" | "state" | "run"> {
  const { name, endpoints } = explainPool(context, names, pool, new Set());
  for (const endpoint of endpoints) {
    const found = endpoint.addresses.find((candidate) => candidate.horizonMs === horizonMs);
    if (found === undefined) continue;
    const { address, state, run } = found;
    return { pool: name, endpoint: endpoint.name, address, state, run };
  }
  return { pool: name, endpoint: null, address: null, state: null, run: null };
}

function explainScope(
  recording: Recording,
  { client, hashBits }: DecideContext,
  words: Int32Array,
  answer: Answer,
): ScopeExplanation {
  const none = { bits: answer.scopeBits, table: null };
  if (client.fromEcs === 0) return { ...none, reason: "no-ecs" };
  if (words[RECORD_ECS] === 0) return { ...none, reason: "ecs-off" };
  if (words[RECORD_TABLE_COUNT] === 0 && hashBits === 0) return { ...none, reason: "no-tables" };
  if (answer.decision !== DECIDED_ADDRESSES) return { ...none, reason: "negative" };
  const longest = recording.tables.find(({ tileBits }) => tileBits === answer.scopeBits);
  return longest === undefined
    ? { ...none, reason: "sticky" }
    : { bits: answer.scopeBits, reason: "tile", table: longest.table };
}

function explainSticky(context: DecideContext, client: Client, heedsEcs: boolean): StickyExplanation | null {
  const prefix = hashedPrefix(context);
  if (prefix === null) return null;
  const { hashOrigin, hashTileBits: tileBits } = context;
  const address = heedsEcs ? client.address : client.resolverAddress;
  const tile = formatTile(address, familyOf(client, heedsEcs), tileBits);
  return { prefix, place: hashOrigin === ORIGIN_CLIENT ? "client" : "resolver", tile, tileBits };
}

function explainClient(client: Client, heedsEcs: boolean): ClientExplanation {
  const family = familyOf(client, heedsEcs);
  return {
    address: formatAddress(family, heedsEcs ? client.address : client.resolverAddress),
    family,
    source: heedsEcs ? "ecs" : "resolver",
    sourceBits: heedsEcs ? client.sourceBits : 0,
    resolver: formatAddress(familyOf(client, false), client.resolverAddress),
  };
}

function familyOf(client: Client, heedsEcs: boolean): 4 | 6 {
  return (heedsEcs ? client.family : client.resolverFamily) === 4 ? 4 : 6;
}

function explainTable(
  context: DecideContext,
  names: PolicyNames,
  reading: TableReading,
  client: Client,
  heedsEcs: boolean,
  words: Int32Array,
): TableExplanation {
  const { chains } = context.tables;
  const model = names.tables[reading.table]!;
  const start = reading.classOffset + 1;
  const chain = chains.subarray(start, start + chains[reading.classOffset]!);
  const family = familyOf(client, heedsEcs);
  const places = reading.classOffset === CLASS_NOTHING ? [] : Array.from(chain);
  const children = childNames(context, names, words[RECORD_ROOT]!, reading.table);
  return {
    table: reading.table,
    kind: model.kind,
    place:
      reading.origin === ORIGIN_CLIENT
        ? "client"
        : reading.origin === ORIGIN_RESOLVER
          ? "resolver"
          : "unknown",
    tile: formatTile(heedsEcs ? client.address : client.resolverAddress, family, reading.tileBits),
    tileBits: reading.tileBits,
    matches: places.map((word) => matchText(model, word, children)),
    places: model.kind === "nearest" ? places.map((word) => placeAt(model, word)) : null,
  };
}

function placeAt(model: TableModel & { kind: "nearest" }, word: number): PlaceExplanation {
  const { latitude, longitude, bias = 0 } = model.locations[word & CHAIN_ENTRY_MASK]!;
  return { latitude, longitude, bias, distanceKm: null };
}

/** What the children of the record's node are called that reads this table. */
function childNames({ policy }: DecideContext, names: PolicyNames, root: number, table: number): string[] {
  const { entries, nodes } = policy;
  const childrenOf = (node: number): number[] => {
    const at = node * NODE_WORDS;
    if (nodes[at + NODE_KIND] === NODE_KIND_POOL) return [];
    return Array.from(
      { length: nodes[at + NODE_COUNT]! },
      (_, i) => entries[(nodes[at + NODE_FIRST]! + i) * ENTRY_WORDS + ENTRY_NODE]!,
    );
  };
  const reached = new Set([root]);
  for (const node of reached) {
    const children = childrenOf(node);
    if (nodes[node * NODE_WORDS + NODE_TABLE] === table)
      return children.map((child) => names.nodes[child]!.label || names.nodes[child]!.kind);
    for (const child of children) reached.add(child);
  }
  return [];
}

function matchText(model: TableModel, word: number, children: string[]): string {
  const place = word & CHAIN_ENTRY_MASK;
  if (model.kind === "sticky") return "";
  if (model.kind === "nearest") return children[place]!;
  if (model.kind === "latency") return `${model.regions[place]!}${word === place ? "" : " (tied)"}`;
  const key = model.keys[place]!;
  return model.kind === "asn" && key !== "default" ? `AS${key}` : key;
}

function formatTile(address: Uint8Array, family: 4 | 6, bits: number): string {
  const octets = address.subarray(0, family === 4 ? 4 : 16);
  return formatPrefix(clearHostBits({ family, octets, bits }));
}

const LAST_RESORT_NAMES = new Map<number, LastResortExplanation["kind"]>([
  [LAST_RESORT_POOL, "pool"],
  [LAST_RESORT_ADDRESSES, "addresses"],
  [LAST_RESORT_NODATA, "nodata"],
  [LAST_RESORT_SERVFAIL, "servfail"],
]);

function explainLastResort(
  context: DecideContext,
  names: PolicyNames,
  recording: Recording,
  words: Int32Array,
): LastResortExplanation | null {
  if (recording.lastResort === null) return null;
  const { node, kind } = recording.lastResort;
  const { nodes } = context.policy;
  const own = nodes[node * NODE_WORDS + NODE_LAST_RESORT] === kind;
  const isRecords = node === words[RECORD_ROOT] && !own;
  const pool = isRecords
    ? words[RECORD_LAST_RESORT + LAST_RESORT_REF]!
    : nodes[node * NODE_WORDS + NODE_LAST_RESORT + LAST_RESORT_REF]!;
  return {
    kind: LAST_RESORT_NAMES.get(kind) ?? "all",
    of: isRecords ? null : names.nodes[node]!,
    pool: kind === LAST_RESORT_POOL ? explainPool(context, names, pool, new Set(recording.picked)) : null,
  };
}
