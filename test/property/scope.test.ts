import { describe, expect, it } from "vitest";
import { formatPrefix, parsePrefix } from "../../src/geo/prefix.ts";
import type { NodeModel } from "../../src/policy/model.ts";
import { createEcsAsker, type EcsAsker, type EcsReply, PLAIN_SERVICE } from "../support/ecs-asker.ts";
import { createWorld, record } from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";
import {
  crowdedAddress,
  type Draw,
  NODE_KINDS,
  randomPools,
  randomPrefixes,
  randomSources,
  randomTree,
  setRandomStates,
} from "../support/random-trees.ts";

/** Pairs of a tree and databases, each with 500 clients; 4 s of 200 and 40 s of 2,000 on one core. */
const PAIRS = process.env.STEERD_LONG === undefined ? 200 : 2_000;
const CLIENTS = 500;

type Family = 4 | 6;
interface Subnet {
  family: Family;
  octets: Uint8Array;
  sourceBits: number;
}

/** A tile that was announced, and what was answered in it. */
interface Tile {
  family: Family;
  first: bigint;
  last: bigint;
  bits: number;
  said: string;
}

const numberOf = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString("hex")}`);

function octetsOf(family: Family, value: bigint): Uint8Array {
  const digits = family === 4 ? 8 : 32;
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(digits, "0"), "hex"));
}

/** First and last address of the block of `bits` around an address. */
function edgesOf(family: Family, octets: Uint8Array, bits: number): [bigint, bigint] {
  const hostBits = BigInt((family === 4 ? 32 : 128) - bits);
  const first = (numberOf(octets) >> hostBits) << hostBits;
  return [first, first + (1n << hostBits) - 1n];
}

/** A client beside the edge of a prefix that matters, or anywhere; mostly with the whole address. */
function randomClient(random: Random, prefixes: readonly string[]): Subnet {
  const wide = (family: Family) => (family === 4 ? 32 : 128);
  const bitsOf = (family: Family) => (random.chance(0.8) ? wide(family) : 1 + random.below(wide(family)));
  if (random.chance(0.4)) {
    const { family, octets } = crowdedAddress(random);
    return { family, octets, sourceBits: bitsOf(family) };
  }
  const { family, octets, bits } = parsePrefix(random.pick(prefixes))!;
  const [first, last] = edgesOf(family, octets, bits);
  const limit = 1n << BigInt(wide(family));
  const value = random.pick([first, first - 1n, last, last + 1n]);
  return { family, octets: octetsOf(family, (value + limit) % limit), sourceBits: bitsOf(family) };
}

function randomSticky(random: Random): { ipv4: number; ipv6: number } {
  const usual = random.chance(0.5);
  return usual
    ? { ipv4: 24, ipv6: 56 }
    : { ipv4: 1 + random.below(32), ipv6: 1 + random.below(random.chance(0.7) ? 64 : 128) };
}

/** Asks for clients, and for both edges of each tile that is announced. Returns the tiles, and counts what was seen. */
function collectTiles(
  asker: EcsAsker,
  random: Random,
  prefixes: readonly string[],
  place: string,
  seen: { positive: number; negative: number },
): Tile[] {
  const tiles = new Map<string, Tile>();
  for (let i = 0; i < CLIENTS; i++) {
    const { family, octets, sourceBits } = randomClient(random, prefixes);
    const qtype = random.chance(0.8) ? "A" : random.pick(["AAAA", "HTTPS"] as const);
    const reply = asker.ask(qtype, family, octets, sourceBits);
    if (reply.addressCount === 0) {
      // RFC 7871 section 7.4: resolvers take negative answers for everybody's.
      if (reply.scopeBits !== 0) expect(reply.scopeBits, `${place}: a negative answer`).toBe(0);
      seen.negative++;
      continue;
    }
    seen.positive++;
    const masked = maskTo(octets, sourceBits);
    const [first, last] = edgesOf(family, masked, reply.scopeBits);
    const key = `${qtype} ${family} ${first}/${reply.scopeBits}`;
    const known = tiles.get(key);
    if (known === undefined) {
      for (const edge of [first, last]) {
        const there = asker.ask(qtype, family, octetsOf(family, edge), family === 4 ? 32 : 128);
        expectSame(reply, there, `${place}: ${qtype} at the edge of ${tileText(family, first, reply)}`);
      }
      tiles.set(key, { family, first, last, bits: reply.scopeBits, said: reply.said });
    } else if (known.said !== reply.said) {
      expect(reply.said, `${place}: ${qtype} within ${tileText(family, first, reply)}`).toBe(known.said);
    }
  }
  return [...tiles.values()];
}

function maskTo(octets: Uint8Array, bits: number): Uint8Array {
  return octets.map((octet, i) => octet & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))));
}

function tileText(family: Family, first: bigint, { scopeBits }: EcsReply): string {
  return formatPrefix({ family, octets: octetsOf(family, first), bits: scopeBits });
}

/** An `expect` for each of a million replies would take longer than the replies. */
function expectSame(a: EcsReply, b: EcsReply, place: string): void {
  if (a.said !== b.said || a.scopeBits !== b.scopeBits) expect(b, place).toEqual(a);
}

/** Tiles in the order of their starts overlap where one begins before its neighbour has ended. */
function expectDisjoint(tiles: Tile[], place: string): void {
  for (const family of [4, 6] as const) {
    const byAddress = tiles
      .filter((tile) => tile.family === family)
      .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.bits - b.bits));
    for (const [i, tile] of byAddress.entries()) {
      const before = byAddress[i - 1];
      if (before === undefined || before.last < tile.first) continue;
      // All types have the same tiles.
      expect([tile.first, tile.last], `${place}: overlapping tiles`).toEqual([before.first, before.last]);
    }
  }
}

const kindsIn = (node: NodeModel): string[] => {
  if (node.kind === "pool") return ["pool"];
  const below = "keys" in node ? node.keys : node.of;
  return [node.kind, ...below.flatMap((entry) => kindsIn(entry.node))];
};

describe("the scope over random trees and databases, with dice, turns and clock fixed", () => {
  it(`never lies: ${PAIRS} trees and databases, ${CLIENTS} clients each, both edges of every tile`, {
    timeout: 600_000,
  }, () => {
    const seen = { positive: 0, negative: 0 };
    const kinds = new Set<string>();
    let tileCount = 0;
    let longest = 0;
    for (let pair = 0; pair < PAIRS; pair++) {
      const random = seededRandom(20_270 + pair);
      const prefixes = randomPrefixes(random, 4 + random.below(24));
      const draw: Draw = { random, pools: randomPools(random, 5), prefixes, depth: 4, kinds: NODE_KINDS };
      const root = randomTree(draw);
      const world = createWorld(
        [record(root, { sticky: randomSticky(random), services: { https: PLAIN_SERVICE } })],
        randomSources(random, prefixes),
      );
      setRandomStates(world, random, 0.5 + random.below(6) / 10);
      const resolver = random.pick(["9.9.9.9", "81.2.69.1", "10.1.2.3", "2a00:1::53"]);
      const asker = createEcsAsker(world, resolver);
      const tiles = collectTiles(asker, random, prefixes, `pair ${pair}`, seen);
      expectDisjoint(tiles, `pair ${pair}`);
      for (const kind of kindsIn(root)) kinds.add(kind);
      tileCount += tiles.length;
      for (const { bits } of tiles) longest = Math.max(longest, bits);
    }
    // What was drawn has to be worth the trouble.
    expect([...kinds].sort()).toEqual(["pool", ...NODE_KINDS].sort());
    expect(seen.positive).toBeGreaterThan(4 * seen.negative);
    expect(tileCount / PAIRS).toBeGreaterThan(20);
    expect(longest).toBe(128);
  });
});
