import { describe, expect, test } from "vitest";
import {
  adaptive,
  byLoad,
  createWorld,
  failover,
  latency,
  pool,
  record,
  type World,
  weighted,
} from "../../test/support/policy.ts";
import { seededRandom } from "../../test/support/random.ts";
import { pairChances } from "./load-odds.ts";
import type { NodeModel, PoolModel } from "./model.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g"] as const;
type Name = (typeof NAMES)[number];
const one = (name: Name): string => `192.0.2.${NAMES.indexOf(name) + 1}`;
const two = (name: Name): string => `198.51.100.${NAMES.indexOf(name) + 1}`;
/** Two addresses, so that it can fail while one of them is up; one of them is answered. */
const pair = (name: Name): PoolModel =>
  pool(name, [one(name), two(name)], {
    ...{ minHealthy: { count: 2 }, maxAnswers: 1, slowStartMs: 60_000 },
  });
/** As in a file: one node, wherever its name stands. */
const leaf = (name: Name): NodeModel => ({
  ...{ kind: "pool", label: name, lastResort: null, location: null },
  pool: pair(name),
});

const DRAWS = 4000;
/** Four standard deviations of a half in so many draws. */
const OFF = 4 * Math.sqrt(0.25 / DRAWS);
const SECOND = 1_700_000_000;

/** How often each pool answers in successive seconds, to one resolver. */
function drawnFrom(world: World): Record<string, number> {
  const drawn: Record<string, number> = {};
  for (let i = 0; i < DRAWS; i++) {
    const [address] = world.ask({ second: SECOND + i }).addresses;
    const name = NAMES[Number(address!.split(".")[3]) - 1]!;
    drawn[name] = (drawn[name] ?? 0) + 1 / DRAWS;
  }
  return drawn;
}

function chancesOf(world: World, second = SECOND): Record<string, number | undefined> {
  const { entries } = world.explain({ second }).root;
  return Object.fromEntries(entries.map(({ node, odds }) => [node.label, odds?.chance]));
}

function expectDrawn(world: World): void {
  const drawn = drawnFrom(world);
  for (const [name, chance] of Object.entries(chancesOf(world)))
    expect(Math.abs(chance! - (drawn[name] ?? 0)), `${name} ${chance} ${drawn[name]}`).toBeLessThan(OFF);
}

const weights = (of: Record<string, number>): [NodeModel, number][] =>
  Object.entries(of).map(([name, weight]) => [leaf(name as Name), weight]);

