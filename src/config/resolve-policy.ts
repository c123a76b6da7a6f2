import { identityOf } from "../policy/identity.ts";
import { goesByLoad } from "../policy/load-words.ts";
import type {
  EntryModel,
  KeyModel,
  LatchModel,
  LocationModel,
  NodeModel,
  PartsModel,
} from "../policy/model.ts";
import { listedWay } from "../wire/listing.ts";
import { isCut } from "./cut.ts";
import { isBroken, isTouched } from "./damage.ts";
import { importedAs, importedNames } from "./imports.ts";
import type {
  AdaptiveInput,
  FailoverInput,
  ListInput,
  NodeInput,
  SharesInput,
  UnionInput,
} from "./policy-input.ts";
import type { PolicyScope } from "./policy-scope.ts";
import { pathText, prefixFor, unknownName } from "./problem.ts";
import { resolveAsn, resolveGeo, resolveSubnets } from "./resolve-keys.ts";
import { resolveLastResort, subjectOf } from "./resolve-last-resort.ts";
import { resolveLatency } from "./resolve-latency.ts";
import { partsOf, resolveParts, warnOfLoad } from "./resolve-load.ts";
import { DEFAULT_MAX_ANSWERS, type ResolvedPool } from "./resolve-pools.ts";
import { MAX_NODE_DEPTH } from "./schema-policy.ts";
import type { YamlPath } from "./yaml-text.ts";

/** Resolves a named policy, once; null: wrong, and reported. */
export function resolvePolicy(scope: PolicyScope, name: string): NodeModel | null {
  const known = scope.resolved.get(name);
  if (known !== undefined) return known;
  scope.open.push(name);
  const node = resolveNode(scope, scope.policies[name]!, ["policies", name], name);
  scope.open.pop();
  const sound = isTouched(scope.damage, ["policies", name]) ? null : node;
  scope.resolved.set(name, sound);
  return sound;
}

/** Resolves a node and everything below it; null: wrong, and reported. `name`: what the file calls the node itself. */
export function resolveNode(
  scope: PolicyScope,
  input: NodeInput,
  path: YamlPath,
  name = "",
): NodeModel | null {
  if (isCut(input)) return null;
  if (typeof input === "string") return resolveName(scope, input, path, "value");
  const lastResort =
    input.last_resort === undefined
      ? null
      : resolveLastResort(scope, input.last_resort, [...path, "last_resort"]);
  if (input.last_resort === "nodata")
    scope.reporter.warning(
      [...path, "last_resort"],
      "value",
      "CFG_NODATA_BRANCH",
      `${prefixFor(path)}last_resort is nodata inside a branch, and resolvers cache that for every client`,
      "servfail, or no last_resort, so that the failure goes outward",
    );
  const base = {
    label: input.label ?? name,
    lastResort: lastResort ?? null,
    location: input.location ?? null,
  };
  const shape = resolveShape(scope, input, path);
  if (shape === null || lastResort === undefined) return null;
  return limitHeight(scope, { ...base, ...shape } as NodeModel, path);
}

/** List policies in which each entry has a weight, and nothing else. */
const SHARES_KINDS = [
  "weighted",
  "round_robin",
  "hash",
  "least_response_time",
  "least_connections",
  "p2c",
] as const;
type SharesKind = (typeof SHARES_KINDS)[number];

/** The kind of a node and its children. */
export type Shape =
  | { kind: "failover"; of: EntryModel[]; latch?: LatchModel }
  | { kind: SharesKind; of: EntryModel[] }
  | { kind: "adaptive"; of: EntryModel[]; parts: PartsModel }
  | { kind: "all"; of: EntryModel[]; maxAnswers: number }
  | { kind: "nearest"; of: (EntryModel & { location: LocationModel; bias: number })[] }
  | { kind: "geo"; keys: KeyModel[]; groups?: Record<string, readonly string[]> }
  | { kind: "subnets" | "asn"; keys: KeyModel[] }
  | Pick<LatencyNodeModel, "kind" | "of" | "table" | "toleranceMs" | "minSamples">;

export type LatencyNodeModel = Extract<NodeModel, { kind: "latency" }>;

