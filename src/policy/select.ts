import { SCALE_ONE } from "../health/ramp.ts";
import { keepLeast } from "./candidates.ts";
import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY, MAX_CANDIDATES } from "./context.ts";
import {
  ADDRESS_FAMILY,
  ADDRESS_WORDS,
  ENDPOINT_ADDRESS_COUNT,
  ENDPOINT_FIRST_ADDRESS,
  ENDPOINT_WEIGHT,
  ENDPOINT_WEIGHT_SUM,
  ENDPOINT_WORDS,
  PASS_ALL,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ADDRESS,
  POOL_FIRST_ENDPOINT,
  POOL_HAS_ZERO_WEIGHT,
  POOL_IPV4_APART,
  POOL_IPV4_COUNT,
  POOL_IPV6_APART,
  POOL_IPV6_COUNT,
  POOL_STRICT,
  POOL_WEIGHT_TOTAL,
  POOL_WORDS,
  type PolicyData,
} from "./data.ts";
import { nextDie, rollBelow } from "./dice.ts";
import { appendEndpoint, isEligible, scaleFrom } from "./endpoint.ts";
import { noteArrival } from "./rendezvous.ts";
import { beginSlices, isUneven } from "./slice.ts";
import { ANY_NEIGHBOURS, appendApart, appendSpread } from "./subnet.ts";

/**
 * Blind throws before all endpoints are looked at. A pool half of which is down misses 16 times in a row once in 65,536
 * decisions; a pool of 10,000 endpoints costs a few throws instead of 10,000 reads.
 */
export const MAX_THROWS = 16;

/**
 * `select: all`: the endpoints from a random one on, until `limit` addresses are there. Where there are more, those of
 * different subnets come first; in a pool of one subnet every window of neighbours is as likely as every other. An
 * endpoint of weight 0 only when there is no other, and one that leaves this client alone neither.
 */
export function selectAll(context: DecideContext, pool: number, pass: number, limit: number): void {
  const { pools } = context.policy;
  const at = pool * POOL_WORDS;
  const base = context.pickedCount;
  const familyCount = pools[at + (context.family === 4 ? POOL_IPV4_COUNT : POOL_IPV6_COUNT)]!;
  const hasZeroWeight = pools[at + POOL_HAS_ZERO_WEIGHT]!;
  if (pass !== PASS_ALL && isUneven(context, pool)) {
    beginSlices(context);
    context.slicing = 1;
    selectWindow(context, pool, pass, limit, 1);
    context.slicing = 0;
    if (context.pickedCount > base) return;
  }
  if (familyCount <= limit - base && hasZeroWeight === 0 && pools[at + POOL_STRICT] === 0) {
    takeAll(context, pool, pass);
    return;
  }
  selectWindow(context, pool, pass, limit, 1);
  if (context.pickedCount === base && hasZeroWeight !== 0) selectWindow(context, pool, pass, limit, 0);
}

/** Every eligible address of a pool in which nothing depends on the endpoints, rotated. */
function takeAll(context: DecideContext, pool: number, pass: number): void {
  const { candidates, family, picked, policy, rows } = context;
  const at = pool * POOL_WORDS;
  const first = policy.pools[at + POOL_FIRST_ADDRESS]!;
  const end = first + policy.pools[at + POOL_IPV4_COUNT]! + policy.pools[at + POOL_IPV6_COUNT]!;
  let count = 0;
  for (let address = first; address < end; address++) {
    if (policy.addresses[address * ADDRESS_WORDS + ADDRESS_FAMILY]! !== family) continue;
    if (isEligible(policy, rows, address, pass)) candidates[count++] = address;
  }
  const base = context.pickedCount;
  let from = count > 1 ? rollBelow(context.dice, count) : 0;
  for (let i = 0; i < count; i++) {
    picked[base + i] = candidates[from]!;
    from = from + 1 < count ? from + 1 : 0;
  }
  context.pickedCount = base + count;
}

function selectWindow(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
  minWeight: number,
): void {
  const base = context.pickedCount;
  const start = startWindow(context, pool, pass, limit, minWeight);
  if (start >= 0) fillFrom(context, pool, pass, base, limit, start, minWeight);
}

/**
 * Appends endpoints besides the one at place `start`, already appended at `base`, until `limit` addresses are there: in
 * a pool of one subnet those that follow it, else any, those of different subnets first. Endpoints that weigh less than
 * `minWeight` are left out.
 */
