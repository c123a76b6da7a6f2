import { type GeoDatabase, type GeoSources, joinDatabases } from "../../src/geo/databases.ts";
import { clearHostBits, formatPrefix, parsePrefix } from "../../src/geo/prefix.ts";
import { EMBEDDED_BLOCKS, findBlock, SPECIAL_BLOCKS } from "../../src/geo/special.ts";
import { identityOf } from "../../src/policy/identity.ts";
import type {
  LastResortModel,
  LocationModel,
  NodeKind,
  NodeModel,
  PoolModel,
} from "../../src/policy/model.ts";
import { cityRecord, makeMmdb, openOrThrow } from "./geo-fixtures.ts";
import { type MmdbInput, uint32 } from "./mmdb-writer.ts";
import {
  adaptive,
  byLoad,
  failover,
  hash,
  keyed,
  latency,
  nearest,
  node,
  pool,
  roundRobin,
  type StateText,
  union,
  type World,
  weighted,
} from "./policy.ts";
import type { Random } from "./random.ts";

/** What trees are drawn from. All that one `Draw` gives out belongs to one configuration. */
export interface Draw {
  random: Random;
  pools: PoolModel[];
  /** Prefixes of both families; networks of databases, keys and rows are drawn from the same few, so that they meet. */
  prefixes: string[];
  /** Levels that may still stand below. */
  depth: number;
  /** Kinds that may stand in a tree, besides pools. */
  kinds: readonly NodeKind[];
  /** Of the nodes, how many have a last resort of their own; absent: 0.08. */
  lastResortShare?: number;
  /** As many children as a node has at most; absent: 3. */
  widest?: number;
}

export const COUNTRY_CODES = ["GB", "DE", "FR", "US", "CA", "JP", "BR", "ZA", "AU", "FJ"];
export const SYSTEMS = [64_500, 64_501, 64_502, 64_503];
const GEO_KEYS = [
  ...["EU", "NA", "AS", "OC", "SA", "eu-union", "city:1", "city:2", "city:3"],
  ...["EU-GB", "EU-DE", "EU-FR", "NA-US", "NA-CA", "AS-JP", "SA-BR", "OC-FJ", "NA-US-CA", "NA-US-NY"],
];
const LATENCY_KEYS = ["EU", "NA", "AS", "EU-GB", "EU-DE", "NA-US", "NA-US-CA", "AS-JP", "AS64500", "AS64501"];

/**
 * One row for every kind of node there is: what draws one with random children. A new kind needs a row here, and then
 * is nested in all others by every property test over random trees.
 */
export const NODE_DRAWS: Record<NodeKind, (draw: Draw) => NodeModel> = {
  pool: ({ random, pools }) => node(random.pick(pools)),
  failover: (draw) => failover(children(draw)),
  weighted: (draw) => weighted(shares(draw)),
  round_robin: (draw) => roundRobin(shares(draw)),
  least_response_time: (draw) => byLoad("least_response_time", shares(draw)),
  least_connections: (draw) => byLoad("least_connections", shares(draw)),
  p2c: (draw) => byLoad("p2c", shares(draw)),
  adaptive: (draw) => adaptive(shares(draw), { connections: 1, p99: 2, errors: draw.random.below(3) }),
  hash: (draw) => hash(distinct(children(draw)).map((child) => [child, weight(draw.random)])),
  all: (draw) => union(children(draw), 1 + draw.random.below(8)),
  geo: (draw) => keyed("geo", keysOf(draw, GEO_KEYS)),
  subnets: (draw) => keyed("subnets", keysOf(draw, draw.prefixes)),
  asn: (draw) => keyed("asn", keysOf(draw, SYSTEMS.map(String))),
  nearest: (draw) =>
    nearest(children(draw).map((child) => [child, place(draw.random), draw.random.below(199) - 99])),
  latency: (draw) =>
    latency(
      children(draw).map((child, i) => [child, `r${i}`]),
      latencyRows(draw),
      { toleranceMs: draw.random.pick([0, 10, 50]) },
    ),
};

export function randomTree(draw: Draw): NodeModel {
  const { random, depth, kinds } = draw;
  const isLeaf = depth === 0 || random.chance(0.1);
  const below = { ...draw, depth: depth - 1 };
  const drawn = NODE_DRAWS[isLeaf ? "pool" : random.pick(kinds)](below);
  return random.chance(draw.lastResortShare ?? 0.08)
    ? { ...drawn, lastResort: randomLastResort(draw) }
    : drawn;
}

export const NODE_KINDS = (Object.keys(NODE_DRAWS) as NodeKind[]).filter((kind) => kind !== "pool");

function randomLastResort({ random, pools }: Draw): LastResortModel {
  const kind = random.pick(["all", "pool", "nodata", "servfail"] as const);
  return kind === "pool" ? { kind, pool: random.pick(pools) } : { kind };
}

function children(draw: Draw, count = 1 + draw.random.below(draw.widest ?? 3)): NodeModel[] {
  return Array.from({ length: count }, () => randomTree(draw));
}

/** A hash tells its entries apart by what they are. */
function distinct(nodes: NodeModel[]): NodeModel[] {
  return [...new Map(nodes.map((from) => [identityOf(from), from])).values()];
}

function shares(draw: Draw): [NodeModel, number][] {
  return children(draw).map((child) => [child, weight(draw.random)]);
}

