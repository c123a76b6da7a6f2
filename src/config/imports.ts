import type { NodeModel, PoolModel } from "../policy/model.ts";
import type { DatabaseUse } from "./database-uses.ts";
import type { VisibleNames } from "./file-names.ts";
import type { Finding } from "./findings.ts";
import type { Reporter } from "./problem.ts";
import type { AnyCheckInput } from "./schema-calculated.ts";
import type { FragmentInput } from "./schema-zone.ts";

export type Section = "checks" | "groups" | "regions" | "pools" | "policies";

/** What one name of an included file means. The same object wherever it is seen from. */
export type Imported = { name: string; place: () => string } & (
  | { kind: "check"; value: AnyCheckInput }
  | { kind: "group"; value: string[] }
  | { kind: "region"; value: FragmentInput["regions"][string] }
  /** Null: wrong, and reported. */
  | { kind: "pool"; value: PoolModel | null }
  | { kind: "policy"; value: NodeModel | null; height: number }
);

/** Names that a file gets from those that it includes. */
export interface Imports {
  /** By namespaceOf and name. */
  names: ReadonlyMap<string, Imported>;
  /** False: an included file cannot be used, which is reported: a name may be missing for that reason. */
  isComplete: boolean;
  /** Names of included files that were taken out, and have been reported, by nameKey. */
  broken: ReadonlySet<string>;
}

export const NO_IMPORTS: Imports = { names: new Map(), isComplete: true, broken: new Set() };

/** An included file with its names resolved: the same for all that include it. */
export interface ResolvedFragment {
  /** Its own names, and those that it includes. */
  exports: Imports;
  /** What its names mean within it. */
  names: VisibleNames;
  databaseUses: DatabaseUse[];
  findings: Finding[];
}

/** Pools and policies share one namespace. */
export function namespaceOf(section: Section): string {
  return section === "pools" || section === "policies" ? "node" : section;
}

export const SECTIONS: readonly Section[] = ["checks", "groups", "regions", "pools", "policies"];

/** What an included name is, where it is one of these kinds. */
export function importedAs<K extends Imported["kind"]>(
  imports: Imports,
  kind: K,
  section: Section,
  name: string,
): Extract<Imported, { kind: K }> | undefined {
  const found = imports.names.get(`${namespaceOf(section)} ${name}`);
  return found?.kind === kind ? (found as Extract<Imported, { kind: K }>) : undefined;
}

export function importedNames(imports: Imports, kind: Imported["kind"]): string[] {
  return [...imports.names.values()].filter((found) => found.kind === kind).map(({ name }) => name);
}

/** The file's own section and what it gets from others of the same kind. Without a prototype: `constructor` may be named, and is nothing. */
export function withImported<T>(
  own: Record<string, T>,
  imports: Imports,
  kind: "check" | "group" | "region",
): Record<string, T> {
  const all: Record<string, T> = Object.create(null);
  for (const imported of imports.names.values())
    if (imported.kind === kind) all[imported.name] = imported.value as T;
  return Object.assign(all, own);
}

/** Puts together what included files bring; a name that means two things is reported where the second one comes from. */
export function joinImports(
  files: readonly ResolvedFragment[],
  isComplete: boolean,
  reporter: Reporter,
): Imports {
  const names = new Map<string, Imported>();
  for (const [index, { exports }] of files.entries()) {
    for (const [key, found] of exports.names) {
      const known = names.get(key);
      if (known === undefined) names.set(key, found);
      else if (known !== found) {
        const what = `include: "${found.name}" is a ${known.kind}, at ${known.place()}, and a ${found.kind}, at ${found.place()}`;
        reporter.error(["include", index], "value", "CFG_NAME_DUPLICATE", what, "names that differ");
      }
    }
  }
  return {
    names,
    isComplete: isComplete && files.every(({ exports }) => exports.isComplete),
    broken: new Set(files.flatMap(({ exports }) => [...exports.broken])),
  };
}

/** Reports the file's own names that an included file has, too. */
export function checkOwnNames(input: FragmentInput, imports: Imports, reporter: Reporter): void {
  if (imports.names.size === 0) return;
  for (const section of SECTIONS) {
    for (const name of Object.keys(input[section])) {
      const found = imports.names.get(`${namespaceOf(section)} ${name}`);
      if (found === undefined) continue;
      const what = `${section}.${name}: "${name}" is a ${found.kind} of an included file too, at ${found.place()}`;
      reporter.error([section, name], "key", "CFG_NAME_DUPLICATE", what, "names that differ");
    }
  }
}
