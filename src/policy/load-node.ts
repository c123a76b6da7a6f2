import {
  POOL_ROW_CONNECTIONS,
  POOL_ROW_ERRORS,
  POOL_ROW_LOAD,
  POOL_ROW_P99_US,
  POOL_ROW_REPORTING,
  POOL_ROW_RESPONSE_US,
  POOL_ROW_UP,
  POOL_ROW_WORDS,
} from "../health/rows.ts";
import type { DecideContext } from "./context.ts";
import {
  ENTRY_POOL_COUNT,
  ENTRY_POOLS,
  ENTRY_WORDS,
  NODE_COUNT,
  NODE_FIRST,
  NODE_PARTS,
  NODE_SEED,
  NODE_WORDS,
  POOL_ROW,
  POOL_WORDS,
  type PolicyData,
} from "./data.ts";
import { nodeHash, rollBelow, scaleHash } from "./dice.ts";
import {
  FIGURE_WORDS,
  MEASURE_CONNECTIONS,
  MEASURE_LOAD,
  MEASURE_RESPONSE_TIME,
  type Measure,
  noteFigures,
  priceCandidates,
  tiedPlace,
  tiedWeight,
} from "./load.ts";
import { entryWeight, weightUnit } from "./slice.ts";

/**
 * The entry to try after `attempt` have failed: the one of the least cost, and among those that are as good as it drawn
 * in proportion to weight, with the dice between nodes. One of weight 0 only when nothing else is left. An index into
 * PolicyData.entries, or -1: all have been tried.
 */
export function leastEntry(context: DecideContext, node: number, measure: Measure, attempt: number): number {
  const { candidates, drawn, policy } = context;
  const count = gather(context, node, measure, attempt);
  if (count === 0) return -1;
  const at = node * NODE_WORDS;
  priceCandidates(context, count, measure, policy.nodes[at + NODE_PARTS]!);
  const total = tiedWeight(context, 0, count, measure);
  const seed = policy.nodes[at + NODE_SEED]!;
  const hash = nodeHash(context.ownerHash, context.client, context.clockS[0]!, seed, attempt);
  const roll = scaleHash(hash, total);
  if (context.trace !== null) context.trace.draw(node, roll, total);
  const entry = candidates[tiedPlace(context, 0, count, measure, roll)]!;
  drawn[entry] = 1;
  return entry;
}

/**
 * `p2c`: of two entries that free dice draw in proportion to weight, the less loaded one; the power of two choices
 * (Mitzenmacher, 2001). An index into PolicyData.entries, or -1: all have been tried.
 */
export function p2cEntry(context: DecideContext, node: number, attempt: number): number {
  const { candidateKeys, candidates, dice, drawn, figures } = context;
  const count = gather(context, node, MEASURE_LOAD, attempt);
  if (count === 0) return -1;
  priceCandidates(context, count, MEASURE_LOAD, 0);
  let total = 0;
  for (let place = 0; place < count; place++) total += weightAt(figures, place);
  let chosen = placeOf(figures, count, -1, rollBelow(dice, total));
  if (count > 1) {
    const rest = total - weightAt(figures, chosen);
    let other = placeOf(figures, count, chosen, rollBelow(dice, rest));
    if (candidateKeys[other]! < candidateKeys[chosen]!) {
      const better = other;
      other = chosen;
      chosen = better;
    }
    if (context.trace !== null) context.trace.outdone(candidates[other]!);
  }
  const entry = candidates[chosen]!;
  drawn[entry] = 1;
  return entry;
}

function weightAt(figures: Float64Array, place: number): number {
  return figures[place * FIGURE_WORDS + FIGURE_WORDS - 1]!;
}

/** The candidate in whose share of the weights `roll` falls, `without` left out. */
function placeOf(figures: Float64Array, count: number, without: number, roll: number): number {
  let left = roll;
  for (let place = 0; place < count; place++) {
    if (place === without) continue;
    left -= weightAt(figures, place);
    if (left < 0) return place;
  }
  return 0;
}

/**
 * Makes candidates of the entries that have not been tried, the best kind that there is: those with a weight go before
 * those of weight 0, and of each those with an endpoint up before those without, which will fail.
 */
function gather(context: DecideContext, node: number, measure: Measure, attempt: number): number {
  const { nodes } = context.policy;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  if (attempt === 0) context.drawn.fill(0, first, end);
  return (
    gatherKind(context, first, end, measure, false, true) ||
    gatherKind(context, first, end, measure, false, false) ||
    gatherKind(context, first, end, measure, true, true) ||
    gatherKind(context, first, end, measure, true, false)
  );
}

function gatherKind(
  context: DecideContext,
  first: number,
  end: number,
  measure: Measure,
  isZero: boolean,
  isUp: boolean,
): number {
  const { candidates, drawn, policy, rows } = context;
  // `p2c` draws by weight times scale; what compares leaves to slices who is left alone.
  const unit = measure === MEASURE_LOAD ? weightUnit(context, first, end) : 1;
  let count = 0;
  for (let entry = first; entry < end; entry++) {
    if (drawn[entry] !== 0) continue;
    const weight = entryWeight(context, entry, unit);
    if ((weight === 0) !== isZero) continue;
    const pool = entryPool(policy, rows.pools, entry);
    if (pool >= 0 !== isUp) continue;
    const row = pool < 0 ? -1 : policy.pools[pool * POOL_WORDS + POOL_ROW]!;
    candidates[count] = entry;
    notePool(context, count, measure, isZero ? 1 : weight, row);
    count++;
  }
  return count;
}

/** The first pool of an entry that has an endpoint up, whose figures stand for it; -1: none has. */
export function entryPool(policy: PolicyData, rows: Int32Array, entry: number): number {
  const first = policy.entries[entry * ENTRY_WORDS + ENTRY_POOLS]!;
  const end = first + policy.entries[entry * ENTRY_WORDS + ENTRY_POOL_COUNT]!;
  for (let i = first; i < end; i++) {
    const pool = policy.entryPools[i]!;
    const row = policy.pools[pool * POOL_WORDS + POOL_ROW]!;
    if (row < 0 || rows[row * POOL_ROW_WORDS + POOL_ROW_UP]! > 0) return pool;
  }
  return -1;
}

/** Notes what a pool's row says; -1: nothing is known of it. */
function notePool(
  context: DecideContext,
  place: number,
  measure: Measure,
  weight: number,
  row: number,
): void {
  if (row < 0) {
    noteFigures(context, place, measure, weight, -1, -1, -1);
    return;
  }
  const words = context.rows.pools;
  const at = row * POOL_ROW_WORDS;
  if (measure === MEASURE_RESPONSE_TIME) {
    noteFigures(context, place, measure, weight, words[at + POOL_ROW_RESPONSE_US]!, -1, -1);
  } else if (measure === MEASURE_LOAD) {
    noteFigures(context, place, measure, weight, words[at + POOL_ROW_LOAD]!, -1, -1);
  } else {
    const reporting = words[at + POOL_ROW_REPORTING]!;
    const connections = reporting > 0 ? words[at + POOL_ROW_CONNECTIONS]! / reporting : -1;
    if (measure === MEASURE_CONNECTIONS) noteFigures(context, place, measure, weight, connections, -1, -1);
    else {
      const p99Us = words[at + POOL_ROW_P99_US]!;
      noteFigures(context, place, measure, weight, connections, p99Us, words[at + POOL_ROW_ERRORS]!);
    }
  }
}