function resolveShape(scope: PolicyScope, input: Exclude<NodeInput, string>, path: YamlPath): Shape | null {
  if ("failover" in input) return resolveFailover(scope, input.failover, path);
  for (const kind of SHARES_KINDS) {
    if (!(kind in input)) continue;
    const of = resolveShares(scope, kind, (input as Record<SharesKind, SharesInput>)[kind], [...path, kind]);
    return of === null ? null : { kind, of };
  }
  if ("adaptive" in input) return resolveAdaptive(scope, input.adaptive, [...path, "adaptive"]);
  if ("all" in input) return resolveUnion(scope, input.all, [...path, "all"]);
  if ("nearest" in input) return resolveNearest(scope, input.nearest, [...path, "nearest"]);
  if ("latency" in input) return resolveLatency(scope, input.latency, [...path, "latency"]);
  if ("asn" in input) return resolveAsn(scope, input.asn, [...path, "asn"]);
  if ("geo" in input) return resolveGeo(scope, input.geo, [...path, "geo"]);
  return "subnets" in input ? resolveSubnets(scope, input.subnets, [...path, "subnets"]) : null;
}

function resolveFailover(scope: PolicyScope, input: FailoverInput, path: YamlPath): Shape | null {
  const of = resolveEntries(scope, listEntries(input, [...path, "failover"]));
  if (of === null) return null;
  const failback = Array.isArray(input) ? "auto" : (input.failback ?? "auto");
  if (failback === "auto") return { kind: "failover", of };
  const afterMs = failback === "manual" ? null : failback.after;
  return { kind: "failover", of, latch: { afterMs, zone: scope.zone, policy: pathText(path), row: -1 } };
}

/** An entry of a list, whatever form it has in the file. */
interface Entry {
  region: string | null;
  node: NodeInput;
  path: YamlPath;
  /** In a map of names to weights the key is the node. */
  part: "key" | "value";
  weight: number;
  location: LocationModel | null;
  bias: number;
}

/** The entries of a list, in its order. */
export function listEntries(list: ListInput, path: YamlPath): Entry[] {
  const [items, itemsPath] = Array.isArray(list) ? [list, path] : [list.of, [...path, "of"]];
  return items.map((item, index): Entry => {
    const at = [...itemsPath, index];
    return typeof item === "object" && "node" in item
      ? {
          region: item.region ?? null,
          node: item.node,
          path: [...at, "node"],
          part: "value",
          weight: item.weight ?? 1,
          location: item.location ?? null,
          bias: item.bias ?? 0,
        }
      : { region: null, node: item, path: at, part: "value", weight: 1, location: null, bias: 0 };
  });
}

/** All of them are looked at; null in place of what is wrong, and reported. */
export function resolveEach(scope: PolicyScope, entries: Entry[]): (EntryModel | null)[] {
  return entries.map(({ node: input, path, part, weight }) => {
    const node =
      typeof input === "string" ? resolveName(scope, input, path, part) : resolveNode(scope, input, path);
    return node === null ? null : { node, weight };
  });
}

/** Null when one of them is wrong. */
function resolveEntries(scope: PolicyScope, entries: Entry[]): EntryModel[] | null {
  const models = resolveEach(scope, entries);
  return models.every((model) => model !== null) ? models : null;
}

function mapEntry(node: string, weight: number, path: YamlPath): Entry {
  return { region: null, node, path: [...path, node], part: "key", weight, location: null, bias: 0 };
}

function resolveUnion(scope: PolicyScope, input: UnionInput, path: YamlPath): Shape | null {
  const of = resolveEntries(scope, listEntries(input, path));
  return of === null ? null : { kind: "all", of, maxAnswers: input.max_answers ?? DEFAULT_MAX_ANSWERS };
}

function isList(value: SharesInput): value is ListInput {
  return Array.isArray(value) || Array.isArray(value.of);
}

function resolveAdaptive(scope: PolicyScope, input: AdaptiveInput, path: YamlPath): Shape | null {
  const of = resolveShares(scope, "adaptive", input, path);
  const parts = resolveParts(partsOf(input), [...path, "parts"], scope.reporter);
  return of === null || parts === null ? null : { kind: "adaptive", of, parts };
}

function resolveShares(
  scope: PolicyScope,
  kind: SharesKind | "adaptive",
  input: SharesInput,
  path: YamlPath,
): EntryModel[] | null {
  const entries = isList(input)
    ? listEntries(input, path)
    : Object.entries(input).map(([node, weight]) => mapEntry(node, weight, path));
  const of = resolveEntries(scope, entries);
  if (entries.every(({ weight }) => weight === 0)) {
    scope.reporter.error(
      path,
      "key",
      "CFG_WEIGHTS_ZERO",
      `${prefixFor(path)}every weight is 0`,
      "at least one above 0",
    );
    return null;
  }
  if (of === null || (kind === "hash" && !areApart(scope, of, entries, path))) return null;
  if (goesByLoad(kind)) warnOfLoad(kind, of, path, scope.reporter);
  return of;
}

