import type { TableData } from "../geo/table.ts";
import { FORCED_BITS } from "../health/forced.ts";
import type { ForcedPlan } from "../health/plan.ts";
import {
  ADDRESS_ROW,
  ADDRESS_WORDS,
  ENTRY_NODE,
  ENTRY_WORDS,
  LAST_RESORT_KIND,
  LAST_RESORT_POOL,
  LAST_RESORT_REF,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_POOL,
  NODE_LAST_RESORT,
  NODE_WORDS,
  type PolicyData,
  RECORD_LAST_RESORT,
  RECORD_ROOT,
  RECORD_WORDS,
} from "../policy/data.ts";
import { findLosses, LEVEL_DRAINED, LEVEL_GONE, LEVEL_LIVE, type Loss } from "../policy/losses.ts";
import type { PolicyNames } from "../policy/names.ts";
import { listed } from "../wire/listing.ts";
import { suggest } from "../zone/suggest.ts";
import type { Finding } from "./findings.ts";
import type { LoadedOverrides } from "./load-overrides.ts";
import { reporterOn } from "./load-yaml.ts";
import { formatMatch, isPlain, matchesPlace, matchesPool, type OverrideMatch } from "./override-match.ts";
import type { OverrideInput } from "./schema-overrides.ts";

/** The part of a configuration that forced states are resolved against. */
export interface OverrideGround {
  policy: PolicyData;
  tables: TableData;
  names: PolicyNames;
}

/** Entries resolved: which of them counts for each address. */
export interface ResolvedOverrides {
  /** By index into PolicyData.addresses: place of the entry that counts, or -1. */
  deciding: Int32Array;
  /** Entries that would leave a record without any address to answer, and which record. */
  ignored: Map<number, Loss>;
  /** Entries that no endpoint is called by. */
  unmatched: number[];
}

/** Most weight that a row can have. */
const SCALE_ONE = 65_536;

/** True while the entry has not ended. */
export function isCurrent({ until }: OverrideInput, nowMs: number): boolean {
  return until === undefined || until > nowMs;
}

/**
 * Says which entry counts for each address. An entry that takes the last address from some client, of those that the
 * entries before it leave, is ignored, whatever probes say; what later entries bring back counts for it, and `force` keeps
 * it.
 */
export function resolveOverrides(
  entries: readonly OverrideInput[],
  ground: OverrideGround,
  nowMs: number,
): ResolvedOverrides {
  const matched = matchAddresses(entries, ground.names);
  const current = entries.map((entry) => isCurrent(entry, nowMs));
  const ignored = findIgnored(entries, matched, current, ground);
  const deciding = decide(entries, matched, (at) => current[at]! && !ignored.has(at));
  const used = new Set(matched.flat());
  const unmatched = [...entries.keys()].filter((at) => !used.has(at));
  return { deciding, ignored, unmatched };
}

/**
 * The last of the entries about each address that count; -1: none. One that says only a weight takes nothing back: where what
 * was said before it withholds the address, that goes on.
 */
function decide(
  entries: readonly OverrideInput[],
  matched: number[][],
  counts: (at: number) => boolean,
): Int32Array {
  return Int32Array.from(matched, (places) => {
    const last = places.findLast(counts) ?? -1;
    if (last < 0 || entries[last]!.state !== undefined) return last;
    const said = places.findLast((at) => counts(at) && entries[at]!.state !== undefined);
    return said !== undefined && withholds(entries[said]!) ? said : last;
  });
}

/** True for what keeps addresses out of answers. */
export function withholds({ state }: Pick<OverrideInput, "state">): boolean {
  return state === "down" || state === "drain";
}

function findIgnored(
  entries: readonly OverrideInput[],
  matched: number[][],
  current: boolean[],
  { policy, tables }: OverrideGround,
): Map<number, Loss> {
  const ignored = new Map<number, Loss>();
  const levels = (counts: (at: number) => boolean): Uint8Array =>
    Uint8Array.from(decide(entries, matched, counts), (at) =>
      levelOf(at < 0 ? undefined : entries[at]!.state, true),
    );
  const doubtful = [...entries.keys()].filter(
    (at) => current[at]! && withholds(entries[at]!) && !entries[at]!.force,
  );
  const all = levels(() => false);
  if (
    doubtful.length === 0 ||
    findLosses(
      policy,
      tables,
      all,
      levels((at) => current[at]!),
    ).length === 0
  )
    return ignored;
  for (const last of doubtful) {
    const counts = (at: number): boolean =>
      current[at]! && !ignored.has(at) && (at <= last || !withholds(entries[at]!));
    const without = levels((at) => at !== last && counts(at));
    const [loss] = findLosses(policy, tables, without, levels(counts));
    if (loss !== undefined) ignored.set(last, loss);
  }
  return ignored;
}

/** For each address the entries that are about it, in their order. */
function matchAddresses(entries: readonly OverrideInput[], names: PolicyNames): number[][] {
  const ofPool = names.pools.map(({ zone, name, region }) =>
    [...entries.keys()].filter((at) => matchesPool(entries[at]!.match, { zone, pool: name, region })),
  );
  const ofEndpoint = names.endpoints.map(({ pool, name }) => {
    const { zone, name: poolName, region } = names.pools[pool]!;
    const place = { zone, pool: poolName, region, endpoint: name };
    return ofPool[pool]!.filter((at) => matchesPlace(entries[at]!.match, place));
  });
  return names.addresses.map(({ endpoint }) => (endpoint < 0 ? [] : ofEndpoint[endpoint]!));
}

