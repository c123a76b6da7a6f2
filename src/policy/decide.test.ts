import { describe, expect, it } from "vitest";
import {
  addressModel,
  createWorld,
  failover,
  keyed,
  node,
  pool,
  record,
  toPool,
  weighted,
} from "../../test/support/policy.ts";
import { POOL_ROW_FAILED, POOL_ROW_UP, POOL_ROW_WORDS } from "../health/rows.ts";

const eu = () => pool("eu", ["198.51.100.10", "198.51.100.11"]);
const us = () => pool("us", ["192.0.2.10"]);

describe("failover", () => {
  it("answers from the first pool that has not failed", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    expect(world.ask().addresses.sort()).toEqual(["198.51.100.10", "198.51.100.11"]);
    world.set("eu", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.10"]);
  });

  it("returns as soon as the first pool has recovered", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    world.set("eu", "down");
    world.ask();
    world.set("198.51.100.11", "up");
    expect(world.ask().addresses).toEqual(["198.51.100.11"]);
  });

  it("takes a child that nests as failed only when nothing below it is left", () => {
    const asia = pool("asia", ["203.0.113.7"]);
    const world = createWorld([record(failover([failover([eu(), us()]), asia]))]);
    world.set("eu", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.10"]);
    world.set("us", "down");
    expect(world.ask().addresses).toEqual(["203.0.113.7"]);
  });
});

describe("min_healthy", () => {
  it("fails a pool below its count", () => {
    const large = pool("large", ["192.0.2.1", "192.0.2.2", "192.0.2.3"], { minHealthy: { count: 2 } });
    const world = createWorld([record(failover([large, eu()]))]);
    world.set("192.0.2.1", "down");
    expect(world.ask().addresses).toHaveLength(2);
    world.set("192.0.2.2", "down");
    expect(world.ask().addresses.sort()).toEqual(["198.51.100.10", "198.51.100.11"]);
  });

  it("is one in the second pass: a pool with something up goes before the last resort", () => {
    const large = pool("large", ["192.0.2.1", "192.0.2.2", "192.0.2.3"], { minHealthy: { count: 2 } });
    const world = createWorld([record(failover([eu(), large]))]);
    world.set("eu", "down");
    world.set("large", "down");
    world.set("192.0.2.3", "up");
    expect(world.ask().addresses).toEqual(["192.0.2.3"]);
  });
});

