import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { NodeModel, PoolModel } from "../../src/policy/model.ts";
import {
  createWorld,
  failover,
  node,
  pool,
  record,
  roundRobin,
  type StateText,
  union,
  type World,
} from "../support/policy.ts";

/** Explanations count odds in ten thousand draws for each pool, which nothing here looks at. */
vi.mock(import("../../src/policy/pool-odds.ts"), () => ({ poolOdds: () => null }));

/** The same cases on every machine. */
const RUNS = { numRuns: process.env.STEERD_LONG === undefined ? 500 : 20_000, seed: 20_261 };

const POOLS = 4;
const poolPlan = fc.record({
  /** Subnet of each endpoint: 10.0.SUBNET.x, and 2001:db8:SUBNET::x where the pool has both families. */
  subnets: fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }),
  dual: fc.boolean(),
  select: fc.constantFrom("all" as const, "weighted" as const, "round_robin" as const),
  maxAnswers: fc.integer({ min: 1, max: 4 }),
  weights: fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 6, maxLength: 6 }),
});
const scenario = fc.record({
  pools: fc.array(poolPlan, { minLength: POOLS, maxLength: POOLS }),
  states: fc.array(fc.constantFrom<StateText>("up", "up", "down", "drained"), {
    minLength: POOLS * 12,
    maxLength: POOLS * 12,
  }),
  maxAnswers: fc.integer({ min: 1, max: 12 }),
  family: fc.constantFrom(4 as const, 6 as const),
  nested: fc.boolean(),
  second: fc.integer({ min: 1, max: 2_000_000_000 }),
});
type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

function poolsOf({ pools }: Scenario): PoolModel[] {
  return pools.map(({ subnets, dual, select, maxAnswers, weights }, i) =>
    pool(
      `p${i}`,
      subnets.map((subnet, j) => {
        const host = 10 * i + j + 1;
        const ipv4 = `10.0.${subnet}.${host}`;
        const address = dual ? [ipv4, `2001:db8:${subnet + 1}::${host}`] : [ipv4];
        return { address, weight: weights[j]! };
      }),
      { select, maxAnswers },
    ),
  );
}

/** An `all` over the pools; nested: the first two are behind another `all`, the last two behind one failover. */
function worldOf(given: Scenario): { world: World; pools: PoolModel[] } {
  const pools = poolsOf(given);
  const [a, b, c, d] = pools as [PoolModel, PoolModel, PoolModel, PoolModel];
  const children: (NodeModel | PoolModel)[] = given.nested ? [union([a, b], 64), failover([c, d])] : pools;
  const world = createWorld([record(union(children, given.maxAnswers))]);
  for (const [k, { text }] of world.names.addresses.entries()) world.set(text, given.states[k]!);
  return { world, pools };
}

const subnetOf = (text: string): string =>
  text.includes(":") ? text.split(":").slice(0, 3).join(":") : text.split(".").slice(0, 3).join(".");
const hostOf = (text: string): number => Number(text.split(text.includes(":") ? ":" : ".").at(-1));

describe("all over random pools and health", () => {
  it("answers no address twice, none that is withheld, and as many as there are up to max_answers", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const { world } = worldOf(given);
        const { addresses } = world.ask(given);
        expect(new Set(addresses).size).toBe(addresses.length);
        expect(addresses.length).toBeLessThanOrEqual(given.maxAnswers);
        const stateOf = (text: string) =>
          given.states[world.names.addresses.findIndex((a) => a.text === text)];
        for (const text of addresses) expect(stateOf(text)).not.toBe("drained");
      }),
      RUNS,
    );
  });

  it("answers two addresses of one subnet only when every subnet that it could choose from is there", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const plain = {
          ...given,
          nested: false,
          pools: given.pools.map((plan) => ({ ...plan, select: "all" as const, maxAnswers: 8 })),
        };
        const whole = worldOf({ ...plain, maxAnswers: 64 }).world.ask(plain).addresses;
        const { addresses } = worldOf(plain).world.ask(plain);
        expect(addresses).toHaveLength(Math.min(whole.length, plain.maxAnswers));
        const possible = new Set(whole.map(subnetOf)).size;
        expect(new Set(addresses.map(subnetOf)).size).toBe(Math.min(possible, addresses.length));
      }),
      RUNS,
    );
  });

  it("chooses different subnets within a pool, whatever its select", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const model = poolsOf(given)[0]!;
        const world = createWorld([record(model)]);
        for (const [k, { text }] of world.names.addresses.entries()) world.set(text, given.states[k]!);
        const { addresses } = world.ask(given);
        if (addresses.length === 0 || world.explain(given).lastResort !== null) return;
        const eligible = world.names.addresses
          .map(({ text }) => text)
          .filter((text, k) => given.states[k] === "up" && text.includes(":") === (given.family === 6));
        expect(addresses).toHaveLength(Math.min(eligible.length, model.maxAnswers));
        const possible = new Set(eligible.map(subnetOf)).size;
        expect(new Set(addresses.map(subnetOf)).size).toBe(Math.min(possible, addresses.length));
      }),
      RUNS,
    );
  });

  it("never fails while a child has not, and has the addresses of children that have not alone", () => {
    fc.assert(
      fc.property(scenario, (given) => {
        const wide = { ...given, nested: false, family: 4 as const, maxAnswers: 64 };
        const { world } = worldOf(wide);
        const alive = world.pools.filter((model) => createAlive(model, wide, world).addresses.length > 0);
        const { addresses } = world.ask(wide);
        if (alive.length === 0) return;
        const seen = new Set(addresses.map((text) => Math.floor((hostOf(text) - 1) / 10)));
        expect([...seen].sort()).toEqual(alive.map((model) => Number(model.name.slice(1))).sort());
      }),
      RUNS,
    );
  });
});

