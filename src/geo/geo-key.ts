import { listed } from "../wire/listing.ts";
import {
  BUILT_IN_GROUPS,
  COMMON_MISTAKES,
  CONTINENTS,
  COUNTRIES,
  type CountryGroups,
  continentOf,
  findContinent,
  findCountry,
} from "./country.ts";
import type { GeoProblem } from "./problem.ts";
import { listSubdivisions } from "./subdivisions.ts";

/** A key of a `geo` policy, in octoDNS's codes: `EU`, `EU-GB`, `NA-US-CA`; `city:2643743`; a group; `default`. */
export type GeoKey =
  /** Number of the continent, see country.ts. */
  | { kind: "continent"; continent: number }
  | { kind: "country"; country: number }
  /** Country and subdivision, as `US-CA`. */
  | { kind: "subdivision"; code: string }
  /** GeoNames id. */
  | { kind: "city"; id: number }
  | { kind: "group"; name: string; countries: readonly string[] }
  | { kind: "default" };

/** Parses one key. `groups`: the known country groups. What is wrong comes with the key that was probably meant. */
export function parseGeoKey(
  text: string,
  groups: CountryGroups = BUILT_IN_GROUPS,
): { key: GeoKey } | { error: GeoProblem } {
  if (text === "default") return { key: { kind: "default" } };
  if (text.toLowerCase().startsWith("city:")) return parseCity(text);
  const countries = groups.get(text);
  if (countries !== undefined) return { key: { kind: "group", name: text, countries } };
  if (/^[A-Z]{2}(-[A-Z0-9]+){0,2}$/.test(text)) return parseCodes(text);
  return wrong(`"${text}" is not a geo key`, suggest(text, groups));
}

function wrong(what: string, expected: string): { error: GeoProblem } {
  return { error: { code: "CFG_GEO_KEY", what, expected } };
}

function parseCity(text: string): { key: GeoKey } | { error: GeoProblem } {
  const digits = text.slice(5).trim();
  if (/^[1-9]\d{0,9}$/.test(digits) && Number(digits) <= 0xffffffff) {
    if (text === `city:${digits}`) return { key: { kind: "city", id: Number(digits) } };
    return wrong(`"${text}" is not a geo key`, `city:${digits}`);
  }
  return wrong(`"${text}" names no city`, "city: and a GeoNames id, as city:2643743");
}

/** What a key that has none of the forms probably means. */
function suggest(text: string, groups: CountryGroups): string {
  const upper = text.trim().toUpperCase();
  const lower = text.trim().toLowerCase();
  if (lower === "default") return "default";
  if (groups.has(lower)) return lower;
  if (/^[A-Z]{2}(-[A-Z0-9]+){0,2}$/.test(upper)) {
    const parsed = parseCodes(upper);
    if ("key" in parsed) return upper;
    if (/^[A-Z]{2}(-[A-Z0-9]+)*$/.test(parsed.error.expected)) return parsed.error.expected;
  }
  const known = listed([...groups.keys()].sort());
  return `a continent, country or subdivision as EU, EU-GB, NA-US-CA; city:ID; default; or a group: ${known}`;
}

/** `text` has the form of octoDNS codes. */
function parseCodes(text: string): { key: GeoKey } | { error: GeoProblem } {
  const [first, second, third] = text.split("-") as [string, string?, string?];
  const continent = findContinent(first);
  if (second === undefined) {
    // NA is North America before it is Namibia, AS Asia before American Samoa.
    if (continent > 0) return { key: { kind: "continent", continent } };
    const meant = withContinent(first);
    return wrong(`"${text}" is not a continent`, meant ?? `one of ${CONTINENTS.join(", ")}`);
  }
  if (continent === 0) {
    const meant = third === undefined ? withContinent(first) : null;
    return wrong(
      `"${first}" in "${text}" is not a continent`,
      meant === null ? `one of ${CONTINENTS.join(", ")}` : `${meant}-${second}`,
    );
  }
  const country = findCountry(second);
  if (country === 0)
    return wrong(`"${second}" in "${text}" is not a country`, suggestCountry(first, second, third));
  const right = continentOf(country);
  if (right !== first) {
    return wrong(`"${text}": ${second} is not in ${first}`, [right, second, third ?? []].flat().join("-"));
  }
  return third === undefined ? { key: { kind: "country", country } } : parseSubdivision(text, second, third);
}

/** `EU-GB` for `GB` or `UK`; null when that is no country. */
function withContinent(code: string): string | null {
  const country = findCountry(COMMON_MISTAKES.get(code) ?? code);
  return country === 0 ? null : `${continentOf(country)}-${COUNTRIES[country - 1]!.code}`;
}

function suggestCountry(continent: string, code: string, subdivision: string | undefined): string {
  const known = withContinent(code);
  if (known !== null) return subdivision === undefined ? known : `${known}-${subdivision}`;
  if (listSubdivisions("US")!.includes(code) && continent === "NA") return `NA-US-${code}`;
  if (listSubdivisions("CA")!.includes(code) && continent === "NA") return `NA-CA-${code}`;
  const number = findContinent(continent);
  const inside = COUNTRIES.filter((country) => country.continent === number).map((country) => country.code);
  const near = inside.filter((other) => other[0] === code[0] || other[1] === code[1]);
  return `an ISO 3166-1 code in ${continent}, as ${(near.length > 0 ? near : inside).slice(0, 8).join(", ")}`;
}

function parseSubdivision(
  text: string,
  country: string,
  subdivision: string,
): { key: GeoKey } | { error: GeoProblem } {
  const known = listSubdivisions(country);
  if (known === null) {
    if (subdivision.length <= 3) return { key: { kind: "subdivision", code: `${country}-${subdivision}` } };
    return wrong(
      `"${subdivision}" in "${text}" is not a subdivision`,
      "one to three letters or digits of ISO 3166-2",
    );
  }
  if (known.includes(subdivision)) return { key: { kind: "subdivision", code: `${country}-${subdivision}` } };
  const near = known.filter((code) => code[0] === subdivision[0]);
  const choice = near.length > 0 ? near : known.slice(0, 8);
  return wrong(
    `"${subdivision}" in "${text}" is not a subdivision of ${country}`,
    `one of ${listed(choice)}`,
  );
}
