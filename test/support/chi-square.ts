/** Pearson's statistic of counts against expected shares, which need not add up to 1. */
export function chiSquare(counts: readonly number[], shares: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const whole = shares.reduce((sum, share) => sum + share, 0);
  return counts.reduce((sum, count, i) => {
    const expected = (total * shares[i]!) / whole;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

/** Standard normal deviate that one sample in a million exceeds. */
const Z_ONE_IN_A_MILLION = 4.753;

/**
 * The value that the statistic exceeds once in a million runs if the shares are right, by Wilson and Hilferty's
 * approximation (1931); it is within a few percent even for one degree of freedom.
 */
export function criticalValue(degreesOfFreedom: number): number {
  const spread = 2 / (9 * degreesOfFreedom);
  return degreesOfFreedom * (1 - spread + Z_ONE_IN_A_MILLION * Math.sqrt(spread)) ** 3;
}
