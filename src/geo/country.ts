import { COUNTRY_ROWS } from "./countries.ts";

/** octoDNS's continent codes; the index plus one is a continent's number, 0 means unknown. */
export const CONTINENTS = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"] as const;

/** One country or territory of ISO 3166-1, or Kosovo's user-assigned XK. */
export interface Country {
  code: string;
  /** Number of its continent. */
  continent: number;
  /** Centroid in degrees, north and east positive. */
  latitude: number;
  longitude: number;
}

/** The index plus one is a country's number, 0 means unknown. */
export const COUNTRIES: readonly Country[] = COUNTRY_ROWS.trim()
  .split("\n")
  .map((row) => {
    const [code, continent, latitude, longitude] = row.split(",");
    return {
      code: code!,
      continent: findContinent(continent!),
      latitude: Number(latitude),
      longitude: Number(longitude),
    };
  });

const NUMBERS = new Map(COUNTRIES.map((country, index) => [country.code, index + 1]));

/** Number of a continent code; 0: there is none. */
export function findContinent(code: string): number {
  return CONTINENTS.indexOf(code as (typeof CONTINENTS)[number]) + 1;
}

/** Number of an upper-case alpha-2 code; 0: there is none. */
export function findCountry(code: string): number {
  return NUMBERS.get(code) ?? 0;
}

/** Continent code of a country number above 0. */
export function continentOf(country: number): string {
  return CONTINENTS[COUNTRIES[country - 1]!.continent - 1]!;
}

/** Lower-case names for sets of countries; `eu-union` is built in. */
export type CountryGroups = ReadonlyMap<string, readonly string[]>;

/** The 27 members of the European Union; its continent key would be `EU`, which is more. */
export const EU_UNION: readonly string[] =
  "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split(" ");

export const BUILT_IN_GROUPS: CountryGroups = new Map([["eu-union", EU_UNION]]);

/** The built-in groups and those of a file. */
export function withBuiltIn(own: Readonly<Record<string, readonly string[]>> = {}): CountryGroups {
  return new Map([...BUILT_IN_GROUPS, ...Object.entries(own)]);
}

/** Codes that people write for a country, but that ISO 3166-1 does not assign to it. */
export const COMMON_MISTAKES: ReadonlyMap<string, string> = new Map([
  ["UK", "GB"],
  ["EL", "GR"],
]);