export function fillFrom(
  context: DecideContext,
  pool: number,
  pass: number,
  base: number,
  limit: number,
  start: number,
  minWeight: number,
): void {
  if (context.pickedCount >= limit) return;
  if (isApart(context, pool)) fillApart(context, pool, pass, base, limit, start, minWeight);
  if (context.pickedCount < limit) fillInOrder(context, pool, pass, base, limit, start, minWeight);
}

function fillInOrder(
  context: DecideContext,
  pool: number,
  pass: number,
  base: number,
  limit: number,
  start: number,
  minWeight: number,
): void {
  const { endpoints, pools } = context.policy;
  const first = pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const count = pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = pools[pool * POOL_WORDS + POOL_STRICT]!;
  for (let i = 1; i < count && context.pickedCount < limit; i++) {
    const endpoint = first + (start + i < count ? start + i : start + i - count);
    if (endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]! < minWeight) continue;
    const before = context.pickedCount;
    if (appendEndpoint(context, endpoint, strict, pass, limit) === 0) continue;
    if (isPicked(context, endpoint, base, before)) context.pickedCount = before;
  }
}

/** As fillFrom; of pools that have more than MAX_CANDIDATES endpoints it looks at the neighbours of the first only. */
function fillApart(
  context: DecideContext,
  pool: number,
  pass: number,
  base: number,
  limit: number,
  start: number,
  minWeight: number,
): void {
  const { candidates, dice, policy } = context;
  const { endpoints, pools } = policy;
  const first = pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const count = pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = pools[pool * POOL_WORDS + POOL_STRICT]!;
  if (count > MAX_CANDIDATES) throwApart(context, pool, pass, base, limit, minWeight);
  if (context.pickedCount >= limit) return;
  const most = count > MAX_CANDIDATES ? MAX_CANDIDATES : count - 1;
  for (let i = 0; i < most; i++) {
    candidates[i] = first + (start + 1 + i < count ? start + 1 + i : start + 1 + i - count);
  }
  let waiting = 0;
  for (let i = 0; i < most && context.pickedCount < limit; i++) {
    // A shuffle (Durstenfeld, Algorithm 235, 1964) as far as it is needed.
    const drawn = i + rollBelow(dice, most - i);
    const endpoint = candidates[drawn]!;
    candidates[drawn] = candidates[i]!;
    if (endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]! < minWeight) continue;
    if (isPicked(context, endpoint, base, context.pickedCount)) continue;
    if (appendApart(context, endpoint, strict, pass, base, limit, 0)) continue;
    candidates[waiting++] = endpoint;
  }
  appendSpread(context, waiting, strict, pass, base, limit, 1);
}

/** Throws at a pool too large to look at all of it, and takes what lies in no subnet that is there already. */
function throwApart(
  context: DecideContext,
  pool: number,
  pass: number,
  base: number,
  limit: number,
  minWeight: number,
): void {
  const { dice, policy } = context;
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const count = policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  for (let left = MAX_THROWS * (limit - base); left > 0 && context.pickedCount < limit; left--) {
    const endpoint = first + rollBelow(dice, count);
    if (policy.endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]! < minWeight) continue;
    if (isPicked(context, endpoint, base, context.pickedCount)) continue;
    appendApart(context, endpoint, strict, pass, base, limit, 0);
  }
}

/** True when the pool's addresses of the asked family lie in more than one subnet. */
export function isApart({ family, policy }: DecideContext, pool: number): boolean {
  return policy.pools[pool * POOL_WORDS + (family === 4 ? POOL_IPV4_APART : POOL_IPV6_APART)] !== 0;
}

/** Appends one of the eligible endpoints, each as likely as the others. Returns its place in the pool, or -1. */
function startWindow(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
  minWeight: number,
): number {
  const { endpoints, pools } = context.policy;
  const first = pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const count = pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = pools[pool * POOL_WORDS + POOL_STRICT]!;
  for (let throws = 0; throws < MAX_THROWS; throws++) {
    const place = rollBelow(context.dice, count);
    if (endpoints[(first + place) * ENDPOINT_WORDS + ENDPOINT_WEIGHT]! < minWeight) continue;
    if (appendEndpoint(context, first + place, strict, pass, limit) > 0) return place;
  }
  const base = context.pickedCount;
  let start = -1;
  let seen = 0;
  for (let place = 0; place < count; place++) {
    if (endpoints[(first + place) * ENDPOINT_WORDS + ENDPOINT_WEIGHT]! < minWeight) continue;
    if (appendEndpoint(context, first + place, strict, pass, limit) === 0) continue;
    context.pickedCount = base;
    seen++;
    if (rollBelow(context.dice, seen) === 0) start = place;
  }
  if (start >= 0) appendEndpoint(context, first + start, strict, pass, limit);
  return start;
}

