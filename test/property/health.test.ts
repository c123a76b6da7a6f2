import { describe, expect, it, vi } from "vitest";
import type { Explanation, NodeExplanation } from "../../src/policy/explanation.ts";
import type { NodeModel, PoolModel } from "../../src/policy/model.ts";
import {
  createWorld,
  type Outcome,
  type Question,
  record,
  type StateText,
  union,
  type World,
} from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";
import {
  crowdedAddress,
  type Draw,
  NODE_KINDS,
  randomPools,
  randomPrefixes,
  randomSources,
  randomState,
  randomTree,
} from "../support/random-trees.ts";

/** Explanations count odds in ten thousand draws for each pool, which nothing here looks at: more than half of the time. */
vi.mock(import("../../src/policy/pool-odds.ts"), () => ({ poolOdds: () => null }));

/** Health vectors in all: this many trees, each with as many vectors. */
const TREES = process.env.STEERD_LONG === undefined ? 40 : 1_000;
const VECTORS = 100;
const MIN_TTL = 5;
const MAX_TTL = 60;

/** One tree with one client, and what its addresses are told to be. */
interface Case {
  world: World;
  root: NodeModel;
  question: Question;
  random: Random;
  /** By address of `world.names`. */
  states: StateText[];
  horizonsMs: number[];
}

/** `twin`: both addresses of an endpoint are alike, and none stands alone, so that a pool is the same for A and AAAA. */
function randomCase(seed: number, twin: boolean): Case {
  const random = seededRandom(seed);
  const prefixes = randomPrefixes(random, 4 + random.below(12));
  const pools = randomPools(random, 5).map((model) => ({
    ...model,
    endpoints: twin ? model.endpoints.filter(({ addresses }) => addresses.length === 2) : model.endpoints,
  }));
  const sound = pools.filter(({ endpoints }) => endpoints.length > 0);
  // Nodes with a last resort of their own never fail, whatever the health: policy.test.ts has those.
  const draw: Draw = { random, pools: sound, prefixes, depth: 4, kinds: NODE_KINDS, lastResortShare: 0 };
  const root = randomTree(draw);
  const model = record(root, {
    lastResort: random.chance(0.7) ? { kind: "all" } : { kind: "pool", pool: random.pick(sound) },
    ttlMinSeconds: MIN_TTL,
    ttlMaxSeconds: MAX_TTL,
  });
  const world = createWorld([model], randomSources(random, prefixes));
  const { family, octets } = crowdedAddress(random);
  const text = family === 4 ? octets.join(".") : groups(octets);
  const question: Question = { ecs: `${text}/${family === 4 ? 32 : 128}`, second: 1_700_000_000 + seed };
  return { world, root, question, random, states: [], horizonsMs: [] };
}

function groups(octets: Uint8Array): string {
  return Array.from({ length: 8 }, (_, i) => ((octets[2 * i]! << 8) | octets[2 * i + 1]!).toString(16)).join(
    ":",
  );
}

function drawHealth(given: Case, twin: boolean): void {
  const { world, random } = given;
  const upShare = random.pick([0, 0.1, 0.3, 0.6, 0.9, 1]);
  const byEndpoint = new Map<number, StateText>();
  given.states = world.names.addresses.map(({ endpoint }) => {
    const state = (twin ? byEndpoint.get(endpoint) : undefined) ?? randomState(random, upShare);
    byEndpoint.set(endpoint, state);
    return state;
  });
  given.horizonsMs = given.states.map(() => (random.chance(0.5) ? 0 : 100 * (1 + random.below(900))));
  world.setAll(given.states, given.horizonsMs);
}

/** The same dice and turns for every ask: `die` is where the free dice start. */
function ask({ world, question }: Case, family: 4 | 6 = 4, die = 77): Outcome {
  resetDice(world, die);
  return world.ask({ ...question, family });
}

function explain({ world, question }: Case, family: 4 | 6 = 4): Explanation {
  resetDice(world, 77);
  return world.explain({ ...question, family });
}

function resetDice({ context }: World, die: number): void {
  context.dice[0] = die;
  context.entryTurns.fill(0);
  context.endpointTurns.fill(0);
  context.poolTurns.fill(0);
}

/** Pool i of randomPools has 192.0.i.x and 2001:db8:i+1::x. */
function poolOf(address: string): number {
  return address.includes(":")
    ? Number.parseInt(address.split(":")[2]!, 16) - 1
    : Number(address.split(".")[2]);
}

const poolsOf = ({ addresses }: { addresses: string[] }): string =>
  [...new Set(addresses.map(poolOf))].sort().join();

function isUp({ world, states }: Case, text: string): boolean {
  const k = world.names.addresses.findIndex((address) => address.text === text);
  return states[k] === "up" || isUnchecked(world, k);
}

/** A pool without a check is up, whatever its addresses are told. */
function isUnchecked({ names }: World, k: number): boolean {
  const { endpoint } = names.addresses[k]!;
  return names.pools[names.endpoints[endpoint]!.pool]!.check === null;
}