describe("odds of nodes that go by load", () => {
  test("the best takes everybody, and no dice decide", () => {
    const world = createWorld([record(byLoad("least_response_time", weights({ a: 1, b: 5, c: 1 })))]);
    for (const [name, responseMs] of Object.entries({ a: 20, b: 80, c: 40 }))
      world.setFigures(name, { responseMs });
    expect(chancesOf(world)).toEqual({ a: 1, b: 0, c: 0 });
    expectDrawn(world);
  });

  test("what is as good as the best shares by weight", () => {
    const world = createWorld([record(byLoad("least_response_time", weights({ a: 1, b: 3, c: 9 })))]);
    for (const [name, responseMs] of Object.entries({ a: 20, b: 21, c: 40 }))
      world.setFigures(name, { responseMs });
    expect(chancesOf(world)).toEqual({ a: 0.25, b: 0.75, c: 0 });
    expectDrawn(world);
  });

  test("p2c: who is before whom, by every pair that can be drawn", () => {
    const world = createWorld([record(byLoad("p2c", weights({ a: 1, b: 1, c: 2 })))]);
    for (const [name, load] of Object.entries({ a: 0.1, b: 0.2, c: 0.3 })) world.setFigures(name, { load });
    // Of the pairs {a, b}, {a, c}, {b, c}: 1/4 x 1/3 twice; 1/4 x 2/3 + 1/2 x 1/2, twice.
    expect(chancesOf(world).a).toBeCloseTo(1 / 6 + 5 / 12, 12);
    expect(chancesOf(world).b).toBeCloseTo(5 / 12, 12);
    expect(chancesOf(world).c).toBe(0);
    expectDrawn(world);
  });

  test("p2c: of what nobody knows the load, who is drawn first", () => {
    const world = createWorld([record(byLoad("p2c", weights({ a: 1, b: 3 })))]);
    expect(chancesOf(world)).toEqual({ a: 0.25, b: 0.75 });
    expectDrawn(world);
  });

  test("one that is left takes everybody", () => {
    const world = createWorld([record(byLoad("p2c", weights({ a: 1, b: 3 })))]);
    world.set("b", "down");
    expect(chancesOf(world)).toEqual({ a: 1, b: 0 });
  });

  test("one that fails although an endpoint is up leaves its clients to what is best without it", () => {
    const world = createWorld([record(byLoad("least_connections", weights({ a: 1, b: 1, c: 1 })))]);
    for (const [name, connections] of Object.entries({ a: 0, b: 30, c: 60 }))
      world.setFigures(name, { connections });
    world.set(two("a"), "down");
    expect(chancesOf(world)).toEqual({ a: 0, b: 1, c: 0 });
    expectDrawn(world);
  });

  test("dice of pools that take a part of their clients come before those of the node", () => {
    const world = createWorld([record(byLoad("least_response_time", weights({ a: 1, b: 1, c: 1 })))]);
    for (const [name, responseMs] of Object.entries({ a: 10, b: 40, c: 80 }))
      world.setFigures(name, { responseMs });
    for (const address of [one("a"), two("a")]) world.setScale(address, 16_384);
    for (const address of [one("b"), two("b")]) world.setScale(address, 32_768);
    expect(chancesOf(world)).toEqual({ a: 0.25, b: 0.375, c: 0.375 });
    expectDrawn(world);
  });

  test("a prefix is in a slice or not: no dice", () => {
    const world = createWorld([record(byLoad("least_response_time", weights({ a: 1, b: 1 })))]);
    for (const [name, responseMs] of Object.entries({ a: 10, b: 40 })) world.setFigures(name, { responseMs });
    for (const address of [one("a"), two("a")]) world.setScale(address, 32_768);
    const found = new Set<string>();
    for (let n = 0; n < 20; n++) {
      const { addresses, root } = world.explain({ ecs: `20.0.${n}.0/24` });
      const chances = root.entries.map(({ node, odds }) => [node.label, odds!.chance]);
      const { pool: chosen } = addresses[0]!;
      expect(Object.fromEntries(chances)).toEqual(chosen === "a" ? { a: 1, b: 0 } : { a: 0, b: 1 });
      found.add(chosen!);
    }
    expect(found.size).toBe(2);
  });

  test("there are none for a nested node that may leave a client to others", () => {
    const inner: NodeModel = { ...byLoad("p2c", weights({ a: 1, b: 1 })), label: "inner" };
    const world = createWorld([record(failover([inner, leaf("c")]))]);
    for (const name of ["a", "b"] as const)
      for (const address of [one(name), two(name)]) world.setScale(address, 32_768);
    expect(chancesOf(world)).toEqual({ inner: 0.75, c: 0.25 });
    for (let second = SECOND; second < SECOND + 20; second++) {
      const found = world.explain({ second }).root.entries.find(({ node }) => node.label === "inner")!;
      for (const { odds } of found.node.entries) expect(odds).toBeNull();
    }
  });

  test("a nested node that takes nobody is walked again, and then takes everybody", () => {
    const inner: NodeModel = { ...byLoad("least_response_time", weights({ a: 1, b: 1 })), label: "inner" };
    const world = createWorld([record(failover([inner]))]);
    for (const [name, responseMs] of Object.entries({ a: 10, b: 40 })) world.setFigures(name, { responseMs });
    for (const name of ["a", "b"] as const)
      for (const address of [one(name), two(name)]) world.setScale(address, 0);
    const { entries } = world.explain().root.entries[0]!.node;
    expect(entries.map(({ node, odds }) => [node.label, odds?.chance])).toEqual([
      ["a", 1],
      ["b", 0],
    ]);
  });

  test("after four attempts what is left is tried in one order, in which cost is not all", () => {
    const world = createWorld([
      record(byLoad("least_response_time", weights({ a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 2 }))),
    ]);
    for (const [name, responseMs] of Object.entries({ a: 10, b: 10, c: 10, d: 10, e: 10.5, f: 14, g: 14 }))
      world.setFigures(name, { responseMs });
    for (const name of ["a", "b", "c", "d"] as const) world.set(two(name), "down");
    const chances = chancesOf(world);
    expect(chances.e).toBeGreaterThan(0.85);
    expect(chances.g).toBeGreaterThan(1.5 * chances.f!);
    expectDrawn(world);
  });

  test("p2c after four attempts: by weight alone", () => {
    const world = createWorld([
      record(byLoad("p2c", weights({ a: 900, b: 900, c: 900, d: 900, e: 1, f: 1, g: 2 }))),
    ]);
    for (const [name, load] of Object.entries({ a: 0.1, b: 0.1, c: 0.1, d: 0.1, e: 0.3, f: 0.4, g: 0.5 }))
      world.setFigures(name, { load });
    for (const name of ["a", "b", "c", "d"] as const) world.set(two(name), "down");
    expect(chancesOf(world).g).toBeGreaterThan(0.4);
    expectDrawn(world);
  });

  test("there are none where there is too much to look at", () => {
    const many = Array.from({ length: 1500 }, (_, i): [NodeModel, number] => {
      const address = `10.${i >> 8}.${i & 255}.1`;
      return [
        {
          ...{ kind: "pool", label: `p${i}`, lastResort: null, location: null },
          pool: pool(`p${i}`, [address]),
        },
        1,
      ];
    });
    const world = createWorld([record(byLoad("p2c", many))]);
    expect(world.explain().root.entries.every(({ odds }) => odds === null)).toBe(true);
  });
});

