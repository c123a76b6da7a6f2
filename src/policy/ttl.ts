/** Horizon of what is settled: longer than any other. */
export const NO_HORIZON = 0x7fffffff;

/** The lesser of a least horizon so far and a row's word, for which 0 means settled. Milliseconds. */
export function nearerHorizon(leastMs: number, horizonMs: number): number {
  return horizonMs > 0 && horizonMs < leastMs ? horizonMs : leastMs;
}

/**
 * Seconds that an answer may be cached: the maximum while everything that was read is settled, otherwise until the first
 * of it can change, in whole seconds that are over by then, and never below the minimum.
 */
export function shapeTtl(leastMs: number, minSeconds: number, maxSeconds: number): number {
  if (leastMs === NO_HORIZON) return maxSeconds;
  const seconds = (leastMs / 1000) | 0;
  if (seconds >= maxSeconds) return maxSeconds;
  return seconds > minSeconds ? seconds : minSeconds;
}
