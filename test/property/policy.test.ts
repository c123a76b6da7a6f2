import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { clearHostBits, formatPrefix, parsePrefix } from "../../src/geo/prefix.ts";
import { isWithin } from "../../src/geo/special.ts";
import type { Least } from "../../src/health/plan.ts";
import type { LastResortModel, NodeModel, PoolModel, RecordModel } from "../../src/policy/model.ts";
import { addressOctets } from "../support/packet.ts";
import {
  createWorld,
  failover,
  keyed,
  nearest,
  node,
  pool,
  record,
  type StateText,
  type World,
  weighted,
} from "../support/policy.ts";

/** The same cases on every machine. */
const RUNS = { numRuns: process.env.STEERD_LONG === undefined ? 600 : 20_000, seed: 20_260 };

/** Clients on both sides of every key below. */
const CLIENTS = [
  "8.0.0.0",
  "8.8.7.255",
  "8.8.8.8",
  "8.8.255.255",
  "9.0.0.0",
  "93.184.216.34",
  "223.255.255.255",
];
const KEYS = [
  "0.0.0.0/1",
  "8.0.0.0/8",
  "8.8.0.0/16",
  "8.8.8.0/24",
  "8.8.8.128/25",
  "93.184.0.0/13",
  "9.0.0.0/9",
];

/** A tree, as what to build: pools are places in a list that all trees of one case share. */
type Plan =
  | { kind: "pool"; pool: number; lastResort: Guard }
  | { kind: "failover" | "nearest"; of: Plan[]; lastResort: Guard }
  | { kind: "weighted"; of: Plan[]; weights: number[]; lastResort: Guard }
  | { kind: "subnets"; of: Plan[]; keys: string[]; lastResort: Guard };
type Guard = "none" | "all" | "nodata" | "servfail";

const POOLS = 5;
const guard = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Guard>("none") },
  fc.constantFrom<Guard>("all", "nodata", "servfail"),
);
const { tree } = fc.letrec<{ tree: Plan }>((tie) => {
  const of = fc.array(tie("tree"), { minLength: 1, maxLength: 3 });
  const weight = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100 }));
  return {
    tree: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.record({
        kind: fc.constant("pool" as const),
        pool: fc.nat(POOLS - 1),
        lastResort: guard,
      }),
      fc.record({ kind: fc.constantFrom("failover" as const, "nearest" as const), of, lastResort: guard }),
      fc.record({
        kind: fc.constant("weighted" as const),
        of,
        weights: fc.array(weight, { minLength: 3, maxLength: 3 }),
        lastResort: guard,
      }),
      fc.record({
        kind: fc.constant("subnets" as const),
        of,
        keys: fc.uniqueArray(fc.constantFrom(...KEYS), { minLength: 3, maxLength: 3 }),
        lastResort: guard,
      }),
    ),
  };
});

