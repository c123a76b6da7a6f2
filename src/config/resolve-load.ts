import type { EntryModel, NodeModel, PartsModel, PoolModel } from "../policy/model.ts";
import { listed } from "../wire/listing.ts";
import type { AdaptiveInput, PartsInput, SharesInput } from "./policy-input.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import type { YamlPath } from "./yaml-text.ts";

/** `adaptive` without `parts`. */
const EQUAL_PARTS: PartsModel = { connections: 1, p99: 1, errors: 1 };

/** The weights of the parts of `adaptive` at `path`; null: they are wrong, and reported. */
export function resolveParts(
  input: PartsInput | undefined,
  path: YamlPath,
  reporter: Reporter,
): PartsModel | null {
  if (input === undefined) return EQUAL_PARTS;
  const { connections = 0, p99 = 0, errors = 0 } = input;
  const parts = { connections, p99, errors };
  const negative = Object.entries(parts).filter(([, weight]) => weight < 0);
  const refuse = (at: YamlPath, part: "key" | "value", what: string): void =>
    reporter.error(
      at,
      part,
      "CFG_ADAPTIVE_PARTS",
      `${prefixFor(at)}${what}`,
      "weights from 0 to 100, one above 0",
    );
  for (const [name, weight] of negative) refuse([...path, name], "value", `the part weighs ${weight}`);
  if (negative.length > 0) return null;
  if (connections + p99 + errors > 0) return parts;
  refuse(path, "key", "no part weighs anything");
  return null;
}

/** The parts that a node's value carries. */
export function partsOf(input: AdaptiveInput): PartsInput | undefined {
  return hasParts(input) ? input.parts : undefined;
}

/** In a map of names to weights `parts` may be a pool's name. */
function hasParts(input: SharesInput): input is SharesInput & { parts: PartsInput } {
  return "parts" in input && typeof input.parts === "object";
}

/** Warns where a policy by load at `path` can know nothing, or something that does not concern its clients. */
export function warnOfLoad(
  kind: NodeModel["kind"],
  of: readonly EntryModel[],
  path: YamlPath,
  reporter: Reporter,
): void {
  const pools = poolsBelow(of.map(({ node }) => node));
  const silent = new Map<string, string[]>();
  for (const { check, name, hasReports } of pools) {
    if (check === null) warnOfUnchecked(kind, name, path, reporter);
    else if (hasReports !== true) silent.set(check, [...(silent.get(check) ?? []), name]);
  }
  for (const [check, names] of silent) warnOfUnreported(kind, names, check, path, reporter);
  const regions = [...new Set(pools.flatMap(({ region }) => region?.name ?? []))];
  if (kind !== "least_response_time" || regions.length < 2) return;
  reporter.warning(
    path,
    "key",
    "CFG_RESPONSE_REGIONS",
    `${prefixFor(path)}compares the regions ${listed(regions.sort())} by how fast they answer probes from here, not clients`,
    "latency or nearest between regions, least_response_time within one",
  );
}

/** Nothing measures a pool without a check. */
export function warnOfUnchecked(kind: string, pool: string, path: YamlPath, reporter: Reporter): void {
  const what = `${prefixFor(path)}goes by load, and nothing measures the pool "${pool}", which has no check`;
  reporter.warning(path, "key", "CFG_LOAD_UNCHECKED", what, `a check for the pool, or weighted for ${kind}`);
}

/** Nothing that this goes by is reported where the check reads no `load`; probes measure response times anyway. */
export function warnOfUnreported(
  kind: string,
  pools: readonly string[],
  check: string,
  path: YamlPath,
  reporter: Reporter,
): void {
  if (kind === "least_response_time") return;
  const what = `${prefixFor(path)}goes by what endpoints report, and the check "${check}" of ${listed(pools)} reads no reports`;
  const expected = kind === "shed" ? "load in the check" : `load in the check, or weighted for ${kind}`;
  reporter.warning(path, "key", "CFG_LOAD_UNREPORTED", what, expected);
}

function poolsBelow(children: readonly NodeModel[]): PoolModel[] {
  const pools = new Set<PoolModel>();
  const visited = new Set<NodeModel>();
  const waiting = [...children];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (visited.has(node)) continue;
    visited.add(node);
    if (node.kind === "pool") pools.add(node.pool);
    else for (const entry of "keys" in node ? node.keys : node.of) waiting.push(entry.node);
  }
  return [...pools].sort((a, b) => (a.name < b.name ? -1 : 1));
}
