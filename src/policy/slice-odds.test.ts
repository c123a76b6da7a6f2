import { describe, expect, test } from "vitest";
import {
  createWorld,
  failover,
  keyed,
  pool,
  record,
  type World,
  weighted,
} from "../../test/support/policy.ts";
import { seededRandom } from "../../test/support/random.ts";
import type { NodeExplanation } from "./explanation.ts";
import type { NodeModel } from "./model.ts";

const ONE = 65_536;
/** Ramps: the client's prefix has to be read. */
const SLOW = { slowStartMs: 60_000 };
const NAMES = ["a", "b", "c", "d", "e"] as const;
const address = (name: string): string => `192.0.2.${NAMES.indexOf(name as (typeof NAMES)[number]) + 1}`;
/** As in a file: one node, wherever its name stands. */
const slow = (name: string): NodeModel => ({
  ...{ kind: "pool", label: name, lastResort: null, location: null },
  pool: pool(name, [address(name)], SLOW),
});

function worldOf(root: NodeModel, scales: Record<string, number>): World {
  const world = createWorld([record(root)]);
  for (const [name, part] of Object.entries(scales)) world.setScale(address(name), Math.round(part * ONE));
  return world;
}

const DRAWS = 4000;
/** Four standard deviations of a half in so many draws. */
const OFF = 4 * Math.sqrt(0.25 / DRAWS);

/** How often each address is answered in successive seconds, to one resolver. */
function shares(world: World): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < DRAWS; i++)
    for (const found of world.ask({ second: 1_700_000_000 + i }).addresses)
      counts[found] = (counts[found] ?? 0) + 1 / DRAWS;
  return counts;
}

function chancesOf({ entries }: NodeExplanation): Record<string, number | undefined> {
  return Object.fromEntries(entries.map(({ node, odds }) => [node.label, odds?.chance]));
}

function expectDrawn(world: World, chances: Record<string, number>): void {
  const drawn = shares(world);
  for (const [name, chance] of Object.entries(chances))
    expect(Math.abs((drawn[address(name)] ?? 0) - chance), name).toBeLessThan(OFF);
}

