import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COUNTRY_ROWS } from "./countries.ts";
import { CONTINENTS, COUNTRIES, EU_UNION, findContinent, findCountry } from "./country.ts";
import { findSubdivision, listSubdivisions } from "./subdivisions.ts";

const root = join(import.meta.dirname, "../..");

function rowsOf(csv: string): string[] {
  return csv.split("\n").filter((line) => /^[A-Z]{2},/.test(line));
}

describe("countries", () => {
  it("are those of geo/countries.csv, made from geo/continents.csv", () => {
    const rows = rowsOf(readFileSync(join(root, "geo/countries.csv"), "utf8"));
    expect(COUNTRY_ROWS.trim().split("\n")).toEqual(rows);
    const continents = rowsOf(readFileSync(join(root, "geo/continents.csv"), "utf8"));
    const placed = continents.flatMap((row) => {
      const [continent, codes] = row.split(",") as [string, string];
      return codes.split(" ").map((code) => `${code},${continent}`);
    });
    expect(rows.map((row) => row.slice(0, 5))).toEqual(placed.sort());
  });

  it("are the 249 of ISO 3166-1 and Kosovo, as ICU knows them", () => {
    expect(COUNTRIES).toHaveLength(250);
    const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
    for (const { code } of COUNTRIES) expect(names.of(code), code).toBeDefined();
    expect(new Set(COUNTRIES.map((country) => country.code)).size).toBe(250);
  });

  it("each have a continent and a centroid", () => {
    for (const country of COUNTRIES) {
      expect(CONTINENTS[country.continent - 1], country.code).toBeDefined();
      expect(Math.abs(country.latitude)).toBeLessThanOrEqual(90);
      expect(Math.abs(country.longitude)).toBeLessThanOrEqual(180);
      expect(country.latitude === 0 && country.longitude === 0, country.code).toBe(false);
    }
  });

  it.each([
    ["US", 39.8, -98.6],
    ["FR", 46.6, 2.5],
    ["NO", 65, 13],
    ["RU", 62, 96],
    ["FJ", -17.8, 178],
    ["NZ", -41.5, 172.8],
    ["AU", -25.6, 134.4],
    ["ZA", -29, 25],
    ["VA", 41.9, 12.45],
  ])(
    "%s has its middle near %d, %d: mainland only, holes and the antimeridian heeded",
    (code, latitude, longitude) => {
      const country = COUNTRIES[findCountry(code) - 1]!;
      expect(Math.abs(country.latitude - latitude)).toBeLessThan(4);
      expect(Math.abs(country.longitude - longitude)).toBeLessThan(3);
    },
  );

  it("of the European Union are countries", () => {
    expect(EU_UNION.filter((code) => findCountry(code) === 0)).toEqual([]);
  });

  it("answer 0 for codes that do not exist", () => {
    expect(findCountry("UK")).toBe(0);
    expect(findContinent("XX")).toBe(0);
  });
});

describe("subdivisions", () => {
  it("are listed for the United States and Canada", () => {
    expect(listSubdivisions("US")).toHaveLength(57);
    expect(listSubdivisions("CA")).toHaveLength(13);
    expect(listSubdivisions("GB")).toBeNull();
  });

  it.each([
    ["US", "California", "CA"],
    ["US", "new york", "NY"],
    ["US", "CA", "CA"],
    ["US", "Atlantis", null],
    ["BR", "São Paulo", "SP"],
    ["DE", "Bavaria", "BY"],
    ["AU", "Victoria", "VIC"],
    ["CA", "Newfoundland and Labrador", "NL"],
    ["GB", "ENG", "ENG"],
    ["GB", "England", null],
  ])("%s: %s is %s", (country, name, code) => expect(findSubdivision(country, name)).toBe(code));
});
