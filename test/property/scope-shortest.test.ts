import { describe, expect, it } from "vitest";
import { CONTINENTS, COUNTRIES, EU_UNION } from "../../src/geo/country.ts";
import { type GeoDatabase, joinDatabases } from "../../src/geo/databases.ts";
import { clearHostBits, formatPrefix, type Prefix, parsePrefix } from "../../src/geo/prefix.ts";
import { EMBEDDED_BLOCKS, isWithin, SPECIAL_BLOCKS } from "../../src/geo/special.ts";
import type { LocationModel, NodeKind, NodeModel } from "../../src/policy/model.ts";
import { createEcsAsker } from "../support/ecs-asker.ts";
import { makeMmdb, openOrThrow } from "../support/geo-fixtures.ts";
import { type MmdbInput, uint32 } from "../support/mmdb-writer.ts";
import { createWorld, type EndpointText, pool, record } from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { COUNTRY_CODES, type Draw, randomTree, SYSTEMS } from "../support/random-trees.ts";

/**
 * What "shortest" means. Every table gives each address a chain: the entries to try, in order. Addresses are alike when
 * every table that the record's tree can reach gives them the same chain, whatever the health and whatever a branch
 * above would leave unread; a special-purpose block to which a table says nothing of its own is like nothing outside
 * it. The tile of an address is the shortest prefix around it in which all addresses are alike, and the announced scope
 * is to be exactly that. Here it is found by definition: chains of all 65,536 points of a universe of 16 bits, joined,
 * and the universe halved until a half is all alike.
 */
const LONG = process.env.STEERD_LONG !== undefined;
const TREES = LONG ? 200 : 16;
const POINTS = 0x1_0000;
/**
 * Of every tile both edges are asked for, one drawn point between, and of all points one in so many. A question takes
 * ten times what the chains of a point take, so that only the first trees are asked for every point.
 */
const STRIDE = 16;
const TREES_ASKED_WHOLE = LONG ? 12 : 0;

type Family = 4 | 6;
interface Universe {
  /** The 16 bits that count follow these. */
  bits: number;
  start: Record<Family, number[]>;
}
const UNIVERSES: [string, Universe][] = [
  ["all addresses by their first 16 bits", { bits: 0, start: { 4: [], 6: [] } }],
  [
    "the hosts of an IPv4 /16, and the /32 of an IPv6 /16",
    { bits: 16, start: { 4: [81, 2], 6: [0x2a, 0x00] } },
  ],
];

/** Kinds whose chains the definition below knows, and those that read no table. */
const KINDS: NodeKind[] = [
  ...["failover", "weighted", "round_robin", "all", "geo", "subnets", "asn", "nearest"],
  "latency",
] as NodeKind[];

function addressOf({ bits, start }: Universe, family: Family, point: number): Uint8Array {
  const octets = new Uint8Array(family === 4 ? 4 : 16);
  octets.set(start[family]);
  octets.set([point >> 8, point & 255], bits / 8);
  return octets;
}

function randomNetworks(random: Random, universe: Universe, count: number): string[] {
  const texts = new Set<string>();
  for (let i = 0; i < count; i++) {
    const family = random.pick([4, 6] as const);
    const octets = addressOf(universe, family, random.below(POINTS));
    const prefix = clearHostBits({ family, octets, bits: universe.bits + 1 + random.below(16) });
    // ::/96 of a database is its IPv4 part: a network that covers it would mean IPv4 as well.
    if (family === 4 || prefix.octets.some((octet) => octet !== 0)) texts.add(formatPrefix(prefix));
  }
  return [...texts];
}

/** A value for each point, that of the longest network around it, as an index into `values`; 0: no network. */
class Painting<T> {
  readonly values: (T | undefined)[] = [undefined];
  readonly ids: Record<Family, Int32Array> = { 4: new Int32Array(POINTS), 6: new Int32Array(POINTS) };

  constructor(universe: Universe, networks: Iterable<readonly [string, T]>) {
    const prefixes = [...networks].map(([text, value]) => ({ prefix: parsePrefix(text)!, value }));
    prefixes.sort((a, b) => a.prefix.bits - b.prefix.bits);
    const at = universe.bits / 8;
    for (const { prefix, value } of prefixes) {
      const first = (prefix.octets[at]! << 8) | prefix.octets[at + 1]!;
      const end = first + 2 ** (16 + universe.bits - prefix.bits);
      this.ids[prefix.family].fill(this.values.push(value) - 1, first, end);
    }
  }
}

