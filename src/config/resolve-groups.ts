import {
  BUILT_IN_GROUPS,
  COMMON_MISTAKES,
  COUNTRIES,
  type CountryGroups,
  findContinent,
  findCountry,
  withBuiltIn,
} from "../geo/country.ts";
import { type Imports, withImported } from "./imports.ts";
import { oneOf, type Reporter } from "./problem.ts";
import type { YamlPath } from "./yaml-text.ts";

/** The groups of a file and the built-in ones. What is wrong is reported; its group stays, so that nothing else is. */
export function resolveGroups(
  input: Record<string, string[]>,
  imports: Imports,
  reporter: Reporter,
): CountryGroups {
  for (const [name, codes] of Object.entries(input)) {
    const path: YamlPath = ["groups", name];
    if (BUILT_IN_GROUPS.has(name) || name === "default") {
      const what = `groups.${name}: "${name}" has a meaning of its own`;
      reporter.error(path, "key", "CFG_GROUP_RESERVED", what, "another name");
    }
    const seen = new Set<string>();
    for (const [index, code] of codes.entries()) checkCode(code, name, [...path, index], seen, reporter);
  }
  return withBuiltIn(withImported(input, imports, "group"));
}

function checkCode(code: string, group: string, path: YamlPath, seen: Set<string>, reporter: Reporter): void {
  const subject = `groups.${group}: "${code}"`;
  if (findCountry(code) === 0) {
    reporter.error(path, "value", "CFG_COUNTRY_UNKNOWN", `${subject} is not a country`, meantBy(code));
  } else if (seen.has(code)) {
    reporter.error(
      path,
      "value",
      "CFG_COUNTRY_DUPLICATE",
      `${subject} stands here again`,
      "each country once",
    );
  }
  seen.add(code);
}

/** `GB` for `UK`, `gb` and `EU-GB`. */
function meantBy(code: string): string {
  const upper = code.trim().toUpperCase();
  const last = upper.slice(upper.lastIndexOf("-") + 1);
  const meant = COMMON_MISTAKES.get(last) ?? last;
  if (findCountry(meant) !== 0) return meant;
  if (findContinent(upper) !== 0) return `countries; the geo key ${upper} is the continent`;
  const near = COUNTRIES.map((country) => country.code).filter((other) => other[0] === upper[0]);
  return near.length === 0 ? "an ISO 3166-1 code, as DE" : oneOf(upper, near);
}
