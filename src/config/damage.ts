import { namespaceOf, type Section } from "./imports.ts";
import type { Reporter } from "./problem.ts";
import type { YamlPath } from "./yaml-text.ts";

/** What was taken out of a file because it does not fit, so that the rest can be checked in the same run. */
export interface Damage {
  /** Where values were taken out, or put in the place of wrong ones. */
  paths: YamlPath[];
  /** Names that the file declares, and of which nothing is left: `namespace name`, see nameKey. */
  names: Set<string>;
  /** Keys of the file itself of which nobody knows what they say. */
  lost: Set<string>;
  /** Keys of the file that are read as the ones that they are taken for: `pools`, where it says `pool`. */
  renamed: Map<string, string>;
}

export function noDamage(): Damage {
  return { paths: [], names: new Set(), lost: new Set(), renamed: new Map() };
}

/** Of a file that fits. */
export const UNDAMAGED: Damage = noDamage();

function isDamaged({ paths, names, lost, renamed }: Damage): boolean {
  return paths.length + names.size + lost.size + renamed.size > 0;
}

/** Stands for every name: a whole section was taken out. */
export const ANY_NAME = "*";

/** Pools and policies share one namespace. */
export function nameKey(section: Section | "records", name: string): string {
  return `${section === "records" ? section : namespaceOf(section)} ${name}`;
}

/** A name is missing because it was taken out, which has been reported. `broken`: see nameKey. */
export function isBroken(broken: ReadonlySet<string>, section: Section, name: string): boolean {
  return broken.has(nameKey(section, name)) || broken.has(nameKey(section, ANY_NAME));
}

/** Names of a section of which nothing is left. */
export function brokenNames({ names }: Damage, section: Section | "records"): string[] {
  const start = nameKey(section, "");
  return [...names].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length));
}

/** Something is wrong at the path, or below it. */
export function isTouched({ paths }: Damage, path: YamlPath): boolean {
  return paths.some((touched) => isPrefix(path, touched));
}

export function isPrefix(path: YamlPath, of: YamlPath): boolean {
  return path.length <= of.length && path.every((step, index) => step === of[index]);
}

/** Errors about one value, which stay true whatever else its entry lacks. */
const SURE = new Set([
  ...["CFG_POOL_UNKNOWN", "CFG_CHECK_UNKNOWN", "CFG_REGION_UNKNOWN", "CFG_POLICY_CYCLE"],
  ...["CFG_ADDRESS_INVALID", "CFG_ADDRESS_DUPLICATE", "CFG_ENDPOINT_DUPLICATE"],
  ...["CFG_TARGET_INVALID", "CFG_GEO_KEY", "CFG_SUBNET_INVALID", "CFG_SUBNET_DUPLICATE", "CFG_ASN_INVALID"],
  ...["CFG_COUNTRY_UNKNOWN", "CFG_COUNTRY_DUPLICATE", "CFG_GROUP_RESERVED", "CFG_NAME_DUPLICATE"],
  ...["CFG_OWNER_INVALID", "CFG_OWNER_OUTSIDE", "CFG_OWNER_DUPLICATE", "CFG_ENDPOINTS_FOLDER"],
  ...["CFG_PROGRAM_DENIED", "CFG_PING_MISSING", "CFG_PROBE_TARGET", "CFG_INCLUDE", "CFG_INCLUDE_CYCLE"],
]);

/** Passes on what is no mere consequence of what was taken out of the file, which has been reported. */
export function withoutConsequences(reporter: Reporter, damage: Damage): Reporter {
  if (!isDamaged(damage)) return reporter;
  return {
    ...reporter,
    error: (path, part, code, what, expected) => {
      const around = path.slice(0, Math.max(2, path.length - 1));
      if (SURE.has(code) || !isTouched(damage, around)) reporter.error(path, part, code, what, expected);
    },
    warning: (path, part, code, what, expected) => {
      // What was taken out may have used it.
      if (code !== "CFG_UNUSED" && !isTouched(damage, path.slice(0, 2)))
        reporter.warning(path, part, code, what, expected);
    },
  };
}