describe("odds of latency whose pools take a part of their clients", () => {
  const table = ["9.9.0.0/16,a,10", "9.9.0.0/16,b,12", "9.9.0.0/16,c,50"];
  const tree = (toleranceMs: number): NodeModel => {
    const of = (["a", "b", "c"] as const).map((name): [NodeModel, string] => [
      {
        ...{ kind: "pool", label: name, lastResort: null, location: null },
        pool: { ...pair(name), region: { name, location: null } },
      },
      name,
    ]);
    return latency(of, table, { toleranceMs });
  };
  const scale = (world: World, name: Name, part: number): void => {
    for (const address of [one(name), two(name)]) world.setScale(address, part * 65_536);
  };

  test("untied: what the first leaves, the next take", () => {
    const world = createWorld([record(tree(0))]);
    scale(world, "a", 0.25);
    expect(chancesOf(world)).toEqual({ a: 0.25, b: 0.75, c: 0 });
    expectDrawn(world);
  });

  test("tied: what one leaves, its equals take first", () => {
    const world = createWorld([record(tree(5))]);
    scale(world, "a", 0.25);
    scale(world, "b", 0.5);
    // Both take the client in 1/8 of all cases, and are alike; neither in 3/8.
    expect(chancesOf(world)).toEqual({ a: 1 / 16 + 1 / 8, b: 1 / 16 + 3 / 8, c: 3 / 8 });
    expectDrawn(world);
  });

  test("tied, and a prefix that one of them leaves alone", () => {
    const world = createWorld([record(tree(5))]);
    scale(world, "a", 0.5);
    const found = new Set<boolean>();
    for (let n = 0; n < 20; n++) {
      const { entries } = world.explain({ ecs: `9.9.${n}.0/24` }).root;
      // Whom the one leaves alone the other takes for sure; it stands there only where dice threw the first.
      const chances = Object.fromEntries(entries.map(({ node, odds }) => [node.label, odds?.chance]));
      const isIn = chances.a === 0.5;
      expect(chances).toEqual({ a: isIn ? 0.5 : 0, b: isIn ? 0.5 : 1, c: undefined });
      for (let second = SECOND; second < SECOND + 10; second++) {
        const picked = world.explain({ ecs: `9.9.${n}.0/24`, second }).addresses[0]!.pool;
        if (!isIn) expect(picked).toBe("b");
      }
      found.add(isIn);
    }
    expect(found.size).toBe(2);
  });
});

test("weighted, below which dice may leave a client alone", () => {
  const inner = failover([leaf("a")], { label: "inner" });
  const world = createWorld([
    record(
      weighted([
        [inner, 3],
        [leaf("b"), 1],
      ]),
    ),
  ]);
  for (const address of [one("a"), two("a")]) world.setScale(address, 32_768);
  const drawn = drawnFrom(world);
  expect(chancesOf(world)).toEqual({ inner: 0.375, b: 0.625 });
  expect(Math.abs(drawn.a! - 0.375)).toBeLessThan(OFF);
});

test("pairs: chances add up to 1, and more load never helps", () => {
  const random = seededRandom(3);
  for (let i = 0; i < 200; i++) {
    const contenders = Array.from({ length: 1 + random.below(6) }, (_, id) => ({
      ...{ id, cost: random.below(4), weight: 1 + random.below(9) },
    }));
    const chances = pairChances(contenders);
    expect([...chances.values()].reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 12);
    const loaded = pairChances(
      contenders.map((one) => ({ ...one, cost: one.cost + (one.id === 0 ? 1 : 0) })),
    );
    expect(loaded.get(0)!).toBeLessThanOrEqual(chances.get(0)! + 1e-12);
  }
});

describe("over random nodes", () => {
  const random = seededRandom(23);
  const KINDS = ["least_response_time", "least_connections", "p2c", "adaptive"] as const;
  let exact = 0;

  test.each(Array.from({ length: 48 }, (_, i) => i))("node %i: odds are what happens", (index) => {
    const kind = KINDS[index % KINDS.length]!;
    const of: [NodeModel, number][] = NAMES.map((name) => [leaf(name), random.below(4)]);
    const root = kind === "adaptive" ? adaptive(of, { connections: 2, p99: 1, errors: 1 }) : byLoad(kind, of);
    const world = createWorld([record(root)]);
    const isFailing = random.below(3);
    for (const name of NAMES) {
      if (random.below(4) === 0) world.set(name, "down");
      else if (random.below(3) < isFailing) world.set(two(name), "down");
      const part = random.below(65_537);
      if (random.below(3) === 0) for (const address of [one(name), two(name)]) world.setScale(address, part);
      if (random.below(4) !== 0)
        world.setFigures(name, {
          ...{ responseMs: 10 + random.below(6) * 0.7, connections: random.below(5) },
          ...{ load: random.below(5) / 10, p99Ms: 5 + random.below(4), errors: random.below(3) / 100 },
        });
    }
    if (Object.values(chancesOf(world)).some((chance) => chance === undefined)) return;
    exact++;
    expectDrawn(world);
  });

  test("nearly all of them have some", () => {
    expect(exact).toBeGreaterThan(40);
  });
});
