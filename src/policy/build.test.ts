import { describe, expect, it } from "vitest";
import {
  addressModel,
  createWorld,
  failover,
  keyed,
  nearest,
  node,
  pool,
  record,
  toPool,
  weighted,
} from "../../test/support/policy.ts";
import { buildPolicy } from "./build.ts";
import { adoptSnapshot } from "./context.ts";
import {
  ADDRESS_WORDS,
  ENDPOINT_WORDS,
  ENTRY_NODE,
  ENTRY_WORDS,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_SEED,
  NODE_TABLE,
  NODE_WORDS,
  POOL_HAS_ZERO_WEIGHT,
  POOL_IPV4_COUNT,
  POOL_IPV6_COUNT,
  POOL_WEIGHT_TOTAL,
  POOL_WORDS,
  type PolicyData,
  RECORD_ROOT,
  RECORD_TABLE_COUNT,
  RECORD_TABLES,
  RECORD_WORDS,
} from "./data.ts";
import type { NodeModel, RecordModel } from "./model.ts";
import { poolsByRow } from "./names.ts";

const eu = pool("eu", ["198.51.100.10"]);
const us = pool("us", ["192.0.2.10"]);
const berlin = { latitude: 52.5, longitude: 13.4 };
const tokyo = { latitude: 35.7, longitude: 139.7 };

const rootOf = (policy: PolicyData, index: number) => policy.records[index * RECORD_WORDS + RECORD_ROOT]!;
const word = (policy: PolicyData, at: number, index: number) => policy.nodes[at * NODE_WORDS + index]!;
const seedOf = (root: NodeModel, owner = "www.gslb.example.") => {
  const { policy } = buildPolicy([record(root, { owner })]);
  return word(policy, rootOf(policy, 0), NODE_SEED);
};

function tablesOf(policy: PolicyData, index: number): number[] {
  const at = index * RECORD_WORDS;
  const first = policy.records[at + RECORD_TABLES]!;
  return [...policy.recordTables.subarray(first, first + policy.records[at + RECORD_TABLE_COUNT]!)];
}

