import { describe, expect, it } from "vitest";
import { createDecideContext } from "../../src/policy/context.ts";
import type { PolicyData } from "../../src/policy/data.ts";
import { decide } from "../../src/policy/decide.ts";
import type { NodeModel, PoolModel } from "../../src/policy/model.ts";
import {
  adaptive,
  byLoad,
  createWorld,
  failover,
  hash,
  keyed,
  latency,
  nearest,
  node,
  pool,
  record,
  roundRobin,
  type StateText,
  union,
  weighted,
} from "../support/policy.ts";

/**
 * What a decision costs at worst, counted in words that it reads: what is twice as large may cost little more than twice
 * as much, whatever is down.
 */

let steps = 0;

/** The same words; reading one is a step. */
function counted<T extends Int32Array | Uint8Array | Float64Array>(words: T): T {
  return new Proxy(words, {
    get(target, key) {
      if (typeof key === "string" && key[0]! <= "9") steps++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function stepsOf(root: NodeModel, state: StateText, partlyUp: boolean): number {
  const { context, rows, pools, set } = createWorld([record(root)]);
  for (const { name, endpoints } of pools) {
    if (!partlyUp) set(name, state);
    else for (const { name: endpoint } of endpoints.slice(1)) set(endpoint, state);
  }
  const policy = Object.fromEntries(
    Object.entries(context.policy).map(([name, words]) => [name, counted(words)]),
  ) as unknown as PolicyData;
  const tables = { ...context.tables, chains: counted(context.tables.chains) };
  const watched = { ...rows, endpoints: counted(rows.endpoints), pools: counted(rows.pools) };
  const again = createDecideContext(policy, tables, watched, 1);
  again.drawn = counted(again.drawn);
  again.entryWeights = counted(again.entryWeights);
  again.restEntries = counted(again.restEntries);
  again.restKeys = counted(again.restKeys);
  again.figures = counted(again.figures);
  again.clockS[0] = 1_700_000_000;
  Object.assign(again.client, { fromEcs: 1, sourceBits: 24 });
  again.client.address.set([9, 9, 9, 9]);
  again.client.resolverAddress.set([9, 9, 9, 9]);
  steps = 0;
  decide(again, 0, 7, 4);
  return steps;
}

/** `count` pools of two; two have to be up. */
function poolsOf(count: number): PoolModel[] {
  return Array.from({ length: count }, (_, i) => {
    const subnet = `10.${i >> 8}.${i & 255}`;
    return pool(`p${i}`, [`${subnet}.1`, `${subnet}.2`], { minHealthy: { count: 2 } });
  });
}

const evenly = (of: PoolModel[]): [PoolModel, number][] => of.map((one, i) => [one, 1 + (i % 5)]);

const kinds: Record<string, (of: PoolModel[]) => NodeModel> = {
  failover: (of) => failover(of),
  "failover, latched": (of) => {
    const { kind, ...rest } = failover(of) as Extract<NodeModel, { kind: "failover" }>;
    return { ...rest, kind, latch: { row: 0, afterMs: 0 } } as unknown as NodeModel;
  },
  weighted: (of) => weighted(evenly(of)),
  "weighted, nothing weighs": (of) => weighted(of.map((one, i) => [one, i === 0 ? 1 : 0])),
  round_robin: (of) => roundRobin(evenly(of)),
  hash: (of) => hash(evenly(of)),
  least_response_time: (of) => byLoad("least_response_time", evenly(of)),
  least_connections: (of) => byLoad("least_connections", evenly(of)),
  adaptive: (of) => adaptive(evenly(of), { connections: 1, p99: 1, errors: 1 }),
  p2c: (of) => byLoad("p2c", evenly(of)),
  all: (of) => union(of),
  nearest: (of) =>
    nearest(of.map((one, i) => [one, { latitude: (i % 170) - 85, longitude: (i % 350) - 175 }])),
  "latency, tied": (of) =>
    latency(
      of.map((one, i) => [one, `r${i}`]),
      of.map((_, i) => `8.0.0.0/7,r${i},20`),
    ),
  "latency, apart": (of) =>
    latency(
      of.map((one, i) => [one, `r${i}`]),
      of.map((_, i) => `8.0.0.0/7,r${i},${20 + i}`),
    ),
  geo: (of) => keyed("geo", { default: failover(of) }),
  "lists that share their pools": (of) => failover(of.map(() => failover(of.slice(0, 8)))),
  "lists that share a list": (of) => {
    const shared = node(weighted(evenly(of)));
    return failover(of.map(() => failover([shared])));
  },
};

describe("a decision's steps grow no faster than what it chooses from", () => {
  const few = 100;
  const many = 400;
  for (const [name, build] of Object.entries(kinds)) {
    it.each([
      ["everything down", "down", false],
      ["every pool too small", "down", true],
      ["everything withheld by hand", "forced-down", false],
    ] as const)(`${name}, %s`, (_, state, partlyUp) => {
      const fewer = stepsOf(build(poolsOf(few)), state, partlyUp);
      const more = stepsOf(build(poolsOf(many)), state, partlyUp);
      // n log n of 400 is five times that of 100; squares are sixteen times as much.
      expect(more / fewer).toBeLessThan(6.5);
      expect(more / many).toBeLessThan(2000);
    });
  }
});
