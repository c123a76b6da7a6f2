import type { LastResortModel, NodeModel, PoolModel } from "../policy/model.ts";
import { checkOwnNames, type Imports, importedNames, withImported } from "./imports.ts";
import type { LatencyTables } from "./load-latency.ts";
import type { Reporter } from "./problem.ts";
import { childrenOf, createScope, type PolicyScope, resolvePolicy } from "./resolve-policy.ts";
import { resolvePools } from "./resolve-pools.ts";
import type { FragmentInput } from "./schema-zone.ts";

/** Resolves what zones and included files have in common: pools and named policies. `zone`: whose pools they are. */
export function resolveCommon(
  zone: string,
  input: FragmentInput,
  reporter: Reporter,
  latency: LatencyTables,
  imports: Imports,
): PolicyScope {
  checkOwnNames(input, imports, reporter);
  const checks = withImported(input.checks, imports, "check");
  const regions = withImported(input.regions, imports, "region");
  const known = { checks, regions, isComplete: imports.isComplete };
  const pools = resolvePools(zone, input.pools, known, reporter);
  for (const found of imports.names.values())
    if (found.kind === "pool" && !pools.has(found.name))
      pools.set(found.name, { model: found.value, used: false });
  const scope = createScope({ zone, input, checks, regions, pools, reporter, latency, imports });
  for (const name of Object.keys(input.policies)) {
    if (Object.hasOwn(input.pools, name)) {
      const what = `policies.${name}: "${name}" is a pool too, at ${reporter.lineOf(["pools", name])}`;
      reporter.error(["policies", name], "key", "CFG_NAME_DUPLICATE", what, "names that differ");
    }
    resolvePolicy(scope, name);
  }
  return scope;
}

/** Pools that something in the file reaches: its own first, then those of included files. */
export function reachedPools({ imports, pools, usedImports }: PolicyScope): PoolModel[] {
  const imported = new Set(importedNames(imports, "pool"));
  const reached = new Set<PoolModel>();
  const used = [...pools].filter(([, pool]) => pool.used && pool.model !== null);
  for (const [name, { model }] of used) if (!imported.has(name)) reached.add(model!);
  for (const [, { model }] of used) reached.add(model!);
  for (const node of usedImports) addPoolsBelow(node, reached, new Set());
  return [...reached];
}

/** The pools of a record, whichever file they are of. */
export function poolsBelow(root: NodeModel, lastResort: LastResortModel): Set<PoolModel> {
  const reached = new Set<PoolModel>();
  addPoolsBelow(root, reached, new Set());
  if (lastResort.kind === "pool") reached.add(lastResort.pool);
  return reached;
}

function addPoolsBelow(node: NodeModel, reached: Set<PoolModel>, visited: Set<NodeModel>): void {
  if (visited.has(node)) return;
  visited.add(node);
  if (node.lastResort?.kind === "pool") reached.add(node.lastResort.pool);
  if (node.kind === "pool") reached.add(node.pool);
  for (const child of childrenOf(node)) addPoolsBelow(child, reached, visited);
}
