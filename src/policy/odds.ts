import { CHAIN_ENTRY_MASK, CHAIN_TIED } from "../geo/table.ts";
import { SCALE_ONE } from "../health/ramp.ts";
import { POOL_ROW_FAILED, POOL_ROW_UP, POOL_ROW_WORDS } from "../health/rows.ts";
import { MAX_ADDRESSES } from "../wire/answer.ts";
import { type DecideContext, MAX_CANDIDATES } from "./context.ts";
import {
  ENDPOINT_WEIGHT,
  ENDPOINT_WORDS,
  ENTRY_NODE,
  ENTRY_WEIGHT,
  ENTRY_WORDS,
  LAST_RESORT_NONE,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_LATENCY,
  NODE_KIND_POOL,
  NODE_KIND_ROUND_ROBIN,
  NODE_KIND_WEIGHTED,
  NODE_LAST_RESORT,
  NODE_TABLE,
  NODE_WORDS,
  PASS_ALL,
  PASS_NORMAL,
  PASS_ONE_UP,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_MAX_ANSWERS,
  POOL_ROW,
  POOL_SELECT,
  POOL_STRICT,
  POOL_WORDS,
  SELECT_ADAPTIVE,
  SELECT_ALL,
  SELECT_LEAST_CONNECTIONS,
  SELECT_LEAST_RESPONSE_TIME,
  SELECT_P2C,
  SELECT_ROUND_ROBIN,
  SELECT_SMOOTH_ROUND_ROBIN,
  SELECT_WEIGHTED,
} from "./data.ts";
import { appendEndpoint, isEndpointEligible, scaleFrom } from "./endpoint.ts";
import type { Odds } from "./explanation.ts";
import { pickPool } from "./pool.ts";
import { isApart } from "./select.ts";
import { weighEntries } from "./slice.ts";

/**
 * How likely each alternative was, for explain: computed from the weights of what is up where that is exact, otherwise
 * counted in draws of the decision's own code. Off the query path; allocates.
 */

/** Odds of a pool's addresses by index into PolicyData.addresses. */
export interface PoolOdds {
  /** Draws that they were counted in; null: they are exact. */
  draws: number | null;
  byAddress: ReadonlyMap<number, Odds>;
}

/** Of entries, whether a walk in this pass finds nothing to answer: what `branch` would return, without dice. */
function failuresIn(context: DecideContext, pass: number): (entry: number) => boolean {
  const { entries, nodes } = context.policy;
  /** By node: many entries may share one. */
  const known = new Map<number, boolean>();
  const nodeFails = (node: number): boolean => {
    const at = node * NODE_WORDS;
    if (nodes[at + NODE_LAST_RESORT] !== LAST_RESORT_NONE) return false;
    if (nodes[at + NODE_KIND] === NODE_KIND_POOL) return poolFails(context, nodes[at + NODE_FIRST]!, pass);
    return entriesInReach(context, node).every(entryFails);
  };
  const entryFails = (entry: number): boolean => {
    const node = entries[entry * ENTRY_WORDS + ENTRY_NODE]!;
    const fails = known.get(node) ?? nodeFails(node);
    known.set(node, fails);
    return fails;
  };
  return entryFails;
}

/** The node's entries; where a table orders them, those that this client's chain has. */
export function entriesInReach(context: DecideContext, node: number): number[] {
  const { nodes } = context.policy;
  const at = node * NODE_WORDS;
  const first = nodes[at + NODE_FIRST]!;
  if (nodes[at + NODE_TABLE]! >= 0)
    return chainWords(context, node).map((word) => first + (word & CHAIN_ENTRY_MASK));
  return Array.from({ length: nodes[at + NODE_COUNT]! }, (_, i) => first + i);
}

function chainWords({ classes, policy, tables }: DecideContext, node: number): number[] {
  const start = classes[policy.nodes[node * NODE_WORDS + NODE_TABLE]!]!;
  return Array.from(tables.chains.subarray(start + 1, start + 1 + tables.chains[start]!));
}

export function poolFails(context: DecideContext, pool: number, pass: number): boolean {
  const { pools } = context.policy;
  const at = pool * POOL_WORDS;
  const row = pools[at + POOL_ROW]!;
  if (row >= 0) {
    const words = context.rows.pools;
    if (pass === PASS_NORMAL && words[row * POOL_ROW_WORDS + POOL_ROW_FAILED] !== 0) return true;
    if (pass === PASS_ONE_UP && words[row * POOL_ROW_WORDS + POOL_ROW_UP] === 0) return true;
  }
  const first = pools[at + POOL_FIRST_ENDPOINT]!;
  const end = first + pools[at + POOL_ENDPOINT_COUNT]!;
  for (let endpoint = first; endpoint < end; endpoint++) {
    if (isEndpointEligible(context, endpoint, pools[at + POOL_STRICT]!, pass)) return false;
  }
  return true;
}

