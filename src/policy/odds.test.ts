import { describe, expect, test } from "vitest";
import {
  createWorld,
  failover,
  latency,
  pool,
  record,
  roundRobin,
  type World,
  weighted,
} from "../../test/support/policy.ts";
import { seededRandom } from "../../test/support/random.ts";
import type { AddressExplanation, PoolExplanation } from "./explanation.ts";
import type { PoolModel } from "./model.ts";

const eu = () => pool("eu", ["198.51.100.1"]);
const us = () => pool("us", ["192.0.2.1"]);
const jp = () => pool("jp", ["203.0.113.1"]);
const zone = (name: string) => ({ region: { name, location: null } });

const DRAWS = 4000;

/** How often each address was answered, in successive seconds. */
function shares(world: World, draws = DRAWS): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    for (const address of world.ask({ second: 1_700_000_000 + i }).addresses)
      counts.set(address, (counts.get(address) ?? 0) + 1 / draws);
  }
  return counts;
}

function entryChances(world: World): Record<string, number | undefined> {
  const { entries } = world.explain().root;
  return Object.fromEntries(entries.map(({ node, odds }) => [node.label, odds?.chance]));
}

function addressesOf(explained: PoolExplanation): AddressExplanation[] {
  return explained.endpoints.flatMap(({ addresses }) => addresses);
}

/** Four standard deviations of a half in so many draws. */
const OFF = (draws: number) => 4 * Math.sqrt(0.25 / draws);

describe("odds between nodes", () => {
  test("weighted: in proportion to what has not failed", () => {
    const world = createWorld([
      record(
        weighted([
          [eu(), 30],
          [us(), 80],
          [jp(), 25],
        ]),
      ),
    ]);
    expect(entryChances(world)).toEqual({ eu: 30 / 135, us: 80 / 135, jp: 25 / 135 });
    world.set("jp", "down");
    const { root } = world.explain();
    expect(Object.fromEntries(root.entries.map(({ node, odds }) => [node.label, odds]))).toEqual({
      eu: { chance: 30 / 110, part: 30, of: 110 },
      us: { chance: 80 / 110, part: 80, of: 110 },
      jp: { chance: 0, part: 0, of: 110 },
    });
    const drawn = shares(world);
    expect(Math.abs(drawn.get("198.51.100.1")! - 30 / 110)).toBeLessThan(OFF(DRAWS));
  });

  test("a child fails as its whole tree does", () => {
    const inner = failover([us(), jp()], { label: "inner" });
    const world = createWorld([
      record(
        weighted([
          [eu(), 1],
          [inner, 1],
        ]),
      ),
    ]);
    world.set("us", "down");
    expect(entryChances(world)).toEqual({ eu: 0.5, inner: 0.5 });
    world.set("jp", "down");
    expect(entryChances(world)).toEqual({ eu: 1, inner: 0 });
  });

  test("a child with a last resort of its own never fails", () => {
    const inner = failover([us()], { label: "inner", lastResort: { kind: "nodata" } });
    const world = createWorld([
      record(
        weighted([
          [eu(), 1],
          [inner, 1],
        ]),
      ),
    ]);
    world.set("us", "down");
    expect(entryChances(world)).toEqual({ eu: 0.5, inner: 0.5 });
  });

  test("weight 0 counts when nothing else is left, evenly", () => {
    const world = createWorld([
      record(
        weighted([
          [eu(), 0],
          [us(), 0],
          [jp(), 5],
        ]),
      ),
    ]);
    expect(entryChances(world)).toEqual({ eu: 0, us: 0, jp: 1 });
    world.set("jp", "down");
    expect(entryChances(world)).toEqual({ eu: 0.5, us: 0.5, jp: 0 });
  });

  test("the last pass counts who it asks", () => {
    const world = createWorld([
      record(
        weighted([
          [eu(), 1],
          [us(), 3],
          [jp(), 1],
        ]),
      ),
    ]);
    for (const name of ["eu", "us"]) world.set(name, "down");
    world.set("jp", "drained");
    expect(entryChances(world)).toEqual({ eu: 0.25, us: 0.75, jp: 0 });
  });

  test("round robin: the share of turns", () => {
    const world = createWorld([
      record(
        roundRobin([
          [eu(), 2],
          [us(), 1],
          [jp(), 1],
        ]),
      ),
    ]);
    world.set("jp", "down");
    expect(entryChances(world)).toEqual({ eu: 2 / 3, us: 1 / 3, jp: 0 });
  });

  test("latency: of the first group with anything up, and nothing where nothing is tied", () => {
    const tree = latency(
      [
        [pool("eu", ["198.51.100.1"], zone("a")), "a"],
        [pool("us", ["192.0.2.1"], zone("b")), "b"],
        [pool("jp", ["203.0.113.1"], zone("c")), "c"],
      ],
      ["9.9.9.0/24,a,10", "9.9.9.0/24,b,12", "9.9.9.0/24,c,50"],
      { toleranceMs: 5 },
    );
    const world = createWorld([record(tree)]);
    expect(entryChances(world)).toEqual({ eu: 0.5, us: 0.5, jp: undefined });
    world.set("us", "down");
    expect(entryChances(world)).toMatchObject({ eu: 1, jp: undefined });
    world.set("eu", "down");
    expect(entryChances(world)).toEqual({ eu: undefined, us: undefined, jp: undefined });
  });

  test("failover throws no dice", () => {
    expect(entryChances(createWorld([record(failover([eu(), us()]))]))).toEqual({});
  });
});

