import { formatLatencyKey, type LatencyTable } from "../geo/latency-table.ts";
import type { NodeModel } from "../policy/model.ts";
import { isBroken } from "./damage.ts";
import type { LatencyInput } from "./policy-input.ts";
import type { PolicyScope } from "./policy-scope.ts";
import { oneOf, prefixFor, unknownName } from "./problem.ts";
import { MAX_TILE_BITS } from "./resolve-keys.ts";
import { type LatencyNodeModel, listEntries, resolveEach, type Shape } from "./resolve-policy.ts";
import type { YamlPath } from "./yaml-text.ts";

/** A `latency` node with its table; null: something is wrong, and reported, perhaps as the table's. */
export function resolveLatency(scope: PolicyScope, input: LatencyInput, path: YamlPath): Shape | null {
  const table = scope.latency.get(input.table) ?? null;
  const entries = listEntries(input, path);
  const of = resolveEach(scope, entries).flatMap((model, index): LatencyNodeModel["of"] => {
    if (model === null) return [];
    const entry = entries[index]!;
    const region = regionOf(scope, entry.region, model.node, entry.path, path);
    if (region === null) return [];
    const location = entry.location ?? model.node.location ?? scope.regions[region]?.location ?? null;
    return [{ ...model, region, location, bias: entry.bias }];
  });
  if (table === null || of.length < entries.length) return null;
  if (table.clients.some(({ key }) => key.kind === "asn"))
    scope.databaseUses.push({ kind: "asn", path, isRequired: false });
  useSubdivisions(scope, table, input.table, path);
  warnOfFine(scope, table, input.table, path);
  for (const [index, { region }] of of.entries()) {
    if (table.regions.includes(region)) continue;
    const what = `${prefixFor(path)}"${input.table}" has no row for the region "${region}"`;
    scope.reporter.warning(
      entries[index]!.path,
      "value",
      "CFG_LATENCY_REGION",
      what,
      oneOf(region, table.regions),
    );
  }
  return { kind: "latency", of, table, toleranceMs: input.tolerance, minSamples: input.min_samples };
}

/** Rows for subdivisions want a database that knows them; a table says so where it is named first. */
function useSubdivisions(
  { databaseUses }: PolicyScope,
  { clients }: LatencyTable,
  table: string,
  path: YamlPath,
): void {
  const keys = clients.flatMap(({ key }) => (key.kind === "subdivision" ? [formatLatencyKey(key)] : []));
  const isKnown = databaseUses.some((use) => use.kind === "depth" && use.table === table);
  if (keys.length === 0 || isKnown) return;
  databaseUses.push({ kind: "depth", depth: "subdivision", path: [...path, "table"], keys, table });
}

/** Warns of rows for prefixes that no query carries. */
function warnOfFine(scope: PolicyScope, { clients }: LatencyTable, name: string, path: YamlPath): void {
  const fine = clients.filter(
    ({ key }) => key.kind === "prefix" && key.prefix.bits > MAX_TILE_BITS[key.prefix.family],
  );
  if (fine.length === 0) return;
  const what = `${prefixFor(path)}"${name}" has ${fine.length} ${fine.length === 1 ? "prefix" : "prefixes"} longer than what resolvers tell of a client`;
  const expected = `at most /${MAX_TILE_BITS[4]} and /${MAX_TILE_BITS[6]}`;
  scope.reporter.warning([...path, "table"], "value", "CFG_TILE_FINE", what, expected);
}

/** Null: it has none, or one that the file does not know, and that is reported. */
function regionOf(
  scope: PolicyScope,
  named: string | null,
  node: NodeModel,
  at: YamlPath,
  path: YamlPath,
): string | null {
  if (named !== null && !Object.hasOwn(scope.regions, named)) {
    if (!scope.imports.isComplete || isBroken(scope.broken, "regions", named)) return null;
    const what = `${prefixFor(path)}"${named}" is not a region`;
    const place = [...at.slice(0, -1), "region"];
    scope.reporter.error(
      place,
      "value",
      "CFG_REGION_UNKNOWN",
      ...unknownName(what, named, Object.keys(scope.regions)),
    );
    return null;
  }
  const region = named ?? (node.kind === "pool" ? (node.pool.region?.name ?? null) : null);
  if (region === null) {
    const name = node.label === "" ? "this entry" : `"${node.label}"`;
    const what = `${prefixFor(path)}${name} has no region`;
    scope.reporter.error(at, "value", "CFG_REGION_MISSING", what, "a region on the entry, or on its pool");
  }
  return region;
}
