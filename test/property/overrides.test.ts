import { describe, expect, it } from "vitest";
import { formatMatch, matchesGlob, matchesPlace, parseMatch } from "../../src/config/override-match.ts";
import { resolveOverrides } from "../../src/config/resolve-overrides.ts";
import type { OverrideInput } from "../../src/config/schema-overrides.ts";
import { findLosses, LEVEL_DRAINED, LEVEL_GONE, LEVEL_LIVE } from "../../src/policy/losses.ts";
import { createWorld, record } from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";
import {
  NODE_KINDS,
  randomPools,
  randomPrefixes,
  randomSources,
  randomTree,
} from "../support/random-trees.ts";

const LONG = process.env.STEERD_LONG !== undefined;

/** Short words over few letters, so that globs meet them. */
function word(random: Random, letters: string): string {
  return Array.from({ length: 1 + random.below(6) }, () => random.pick([...letters])).join("");
}

describe("globs", () => {
  it("agree with regular expressions", () => {
    const random = seededRandom(7);
    let matched = 0;
    for (let i = 0; i < (LONG ? 500_000 : 30_000); i++) {
      const glob = word(random, "ab-**?");
      const text = word(random, "ab-");
      const pattern = new RegExp(`^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$`);
      const expected = pattern.test(text);
      expect(matchesGlob(glob, text), `${glob} ${text}`).toBe(expected);
      if (expected) matched++;
    }
    expect(matched).toBeGreaterThan(3000);
  });

  it("take no longer where a regular expression would", () => {
    const startedMs = performance.now();
    expect(matchesGlob("*a".repeat(100), `${"a".repeat(390)}b`)).toBe(false);
    expect(performance.now() - startedMs).toBeLessThan(500);
  });

  it("are about the place that they were made of, and read back as they were written", () => {
    const random = seededRandom(8);
    const name = (): string => random.pick(["eu", "us-1", "lb_2", "x"]);
    for (let i = 0; i < 2000; i++) {
      const zone = random.pick(["example.com", "a.b.example", "lan"]);
      const place = {
        zone,
        pool: name(),
        region: random.pick([null, "dublin"]),
        endpoint: random.pick([name(), "192.0.2.1", "2001:db8::1"]),
      };
      const dotted = zone.includes(".") ? zone : `${zone}.`;
      const texts = [
        `pool:${place.pool}`,
        `pool:${place.pool}/${place.endpoint}`,
        `pool:${dotted}/${place.pool}`,
        `pool:${dotted}/${place.pool}/${place.endpoint}`,
        ...(place.region === null ? [] : [`region:${place.region}`]),
      ];
      for (const text of texts) {
        const match = parseMatch(text)!;
        expect(matchesPlace(match, place), `${text} ${JSON.stringify(place)}`).toBe(true);
        expect(formatMatch(match)).toBe(text);
        // A longer name of any part is another one.
        for (const part of ["zone", "pool", "endpoint"] as const) {
          const named = match.kind === "pool" && match[part] !== null;
          expect(matchesPlace(match, { ...place, [part]: `${place[part]}0` })).toBe(!named);
        }
      }
    }
  });
});

const LEVELS = { up: LEVEL_LIVE, down: LEVEL_GONE, drain: LEVEL_DRAINED };

describe("entries", () => {
  it("count from last to first, but for those that would take the last address from some client", () => {
    let ignoredEntries = 0;
    for (let seed = 0; seed < (LONG ? 10_000 : 150); seed++) {
      const random = seededRandom(seed);
      const prefixes = randomPrefixes(random, 4);
      const pools = randomPools(random, 4);
      const draw = { random, pools, prefixes, depth: 2, kinds: NODE_KINDS };
      const world = createWorld([record(randomTree(draw))], randomSources(random, prefixes));
      const { names, context } = world;
      const ground = { policy: context.policy, tables: context.tables, names };
      const endpoints = names.endpoints.map(({ name }) => name);
      const entries = Array.from({ length: 1 + random.below(5) }, (): OverrideInput => {
        const pool = random.pick(["*", "p?", ...names.pools.map(({ name }) => name)]);
        const isWeight = random.chance(0.2);
        const text = `pool:${pool}${random.chance(0.4) ? `/${random.pick([...endpoints, "*1"])}` : ""}`;
        return {
          match: parseMatch(text)!,
          ...(isWeight ? { weight: 0.5 } : { state: random.pick(["drain", "drain", "down", "up"] as const) }),
          force: random.chance(0.1),
          ...(random.chance(0.2) ? { until: random.pick([500, 1500]) } : {}),
        };
      });
      const { deciding, ignored } = resolveOverrides(entries, ground, 1000);
      ignoredEntries += ignored.size;
      const naive = (left: ReadonlySet<number>): number[] =>
        names.addresses.map(({ endpoint }) => {
          if (endpoint < 0) return -1;
          const { pool, name } = names.endpoints[endpoint]!;
          const { zone, name: poolName, region } = names.pools[pool]!;
          const place = { zone, pool: poolName, region, endpoint: name };
          const counted = [...entries.keys()].filter((at) => {
            const { match, until = 2000 } = entries[at]!;
            return !left.has(at) && until > 1000 && matchesPlace(match, place);
          });
          // Weights at the end count only where nothing before them withholds the address.
          const said = counted.filter((at) => entries[at]!.state !== undefined).at(-1) ?? -1;
          const isWithheld = said >= 0 && entries[said]!.state !== "up";
          return isWithheld ? said : (counted.at(-1) ?? -1);
        });
      const levels = (places: ArrayLike<number>): Uint8Array =>
        Uint8Array.from(places, (at) => (at < 0 ? LEVEL_LIVE : LEVELS[entries[at]!.state ?? "up"]));
      const all = new Uint8Array(names.addresses.length).fill(LEVEL_LIVE);
      const losses = (places: ArrayLike<number>) =>
        findLosses(ground.policy, ground.tables, all, levels(places));
      expect([...deciding], `seed ${seed}`).toEqual(naive(new Set(ignored.keys())));
      for (const at of ignored.keys()) expect(entries[at]).toMatchObject({ force: false });
      // Only those who said so themselves have emptied it.
      if (!entries.some(({ force }) => force)) expect(losses(deciding), `seed ${seed}`).toEqual([]);
      if (losses(naive(new Set())).length === 0) expect(ignored.size).toBe(0);
      // Each that is ignored would take something from what those before it leave.
      for (const last of ignored.keys()) {
        const later = entries.flatMap(({ state = "up" }, at) => (at > last && state !== "up" ? [at] : []));
        const before = [...ignored.keys()].filter((at) => at < last);
        const with_ = naive(new Set([...later, ...before]));
        const without = naive(new Set([...later, ...before, last]));
        expect(findLosses(ground.policy, ground.tables, levels(without), levels(with_))).not.toEqual([]);
      }
    }
    expect(ignoredEntries).toBeGreaterThan(25);
  });
});