/**
 * `select: weighted`: endpoints in proportion to configured weight times the health row's scale, without replacement,
 * until `limit` addresses are there; of several, those of different subnets first. What weighs nothing is taken only
 * when nothing else is there, evenly.
 */
export function selectWeighted(context: DecideContext, pool: number, pass: number, limit: number): void {
  const at = pool * POOL_WORDS;
  const base = context.pickedCount;
  const total = context.policy.pools[at + POOL_WEIGHT_TOTAL]!;
  if (total > 0 && limit - base < context.policy.pools[at + POOL_ENDPOINT_COUNT]!) {
    throwWeighted(context, pool, pass, limit, total);
  }
  if (context.pickedCount < limit) weighAll(context, pool, pass, limit, base, false);
  if (context.pickedCount === base) weighAll(context, pool, pass, limit, base, true);
}

/** Throws at the sum of the configured weights and throws again for what is down, was hit before, or is scaled down. */
function throwWeighted(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
  total: number,
): void {
  const { dice, policy } = context;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  const base = context.pickedCount;
  const neighbours = isApart(context, pool) ? 0 : ANY_NEIGHBOURS;
  for (let left = MAX_THROWS * (limit - base); left > 0 && context.pickedCount < limit; left--) {
    const endpoint = endpointAt(policy, pool, rollBelow(dice, total));
    if (isPicked(context, endpoint, base, context.pickedCount)) continue;
    const before = context.pickedCount;
    appendApart(context, endpoint, strict, pass, base, limit, neighbours);
    if (context.pickedCount === before) continue;
    const scale = pass === PASS_ALL ? SCALE_ONE : scaleFrom(context, before);
    if (scale < SCALE_ONE && rollBelow(dice, SCALE_ONE) >= scale) context.pickedCount = before;
  }
}

/** The endpoint in whose share of the pool's total weight `roll` falls, by binary search. */
export function endpointAt(policy: PolicyData, pool: number, roll: number): number {
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  let low = first;
  let high = first + policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]! - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (policy.endpoints[middle * ENDPOINT_WORDS + ENDPOINT_WEIGHT_SUM]! > roll) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * One look at every endpoint: each draws the key -log(u) / weight, and the least keys win, which is a weighted choice
 * without replacement in one pass (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
 * `even`: every endpoint weighs the same.
 */
function weighAll(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
  base: number,
  even: boolean,
): void {
  const { dice, fractions, policy } = context;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const end = first + policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const before = context.pickedCount;
  const wanted = limit - before;
  const apart = limit - base > 1 && isApart(context, pool);
  const most = apart ? MAX_CANDIDATES : wanted;
  let count = 0;
  for (let endpoint = first; endpoint < end; endpoint++) {
    const configured = even ? 1 : policy.endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!;
    if (configured === 0 || isPicked(context, endpoint, base, before)) continue;
    if (appendEndpoint(context, endpoint, strict, pass, limit) === 0) continue;
    const scale = even || pass === PASS_ALL ? SCALE_ONE : scaleFrom(context, before);
    context.pickedCount = before;
    if (scale === 0) continue;
    noteArrival(fractions, nextDie(dice));
    fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]! / (configured * scale);
    count = keepLeast(context, endpoint, count, most);
  }
  appendSpread(context, count, strict, pass, base, limit, apart ? 0 : ANY_NEIGHBOURS);
}

/** True when an address of the endpoint is among those picked from `base` up to `end`. */
function isPicked(context: DecideContext, endpoint: number, base: number, end: number): boolean {
  const { endpoints } = context.policy;
  const first = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_FIRST_ADDRESS]!;
  const after = first + endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_ADDRESS_COUNT]!;
  for (let i = base; i < end; i++) {
    if (context.picked[i]! >= first && context.picked[i]! < after) return true;
  }
  return false;
}
