import { describe, expect, test } from "vitest";
import {
  byLoad,
  createWorld,
  failover,
  hash,
  keyed,
  pool,
  record,
  roundRobin,
  union,
  type World,
  weighted,
} from "../../test/support/policy.ts";
import type { NodeModel } from "./model.ts";

const ONE = 65_536;
const CLIENTS = 2_000;

/** Ramps: the client's prefix has to be read. */
const SLOW = { slowStartMs: 60_000 };
const eu = () => pool("eu", ["192.0.2.1"], SLOW);
const us = () => pool("us", ["198.51.100.1"]);
const prefix = (n: number): string => `20.${n >> 8}.${n & 255}.0/24`;

function worldOf(root: NodeModel): World {
  return createWorld([record(root)]);
}

/** The clients, of the first so many, that get this address. */
function clientsOf(world: World, address: string, count = CLIENTS): Set<number> {
  const found = new Set<number>();
  for (let n = 0; n < count; n++) if (world.ask({ ecs: prefix(n) }).addresses.includes(address)) found.add(n);
  return found;
}

const isWithin = (some: Set<number>, all: Set<number>): boolean => [...some].every((n) => all.has(n));

describe("a pool that comes back", () => {
  test.each([
    ["failover", () => failover([eu(), us()])],
    ["geo", () => keyed("geo", { default: failover([eu(), us()]) })],
    ["subnets", () => keyed("subnets", { "0.0.0.0/0": eu(), default: us() })],
    [
      "hash",
      () =>
        hash([
          [eu(), 1],
          [us(), 1],
        ]),
    ],
    ["all", () => union([eu(), us()])],
  ])("%s: its slice grows, and nobody in it leaves again", (kind, root) => {
    const world = worldOf(root());
    let before = new Set<number>();
    for (const part of [0, 0.05, 0.25, 0.5, 0.75, 1]) {
      world.setScale("192.0.2.1", Math.round(part * ONE));
      const now = clientsOf(world, "192.0.2.1");
      expect(isWithin(before, now)).toBe(true);
      // Of two that weigh the same, hash gives each a half, and less to what weighs less.
      const share = kind === "hash" ? part / (1 + part) : part;
      expect(now.size / CLIENTS).toBeGreaterThan(share - 0.04);
      expect(now.size / CLIENTS).toBeLessThan(share + 0.04);
      before = now;
    }
  });

  test("the slice is the same on every server, and goes by the prefix alone", () => {
    const [one, other] = [worldOf(failover([eu(), us()])), worldOf(failover([eu(), us()]))];
    for (const world of [one, other]) world.setScale("192.0.2.1", ONE / 2);
    for (let n = 0; n < 200; n++) {
      const ecs = prefix(n);
      const asked = one.ask({ ecs, second: 1_700_000_000 + n }).addresses;
      expect(other.ask({ ecs: ecs.replace(".0/24", ".200/32"), resolver: "8.8.8.8" }).addresses).toEqual(
        asked,
      );
    }
  });

  test("the scope of answers is at least the prefix that slices go by", () => {
    expect(worldOf(failover([eu(), us()])).ask({ ecs: "20.0.0.0/24" }).scope).toBe(24);
    const plain = worldOf(failover([pool("eu", ["192.0.2.1"]), us()]));
    expect(plain.ask({ ecs: "20.0.0.0/24" }).scope).toBe(0);
    const endpoints = ["192.0.2.1", "192.0.2.2"];
    const shed = { low: 0.7, high: 0.9 };
    for (const options of [SLOW, { shed }])
      expect(
        worldOf(failoverOf(pool("eu", endpoints, { ...options, select: "p2c", maxAnswers: 1 }))).ask({
          ecs: "20.0.0.0/24",
        }).scope,
      ).toBe(24);
  });

  test.each([
    [
      "weighted",
      (a: NodeModel, b: NodeModel) =>
        weighted([
          [a, 3],
          [b, 1],
        ]),
    ],
    [
      "round_robin",
      (a: NodeModel, b: NodeModel) =>
        roundRobin([
          [a, 3],
          [b, 1],
        ]),
    ],
  ])("%s: its weight grows", (_, root) => {
    const node = (from: ReturnType<typeof eu>): NodeModel => failoverOf(from);
    const world = worldOf(root(node(eu()), node(us())));
    for (const part of [0, 0.1, 0.5, 1]) {
      world.setScale("192.0.2.1", Math.round(part * ONE));
      let hits = 0;
      for (let n = 0; n < 4_000; n++)
        if (world.ask({ second: 1_700_000_000 + n }).addresses[0] === "192.0.2.1") hits++;
      const share = (3 * part) / (3 * part + 1);
      expect(hits / 4_000).toBeGreaterThan(share - 0.04);
      expect(hits / 4_000).toBeLessThan(share + 0.04);
    }
  });

  test("clients without a subnet are divided by dice, A and AAAA alike", () => {
    const both = pool("eu", [{ address: ["192.0.2.1", "2001:db8::1"] }], SLOW);
    const rest = pool("us", [{ address: ["198.51.100.1", "2001:db8:1::1"] }]);
    const world = worldOf(failover([both, rest]));
    for (const address of ["192.0.2.1", "2001:db8::1"]) world.setScale(address, ONE / 4);
    let hits = 0;
    for (let n = 0; n < 2_000; n++) {
      const second = 1_700_000_000 + n;
      const isEu = world.ask({ second }).addresses[0] === "192.0.2.1";
      expect(world.ask({ second, family: 6 }).addresses[0] === "2001:db8::1").toBe(isEu);
      if (isEu) hits++;
    }
    expect(hits / 2_000).toBeGreaterThan(0.2);
    expect(hits / 2_000).toBeLessThan(0.3);
  });

  test.each([0, 0.01])("takes everybody at %f when there is nobody else", (part) => {
    for (const root of [
      failover([eu(), us()]),
      weighted([
        [eu(), 1],
        [us(), 1],
      ]),
      union([eu(), us()]),
      failover([eu()]),
    ]) {
      const world = worldOf(root);
      world.setScale("192.0.2.1", Math.round(part * ONE));
      if (world.pools.length > 1) world.set("us", "down");
      expect(clientsOf(world, "192.0.2.1", 300).size).toBe(300);
    }
  });

  test("goes before a pool that has failed and has one endpoint left", () => {
    const weak = pool("weak", ["203.0.113.1", "203.0.113.2"], { minHealthy: { count: 2 } });
    const world = worldOf(failover([weak, eu()]));
    world.set("203.0.113.1", "down");
    world.setScale("192.0.2.1", 0);
    expect(clientsOf(world, "192.0.2.1", 300).size).toBe(300);
  });
});

