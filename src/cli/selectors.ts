import type { PolicyNames } from "../policy/names.ts";
import { listed } from "../wire/listing.ts";
import { suggest } from "../zone/suggest.ts";

/** A pool as far as a selector can name it. */
export interface SelectablePool {
  zone: string;
  name: string;
  region: string | null;
  endpoints: SelectableEndpoint[];
}

interface SelectableEndpoint {
  name: string;
  /** Indexes into PolicyData.addresses. */
  addresses: number[];
}

/** What a selector names: the fewer things it can name, the narrower it is. */
export interface Selection {
  breadth: "endpoint" | "pool" | "region";
  /** Indexes into PolicyData.addresses. */
  addresses: number[];
}

/** Why a selector names nothing, or several things. */
export interface SelectorProblem {
  what: string;
  expected: string;
}

/** The pools that some record can reach. */
export function selectablePools(names: PolicyNames): SelectablePool[] {
  const addresses = names.endpoints.map((): number[] => []);
  names.addresses.forEach(({ endpoint }, address) => {
    addresses[endpoint]?.push(address);
  });
  return names.pools.map(({ zone, name, region }, index) => ({
    zone,
    name,
    region,
    endpoints: names.endpoints.flatMap((endpoint, i) =>
      endpoint.pool === index ? [{ name: endpoint.name, addresses: addresses[i]! }] : [],
    ),
  }));
}

/**
 * Addresses that a selector names: `region:R`, `pool:[ZONE/]POOL[/ENDPOINT]`. The zone may be left out when only one has
 * such a pool.
 */
export function selectAddresses(selector: string, pools: SelectablePool[]): Selection | SelectorProblem {
  const [, kind, name] = /^(region|pool):(.+)$/.exec(selector) ?? [];
  if (name === undefined) {
    return {
      what: `"${selector}" is not a selector`,
      expected: "region:R or pool:[ZONE/]POOL[/ENDPOINT]",
    };
  }
  return kind === "region" ? selectRegion(name, pools) : selectPool(name, pools);
}

/** `"ue" is not a pool: did you mean eu?` */
export function selectorProblemText({ what, expected }: SelectorProblem): string {
  return expected === "" ? what : `${what}: expected ${expected}`;
}

function selectRegion(name: string, pools: SelectablePool[]): Selection | SelectorProblem {
  const found = pools.filter((pool) => pool.region === name);
  if (found.length > 0) {
    return { breadth: "region", addresses: addressesOf(found.flatMap((pool) => pool.endpoints)) };
  }
  const known = pools.flatMap((pool) => pool.region ?? []);
  return unknown("region", name, known, known);
}

function selectPool(path: string, pools: SelectablePool[]): Selection | SelectorProblem {
  const parts = path.split("/");
  const matches = pools.flatMap((pool) => matchPool(parts, pool));
  const zones = new Set(matches.map(({ pool }) => pool.zone));
  if (zones.size > 1) {
    const choices = [...zones].map((zone) => `pool:${zone}/${path}`);
    return { what: `pool:${path} is in ${zones.size} zones`, expected: `one of ${listed(choices)}` };
  }
  if (matches.length > 0) {
    const isWhole = matches.some(({ pool, endpoints }) => endpoints === pool.endpoints);
    return {
      breadth: isWhole ? "pool" : "endpoint",
      addresses: addressesOf(matches.flatMap(({ endpoints }) => endpoints)),
    };
  }
  const named = pools.filter((pool) => parts[0] === pool.name);
  const inPool = named.flatMap((pool) => pool.endpoints.map((endpoint) => `${pool.name}/${endpoint.name}`));
  const meant = [...new Set(pools.flatMap((pool) => endpointsNamed(path, pool)))];
  if (meant.length > 0)
    return {
      what: `"${path}" is not a pool but an endpoint`,
      expected: `POOL/ENDPOINT, as ${listed(meant)}`,
    };
  const known = pools.flatMap((pool) => [pool.name, `${pool.zone}/${pool.name}`]);
  const names = named.length > 0 ? inPool : pools.map((pool) => pool.name);
  return unknown("pool", path, [...inPool, ...known], names);
}

/** Endpoints of that name, as they are written. */
function endpointsNamed(name: string, pool: SelectablePool): string[] {
  return pool.endpoints.flatMap((endpoint) => (endpoint.name === name ? [`${pool.name}/${name}`] : []));
}

function addressesOf(endpoints: SelectableEndpoint[]): number[] {
  return endpoints.flatMap(({ addresses }) => addresses);
}

interface PoolMatch {
  pool: SelectablePool;
  endpoints: SelectableEndpoint[];
}

/** Every reading of the path that fits: POOL, ZONE/POOL, POOL/ENDPOINT, ZONE/POOL/ENDPOINT. */
function matchPool(parts: string[], pool: SelectablePool): PoolMatch[] {
  const withoutZone = parts[0]?.replace(/\.$/, "") === pool.zone.replace(/\.$/, "") ? parts.slice(1) : null;
  return [parts, withoutZone].flatMap((path) => {
    if (path === null || path[0] !== pool.name || path.length > 2) return [];
    const endpoints =
      path.length === 1 ? pool.endpoints : pool.endpoints.filter((endpoint) => endpoint.name === path[1]);
    return endpoints.length === 0 ? [] : [{ pool, endpoints }];
  });
}

function unknown(kind: string, name: string, known: string[], names: string[]): SelectorProblem {
  const near = suggest(name, known);
  const what = `"${name}" is not a ${kind}`;
  if (near !== undefined) return { what: `${what}: did you mean ${near}?`, expected: "" };
  return { what, expected: `one of ${listed([...new Set(names)]) || "none"}` };
}