/** What a pool answers by itself, in the states that a world has, or nothing at all. */
function createAlive(model: PoolModel, given: Scenario, world: World): { addresses: string[] } {
  const alone = createWorld([
    record({ ...node(model), lastResort: { kind: "servfail" } }, { lastResort: { kind: "servfail" } }),
  ]);
  for (const { text } of alone.names.addresses) {
    const k = world.names.addresses.findIndex((address) => address.text === text);
    alone.set(text, given.states[k]!);
  }
  return alone.ask(given);
}

describe("round_robin over random weights and health", () => {
  const turns = fc.record({
    weights: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }),
    isDown: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
    before: fc.nat(40),
  });

  it("gives every child that has not failed exactly its weight in one round, and between nodes as in a pool", () => {
    fc.assert(
      fc.property(turns, ({ weights, isDown }) => {
        const texts = weights.map((_, i) => `10.0.${i}.1`);
        const alive = weights.map((weight, i) => (isDown[i] ? 0 : weight));
        if (alive.every((weight) => weight === 0)) return;
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const nodes = roundRobin(texts.map((text, i) => [pool(`p${i}`, [text]), weights[i]!]));
        const within = pool(
          "p",
          texts.map((address, i) => ({ address, weight: weights[i]! })),
          { select: "round_robin", maxAnswers: 1 },
        );
        for (const [root, isNode] of [
          [nodes, true],
          [within, false],
        ] as const) {
          const world = createWorld([record(root)]);
          if (!isNode) for (const [i, text] of texts.entries()) if (isDown[i]) world.set(text, "down");
          const round = isNode ? total : alive.reduce((sum, weight) => sum + weight, 0);
          const seen = new Map<string, number>();
          for (let i = 0; i < round; i++) {
            const [text] = world.ask().addresses;
            seen.set(text!, (seen.get(text!) ?? 0) + 1);
          }
          const wanted = isNode ? weights : alive;
          expect(texts.map((text) => seen.get(text) ?? 0)).toEqual(wanted);
        }
      }),
      RUNS,
    );
  });

  it("shares what failed children leave in proportion, after any history, within one turn of each", () => {
    fc.assert(
      fc.property(turns, ({ weights, isDown, before }) => {
        const alive = weights.map((weight, i) => (isDown[i] ? 0 : weight));
        const total = alive.reduce((sum, weight) => sum + weight, 0);
        if (total === 0) return;
        const root = roundRobin(weights.map((weight, i) => [pool(`p${i}`, [`10.0.${i}.1`]), weight]));
        const world = createWorld([record(root)]);
        for (let i = 0; i < before; i++) world.ask();
        for (const [i] of weights.entries()) if (isDown[i]) world.set(`p${i}`, "down");
        // Until what has failed has gained all that it can, others may have turns out of order.
        for (let i = 0; i < 200; i++) world.ask();
        const seen = weights.map(() => 0);
        for (let i = 0; i < 20 * total; i++) seen[Number(world.ask().addresses[0]!.split(".")[2])]! += 1;
        for (const [i, weight] of alive.entries()) {
          if (weight === 0) expect(seen[i]).toBe(0);
          else expect(Math.abs(seen[i]! - 20 * weight)).toBeLessThanOrEqual(weights.length + 1);
        }
      }),
      { ...RUNS, numRuns: Math.ceil(RUNS.numRuns / 5) },
    );
  });

  it("gives A and AAAA that are asked one after the other the same child", () => {
    fc.assert(
      fc.property(turns, ({ weights, before }) => {
        const root = roundRobin(
          weights.map((weight, i) => [
            pool(`p${i}`, [{ address: [`10.0.${i}.1`, `2001:db8:${i}::1`] }]),
            weight,
          ]),
        );
        const world = createWorld([record(root)]);
        for (let i = 0; i < before; i++) {
          const [ipv4] = world.ask().addresses;
          const [ipv6] = world.ask({ family: 6 }).addresses;
          expect(ipv6).toBe(`2001:db8:${ipv4!.split(".")[2]}::1`.replace(":0::", "::"));
        }
      }),
      { ...RUNS, numRuns: Math.ceil(RUNS.numRuns / 5) },
    );
  });
});
