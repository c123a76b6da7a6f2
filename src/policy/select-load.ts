import { SCALE_ONE } from "../health/ramp.ts";
import {
  ENDPOINT_ROW_WORDS,
  POOL_ROW_LOAD,
  POOL_ROW_WORDS,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_LOAD,
  ROW_P99_US,
  ROW_RESPONSE_US,
} from "../health/rows.ts";
import { keepLeast } from "./candidates.ts";
import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY, MAX_CANDIDATES } from "./context.ts";
import {
  ADDRESS_ROW,
  ADDRESS_WORDS,
  ENDPOINT_WEIGHT,
  ENDPOINT_WORDS,
  PASS_ALL,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_PARTS,
  POOL_ROW,
  POOL_STRICT,
  POOL_WEIGHT_TOTAL,
  POOL_WORDS,
} from "./data.ts";
import { nextDie, rollBelow } from "./dice.ts";
import { appendEndpoint, scaleFrom } from "./endpoint.ts";
import {
  FIGURE_WEIGHT,
  FIGURE_WORDS,
  MEASURE_ADAPTIVE,
  MEASURE_CONNECTIONS,
  MEASURE_LOAD,
  MEASURE_RESPONSE_TIME,
  type Measure,
  noteFigures,
  priceCandidates,
  tiedPlace,
  tiedWeight,
} from "./load.ts";
import { noteArrival } from "./rendezvous.ts";
import { endpointAt, isApart, MAX_THROWS, selectWeighted } from "./select.ts";
import { beginSlices, endpointTakes } from "./slice.ts";
import { ANY_NEIGHBOURS, appendSpread } from "./subnet.ts";

/**
 * Every endpoint of a pool of at most this many is compared, about a microsecond. Of a larger one SAMPLE for each address
 * that is wanted: the best of 16 is on average among the best 6%, and a pool of 10,000 costs no more.
 */
export const MOST_COMPARED = 64;
const SAMPLE = 16;

/** How much is demanded of an endpoint: a weight, and the client in the slice of its row's scale; a weight at all; nothing. */
const DEMAND_SCALED = 0;
const DEMAND_WEIGHT = 1;
const DEMAND_NOTHING = 2;

/**
 * `select: least_response_time`, `least_connections` and `adaptive`: the endpoints of the least cost; free dice draw
 * among those that are as good as the best, in proportion to weight. Of several addresses those of different subnets
 * come first. One that the health row scales down leaves alone the clients outside its slice.
 */
export function selectLeast(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
  measure: Measure,
): void {
  // What was measured of endpoints that are all down says nothing of now.
  if (pass === PASS_ALL) {
    selectWeighted(context, pool, pass, limit);
    return;
  }
  const { pools } = context.policy;
  const at = pool * POOL_WORDS;
  const base = context.pickedCount;
  const endpoints = pools[at + POOL_ENDPOINT_COUNT]!;
  const wanted = limit - base;
  beginSlices(context);
  let count = 0;
  if (endpoints <= MOST_COMPARED) {
    count =
      gatherAll(context, pool, pass, DEMAND_SCALED) ||
      gatherAll(context, pool, pass, DEMAND_WEIGHT) ||
      gatherAll(context, pool, pass, DEMAND_NOTHING);
  } else {
    const most = wanted * SAMPLE < MOST_COMPARED ? wanted * SAMPLE : MOST_COMPARED;
    count = throwFor(context, pool, pass, most, false);
    if (count < wanted) count = scan(context, pool, pass, most, false);
  }
  noteCandidates(context, pool, pass, count, measure);
  priceCandidates(context, count, measure, pools[at + POOL_PARTS]!);
  const apart = wanted > 1 && isApart(context, pool);
  const ordered = apart || count < wanted ? count : wanted;
  for (let place = 0; place < ordered; place++) moveBest(context, place, count, measure);
  const strict = pools[at + POOL_STRICT]!;
  appendSpread(context, ordered, strict, pass, base, limit, apart ? 0 : ANY_NEIGHBOURS);
}

