import { describe, expect, it } from "vitest";
import { makeMmdb, openOrThrow } from "../../test/support/geo-fixtures.ts";
import {
  addressModel,
  createWorld,
  failover,
  hash,
  keyed,
  nearest,
  pool,
  record,
  toPool,
  weighted,
} from "../../test/support/policy.ts";
import { joinDatabases } from "../geo/databases.ts";
import {
  ENDPOINT_ROW_WORDS,
  ROW_REASON,
  ROW_RUN,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_FORCED_UP,
  STATE_UP,
} from "../health/rows.ts";
import type { NodeModel } from "./model.ts";

const eu = () => pool("eu", ["198.51.100.10", "198.51.100.11"]);
const us = () => pool("us", ["192.0.2.10"], { region: { name: "virginia", location: null } });

describe("explainDecision", () => {
  it("says what a failover looked at, what it chose, and what was not needed", () => {
    const world = createWorld([record(failover([eu(), us(), pool("asia", ["203.0.113.1"])]))]);
    world.set("eu", "down", 20_000);
    const { root, addresses, decision, ttl, scope, lastResort } = world.explain();
    expect(decision).toBe("addresses");
    expect(addresses).toEqual([{ address: "192.0.2.10", pool: "us", endpoint: "192.0.2.10" }]);
    expect(root).toMatchObject({ kind: "failover", outcome: "addresses", pass: "normal", earlier: [] });
    expect(root.entries.map(({ status, node }) => [node.label, status, node.outcome])).toEqual([
      ["eu", "failed", "failed"],
      ["us", "chosen", "addresses"],
      ["asia", "not-needed", "unvisited"],
    ]);
    expect(root.entries[1]!.node.pool).toMatchObject({ region: "virginia", up: 1, usable: 1, failed: false });
    expect(root.entries[0]!.node.pool).toMatchObject({ up: 0, usable: 2, failed: true, horizonMs: 20_000 });
    expect(ttl).toEqual({
      seconds: 20,
      minSeconds: 5,
      maxSeconds: 60,
      reason: "horizon",
      limit: {
        pool: "eu",
        endpoint: "198.51.100.10",
        address: "198.51.100.10",
        failback: null,
        horizonMs: 20_000,
        state: "down",
        run: 0,
        probes: null,
      },
    });
    expect(scope).toEqual({ bits: 0, reason: "no-ecs", table: null });
    expect(lastResort).toBeNull();
  });

  it("says which prefix was hashed, what it chose, and who is next in its order", () => {
    const world = createWorld([
      record(
        hash([
          [eu(), 1],
          [us(), 1],
          [pool("asia", ["203.0.113.1"]), 1],
        ]),
      ),
    ]);
    const { root, scope, sticky } = world.explain({ ecs: "81.2.69.7/32" });
    expect(sticky).toEqual({ prefix: "81.2.69.0/24", place: "client", tile: "81.2.69.0/24", tileBits: 24 });
    expect(scope).toEqual({ bits: 24, reason: "sticky", table: null });
    expect(root.entries.map(({ hashOf, status }) => [hashOf, status])).toEqual([
      ["81.2.69.0/24", "chosen"],
      [null, "not-needed"],
      [null, "not-needed"],
    ]);
    const order = root.entries.map(({ node }) => node.label);
    world.set(order[0]!, "down");
    const second = world.explain({ ecs: "81.2.69.7/32" }).root;
    expect(second.entries.map(({ node }) => node.label)).toEqual(order);
    expect(second.entries.map(({ status }) => status)).toEqual(["failed", "chosen", "not-needed"]);
  });

  it("says what a failover is latched on, and when it goes back", () => {
    const latch = { afterMs: 600_000, zone: "gslb.example", policy: "www: policy", row: 0 };
    const tree = { ...failover([us(), eu(), pool("asia", ["203.0.113.1"])], { label: "home" }), latch };
    const world = createWorld([record(tree as NodeModel)]);
    const second = 1_700_000_000;
    expect(world.explain({ second }).root).toMatchObject({ latch: null });
    world.rows.latches.set([1, 600_000, second - 3600, 1, second - 580]);
    const { root, ttl, addresses } = world.explain({ second });
    expect(addresses[0]).toMatchObject({ pool: "eu" });
    expect(root.entries.map(({ status, node }) => [node.label, status])).toEqual([
      ["eu", "chosen"],
      ["us", "not-needed"],
      ["asia", "not-needed"],
    ]);
    expect(root.latch).toEqual({
      entry: "eu",
      sinceS: second - 3600,
      forSeconds: 3600,
      afterSeconds: 600,
      healthy: { entry: "us", forSeconds: 580 },
      returnsInSeconds: 20,
    });
    expect(ttl).toMatchObject({ seconds: 20, reason: "horizon" });
    expect(ttl.limit).toMatchObject({
      pool: null,
      endpoint: null,
      address: null,
      failback: "home",
      horizonMs: 20_000,
    });
    world.set("eu", "down");
    expect(world.explain({ second }).addresses[0]).toMatchObject({ pool: "us" });
    world.set("us", "down");
    expect(world.explain({ second }).addresses[0]).toMatchObject({ pool: "asia" });
    world.rows.latches.set([2, 0, 0, 0, 0]);
    expect(world.explain({ second }).root.latch).toEqual({
      entry: "asia",
      sinceS: null,
      forSeconds: null,
      afterSeconds: null,
      healthy: null,
      returnsInSeconds: null,
    });
  });

  it("gives the same answer as decide does without a trace", () => {
    const tree = keyed("subnets", { "8.0.0.0/8": weighted([[failover([eu(), us()]), 1]]), default: us() });
    const world = createWorld([record(tree)]);
    world.set("198.51.100.10", "down", 9000);
    for (const ecs of ["8.8.8.0/24", "1.1.1.0/24"]) {
      const plain = world.ask({ ecs });
      const explained = world.explain({ ecs });
      expect(explained.addresses.map(({ address }) => address)).toEqual(plain.addresses);
      expect([explained.ttl.seconds, explained.scope.bits]).toEqual([plain.ttl, plain.scope]);
    }
  });

  it("says which keys of a table matched, and which did not", () => {
    const tree = keyed("subnets", {
      "8.0.0.0/8": eu(),
      "8.8.0.0/16": us(),
      "2a00::/16": us(),
      default: eu(),
    });
    const world = createWorld([record(tree)]);
    world.set("us", "down");
    const { root, tables, scope, client } = world.explain({ ecs: "8.8.8.0/24" });
    expect(tables).toEqual([
      {
        table: 0,
        kind: "subnets",
        place: "client",
        tile: "8.8.0.0/16",
        tileBits: 16,
        matches: ["8.8.0.0/16", "8.0.0.0/8", "default"],
        places: null,
      },
    ]);
    expect(root.entries.map(({ key, status }) => [key, status])).toEqual([
      ["8.8.0.0/16", "failed"],
      ["8.0.0.0/8", "chosen"],
      ["default", "not-needed"],
      ["2a00::/16", "not-matched"],
    ]);
    expect(root.table).toBe(0);
    expect(scope).toEqual({ bits: 16, reason: "tile", table: 0 });
    expect(client).toEqual({
      address: "8.8.8.0",
      family: 4,
      source: "ecs",
      sourceBits: 24,
      resolver: "9.9.9.9",
    });
  });

  it("says whose place counted", () => {
    const world = createWorld([record(keyed("subnets", { "8.0.0.0/8": eu(), default: us() }))]);
    const placeOf = (resolver: string, ecs: string) => world.explain({ resolver, ecs }).tables[0]!;
    expect(placeOf("8.8.8.8", "10.0.0.0/8")).toMatchObject({ place: "resolver", tile: "10.0.0.0/8" });
    expect(placeOf("127.0.0.1", "fd00::/8")).toMatchObject({ place: "unknown", matches: ["default"] });
    expect(placeOf("127.0.0.1", "8.1.0.0/16")).toMatchObject({ place: "client" });
  });

  it("names the locations of nearest by distance", () => {
    const near = nearest([
      [eu(), { latitude: 52.5, longitude: 13.4 }],
      [us(), { latitude: 38.9, longitude: -77 }],
    ]);
    expect(createWorld([record(near)]).explain().tables[0]).toMatchObject({
      kind: "nearest",
      matches: ["eu", "us"],
      places: [
        { latitude: 52.5, longitude: 13.4, bias: 0, distanceKm: null },
        { latitude: 38.9, longitude: -77, bias: 0, distanceKm: null },
      ],
    });
  });

  it("says that a place is biased, and calls systems by their names", () => {
    const near = nearest([
      [eu(), { latitude: 52.5, longitude: 13.4 }, 20],
      [us(), { latitude: 38.9, longitude: -77 }, -5],
    ]);
    const { places } = createWorld([record(near)]).explain().tables[0]!;
    expect(places!.map(({ bias }) => bias)).toEqual([20, -5]);
    const { tables } = createWorld([record(keyed("asn", { 64500: eu(), default: us() }))]).explain();
    expect(tables[0]).toMatchObject({ kind: "asn", matches: ["default"] });
    const asn = openOrThrow(makeMmdb({ "0.0.0.0/0": { asn: "AS64500" } }), "asn", "asn");
    const world = createWorld(
      [record(keyed("asn", { 64500: eu(), default: us() }))],
      joinDatabases(null, null, asn),
    );
    expect(world.explain({ ecs: "9.9.9.0/24" }).tables[0]!.matches).toEqual(["AS64500", "default"]);
  });

  it("says of weights what was drawn, out of what, and the shares", () => {
    const tree = weighted([
      [eu(), 3],
      [us(), 1],
    ]);
    const world = createWorld([record(tree)]);
    world.set("eu", "down");
    const entries = Array.from({ length: 20 }, (_, second) => world.explain({ second }).root.entries);
    const redrawn = entries.find(([first]) => first!.status === "failed")!;
    expect(redrawn).toMatchObject([
      { weight: 3, share: 0.75, status: "failed", draw: { total: 4 } },
      { weight: 1, share: 0.25, status: "chosen", draw: { roll: 0, total: 1 } },
    ]);
    const direct = entries.find(([first]) => first!.status === "chosen")!;
    expect(direct).toMatchObject([
      { weight: 1, draw: { roll: 3, total: 4 } },
      { weight: 3, status: "not-drawn", draw: null, node: { outcome: "unvisited" } },
    ]);
  });

  it("gives equal shares where every weight is 0", () => {
    const tree = weighted([
      [eu(), 0],
      [us(), 0],
    ]);
    expect(
      createWorld([record(tree)])
        .explain()
        .root.entries.map(({ share }) => share),
    ).toEqual([0.5, 0.5]);
  });

  it("keeps the walks that failed before a last resort", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    world.set("eu", "down");
    world.set("us", "down");
    const { root, lastResort } = world.explain();
    expect(root).toMatchObject({ pass: "all", outcome: "addresses" });
    expect(root.earlier.map(({ pass, outcome, earlier }) => [pass, outcome, earlier])).toEqual([
      ["normal", "failed", []],
      ["one-up", "failed", []],
    ]);
    expect(root.entries[0]!.node.pass).toBe("all");
    expect(lastResort).toEqual({ kind: "all", of: null, pool: null });
  });

  it("names the pool, the addresses or the refusal of a last resort", () => {
    const sorry = pool("sorry", ["203.0.113.1"], { check: null });
    const fixed = { kind: "addresses" as const, addresses: [addressModel("203.0.113.5")] };
    const lastResorts = [toPool(sorry), fixed, { kind: "nodata" as const }, { kind: "servfail" as const }];
    const explained = lastResorts.map((lastResort) => {
      const world = createWorld([record(us(), { lastResort })]);
      world.set("us", "down");
      return world.explain();
    });
    expect(explained.map(({ decision, lastResort }) => [decision, lastResort!.kind])).toEqual([
      ["addresses", "pool"],
      ["addresses", "addresses"],
      ["nodata", "nodata"],
      ["servfail", "servfail"],
    ]);
    expect(explained[0]!.lastResort!.pool!.name).toBe("sorry");
    expect(explained[1]!.addresses).toEqual([{ address: "203.0.113.5", pool: null, endpoint: null }]);
    expect(explained[0]!.root).toMatchObject({ outcome: "failed", pass: "one-up" });
  });

  it("says that a node with its own last resort was chosen although it failed", () => {
    const guarded = failover([eu()], { lastResort: toPool(us()), label: "eu-only" });
    const world = createWorld([record(failover([guarded, pool("asia", ["203.0.113.1"])]))]);
    world.set("eu", "down");
    const { root, lastResort, addresses } = world.explain();
    expect(root.entries.map(({ status }) => status)).toEqual(["chosen", "not-needed"]);
    expect(root.entries[0]!.node).toMatchObject({ label: "eu-only", outcome: "failed", pass: "one-up" });
    expect(root.entries[0]!.node.earlier).toHaveLength(1);
    expect(lastResort).toMatchObject({ kind: "pool", of: { kind: "failover", label: "eu-only" } });
    expect(addresses[0]!.pool).toBe("us");
  });

  it("says that the last resort of a root that carries its own is the root's", () => {
    const world = createWorld([record(failover([us()], { lastResort: { kind: "nodata" }, label: "top" }))]);
    world.set("us", "down");
    expect(world.explain().lastResort).toMatchObject({ kind: "nodata", of: { label: "top" } });
  });

  it("shows each address's state, since when, why, and whether it was answered", () => {
    const world = createWorld([record(failover([eu(), pool("fixed", ["203.0.113.1"], { check: null })]))]);
    world.set("198.51.100.11", "down", 4000);
    const at = ENDPOINT_ROW_WORDS;
    world.rows.endpoints[at + ROW_SINCE_S] = 1_700_000_000 - 42;
    world.rows.endpoints[at + ROW_REASON] = 3;
    world.rows.endpoints[at + ROW_RUN] = 1;
    const { root, ttl } = world.explain();
    const states = root.entries[0]!.node.pool!.endpoints.map(({ addresses }) => addresses[0]);
    expect(states).toEqual([
      {
        address: "198.51.100.10",
        picked: true,
        odds: null,
        load: null,
        state: "up",
        forSeconds: null,
        reason: "none",
        run: 0,
        takes: 1,
        deciders: [],
        said: null,
        flaps: 0,
        horizonMs: 0,
      },
      {
        address: "198.51.100.11",
        picked: false,
        odds: null,
        load: null,
        state: "down",
        forSeconds: 42,
        reason: "timeout-connect",
        run: 1,
        takes: 1,
        deciders: [],
        said: null,
        flaps: 0,
        horizonMs: 4000,
      },
    ]);
    expect(ttl).toMatchObject({ seconds: 5, reason: "min", limit: { address: "198.51.100.11" } });
    const fixed = root.entries[1]!.node.pool!;
    expect(fixed).toMatchObject({ up: 1, usable: 1, failed: false, horizonMs: 0 });
    expect(fixed.endpoints[0]!.addresses[0]).toMatchObject({ state: "unchecked", picked: false });
  });

  it("tells forced, drained and unknown states apart", () => {
    const world = createWorld([record(pool("p", ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]))]);
    world.set("192.0.2.1", "drained");
    world.set("192.0.2.2", "forced-down");
    world.rows.endpoints[2 * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_UP | STATE_FORCED_UP;
    world.rows.endpoints[3 * ENDPOINT_ROW_WORDS + ROW_STATE] = 0;
    const states = world.explain().root.pool!.endpoints.map(({ addresses }) => addresses[0]!.state);
    expect(states).toEqual(["drained", "forced-down", "forced-up", "unknown"]);
  });

  it("names the picked address whose own row limits the TTL", () => {
    const world = createWorld([record(us())]);
    world.set("us", "up", 30_000);
    expect(world.explain().ttl).toMatchObject({
      seconds: 30,
      reason: "horizon",
      limit: { address: "192.0.2.10" },
    });
    world.set("us", "up", 90_000);
    expect(world.explain().ttl).toMatchObject({ seconds: 60, reason: "settled" });
    world.set("us", "up");
    expect(world.explain().ttl).toMatchObject({ reason: "settled", limit: null });
  });

  it("names only the pool when its horizon has no address any more", () => {
    const world = createWorld([record(eu())]);
    world.set("eu", "up", 30_000);
    for (const row of [0, 1]) world.rows.endpoints[row * ENDPOINT_ROW_WORDS + 1] = 0;
    expect(world.explain().ttl.limit).toEqual({
      pool: "eu",
      endpoint: null,
      address: null,
      failback: null,
      horizonMs: 30_000,
      state: null,
      run: null,
      probes: null,
    });
  });

  it("says why there is nothing to answer", () => {
    const keyless = failover([keyed("subnets", { "8.0.0.0/8": us() }, { label: "nets" })]);
    const told = createWorld([
      record(keyless),
      record(us(), { lastResort: { kind: "nodata" } }),
      record(failover([us(), eu()])),
    ]);
    const reason = (index: number, family: 4 | 6 = 4) => told.explain({ record: index, family }).negative;
    expect(reason(0)).toEqual({ reason: "no-key", node: "nets" });
    expect(reason(2)).toBeNull();
    expect(reason(2, 6)).toEqual({ reason: "no-family", node: "us" });
    for (const name of ["us", "eu"]) told.set(name, "drained");
    expect(reason(1)).toEqual({ reason: "last-resort", node: null });
    expect(reason(2)).toEqual({ reason: "withheld", node: null });
    const servfail = createWorld([record(us(), { lastResort: { kind: "servfail" } })]);
    servfail.set("us", "down");
    expect(servfail.explain()).toMatchObject({ decision: "servfail", negative: null });
  });

  it("says why the scope is 0", () => {
    const table = keyed("subnets", { "8.0.0.0/8": us() });
    const world = createWorld([record(us()), record(table, { ecs: false }), record(table)]);
    const reason = (index: number, ecs?: string) =>
      world.explain({ record: index, ...(ecs === undefined ? {} : { ecs }) }).scope;
    expect(reason(0, "8.8.8.0/24")).toEqual({ bits: 0, reason: "no-tables", table: null });
    expect(reason(1, "8.8.8.0/24")).toEqual({ bits: 0, reason: "ecs-off", table: null });
    expect(reason(2, "1.1.1.0/24")).toEqual({ bits: 0, reason: "negative", table: null });
    expect(reason(2)).toEqual({ bits: 0, reason: "no-ecs", table: null });
  });

  it("is plain data: JSON keeps all of it", () => {
    const world = createWorld([record(failover([eu(), us()]))]);
    const explained = world.explain();
    expect(JSON.parse(JSON.stringify(explained))).toEqual(explained);
  });
});