/** False: two entries of a `hash` are one and the same to it, and that is reported. */
function areApart(scope: PolicyScope, of: EntryModel[], entries: Entry[], path: YamlPath): boolean {
  const seen = new Map<number, number>();
  for (const [index, { node }] of of.entries()) {
    const identity = identityOf(node);
    const first = seen.get(identity);
    if (first === undefined) {
      seen.set(identity, index);
      continue;
    }
    const name = node.label === "" ? `entry ${index + 1}` : `"${node.label}"`;
    const what = `${prefixFor(path)}${name} is the same as entry ${first + 1}`;
    const expected = "each entry once, with a weight, or labels that differ";
    const { path: at, part } = entries[index]!;
    scope.reporter.error(at, part, "CFG_HASH_DUPLICATE", what, expected);
  }
  return seen.size === of.length;
}

function resolveNearest(scope: PolicyScope, input: ListInput, path: YamlPath): Shape | null {
  const entries = listEntries(input, path);
  let sound = true;
  const of = resolveEach(scope, entries).flatMap((model, index) => {
    if (model === null) return [];
    const { node } = model;
    const ofPool = node.kind === "pool" ? (node.pool.region?.location ?? null) : null;
    const location = entries[index]!.location ?? node.location ?? ofPool;
    if (location === null) {
      const name = node.label === "" ? "this entry" : `"${node.label}"`;
      const expected = "a location on the entry, on the node, or on the region of its pool";
      scope.reporter.error(
        entries[index]!.path,
        "value",
        "CFG_LOCATION_MISSING",
        `${prefixFor(path)}${name} has no location`,
        expected,
      );
      sound = false;
    }
    return { ...model, location: location!, bias: entries[index]!.bias };
  });
  if (!sound || of.length < entries.length) return null;
  scope.databaseUses.push({ kind: "nearest", path, of });
  return { kind: "nearest", of };
}

function resolveName(
  scope: PolicyScope,
  name: string,
  path: YamlPath,
  part: "key" | "value",
): NodeModel | null {
  const pool = scope.pools.get(name);
  if (pool !== undefined) return poolNode(scope, name, pool);
  if (Object.hasOwn(scope.policies, name)) {
    const start = scope.open.indexOf(name);
    if (start < 0) {
      scope.used.add(name);
      return resolvePolicy(scope, name);
    }
    const circle = listedWay([...scope.open.slice(start), name]);
    scope.reporter.error(
      path,
      part,
      "CFG_POLICY_CYCLE",
      `${prefixFor(path)}the policies lead in a circle: ${circle}`,
      "a tree that ends in pools",
    );
    return null;
  }
  const imported = importedAs(scope.imports, "policy", "policies", name);
  if (imported !== undefined) {
    if (imported.value === null) return null;
    scope.usedImports.add(imported.value);
    scope.heights.set(imported.value, imported.height);
    return imported.value;
  }
  if (!scope.imports.isComplete || isBroken(scope.broken, "pools", name)) return null;
  scope.unknown.add(name);
  const policies = [...Object.keys(scope.policies), ...importedNames(scope.imports, "policy")];
  const known = [...scope.pools.keys(), ...policies].sort();
  scope.reporter.error(
    path,
    part,
    "CFG_POOL_UNKNOWN",
    ...unknownName(`${subjectOf(path)}"${name}" is not a pool or policy`, name, known),
  );
  return null;
}

function poolNode(scope: PolicyScope, name: string, pool: ResolvedPool): NodeModel | null {
  pool.used = true;
  const known = scope.poolNodes.get(name);
  if (known !== undefined || pool.model === null) return known ?? null;
  const node: NodeModel = { kind: "pool", label: name, lastResort: null, location: null, pool: pool.model };
  scope.poolNodes.set(name, node);
  scope.heights.set(node, 1);
  return node;
}

function limitHeight(scope: PolicyScope, node: NodeModel, path: YamlPath): NodeModel | null {
  const children = childrenOf(node);
  const height = 1 + children.reduce((most, child) => Math.max(most, scope.heights.get(child) ?? 1), 0);
  scope.heights.set(node, height);
  if (height <= MAX_NODE_DEPTH) return node;
  scope.reporter.error(
    path,
    "value",
    "CFG_LIMIT_DEPTH",
    `${prefixFor(path)}the policy has ${height} levels`,
    `at most ${MAX_NODE_DEPTH}`,
  );
  return null;
}

/** The nodes right below a node. */
export function childrenOf(node: NodeModel): NodeModel[] {
  if (node.kind === "pool") return [];
  return "of" in node ? node.of.map((entry) => entry.node) : node.keys.map((key) => key.node);
}
