import type { LastResortModel, NodeModel, PoolModel } from "../policy/model.ts";
import { type Damage, nameKey, UNDAMAGED } from "./damage.ts";
import type { VisibleNames } from "./file-names.ts";
import { checkOwnNames, type Imports, importedNames, withImported } from "./imports.ts";
import type { LatencyTables } from "./load-latency.ts";
import { createScope, type PolicyScope } from "./policy-scope.ts";
import type { Reporter } from "./problem.ts";
import { childrenOf, resolvePolicy } from "./resolve-policy.ts";
import { resolvePools } from "./resolve-pools.ts";
import { isCalculated, POOL_OPERAND } from "./schema-calculated.ts";
import type { FragmentInput } from "./schema-zone.ts";

/** Resolves what zones and included files have in common: pools and named policies. `zone`: whose pools they are. */
export function resolveCommon(
  zone: string,
  input: FragmentInput,
  reporter: Reporter,
  latency: LatencyTables,
  imports: Imports,
  damage: Damage = UNDAMAGED,
): PolicyScope {
  checkOwnNames(input, imports, reporter);
  const checks = withImported(input.checks, imports, "check");
  const regions = withImported(input.regions, imports, "region");
  const broken = new Set([...imports.broken, ...damage.names]);
  const known = { checks, regions, isComplete: imports.isComplete, broken, damage };
  const pools = resolvePools(zone, input.pools, known, reporter);
  for (const found of imports.names.values())
    if (found.kind === "pool" && !pools.has(found.name))
      pools.set(found.name, { model: found.value, used: false });
  for (const name of usedByChecks(input).pools) {
    const pool = pools.get(name);
    if (pool !== undefined) pool.used = true;
  }
  const scope = createScope({
    ...{ zone, input, checks, regions, pools, reporter, latency, imports },
    ...{ broken, damage },
  });
  for (const name of Object.keys(input.policies)) {
    if (Object.hasOwn(input.pools, name) || damage.names.has(nameKey("pools", name))) {
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

/** What a file's names mean within it. */
export function visibleNames({ checks, regions, pools, imports, broken }: PolicyScope): VisibleNames {
  const models = new Map([...pools].map(([name, { model }]) => [name, model]));
  return { checks, regions, pools: models, isComplete: imports.isComplete, broken };
}

/** Names of checks and pools that the file's calculated checks and regions are made of. */
export function usedByChecks({ checks, regions }: FragmentInput): { checks: string[]; pools: string[] } {
  const operands = Object.values(checks).flatMap((check) => (isCalculated(check) ? check.of : []));
  const named = Object.values(regions).flatMap(({ check }) => check ?? []);
  const pools = operands.filter((operand) => operand.startsWith(POOL_OPERAND));
  return {
    checks: [...operands.filter((operand) => !operand.startsWith(POOL_OPERAND)), ...named],
    pools: pools.map((operand) => operand.slice(POOL_OPERAND.length).split("/")[0]!),
  };
}