/** Names of the pools that the last walk came to. */
function visitedPools(node: NodeExplanation): string[] {
  if (node.outcome === "unvisited") return [];
  if (node.pool !== null) return [node.pool.name];
  return node.entries.flatMap((entry) => visitedPools(entry.node));
}

function hasAny({ world, states }: Case, poolName: string, wanted: StateText[]): boolean {
  const { names } = world;
  return names.addresses.some(({ endpoint }, k) => {
    if (names.pools[names.endpoints[endpoint]!.pool]!.name !== poolName) return false;
    return isUnchecked(world, k) || wanted.includes(states[k]!);
  });
}

/**
 * How bad an answer is: 0 the pools' verdicts allowed it, 1 only one endpoint up was asked for, 2 the last resort
 * answered, 3 there was no address. The walk tries the same alternatives in the same order whatever the health, so that
 * a healthier endpoint can only make it stop sooner.
 */
function grade(explained: Explanation): number {
  if (explained.decision !== "addresses") return 3;
  return explained.lastResort === null ? explained.root.earlier.length : 2;
}

/**
 * The same tree in another order where order says nothing: keys of geo, subnets and asn, endpoints of pools. Other lists
 * mean their order, or feed the dice with it.
 */
function reordered(from: NodeModel, pools: Map<PoolModel, PoolModel>): NodeModel {
  if (from.kind === "pool") {
    const { pool } = from;
    if (!pools.has(pool)) {
      const copies = pool.endpoints.map((endpoint) => ({
        ...endpoint,
        addresses: endpoint.addresses.map((address) => ({ ...address })),
      }));
      pools.set(pool, { ...pool, endpoints: copies.reverse() });
    }
    return { ...from, pool: pools.get(pool)! };
  }
  if ("keys" in from) {
    const keys = from.keys.map(({ key, node }) => ({ key, node: reordered(node, pools) }));
    return { ...from, keys: keys.reverse() };
  }
  const of = from.of.map((entry) => ({ ...entry, node: reordered(entry.node, pools) }));
  return { ...from, of } as NodeModel;
}

/** Runs a check over random vectors; it says what is wrong, or null. Returns how often it had something to look at. */
function overVectors(twin: boolean, check: (given: Case) => string | null | undefined): number {
  let looked = 0;
  for (let tree = 0; tree < TREES; tree++) {
    const given = randomCase(20_290 + tree, twin);
    for (let vector = 0; vector < VECTORS; vector++) {
      drawHealth(given, twin);
      const wrong = check(given);
      if (wrong === undefined) continue;
      looked++;
      if (wrong !== null) expect.fail(`tree ${tree}, vector ${vector}: ${wrong}`);
    }
  }
  return looked / (TREES * VECTORS);
}

function throwsFreeDice(node: NodeModel): boolean {
  if (node.kind === "pool") return false;
  return (
    node.kind === "p2c" || ("keys" in node ? node.keys : node.of).some((entry) => throwsFreeDice(entry.node))
  );
}

const LONG = { timeout: 1_800_000 };

