import { describe, expect, it } from "vitest";
import { COUNTRIES, continentOf, EU_UNION, findContinent, findCountry } from "./country.ts";
import { parseGeoKey } from "./geo-key.ts";

const GROUPS = new Map([
  ["eu-union", EU_UNION],
  ["dach", ["DE", "AT", "CH"]],
]);

function errorOf(text: string): string {
  const parsed = parseGeoKey(text, GROUPS);
  if ("key" in parsed) throw new Error(`${text} is valid`);
  expect(parsed.error.code).toBe("CFG_GEO_KEY");
  return `${parsed.error.what}: expected ${parsed.error.expected}`;
}

describe("valid keys", () => {
  it.each([
    ["EU", { kind: "continent", continent: findContinent("EU") }],
    ["NA", { kind: "continent", continent: findContinent("NA") }],
    ["EU-GB", { kind: "country", country: findCountry("GB") }],
    ["AF-NA", { kind: "country", country: findCountry("NA") }],
    ["NA-US-CA", { kind: "subdivision", code: "US-CA" }],
    ["NA-CA-QC", { kind: "subdivision", code: "CA-QC" }],
    ["EU-GB-ENG", { kind: "subdivision", code: "GB-ENG" }],
    ["EU-FR-75", { kind: "subdivision", code: "FR-75" }],
    ["city:2643743", { kind: "city", id: 2643743 }],
    ["dach", { kind: "group", name: "dach", countries: ["DE", "AT", "CH"] }],
    ["eu-union", { kind: "group", name: "eu-union", countries: EU_UNION }],
    ["default", { kind: "default" }],
  ])("%s", (text, key) => expect(parseGeoKey(text, GROUPS)).toEqual({ key }));

  it("eu-union is built in, and every country is a key under its continent and no other", () => {
    expect(parseGeoKey("eu-union")).toHaveProperty("key");
    expect(EU_UNION).toHaveLength(27);
    for (const [index, { code }] of COUNTRIES.entries()) {
      expect(parseGeoKey(`${continentOf(index + 1)}-${code}`)).toHaveProperty("key");
      expect(parseGeoKey(`${continentOf(index + 1) === "EU" ? "AF" : "EU"}-${code}`)).toHaveProperty("error");
    }
  });
});

describe("what is wrong comes with what was meant", () => {
  it.each([
    ["XX", '"XX" is not a continent: expected one of AF, AN, AS, EU, NA, OC, SA'],
    ["GB", '"GB" is not a continent: expected EU-GB'],
    ["UK", '"UK" is not a continent: expected EU-GB'],
    ["US-CA", '"US" in "US-CA" is not a continent: expected NA-US-CA'],
    ["XX-GB", '"XX" in "XX-GB" is not a continent: expected one of AF, AN, AS, EU, NA, OC, SA'],
    ["EU-US", '"EU-US": US is not in EU: expected NA-US'],
    ["EU-US-CA", '"EU-US-CA": US is not in EU: expected NA-US-CA'],
    ["EU-UK", '"UK" in "EU-UK" is not a country: expected EU-GB'],
    ["EU-UK-ENG", '"UK" in "EU-UK-ENG" is not a country: expected EU-GB-ENG'],
    ["NA-TX", '"TX" in "NA-TX" is not a country: expected NA-US-TX'],
    ["NA-QC", '"QC" in "NA-QC" is not a country: expected NA-CA-QC'],
    [
      "SA-QQ",
      '"QQ" in "SA-QQ" is not a country: expected an ISO 3166-1 code in SA, as AR, BO, BR, CL, CO, EC, FK, GF',
    ],
    ["NA-US-CF", '"CF" in "NA-US-CF" is not a subdivision of US: expected one of CA, CO, CT'],
    [
      "NA-CA-XX",
      '"XX" in "NA-CA-XX" is not a subdivision of CA: expected one of AB, BC, MB, NB, NL, NS, NT, NU',
    ],
    [
      "EU-GB-ENGL",
      '"ENGL" in "EU-GB-ENGL" is not a subdivision: expected one to three letters or digits of ISO 3166-2',
    ],
    ["eu", '"eu" is not a geo key: expected EU'],
    ["eu-gb", '"eu-gb" is not a geo key: expected EU-GB'],
    ["na-us-ca", '"na-us-ca" is not a geo key: expected NA-US-CA'],
    ["us-ca", '"us-ca" is not a geo key: expected NA-US-CA'],
    ["Dach", '"Dach" is not a geo key: expected dach'],
    ["DEFAULT", '"DEFAULT" is not a geo key: expected default'],
    ["City:2643743", '"City:2643743" is not a geo key: expected city:2643743'],
    ["city:London", '"city:London" names no city: expected city: and a GeoNames id, as city:2643743'],
    ["city:0", '"city:0" names no city: expected city: and a GeoNames id, as city:2643743'],
    [
      "city:99999999999",
      '"city:99999999999" names no city: expected city: and a GeoNames id, as city:2643743',
    ],
  ])("%s", (text, message) => expect(errorOf(text)).toBe(message));

  it.each(["", "nordics", "EU_GB", "EU-GB-ENG-LND", "eu-qq", "__proto__", "constructor"])(
    "%j is told all forms and groups",
    (text) => {
      expect(errorOf(text)).toContain(
        "a continent, country or subdivision as EU, EU-GB, NA-US-CA; city:ID; default; or a group: dach, eu-union",
      );
    },
  );
});
