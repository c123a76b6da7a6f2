import type { NodeModel, PoolModel, RecordModel } from "../policy/model.ts";
import { formatName } from "../wire/name-text.ts";
import { suggest } from "../zone/suggest.ts";
import { brokenNames, type Damage, UNDAMAGED } from "./damage.ts";
import type { DatabaseUse } from "./database-uses.ts";
import type { VisibleNames } from "./file-names.ts";
import { type Imports, NO_IMPORTS } from "./imports.ts";
import { limitWalks } from "./limit-walks.ts";
import type { LatencyTables } from "./load-latency.ts";
import { isWithinZone, readName } from "./owner.ts";
import type { PolicyScope } from "./policy-scope.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import { poolsBelow, reachedPools, resolveCommon, usedByChecks, visibleNames } from "./resolve-common.ts";
import { flattenLastResort, flattenNode } from "./resolve-flatten.ts";
import { resolveLastResort } from "./resolve-last-resort.ts";
import { resolveNode } from "./resolve-policy.ts";
import { isOfTargets } from "./resolve-pools.ts";
import { refuseServices, resolveServices, serviceTypes } from "./resolve-service.ts";
import { resolveGives } from "./resolve-target.ts";
import type { ZoneInput } from "./schema-zone.ts";
import { warnOfRecord } from "./warn-record.ts";
import type { YamlPath } from "./yaml-text.ts";

/** A dynamic name, and where it stands. */
export interface DynamicOwner {
  /** Wire form, lower case. */
  owner: Uint8Array;
  /** Presentation form, lower case, with the final dot. */
  text: string;
  path: YamlPath;
  /** It gives a CNAME, and leaves no room for other types. */
  ownsName: boolean;
  /** Types that the record gives beside A and AAAA. */
  ownsTypes: number[];
}

/** A dynamic name whose record is sound. */
export interface ResolvedRecord extends DynamicOwner {
  model: RecordModel;
}

export interface ResolvedZone {
  /** All dynamic names, also those whose records are wrong. */
  owners: DynamicOwner[];
  records: ResolvedRecord[];
  /** Pools that a record reaches, in the file's order, then those of included files; without rows yet. */
  pools: PoolModel[];
  names: VisibleNames;
  /** Policies that are of less use, or of none, without a database. */
  databaseUses: DatabaseUse[];
}

/**
 * Turns the names of a zone's YAML file into objects. What is wrong is reported, and left out of the result.
 * `zone`: the origin without its final dot, as people write it; `apex`: the same in wire form; `latency`: the tables that
 * the file names.
 */
export function resolveZone(
  zone: string,
  apex: Uint8Array,
  input: ZoneInput,
  reporter: Reporter,
  latency: LatencyTables = new Map(),
  imports: Imports = NO_IMPORTS,
  damage: Damage = UNDAMAGED,
): ResolvedZone {
  const scope = resolveCommon(zone, input, reporter, latency, imports, damage);
  const owners = new Map<string, DynamicOwner>();
  const records: ResolvedRecord[] = [];
  const answered = new Set<PoolModel>();
  for (const key of Object.keys(input.records)) {
    const owner = resolveOwner(reporter, key, apex, owners);
    const isApex = owner !== null && owner.owner.length === apex.length;
    const model = resolveRecord(scope, zone, key, input, owner?.text ?? "", isApex, answered);
    if (owner !== null) {
      owner.ownsName = model?.gives === "target";
      owner.ownsTypes = serviceTypes(input.records[key]!);
    }
    if (owner !== null && model !== null) records.push({ ...owner, model });
  }
  for (const key of brokenNames(damage, "records")) resolveOwner(reporter, key, apex, owners);
  warnOfUnused(scope, input);
  // Names that are answered by their addresses alone need no probes of their own.
  const reached = reachedPools(scope).filter((pool) => !isOfTargets(pool.endpoints) || answered.has(pool));
  return {
    owners: [...owners.values()],
    records,
    pools: [...new Set([...reached, ...answered])],
    names: visibleNames(scope),
    databaseUses: scope.databaseUses,
  };
}

/** RFC 7871 section 11.1: what resolvers tell of a client at most. */
const STICKY_MOST = [
  ["ipv4", 24],
  ["ipv6", 56],
] as const;