describe("odds of pools that take a part of their clients", () => {
  test("failover: what the first leaves, the next take in their order", () => {
    const world = worldOf(failover([slow("a"), slow("b"), slow("c")]), { a: 0.25, b: 0.5 });
    const chances = { a: 0.25, b: 0.375, c: 0.375 };
    expect(chancesOf(world.explain().root)).toEqual(chances);
    expectDrawn(world, chances);
  });

  test("what has failed leaves its part to the next", () => {
    const world = worldOf(failover([slow("a"), slow("b"), slow("c")]), { a: 0.25, b: 0.5 });
    world.set("a", "down");
    const chances = { a: 0, b: 0.5, c: 0.5 };
    expect(chancesOf(world.explain().root)).toEqual(chances);
    expectDrawn(world, chances);
  });

  test("when all leave a client alone, the first takes it after all", () => {
    const world = worldOf(failover([slow("a"), slow("b")]), { a: 0.25, b: 0.5 });
    const chances = { a: 0.25 + 0.75 * 0.5, b: 0.375 };
    for (const second of [1_700_000_000, 1_700_000_001, 1_700_000_002, 1_700_000_003])
      expect(chancesOf(world.explain({ second }).root)).toEqual(chances);
    expectDrawn(world, chances);
  });

  test("entries of a table, in the order that it has for the client", () => {
    const world = worldOf(keyed("subnets", { "9.9.0.0/16": slow("a"), "0.0.0.0/0": slow("b") }), { a: 0.25 });
    const chances = { "9.9.0.0/16": 0.25, "0.0.0.0/0": 0.75 };
    const told = world.explain().root.entries.map(({ key, odds }) => [key, odds?.chance]);
    expect(Object.fromEntries(told)).toEqual(chances);
    expectDrawn(world, { a: 0.25, b: 0.75 });
  });

  test("a pool that stands in two places has one die", () => {
    const [a, b] = [slow("a"), slow("b")];
    const world = worldOf(failover([failover([a], { label: "inner" }), a, b]), { a: 0.25 });
    const { root } = world.explain();
    expect(chancesOf(root)).toEqual({ inner: 0.25, a: 0, b: 0.75 });
    expectDrawn(world, { a: 0.25, b: 0.75 });
  });

  test("nodes of the same pool have the same die", () => {
    const world = worldOf(failover([failover([slow("a")], { label: "inner" }), slow("a"), slow("b")]), {
      a: 0.25,
    });
    expect(chancesOf(world.explain().root)).toEqual({ inner: 0.25, a: 0, b: 0.75 });
    expectDrawn(world, { a: 0.25, b: 0.75 });
  });

  test("a weighted child takes everybody; one with a last resort of its own, too", () => {
    const shared = weighted(
      [
        [slow("b"), 1],
        [slow("c"), 1],
      ],
      { label: "shared" },
    );
    const world = worldOf(failover([slow("a"), shared, slow("d")]), { a: 0.25, b: 0.5 });
    expect(chancesOf(world.explain().root)).toEqual({ a: 0.25, shared: 0.75, d: 0 });
    expectDrawn(world, { a: 0.25, b: 0.25, c: 0.5, d: 0 });
    const own = failover([slow("b")], { label: "own", lastResort: { kind: "nodata" } });
    const other = worldOf(failover([slow("a"), own, slow("d")]), { a: 0.25, b: 0.5 });
    expect(chancesOf(other.explain().root)).toEqual({ a: 0.25, own: 0.75, d: 0 });
    expectDrawn(other, { a: 0.25, b: 0.75, d: 0 });
  });

  test("there are none where no dice choose", () => {
    const tree = () => failover([slow("a"), slow("b")]);
    expect(chancesOf(worldOf(tree(), {}).explain().root)).toEqual({ a: undefined, b: undefined });
    expect(chancesOf(worldOf(tree(), { b: 0.5 }).explain().root)).toEqual({ a: undefined, b: undefined });
    const hashed = worldOf(tree(), { a: 0.5 }).explain({ ecs: "20.0.0.0/24" }).root;
    expect(chancesOf(hashed)).toEqual({ a: undefined, b: undefined });
    const down = worldOf(tree(), { a: 0.5 });
    for (const name of ["a", "b"]) down.set(name, "down");
    expect(chancesOf(down.explain().root)).toEqual({ a: undefined, b: undefined });
  });

  test("there are none for a nested node that may leave a client to others", () => {
    const inner = failover([slow("a"), slow("b")], { label: "inner" });
    const { root } = worldOf(failover([inner, slow("c")]), { a: 0.5, b: 0.5 }).explain();
    expect(chancesOf(root)).toEqual({ inner: 0.75, c: 0.25 });
    for (const { node } of root.entries.filter(({ node }) => node.label === "inner"))
      for (const { odds } of node.entries) expect(odds).toBeNull();
  });

  const random = seededRandom(11);
  test.each(Array.from({ length: 25 }, (_, i) => i))("tree %i: odds are what happens", (index) => {
    const leaves = NAMES.map(slow);
    const inner = random.below(2) === 0 ? failover([leaves[1]!, leaves[2]!]) : leaves[1]!;
    const world = worldOf(failover([leaves[0]!, inner, leaves[3]!, leaves[4]!]), {});
    for (const name of inner.kind === "pool" ? ["a", "b", "d", "e"] : NAMES) {
      if (random.below(4) === 0) world.set(name, "down");
      if (random.below(2) === 0) world.setScale(address(name), random.below(ONE + 1));
    }
    const told = world.explain({ second: 1_700_000_000 + index }).root.entries;
    if (told.some(({ odds }) => odds === null)) return;
    const drawn = shares(world);
    for (const { node, odds } of told) {
      const below = node.label === "" ? ["b", "c"] : [node.label];
      const share = below.reduce((sum, name) => sum + (drawn[address(name)] ?? 0), 0);
      expect(Math.abs(odds!.chance - share), node.label).toBeLessThan(OFF);
    }
  });
});
