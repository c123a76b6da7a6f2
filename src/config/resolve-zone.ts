import type { NodeModel, PoolModel, RecordModel } from "../policy/model.ts";
import { formatName } from "../wire/name-text.ts";
import { isWithinZone, readName } from "./owner.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import {
  createScope,
  type PolicyScope,
  resolveLastResort,
  resolveNode,
  resolvePolicy,
} from "./resolve-policy.ts";
import { resolvePools } from "./resolve-pools.ts";
import type { ZoneInput } from "./schema-zone.ts";
import type { YamlPath } from "./yaml-text.ts";

/** A dynamic record, and where it stands. */
export interface ResolvedRecord {
  model: RecordModel;
  /** Wire form, lower case. */
  owner: Uint8Array;
  path: YamlPath;
}

export interface ResolvedZone {
  records: ResolvedRecord[];
  /** Pools that a record reaches, in the file's order; without rows yet. */
  pools: PoolModel[];
}

/**
 * Turns the names of a zone's YAML file into objects. What is wrong is reported, and left out of the result.
 * `zone`: the origin without its final dot, as people write it; `apex`: the same in wire form.
 */
export function resolveZone(
  zone: string,
  apex: Uint8Array,
  input: ZoneInput,
  reporter: Reporter,
): ResolvedZone {
  const pools = resolvePools(zone, input, reporter);
  const scope = createScope(input, pools, reporter);
  for (const name of Object.keys(input.policies)) {
    if (pools.has(name)) {
      const what = `policies.${name}: "${name}" is a pool too, at ${reporter.lineOf(["pools", name])}`;
      reporter.error(["policies", name], "key", "CFG_NAME_DUPLICATE", what, "names that differ");
    }
    resolvePolicy(scope, name);
  }
  const owners = new Map<string, YamlPath>();
  const records: ResolvedRecord[] = [];
  for (const key of Object.keys(input.records)) {
    const record = resolveRecord(scope, zone, apex, key, input, owners);
    if (record !== null) records.push(record);
  }
  warnOfUnused(scope, input);
  const used = [...pools.values()].filter((pool) => pool.used && pool.model !== null);
  return { records, pools: used.map((pool) => pool.model!) };
}

function resolveRecord(
  scope: PolicyScope,
  zone: string,
  apex: Uint8Array,
  key: string,
  input: ZoneInput,
  owners: Map<string, YamlPath>,
): ResolvedRecord | null {
  const record = input.records[key]!;
  const path: YamlPath = ["records", key];
  const owner = resolveOwner(scope.reporter, key, apex, path, owners);
  const root: NodeModel | null = resolveNode(scope, record.policy, [...path, "policy"]);
  const lastResort = resolveLastResort(scope, record.last_resort, [...path, "last_resort"]);
  if (owner === null || root === null || lastResort === undefined) return null;
  const ttl = record.ttl ?? input.ttl;
  const model: RecordModel = {
    zone,
    owner: formatName(owner, 0),
    root,
    ttlMaxSeconds: ttl.max,
    ttlMinSeconds: ttl.min,
    lastResort,
    ecs: record.ecs,
  };
  return { model, owner, path };
}

/** The owner in wire form; null: wrong, and reported. */
function resolveOwner(
  reporter: Reporter,
  key: string,
  apex: Uint8Array,
  path: YamlPath,
  owners: Map<string, YamlPath>,
): Uint8Array | null {
  const owner = readName(key, apex);
  if (!(owner instanceof Uint8Array)) {
    reporter.error(path, "key", "CFG_OWNER_INVALID", `records: "${key}" ${owner.what}`, owner.expected);
    return null;
  }
  const zoneText = formatName(apex, 0);
  if (!isWithinZone(owner, apex)) {
    reporter.error(
      path,
      "key",
      "CFG_OWNER_OUTSIDE",
      `records: "${key}" lies outside the zone`,
      `a name that ends in ${zoneText}`,
    );
    return null;
  }
  const text = formatName(owner, 0);
  const first = owners.get(text);
  if (first !== undefined) {
    const what = `records: "${key}" is the same name as "${first[1]}", at ${reporter.lineOf(first)}`;
    reporter.error(path, "key", "CFG_OWNER_DUPLICATE", what, "each name once");
    return null;
  }
  owners.set(text, path);
  if (text.endsWith(`.${zoneText}${zoneText}`) && zoneText !== ".")
    reporter.warning(
      path,
      "key",
      "CFG_OWNER_DOUBLED",
      `records: "${key}" is read as ${text}`,
      "a name without the zone's, or one with a final dot",
    );
  return owner;
}

function warnOfUnused(scope: PolicyScope, input: ZoneInput): void {
  const warn = (section: string, name: string) => {
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
  for (const name of Object.keys(checks))
    if (!ofPools.some((pool) => pool.check === name)) warn("checks", name);
  for (const name of Object.keys(regions))
    if (!ofPools.some((pool) => pool.region === name)) warn("regions", name);
  for (const [name, pool] of scope.pools) if (!pool.used) warn("pools", name);
  for (const name of Object.keys(policies)) if (!scope.used.has(name)) warn("policies", name);
}
