import { FRACTION_ARRIVAL } from "./context.ts";

/**
 * Rendezvous hashing (Thaler and Ravishankar, 1998): every choice gets a time that client and choice determine between
 * them, and the earliest wins. Taking a choice away thus moves only the clients that it had. Times are exponential with
 * the weight as their rate, so that shares are in proportion to weight.
 */

/** Segments of log2 between 1 and 2. A straight line within one is at most 0.05% off where it matters, near 2. */
const SEGMENTS = 1024;
const SEGMENT_SHIFT = 21;
const REST_MASK = (1 << SEGMENT_SHIFT) - 1;
const REST_ONE = 2 ** -SEGMENT_SHIFT;
/**
 * ECMAScript leaves the last bits of Math.log2 to the engine. Rounded to 32 bits behind the point no knot lies near
 * enough to a half for them to matter (the test says so), and from then on there are only sums, products and quotients,
 * which are the same on every machine.
 */
const KNOT_ONE = 2 ** 32;
export const KNOTS = Float64Array.from(
  { length: SEGMENTS + 1 },
  (_, i) => Math.round(Math.log2(1 + i / SEGMENTS) * KNOT_ONE) / KNOT_ONE,
);

/** Leaves -log2 of a 32-bit hash as a fraction of 2^32 in FRACTION_ARRIVAL: above 0, and 33 for the hash 0. */
export function noteArrival(fractions: Float64Array, hash: number): void {
  const leading = Math.clz32(hash);
  const bits = hash << leading;
  const segment = (bits >>> SEGMENT_SHIFT) & (SEGMENTS - 1);
  const knot = KNOTS[segment]!;
  const rest = (bits & REST_MASK) * REST_ONE;
  fractions[FRACTION_ARRIVAL] = leading + 1 - (knot + (KNOTS[segment + 1]! - knot) * rest);
}

/**
 * Adds log2 of a whole number from 1 to 2^32 - 1 to `sums[at]`, `sign` times: at most 0.0000002 off. Math.log2 would do, were
 * its result not an object wherever the compiler calls it instead of compiling it.
 */
export function addLog2(sums: Float64Array, at: number, whole: number, sign: number): void {
  const leading = Math.clz32(whole);
  const bits = whole << leading;
  const segment = (bits >>> SEGMENT_SHIFT) & (SEGMENTS - 1);
  const knot = KNOTS[segment]!;
  const rest = (bits & REST_MASK) * REST_ONE;
  sums[at]! += sign * (31 - leading + knot + (KNOTS[segment + 1]! - knot) * rest);
}
