import { addChain, type ChainDraft, type ChainOf } from "./chains.ts";
import { CONTINENTS, COUNTRIES, type CountryGroups } from "./country.ts";
import { parseGeoKey } from "./geo-key.ts";
import { type Locations, subdivisionsOf } from "./location.ts";

/** Entries by what their keys name. */
interface GeoEntries {
  cities: Map<number, number>;
  subdivisions: Map<string, number>;
  /** By country number: the entries of its own key, then of the groups that it is in, then of its continent. */
  countries: number[][];
  continents: Map<number, number>;
  fallback: number[];
}

/** Narrowest first: city, subdivision (inner before outer), country, group (fewer countries first), continent, default. */
export function geoChains(keys: readonly string[], chains: ChainDraft, groups: CountryGroups): ChainOf {
  const entries = sortGeoEntries(keys, groups);
  const { fallback } = entries;
  const unknown = addChain(chains, fallback);
  const ofCountry = entries.countries.map((list) => addChain(chains, [...list, ...fallback]));
  const ofContinent = CONTINENTS.map((_, index) => {
    return addChain(chains, [...toList(entries.continents.get(index + 1)), ...fallback]);
  });
  return (locations, row) => {
    if (locations === null) return unknown;
    const country = locations.countries[row]!;
    const inner: number[] = [];
    if (entries.cities.size > 0) inner.push(...toList(entries.cities.get(locations.cities[row]!)));
    if (entries.subdivisions.size > 0) {
      for (const code of subdivisionsOf(locations, row).reverse())
        inner.push(...toList(entries.subdivisions.get(code)));
    }
    if (inner.length > 0) return addChain(chains, [...inner, ...outerEntries(entries, locations, row)]);
    if (country > 0) return ofCountry[country]!;
    return ofContinent[locations.continents[row]! - 1] ?? unknown;
  };
}

function toList(entry: number | undefined): number[] {
  return entry === undefined ? [] : [entry];
}

function outerEntries(entries: GeoEntries, locations: Locations, row: number): number[] {
  const country = locations.countries[row]!;
  const outer =
    country > 0 ? entries.countries[country]! : toList(entries.continents.get(locations.continents[row]!));
  return [...outer, ...entries.fallback];
}

function sortGeoEntries(keys: readonly string[], groups: CountryGroups): GeoEntries {
  const entries: GeoEntries = {
    cities: new Map(),
    subdivisions: new Map(),
    countries: [],
    continents: new Map(),
    fallback: [],
  };
  const countries = new Map<number, number>();
  const groupEntries: { codes: ReadonlySet<string>; entry: number }[] = [];
  for (const [entry, text] of keys.entries()) {
    const parsed = parseGeoKey(text, groups);
    if ("error" in parsed) throw new Error(parsed.error.what);
    const { key } = parsed;
    if (key.kind === "city") entries.cities.set(key.id, entry);
    else if (key.kind === "subdivision") entries.subdivisions.set(key.code, entry);
    else if (key.kind === "country") countries.set(key.country, entry);
    else if (key.kind === "continent") entries.continents.set(key.continent, entry);
    else if (key.kind === "group") groupEntries.push({ codes: new Set(key.countries), entry });
    else entries.fallback.push(entry);
  }
  groupEntries.sort((a, b) => a.codes.size - b.codes.size || a.entry - b.entry);
  entries.countries = [[]];
  for (const [index, country] of COUNTRIES.entries()) {
    entries.countries.push([
      ...toList(countries.get(index + 1)),
      ...groupEntries.filter((group) => group.codes.has(country.code)).map((group) => group.entry),
      ...toList(entries.continents.get(country.continent)),
    ]);
  }
  return entries;
}