/** What is known of a client, besides its address. */
interface Client {
  country: string | undefined;
  asn: number | undefined;
}

/** The chain of a node's table for a client, as text; `matching`: keys that are prefixes around it, the longest first. */
function chainOf(node: NodeModel, { country, asn }: Client, matching: string[]): string {
  switch (node.kind) {
    case "geo":
      return present(node.keys, [...placeKeys(country), "default"]).join();
    case "subnets":
      return present(node.keys, [...matching, "default"]).join();
    case "asn":
      return present(node.keys, [String(asn), "default"]).join();
    case "nearest":
      return byDistance(node.of, country).join();
    case "latency": {
      const keys = [...matching, `AS${asn}`, ...placeKeys(country).filter((key) => key !== "eu-union")];
      return byRoundTrip(node, keys);
    }
    default:
      return "";
  }
}

const present = (keys: { key: string }[], wanted: string[]): string[] =>
  wanted.filter((key) => keys.some((entry) => entry.key === key));

/** Country, group, continent. */
function placeKeys(code: string | undefined): string[] {
  const country = COUNTRIES.find((one) => one.code === code);
  if (country === undefined) return [];
  const continent = CONTINENTS[country.continent - 1]!;
  return [`${continent}-${code}`, ...(EU_UNION.includes(country.code) ? ["eu-union"] : []), continent];
}

function byDistance(of: { location: LocationModel; bias?: number }[], code: string | undefined): number[] {
  const order = of.map((_, entry) => entry);
  const client = COUNTRIES.find((one) => one.code === code);
  if (client === undefined) return order;
  const distances = of.map(({ location, bias = 0 }) => {
    const degrees = haversine(client, location);
    return bias < 0 ? degrees / (1 + bias / 100) : degrees * (1 - bias / 100);
  });
  return order.sort((a, b) => distances[a]! - distances[b]!);
}

/** Great circle in radians. */
function haversine(a: LocationModel, b: LocationModel): number {
  const [latitude, other] = [(a.latitude * Math.PI) / 180, (b.latitude * Math.PI) / 180];
  const half = ((b.longitude - a.longitude) * Math.PI) / 180 / 2;
  const square =
    Math.sin((other - latitude) / 2) ** 2 + Math.cos(latitude) * Math.cos(other) * Math.sin(half) ** 2;
  return 2 * Math.asin(Math.sqrt(square));
}

/** Groups of entries that are tied, the list's order within each; entries without a row last. They stand nowhere. */
function byRoundTrip(node: NodeModel & { kind: "latency" }, keys: string[]): string {
  const rows = node.table.clients.map(({ key, rows: cells }) => ({ name: latencyKeyText(key), cells }));
  const rtts = node.of.map(({ region }) => {
    const column = node.table.regions.indexOf(region);
    const cells = keys.flatMap((key) => rows.filter(({ name }) => name === key).flatMap((row) => row.cells));
    return cells.find((cell) => cell.region === column)?.rttMs;
  });
  const left = rtts.flatMap((rttMs, entry) => (rttMs === undefined ? [] : [{ rttMs, entry }]));
  const groups: string[] = [];
  while (left.length > 0) {
    const least = Math.min(...left.map(({ rttMs }) => rttMs));
    const tied = left.filter(({ rttMs }) => rttMs <= least + node.toleranceMs);
    for (const one of tied) left.splice(left.indexOf(one), 1);
    groups.push(tied.map(({ entry }) => entry).join("="));
  }
  return [...groups, ...rtts.flatMap((rttMs, entry) => (rttMs === undefined ? [entry] : []))].join();
}

function latencyKeyText(key: (NodeModel & { kind: "latency" })["table"]["clients"][number]["key"]): string {
  switch (key.kind) {
    case "prefix":
      return formatPrefix(key.prefix);
    case "asn":
      return `AS${key.asn}`;
    case "continent":
      return CONTINENTS[key.continent - 1]!;
    case "country": {
      const { code, continent } = COUNTRIES[key.country - 1]!;
      return `${CONTINENTS[continent - 1]}-${code}`;
    }
    case "subdivision":
      return key.code;
  }
}