/** Puts one of the best candidates from `place` on at `place`. */
function moveBest(context: DecideContext, place: number, count: number, measure: Measure): void {
  const { candidateKeys, candidates, dice, figures } = context;
  const total = tiedWeight(context, place, count, measure);
  const best = tiedPlace(context, place, count, rollBelow(dice, total));
  const endpoint = candidates[best]!;
  candidates[best] = candidates[place]!;
  candidates[place] = endpoint;
  candidateKeys[best] = candidateKeys[place]!;
  figures[best * FIGURE_WORDS + FIGURE_WEIGHT] = figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!;
}

/**
 * `select: p2c`: of two endpoints that free dice draw in proportion to weight, the less loaded one; for several addresses
 * of as many pairs. One that the health row scales down leaves alone the clients outside its slice: as a weight the scale
 * would not matter where both of a pair are always the same.
 */
export function selectP2c(context: DecideContext, pool: number, pass: number, limit: number): void {
  if (pass === PASS_ALL) {
    selectWeighted(context, pool, pass, limit);
    return;
  }
  const { candidates, figures, policy, rows } = context;
  const at = pool * POOL_WORDS;
  const base = context.pickedCount;
  const most = 2 * (limit - base);
  beginSlices(context);
  let count = 0;
  if (policy.pools[at + POOL_ENDPOINT_COUNT]! > most) count = throwFor(context, pool, pass, most, true);
  if (count < most) count = scan(context, pool, pass, most, true);
  noteCandidates(context, pool, pass, count, MEASURE_LOAD);
  const row = policy.pools[at + POOL_ROW]!;
  // Who reports no load counts with the mean of the pool; where nobody does, there is none, and none is less.
  const mean = row < 0 ? -1 : rows.pools[row * POOL_ROW_WORDS + POOL_ROW_LOAD]!;
  const unknown = mean < 0 ? Number.NaN : mean;
  const pairs = (count + 1) >> 1;
  // Winners first, then those that they have outdone. The first figure of a candidate is read before it is overwritten.
  for (let pair = 0; pair < pairs; pair++) {
    const first = 2 * pair;
    const second = first + 1 < count ? first + 1 : first;
    const load = figures[first * FIGURE_WORDS]!;
    const other = figures[second * FIGURE_WORDS]!;
    const isBetter = (Number.isNaN(other) ? unknown : other) < (Number.isNaN(load) ? unknown : load);
    figures[first * FIGURE_WORDS + 1] = candidates[isBetter ? second : first]!;
    figures[second * FIGURE_WORDS + 2] = candidates[isBetter ? first : second]!;
  }
  for (let pair = 0; pair < pairs; pair++) candidates[pair] = figures[2 * pair * FIGURE_WORDS + 1]!;
  for (let place = pairs; place < count; place++) {
    candidates[place] = figures[(2 * (place - pairs) + 1) * FIGURE_WORDS + 2]!;
  }
  const apart = limit - base > 1 && isApart(context, pool);
  const strict = policy.pools[at + POOL_STRICT]!;
  appendSpread(context, count, strict, pass, base, limit, apart ? 0 : ANY_NEIGHBOURS);
}

/** True when an endpoint has an address to answer and meets the demand. Leaves `picked` as it was. */
function isCandidate(
  context: DecideContext,
  endpoint: number,
  strict: number,
  pass: number,
  demand: number,
): boolean {
  if (demand < DEMAND_NOTHING && context.policy.endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT] === 0)
    return false;
  const base = context.pickedCount;
  if (appendEndpoint(context, endpoint, strict, pass, MAX_CANDIDATES) === 0) return false;
  const scale = scaleFrom(context, base);
  context.pickedCount = base;
  if (scale === SCALE_ONE || demand === DEMAND_NOTHING) return true;
  return demand === DEMAND_WEIGHT ? scale > 0 : endpointTakes(context, endpoint, scale);
}

function gatherAll(context: DecideContext, pool: number, pass: number, demand: number): number {
  const { candidates, policy } = context;
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const end = first + policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  let count = 0;
  for (let endpoint = first; endpoint < end; endpoint++) {
    if (isCandidate(context, endpoint, strict, pass, demand)) candidates[count++] = endpoint;
  }
  return count;
}

