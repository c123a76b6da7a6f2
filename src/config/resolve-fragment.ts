import { NO_NAMES } from "./file-names.ts";
import type { Finding } from "./findings.ts";
import { type Imported, joinImports, namespaceOf, type ResolvedFragment, type Section } from "./imports.ts";
import type { LoadedFragment } from "./includes.ts";
import type { LatencyTables } from "./load-latency.ts";
import { type LoadedYaml, reporterOn } from "./load-yaml.ts";
import { resolveCommon, visibleNames } from "./resolve-common.ts";
import type { FragmentInput } from "./schema-zone.ts";

/** What the names of a file mean depends on these, besides the file. */
export interface Basis {
  latency: LatencyTables;
  imports: readonly ResolvedFragment[];
  /** No included file is missing. */
  isComplete: boolean;
}

/** What was made of a file that did not change, and includes none that did, is the same again. */
const kept = new WeakMap<LoadedYaml<FragmentInput>, { basis: Basis; result: ResolvedFragment }>();

/** Resolves an included file, and first those that it includes; `done`: those of this load. */
export function resolveFragment(
  fragment: LoadedFragment,
  done: Map<LoadedFragment, ResolvedFragment>,
): ResolvedFragment {
  const known = done.get(fragment);
  if (known !== undefined) return known;
  const { yaml, includes, latency, name } = fragment;
  const files = includes.files.map((file) => resolveFragment(file, done));
  const basis: Basis = { latency, imports: files, isComplete: includes.isComplete };
  const before = kept.get(yaml);
  const result =
    before !== undefined && isSame(before.basis, basis) ? before.result : resolveNames(name, yaml, basis);
  kept.set(yaml, { basis, result });
  done.set(fragment, result);
  return result;
}

function resolveNames(file: string, yaml: LoadedYaml<FragmentInput>, basis: Basis): ResolvedFragment {
  const findings: Finding[] = [];
  const reporter = reporterOn(yaml, findings);
  const imports = joinImports(basis.imports, basis.isComplete, reporter);
  const { rest: input, damage } = yaml;
  if (input === null)
    return { exports: { ...imports, isComplete: false }, names: NO_NAMES, databaseUses: [], findings };
  const scope = resolveCommon(file, input, reporter, basis.latency, imports, damage);
  const names = new Map(imports.names);
  const add = (section: Section, found: Imported): void => {
    names.set(`${namespaceOf(section)} ${found.name}`, found);
  };
  const placed = (section: Section, name: string) => ({
    name,
    place: () => reporter.lineOf([section, name]),
  });
  for (const [name, value] of Object.entries(input.checks))
    add("checks", { kind: "check", value, ...placed("checks", name) });
  for (const [name, value] of Object.entries(input.groups))
    add("groups", { kind: "group", value, ...placed("groups", name) });
  for (const [name, value] of Object.entries(input.regions))
    add("regions", { kind: "region", value, ...placed("regions", name) });
  for (const name of Object.keys(input.pools)) {
    const value = scope.pools.get(name)?.model ?? null;
    add("pools", { kind: "pool", value, ...placed("pools", name) });
  }
  for (const name of Object.keys(input.policies)) {
    const value = scope.resolved.get(name) ?? null;
    const height = value === null ? 1 : (scope.heights.get(value) ?? 1);
    add("policies", { kind: "policy", value, height, ...placed("policies", name) });
  }
  const { isComplete } = imports;
  const exports = { names, isComplete, broken: new Set([...imports.broken, ...damage.names]) };
  return { exports, names: visibleNames(scope), databaseUses: scope.databaseUses, findings };
}

export function isSame(a: Basis, b: Basis): boolean {
  return (
    a.isComplete === b.isComplete &&
    a.imports.length === b.imports.length &&
    a.imports.every((file, index) => file === b.imports[index]) &&
    a.latency.size === b.latency.size &&
    [...a.latency].every(([name, table]) => b.latency.get(name) === table)
  );
}
