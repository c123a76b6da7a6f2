import type { MinHealthy } from "../health/plan.ts";
import { goesByLoad } from "../policy/load-words.ts";
import type { EndpointModel, LocationModel, PoolModel } from "../policy/model.ts";
import { checkRecovery } from "./check-recovery.ts";
import { isCut } from "./cut.ts";
import { brokenNames, type Damage, isBroken, isTouched } from "./damage.ts";
import { pathText, type Reporter, unknownName } from "./problem.ts";
import { resolveEndpoints } from "./resolve-endpoints.ts";
import { flatPool } from "./resolve-flatten.ts";
import { resolveParts, warnOfUnchecked, warnOfUnreported } from "./resolve-load.ts";
import type { FragmentInput, PoolInput } from "./schema-zone.ts";
import type { YamlPath } from "./yaml-text.ts";

/** What a record may reach that reaches a target. */
export const TARGETS_ONLY = "targets only, or addresses only";

/** A pool or an `all` in the answers unless it says otherwise: what fits a small reply in both families. */
export const DEFAULT_MAX_ANSWERS = 8;

/** A pool with its places; `model` is null when it has errors, which have been reported. */
export interface ResolvedPool {
  model: PoolModel | null;
  /** A record's tree, or a last resort, reaches it. */
  used: boolean;
}

/** What pools can refer to. */
export interface PoolNames extends Pick<FragmentInput, "checks" | "regions"> {
  /** False: an included file cannot be used, so that a name may be missing for that reason. */
  isComplete: boolean;
  /** What was taken out, and has been reported, by nameKey. */
  broken: ReadonlySet<string>;
  /** Of the file. */
  damage: Damage;
}

/** A region that is wrong still stands somewhere. */
const SOMEWHERE: LocationModel = { latitude: 0, longitude: 0 };

/** Every pool of the file by name, without rows: see claimRows in health-plan.ts. */
export function resolvePools(
  zone: string,
  inputs: FragmentInput["pools"],
  known: PoolNames,
  reporter: Reporter,
): Map<string, ResolvedPool> {
  const pools = new Map<string, ResolvedPool>();
  for (const [name, pool] of Object.entries(inputs))
    pools.set(name, { model: resolvePool(zone, name, pool, known, reporter), used: false });
  for (const name of brokenNames(known.damage, "pools"))
    if (!pools.has(name)) pools.set(name, { model: null, used: false });
  return pools;
}

function resolvePool(
  zone: string,
  name: string,
  pool: PoolInput,
  known: PoolNames,
  reporter: Reporter,
): PoolModel | null {
  const path: YamlPath = ["pools", name];
  const names = isKnown(pool.check, known, "check", path, reporter);
  const region = resolveRegion(pool.region, known, path, reporter);
  const { endpoints_file: file } = pool;
  const endpoints = resolveEndpoints(pool.endpoints, file !== undefined, [...path, "endpoints"], reporter);
  const isSound =
    endpoints !== null &&
    isOfOneKind(pool, endpoints, path, reporter) &&
    hasValidCount(pool, endpoints, path, reporter);
  const isWeighted = pool.endpoints.some((endpoint) => !isCut(endpoint) && endpoint.weight !== undefined);
  const select = pool.select?.word ?? (isWeighted ? "weighted" : "all");
  const parts = select === "adaptive" ? resolveParts(pool.select?.parts, partsPath(path), reporter) : null;
  if (!isSound || !names || region === undefined || isTouched(known.damage, path)) return null;
  if (select === "adaptive" && parts === null) return null;
  if (goesByLoad(select) && pool.check === undefined)
    warnOfUnchecked(select, name, [...path, "select"], reporter);
  const hasReports = pool.check !== undefined && readsReports(pool.check, known);
  if (pool.check !== undefined && !hasReports) {
    if (goesByLoad(select)) warnOfUnreported(select, [name], pool.check, [...path, "select"], reporter);
    if (pool.shed !== undefined) warnOfUnreported("shed", [name], pool.check, [...path, "shed"], reporter);
  }
  const isOpen = file !== undefined || endpoints.some(({ lookup }) => lookup !== undefined);
  const template = isOpen ? { template: endpoints } : {};
  const given = {
    isSelectOpen: pool.select === undefined,
    isWeighted: select === "weighted",
    maxAnswers: pool.max_answers,
  };
  const place = () => reporter.placeOf([...path, "endpoints_file"], "value");
  const source = file === undefined ? {} : { source: { ...file, ...given, place: place() } };
  const maxAnswers = pool.max_answers ?? (select === "all" ? DEFAULT_MAX_ANSWERS : 1);
  checkRecovery(pool, endpoints, path, reporter);
  const model: PoolModel = {
    zone,
    name,
    region,
    check: pool.check ?? null,
    ...(hasReports ? { hasReports } : {}),
    endpoints,
    ...template,
    ...source,
    select,
    maxAnswers,
    minHealthy: pool.min_healthy,
    dualStack: pool.dual_stack,
    ...(pool.check === undefined ? {} : recoveryOf(pool)),
    parts,
    row: -1,
  };
  if (!isOfTargets(endpoints)) return model;
  const flat = flatPool(model, reporter.lineOf([...path, "endpoints"]));
  return { ...model, maxAnswers: 1, flat };
}

/** Calculated checks read none: several probes would have to agree. Those that are wrong get the benefit of the doubt. */
function readsReports(name: string, { checks, damage }: PoolNames): boolean {
  const check = checks[name];
  return (
    check === undefined ||
    isTouched(damage, ["checks", name]) ||
    ("load" in check && check.load !== undefined)
  );
}

