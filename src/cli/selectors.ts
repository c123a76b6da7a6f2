import { ADDRESS_ROW, ADDRESS_WORDS, type PolicyData } from "../policy/data.ts";
import type { PolicyNames } from "../policy/names.ts";
import { suggest } from "../zone/suggest.ts";
import { UsageError } from "./command.ts";

/** A pool as far as a selector can name it. */
export interface SelectablePool {
  zone: string;
  name: string;
  region: string | null;
  endpoints: SelectableEndpoint[];
}

interface SelectableEndpoint {
  name: string;
  /** Rows of its addresses in HealthRows.endpoints; -1: no check. */
  rows: number[];
}

/** The pools that some record can reach. */
export function selectablePools(names: PolicyNames, policy: PolicyData): SelectablePool[] {
  const rows = names.endpoints.map((): number[] => []);
  names.addresses.forEach(({ endpoint }, address) => {
    rows[endpoint]?.push(policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!);
  });
  return names.pools.map(({ zone, name, region }, index) => ({
    zone,
    name,
    region,
    endpoints: names.endpoints.flatMap((endpoint, i) =>
      endpoint.pool === index ? [{ name: endpoint.name, rows: rows[i]! }] : [],
    ),
  }));
}

/**
 * Rows in HealthRows.endpoints that a selector names: `region:R`, `pool:[ZONE/]POOL[/ENDPOINT]`. The zone may be left
 * out when only one has such a pool.
 *
 * Throws UsageError for a selector that names nothing, several things, or what no check watches.
 */
export function selectRows(selector: string, pools: SelectablePool[]): number[] {
  const endpoints = selectEndpoints(selector, pools);
  const rows = endpoints.flatMap((endpoint) => endpoint.rows);
  const checked = rows.filter((row) => row >= 0);
  if (checked.length > 0) return checked;
  throw new UsageError(`--down: ${selector} has no check: it is always up`);
}

function selectEndpoints(selector: string, pools: SelectablePool[]): SelectableEndpoint[] {
  const [, kind, name] = /^(region|pool):(.+)$/.exec(selector) ?? [];
  if (name === undefined) {
    throw new UsageError(
      `--down: "${selector}" is not a selector: expected region:R or pool:[ZONE/]POOL[/ENDPOINT]`,
    );
  }
  return kind === "region" ? selectRegion(name, pools) : selectPool(name, pools);
}

function selectRegion(name: string, pools: SelectablePool[]): SelectableEndpoint[] {
  const found = pools.filter((pool) => pool.region === name);
  if (found.length > 0) return found.flatMap((pool) => pool.endpoints);
  const known = pools.flatMap((pool) => pool.region ?? []);
  throw new UsageError(unknown("region", name, known, known));
}

function selectPool(path: string, pools: SelectablePool[]): SelectableEndpoint[] {
  const parts = path.split("/");
  const matches = pools.flatMap((pool) => matchPool(parts, pool));
  const zones = new Set(matches.map(({ pool }) => pool.zone));
  if (zones.size > 1) {
    const choices = [...zones].map((zone) => `pool:${zone}/${path}`);
    throw new UsageError(
      `--down: pool:${path} is in ${zones.size} zones: expected one of ${choices.join(", ")}`,
    );
  }
  if (matches.length > 0) return matches.flatMap(({ endpoints }) => endpoints);

  const named = pools.filter((pool) => parts[0] === pool.name);
  const inPool = named.flatMap((pool) => pool.endpoints.map((endpoint) => `${pool.name}/${endpoint.name}`));
  const known = pools.flatMap((pool) => [pool.name, `${pool.zone}/${pool.name}`]);
  const names = named.length > 0 ? inPool : pools.map((pool) => pool.name);
  throw new UsageError(unknown("pool", path, [...inPool, ...known], names));
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

function unknown(kind: string, name: string, known: string[], listed: string[]): string {
  const near = suggest(name, known);
  const names = [...new Set(listed)].join(", ") || "none";
  return `--down: "${name}" is not a ${kind}: ${near === undefined ? `expected one of ${names}` : `did you mean ${near}?`}`;
}