describe("buildPolicy", () => {
  it("lays shared nodes and pools down once, in shared memory", () => {
    const shared = failover([eu, us], { label: "west" });
    const records = [record(failover([shared, eu])), record(failover([us, shared])), record(shared)];
    const { policy, names } = buildPolicy(records);
    expect(policy.pools.length / POOL_WORDS).toBe(2);
    expect(names.pools.map(({ name }) => name)).toEqual(["eu", "us"]);
    expect(names.nodes.filter(({ label }) => label === "west")).toHaveLength(1);
    expect(policy.endpoints.length / ENDPOINT_WORDS).toBe(2);
    expect(policy.addresses.length / ADDRESS_WORDS).toBe(2);
    for (const words of Object.values(policy)) expect(words.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it("deduplicates tables by content and lists each record's once", () => {
    const office = keyed("subnets", { "10.0.0.0/8": eu, default: us });
    const same = keyed("subnets", { default: eu, "10.0.0.0/8": us });
    const other = keyed("subnets", { "10.0.0.0/8": eu });
    const near = nearest([
      [eu, berlin],
      [us, tokyo],
    ]);
    const records = [
      record(failover([office, same])),
      record(failover([other, near])),
      record(failover([eu])),
    ];
    const { policy, tableModels } = buildPolicy(records);
    expect(tableModels).toEqual([
      { kind: "subnets", keys: ["10.0.0.0/8", "default"] },
      { kind: "subnets", keys: ["10.0.0.0/8"] },
      { kind: "nearest", locations: [berlin, tokyo] },
    ]);
    expect([0, 1, 2].map((index) => tablesOf(policy, index))).toEqual([[0], [1, 2], []]);
  });

  it("lays keyed entries down in the order of their table, default last", () => {
    const tree = keyed("geo", { default: us, NA: us, EU: eu, "AS-JP": eu });
    const { policy, tableModels, names } = buildPolicy([record(tree)]);
    expect(tableModels).toEqual([{ kind: "geo", keys: ["AS-JP", "EU", "NA", "default"] }]);
    const root = rootOf(policy, 0);
    const first = word(policy, root, NODE_FIRST);
    const pools = Array.from({ length: word(policy, root, NODE_COUNT) }, (_, i) => {
      const child = policy.entries[(first + i) * ENTRY_WORDS + ENTRY_NODE]!;
      return [names.entryKeys[first + i], names.nodes[child]!.label];
    });
    expect(pools).toEqual([
      ["AS-JP", "eu"],
      ["EU", "eu"],
      ["NA", "us"],
      ["default", "us"],
    ]);
    expect(word(policy, root, NODE_TABLE)).toBe(0);
  });

  it("finds the tables below nodes that nest deeply, and none of a last resort's pool", () => {
    const deep = weighted([[failover([keyed("geo", { EU: eu })]), 1]]);
    const { policy, tableModels } = buildPolicy([record(deep, { lastResort: toPool(us) })]);
    expect(tableModels).toHaveLength(1);
    expect(tablesOf(policy, 0)).toEqual([0]);
  });

  it("writes sums of weights and counts of families", () => {
    const mixed = pool("mixed", [
      { address: ["192.0.2.1", "2001:db8::1"], weight: 65_535 },
      { address: "192.0.2.2", weight: 0 },
    ]);
    const heavy = pool(
      "heavy",
      Array.from({ length: 32_770 }, (_, i) => ({ address: `10.1.${i >> 8}.${i & 255}`, weight: 65_535 })),
    );
    const { policy } = buildPolicy([record(failover([mixed, heavy]))]);
    const of = (index: number, at: number) => policy.pools[index * POOL_WORDS + at];
    expect(
      [POOL_WEIGHT_TOTAL, POOL_HAS_ZERO_WEIGHT, POOL_IPV4_COUNT, POOL_IPV6_COUNT].map((at) => of(0, at)),
    ).toEqual([65_535, 1, 2, 1]);
    expect([POOL_WEIGHT_TOTAL, POOL_HAS_ZERO_WEIGHT].map((at) => of(1, at))).toEqual([0, 0]);
  });

  it("gives a node the same seed whatever else is served, and another one to a node that says something else", () => {
    const tree = () =>
      weighted([
        [eu, 2],
        [us, 1],
      ]);
    const { policy } = buildPolicy([
      record(failover([us])),
      record(keyed("geo", { EU: eu })),
      record(tree()),
    ]);
    expect(word(policy, rootOf(policy, 2), NODE_SEED)).toBe(seedOf(tree()));
    const others = [
      weighted([
        [eu, 1],
        [us, 2],
      ]),
      weighted([
        [us, 2],
        [eu, 1],
      ]),
      weighted([[eu, 2]]),
      failover([eu, us]),
      { ...tree(), label: "canary" },
      weighted([
        [failover([eu]), 2],
        [us, 1],
      ]),
      keyed("geo", { EU: eu, NA: us }),
      keyed("geo", { EU: us, NA: eu }),
      keyed("subnets", { "10.0.0.0/8": eu, default: us }),
    ];
    const seeds = others.map((other) => seedOf(other));
    expect(new Set([...seeds, seedOf(tree())]).size).toBe(others.length + 1);
  });

  it("names everything for people", () => {
    const region = { name: "dublin", location: { latitude: 53.3, longitude: -6.3 } };
    const named = pool("named", [{ name: "lb1", address: ["192.0.2.1", "2001:db8::1"] }], { region, row: 7 });
    const lastResort = { kind: "addresses" as const, addresses: [addressModel("203.0.113.9")] };
    const records: RecordModel[] = [
      record(node(named), { lastResort }),
      record(node(named), { zone: "b.example" }),
    ];
    const { names } = buildPolicy(records);
    expect(names.records.map(({ zone }) => zone)).toEqual(["gslb.example", "b.example"]);
    expect(names.pools[0]).toMatchObject({ name: "named", region: "dublin", check: "web", row: 7 });
    expect(names.endpoints).toEqual([{ pool: 0, name: "lb1" }]);
    expect(names.addresses).toEqual([
      { text: "192.0.2.1", endpoint: 0 },
      { text: "2001:db8::1", endpoint: 0 },
      { text: "203.0.113.9", endpoint: -1 },
    ]);
    expect([...poolsByRow(names).keys()]).toEqual([7]);
  });

  it("builds nothing from nothing", () => {
    const { policy, tableModels } = buildPolicy([]);
    expect(Object.values(policy).map((words) => words.length)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(tableModels).toEqual([]);
  });
});

describe("adoptSnapshot", () => {
  it("makes room for what a larger snapshot has, and keeps it for a smaller one", () => {
    const small = createWorld([record(failover([eu]))]);
    const large = createWorld([
      record(
        keyed("subnets", {
          "8.0.0.0/8": weighted([
            [eu, 1],
            [us, 1],
          ]),
          default: us,
        }),
      ),
    ]);
    const { context } = small;
    adoptSnapshot(context, large.context.policy, large.context.tables);
    context.rows = large.rows;
    small.ask({ resolver: "8.8.8.8" });
    expect(context.drawn.length).toBeGreaterThanOrEqual(4);
    const { drawn, classes } = context;
    adoptSnapshot(context, small.context.policy, small.context.tables);
    expect(context.drawn).toBe(drawn);
    expect(context.classes).toBe(classes);
    expect(word(context.policy, rootOf(context.policy, 0), NODE_KIND)).toBeGreaterThan(0);
  });

  it("never leaves the dice at 0", () => {
    expect(createWorld([record(eu)]).context.dice[0]).not.toBe(0);
  });
});
