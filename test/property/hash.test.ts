import { describe, expect, it } from "vitest";
import { ENDPOINT_ROW_WORDS, ROW_STATE, ROW_WEIGHT_SCALE, STATE_KNOWN } from "../../src/health/rows.ts";
import { POOL_HASH_CELLS, POOL_WORDS } from "../../src/policy/data.ts";
import type { PoolModel } from "../../src/policy/model.ts";
import { chiSquare, criticalValue } from "../support/chi-square.ts";
import { createWorld, hash, pool, record, type World } from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";

const LONG = process.env.STEERD_LONG !== undefined;

interface Host {
  name: string;
  address: string;
  weight: number;
}

/** Hosts that keep their names whatever stands beside them. */
function hosts(count: number, weigh: (i: number) => number = () => 1): Host[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `host-${i}`,
    address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    weight: weigh(i),
  }));
}

const worldOf = (of: Host[], options: Partial<PoolModel> = {}): World =>
  createWorld([record(pool("p", of, { select: "hash", maxAnswers: 1, ...options }))]);

/** Client `i`: another /24 of a public block each. */
const clientOf = (i: number) => `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;

const answersOf = (world: World, clients: number, second?: number): string[] =>
  Array.from({ length: clients }, (_, i) =>
    world.ask({ ecs: clientOf(i), ...(second === undefined ? {} : { second }) }).addresses.join(),
  );

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0]!);
}

/** Clients whose answer differs, and that had another one than those in `allowed` and got another one than those too. */
function movedAside(before: string[], after: string[], allowed: ReadonlySet<string>): number {
  return before.filter((address, i) => {
    const now = after[i]!;
    return now !== address && !allowed.has(address) && !allowed.has(now);
  }).length;
}

/** Counts per host against weights: below the value that one run in a million exceeds. */
function expectShares(answers: string[], of: Host[]): void {
  const counts = new Map(of.map(({ address }) => [address, 0]));
  for (const address of answers) counts.set(address, counts.get(address)! + 1);
  const shares = of.map(({ weight }) => weight);
  expect(chiSquare([...counts.values()], shares)).toBeLessThan(criticalValue(of.length - 1));
}

/** Around the bounds of the search by cells, and as far as pools go. */
const SIZES = [2, 3, 5, 17, 100, 31, 32, 1000, 1900, 2100, 5000, 10_000];

describe("select: hash over pools of 2 to 10,000", () => {
  it.each(SIZES)("%i endpoints: one fewer moves its own clients and no others", (count) => {
    const random = seededRandom(count);
    const of = hosts(count, () => 1 + random.below(7));
    const clients = (count > 100 ? 500 : 3000) * (LONG ? 50 : 1);
    const before = answersOf(worldOf(of), clients);
    // One that has clients: in a large pool not every host has one of these.
    const gone = random.pick(before);
    const left = shuffled(
      of.filter(({ address }) => address !== gone),
      random,
    );
    const after = answersOf(worldOf(left), clients);
    expect(movedAside(before, after, new Set([gone]))).toBe(0);
    for (const [i, address] of before.entries()) {
      if (address === gone) expect(after[i]).not.toBe(gone);
      else if (after[i] !== address) expect.fail(`${clientOf(i)} moved from ${address} to ${after[i]}`);
    }
  });

  it.each([2, 100, 2048, 10_000])("%i endpoints: neither order, resolver nor second matters", (count) => {
    const random = seededRandom(count + 1);
    const of = hosts(count, () => random.below(9) + 1);
    const before = answersOf(worldOf(of), 500);
    expect(answersOf(worldOf(shuffled(of, random)), 500, 1_800_000_000)).toEqual(before);
  });

  it.each([2, 100, 10_000])(
    "%i endpoints: another weight moves clients to or from that one only",
    (count) => {
      const random = seededRandom(count + 2);
      const of = hosts(count, () => 4 + random.below(4));
      const clients = 1500;
      const before = answersOf(worldOf(of), clients);
      const changed = random.pick(before);
      const had = before.filter((address) => address === changed).length;
      for (const weight of [0, 1, 7, 8, 60]) {
        const others = of.map((host) => (host.address === changed ? { ...host, weight } : host));
        const after = answersOf(worldOf(others), clients);
        expect(movedAside(before, after, new Set([changed]))).toBe(0);
        const has = after.filter((address) => address === changed).length;
        if (weight === 0) expect(has).toBe(0);
        if (weight === 60) expect(has).toBeGreaterThan(had);
      }
    },
  );

  it.each<[string, Host[], number]>([
    ["3 by 100, 50, 25", hosts(3, (i) => [100, 50, 25][i]!), 40_000],
    ["3 by 25, 30, 41", hosts(3, (i) => [25, 30, 41][i]!), 40_000],
    ["2 by 10,000 to 1", hosts(2, (i) => [10_000, 1][i]!), 50_000],
    ["100 alike", hosts(100), 15_000],
    ["2,500 alike", hosts(2500), 10_000],
    ["10,000 by 1 to 5", hosts(10_000, (i) => 1 + (i % 5)), 40_000],
    ["3,000 and one as heavy as 500 of them", hosts(3000, (i) => (i === 7 ? 1500 : 3)), 15_000],
  ])("weights are honoured: %s", (_name, of, clients) => {
    expectShares(answersOf(worldOf(of), clients * (LONG ? 20 : 1)), of);
  });

  it("finds by cells what asking every endpoint finds, whatever is down or starting", () => {
    for (let seed = 0; seed < (LONG ? 40 : 4); seed++) {
      const random = seededRandom(900 + seed);
      const of = hosts(2048 + random.below(6000), () => [1, 1, 2, 3, 9, 0][random.below(6)]!);
      const world = worldOf(of, { maxAnswers: 1 + random.below(4) });
      const { policy } = world.context;
      expect(policy.pools[POOL_HASH_CELLS]).toBeGreaterThanOrEqual(0);
      const downShare = [0, 0.1, 0.6, 0.98][seed % 4]!;
      setRows(world, of.length, random, downShare);
      const asked = { ...policy, pools: policy.pools.slice() };
      for (let at = POOL_HASH_CELLS; at < asked.pools.length; at += POOL_WORDS) asked.pools[at] = -1;
      for (let i = 0; i < 150; i++) {
        const ecs = clientOf(random.below(1 << 20));
        const found = world.ask({ ecs }).addresses;
        expect(found.length).toBeGreaterThan(0);
        world.context.policy = asked;
        expect(world.ask({ ecs }).addresses).toEqual(found);
        world.context.policy = policy;
      }
    }
  });
});

/** Takes a share of the rows down, and scales half of the others. */
function setRows({ rows, judge }: World, count: number, random: Random, downShare: number): void {
  for (let row = 0; row < count; row++) {
    const at = row * ENDPOINT_ROW_WORDS;
    if (random.chance(downShare)) rows.endpoints[at + ROW_STATE] = STATE_KNOWN;
    if (random.chance(0.5)) rows.endpoints[at + ROW_WEIGHT_SCALE] = random.below(65_537);
  }
  judge();
}

describe("a hash node", () => {
  const entries = (of: Host[]) =>
    of.map(({ name, address, weight }) => [pool(name, [address]), weight] as const);
  const nodeOf = (of: Host[]) =>
    createWorld([record(hash(entries(of).map(([child, weight]) => [child, weight])))]);

  it.each([2, 3, 8, 60])(
    "of %i entries: one fewer moves its own clients and no others, in any order",
    (count) => {
      const random = seededRandom(count + 3);
      const of = hosts(count, () => 1 + random.below(5));
      const before = answersOf(nodeOf(of), 3000);
      const gone = random.pick(before);
      const left = shuffled(
        of.filter(({ address }) => address !== gone),
        random,
      );
      const after = answersOf(nodeOf(left), 3000);
      for (const [i, address] of before.entries()) if (address !== gone) expect(after[i]).toBe(address);
      // What is down moves as what is gone.
      const world = nodeOf(of);
      world.set(gone, "down");
      expect(answersOf(world, 3000)).toEqual(after);
    },
  );

  it("honours weights, and those of the others when one has failed", () => {
    const of = hosts(5, (i) => [100, 50, 25, 10, 0][i]!);
    const world = nodeOf(of);
    expectShares(answersOf(world, 40_000), of.slice(0, 4));
    world.set(of[1]!.address, "down");
    expectShares(
      answersOf(world, 40_000),
      [0, 2, 3].map((i) => of[i]!),
    );
  });
});