/** Throws for up to `most` different endpoints, in proportion to weight or evenly. Returns how many were hit. */
function throwFor(
  context: DecideContext,
  pool: number,
  pass: number,
  most: number,
  byWeight: boolean,
): number {
  const { candidates, dice, policy } = context;
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const endpoints = policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  const total = policy.pools[pool * POOL_WORDS + POOL_WEIGHT_TOTAL]!;
  if (byWeight && total === 0) return 0;
  let count = 0;
  for (let left = MAX_THROWS + 2 * most; left > 0 && count < most; left--) {
    const endpoint = byWeight
      ? endpointAt(policy, pool, rollBelow(dice, total))
      : first + rollBelow(dice, endpoints);
    let place = 0;
    while (place < count && candidates[place] !== endpoint) place++;
    if (place === count && isCandidate(context, endpoint, strict, pass, DEMAND_SCALED))
      candidates[count++] = endpoint;
  }
  return count;
}

/**
 * One look at every endpoint, for small pools and for those of which hardly any is up: a weighted or an even choice
 * without replacement, as weighAll of select.ts has it. What leaves this client alone only when nothing else is there, and
 * what weighs nothing after that.
 */
function scan(context: DecideContext, pool: number, pass: number, most: number, byWeight: boolean): number {
  return (
    scanFor(context, pool, pass, most, byWeight, DEMAND_SCALED) ||
    scanFor(context, pool, pass, most, byWeight, DEMAND_WEIGHT) ||
    scanFor(context, pool, pass, most, false, DEMAND_NOTHING)
  );
}

function scanFor(
  context: DecideContext,
  pool: number,
  pass: number,
  most: number,
  byWeight: boolean,
  demand: number,
): number {
  const { dice, fractions, policy } = context;
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const end = first + policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  let count = 0;
  for (let endpoint = first; endpoint < end; endpoint++) {
    if (!isCandidate(context, endpoint, strict, pass, demand)) continue;
    const rate = byWeight ? policy.endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]! : 1;
    noteArrival(fractions, nextDie(dice));
    fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]! / rate;
    count = keepLeast(context, endpoint, count, most);
  }
  return count;
}

/** Notes the figures of the candidates, of all their addresses that are up. */
export function noteCandidates(
  context: DecideContext,
  pool: number,
  pass: number,
  count: number,
  measure: Measure,
): void {
  const { candidates, policy } = context;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  for (let place = 0; place < count; place++) {
    const endpoint = candidates[place]!;
    const base = context.pickedCount;
    appendEndpoint(context, endpoint, strict, pass, MAX_CANDIDATES);
    const weight = policy.endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!;
    context.figures[place * FIGURE_WORDS + FIGURE_WEIGHT] = weight === 0 ? 1 : weight;
    noteEndpoint(context, place, measure, base);
    context.pickedCount = base;
  }
}

/** Notes the worst figures of the addresses in `picked` from `base` on. */
function noteEndpoint(context: DecideContext, place: number, measure: Measure, base: number): void {
  if (measure === MEASURE_ADAPTIVE) {
    const connections = worstOf(context, base, ROW_CONNECTIONS);
    const p99Us = worstOf(context, base, ROW_P99_US);
    noteFigures(context, place, measure, connections, 1, p99Us, worstOf(context, base, ROW_ERRORS));
    return;
  }
  const word =
    measure === MEASURE_RESPONSE_TIME
      ? ROW_RESPONSE_US
      : measure === MEASURE_CONNECTIONS
        ? ROW_CONNECTIONS
        : ROW_LOAD;
  noteFigures(context, place, measure, worstOf(context, base, word), 1, -1, -1);
}

/** Of a host's addresses the worst figure counts; -1: none has one. */
function worstOf({ picked, pickedCount, policy, rows }: DecideContext, base: number, word: number): number {
  let worst = -1;
  for (let i = base; i < pickedCount; i++) {
    const row = policy.addresses[picked[i]! * ADDRESS_WORDS + ADDRESS_ROW]!;
    const figure = row < 0 ? -1 : rows.endpoints[row * ENDPOINT_ROW_WORDS + word]!;
    if (figure > worst) worst = figure;
  }
  return worst;
}