describe(`${TREES * VECTORS} random health vectors over random trees of every kind`, () => {
  it("an answer is empty only where all that the client can get is withheld by hand", LONG, () => {
    const negative = overVectors(true, (given) => {
      if (ask(given).decision === "addresses") return undefined;
      const { decision, lastResort, root } = explain(given);
      if (decision !== "nodata") return `decided ${decision}`;
      const last = lastResort?.pool ?? null;
      const asked = last === null ? visitedPools(root) : [last.name];
      const usable = asked.filter((name) => hasAny(given, name, ["up", "down"]));
      return usable.length > 0 ? `NODATA, but ${usable} may be answered` : null;
    });
    expect(negative).toBeGreaterThan(0.005);
  });

  it("nothing withheld is answered, and what is down only as a last resort", LONG, () => {
    const positive = overVectors(false, (given) => {
      const { addresses, lastResort } = explain(given);
      if (addresses.length === 0) return undefined;
      const { world, states } = given;
      for (const { address } of addresses) {
        const k = world.names.addresses.findIndex(({ text }) => text === address);
        if (isUnchecked(world, k) || states[k] === "up") continue;
        if (states[k] !== "down") return `${address} is ${states[k]}`;
        if (lastResort === null) return `${address} is down, and the last resort was not asked`;
      }
      return null;
    });
    expect(positive).toBeGreaterThan(0.6);
  });

  it("the last resort is asked only where nothing that the client can get is up", LONG, () => {
    const asked = overVectors(true, (given) => {
      const { lastResort, root } = explain(given);
      if (lastResort === null) return undefined;
      const up = root.earlier.flatMap(visitedPools).filter((name) => hasAny(given, name, ["up"]));
      return up.length > 0 ? `the last resort answered, but ${up} had an endpoint up` : null;
    });
    expect(asked).toBeGreaterThan(0.1);
  });

  it("is monotone: one more endpoint up makes no answer worse", LONG, () => {
    const healed = overVectors(true, (given) => {
      const { world, states, horizonsMs, random } = given;
      const before = grade(explain(given));
      const down = states.flatMap((state, k) => (state === "down" && !isUnchecked(world, k) ? [k] : []));
      if (down.length === 0) return undefined;
      const { endpoint } = world.names.addresses[random.pick(down)]!;
      for (const [k, address] of world.names.addresses.entries()) {
        if (address.endpoint === endpoint) states[k] = "up";
      }
      world.setAll(states, horizonsMs);
      const explained = explain(given);
      const after = grade(explained);
      if (after > before) return `${world.names.endpoints[endpoint]!.name} up: ${before} became ${after}`;
      const stale = explained.addresses.filter(({ address }) => !isUp(given, address));
      return after < 2 && stale.length > 0 ? "an address that is down, though others are up" : null;
    });
    expect(healed).toBeGreaterThan(0.5);
  });

  it("A and AAAA of the same second name the same regions", LONG, () => {
    const both = overVectors(true, (given) => {
      const ipv4 = ask(given, 4);
      const ipv6 = ask(given, 6);
      if (ipv4.decision !== ipv6.decision) return `${ipv4.decision} and ${ipv6.decision}`;
      if (ipv4.decision !== "addresses") return undefined;
      return poolsOf(ipv4) === poolsOf(ipv6) ? null : `${ipv4.addresses} and ${ipv6.addresses}`;
    });
    expect(both).toBeGreaterThan(0.8);
  });

  it("is determined by its inputs; the free dice choose within pools and in p2c alone", LONG, () => {
    const several = overVectors(true, (given) => {
      const first = ask(given);
      const again = ask(given);
      if (JSON.stringify(first) !== JSON.stringify(again)) return `${first.addresses} and ${again.addresses}`;
      if (throwsFreeDice(given.root)) return null;
      const other = ask(given, 4, 123_456_789);
      if (other.decision !== first.decision || other.ttl > MAX_TTL) return "another decision by other dice";
      return poolsOf(first) === poolsOf(other) ? null : `${first.addresses} and ${other.addresses}`;
    });
    expect(several).toBe(1);
  });

  it("depends on no order of keys, of endpoints, or of the children of an `all`", LONG, () => {
    for (let tree = 0; tree < TREES; tree++) {
      const random = seededRandom(20_291 + tree);
      const prefixes = randomPrefixes(random, 4 + random.below(12));
      const drawPools = randomPools(random, 5);
      const draw: Draw = {
        random,
        pools: drawPools,
        prefixes,
        depth: 3,
        // Its free dice fall in the order of the list.
        kinds: NODE_KINDS.filter((kind) => kind !== "p2c"),
        lastResortShare: 0,
      };
      const children = [randomTree(draw), randomTree(draw), randomTree(draw)];
      const pools = new Map<PoolModel, PoolModel>();
      const others = children.map((child) => reordered(child, pools)).reverse();
      const sources = randomSources(random, prefixes);
      const here = createWorld([record(union(children, 64))], sources);
      const there = createWorld([record(union(others, 64))], sources);
      for (let vector = 0; vector < VECTORS; vector++) {
        const drawn = new Map(here.names.addresses.map(({ text }) => [text, randomState(random, 0.6)]));
        const [one, other] = [here, there].map((world) => {
          const states = world.names.addresses.map(({ text }) => drawn.get(text)!);
          world.setAll(states, new Array<number>(states.length).fill(0));
          resetDice(world, 77);
          return world.ask({ ecs: "81.2.69.7/32" });
        });
        const label = `tree ${tree}, vector ${vector}`;
        expect([other!.decision, poolsOf(other!), other!.scope], label).toEqual([
          one!.decision,
          poolsOf(one!),
          one!.scope,
        ]);
      }
    }
  });

  it(
    "the TTL is within its bounds, never beyond what can change, and does not grow towards a verdict",
    LONG,
    () => {
      const shortened = overVectors(false, (given) => {
        const { world, states, horizonsMs, random } = given;
        const { ttl, decision, addresses } = ask(given);
        if (ttl < MIN_TTL || ttl > MAX_TTL) return `${ttl} s`;
        if (decision !== "addresses") return undefined;
        const chosen = random.pick(addresses);
        const failing = world.names.addresses.findIndex(({ text }) => text === chosen);
        if (isUnchecked(world, failing)) return undefined;
        // The address fails probe after probe: what is left until the verdict shrinks.
        let last = MAX_TTL;
        for (const leftMs of [45_000, 30_000, 15_500, 7_900, 2_000, 1]) {
          horizonsMs[failing] = leftMs;
          world.setAll(states, horizonsMs);
          const now = ask(given);
          if (now.ttl > last) return `${last} s became ${now.ttl} s, ${leftMs} ms before the verdict`;
          if (now.ttl > Math.max(MIN_TTL, leftMs / 1000))
            return `${now.ttl} s, ${leftMs} ms before the verdict`;
          last = now.ttl;
        }
        world.setAll(
          states,
          states.map(() => 0),
        );
        return ask(given).ttl === MAX_TTL ? null : "settled, and not the maximum";
      });
      expect(shortened).toBeGreaterThan(0.6);
    },
  );
});