describe("last resort", () => {
  it("answers as if all were up when nothing is", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    world.set("eu", "down");
    world.set("us", "down");
    expect(world.ask()).toMatchObject({ decision: "addresses" });
    expect(world.ask().addresses.sort()).toEqual(["198.51.100.10", "198.51.100.11"]);
  });

  it("never answers what is forced down or drained, and says NODATA when nothing else is left", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    world.set("198.51.100.10", "forced-down");
    world.set("198.51.100.11", "drained");
    world.set("us", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.10"]);
    world.set("us", "forced-down");
    expect(world.ask()).toMatchObject({ decision: "nodata", addresses: [], scope: 0 });
  });

  it("answers from the named pool, and from all of it when that is down too", () => {
    const sorry = pool("sorry", ["203.0.113.1", "203.0.113.2"], { minHealthy: { count: 2 } });
    const world = createWorld([record(failover([us()]), { lastResort: toPool(sorry) })]);
    world.set("us", "down");
    world.set("203.0.113.1", "down");
    expect(world.ask().addresses).toEqual(["203.0.113.2"]);
    world.set("sorry", "down");
    expect(world.ask().addresses.sort()).toEqual(["203.0.113.1", "203.0.113.2"]);
    world.set("sorry", "drained");
    expect(world.ask().decision).toBe("nodata");
    expect(world.ask({ family: 6 }).decision).toBe("nodata");
  });

  it("answers fixed addresses of the asked family", () => {
    const addresses = ["203.0.113.1", "203.0.113.2", "2001:db8::1"].map(addressModel);
    const world = createWorld([record(us(), { lastResort: { kind: "addresses", addresses } })]);
    world.set("us", "down");
    expect(world.ask().addresses.sort()).toEqual(["203.0.113.1", "203.0.113.2"]);
    expect(world.ask({ family: 6 })).toMatchObject({ addresses: ["2001:db8::1"], rows: [-1] });
  });

  it("rotates fixed addresses, gives 64 at most, and none that stand behind them", () => {
    const fixed = (from: number, count: number) => ({
      kind: "addresses" as const,
      addresses: Array.from({ length: count }, (_, i) => addressModel(`203.0.113.${from + i}`)),
    });
    const records = [record(us(), { lastResort: fixed(1, 3) }), record(us(), { lastResort: fixed(100, 70) })];
    const shared = records[0]!.root;
    const world = createWorld(records.map((model) => ({ ...model, root: shared })));
    world.set("us", "down");
    const firsts = Array.from({ length: 40 }, () => world.ask().addresses);
    for (const addresses of firsts) expect(addresses).toHaveLength(3);
    expect(new Set(firsts.map(([first]) => first)).size).toBe(3);
    const many = world.ask({ record: 1 }).addresses;
    expect(many).toHaveLength(64);
    expect(new Set(many).size).toBe(64);
  });

  it("says NODATA for fixed addresses without one of the asked family", () => {
    const addresses = [addressModel("203.0.113.1")];
    const world = createWorld([record(us(), { lastResort: { kind: "addresses", addresses } })]);
    world.set("us", "down");
    expect(world.ask({ family: 6 }).decision).toBe("nodata");
  });

  it("can be NODATA or SERVFAIL, and waits for the second pass", () => {
    const large = () => pool("large", ["192.0.2.1", "192.0.2.2"], { minHealthy: { count: 2 } });
    for (const kind of ["nodata", "servfail"] as const) {
      const world = createWorld([record(large(), { lastResort: { kind } })]);
      world.set("192.0.2.1", "down");
      expect(world.ask().addresses).toEqual(["192.0.2.2"]);
      world.set("192.0.2.2", "down");
      expect(world.ask()).toMatchObject({ decision: kind, addresses: [] });
    }
  });

  it("keeps a branch with its own from ever failing outward", () => {
    const branch = failover([eu()], { lastResort: { kind: "all" } });
    const world = createWorld([record(failover([branch, us()]))]);
    world.set("eu", "down");
    expect(world.ask().addresses.sort()).toEqual(["198.51.100.10", "198.51.100.11"]);
    world.set("eu", "drained");
    expect(world.ask().decision).toBe("nodata");
  });

  it("of a branch runs all three passes of its own", () => {
    const large = pool("large", ["192.0.2.1", "192.0.2.2"], { minHealthy: { count: 2 } });
    const branch = failover([eu(), large], { lastResort: { kind: "servfail" } });
    const world = createWorld([record(failover([branch, us()]))]);
    world.set("eu", "down");
    world.set("192.0.2.1", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.2"]);
    world.set("192.0.2.2", "down");
    expect(world.ask().decision).toBe("servfail");
  });

  it("of the root goes before the record's", () => {
    const root = failover([us()], { lastResort: { kind: "servfail" } });
    const world = createWorld([record(root, { lastResort: { kind: "nodata" } })]);
    world.set("us", "down");
    expect(world.ask().decision).toBe("servfail");
  });

  it("of a pool's own node works as that of a branch", () => {
    const guarded = { ...node(us()), lastResort: { kind: "nodata" as const } };
    const world = createWorld([record(failover([guarded, eu()]))]);
    world.set("us", "down");
    expect(world.ask().decision).toBe("nodata");
  });
});