const poolPlan = fc.record({
  endpoints: fc.integer({ min: 1, max: 4 }),
  count: fc.integer({ min: 1, max: 4 }),
  percent: fc.boolean(),
  select: fc.constantFrom("all" as const, "weighted" as const),
  maxAnswers: fc.integer({ min: 1, max: 5 }),
  strict: fc.boolean(),
  dual: fc.boolean(),
});
const state = fc.oneof(
  { weight: 4, arbitrary: fc.constant<StateText>("up") },
  { weight: 4, arbitrary: fc.constant<StateText>("down") },
  fc.constantFrom<StateText>("drained", "forced-down"),
);
const scenario = fc.record({
  plan: tree,
  pools: fc.array(poolPlan, { minLength: POOLS, maxLength: POOLS }),
  states: fc.array(state, { minLength: POOLS * 8, maxLength: POOLS * 8 }),
  recordGuard: fc.constantFrom<Guard>("all", "nodata", "servfail"),
  client: fc.constantFrom(...CLIENTS),
  second: fc.integer({ min: 1, max: 2_000_000_000 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

const guardModel = (kind: Guard): LastResortModel | null => (kind === "none" ? null : { kind });

function poolsOf({ pools }: Scenario): PoolModel[] {
  return pools.map((plan, i) =>
    pool(
      `p${i}`,
      Array.from({ length: plan.endpoints }, (_, j) => {
        const ipv4 = `192.0.${i}.${j + 1}`;
        return { address: plan.dual ? [ipv4, `2001:db8::${i + 1}:${j + 1}`] : [ipv4], weight: j };
      }),
      {
        minHealthy: plan.percent
          ? { percent: plan.count * 25 }
          : { count: Math.min(plan.count, plan.endpoints) },
        select: plan.select,
        maxAnswers: plan.maxAnswers,
        dualStack: plan.strict ? "strict" : "any",
      },
    ),
  );
}

function build(plan: Plan, pools: PoolModel[]): NodeModel {
  const options = { lastResort: guardModel(plan.lastResort) };
  if (plan.kind === "pool") return { ...node(pools[plan.pool]!), ...options };
  const children = plan.of.map((child) => build(child, pools));
  switch (plan.kind) {
    case "failover":
      return failover(children, options);
    case "nearest":
      return nearest(
        children.map((child, i) => [child, { latitude: 10 * i, longitude: 20 * i }]),
        options,
      );
    case "weighted":
      return weighted(
        children.map((child, i) => [child, plan.weights[i]!]),
        options,
      );
    case "subnets": {
      // The last child is the default, so that no client is left without a key.
      const names = plan.keys.slice(0, children.length - 1);
      const entries = [...names, "default"].map((key, i) => [key, children[i]!] as const);
      return keyed("subnets", Object.fromEntries(entries), options);
    }
  }
}

function worldOf(given: Scenario): { world: World; model: RecordModel; pools: PoolModel[] } {
  const pools = poolsOf(given);
  const model = record(build(given.plan, pools), { lastResort: guardModel(given.recordGuard)! });
  const world = createWorld([model]);
  applyStates(world, given.states);
  return { world, model, pools };
}

/** Address k of the pools that the tree reaches gets state k. */
function applyStates(world: World, states: StateText[]): void {
  const addresses = world.names.addresses.filter(({ endpoint }) => endpoint >= 0);
  for (const [k, { text }] of addresses.entries()) {
    world.set(text, states[k]!, states[k] === "up" ? 0 : 3000 + 500 * k);
  }
}

/** What an address was told to be. */
function stateOf(world: World, states: StateText[], text: string): StateText {
  const addresses = world.names.addresses.filter(({ endpoint }) => endpoint >= 0);
  return states[addresses.findIndex((address) => address.text === text)]!;
}

/** Where a decision can end: a pool in a pass, or an answer without addresses. */
type End = `${number} in ${number}` | "nodata" | "servfail";

/**
 * The semantics a second time, over the model and plain sets: every end that some dice can lead to. No end: failed.
 */
class Oracle {
  readonly pools: PoolModel[];
  readonly stateOf: (text: string) => StateText;
  readonly client: Uint8Array;

  constructor(pools: PoolModel[], stateOf: (text: string) => StateText, client: string) {
    this.pools = pools;
    this.stateOf = stateOf;
    this.client = Uint8Array.from(addressOctets(client));
  }

  endsOfRecord(model: RecordModel): Set<End> {
    if (model.root.lastResort !== null) return this.ends(model.root, 0);
    return this.settled(model.root, model.lastResort);
  }

  private settled(from: NodeModel, lastResort: LastResortModel): Set<End> {
    for (const pass of [0, 1]) {
      const ends = this.below(from, pass);
      if (ends.size > 0) return ends;
    }
    if (lastResort.kind === "nodata" || lastResort.kind === "servfail") return new Set([lastResort.kind]);
    const ends = this.below(from, 2);
    return ends.size > 0 ? ends : new Set(["nodata"]);
  }

  private ends(from: NodeModel, pass: number): Set<End> {
    return from.lastResort === null ? this.below(from, pass) : this.settled(from, from.lastResort);
  }

  private below(from: NodeModel, pass: number): Set<End> {
    switch (from.kind) {
      case "pool":
        if (this.hasFailed(from.pool, pass)) return new Set();
        return new Set<End>([`${this.pools.indexOf(from.pool)} in ${pass}` as End]);
      case "failover":
      case "nearest":
      case "latency":
        return this.first(
          from.of.map((entry) => entry.node),
          pass,
        );
      case "all":
        return new Set(from.of.flatMap((entry) => [...this.ends(entry.node, pass)]));
      case "round_robin":
      case "hash":
      case "least_response_time":
      case "least_connections":
      case "p2c":
      case "adaptive":
      case "weighted": {
        const alive = from.of.filter((entry) => this.ends(entry.node, pass).size > 0);
        const weighing = alive.filter((entry) => entry.weight > 0);
        const drawn = weighing.length > 0 ? weighing : alive;
        return new Set(drawn.flatMap((entry) => [...this.ends(entry.node, pass)]));
      }
      case "subnets":
      case "geo":
      case "asn":
        return this.first(this.matching(from.keys), pass);
    }
  }

  private first(children: NodeModel[], pass: number): Set<End> {
    for (const child of children) {
      const ends = this.ends(child, pass);
      if (ends.size > 0) return ends;
    }
    return new Set();
  }

  /** Children whose prefix holds the client, the longest first. */
  private matching(keys: { key: string; node: NodeModel }[]): NodeModel[] {
    const length = (key: string) => (key === "default" ? -1 : parsePrefix(key)!.bits);
    return keys
      .filter(({ key }) => key === "default" || isWithin(this.client, parsePrefix(key)!))
      .sort((a, b) => length(b.key) - length(a.key))
      .map((entry) => entry.node);
  }

  private hasFailed(from: PoolModel, pass: number): boolean {
    const endpoints = from.endpoints.map((endpoint) =>
      endpoint.addresses.map((address) => this.stateOf(textOf(address.octets))),
    );
    const present = endpoints.map((states) => states.filter((text) => text !== "drained"));
    const isUp = (states: StateText[], ups: StateText[]) =>
      from.dualStack === "strict"
        ? states.length > 0 && states.every((text) => ups.includes(text))
        : states.some((text) => ups.includes(text));
    const up = present.filter((states) => isUp(states, ["up"])).length;
    const counted = present.filter((states) => states.length > 0).length;
    const least = from.minHealthy as Least;
    const wanted =
      "percent" in least ? Math.ceil((least.percent * counted) / 100) : Math.min(least.count, counted);
    if (pass === 0) return up < Math.max(1, wanted);
    if (pass === 1) return up === 0;
    return !present.some((states) => isUp(states, ["up", "down"]));
  }
}

function textOf(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  const at = (i: number) => (octets[i]! << 8) | octets[i + 1]!;
  return `2001:db8::${at(12).toString(16)}:${at(14).toString(16)}`;
}

const question = ({ client, second }: Scenario) => ({ ecs: `${client}/32`, second });

/** Pool of an answer; its addresses are 192.0.POOL.x or 2001:db8::POOL+1:x. */
function poolOf(address: string): number {
  return address.includes(":")
    ? Number.parseInt(address.split(":")[3]!, 16) - 1
    : Number(address.split(".")[2]);
}

describe("decide over random trees and health", () => {
  it("ends where the semantics say, and in no other pool", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { world, model, pools } = worldOf(given);
        const oracle = new Oracle(pools, (text) => stateOf(world, given.states, text), given.client);
        const ends = oracle.endsOfRecord(model);
        const { decision, addresses } = world.ask(question(given));
        if (decision !== "addresses") {
          // A pool that has not failed may have nothing in the asked family.
          expect([...ends].some((end) => end === decision || decision === "nodata")).toBe(true);
          return;
        }
        expect(new Set(addresses.map(poolOf)).size).toBe(1);
        const possible = [0, 1, 2].map((pass) => `${poolOf(addresses[0]!)} in ${pass}` as End);
        expect(possible.some((end) => ends.has(end))).toBe(true);
      }),
      RUNS,
    );
  });

  it("is never empty while some address that the client can reach is not withheld by hand", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const trusting = (plan: Plan): Plan =>
          plan.kind === "pool"
            ? { ...plan, lastResort: "none" }
            : { ...plan, lastResort: "none", of: plan.of.map(trusting) };
        const open: Scenario = {
          ...given,
          plan: trusting(given.plan),
          recordGuard: "all",
          states: given.states.map((text) => (text === "up" ? "up" : "down")),
          pools: given.pools.map((plan) => ({ ...plan, dual: false })),
        };
        const { decision, addresses } = worldOf(open).world.ask(question(open));
        expect(decision).toBe("addresses");
        expect(addresses.length).toBeGreaterThan(0);
      }),
      RUNS,
    );
  });

  it("never answers what is withheld by hand, and what is down only as a last resort", () => {
    fc.assert(
      fc.property(scenario, fc.constantFrom(4 as const, 6 as const), (given, family) => {
        const { world } = worldOf(given);
        const explained = world.explain({ ...question(given), family });
        const states = explained.addresses.map(({ address }) => stateOf(world, given.states, address));
        expect(states).not.toContain("drained");
        expect(states).not.toContain("forced-down");
        if (explained.lastResort === null) expect(states).not.toContain("down");
      }),
      RUNS,
    );
  });

  it("is monotone: when one more address is up, the answer comes no later and from no worse walk", () => {
    const rank = (world: World, given: Scenario): number => {
      const explained = world.explain(question(given));
      if (explained.lastResort !== null) return explained.decision === "addresses" ? 2 : 3;
      return explained.root.earlier.length;
    };
    fc.assert(
      fc.property(scenario, fc.nat(POOLS * 8 - 1), (given, healed) => {
        const plain = { ...given, pools: given.pools.map((plan) => ({ ...plan, dual: false })) };
        const before = rank(worldOf(plain).world, plain);
        const states = plain.states.map((text, k) => (k === healed && text === "down" ? "up" : text));
        const healthier = { ...plain, states };
        expect(rank(worldOf(healthier).world, healthier)).toBeLessThanOrEqual(before);
      }),
      RUNS,
    );
  });

  it("names one region for A and AAAA of the same second", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { world } = worldOf(given);
        const ipv4 = world.ask(question(given));
        const ipv6 = world.ask({ ...question(given), family: 6 });
        if (ipv4.decision !== "addresses" || ipv6.decision !== "addresses") return;
        expect(poolOf(ipv6.addresses[0]!)).toBe(poolOf(ipv4.addresses[0]!));
      }),
      RUNS,
    );
  });

  it("decides the same on a server that serves other records before this one, and in another order of keys", () => {
    const swapped = (plan: NodeModel): NodeModel => {
      if (plan.kind === "pool") return plan;
      if (plan.kind !== "geo" && plan.kind !== "subnets") return plan;
      return { ...plan, keys: [...plan.keys].reverse() };
    };
    fc.assert(
      fc.property(scenario, tree, (given, other) => {
        const here = worldOf(given);
        const before = here.world.ask(question(given));
        const pools = poolsOf(given);
        const root = swapped(build(given.plan, pools));
        const there = createWorld([
          record(build(other, pools)),
          record(root, { lastResort: guardModel(given.recordGuard)! }),
        ]);
        const addresses = here.world.names.addresses.filter(({ endpoint }) => endpoint >= 0);
        for (const { text } of addresses) {
          const told = stateOf(here.world, given.states, text);
          there.set(text, told);
        }
        const after = there.ask({ ...question(given), record: 1 });
        expect(after.decision).toBe(before.decision);
        expect(after.addresses.map(poolOf)[0]).toBe(before.addresses.map(poolOf)[0]);
      }),
      RUNS,
    );
  });

  it("explains what it decides: the same dice give the same answer with a trace and without", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { world } = worldOf(given);
        const dice = world.context.dice[0]!;
        const plain = world.ask(question(given));
        world.context.dice[0] = dice;
        const explained = world.explain(question(given));
        expect(explained.decision).toBe(plain.decision);
        expect(explained.ttl.seconds).toBe(plain.ttl);
        expect(explained.scope.bits).toBe(plain.scope);
        expect(explained.addresses.map(({ address }) => address)).toEqual(plain.addresses);
      }),
      RUNS,
    );
  });

  it("answers no pool twice, no address twice, and never more than it may", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { world, pools } = worldOf(given);
        const { addresses } = world.ask(question(given));
        expect(new Set(addresses).size).toBe(addresses.length);
        if (addresses.length === 0) return;
        const limit = pools[poolOf(addresses[0]!)]!.maxAnswers;
        expect(addresses.length).toBeLessThanOrEqual(limit);
      }),
      RUNS,
    );
  });

  it("keeps the TTL within its bounds, and at the maximum while everything is up", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { ttl } = worldOf(given).world.ask(question(given));
        expect(ttl).toBeGreaterThanOrEqual(5);
        expect(ttl).toBeLessThanOrEqual(60);
        const healthy = { ...given, states: given.states.map(() => "up" as const) };
        expect(worldOf(healthy).world.ask(question(healthy)).ttl).toBe(60);
      }),
      RUNS,
    );
  });
});