/** The odds of a node's entries, for this client and this health, where dice or turns decide between them; else null. */
export function entryOdds(
  context: DecideContext,
  node: number,
  pass: number,
): ReadonlyMap<number, Odds> | null {
  const kind = context.policy.nodes[node * NODE_WORDS + NODE_KIND]!;
  if (kind === NODE_KIND_LATENCY) return tiedOdds(context, node, pass);
  if (kind !== NODE_KIND_WEIGHTED && kind !== NODE_KIND_ROUND_ROBIN) return null;
  const { entries, nodes } = context.policy;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  weighEntries(context, first, first + nodes[node * NODE_WORDS + NODE_COUNT]!);
  const fails = failuresIn(context, pass);
  const weigh = (entry: number): number =>
    pass === PASS_NORMAL
      ? Math.round(context.entryWeights[entry]! * 100) / 100
      : entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]!;
  const weights = new Map(
    entriesInReach(context, node).map((entry) => [entry, fails(entry) ? null : weigh(entry)]),
  );
  return sharesOf(weights);
}

/** Each one's part of the sum; null takes no part. When nothing weighs anything, all that take part are alike. */
function sharesOf(weights: ReadonlyMap<number, number | null>): Map<number, Odds> {
  let sum = 0;
  let present = 0;
  for (const weight of weights.values()) {
    if (weight === null) continue;
    sum += weight;
    present++;
  }
  const shares = new Map<number, Odds>();
  for (const [key, weight] of weights) {
    const part = weight === null ? 0 : sum === 0 ? 1 : weight;
    const of = sum === 0 ? present : sum;
    shares.set(key, { chance: of === 0 ? 0 : part / of, part, of });
  }
  return shares;
}

/** `latency`: of the nearest group that is tied, those that have not failed are alike. */
function tiedOdds(context: DecideContext, node: number, pass: number): ReadonlyMap<number, Odds> | null {
  const first = context.policy.nodes[node * NODE_WORDS + NODE_FIRST]!;
  const groups: number[][] = [];
  for (const word of chainWords(context, node)) {
    const entry = first + (word & CHAIN_ENTRY_MASK);
    if ((word & CHAIN_TIED) !== 0) groups.at(-1)!.push(entry);
    else groups.push([entry]);
  }
  const fails = failuresIn(context, pass);
  const group = groups.find((entries) => !entries.every((entry) => fails(entry)));
  if (group === undefined || group.length === 1) return null;
  return sharesOf(new Map(group.map((entry) => [entry, fails(entry) ? null : 1])));
}

/** An endpoint that can be picked: its eligible addresses of the asked family, and what it weighs now. */
interface Eligible {
  addresses: number[];
  configured: number;
  /** Configured weight times the health row's scale. */
  weight: number;
}

/** The odds of a pool's addresses where dice or turns pick among them; null: they do not. */
export function poolOdds(context: DecideContext, pool: number, pass: number): PoolOdds | null {
  const { pools } = context.policy;
  const at = pool * POOL_WORDS;
  const select = pools[at + POOL_SELECT]!;
  const eligible = eligibleOf(scratchOf(context), pool, pass);
  const limit = Math.min(pools[at + POOL_MAX_ANSWERS]!, MAX_ADDRESSES);
  const addressCount = eligible.reduce((sum, { addresses }) => sum + addresses.length, 0);
  if (addressCount <= 1 || (limit > 1 && addressCount <= limit)) return null;
  const exact = limit === 1 ? oneOdds(eligible, select) : windowOdds(context, pool, eligible, select, limit);
  if (exact !== null) return { draws: null, byAddress: exact };
  return isDiced(select) ? countedOdds(context, pool, pass) : null;
}

function isDiced(select: number): boolean {
  return (
    select === SELECT_ALL ||
    select === SELECT_WEIGHTED ||
    select === SELECT_ROUND_ROBIN ||
    select === SELECT_SMOOTH_ROUND_ROBIN ||
    select === SELECT_LEAST_RESPONSE_TIME ||
    select === SELECT_LEAST_CONNECTIONS ||
    select === SELECT_P2C ||
    select === SELECT_ADAPTIVE
  );
}