describe("odds within a pool", () => {
  const explained = (world: World): PoolExplanation => world.explain().root.pool!;
  const chances = (world: World) =>
    addressesOf(explained(world)).map(({ odds }) => (odds === null ? null : odds.chance));

  test("weighted: weight times scale, of what is up", () => {
    const world = createWorld([
      record(
        pool(
          "p",
          [
            { address: "192.0.2.1", weight: 3 },
            { address: "192.0.2.2", weight: 1 },
            { address: "192.0.2.3", weight: 4 },
          ],
          { select: "weighted", maxAnswers: 1 },
        ),
      ),
    ]);
    world.set("192.0.2.3", "down");
    expect(chances(world)).toEqual([0.75, 0.25, null]);
    world.setScale("192.0.2.1", 32_768);
    expect(addressesOf(explained(world))[0]!.odds).toEqual({ chance: 0.6, part: 1.5, of: 2.5 });
  });

  test("an endpoint's addresses share its chance", () => {
    const endpoints = [{ address: ["192.0.2.1", "192.0.2.2"], weight: 2, name: "two" }, "192.0.2.3"];
    const world = createWorld([record(pool("p", endpoints, { select: "weighted", maxAnswers: 1 }))]);
    expect(chances(world)).toEqual([1 / 3, 1 / 3, 1 / 3]);
  });

  test("there are none where everything is answered, or only one is up", () => {
    const world = createWorld([record(pool("p", ["192.0.2.1", "192.0.2.2"]))]);
    expect(chances(world)).toEqual([null, null]);
    world.set("192.0.2.1", "down");
    expect(chances(world)).toEqual([null, null]);
  });

  test("a window of neighbours", () => {
    const endpoints = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
    const world = createWorld([record(pool("p", endpoints, { maxAnswers: 3 }))]);
    expect(addressesOf(explained(world))[0]!.odds).toEqual({ chance: 0.75, part: 3, of: 4 });
    expect(explained(world).draws).toBeNull();
  });

  test("what is not simple is counted, and says in how many draws", () => {
    const endpoints = ["192.0.2.1", "192.0.2.2", "198.51.100.1"];
    const world = createWorld([record(pool("p", endpoints, { maxAnswers: 2 }))]);
    const { draws } = explained(world);
    expect(draws).toBe(10_000);
    const [first, , apart] = addressesOf(explained(world));
    expect(apart!.odds).toEqual({ chance: 1, part: 10_000, of: 10_000 });
    expect(Math.abs(first!.odds!.chance - 0.5)).toBeLessThan(0.03);
  });

  test("p2c of two, one of which comes back: who is in its slice gets it, and nobody else", () => {
    const options = { select: "p2c", maxAnswers: 1, slowStartMs: 60_000 } as const;
    const world = createWorld([record(pool("p", ["192.0.2.1", "192.0.2.2"], options))]);
    world.setFigures("192.0.2.1", { load: 0.1 });
    world.setFigures("192.0.2.2", { load: 0.9 });
    world.setScale("192.0.2.1", 32_768);
    const found = new Set<string>();
    for (let n = 0; n < 20; n++) {
      const { addresses, root } = world.explain({ ecs: `20.0.${n}.0/24` });
      const isFirst = addresses[0]!.address === "192.0.2.1";
      expect(addressesOf(root.pool!).map(({ odds }) => odds!.chance)).toEqual(isFirst ? [1, 0] : [0, 1]);
      found.add(addresses[0]!.address);
    }
    expect(found.size).toBe(2);
  });

  test("explaining throws no dice and takes no turns of the server's", () => {
    const endpoints = ["192.0.2.1", "192.0.2.2", "198.51.100.1"];
    const world = createWorld([record(pool("p", endpoints, { select: "round_robin", maxAnswers: 2 }))]);
    const dice = world.context.dice[0]!;
    const first = world.explain().addresses[0]!.address;
    expect(first).toBe("192.0.2.1");
    expect(world.explain().addresses[0]!.address).toBe("192.0.2.2");
    expect(world.context.dice[0]).not.toBe(dice);
  });
});

describe("over random pools", () => {
  const random = seededRandom(7);
  const SELECTS: PoolModel["select"][] = [
    ...(["all", "weighted", "round_robin", "p2c", "p2c", "least_connections"] as const),
  ];

  test.each(Array.from({ length: 60 }, (_, i) => i))("pool %i: odds are what happens", () => {
    const count = 2 + random.below(5);
    const isWeighted = random.below(2) === 0;
    const endpoints = Array.from({ length: count }, (_, i) => ({
      address: `192.0.${random.below(2)}.${i + 1}`,
      weight: isWeighted ? random.below(4) : 1,
    }));
    if (endpoints.every(({ weight }) => weight === 0)) endpoints[0]!.weight = 1;
    const select = SELECTS[random.below(SELECTS.length)]!;
    const maxAnswers = 1 + random.below(3);
    const world = createWorld([record(pool("p", endpoints, { select, maxAnswers }))]);
    for (const { address } of endpoints) {
      if (random.below(4) === 0) world.set(address, "down");
      if (random.below(4) === 0) world.setScale(address, random.below(65_537));
      if (random.below(2) === 0)
        world.setFigures(address, { load: random.below(100) / 100, connections: random.below(9) });
    }
    const told = addressesOf(world.explain().root.pool!).filter(({ odds }) => odds !== null);
    const drawn = shares(world);
    for (const { address, odds } of told)
      expect(Math.abs(odds!.chance - (drawn.get(address) ?? 0)), address).toBeLessThan(0.05);
  });
});