/** Prefixes that a node names, as keys or rows. */
function prefixesOf(node: NodeModel): string[] {
  if (node.kind === "subnets") return node.keys.map(({ key }) => key).filter((key) => key !== "default");
  if (node.kind !== "latency") return [];
  return node.table.clients
    .map(({ key }) => key)
    .flatMap((key) => (key.kind === "prefix" ? formatPrefix(key.prefix) : []));
}

/** For each point which special-purpose block it lies in; a point that a block divides is a block of its own. */
function blocksOf(universe: Universe, family: Family): Int32Array {
  const blocks = new Int32Array(POINTS);
  const bits = universe.bits + 16;
  const all = [...SPECIAL_BLOCKS[family], ...EMBEDDED_BLOCKS].filter((block) => block.family === family);
  for (let point = 0; point < POINTS; point++) {
    const own = { family, octets: addressOf(universe, family, point), bits };
    const index = all.findIndex((block) => isWithin(own.octets, block) || isWithin(block.octets, own));
    if (index < 0) continue;
    const isEmbedded = index >= SPECIAL_BLOCKS[family].length;
    const isWhole = all[index]!.bits <= bits && !isEmbedded;
    blocks[point] = isWhole ? index + 1 : (isEmbedded ? EMBEDDED : DIVIDED) + point;
  }
  return blocks;
}
const DIVIDED = 1_000;
const EMBEDDED = DIVIDED + POINTS;

function isAround(outer: Prefix, inner: Prefix): boolean {
  return outer.family === inner.family && isWithin(inner.octets, outer);
}

/** Numbers for the points such that two are equal where all labels are. */
function join(tables: readonly Int32Array[]): Int32Array {
  let joint = new Int32Array(POINTS);
  for (const labels of tables) {
    const known = new Map<number, number>();
    joint = joint.map((sofar, point) => {
      const pair = sofar * 2 ** 20 + labels[point]!;
      if (!known.has(pair)) known.set(pair, known.size);
      return known.get(pair)!;
    });
  }
  return joint;
}

/** The chain of every point as a number: one table of the partition. `null`: it says the same to everybody. */
function labelTable(
  node: NodeModel,
  universe: Universe,
  paintings: { country: Painting<string>; asn: Painting<number> },
  blocks: Record<Family, Int32Array>,
): Record<Family, Int32Array> | null {
  const prefixes = prefixesOf(node);
  const parsed = prefixes.map((text) => ({ text, prefix: parsePrefix(text)! }));
  const matching = new Painting(
    universe,
    parsed.map(({ text, prefix }) => {
      const around = parsed.filter(
        (other) => other.prefix.bits <= prefix.bits && isAround(other.prefix, prefix),
      );
      around.sort((a, b) => b.prefix.bits - a.prefix.bits);
      return [text, around.map((other) => other.text)] as const;
    }),
  );
  const known = new Map<string, number>();
  const numberOf = (text: string): number => {
    if (!known.has(text)) known.set(text, known.size);
    return known.get(text)!;
  };
  const unknown = numberOf(chainOf(node, { country: undefined, asn: undefined }, []));
  const memo = new Map<number, number>();
  const label = (family: Family): Int32Array =>
    Int32Array.from({ length: POINTS }, (_, point) => {
      const [country, asn, around] = [
        paintings.country.ids[family][point]!,
        paintings.asn.ids[family][point]!,
        matching.ids[family][point]!,
      ];
      const key = (country * 1024 + asn) * 1024 + around;
      let number = memo.get(key);
      if (number === undefined) {
        const client = { country: paintings.country.values[country], asn: paintings.asn.values[asn] };
        number = numberOf(chainOf(node, client, matching.values[around] ?? []));
        memo.set(key, number);
      }
      return number;
    });
  const labels = { 4: label(4), 6: label(6) };
  if (known.size === 1) return null;
  for (const family of [4, 6] as const) {
    for (const [point, block] of blocks[family].entries()) {
      if (block === 0) continue;
      // Entries of `subnets` count in special-purpose blocks too.
      if (node.kind === "subnets" && labels[family][point] !== unknown && block < EMBEDDED) continue;
      labels[family][point] = -block;
    }
  }
  return labels;
}

/** Length, within the universe, of the shortest aligned block around each point that has one label. */
function halve(labels: Int32Array): Uint8Array {
  const tiles = new Uint8Array(POINTS);
  const settle = (from: number, size: number, bits: number): void => {
    let at = from;
    while (at < from + size && labels[at] === labels[from]) at++;
    if (at === from + size) tiles.fill(bits, from, from + size);
    else {
      settle(from, size / 2, bits + 1);
      settle(from + size / 2, size / 2, bits + 1);
    }
  };
  settle(0, POINTS, 0);
  return tiles;
}

