import { describe, expect, test } from "vitest";
import { createWorld, pool, record, type World } from "../../test/support/policy.ts";
import { seededRandom } from "../../test/support/random.ts";
import type { PoolModel } from "./model.ts";

const [A, B, C] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"] as const;
const one = (select: PoolModel["select"], weights: Record<string, number>): World => {
  const endpoints = Object.entries(weights).map(([address, weight]) => ({ address, weight }));
  return createWorld([record(pool("p", endpoints, { select, maxAnswers: 1, slowStartMs: 60_000 }))]);
};

const DRAWS = 4000;
/** Four standard deviations of a half in so many draws. */
const OFF = 4 * Math.sqrt(0.25 / DRAWS);

function chancesOf(world: World): Record<string, number> {
  const { draws, endpoints } = world.explain().root.pool!;
  expect(draws).toBeNull();
  const addresses = endpoints.flatMap((endpoint) => endpoint.addresses);
  return Object.fromEntries(
    addresses.flatMap(({ address, odds }) => (odds === null ? [] : [[address, odds.chance]])),
  );
}

function expectDrawn(world: World): void {
  const drawn: Record<string, number> = {};
  for (let i = 0; i < DRAWS; i++)
    for (const address of world.ask({ second: 1_700_000_000 + i }).addresses)
      drawn[address] = (drawn[address] ?? 0) + 1 / DRAWS;
  for (const [address, chance] of Object.entries(chancesOf(world)))
    expect(Math.abs(chance - (drawn[address] ?? 0)), address).toBeLessThan(OFF);
}

describe("odds of one address out of a pool that goes by load", () => {
  test("the best takes everybody", () => {
    const world = one("least_response_time", { [A]: 1, [B]: 9, [C]: 1 });
    for (const [address, responseMs] of Object.entries({ [A]: 12, [B]: 80, [C]: 20 }))
      world.setFigures(address, { responseMs });
    expect(chancesOf(world)).toEqual({ [A]: 1, [B]: 0, [C]: 0 });
    expectDrawn(world);
  });

  test("what is as good shares by weight", () => {
    const world = one("least_connections", { [A]: 1, [B]: 3, [C]: 1 });
    for (const [address, connections] of Object.entries({ [A]: 3, [B]: 9, [C]: 60 }))
      world.setFigures(address, { connections });
    expect(chancesOf(world)).toEqual({ [A]: 0.25, [B]: 0.75, [C]: 0 });
    expectDrawn(world);
  });

  test("p2c of two: the less loaded one, whatever the weights", () => {
    const world = one("p2c", { [A]: 1, [B]: 9 });
    world.setFigures(A, { load: 0.1 });
    world.setFigures(B, { load: 0.9 });
    expect(chancesOf(world)).toEqual({ [A]: 1, [B]: 0 });
  });

  test("p2c of three: who is in no pair, or only in pairs with less loaded ones, gets nothing", () => {
    const world = one("p2c", { [A]: 2, [B]: 1, [C]: 1 });
    for (const [address, load] of Object.entries({ [A]: 0.3, [B]: 0.2, [C]: 0.1 }))
      world.setFigures(address, { load });
    // {c, a}: 1/4 x 2/3 + 1/2 x 1/2; {c, b}: 1/4 x 1/3 twice.
    const chances = chancesOf(world);
    expect(chances[C]).toBeCloseTo(5 / 12 + 1 / 6, 12);
    expect(chances[B]).toBeCloseTo(5 / 12, 12);
    expect(chances[A]).toBe(0);
    expectDrawn(world);
  });

  test("who reports no load counts with the pool's mean, and where nobody does the first throw counts", () => {
    const known = one("p2c", { [A]: 1, [B]: 1, [C]: 1 });
    known.setFigures(A, { load: 0.1 });
    known.setFigures(B, { load: 0.3 });
    expect(chancesOf(known)[A]).toBeCloseTo(2 / 3, 12);
    expect(chancesOf(known)[C]).toBeCloseTo(1 / 3, 12);
    expectDrawn(known);
    const unknown = one("p2c", { [A]: 1, [B]: 1, [C]: 2 });
    expect(chancesOf(unknown)).toEqual({ [A]: 0.25, [B]: 0.25, [C]: 0.5 });
    expectDrawn(unknown);
  });

  test("who takes a half of its clients is left to the others for the rest", () => {
    const world = one("least_response_time", { [A]: 1, [B]: 1 });
    world.setFigures(A, { responseMs: 12 });
    world.setFigures(B, { responseMs: 80 });
    world.setScale(A, 32_768);
    expect(chancesOf(world)).toEqual({ [A]: 0.5, [B]: 0.5 });
    expectDrawn(world);
  });

  test("where all take nobody, all are alike under p2c", () => {
    const world = one("p2c", { [A]: 3, [B]: 1 });
    for (const address of [A, B]) world.setScale(address, 0);
    expect(chancesOf(world)).toEqual({ [A]: 0.5, [B]: 0.5 });
    expectDrawn(world);
  });

  test("when all are down, weights alone count", () => {
    const world = one("least_response_time", { [A]: 1, [B]: 3 });
    world.setFigures(A, { responseMs: 12 });
    world.setFigures(B, { responseMs: 80 });
    world.set("p", "down");
    expect(chancesOf(world)).toEqual({ [A]: 0.25, [B]: 0.75 });
    expectDrawn(world);
  });

  test("in pools of which only a sample is looked at, odds are counted", () => {
    const endpoints = Array.from({ length: 65 }, (_, i) => `192.0.2.${i + 1}`);
    const options = { select: "least_connections", maxAnswers: 1 } as const;
    expect(createWorld([record(pool("p", endpoints, options))]).explain().root.pool!.draws).toBe(10_000);
    const fewer = createWorld([record(pool("p", endpoints.slice(1), options))]);
    expect(fewer.explain().root.pool!.draws).toBeNull();
  });
});

describe("over random pools", () => {
  const random = seededRandom(31);
  const SELECTS = ["least_response_time", "least_connections", "p2c", "adaptive"] as const;

  test.each(Array.from({ length: 48 }, (_, i) => i))("pool %i: odds are what happens", (index) => {
    const endpoints = Array.from({ length: 2 + random.below(5) }, (_, i) => ({
      address: random.below(4) === 0 ? [`192.0.2.${i + 1}`, `192.0.3.${i + 1}`] : `192.0.2.${i + 1}`,
      weight: random.below(4),
    }));
    if (endpoints.every(({ weight }) => weight === 0)) endpoints[0]!.weight = 1;
    const parts = { connections: 1, p99: 1, errors: 1 };
    const options = { select: SELECTS[index % SELECTS.length]!, maxAnswers: 1, slowStartMs: 60_000, parts };
    const world = createWorld([record(pool("p", endpoints, options))]);
    for (const address of endpoints.flatMap((endpoint) => endpoint.address)) {
      if (random.below(5) === 0) world.set(address, "down");
      if (random.below(3) === 0) world.setScale(address, random.below(4) === 0 ? 0 : random.below(65_537));
      if (random.below(4) !== 0)
        world.setFigures(address, {
          ...{ responseMs: 10 + random.below(6) * 0.7, connections: random.below(5) },
          ...{ load: random.below(5) / 10, p99Ms: 5 + random.below(4), errors: random.below(3) / 100 },
        });
    }
    expectDrawn(world);
  });
});
