import { SCALE_ONE } from "../health/ramp.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_DRAINED,
  STATE_FORCED_DOWN,
  STATE_UP,
  STATE_WITHHELD,
} from "../health/rows.ts";
import { MAX_ADDRESSES } from "../wire/answer.ts";
import { type DecideContext, MAX_CANDIDATES } from "./context.ts";
import {
  ADDRESS_FAMILY,
  ADDRESS_ROW,
  ADDRESS_WORDS,
  ENDPOINT_ADDRESS_COUNT,
  ENDPOINT_FIRST_ADDRESS,
  ENDPOINT_WORDS,
  PASS_ALL,
  PASS_NORMAL,
  type PolicyData,
} from "./data.ts";
import { rollBelow } from "./dice.ts";
import { endpointTakes } from "./slice.ts";

/** True when the walk may answer an address: it is up, or in the last pass, it is not withheld by hand. */
export function isEligible(policy: PolicyData, rows: HealthRows, address: number, pass: number): boolean {
  const row = policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
  if (row < 0) return true;
  const state = rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]!;
  return pass === PASS_ALL ? (state & STATE_WITHHELD) === 0 : (state & STATE_UP) !== 0;
}

/**
 * True when no address keeps a strict endpoint from being up: each is up, or in the last pass not forced down. Drained
 * ones are left out of the count, as they are of the pool's.
 */
function isWhole(policy: PolicyData, rows: HealthRows, endpoint: number, pass: number): boolean {
  const at = endpoint * ENDPOINT_WORDS;
  const first = policy.endpoints[at + ENDPOINT_FIRST_ADDRESS]!;
  const end = first + policy.endpoints[at + ENDPOINT_ADDRESS_COUNT]!;
  const wanted = pass === PASS_ALL ? 0 : STATE_UP;
  for (let address = first; address < end; address++) {
    const row = policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
    if (row < 0) continue;
    const state = rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]!;
    if ((state & STATE_DRAINED) === 0 && (state & (wanted | STATE_FORCED_DOWN)) !== wanted) return false;
  }
  return true;
}

/** True when an endpoint has an eligible address of either family, and in a strict pool no address that is down. */
export function isEndpointEligible(
  context: DecideContext,
  endpoint: number,
  strict: number,
  pass: number,
): boolean {
  const { policy, rows } = context;
  if (strict !== 0 && !isWhole(policy, rows, endpoint, pass)) return false;
  const at = endpoint * ENDPOINT_WORDS;
  const first = policy.endpoints[at + ENDPOINT_FIRST_ADDRESS]!;
  const end = first + policy.endpoints[at + ENDPOINT_ADDRESS_COUNT]!;
  for (let address = first; address < end; address++) {
    if (isEligible(policy, rows, address, pass)) return true;
  }
  return false;
}

/**
 * Appends the eligible addresses of the asked family to `context.picked` as long as fewer than `limit` are there in all;
 * when there are more, each has the same chance (Vitter's reservoir), and always that of being the first. Returns how
 * many were appended.
 */
export function appendEndpoint(
  context: DecideContext,
  endpoint: number,
  strict: number,
  pass: number,
  limit: number,
): number {
  const { policy, rows, family, picked } = context;
  const at = endpoint * ENDPOINT_WORDS;
  const first = policy.endpoints[at + ENDPOINT_FIRST_ADDRESS]!;
  const count = policy.endpoints[at + ENDPOINT_ADDRESS_COUNT]!;
  if (count === 1) {
    if (policy.addresses[first * ADDRESS_WORDS + ADDRESS_FAMILY]! !== family) return 0;
    if (!isEligible(policy, rows, first, pass)) return 0;
    if (context.slicing !== 0 && isSlicedAway(context, endpoint, first, first + 1)) return 0;
    picked[context.pickedCount++] = first;
    return 1;
  }
  if (strict !== 0 && !isWhole(policy, rows, endpoint, pass)) return 0;
  const end = first + count;
  if (context.slicing !== 0 && isSlicedAway(context, endpoint, first, end)) return 0;
  const base = context.pickedCount;
  let seen = 0;
  for (let address = first; address < end; address++) {
    if (policy.addresses[address * ADDRESS_WORDS + ADDRESS_FAMILY]! !== family) continue;
    if (!isEligible(policy, rows, address, pass)) continue;
    const place = base + seen < limit ? base + seen : base + rollBelow(context.dice, seen + 1);
    if (place < limit) picked[place] = address;
    seen++;
  }
  context.pickedCount = base + seen < limit ? base + seen : limit;
  const appended = context.pickedCount - base;
  if (appended > 1) rotate(picked, base, appended, rollBelow(context.dice, appended));
  return appended;
}

/** True when the endpoint leaves this client alone; the greatest scale of its addresses that are up counts. */
function isSlicedAway(context: DecideContext, endpoint: number, first: number, end: number): boolean {
  const { policy, rows } = context;
  let scale = 0;
  for (let address = first; address < end; address++) {
    if (!isEligible(policy, rows, address, PASS_NORMAL)) continue;
    const row = policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
    const own = row < 0 ? SCALE_ONE : rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_WEIGHT_SCALE]!;
    if (own > scale) scale = own;
  }
  return !endpointTakes(context, endpoint, scale);
}

/** Moves the first `by` of `count` elements behind the others. */
function rotate(elements: Int32Array, first: number, count: number, by: number): void {
  reverse(elements, first, first + by - 1);
  reverse(elements, first + by, first + count - 1);
  reverse(elements, first, first + count - 1);
}

function reverse(elements: Int32Array, first: number, last: number): void {
  for (let low = first, high = last; low < high; low++, high--) {
    const element = elements[low]!;
    elements[low] = elements[high]!;
    elements[high] = element;
  }
}

/** Greatest ROW_WEIGHT_SCALE among the addresses in `context.picked` from `from` on: 0 to SCALE_ONE. */
export function scaleFrom(context: DecideContext, from: number): number {
  const { policy, rows, picked } = context;
  let scale = 0;
  for (let i = from; i < context.pickedCount; i++) {
    const row = policy.addresses[picked[i]! * ADDRESS_WORDS + ADDRESS_ROW]!;
    const own = row < 0 ? SCALE_ONE : rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_WEIGHT_SCALE]!;
    if (own > scale) scale = own;
  }
  return scale;
}

/** Appends the addresses of the asked family out of a run, `last_resort: {addresses}`, rotated. Returns how many. */
export function appendAddresses(context: DecideContext, first: number, count: number): number {
  const { policy, picked } = context;
  const base = context.pickedCount;
  const limit = base > MAX_CANDIDATES - MAX_ADDRESSES ? MAX_CANDIDATES : base + MAX_ADDRESSES;
  for (let address = first; address < first + count && context.pickedCount < limit; address++) {
    if (policy.addresses[address * ADDRESS_WORDS + ADDRESS_FAMILY]! !== context.family) continue;
    picked[context.pickedCount++] = address;
  }
  const appended = context.pickedCount - base;
  if (appended > 1) rotate(picked, base, appended, rollBelow(context.dice, appended));
  return appended;
}