function tableNodes(node: NodeModel): NodeModel[] {
  if (node.kind === "pool") return [];
  const below = ("keys" in node ? node.keys : node.of).flatMap((entry) => tableNodes(entry.node));
  return ["geo", "subnets", "asn", "nearest", "latency"].includes(node.kind) ? [node, ...below] : below;
}

/** A tree over databases of a universe; what it announces, and what it should. */
function scenario(seed: number, universe: Universe) {
  const random = seededRandom(seed);
  const prefixes = randomNetworks(random, universe, 4 + random.below(40));
  const some = () => [prefixes[0]!, ...prefixes.filter(() => random.chance(0.6))];
  const countries = new Map(some().map((text) => [text, random.pick(COUNTRY_CODES)]));
  const systems = new Map(some().map((text) => [text, random.pick(SYSTEMS)]));
  const open = (role: "country" | "asn", networks: [string, MmdbInput][]): GeoDatabase =>
    openOrThrow(makeMmdb(Object.fromEntries(networks)), `${role}.mmdb`, role);
  const endpoints: EndpointText[] = [{ address: ["192.0.2.1", "2001:db8::1"] }];
  const draw: Draw = {
    random,
    pools: Array.from({ length: 4 }, (_, i) => pool(`p${i}`, endpoints)),
    prefixes,
    depth: 3,
    kinds: KINDS,
  };
  const drawn = randomTree({ ...draw, lastResortShare: 0 });
  const world = createWorld(
    [record(drawn)],
    joinDatabases(
      null,
      open(
        "country",
        [...countries].map(([text, code]) => [text, { country_code: code }]),
      ),
      open(
        "asn",
        [...systems].map(([text, asn]) => [text, { autonomous_system_number: uint32(asn) }]),
      ),
    ),
  );
  const paintings = { country: new Painting(universe, countries), asn: new Painting(universe, systems) };
  return { root: drawn, asker: createEcsAsker(world, "9.9.9.9"), paintings };
}

/** `drawn`: says which point within each tile. */
function isAsked(tiles: Uint8Array, point: number, stride: number, drawn: number): boolean {
  const last = 2 ** (16 - tiles[point]!) - 1;
  const within = point & last;
  return point % stride === 0 || within === 0 || within === last || within === (drawn & last);
}

describe.each(UNIVERSES)("in %s", (_name, universe) => {
  const blocks = { 4: blocksOf(universe, 4), 6: blocksOf(universe, 6) };

  it(`every announced scope is the shortest: ${TREES} random trees`, {
    timeout: 1_800_000,
  }, () => {
    const lengths = new Set<number>();
    let several = 0;
    let compared = 0;
    for (let tree = 0; tree < TREES; tree++) {
      const { root, asker, paintings } = scenario(20_280 + tree, universe);
      const nodes = tableNodes(root);
      const tables = nodes.flatMap((node) => labelTable(node, universe, paintings, blocks) ?? []);
      if (tables.length > 1) several++;
      const stride = tree < TREES_ASKED_WHOLE ? 1 : STRIDE;
      const drawn = Math.imul(tree + 1, 0x9e37_79b1) >>> 16;
      for (const family of [4, 6] as const) {
        const tiles = halve(join(tables.map((labels) => labels[family])));
        for (let point = 0; point < POINTS; point++) {
          if (blocks[family][point]! >= DIVIDED || !isAsked(tiles, point, stride, drawn)) continue;
          const address = addressOf(universe, family, point);
          const reply = asker.ask("A", family, address, universe.bits + 16);
          if (reply.addressCount === 0) continue;
          const announced = Math.max(universe.bits, reply.scopeBits);
          const shortest = universe.bits + tiles[point]!;
          compared++;
          lengths.add(shortest);
          if (announced === shortest) continue;
          const text = formatPrefix({ family, octets: address, bits: universe.bits + 16 });
          expect(announced, `tree ${tree}, ${text}, ${nodes.map(({ kind }) => kind)}`).toBe(shortest);
        }
      }
    }
    expect(several).toBeGreaterThan(TREES / 2);
    expect(compared).toBeGreaterThan((TREES * POINTS) / STRIDE);
    expect(lengths.size).toBeGreaterThan(12);
  });
});