/** One address is answered: an endpoint by its weight now, and any of its addresses. Null: not that simple. */
function oneOdds(eligible: Eligible[], select: number): Map<number, Odds> | null {
  const isScaled = eligible.some(({ configured, weight }) => configured !== weight);
  if (select === SELECT_WEIGHTED || select === SELECT_SMOOTH_ROUND_ROBIN)
    return spread(eligible, ({ weight }) => weight);
  if (isScaled) return null;
  if (select === SELECT_ALL) return spread(eligible, ({ configured }) => Math.min(configured, 1));
  return select === SELECT_ROUND_ROBIN ? spread(eligible, () => 1) : null;
}

function spread(eligible: Eligible[], weigh: (endpoint: Eligible) => number): Map<number, Odds> {
  const shares = sharesOf(new Map(eligible.map((endpoint, i) => [i, weigh(endpoint)])));
  const odds = new Map<number, Odds>();
  eligible.forEach(({ addresses }, i) => {
    const { chance, part, of } = shares.get(i)!;
    for (const address of addresses) odds.set(address, { chance: chance / addresses.length, part, of });
  });
  return odds;
}

/** `select: all` in one subnet: every window of neighbours is as likely as every other. */
function windowOdds(
  context: DecideContext,
  pool: number,
  eligible: Eligible[],
  select: number,
  limit: number,
): Map<number, Odds> | null {
  if (select !== SELECT_ALL || isApart(context, pool)) return null;
  if (eligible.some(({ configured, weight }) => configured !== weight)) return null;
  const weighty = eligible.filter(({ configured }) => configured > 0);
  const competing = weighty.length > 0 ? weighty : eligible;
  if (eligible.some(({ addresses }) => addresses.length > 1)) return null;
  const part = Math.min(limit, competing.length);
  const odds = { chance: part / competing.length, part, of: competing.length };
  const none = { chance: 0, part: 0, of: competing.length };
  return new Map(
    eligible.map((endpoint) => [endpoint.addresses[0]!, competing.includes(endpoint) ? odds : none]),
  );
}

/** Draws that give a percentage to about one point, and that a pool of 10,000 endpoints stays below a second with. */
const MOST_DRAWS = 10_000;
const MOST_LOOKS = 5_000_000;

/** Picks again and again, with dice and turns of its own. */
function countedOdds(context: DecideContext, pool: number, pass: number): PoolOdds {
  const scratch = scratchOf(context);
  const endpointCount = context.policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const draws = Math.min(MOST_DRAWS, Math.ceil(MOST_LOOKS / endpointCount));
  const hits = new Map<number, number>();
  for (const { addresses } of eligibleOf(scratch, pool, pass))
    for (const address of addresses) hits.set(address, 0);
  for (let draw = 0; draw < draws; draw++) {
    scratch.pickedCount = 0;
    pickPool(scratch, pool, pass);
    for (const address of scratch.picked.subarray(0, scratch.pickedCount))
      hits.set(address, (hits.get(address) ?? 0) + 1);
  }
  const odds = new Map<number, Odds>();
  for (const [address, part] of hits) odds.set(address, { chance: part / draws, part, of: draws });
  return { draws, byAddress: odds };
}

function eligibleOf(scratch: DecideContext, pool: number, pass: number): Eligible[] {
  const { endpoints, pools } = scratch.policy;
  const at = pool * POOL_WORDS;
  const first = pools[at + POOL_FIRST_ENDPOINT]!;
  const eligible: Eligible[] = [];
  for (let endpoint = first; endpoint < first + pools[at + POOL_ENDPOINT_COUNT]!; endpoint++) {
    scratch.pickedCount = 0;
    if (appendEndpoint(scratch, endpoint, pools[at + POOL_STRICT]!, pass, MAX_CANDIDATES) === 0) continue;
    const configured = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!;
    const scale = pass === PASS_ALL ? SCALE_ONE : scaleFrom(scratch, 0);
    const weight = (configured * scale) / SCALE_ONE;
    eligible.push({ addresses: [...scratch.picked.subarray(0, scratch.pickedCount)], configured, weight });
  }
  return eligible;
}

/** The same decision with dice, turns and room of its own, so that nothing of what was decided changes. */
function scratchOf(context: DecideContext): DecideContext {
  return {
    ...context,
    dice: Int32Array.of(0x2545f491),
    endpointTurns: context.endpointTurns.slice(),
    poolTurns: context.poolTurns.slice(),
    picked: new Int32Array(MAX_CANDIDATES),
    pickedCount: 0,
    rounds: new Int32Array(MAX_CANDIDATES),
    candidates: new Int32Array(MAX_CANDIDATES),
    candidateKeys: new Float64Array(MAX_CANDIDATES),
    trace: null,
  };
}
