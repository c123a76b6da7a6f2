import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { makeMmdb } from "../../test/support/geo-fixtures.ts";

const zone = (policy: string) => `regions:
  virginia: {location: [38.9, -77.0]}
  oregon: {location: [45.8, -119.7]}
  montreal: {location: [45.5, -73.6]}
  dublin: {location: [53.3, -6.3]}
  sea: {location: [38, -40]}
pools:
  us-east: {region: virginia, endpoints: [192.0.2.1]}
  us-west: {region: oregon, endpoints: [192.0.2.2]}
  ca: {region: montreal, endpoints: [192.0.2.3]}
  eu: {region: dublin, endpoints: [192.0.2.4]}
  spare: {region: virginia, endpoints: [192.0.2.5]}
  afloat: {region: sea, endpoints: [192.0.2.6]}
records:
  www: {policy: ${policy}}
  other: {policy: {failover: [us-east, us-west, ca, eu, spare, afloat]}}
`;

function warnings(policy: string, more: Record<string, string> = {}): string[] {
  const folder = configFolder({ "zones/a.example.yaml": zone(policy), ...more });
  return folder.findings();
}

const SHARED = (names: string, first: string, place = "15:18", subject = "www: policy.nearest") =>
  `warning zones/a.example.yaml:${place} CFG_COUNTRY_SHARED ${subject}: ${names} stand in US, and no database knows where ` +
  `in a country clients are: all of US goes to "${first}" first: expected geo.city in steerd.yaml, as {city: ./GeoLite2-City.mmdb}`;

describe("nearest within a country, with a country database", () => {
  test("says who gets all of the country", () => {
    expect(warnings("{nearest: [us-west, us-east, ca, eu]}")).toEqual([
      SHARED('"us-west" and "us-east"', "us-west"),
    ]);
  });

  test("heeds the bias", () => {
    expect(warnings("{nearest: [us-west, {node: us-east, bias: 40}]}")).toEqual([
      SHARED('"us-west" and "us-east"', "us-east"),
    ]);
  });

  test("the first may stand in another country", () => {
    expect(warnings("{nearest: [us-west, us-east, {node: ca, bias: 60}]}")).toEqual([
      SHARED('"us-west" and "us-east"', "ca"),
    ]);
  });

  test("those without a name are told by their place in the list", () => {
    const more =
      "{node: spare, location: [30.3, -97.7]}, {node: {failover: [eu, ca]}, location: [41.9, -87.6]}";
    expect(warnings(`{nearest: [us-west, us-east, ${more}]}`)).toEqual([
      SHARED('"us-west" and "us-east" and "spare" and entry 4', "entry 4").replace('"entry 4"', "entry 4"),
    ]);
    expect(warnings(`{nearest: [us-west, us-east, ${more}, {node: ca, location: [33.7, -84.4]}]}`)).toEqual([
      SHARED('"us-west" and "us-east" and "spare" and entry 4 and "ca"', "entry 4").replace(
        '"entry 4"',
        "entry 4",
      ),
    ]);
  });

  test.each([
    ["entries of different countries", "{nearest: [us-east, ca, eu]}"],
    ["entries at the same place", "{nearest: [us-east, spare, eu]}"],
    ["entries at sea", "{nearest: [us-east, afloat, {node: ca, location: [38.5, -41]}]}"],
    ["other policies", "{weighted: [us-east, us-west]}"],
  ])("nothing of %s", (_, policy) => {
    expect(warnings(policy)).toEqual([]);
  });

  test("named policies are told of once, where they stand", () => {
    const named = `${zone("near")}policies: {near: {nearest: [us-west, us-east]}}\n`;
    expect(configFolder({ "zones/a.example.yaml": named }).findings()).toEqual([
      SHARED('"us-west" and "us-east"', "us-west", "17:19", "policies.near.nearest"),
    ]);
  });

  test("a database with places says nothing, wherever it is named; one without them is no better than countries", () => {
    const policy = "{nearest: [us-west, us-east]}";
    const server = (role: string) => `geo: {${role}: own.mmdb}\nnameservers: [ns1.example.net.]\n`;
    const findings = (role: string, database: Uint8Array) => {
      const folder = configFolder({ "zones/a.example.yaml": zone(policy) });
      folder.write("own.mmdb", database);
      folder.write("steerd.yaml", server(role));
      return folder.compile().findings.map(({ code }) => code);
    };
    const placed = makeMmdb({ "1.0.0.0/8": { country_code: "US", latitude: 45.5, longitude: -122.7 } });
    expect(findings("city", placed)).toEqual([]);
    expect(findings("country", placed)).toEqual([]);
    const bare = makeMmdb({ "1.0.0.0/8": { country_code: "US" } });
    expect(findings("country", bare)).toEqual(["CFG_COUNTRY_SHARED"]);
    expect(findings("city", bare)).toEqual(["CFG_COUNTRY_SHARED"]);
    expect(findings("city", bare.subarray(0, 20))).toEqual(["GEO_DB_FORMAT"]);
  });
});

