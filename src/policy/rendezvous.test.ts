import { describe, expect, it } from "vitest";
import { FRACTION_ARRIVAL } from "./context.ts";
import { finishHash } from "./dice.ts";
import { KNOTS, noteArrival } from "./rendezvous.ts";

const fractions = new Float64Array(8);

function arrivalOf(hash: number): number {
  noteArrival(fractions, hash);
  return fractions[FRACTION_ARRIVAL]!;
}

describe("the times of rendezvous hashing", () => {
  it("are -log2 of the hash, exact in the knots and 0.05% off at most", () => {
    expect(arrivalOf(0x80000000 | 0)).toBe(1);
    expect(arrivalOf(0x40000000)).toBe(2);
    expect(arrivalOf(1)).toBe(32);
    expect(arrivalOf(0)).toBe(33);
    let hash = 1;
    for (let i = 0; i < 100_000; i++) {
      hash = finishHash(hash + i);
      // Also near 1, where the earliest of many lie.
      const tried = i % 2 === 0 ? hash : hash | (0xffffffff << (i % 31));
      if (tried === 0) continue;
      const exact = 32 - Math.log2(tried >>> 0);
      const error = Math.abs(arrivalOf(tried) - exact);
      if (error > exact * 0.0005 + 2 ** -40) expect.fail(`${tried >>> 0} is ${error} off`);
    }
  });

  it("come later the smaller the hash, and never at 0", () => {
    const hashes = [
      0xffffffff, 0xfffffffe, 0xffe00001, 0xffe00000, 0xffdfffff, 0x80000001, 0x80000000, 0x7fffffff, 3, 2, 1,
      0,
    ];
    const times = hashes.map((hash) => arrivalOf(hash | 0));
    expect(times[0]).toBeGreaterThan(0);
    for (let i = 1; i < times.length; i++) expect(times[i]).toBeGreaterThan(times[i - 1]!);
  });

  it("do not depend on the last bits of Math.log2: no knot is rounded near a half", () => {
    let nearest = 1;
    for (let i = 1; i < 1024; i++) {
      const scaled = Math.log2(1 + i / 1024) * 2 ** 32;
      nearest = Math.min(nearest, Math.abs(scaled - Math.floor(scaled) - 0.5));
    }
    // An error of one unit in the last place is 2^-53 * 2^32 of a step.
    expect(nearest).toBeGreaterThan(16 * 2 ** -21);
    expect(KNOTS[0]).toBe(0);
    expect(KNOTS[1024]).toBe(1);
  });
});
