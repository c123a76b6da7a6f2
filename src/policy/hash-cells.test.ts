import { describe, expect, it } from "vitest";
import { finishHash } from "./dice.ts";
import { CELLS, cellAt, placeOf, weightClass } from "./hash-cells.ts";

describe("a client's order of the cells", () => {
  it("has every cell once, and the place of each is found again", () => {
    for (let client = 0; client < 10; client++) {
      const order = finishHash(client) >>> 6;
      const seen = new Set<number>();
      for (let place = 0; place < CELLS; place++) {
        const cell = cellAt(place, order);
        seen.add(cell);
        if (placeOf(cell, order) !== place) expect.fail(`cell ${cell} is not found again at ${place}`);
      }
      expect(seen.size).toBe(CELLS);
    }
  });

  it("gives each cell every part of the order as often as the others", () => {
    const clients = 64_000;
    for (const cell of [0, 1, 4095, 8191]) {
      const parts = new Float64Array(64);
      for (let client = 0; client < clients; client++)
        parts[placeOf(cell, finishHash(client * 7) >>> 6) >> 7]!++;
      const square = parts.reduce((sum, count) => sum + (count - clients / 64) ** 2 / (clients / 64), 0);
      // 63 degrees of freedom: beyond 130 once in a million.
      expect(square).toBeLessThan(130);
    }
  });
});

describe("the class of a weight", () => {
  it("is its leading bit", () => {
    expect([1, 2, 3, 4, 7, 8, 65_535].map(weightClass)).toEqual([0, 1, 1, 2, 2, 3, 15]);
  });
});