describe("the scope over random trees and health", () => {
  /** First and last address of the block of `bits` around an address. */
  function edges(address: string, bits: number): [string, string] {
    const octets = Uint8Array.from(addressOctets(address));
    const first = clearHostBits({ family: 4, octets, bits });
    const last = first.octets.map((octet, i) => octet | (0xff >> Math.min(8, Math.max(0, bits - i * 8))));
    return [formatPrefix(first).replace(/\/.*/, ""), last.join(".")];
  }

  const address = fc
    .tuple(
      fc.constantFrom(8, 9, 93, 200),
      fc.constantFrom(8, 9, 184, 185),
      fc.constantFrom(7, 8, 9),
      fc.nat(255),
    )
    .map((octets) => octets.join("."));

  it("never lies: both edges get the same answer and the same scope", () => {
    fc.assert(
      fc.property(scenario, address, (given, client) => {
        const { world } = worldOf(given);
        const { second } = given;
        const asked = world.ask({ ecs: `${client}/32`, second });
        if (asked.scope === 0) return;
        for (const edge of edges(client, asked.scope)) {
          const there = world.ask({ ecs: `${edge}/32`, second });
          expect(there.scope).toBe(asked.scope);
          expect(there.addresses.map(poolOf)[0]).toBe(asked.addresses.map(poolOf)[0]);
        }
      }),
      RUNS,
    );
  });

  it("does not depend on the health", () => {
    fc.assert(
      fc.property(scenario, address, (given, client) => {
        const { world } = worldOf(given);
        const ecs = `${client}/32`;
        const sick = world.ask({ ecs });
        const healthy = worldOf({ ...given, states: given.states.map(() => "up" as const) }).world.ask({
          ecs,
        });
        if (sick.decision === "addresses") expect(sick.scope).toBe(healthy.scope);
        else expect(sick.scope).toBe(0);
      }),
      RUNS,
    );
  });
});