/** A pool as a child is a node of its own. */
function failoverOf(from: ReturnType<typeof eu>): NodeModel {
  return { label: from.name, lastResort: null, location: null, kind: "pool", pool: from };
}

describe("an endpoint that comes back", () => {
  const addresses = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];

  test.each(["all", "least_response_time", "hash"] as const)(
    "select: %s gives it a slice that grows",
    (select) => {
      const world = worldOf(
        failoverOf(pool("eu", addresses, { ...SLOW, select, maxAnswers: select === "all" ? 8 : 1 })),
      );
      world.setFigures("eu", { responseMs: 20 });
      world.setFigures("192.0.2.1", { responseMs: 1 });
      let before = new Set<number>();
      for (const part of [0, 0.1, 0.5, 1]) {
        world.setScale("192.0.2.1", Math.round(part * ONE));
        const now = clientsOf(world, "192.0.2.1", 1_000);
        expect(isWithin(before, now)).toBe(true);
        const share = select === "hash" ? part / (2 + part) : part;
        expect(now.size / 1_000).toBeGreaterThan(share - 0.05);
        expect(now.size / 1_000).toBeLessThan(share + 0.05);
        before = now;
      }
    },
  );

  /** `p2c`, where the first of them is the least loaded. */
  const first = (count: number, weight = 1, maxAnswers = 1): NodeModel => {
    const endpoints = Array.from({ length: count }, (_, i) => ({
      address: `192.0.2.${i + 1}`,
      weight: i === 0 ? weight : 1,
    }));
    return failoverOf(pool("eu", endpoints, { ...SLOW, select: "p2c", maxAnswers }));
  };
  const nodes = () =>
    byLoad("p2c", [
      [eu(), 1],
      [us(), 1],
    ]);

  test.each([
    ["a pool of two", () => first(2)],
    ["a pool of three", () => first(3)],
    ["a pool of three, two answers", () => first(3, 1, 2)],
    ["a pool of 50, of which it is nearly all", () => first(50, 1000)],
    ["a node of two", nodes],
  ])("p2c, %s: it has a slice that grows, and nobody else", (_, root) => {
    const world = worldOf(root());
    for (const { name } of world.pools) world.setFigures(name, { load: 0.9 });
    world.setFigures("192.0.2.1", { load: 0.1 });
    let before = new Set<number>();
    for (const part of [0, 0.1, 0.5, 0.9, 1]) {
      world.setScale("192.0.2.1", Math.round(part * ONE));
      const now = new Set<number>();
      // Of three two are drawn: it is not always among them.
      for (let again = 0; again < 10; again++) for (const n of clientsOf(world, "192.0.2.1", 600)) now.add(n);
      expect(isWithin(before, now)).toBe(true);
      expect(now.size / 600).toBeGreaterThan(part - 0.05);
      expect(now.size / 600).toBeLessThan(part + 0.05);
      before = now;
    }
  });

  test("all of them at 0 answer all the same", () => {
    const world = worldOf(failoverOf(pool("eu", addresses, SLOW)));
    for (const address of addresses) world.setScale(address, 0);
    expect(world.ask({ ecs: "20.0.0.0/24" }).addresses).toHaveLength(3);
  });
});

test("explain says of p2c who is left out, and whom the other was compared with", () => {
  const jp = pool("jp", ["203.0.113.1"]);
  const world = worldOf(
    byLoad("p2c", [
      [eu(), 1],
      [us(), 1],
      [jp, 1],
    ]),
  );
  for (const [name, load] of Object.entries({ eu: 0.1, us: 0.5, jp: 0.9 })) world.setFigures(name, { load });
  world.setScale("192.0.2.1", 0);
  let seen = 0;
  for (let n = 0; n < 50; n++) {
    const { root } = world.explain({ ecs: prefix(n) });
    const said = Object.fromEntries(root.entries.map(({ node, status }) => [node.label, status]));
    if (said.eu !== "left-out") continue;
    seen++;
    expect(said).toEqual({ eu: "left-out", us: "chosen", jp: "passed-over" });
  }
  expect(seen).toBeGreaterThan(0);
});

test("explain says who is left out, and how much is taken", () => {
  const world = worldOf(failover([eu(), us()]));
  world.setScale("192.0.2.1", ONE / 4);
  const out = Array.from({ length: 100 }, (_, n) => n).find(
    (n) => world.ask({ ecs: prefix(n) }).addresses[0] === "198.51.100.1",
  )!;
  const { root } = world.explain({ ecs: prefix(out) });
  expect(root.entries.map(({ status }) => status)).toEqual(["chosen", "left-out"]);
  expect(root.entries[1]!.node.pool).toMatchObject({ name: "eu", takes: 0.25 });
  expect(root.entries[1]!.node.pool!.endpoints[0]!.addresses[0]!.takes).toBe(0.25);
});
