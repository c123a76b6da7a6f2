import { describe, expect, it } from "vitest";
import { chiSquare, criticalValue } from "../../test/support/chi-square.ts";
import {
  adaptive,
  byLoad,
  createWorld,
  type Figures,
  failover,
  pool,
  record,
  type World,
} from "../../test/support/policy.ts";
import { ENDPOINT_ROW_WORDS, ROW_CONNECTIONS } from "../health/rows.ts";
import type { NodeModel, PoolModel } from "./model.ts";

const ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
const [A, B, C, D] = ADDRESSES as [string, string, string, string];

/** Four pools of one address each, named by it. */
const four = (): PoolModel[] => ADDRESSES.map((address) => pool(address, [address]));
const alike = (pools: PoolModel[]): [PoolModel, number][] => pools.map((of) => [of, 1]);

function worldOf(root: NodeModel | PoolModel, figures: Record<string, Figures>): World {
  const world = createWorld([record(root)]);
  for (const [address, of] of Object.entries(figures)) world.setFigures(address, of);
  return world;
}

/** How often each address is the answer, at successive seconds. */
function counts(world: World, asks = 4000): Record<string, number> {
  const found: Record<string, number> = {};
  for (let i = 0; i < asks; i++) {
    for (const address of world.ask({ second: 1_700_000_000 + i }).addresses)
      found[address] = (found[address] ?? 0) + 1;
  }
  return found;
}

function expectShares(found: Record<string, number>, shares: Record<string, number>): void {
  expect(Object.keys(found).sort()).toEqual(Object.keys(shares).sort());
  const names = Object.keys(shares);
  const statistic = chiSquare(
    names.map((name) => found[name]!),
    names.map((name) => shares[name]!),
  );
  expect(statistic, JSON.stringify(found)).toBeLessThan(criticalValue(Math.max(1, names.length - 1)));
}

/** The same choice between nodes and within a pool. */
const places: [
  place: string,
  make: (kind: "least_response_time" | "least_connections") => NodeModel | PoolModel,
][] = [
  ["between nodes", (kind) => byLoad(kind, alike(four()))],
  ["within a pool", (kind) => pool("p", ADDRESSES, { select: kind, maxAnswers: 1 })],
];

describe.each(places)("%s", (_place, make) => {
  it("least_response_time: the fastest, and those within a tenth of it, evenly", () => {
    const found = counts(
      worldOf(make("least_response_time"), {
        [A]: { responseMs: 100 },
        [B]: { responseMs: 110 },
        [C]: { responseMs: 110.001 },
        [D]: { responseMs: 500 },
      }),
    );
    expectShares(found, { [A]: 1, [B]: 1 });
  });

  it("least_response_time: a millisecond is no difference", () => {
    const found = counts(
      worldOf(make("least_response_time"), {
        [A]: { responseMs: 2 },
        [B]: { responseMs: 3 },
        [C]: { responseMs: 3.001 },
        [D]: { responseMs: 9 },
      }),
    );
    expectShares(found, { [A]: 1, [B]: 1 });
  });

  it("least_connections: the fewest, and one more is no difference", () => {
    const found = counts(
      worldOf(make("least_connections"), {
        [A]: { connections: 3 },
        [B]: { connections: 4 },
        [C]: { connections: 5 },
        [D]: { connections: 50 },
      }),
    );
    expectShares(found, { [A]: 1, [B]: 1 });
  });

  it("takes what has no figure for the mean of the others", () => {
    const figures = { [A]: { responseMs: 100 }, [B]: { responseMs: 110 }, [C]: { responseMs: 120 } };
    expectShares(counts(worldOf(make("least_response_time"), figures)), { [A]: 1, [B]: 1, [D]: 1 });
    const far = { [A]: { responseMs: 10 }, [B]: { responseMs: 110 }, [C]: { responseMs: 120 } };
    expectShares(counts(worldOf(make("least_response_time"), far)), { [A]: 1 });
  });

  it("draws evenly where nobody has a figure", () => {
    const found = counts(worldOf(make("least_connections"), {}));
    expectShares(found, { [A]: 1, [B]: 1, [C]: 1, [D]: 1 });
  });

  it("passes over what is down, however well it looked, and answers it when all are down", () => {
    const world = worldOf(make("least_response_time"), { [A]: { responseMs: 1 }, [B]: { responseMs: 90 } });
    world.set(A, "down");
    world.set(C, "down");
    world.set(D, "down");
    expectShares(counts(world, 100), { [B]: 1 });
    world.set(B, "down");
    expectShares(counts(world), { [A]: 1, [B]: 1, [C]: 1, [D]: 1 });
  });
});

