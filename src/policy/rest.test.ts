import { describe, expect, it } from "vitest";
import {
  createWorld,
  hash,
  pool,
  record,
  roundRobin,
  type World,
  weighted,
} from "../../test/support/policy.ts";
import { FRACTION_KEY } from "./context.ts";
import { nextDie } from "./dice.ts";
import type { PoolModel } from "./model.ts";
import { putRest, takeRest } from "./rest.ts";

const poolsOf = (count: number): PoolModel[] =>
  Array.from({ length: count }, (_, i) => pool(`p${i}`, [`192.0.2.${i}`]));
const evenly = (of: PoolModel[]): [PoolModel, number][] => of.map((one, i) => [one, 1 + (i % 3)]);

describe("what is left of a node's entries", () => {
  it("comes by growing key, of equal ones in the list's order, and then no more", () => {
    const dice = Int32Array.of(7);
    const { context } = createWorld([record(weighted(evenly(poolsOf(100))))]);
    for (const first of [0, 3]) {
      for (let count = 0; count <= 40; count++) {
        const keys = Array.from({ length: count }, () => (nextDie(dice) >>> 0) % 16);
        for (const [i, key] of keys.entries()) {
          context.fractions[FRACTION_KEY] = key;
          putRest(context, 1, first, first + i);
        }
        const taken = keys.map(() => takeRest(context, 1, first) - first);
        const sorted = keys.map((_, i) => i).sort((a, b) => keys[a]! - keys[b]! || a - b);
        expect(taken).toEqual(sorted);
        expect(takeRest(context, 1, first)).toBe(-1);
      }
    }
  });
});

/** Who answers 3,000 clients while the first `down` pools are down. */
function answered(world: World, down: number): string[] {
  for (let i = 0; i < down; i++) world.set(`p${i}`, "down");
  return Array.from(
    { length: 3000 },
    (_, i) => world.ask({ ecs: `${20 + (i >> 8)}.${i & 255}.0.0/24`, second: i }).addresses[0]!,
  );
}

describe("after many failed alternatives", () => {
  const counts = (addresses: string[]): number[] =>
    ["192.0.2.12", "192.0.2.13", "192.0.2.14"].map(
      (one) => addresses.filter((other) => other === one).length,
    );

  it("weighted still shares by weight", () => {
    const [a, b, c] = counts(answered(createWorld([record(weighted(evenly(poolsOf(15))))]), 12));
    for (const [found, part] of [
      [a!, 1],
      [b!, 2],
      [c!, 3],
    ] as const) {
      const expected = (3000 * part) / 6;
      expect(Math.abs(found - expected)).toBeLessThan(5 * Math.sqrt(expected));
    }
  });

  it("weight 0 comes after all others", () => {
    const of = poolsOf(15);
    const zero = createWorld([record(weighted(of.map((one, i) => [one, i < 14 ? 0 : 1])))]);
    expect(counts(answered(zero, 12))).toEqual([0, 0, 3000]);
    zero.set("p14", "down");
    const [a, b] = counts(answered(zero, 12));
    expect(a! + b!).toBe(3000);
    expect(Math.abs(a! - 1500)).toBeLessThan(150);
  });

  it("hash gives each client whom it would have had without what has failed", () => {
    const of = poolsOf(15);
    const all = answered(createWorld([record(hash(evenly(of)))]), 12);
    const few = createWorld([record(hash(evenly(poolsOf(15)).slice(12)))]);
    expect(answered(few, 0)).toEqual(all);
  });

  it("round_robin takes turns by weight, but for what it learns of those that have failed", () => {
    const world = createWorld([record(roundRobin(evenly(poolsOf(15))))]);
    for (const [i, found] of counts(answered(world, 12)).entries())
      expect(Math.abs(found - 500 * (i + 1))).toBeLessThan(5);
  });
});
