import { finishHash, mixWord } from "./dice.ts";

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

/** -log2 of a 32-bit hash as a fraction of 2^32: above 0, and 33 for the hash 0. */
export function arrivalOf(hash: number): number {
  const leading = Math.clz32(hash);
  const bits = hash << leading;
  const segment = (bits >>> SEGMENT_SHIFT) & (SEGMENTS - 1);
  const knot = KNOTS[segment]!;
  return leading + 1 - (knot + (KNOTS[segment + 1]! - knot) * ((bits & REST_MASK) * REST_ONE));
}

/** Time of a choice of weight 1 for a client. */
export function arrival(hashKey: number, identity: number): number {
  return arrivalOf(finishHash(mixWord(hashKey, identity)));
}
