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
import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY } from "./context.ts";
import {
  ENTRY_POOL_COUNT,
  ENTRY_POOLS,
  ENTRY_WEIGHT,
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
import { finishHash, mixWord, nextDie, nodeHash, scaleHash, TWO_32 } from "./dice.ts";
import {
  FIGURE_WEIGHT,
  FIGURE_WORDS,
  MEASURE_LOAD,
  MEASURE_RESPONSE_TIME,
  type Measure,
  noteFigures,
  noteLateness,
  priceCandidates,
  tiedPlace,
  tiedWeight,
} from "./load.ts";
import { noteArrival } from "./rendezvous.ts";
import { beginAttempts, FIRST_ATTEMPTS, putRest, takeRest } from "./rest.ts";

/**
 * The entry to try after `attempt` have failed: the one of the least cost, and among those that are as good as it drawn
 * in proportion to weight, with the dice between nodes. One of weight 0 only when nothing else is left. An index into
 * PolicyData.entries, or -1: all have been tried.
 */
export function leastEntry(context: DecideContext, node: number, measure: Measure, attempt: number): number {
  const { candidates, drawn, policy } = context;
  const at = node * NODE_WORDS;
  const first = policy.nodes[at + NODE_FIRST]!;
  if (attempt >= FIRST_ATTEMPTS && context.restCounts[node]! > 0) return takeRest(context, node, first);
  const count = gather(context, node, measure, attempt);
  if (count === 0) return -1;
  priceCandidates(context, count, measure, policy.nodes[at + NODE_PARTS]!);
  const seed = policy.nodes[at + NODE_SEED]!;
  const hash = nodeHash(context.ownerHash, context.client, context.clockS[0]!, seed, attempt);
  if (attempt >= FIRST_ATTEMPTS) {
    for (let place = 0; place < count; place++) {
      const entry = candidates[place]!;
      noteArrival(context.fractions, finishHash(mixWord(hash, entry - first)));
      noteLateness(context, place, measure);
      putRest(context, node, first, entry);
    }
    return takeRest(context, node, first);
  }
  const total = tiedWeight(context, 0, count, measure);
  const roll = scaleHash(hash, total);
  if (context.trace !== null) context.trace.draw(node, roll, total);
  const entry = candidates[tiedPlace(context, 0, count, roll)]!;
  drawn[entry] = 1;
  return entry;
}

/**
 * `p2c`: of two entries that free dice draw in proportion to weight, the less loaded one; the power of two choices
 * (Mitzenmacher, 2001). An index into PolicyData.entries, or -1: all have been tried.
 */
export function p2cEntry(context: DecideContext, node: number, attempt: number): number {
  const { candidateKeys, candidates, dice, drawn, figures, fractions } = context;
  const first = context.policy.nodes[node * NODE_WORDS + NODE_FIRST]!;
  if (attempt >= FIRST_ATTEMPTS && context.restCounts[node]! > 0) return takeRest(context, node, first);
  const count = gather(context, node, MEASURE_LOAD, attempt);
  if (count === 0) return -1;
  if (attempt >= FIRST_ATTEMPTS) {
    // By weight alone: what is less loaded makes no difference any more among so many that fail.
    for (let place = 0; place < count; place++) {
      noteArrival(fractions, nextDie(dice));
      fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]! / figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!;
      putRest(context, node, first, candidates[place]!);
    }
    return takeRest(context, node, first);
  }
  priceCandidates(context, count, MEASURE_LOAD, 0);
  let chosen = throwPlace(context, count, -1);
  if (count > 1) {
    let other = throwPlace(context, count, chosen);
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

/** A free throw among the candidates in proportion to weight, `without` left out. */
function throwPlace({ dice, figures }: DecideContext, count: number, without: number): number {
  let total = 0;
  for (let place = 0; place < count; place++)
    if (place !== without) total += figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!;
  let left = ((nextDie(dice) >>> 0) * total) / TWO_32;
  for (let place = 0; place < count; place++) {
    if (place === without) continue;
    left -= figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!;
    if (left < 0) return place;
  }
  return 0;
}

/**
 * Makes candidates of the entries that have not been tried, the best kind that there is: those with a weight go before
 * those of weight 0, and of each those with an endpoint up before those without, which will fail.
 */
export function gather(context: DecideContext, node: number, measure: Measure, attempt: number): number {
  const { nodes } = context.policy;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  if (attempt === 0) beginAttempts(context, node, first, end);
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
  const { candidates, drawn, figures, policy, rows } = context;
  let count = 0;
  for (let entry = first; entry < end; entry++) {
    if (drawn[entry] !== 0) continue;
    const weight = policy.entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]!;
    if ((weight === 0) !== isZero) continue;
    const pool = entryPool(policy, rows.pools, entry);
    if (pool >= 0 !== isUp) continue;
    candidates[count] = entry;
    figures[count * FIGURE_WORDS + FIGURE_WEIGHT] = isZero ? 1 : weight;
    notePool(context, count, measure, pool < 0 ? -1 : policy.pools[pool * POOL_WORDS + POOL_ROW]!);
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
function notePool(context: DecideContext, place: number, measure: Measure, row: number): void {
  if (row < 0) {
    noteFigures(context, place, measure, -1, 1, -1, -1);
    return;
  }
  const words = context.rows.pools;
  const at = row * POOL_ROW_WORDS;
  if (measure === MEASURE_RESPONSE_TIME) {
    noteFigures(context, place, measure, words[at + POOL_ROW_RESPONSE_US]!, 1, -1, -1);
  } else if (measure === MEASURE_LOAD) {
    noteFigures(context, place, measure, words[at + POOL_ROW_LOAD]!, 1, -1, -1);
  } else {
    const reporting = words[at + POOL_ROW_REPORTING]!;
    const connections = reporting > 0 ? words[at + POOL_ROW_CONNECTIONS]! : -1;
    const p99Us = words[at + POOL_ROW_P99_US]!;
    noteFigures(context, place, measure, connections, reporting, p99Us, words[at + POOL_ROW_ERRORS]!);
  }
}