describe("weighted", () => {
  it("gives a failed child's share to the others and leaves theirs alone", () => {
    const asia = pool("asia", ["203.0.113.7"]);
    const tree = weighted([
      [eu(), 50],
      [us(), 30],
      [asia, 20],
    ]);
    const world = createWorld([record(tree)]);
    const second = (i: number) => 1_700_000_000 + i;
    const before = Array.from({ length: 400 }, (_, i) => world.ask({ second: second(i) }).addresses[0]!);
    world.set("us", "down");
    const after = Array.from({ length: 400 }, (_, i) => world.ask({ second: second(i) }).addresses[0]!);
    const isEu = (address: string) => address.startsWith("198.51.100.");
    for (const [i, address] of before.entries()) {
      if (isEu(address)) expect(isEu(after[i]!)).toBe(true);
      else if (address === "203.0.113.7") expect(after[i]).toBe(address);
      else expect(after[i]).not.toBe("192.0.2.10");
    }
    const moved = before.filter((address) => address === "192.0.2.10").length;
    expect(moved).toBeGreaterThan(80);
    expect(new Set(after.filter((_, i) => before[i] === "192.0.2.10")).size).toBeGreaterThan(1);
  });

  it("draws weight 0 only when nothing else is left", () => {
    const tree = weighted([
      [eu(), 1],
      [us(), 0],
    ]);
    const world = createWorld([record(tree)]);
    for (let i = 0; i < 50; i++) expect(world.ask({ second: i }).addresses[0]).toMatch(/^198\.51\.100\./);
    world.set("eu", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.10"]);
    world.set("us", "down");
    expect(world.ask().addresses).toHaveLength(2);
  });

  it("counts the weights of its own entries only", () => {
    const inner = weighted([
      [eu(), 1],
      [us(), 1],
    ]);
    const world = createWorld([record(failover([inner, pool("next", ["203.0.113.7"])]))]);
    for (let second = 0; second < 100; second++) {
      expect(world.ask({ second }).addresses).not.toContain("203.0.113.7");
    }
  });

  it("agrees for A and AAAA of one resolver in the same second, and moves with the second", () => {
    const east = pool("east", [{ address: ["192.0.2.1", "2001:db8::1"] }]);
    const west = pool("west", [{ address: ["192.0.2.2", "2001:db8::2"] }]);
    const tree = weighted([
      [east, 1],
      [west, 1],
    ]);
    const world = createWorld([record(tree)]);
    const seen = new Set<string>();
    for (let second = 0; second < 64; second++) {
      const [ipv4] = world.ask({ second }).addresses;
      const [ipv6] = world.ask({ second, family: 6 }).addresses;
      expect(ipv6).toBe(ipv4 === "192.0.2.1" ? "2001:db8::1" : "2001:db8::2");
      seen.add(ipv4!);
    }
    expect(seen.size).toBe(2);
  });
});

describe("a pool in both families", () => {
  it("says NODATA for a family that is down while the other is up", () => {
    const dual = pool("dual", [{ address: ["192.0.2.1", "2001:db8::1"] }]);
    const world = createWorld([record(failover([dual, eu()]))]);
    world.set("2001:db8::1", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.1"]);
    expect(world.ask({ family: 6 })).toMatchObject({ decision: "nodata", scope: 0 });
  });

  it("does not look for that family in the next pool", () => {
    const dual = (name: string, last: number) =>
      pool(name, [{ address: [`192.0.2.${last}`, `2001:db8::${last}`] }]);
    const world = createWorld([record(failover([dual("first", 1), dual("second", 2)]))]);
    world.set("2001:db8::1", "down");
    expect(world.ask({ family: 6 }).decision).toBe("nodata");
    world.set("192.0.2.1", "down");
    expect(world.ask({ family: 6 }).addresses).toEqual(["2001:db8::2"]);
  });

  it("says NODATA for a family that it does not have", () => {
    const world = createWorld([record(us())]);
    expect(world.ask({ family: 6 })).toMatchObject({ decision: "nodata", ttl: 60 });
  });

  it("fails with any address down when it is strict", () => {
    const dual = pool("dual", [{ address: ["192.0.2.1", "2001:db8::1"] }], { dualStack: "strict" });
    const world = createWorld([record(failover([dual, us()]))]);
    expect(world.ask({ family: 6 }).addresses).toEqual(["2001:db8::1"]);
    world.set("2001:db8::1", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.10"]);
  });

  it("leaves a strict endpoint out of the answer while one of its addresses is down", () => {
    const endpoints = [{ address: ["192.0.2.1", "2001:db8::1"] }, { address: ["192.0.2.2", "2001:db8::2"] }];
    const world = createWorld([record(pool("dual", endpoints, { dualStack: "strict" }))]);
    world.set("2001:db8::1", "down");
    expect(world.ask().addresses).toEqual(["192.0.2.2"]);
    world.set("2001:db8::2", "down");
    expect(world.ask().addresses.sort()).toEqual(["192.0.2.1", "192.0.2.2"]);
    world.set("2001:db8::1", "forced-down");
    expect(world.ask().addresses).toEqual(["192.0.2.2"]);
  });

  it("heeds the first address of a strict endpoint as the others", () => {
    const endpoints = [{ address: ["192.0.2.1", "2001:db8::1"] }, { address: ["192.0.2.2", "2001:db8::2"] }];
    const world = createWorld([record(pool("dual", endpoints, { dualStack: "strict" }))]);
    world.set("192.0.2.1", "down");
    expect(world.ask({ family: 6 }).addresses).toEqual(["2001:db8::2"]);
  });

  it("leaves a drained address out of a strict endpoint's count", () => {
    const world = createWorld([
      record(pool("dual", [{ address: ["192.0.2.1", "2001:db8::1"] }], { dualStack: "strict" })),
    ]);
    world.set("2001:db8::1", "drained");
    expect(world.ask().addresses).toEqual(["192.0.2.1"]);
    expect(world.ask({ family: 6 }).decision).toBe("nodata");
  });
});

describe("a verdict older than the states", () => {
  it("sends a pool that turns out to be empty on to the next alternative", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    world.set("eu", "down");
    world.rows.pools[0 * POOL_ROW_WORDS + POOL_ROW_FAILED] = 0;
    world.rows.pools[0 * POOL_ROW_WORDS + POOL_ROW_UP] = 2;
    expect(world.ask().addresses).toEqual(["192.0.2.10"]);
  });

  it("does so for a strict pool of which every endpoint has an address down", () => {
    const dual = pool("dual", [{ address: ["192.0.2.1", "2001:db8::1"] }], { dualStack: "strict" });
    const next = pool("next", ["2001:db8::2"]);
    const world = createWorld([record(failover([dual, next]))]);
    world.set("192.0.2.1", "down");
    world.rows.pools[0 * POOL_ROW_WORDS + POOL_ROW_FAILED] = 0;
    expect(world.ask({ family: 6 }).addresses).toEqual(["2001:db8::2"]);
  });

  it("asks nothing of a pool without a row", () => {
    const world = createWorld([record(failover([pool("fixed", ["192.0.2.99"], { check: null }), us()]))]);
    expect(world.ask()).toMatchObject({ addresses: ["192.0.2.99"], rows: [-1], ttl: 60 });
  });

  it("answers from rows that nobody has written yet as a last resort", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    world.rows.endpoints.fill(0);
    world.rows.pools.fill(0);
    expect(world.ask().addresses.sort()).toEqual(["198.51.100.10", "198.51.100.11"]);
  });
});

describe("subnets", () => {
  const tree = () =>
    keyed("subnets", {
      default: us(),
      "8.0.0.0/8": failover([eu()]),
      "8.8.0.0/16": pool("inner", ["203.0.113.9"]),
      "2a00::/16": pool("v6", ["203.0.113.6"]),
    });

  it("takes the longest match and falls outward when it has failed", () => {
    const world = createWorld([record(tree())]);
    expect(world.ask({ ecs: "8.8.8.0/24" })).toMatchObject({ addresses: ["203.0.113.9"], scope: 16 });
    world.set("inner", "down");
    expect(world.ask({ ecs: "8.8.8.0/24" }).addresses.sort()).toEqual(["198.51.100.10", "198.51.100.11"]);
    world.set("eu", "down");
    expect(world.ask({ ecs: "8.8.8.0/24" })).toMatchObject({ addresses: ["192.0.2.10"], scope: 16 });
  });

  it("goes by the resolver's address without a client subnet, and says scope 0", () => {
    const world = createWorld([record(tree())]);
    expect(world.ask({ resolver: "8.8.8.8" })).toMatchObject({ addresses: ["203.0.113.9"], scope: 0 });
    expect(world.ask({ resolver: "2a00::53", family: 4 })).toMatchObject({ addresses: ["203.0.113.6"] });
  });

  it("ignores the client subnet where the record says so", () => {
    const world = createWorld([record(tree(), { ecs: false })]);
    const asked = world.ask({ resolver: "8.8.8.8", ecs: "1.2.3.0/24" });
    expect(asked).toMatchObject({ addresses: ["203.0.113.9"], scope: 0 });
  });

  it("looks the resolver up for a private client, whose block is the scope", () => {
    const world = createWorld([record(tree())]);
    const asked = world.ask({ resolver: "8.8.8.8", ecs: "10.1.2.0/24" });
    expect(asked.addresses).toEqual(["203.0.113.9"]);
    expect(asked.scope).toBeGreaterThanOrEqual(8);
  });

  it("gives the default when resolver and client are both private", () => {
    const world = createWorld([record(tree())]);
    expect(world.ask({ resolver: "127.0.0.1" }).addresses).toEqual(["192.0.2.10"]);
    expect(world.ask({ resolver: "127.0.0.1", ecs: "10.0.0.0/8" }).addresses).toEqual(["192.0.2.10"]);
  });

  it("lets a key cover a private client", () => {
    const world = createWorld([record(keyed("subnets", { "10.1.0.0/16": eu(), default: us() }))]);
    const asked = world.ask({ resolver: "8.8.8.8", ecs: "10.1.2.0/24" });
    expect(asked).toMatchObject({ scope: 16 });
    expect(asked.addresses[0]).toMatch(/^198\.51\.100\./);
  });

  it("has failed for a client that no key matches", () => {
    const only = keyed("subnets", { "8.0.0.0/8": eu() });
    const world = createWorld([record(failover([only, us()])), record(only)]);
    expect(world.ask({ ecs: "1.2.3.0/24" }).addresses).toEqual(["192.0.2.10"]);
    expect(world.ask({ ecs: "1.2.3.0/24", record: 1 }).decision).toBe("nodata");
  });

  it("takes no tile of another record's tables", () => {
    const wide = keyed("subnets", { "8.0.0.0/8": eu(), default: us() });
    const narrow = keyed("subnets", { "8.8.8.128/25": eu(), default: us() });
    const world = createWorld([record(wide), record(narrow)]);
    expect(world.ask({ ecs: "8.8.8.0/24" }).scope).toBe(8);
    expect(world.ask({ ecs: "8.8.8.0/24", record: 1 }).scope).toBe(25);
  });

  it("takes the longest tile over all tables, whatever the health and whichever branch is read", () => {
    const inner = keyed("subnets", { "8.8.8.0/24": eu(), default: us() });
    const tree = failover([pool("first", ["203.0.113.1"]), inner]);
    const world = createWorld([record(tree)]);
    expect(world.ask({ ecs: "8.8.8.0/24" })).toMatchObject({ addresses: ["203.0.113.1"], scope: 24 });
    world.set("first", "down");
    expect(world.ask({ ecs: "8.8.8.0/24" }).scope).toBe(24);
  });
});

describe("ttl", () => {
  it("is the maximum while everything that was read is settled", () => {
    const world = createWorld([record(failover([us(), eu()]))]);
    world.set("eu", "down", 7000);
    expect(world.ask().ttl).toBe(60);
  });

  it("shrinks with the least horizon that was read, in whole seconds, down to the minimum", () => {
    const world = createWorld([record(failover([us(), eu()]))]);
    world.set("us", "down", 20_999);
    expect(world.ask().ttl).toBe(20);
    world.set("198.51.100.10", "up", 9000);
    expect(world.ask().ttl).toBe(9);
    world.set("198.51.100.10", "up", 1000);
    expect(world.ask().ttl).toBe(5);
  });

  it("counts an address of the answer although the pool's word is older", () => {
    const world = createWorld([record(us())]);
    world.set("us", "up", 8000);
    world.rows.pools.fill(0);
    expect(world.ask().ttl).toBe(8);
  });

  it("does not count addresses of the answer before", () => {
    const world = createWorld([record(eu()), record(us())]);
    world.set("eu", "up", 9000);
    expect(world.ask().ttl).toBe(9);
    expect(world.ask({ record: 1 })).toMatchObject({ addresses: ["192.0.2.10"], ttl: 60 });
  });

  it("shapes negative answers too", () => {
    const world = createWorld([record(us(), { lastResort: { kind: "nodata" } })]);
    world.set("us", "down", 6000);
    expect(world.ask()).toMatchObject({ decision: "nodata", ttl: 6 });
  });
});