describe("least_connections", () => {
  it("divides by weight", () => {
    const figures = { [A]: { connections: 200 }, [B]: { connections: 120 } };
    const nodes = byLoad("least_connections", [
      [pool(A, [A]), 2],
      [pool(B, [B]), 1],
    ]);
    expectShares(counts(worldOf(nodes, figures), 100), { [A]: 1 });
    const endpoints = [{ address: A, weight: 2 }, B];
    const select = pool("p", endpoints, { select: "least_connections", maxAnswers: 1 });
    expectShares(counts(worldOf(select, figures), 100), { [A]: 1 });
  });

  it("draws those that are as good in proportion to weight", () => {
    const figures = { [A]: { connections: 300 }, [B]: { connections: 100 } };
    const nodes = byLoad("least_connections", [
      [pool(A, [A]), 3],
      [pool(B, [B]), 1],
    ]);
    expectShares(counts(worldOf(nodes, figures)), { [A]: 3, [B]: 1 });
  });

  it("compares pools by what one of their endpoints has, so that a dead half does not look idle", () => {
    const big = pool("big", [A, B], { maxAnswers: 1 });
    const small = pool("small", [C]);
    const world = worldOf(byLoad("least_connections", alike([big, small])), {
      [A]: { connections: 100 },
      [B]: { connections: 100 },
      [C]: { connections: 80 },
    });
    expect(Object.keys(counts(world, 100))).toEqual([C]);
    world.setFigures(C, { connections: 150 });
    expect(Object.keys(counts(world, 100)).sort()).toEqual([A, B]);
    world.setFigures(A, { connections: 200 });
    world.set(B, "down");
    expect(Object.keys(counts(world, 100))).toEqual([C]);
  });
});

describe("weight 0", () => {
  it.each([["least_response_time" as const], ["least_connections" as const], ["p2c" as const]])(
    "%s: drained unless nothing else is left",
    (kind) => {
      const figures = {
        [A]: { responseMs: 90, connections: 90, load: 0.9 },
        [B]: { responseMs: 1, connections: 1, load: 0.1 },
      };
      const nodes = byLoad(kind, [
        [pool(A, [A]), 1],
        [pool(B, [B]), 0],
      ]);
      const select = pool("p", [A, { address: B, weight: 0 }], { select: kind, maxAnswers: 1 });
      for (const root of [nodes, select]) {
        const world = worldOf(root, figures);
        expectShares(counts(world, 200), { [A]: 1 });
        world.set(A, "down");
        expectShares(counts(world, 200), { [B]: 1 });
      }
    },
  );
});

describe("p2c", () => {
  const loads = { [A]: { load: 0.1 }, [B]: { load: 0.2 }, [C]: { load: 0.3 }, [D]: { load: 0.4 } };

  it.each<[string, NodeModel | PoolModel]>([
    ["nodes", byLoad("p2c", alike(four()))],
    ["endpoints", pool("p", ADDRESSES, { select: "p2c", maxAnswers: 1 })],
  ])("the better of two %s: the worst is never answered, the best half of the time", (_what, root) => {
    expectShares(counts(worldOf(root, loads), 6000), { [A]: 3, [B]: 2, [C]: 1 });
  });

  it.each<[string, (weights: number[]) => NodeModel | PoolModel]>([
    [
      "nodes",
      (weights) =>
        byLoad(
          "p2c",
          four().map((of, i) => [of, weights[i]!]),
        ),
    ],
    [
      "endpoints",
      (weights) =>
        pool(
          "p",
          ADDRESSES.map((address, i) => ({ address, weight: weights[i]! })),
          { select: "p2c", maxAnswers: 1 },
        ),
    ],
  ])("without a report %s are drawn in proportion to weight", (_what, make) => {
    expectShares(counts(worldOf(make([4, 3, 2, 1]), {}), 8000), { [A]: 4, [B]: 3, [C]: 2, [D]: 1 });
  });

  it("takes what has no report for the mean", () => {
    const figures = { [A]: { load: 0.1 }, [B]: { load: 0.5 } };
    const world = worldOf(pool("p", [A, B, C], { select: "p2c", maxAnswers: 1 }), figures);
    expectShares(counts(world, 6000), { [A]: 2, [C]: 1 });
    const nodes = byLoad("p2c", alike([A, B, C].map((address) => pool(address, [address]))));
    expectShares(counts(worldOf(nodes, figures), 6000), { [A]: 2, [C]: 1 });
  });

  it("gives as many answers as are asked for, the better of each pair first", () => {
    const world = worldOf(pool("p", ADDRESSES, { select: "p2c", maxAnswers: 2 }), loads);
    for (let i = 0; i < 200; i++) {
      const { addresses } = world.ask();
      expect(new Set(addresses).size).toBe(2);
      expect(addresses).not.toContain(D);
    }
    const all = worldOf(pool("p", [A, B, C], { select: "p2c", maxAnswers: 3 }), {});
    expect(all.ask().addresses.sort()).toEqual([A, B, C]);
  });
});