/** Some of the keys, mostly with a default. */
function keysOf(draw: Draw, from: readonly string[]): Record<string, NodeModel> {
  const { random } = draw;
  const keys = new Set(Array.from({ length: 1 + random.below(4) }, () => random.pick(from)));
  if (random.chance(0.85)) keys.add("default");
  return Object.fromEntries([...keys].map((key) => [key, children(draw, 1)[0]!]));
}

function weight(random: Random): number {
  return random.chance(0.1) ? 0 : 1 + random.below(9);
}

function place(random: Random): LocationModel {
  return { latitude: random.below(179) - 89, longitude: random.below(359) - 179 };
}

/** Rows for keys that a table may have: those in special-purpose blocks, and those that embed IPv4, it refuses. */
function latencyRows({ random, prefixes }: Draw): string[] {
  const rows = new Map<string, string>();
  const networks = prefixes.filter((text) => {
    const { family, octets } = parsePrefix(text)!;
    return findBlock([...SPECIAL_BLOCKS[family], ...EMBEDDED_BLOCKS], octets) === null;
  });
  const count = 1 + random.below(12);
  for (let i = 0; i < count; i++) {
    const key = random.pick(networks.length === 0 || random.chance(0.5) ? LATENCY_KEYS : networks);
    const pair = `${key},r${random.below(3)}`;
    rows.set(pair, `${pair},${5 + random.below(20) * 10}`);
  }
  return [...rows.values()];
}

/** Pools of every `select`, of one family or both, some without a check. */
export function randomPools(random: Random, count: number): PoolModel[] {
  return Array.from({ length: count }, (_, i) => {
    const endpoints = Array.from({ length: 1 + random.below(4) }, (_unused, j) => {
      const ipv4 = `192.0.${i}.${j + 1}`;
      const ipv6 = `2001:db8:${i + 1}::${j + 1}`;
      return { address: random.chance(0.9) ? [ipv4, ipv6] : [ipv4], weight: weight(random) };
    });
    return pool(`p${i}`, endpoints, {
      select: random.pick(["all", "weighted", "round_robin", "hash"] as const),
      maxAnswers: 1 + random.below(4),
      check: random.chance(0.1) ? null : "web",
      minHealthy: random.chance(0.5) ? { count: 1 } : { percent: 50 },
      dualStack: random.chance(0.1) ? "strict" : "any",
    });
  });
}

export function setRandomStates(world: World, random: Random, upShare: number): void {
  const states = world.names.addresses.map(() => randomState(random, upShare));
  const horizons = states.map((state) => (state === "up" ? 0 : 1000 * random.below(40)));
  world.setAll(states, horizons);
}

export function randomState(random: Random, upShare: number): StateText {
  return random.chance(upShare) ? "up" : random.pick(["down", "down", "drained", "forced-down"] as const);
}

/** Where prefixes crowd, so that they nest, touch and fill each other; special-purpose blocks are among the places. */
const CROWDED: readonly [family: 4 | 6, octets: number[]][] = [
  [4, [81, 2]],
  [4, [81]],
  [4, [9]],
  [4, [10, 1]],
  [4, [192, 0]],
  [4, [203, 0, 112]],
  [4, []],
  [6, [0x2a, 0, 0, 1]],
  [6, [0x2a, 0]],
  [6, [0x20, 0x01, 0x0d]],
  [6, [0x20, 0x02, 81, 2]],
  [6, [0xfc]],
];

/** An address that shares its first octets with many others. */
export function crowdedAddress(random: Random): { family: 4 | 6; octets: Uint8Array } {
  const [family, head] = random.pick(CROWDED);
  const octets = Uint8Array.from({ length: family === 4 ? 4 : 16 }, () => random.below(256));
  octets.set(head);
  return { family, octets };
}

/** Prefixes as text, each once. */
export function randomPrefixes(random: Random, count: number): string[] {
  const texts = new Set<string>();
  while (texts.size < count) {
    const { family, octets } = crowdedAddress(random);
    const bits = family === 4 ? 4 + random.below(29) : 16 + random.below(random.chance(0.8) ? 49 : 113);
    texts.add(formatPrefix(clearHostBits({ family, octets, bits })));
  }
  return [...texts];
}

/** City, country and system databases, any of which may be missing, over the prefixes. */
export function randomSources(random: Random, prefixes: readonly string[]): GeoSources {
  const open = (role: "city" | "country" | "asn", record: () => MmdbInput): GeoDatabase | null => {
    if (random.chance(0.25)) return null;
    const chosen = prefixes.filter(() => random.chance(0.6));
    const networks = Object.fromEntries([random.pick(prefixes), ...chosen].map((text) => [text, record()]));
    // What a later network covers wholly would leave a database that knows nothing.
    networks["99.0.0.0/8"] = role === "asn" ? systemRecord(64_500) : { country_code: "US" };
    const recordBits = random.pick([24, 28, 32] as const);
    return openOrThrow(makeMmdb(networks, { recordBits, aliases: random.chance(0.5) }), `${role}.mmdb`, role);
  };
  const country = () => random.pick(COUNTRY_CODES);
  return joinDatabases(
    open("city", () =>
      cityRecord({
        country: country(),
        ...place(random),
        ...(random.chance(0.5) ? { subdivisions: [random.pick(["CA", "NY"])] } : {}),
        ...(random.chance(0.5) ? { city: { id: 1 + random.below(4), name: "City" } } : {}),
      }),
    ),
    open("country", () => ({ country_code: country() })),
    open("asn", () => systemRecord(random.pick(SYSTEMS))),
  );
}

function systemRecord(asn: number): MmdbInput {
  return { autonomous_system_number: uint32(asn) };
}
