import { describe, expect, it } from "vitest";
import { chiSquare, criticalValue } from "../../test/support/chi-square.ts";
import { createWorld, pool, record, weighted } from "../../test/support/policy.ts";

/** Answers of successive seconds, counted by entry. */
function countAnswers(weights: number[], decisions: number, down: number[] = []): number[] {
  const entries = weights.map((weight, i) => [pool(`p${i}`, [`192.0.2.${i}`]), weight] as const);
  const world = createWorld([record(weighted(entries.map(([of, weight]) => [of, weight])))]);
  for (const i of down) world.set(`p${i}`, "down");
  const counts = weights.map(() => 0);
  for (let second = 0; second < decisions; second++) {
    const [address] = world.ask({ second: 1_700_000_000 + second }).addresses;
    counts[Number(address!.split(".")[3])]! += 1;
  }
  return counts;
}

describe("weighted between nodes", () => {
  it.each([[[100, 50, 25]], [[25, 30, 41]], [[10_000, 1]]])("gives shares as %s", (weights) => {
    const counts = countAnswers(weights, 100_000);
    expect(chiSquare(counts, weights)).toBeLessThan(criticalValue(weights.length - 1));
  });

  it("is told from weights that differ by a fifth: the test above can fail", () => {
    const counts = countAnswers([100, 50, 25], 20_000);
    for (const wrong of [
      [100, 50, 30],
      [100, 40, 25],
      [50, 100, 25],
    ]) {
      expect(chiSquare(counts, wrong)).toBeGreaterThan(criticalValue(2));
    }
  });

  it("shares what a failed child leaves in proportion", () => {
    const [first, second, third] = countAnswers([100, 50, 25], 100_000, [1]);
    expect(second).toBe(0);
    expect(chiSquare([first!, third!], [100, 25])).toBeLessThan(criticalValue(1));
  });
});
