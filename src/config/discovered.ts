import type { EndpointModel, FileSource, PoolModel } from "../policy/model.ts";
import { addressText } from "../policy/names.ts";
import type { Finding } from "./findings.ts";
import { type EndpointsFile, type FileEndpoint, refusedAddress } from "./load-endpoints.ts";
import { DEFAULT_MAX_ANSWERS } from "./resolve-pools.ts";

/** Endpoints that a pool has from its file. Structured-cloneable. */
export interface DiscoveredPool {
  zone: string;
  pool: string;
  /** The file, as people are shown it. */
  file: string;
  endpoints: readonly FileEndpoint[];
  /** Why the file as it is now is not used; empty: it is. */
  why: string;
  /** Remembered from a process that ended long ago: what is listed now may be much less. Absent: false. */
  isOld?: boolean;
}

/** By zone and pool. */
export type Discovered = ReadonlyMap<string, DiscoveredPool>;

/**
 * Which endpoints a pool has, given those in use and what its file says now. A file that is gone, wrong or empty, or that
 * has lost more than it may at once, changes nothing: what writes it has failed more likely than what it lists.
 */
function guardEndpoints(
  before: readonly FileEndpoint[],
  now: EndpointsFile,
  { least, max, allow }: Pick<FileSource, "least" | "max" | "allow">,
): { endpoints: readonly FileEndpoint[]; why: string } {
  const kept = (why: string) => ({ endpoints: before, why });
  if ("why" in now) return kept(now.why);
  const { endpoints } = now;
  const { length: count } = endpoints;
  if (count === 0) return kept("it lists no endpoint");
  if (count > max) return kept(`it lists ${count} endpoints, and at most ${max} are used`);
  if (count < before.length * least)
    return kept(`it lists ${count} of ${before.length}, less than ${Math.round(least * 100)}%`);
  for (const endpoint of endpoints) {
    const refused = refusedAddress(endpoint, allow);
    if (refused !== null) return kept(`${refused}, and allow does not name it`);
  }
  if (endpoints.every(({ weight }) => weight === 0)) return kept("every weight is 0");
  return { endpoints, why: "" };
}

/** Adds the endpoints of its file to those that a pool has anyway. Returns what is in use from now on. */
export function fillFromFile(
  pool: PoolModel,
  source: FileSource,
  file: EndpointsFile,
  before: DiscoveredPool | undefined,
  findings: Finding[],
): DiscoveredPool {
  const { endpoints, why } = guardEndpoints(
    before?.endpoints ?? [],
    file,
    before?.isOld === true ? { ...source, least: 0 } : source,
  );
  if (why !== "") findings.push(keptFinding(pool.name, source, endpoints.length, why));
  const isTaken = new Set(pool.endpoints.flatMap(({ addresses }) => addresses.map(addressText)));
  const names = new Set(pool.endpoints.map(({ name }) => name));
  const added = endpoints.flatMap((endpoint): EndpointModel[] => {
    const addresses = endpoint.addresses.filter(({ text }) => !isTaken.has(text));
    if (addresses.length === 0) return [];
    const name = names.has(endpoint.name) ? addresses[0]!.text : endpoint.name;
    const models = addresses.map(({ family, octets }) => ({ family, octets, row: -1 }));
    return [{ name, weight: endpoint.weight ?? 1, addresses: models }];
  });
  pool.endpoints = [...pool.endpoints, ...added];
  if (source.isSelectOpen) {
    pool.select =
      source.isWeighted || endpoints.some(({ weight }) => weight !== undefined) ? "weighted" : "all";
    pool.maxAnswers = source.maxAnswers ?? (pool.select === "all" ? DEFAULT_MAX_ANSWERS : 1);
  }
  return { zone: pool.zone, pool: pool.name, file: source.file, endpoints, why };
}

function keptFinding(pool: string, source: FileSource, inUse: number, why: string): Finding {
  const kept = inUse === 0 ? "none of its endpoints is known" : `the ${inUse} endpoints in use stay`;
  return {
    severity: "warning",
    code: "CFG_ENDPOINTS_KEPT",
    ...source.place,
    what: `pools.${pool}: ${source.file} is not used: ${why}; ${kept}`,
    expected: "",
  };
}