/** What a pool does not ask for stays out. */
function recoveryOf({ slow_start, shed, withdrawal_budget: budget }: PoolInput): Partial<PoolModel> {
  return {
    ...(slow_start === undefined ? {} : { slowStartMs: slow_start }),
    ...(shed === undefined ? {} : { shed }),
    ...(budget === undefined ? {} : { budget: { percent: budget.share, withinMs: budget.within } }),
  };
}

function partsPath(path: YamlPath): YamlPath {
  return [...path, "select", "adaptive", "parts"];
}

export function isOfTargets(endpoints: readonly EndpointModel[]): boolean {
  return endpoints.some(({ addresses }) => addresses.some(({ family }) => family === 0));
}

/** A name has one CNAME and nothing beside it (RFC 1034 section 3.6.2). */
function isOfOneKind(
  pool: PoolInput,
  endpoints: EndpointModel[],
  path: YamlPath,
  reporter: Reporter,
): boolean {
  if (!isOfTargets(endpoints)) return true;
  const text = pathText(path);
  if (pool.endpoints_file !== undefined) {
    const what = `${text}: a file of addresses beside a target`;
    reporter.error([...path, "endpoints_file"], "value", "CFG_TARGET_MIXED", what, TARGETS_ONLY);
    return false;
  }
  const mixed = pool.endpoints.findIndex(({ target }) => target === undefined);
  if (mixed >= 0) {
    const what = `${text}: an address beside a target`;
    reporter.error([...path, "endpoints", mixed], "value", "CFG_TARGET_MIXED", what, TARGETS_ONLY);
    return false;
  }
  if (pool.max_answers === undefined || pool.max_answers === 1) return true;
  const what = `${text}.max_answers is ${pool.max_answers}, and its endpoints are targets`;
  reporter.error([...path, "max_answers"], "value", "CFG_TARGET_ONE", what, "1: a name has one CNAME");
  return false;
}

function isKnown(
  name: string | undefined,
  { checks, regions, isComplete, broken }: PoolNames,
  key: "check" | "region",
  path: YamlPath,
  reporter: Reporter,
): boolean {
  const known = Object.keys(key === "check" ? checks : regions);
  if (name === undefined || known.includes(name)) return true;
  if (isBroken(broken, key === "check" ? "checks" : "regions", name)) return true;
  if (!isComplete) return false;
  const code = key === "check" ? "CFG_CHECK_UNKNOWN" : "CFG_REGION_UNKNOWN";
  reporter.error(
    [...path, key],
    "value",
    code,
    ...unknownName(`${pathText(path)}: "${name}" is not a ${key}`, name, known),
  );
  return false;
}

/** Undefined: unknown, and reported. */
function resolveRegion(
  name: string | undefined,
  known: PoolNames,
  path: YamlPath,
  reporter: Reporter,
): { name: string; location: LocationModel | null } | null | undefined {
  if (name === undefined) return null;
  if (!isKnown(name, known, "region", path, reporter)) return undefined;
  const region = known.regions[name];
  const isDoubtful = region === undefined || isTouched(known.damage, ["regions", name]);
  return { name, location: region?.location ?? (isDoubtful ? SOMEWHERE : null) };
}

function hasValidCount(
  pool: PoolInput,
  endpoints: EndpointModel[],
  path: YamlPath,
  reporter: Reporter,
): boolean {
  const text = pathText(path);
  const isOpen = pool.endpoints_file !== undefined || endpoints.some(({ lookup }) => lookup !== undefined);
  if (endpoints.length > 0 && endpoints.every(({ weight }) => weight === 0)) {
    reporter.error(
      [...path, "endpoints"],
      "key",
      "CFG_WEIGHTS_ZERO",
      `${text}: every weight is 0`,
      "at least one above 0",
    );
    return false;
  }
  const { min_healthy: least } = pool;
  if ("count" in least && least.count > endpoints.length && !isOpen) {
    const what = `${text}.min_healthy is ${least.count}, and the pool has ${endpoints.length === 1 ? "1 endpoint" : `${endpoints.length} endpoints`}`;
    reporter.error([...path, "min_healthy"], "value", "CFG_MIN_HEALTHY", what, `at most ${endpoints.length}`);
    return false;
  }
  return isOpen || hasValidFamilies(least, endpoints, path, reporter);
}

const FAMILIES = [
  ["ipv4", 4, "IPv4"],
  ["ipv6", 6, "IPv6"],
] as const;

function hasValidFamilies(
  minHealthy: MinHealthy,
  endpoints: EndpointModel[],
  path: YamlPath,
  reporter: Reporter,
): boolean {
  if (!("families" in minHealthy)) return true;
  if (Object.keys(minHealthy.families).length === 0) {
    const what = `${pathText(path)}.min_healthy names no family`;
    reporter.error([...path, "min_healthy"], "value", "CFG_MIN_HEALTHY", what, "ipv4, ipv6 or both");
    return false;
  }
  let isValid = true;
  for (const [key, family, word] of FAMILIES) {
    const least = minHealthy.families[key];
    const count = endpoints.filter((endpoint) =>
      endpoint.addresses.some((each) => each.family === family),
    ).length;
    if (least === undefined || (count > 0 && !("count" in least && least.count > count))) continue;
    const value = "count" in least ? String(least.count) : `${least.percent}%`;
    const have = count === 0 ? "no endpoint" : `${count} ${count === 1 ? "endpoint" : "endpoints"}`;
    const what = `${pathText(path)}.min_healthy.${key} is ${value}, and the pool has ${have} with an ${word} address`;
    const expected = count === 0 ? `${key === "ipv4" ? "ipv6" : "ipv4"} alone` : `at most ${count}`;
    reporter.error([...path, "min_healthy"], "value", "CFG_MIN_HEALTHY", what, expected);
    isValid = false;
  }
  return isValid;
}