/** Null: wrong, and reported. */
function resolveRecord(
  scope: PolicyScope,
  zone: string,
  key: string,
  input: ZoneInput,
  owner: string,
  isApex: boolean,
  answered: Set<PoolModel>,
): RecordModel | null {
  const record = input.records[key]!;
  const path: YamlPath = ["records", key];
  let root: NodeModel | null = resolveNode(scope, record.policy, [...path, "policy"]);
  let lastResort = resolveLastResort(scope, record.last_resort, [...path, "last_resort"]);
  if (root === null || lastResort === undefined) {
    resolveServices(record, path, scope.reporter);
    return null;
  }
  if (record.flatten) {
    const [before, lastBefore] = [root, lastResort];
    root = flattenNode(root);
    lastResort = flattenLastResort(lastResort);
    if (root === before && lastResort === lastBefore) {
      const what = `${key}: flatten is true, and nothing that the record reaches is a target`;
      scope.reporter.warning(
        [...path, "flatten"],
        "value",
        "CFG_FLATTEN_IDLE",
        what,
        "no flatten, or a pool of targets",
      );
    }
  }
  const isShort = limitWalks(root, path, scope.reporter);
  const gives = isShort ? resolveGives(root, lastResort, isApex, path, scope.reporter) : null;
  const resolveRest = gives === "target" ? refuseServices : resolveServices;
  const services = resolveRest(record, path, scope.reporter);
  if (gives === null) return null;
  for (const pool of poolsBelow(root, lastResort)) answered.add(pool);
  warnOfRecord(root, lastResort, path, scope.reporter);
  if (services === null) return null;
  const { max: ttlMaxSeconds, min: ttlMinSeconds } = record.ttl ?? input.ttl;
  const { ecs, sticky } = record;
  for (const [family, most] of STICKY_MOST) {
    if (sticky[family] <= most) continue;
    const what = `${key}: sticky.${family} is ${sticky[family]}, longer than what resolvers tell of a client`;
    scope.reporter.warning([...path, "sticky", family], "value", "CFG_TILE_FINE", what, `at most ${most}`);
  }
  return { zone, owner, root, ttlMaxSeconds, ttlMinSeconds, lastResort, ecs, sticky, gives, services };
}

/** Null: wrong or a second time, and reported. */
function resolveOwner(
  reporter: Reporter,
  key: string,
  apex: Uint8Array,
  owners: Map<string, DynamicOwner>,
): DynamicOwner | null {
  const path: YamlPath = ["records", key];
  const owner = readName(key, apex);
  if (!(owner instanceof Uint8Array)) {
    reporter.error(path, "key", "CFG_OWNER_INVALID", `records: "${key}" ${owner.what}`, owner.expected);
    return null;
  }
  const zoneText = formatName(apex, 0);
  if (!isWithinZone(owner, apex)) {
    const what = `records: "${key}" lies outside the zone`;
    reporter.error(path, "key", "CFG_OWNER_OUTSIDE", what, `a name that ends in ${zoneText}`);
    return null;
  }
  const text = formatName(owner, 0);
  const first = owners.get(text);
  if (first !== undefined) {
    const what = `records: "${key}" is the same name as "${first.path[1]}", at ${reporter.lineOf(first.path)}`;
    reporter.error(path, "key", "CFG_OWNER_DUPLICATE", what, "each name once");
    return null;
  }
  if (text.endsWith(`.${zoneText}${zoneText}`) && zoneText !== ".") {
    const what = `records: "${key}" is read as ${text}`;
    reporter.warning(
      path,
      "key",
      "CFG_OWNER_DOUBLED",
      what,
      "a name without the zone's, or one with a final dot",
    );
  }
  const resolved: DynamicOwner = { owner, text, path, ownsName: false, ownsTypes: [] };
  owners.set(text, resolved);
  return resolved;
}

/** What a misspelt name was most likely meant to be has its error already. */
function warnOfUnused(scope: PolicyScope, input: ZoneInput): void {
  const warn = (section: string, name: string, unknown: Iterable<string>) => {
    for (const other of unknown) if (suggest(other, [name]) !== undefined) return;
    const path: YamlPath = [section, name];
    scope.reporter.warning(
      path,
      "key",
      "CFG_UNUSED",
      `${prefixFor(path)}nothing uses it`,
      "a record that reaches it, or its removal",
    );
  };
  const { checks, regions, pools, policies } = input;
  const ofPools = Object.values(pools);
  const ofChecks = usedByChecks(input);
  for (const [section, own, named] of [
    ["checks", checks, [...ofPools.map(({ check }) => check), ...ofChecks.checks]],
    ["regions", regions, ofPools.map(({ region }) => region)],
  ] as const) {
    const unknown = named.filter((name) => name !== undefined && !Object.hasOwn(scope[section], name));
    for (const name of Object.keys(own)) if (!named.includes(name)) warn(section, name, unknown as string[]);
  }
  for (const name of Object.keys(pools)) if (!scope.pools.get(name)!.used) warn("pools", name, scope.unknown);
  for (const name of Object.keys(input.groups)) if (!scope.usedGroups.has(name)) warn("groups", name, []);
  for (const name of Object.keys(policies)) if (!scope.used.has(name)) warn("policies", name, scope.unknown);
}