describe("keys for parts of countries", () => {
  const GEO =
    '{geo: {NA-US-CA: us-west, NA-US-NY: us-east, "city:2643743": eu, NA-US: us-east, default: eu}}';
  const CITY = "expected geo.city in steerd.yaml, as {city: ./GeoLite2-City.mmdb}";
  const never = (place: string, rest: string) =>
    `warning zones/a.example.yaml:${place} CFG_GEO_DEPTH ${rest}: ${CITY}`;
  const [SUBDIVISIONS, CITIES] = [
    never(
      "15:24",
      'www: policy.geo: "NA-US-CA", "NA-US-NY" never match: no database knows which subdivision clients are in',
    ),
    never(
      "15:62",
      'www: policy.geo: "city:2643743" never matches: no database knows which city clients are in',
    ),
  ];
  const country = { iso_code: "US" };
  const withDatabase = (
    key: string,
    record: Parameters<typeof makeMmdb>[0][string],
    policy = GEO,
  ): string[] => {
    const folder = configFolder({ "zones/a.example.yaml": zone(policy) });
    folder.write("some.mmdb", makeMmdb({ "20.0.0.0/8": record }));
    folder.write("steerd.yaml", `geo: {${key}: some.mmdb}\nnameservers: [ns1.example.net.]\n`);
    return folder.findings();
  };

  test("never match with a country database, and that is said where they stand", () => {
    expect(warnings(GEO)).toEqual([SUBDIVISIONS, CITIES]);
    expect(withDatabase("country", { country })).toEqual([SUBDIVISIONS, CITIES]);
    // A city database by its name alone.
    expect(withDatabase("city", { country })).toEqual([SUBDIVISIONS, CITIES]);
  });

  test("a database that knows them is enough, for each kind of keys", () => {
    const subdivisions = [{ iso_code: "CA" }];
    expect(withDatabase("city", { country, subdivisions })).toEqual([CITIES]);
    expect(withDatabase("city", { country, city: { geoname_id: 5 } })).toEqual([SUBDIVISIONS]);
    expect(withDatabase("city", { country, subdivisions, city: { geoname_id: 5 } })).toEqual([]);
    expect(withDatabase("city", { country_code: "US", state1: "California" })).toEqual([CITIES]);
  });

  test("a database that cannot be read draws its own error and no warning", () => {
    const folder = configFolder({ "zones/a.example.yaml": zone(GEO) });
    folder.write("steerd.yaml", "geo: {city: missing.mmdb}\nnameservers: [ns1.example.net.]\n");
    expect(folder.findings().map((line) => line.split(" ").find((word) => /^[A-Z]+_/.test(word)))).toEqual([
      "CFG_FILE_UNREADABLE",
    ]);
  });

  test("keys for countries and wider want none", () => {
    expect(warnings("{geo: {NA-US: us-east, EU: eu, eu-union: ca, default: eu}}")).toEqual([]);
  });

  test("of many keys ten are named", () => {
    const states = ["AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID"];
    const policy = `{geo: {${states.map((state) => `NA-US-${state}: us-west`).join(", ")}, default: eu}}`;
    expect(warnings(policy)).toEqual([expect.stringContaining('"NA-US-GA" and 2 more never match: ')]);
  });

  test("rows of a latency table, once for each table", () => {
    const inner = "{latency: {table: ../rtt.csv, of: [eu]}}";
    const nested = `{latency: {table: ../rtt.csv, of: [us-east, {node: ${inner}, region: dublin}]}}`;
    const rows = "client,region,rtt_ms\nNA-US-CA,virginia,60\nEU,dublin,9\nNA,dublin,99\n";
    expect(warnings(nested, { "rtt.csv": rows })).toEqual([
      never(
        "15:86",
        'www: policy.latency.of[1].node.latency: the rows of "../rtt.csv" for "NA-US-CA" never match: no database knows which subdivision clients are in',
      ),
    ]);
    expect(warnings(nested, { "rtt.csv": rows.replace("NA-US-CA", "NA-US") })).toEqual([]);
  });
});
