import { describe, expect, it } from "vitest";
import { chiSquare, criticalValue } from "../../test/support/chi-square.ts";
import { createClient } from "./client.ts";
import { finishHash, mixWord, nextDie, nodeHash, rollBelow, scaleHash } from "./dice.ts";

const THROWS = 100_000;

/** Counts of each side. */
function count(sides: number, roll: (i: number) => number): number[] {
  const counts = new Array<number>(sides).fill(0);
  for (let i = 0; i < THROWS; i++) counts[roll(i)]! += 1;
  return counts;
}

describe("the free dice", () => {
  it("never reach 0, from which xorshift would not return", () => {
    const dice = Int32Array.of(1);
    for (let i = 0; i < 10_000; i++) expect(nextDie(dice)).not.toBe(0);
  });

  it("follow Marsaglia's xorshift32 with the shifts 13, 17, 5", () => {
    const dice = Int32Array.of(2_463_534_242);
    expect(nextDie(dice) >>> 0).toBe(723_471_715);
    expect(nextDie(dice) >>> 0).toBe(2_497_366_906);
  });

  it.each([2, 3, 7, 100, 65_536])("favour none of %i sides", (sides) => {
    const dice = Int32Array.of(12_345);
    const counts = count(sides, () => rollBelow(dice, sides));
    expect(
      chiSquare(
        counts,
        counts.map(() => 1),
      ),
    ).toBeLessThan(criticalValue(sides - 1));
  });

  it("favour none of more sides than 32 bits can spread over", () => {
    const dice = Int32Array.of(99);
    const sides = 0x7fff_ffff;
    const counts = count(10, () => Math.floor((rollBelow(dice, sides) / sides) * 10));
    expect(
      chiSquare(
        counts,
        counts.map(() => 1),
      ),
    ).toBeLessThan(criticalValue(9));
    const low = count(16, () => rollBelow(dice, sides) & 15);
    expect(
      chiSquare(
        low,
        low.map(() => 1),
      ),
    ).toBeLessThan(criticalValue(15));
  });

  it("stay in range", () => {
    const dice = Int32Array.of(-1);
    for (let i = 0; i < 1000; i++) {
      expect(rollBelow(dice, 1)).toBe(0);
      expect(rollBelow(dice, 70_000)).toBeLessThan(70_000);
    }
  });
});

describe("the dice between nodes", () => {
  const client = createClient();
  client.resolverAddress.set([192, 0, 2, 53]);

  it("say the same for the same owner, resolver, second and node", () => {
    expect(nodeHash(1, client, 2, 3, 0)).toBe(nodeHash(1, client, 2, 3, 0));
  });

  it("say something else when any of them differs", () => {
    const other = createClient();
    other.resolverAddress.set([192, 0, 2, 54]);
    const ipv6 = createClient();
    ipv6.resolverFamily = 6;
    ipv6.resolverAddress.set([192, 0, 2, 53, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    const hashes = [
      nodeHash(1, client, 2, 3, 0),
      nodeHash(9, client, 2, 3, 0),
      nodeHash(1, other, 2, 3, 0),
      nodeHash(1, ipv6, 2, 3, 0),
      nodeHash(1, client, 9, 3, 0),
      nodeHash(1, client, 2, 9, 0),
      nodeHash(1, client, 2, 3, 1),
    ];
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it.each([
    ["the second", (i: number) => nodeHash(7, client, 1_700_000_000 + i, 3, 0)],
    ["the owner", (i: number) => nodeHash(i, client, 1_700_000_000, 3, 0)],
    ["the seed", (i: number) => nodeHash(7, client, 1_700_000_000, i, 0)],
    ["the attempt", (i: number) => nodeHash(7, client, 1_700_000_000, 3, i)],
  ])("spread evenly over %s", (_what, hash) => {
    for (const sides of [2, 3, 96]) {
      const counts = count(sides, (i) => scaleHash(hash(i), sides));
      expect(
        chiSquare(
          counts,
          counts.map(() => 1),
        ),
      ).toBeLessThan(criticalValue(sides - 1));
    }
  });

  it("throw independently for two nodes", () => {
    const counts = count(4, (i) => {
      const first = scaleHash(nodeHash(7, client, i, 1, 0), 2);
      return first * 2 + scaleHash(nodeHash(7, client, i, 2, 0), 2);
    });
    expect(chiSquare(counts, [1, 1, 1, 1])).toBeLessThan(criticalValue(3));
  });

  it("use the rounds of MurmurHash3_x86_32", () => {
    // "test" with seed 0: one round over the octets as a little-endian word, the length, the finish.
    const word = 0x74 | (0x65 << 8) | (0x73 << 16) | (0x74 << 24);
    expect(finishHash(mixWord(0, word) ^ 4) >>> 0).toBe(0xba6b_d213);
  });
});