/** Pools that a record can reach, last resorts included. */
export function poolsOfRecord({ records, nodes, entries }: PolicyData, record: number): Set<number> {
  const pools = new Set<number>();
  const visited = new Set<number>();
  const addResort = (words: Int32Array, at: number): void => {
    if (words[at + LAST_RESORT_KIND] === LAST_RESORT_POOL) pools.add(words[at + LAST_RESORT_REF]!);
  };
  addResort(records, record * RECORD_WORDS + RECORD_LAST_RESORT);
  const waiting = [records[record * RECORD_WORDS + RECORD_ROOT]!];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (visited.has(node)) continue;
    visited.add(node);
    const at = node * NODE_WORDS;
    addResort(nodes, at + NODE_LAST_RESORT);
    const first = nodes[at + NODE_FIRST]!;
    if (nodes[at + NODE_KIND] === NODE_KIND_POOL) pools.add(first);
    else
      for (let entry = first; entry < first + nodes[at + NODE_COUNT]!; entry++)
        waiting.push(entries[entry * ENTRY_WORDS + ENTRY_NODE]!);
  }
  return pools;
}

function levelOf(state: OverrideInput["state"], isProbedUp: boolean): number {
  if (state === "drain") return LEVEL_DRAINED;
  if (state === "down") return LEVEL_GONE;
  return state === "up" || isProbedUp ? LEVEL_LIVE : LEVEL_GONE;
}

/** LEVEL_* of every address under these entries, where probes say `probedUp` of it. */
export function forcedLevels(
  entries: readonly OverrideInput[],
  { deciding }: ResolvedOverrides,
  probedUp: (address: number) => boolean,
): Uint8Array {
  return Uint8Array.from(deciding, (at, address) =>
    levelOf(at < 0 ? undefined : entries[at]!.state, probedUp(address)),
  );
}

/** What the prober is told; addresses without a row are left out, see unforcedPools. */
export function forcedPlan(
  entries: readonly OverrideInput[],
  { deciding }: ResolvedOverrides,
  policy: PolicyData,
): ForcedPlan[] {
  const forced: ForcedPlan[] = [];
  for (const [address, at] of deciding.entries()) {
    const row = policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
    if (at < 0 || row < 0) continue;
    const { state, weight = 1 } = entries[at]!;
    const bits = state === undefined ? 0 : FORCED_BITS[state];
    forced.push({ row, state: bits, scale: Math.round(weight * SCALE_ONE) });
  }
  return forced;
}

/** True when an entry is about an address that has no row yet: pools without a check get them when they are asked for. */
export function lacksRows(entries: readonly OverrideInput[], { policy, names }: OverrideGround): boolean {
  return matchAddresses(entries, names).some(
    (places, address) => places.length > 0 && policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]! < 0,
  );
}

/** What is doubtful about the entries: warnings with their places. */
export function overrideFindings(
  { entries, yaml }: LoadedOverrides,
  { ignored, unmatched }: ResolvedOverrides,
  { names }: OverrideGround,
): Finding[] {
  const findings: Finding[] = [];
  if (yaml === null || entries === null) return findings;
  const reporter = reporterOn(yaml, findings);
  for (const at of unmatched) {
    const { match } = entries[at]!;
    const what = `overrides[${at}]: no endpoint is called ${formatMatch(match)}`;
    reporter.warning(
      ["overrides", at, "match"],
      "value",
      "CFG_OVERRIDE_UNMATCHED",
      what,
      nearest(match, names),
    );
  }
  for (const [at, { record }] of ignored) {
    const { owner } = names.records[record]!;
    const { match, state } = entries[at]!;
    const what = `overrides[${at}]: ${state} of ${formatMatch(match)} would leave ${owner} without any address, and is ignored`;
    reporter.warning(
      ["overrides", at],
      "value",
      "CFG_OVERRIDE_EMPTIES",
      what,
      "force: true, if that is meant",
    );
  }
  return findings;
}

/** What may have been meant by a match that nothing is called by. */
export function nearest(match: OverrideMatch, names: PolicyNames): string {
  const known =
    match.kind === "region"
      ? names.pools.flatMap(({ region }) => (region === null ? [] : [`region:${region}`]))
      : [
          ...names.pools.flatMap(({ zone, name }) => [`pool:${name}`, `pool:${zone}/${name}`]),
          ...names.endpoints.map(({ pool, name }) => `pool:${names.pools[pool]!.name}/${name}`),
        ];
  const distinct = [...new Set(known)];
  const alone = match.kind === "pool" && match.endpoint === null ? match.pool : null;
  const meant = distinct.filter((name) => alone !== null && name.split("/")[1] === alone);
  if (meant.length > 0) return `POOL/ENDPOINT, as ${listed(meant)}`;
  const near = isPlain(match) ? suggest(formatMatch(match), distinct) : undefined;
  const some = distinct.slice(0, MAX_LISTED).join(", ");
  return (
    near ??
    (some === ""
      ? "a pool or region of the zones"
      : `one of ${some}${distinct.length > MAX_LISTED ? ", ..." : ""}`)
  );
}

const MAX_LISTED = 8;
