import { describe, expect, it } from "vitest";
import { formatAddress } from "../../src/geo/prefix.ts";
import { findLosses, LEVEL_DRAINED, LEVEL_GONE, LEVEL_LIVE } from "../../src/policy/losses.ts";
import { createWorld, record, type StateText } from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";
import {
  crowdedAddress,
  NODE_KINDS,
  randomPools,
  randomPrefixes,
  randomSources,
  randomTree,
} from "../support/random-trees.ts";

const TREES = process.env.STEERD_LONG === undefined ? 200 : 20_000;
const CLIENTS = 24;

const LEVELS: Record<StateText, number> = {
  up: LEVEL_LIVE,
  down: LEVEL_GONE,
  drained: LEVEL_DRAINED,
  "forced-down": LEVEL_GONE,
};

/** What an operator takes out, pool by pool: all of it, some of it, nothing. */
function takenOut(random: Random, pools: number[]): StateText[] {
  const shares = new Map(pools.map((pool) => [pool, random.pick([0, 0, 0.5, 1])]));
  const words = new Map(pools.map((pool) => [pool, random.pick(["drained", "forced-down"] as const)]));
  return pools.map((pool) => (random.chance(shares.get(pool)!) ? words.get(pool)! : "up"));
}

describe("losses", () => {
  it("are found wherever some client is left without an address", () => {
    let found = 0;
    let clean = 0;
    let unconfirmed = 0;
    for (let seed = 0; seed < TREES; seed++) {
      const random = seededRandom(seed);
      const prefixes = randomPrefixes(random, 6);
      // Nobody is without an address before: every pool has both families, and no node ends a walk with nothing.
      const pools = randomPools(random, 4).map((from) => ({
        ...from,
        endpoints: from.endpoints.filter(({ addresses }) => addresses.length > 1),
      }));
      if (pools.some((from) => from.endpoints.length === 0)) continue;
      const draw = { random, pools, prefixes, depth: 3, kinds: NODE_KINDS, lastResortShare: 0 };
      const world = createWorld([record(randomTree(draw))], randomSources(random, prefixes));
      const { addresses, endpoints } = world.names;
      const pool = addresses.map(({ endpoint }) => (endpoint < 0 ? -1 : endpoints[endpoint]!.pool));
      const horizons = addresses.map(() => 0);
      // What has no check has no row in this world, and stays up.
      const states = takenOut(random, pool).map((state, i) =>
        pool[i]! < 0 || world.names.pools[pool[i]!]!.check === null ? "up" : state,
      );
      const { policy, tables } = world.context;
      const levels = Uint8Array.from(states, (state) => LEVELS[state]);
      const all = new Uint8Array(levels.length).fill(LEVEL_LIVE);
      const losses = new Set(findLosses(policy, tables, all, levels).map(({ family }) => family));
      const seen = new Set<number>();
      for (let i = 0; i < CLIENTS; i++) {
        const client = crowdedAddress(random);
        const family = random.pick([4, 6] as const);
        const question = { family, resolver: formatAddress(client.family, client.octets), second: i };
        world.setAll(
          addresses.map(() => "up" as const),
          horizons,
        );
        const before = world.ask(question).decision;
        world.setAll(states, horizons);
        const after = world.ask(question).decision;
        if (before !== "addresses" || after === "addresses") continue;
        seen.add(family);
        expect(losses, `seed ${seed}: ${question.resolver} is answered ${after}`).toContain(family);
      }
      found += seen.size;
      unconfirmed += losses.size - seen.size;
      clean += 2 - losses.size;
    }
    expect(found).toBeGreaterThan(TREES / 8);
    expect(clean).toBeGreaterThan(TREES);
    // A loss that 24 clients do not show is one of few clients, or of few dice.
    expect(unconfirmed).toBeLessThan(found);
  });
});