describe("adaptive", () => {
  const figures = {
    [A]: { connections: 9, p99Ms: 99, errors: 0 },
    [B]: { connections: 99, p99Ms: 9, errors: 0 },
    [C]: { connections: 9, p99Ms: 9, errors: 0.2 },
  };
  const three = (): [PoolModel, number][] => alike([A, B, C].map((address) => pool(address, [address])));

  it.each([
    [{ connections: 1 }, [A, C]],
    [{ p99: 1 }, [B, C]],
    [{ errors: 1 }, [A, B]],
    [{ connections: 2, p99: 1 }, [C]],
    [{ connections: 2, p99: 1, errors: 2 }, [A]],
    [{ connections: 1, p99: 2, errors: 2 }, [B]],
    [{ connections: 1, p99: 1, errors: 1 }, [A, B]],
  ])("with the parts %j", (parts, want) => {
    expect(Object.keys(counts(worldOf(adaptive(three(), parts), figures), 300)).sort()).toEqual(want);
    const whole = { connections: 0, p99: 0, errors: 0, ...parts };
    const select = pool("p", [A, B, C], { select: "adaptive", maxAnswers: 1, parts: whole });
    expect(Object.keys(counts(worldOf(select, figures), 300)).sort()).toEqual(want);
  });

  it("leaves out a part that nobody reports", () => {
    const world = worldOf(adaptive(three(), { connections: 1, p99: 1, errors: 1 }), {
      [A]: { p99Ms: 50 },
      [B]: { p99Ms: 20 },
    });
    expect(Object.keys(counts(world, 100))).toEqual([B]);
  });
});

describe("a child that is a policy", () => {
  it("has the figures of its first pool with an endpoint up", () => {
    const [a, b, c] = four() as [PoolModel, PoolModel, PoolModel];
    const tree = byLoad("least_response_time", alike([failover([a, b]), c] as never));
    const world = worldOf(tree, {
      [A]: { responseMs: 10 },
      [B]: { responseMs: 90 },
      [C]: { responseMs: 40 },
    });
    expect(world.ask().addresses).toEqual([A]);
    world.set(A, "down");
    expect(world.ask().addresses).toEqual([C]);
    world.setFigures(B, { responseMs: 20 });
    expect(world.ask().addresses).toEqual([B]);
  });
});

describe("large pools", () => {
  const many = Array.from({ length: 10_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);

  it("answers one of the better endpoints: the best of 16 is among the worse half once in 65,536", () => {
    const world = worldOf(pool("p", many, { select: "least_connections", maxAnswers: 1 }), {});
    const { endpoints } = world.rows;
    for (let i = 0; i < many.length; i++) endpoints[i * ENDPOINT_ROW_WORDS + ROW_CONNECTIONS] = i;
    const places = Object.keys(counts(world, 500)).map((address) => many.indexOf(address));
    expect(places.length).toBeGreaterThan(300);
    expect(Math.max(...places)).toBeLessThan(6000);
    const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
    expect(mean).toBeGreaterThan(300);
    expect(mean).toBeLessThan(900);
  });

  it("finds the one that is up", () => {
    for (const select of ["least_response_time", "p2c"] as const) {
      const world = worldOf(pool("p", many, { select, maxAnswers: 1 }), {});
      world.set("p", "down");
      world.set(many[7777]!, "up");
      expect(world.ask().addresses).toEqual([many[7777]]);
    }
  });
});

describe("several answers", () => {
  it("come from different subnets first, and within them by cost", () => {
    const far = "198.51.100.1";
    const world = worldOf(pool("p", [A, B, far], { select: "least_response_time", maxAnswers: 2 }), {
      [A]: { responseMs: 10 },
      [B]: { responseMs: 30 },
      [far]: { responseMs: 90 },
    });
    expect(world.ask().addresses).toEqual([A, far]);
    const alone = worldOf(pool("p", [A, B, C], { select: "least_response_time", maxAnswers: 2 }), {
      [A]: { responseMs: 30 },
      [B]: { responseMs: 60 },
      [C]: { responseMs: 10 },
    });
    expect(alone.ask().addresses).toEqual([C, A]);
  });
});

describe("a row's scale", () => {
  it.each(["least_response_time", "least_connections", "p2c"] as const)("%s lets turns pass", (select) => {
    const world = worldOf(pool("p", [A, B], { select, maxAnswers: 1 }), {
      [A]: { responseMs: 10, connections: 1, load: 0.1 },
      [B]: { responseMs: 90, connections: 90, load: 0.9 },
    });
    world.setScale(A, 16_384);
    expectShares(counts(world, 8000), { [A]: 1, [B]: 3 });
    world.set(B, "down");
    expectShares(counts(world, 50), { [A]: 1 });
    world.setScale(A, 0);
    expectShares(counts(world, 50), { [A]: 1 });
  });

  it("p2c compares those that take the client: of three two, half of the time the one that takes half", () => {
    const world = worldOf(pool("p", [A, B, C], { select: "p2c", maxAnswers: 1 }), {
      [A]: { load: 0.1 },
      [B]: { load: 0.2 },
      [C]: { load: 0.3 },
    });
    world.setScale(A, 32_768);
    // Taken: A wins 2 of 3 pairs, B the third. Left alone: B, always.
    expectShares(counts(world, 8000), { [A]: 1, [B]: 2 });
  });
});
