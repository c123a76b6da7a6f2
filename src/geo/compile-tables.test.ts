import { describe, expect, it } from "vitest";
import { cityRecord, makeCountryDatabase, makeMmdb, openOrThrow } from "../../test/support/geo-fixtures.ts";
import { type CompiledTables, checkLimits, compileTables } from "./compile-tables.ts";
import { joinDatabases } from "./databases.ts";
import { parseAddress } from "./prefix.ts";
import { locate } from "./prefix-index.ts";
import {
  CELL_CLASS_MASK,
  CELL_LENGTH_SHIFT,
  CLASS_SPECIAL,
  TABLE_UNKNOWN,
  TABLE_WORDS,
  type TableData,
  type TableModel,
} from "./table.ts";

const COUNTRIES = makeCountryDatabase({
  "81.2.0.0/16": "GB",
  "81.3.0.0/16": "DE",
  "81.4.0.0/16": "CH",
  "8.0.0.0/9": "US",
  "1.0.0.0/8": "JP",
  "2a00::/16": "GB",
});
const SOURCES = joinDatabases(null, COUNTRIES, null);
const NOWHERE = joinDatabases(null, null, null);

function chainAt(data: TableData, offset: number): string {
  return [...data.chains.subarray(offset + 1, offset + 1 + data.chains[offset]!)].join(" ");
}

/** `/16 0 2`: tile length and chain; `special` for the special class. */
function ask(compiled: CompiledTables, text: string, table = 0): string {
  const { family, octets } = parseAddress(text)!;
  const leaf = locate(compiled.data, table, family, octets);
  const offset = leaf & CELL_CLASS_MASK;
  const tileBits = leaf >>> CELL_LENGTH_SHIFT;
  return `/${tileBits} ${offset === CLASS_SPECIAL ? "special" : chainAt(compiled.data, offset)}`;
}

function unknownChain(compiled: CompiledTables, table = 0): string {
  return chainAt(compiled.data, compiled.data.tables[table * TABLE_WORDS + TABLE_UNKNOWN]!);
}

describe("geo tables", () => {
  it("run from the narrowest key outward", () => {
    const keys = ["EU", "EU-GB", "NA-US", "eu-union", "default"];
    const compiled = compileTables([{ kind: "geo", keys }], SOURCES);
    expect(ask(compiled, "81.2.69.160")).toBe("/16 1 0 4");
    expect(ask(compiled, "81.3.0.1")).toBe("/16 3 0 4");
    expect(ask(compiled, "81.4.0.1")).toBe("/16 0 4");
    expect(ask(compiled, "8.8.8.8")).toBe("/9 2 4");
    expect(ask(compiled, "1.2.3.4")).toBe("/8 4");
    expect(ask(compiled, "9.9.9.9")).toBe("/8 4");
    expect(ask(compiled, "2a00::1")).toBe("/16 1 0 4");
    expect(unknownChain(compiled)).toBe("4");
  });

  it("without a default nobody else has a chain", () => {
    const compiled = compileTables([{ kind: "geo", keys: ["AS"] }], SOURCES);
    expect(ask(compiled, "1.2.3.4")).toBe("/8 0");
    expect(ask(compiled, "9.9.9.9")).toBe("/7 ");
    expect(unknownChain(compiled)).toBe("");
  });

  it("order city, inner and outer subdivision, country, small group, large group, continent, default", () => {
    const city = openOrThrow(
      makeMmdb({
        "1.0.0.0/8": cityRecord({
          country: "GB",
          subdivisions: ["ENG", "LND"],
          city: { id: 42, name: "London" },
        }),
        "2.0.0.0/8": cityRecord({ country: "GB", subdivisions: ["ENG"] }),
        "3.0.0.0/8": cityRecord({ continent: "EU" }),
        "4.0.0.0/8": cityRecord({ continent: "EU", city: { id: 42, name: "London" } }),
        "5.0.0.0/8": cityRecord({ country: "FR", city: { id: 43, name: "Paris" } }),
      }),
      "city",
      "city",
    );
    const groups = { islands: ["GB", "IE", "IS"], pair: ["GB", "IE"] };
    const keys = ["EU", "EU-GB", "EU-GB-ENG", "EU-GB-LND", "city:42", "islands", "pair", "default"];
    const compiled = compileTables([{ kind: "geo", keys, groups }], joinDatabases(city, null, null));
    expect(ask(compiled, "1.2.3.4")).toBe("/8 4 3 2 1 6 5 0 7");
    expect(ask(compiled, "2.2.3.4")).toBe("/8 2 1 6 5 0 7");
    expect(ask(compiled, "3.2.3.4")).toBe("/8 0 7");
    expect(ask(compiled, "4.2.3.4")).toBe("/8 4 0 7");
    expect(ask(compiled, "5.2.3.4")).toBe("/8 0 7");
  });

  it("refuse a key that nobody validated", () => {
    expect(() => compileTables([{ kind: "geo", keys: ["EU-US"] }], SOURCES)).toThrow("US is not in EU");
    expect(() => compileTables([{ kind: "subnets", keys: ["10/8"] }], SOURCES)).toThrow(
      '"10/8" is no prefix',
    );
  });

  it("an IPv6 address is unknown to an IPv4 database, an unknown one to none at all", () => {
    const ipv4 = makeCountryDatabase({ "0.0.0.0/0": "US" }, { ipVersion: 4 });
    const compiled = compileTables(
      [{ kind: "geo", keys: ["NA", "default"] }],
      joinDatabases(null, ipv4, null),
    );
    expect(ask(compiled, "9.9.9.9")).toBe("/7 0 1");
    expect(ask(compiled, "2a00::1")).toBe("/5 1");
    expect(ask(compileTables([{ kind: "geo", keys: ["NA", "default"] }], NOWHERE), "9.9.9.9")).toBe("/0 1");
  });
});

describe("subnets tables", () => {
  const keys = ["10.0.0.0/8", "10.1.0.0/16", "2001:db8::/32", "2001:db8:1::/48", "81.2.0.0/15", "default"];
  const compiled = compileTables([{ kind: "subnets", keys }], SOURCES);

  it.each([
    ["81.3.4.5", "/15 4 5"],
    ["81.4.0.0", "/14 5"],
    ["10.1.2.3", "/16 1 0 5"],
    ["10.2.2.3", "/15 0 5"],
    ["10.128.0.1", "/9 0 5"],
    ["2001:db8:1::1", "/48 3 2 5"],
    ["2001:db8::1", "/48 2 5"],
    ["2001:db9::", "/32 5"],
    ["192.168.0.1", "/16 special"],
    ["fd00::1", "/7 special"],
    ["::ffff:10.1.2.3", "/112 1 0 5"],
    ["64:ff9b::192.168.0.1", "/112 special"],
    ["2002:a01:203::", "/32 1 0 5"],
  ])("%s gets %s", (text, answer) => expect(ask(compiled, text)).toBe(answer));

  it("end exactly where the address space ends", () => {
    const edges = compileTables(
      [{ kind: "subnets", keys: ["0.0.0.0/1", "128.0.0.0/1", "255.255.255.255/32", "::/0", "ffff::/16"] }],
      NOWHERE,
    );
    expect(ask(edges, "255.255.255.255")).toBe("/32 2 1");
    expect(ask(edges, "255.255.255.254")).toBe("/32 1");
    expect(ask(edges, "10.0.0.1")).toBe("/1 0");
    expect(ask(edges, "ffff::1")).toBe("/16 4 3");
    expect(ask(edges, "::1")).not.toContain("special");
  });

  it("carry over the words of an address where a prefix ends", () => {
    const carried = compileTables(
      [{ kind: "subnets", keys: ["2a00:0:ffff:ffff::/64", "2a00:0:0:ffff:ffff:ffff:ffff:ff00/120"] }],
      NOWHERE,
    );
    expect(ask(carried, "2a00:0:ffff:ffff:ffff::")).toBe("/64 0");
    expect(ask(carried, "2a00:1::")).toBe("/32 ");
    expect(ask(carried, "2a00:0:0:ffff:ffff:ffff:ffff:ffff")).toBe("/120 1");
    expect(ask(carried, "2a00:0:1::")).toBe("/48 ");
  });
});

describe("nearest tables", () => {
  const places = [
    { latitude: 38.9, longitude: -77 },
    { latitude: 53.3, longitude: -6.3 },
    { latitude: 35.7, longitude: 139.7 },
  ];

  it("sort all entries by distance, from the country's centroid where no more is known", () => {
    const compiled = compileTables([{ kind: "nearest", locations: places }], SOURCES);
    expect(ask(compiled, "81.2.69.160")).toBe("/15 1 0 2");
    // The order of the list happens to be right here, so unknown neighbours are in the same tile.
    expect(ask(compiled, "8.8.8.8")).toBe("/7 0 1 2");
    expect(ask(compiled, "1.2.3.4")).toBe("/8 2 1 0");
    expect(unknownChain(compiled)).toBe("0 1 2");
  });

  it("the antimeridian: a client at longitude -179 prefers +179 over -160", () => {
    const city = openOrThrow(
      makeMmdb({ "1.0.0.0/8": cityRecord({ country: "FJ", latitude: -17, longitude: -179 }) }),
      "city",
      "city",
    );
    const locations = [
      { latitude: -17, longitude: -160 },
      { latitude: -17, longitude: 179 },
    ];
    const compiled = compileTables([{ kind: "nearest", locations }], joinDatabases(city, null, null));
    expect(ask(compiled, "1.2.3.4")).toBe("/8 1 0");
  });

  it("ties keep the list's order", () => {
    const city = openOrThrow(
      makeMmdb({ "1.0.0.0/8": cityRecord({ country: "GB", latitude: 0, longitude: 0 }) }),
      "city",
      "city",
    );
    const locations = [10, -10, 10, 5].map((longitude) => ({ latitude: 0, longitude }));
    const compiled = compileTables([{ kind: "nearest", locations }], joinDatabases(city, null, null));
    expect(ask(compiled, "1.2.3.4")).toBe("/8 3 0 1 2");
  });

  it("of one entry say the same to everybody: tile 0 in both families, special blocks and embedded IPv4 included", () => {
    const compiled = compileTables([{ kind: "nearest", locations: [places[0]!] }], SOURCES);
    for (const text of ["8.8.8.8", "10.0.0.1", "2a00::1", "fd00::1", "::ffff:10.0.0.1", "2002::"]) {
      expect(ask(compiled, text), text).toBe("/0 0");
    }
    expect(compiled.reports[0]).toMatchObject({ tiles4: 1, tiles6: 1, octets: 8 });
  });
});

describe("asn tables", () => {
  const systems = openOrThrow(
    makeMmdb({
      "1.0.0.0/8": { asn: "AS64500" },
      "5.0.0.0/8": { asn: "AS64501" },
      "2a00::/16": { asn: "AS64501" },
    }),
    "asn",
    "asn",
  );
  const keys = ["64500", "64501", "default"];

  it("a system's own key goes before the default, in both families", () => {
    const compiled = compileTables([{ kind: "asn", keys }], joinDatabases(null, null, systems));
    expect(ask(compiled, "1.2.3.4")).toBe("/8 0 2");
    expect(ask(compiled, "5.2.3.4")).toBe("/8 1 2");
    expect(ask(compiled, "2a00::1")).toBe("/16 1 2");
    expect(ask(compiled, "9.9.9.9")).toBe("/7 2");
    expect(unknownChain(compiled)).toBe("2");
  });

  it("without a database or a key of the database's every client gets the default", () => {
    expect(ask(compileTables([{ kind: "asn", keys }], SOURCES), "1.2.3.4")).toBe("/0 2");
    const compiled = compileTables(
      [{ kind: "asn", keys: ["7", "default"] }],
      joinDatabases(null, null, systems),
    );
    expect(ask(compiled, "1.2.3.4")).toBe("/0 1");
  });

  it("are made anew for another asn database, and for no other", () => {
    const models: TableModel[] = [
      { kind: "asn", keys },
      { kind: "geo", keys: ["EU", "default"] },
    ];
    const first = compileTables(models, joinDatabases(null, COUNTRIES, systems));
    const other = openOrThrow(makeMmdb({ "9.0.0.0/8": { asn: "AS64500" } }), "asn", "asn");
    const again = compileTables(models, joinDatabases(null, COUNTRIES, other), first);
    expect(again.reports.map((report) => report.reused)).toEqual([false, true]);
    expect(ask(again, "9.9.9.9")).toBe("/8 0 2");
    const moved = compileTables(models, joinDatabases(null, null, systems), first);
    expect(moved.reports.map((report) => report.reused)).toEqual([true, false]);
  });
});

describe("special-purpose blocks", () => {
  const compiled = compileTables([{ kind: "geo", keys: ["EU", "default"] }], SOURCES);

  it.each([
    ["10.1.2.3", "/8 special"],
    ["127.0.0.1", "/8 special"],
    ["224.0.0.1", "/4 special"],
    ["255.255.255.255", "/4 special"],
    ["192.0.2.1", "/24 special"],
    ["::", "/128 special"],
    ["::1", "/128 special"],
    ["100::1", "/64 special"],
    ["100:0:0:1::1", "/64 special"],
    ["fe80::1", "/10 special"],
    ["::ffff:127.0.0.1", "/104 special"],
    ["2002:7f00:1::", "/24 special"],
  ])("%s is %s: neighbours never merge", (text, answer) => expect(ask(compiled, text)).toBe(answer));
});

describe("memory", () => {
  it("is shared, and equal blocks are stored once", () => {
    const models: TableModel[] = [
      { kind: "geo", keys: ["EU", "default"] },
      { kind: "geo", keys: ["AS", "default"] },
      { kind: "subnets", keys: ["81.2.0.0/16", "default"] },
    ];
    const { data, reports, problems } = compileTables(models, SOURCES);
    for (const words of [data.cells, data.tables, data.chains])
      expect(words.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(problems).toEqual([]);
    expect(reports.map((report) => report.kind)).toEqual(["geo", "geo", "subnets"]);
    expect(reports[1]!.octets).toBeLessThan(reports[0]!.octets);
    expect(reports.reduce((sum, report) => sum + report.octets, 0)).toBe(data.cells.byteLength);
    expect(reports[0]).toMatchObject({ reused: false, longest4: 24, longest6: 48 });
  });

  it("the longest tile is one in which clients can be", () => {
    const longest = (...keys: string[]): number[] => {
      const { reports } = compileTables([{ kind: "subnets", keys: [...keys, "default"] }], SOURCES);
      return [reports[0]!.longest4, reports[0]!.longest6];
    };
    // Beside ::1/128 stands ::2/127, where nobody is; beside 2620:4f:8000::/48 are networks of others.
    expect(longest("81.0.0.0/8")).toEqual([24, 48]);
    expect(longest("81.2.0.0/25", "2a00:1450::/57")).toEqual([25, 57]);
    expect(longest("fd00:1::/64", "3000::/50")).toEqual([24, 64]);
  });

  it("beyond what cells and classes can address is a problem", () => {
    expect(checkLimits(2 ** 27, 2 ** 23 - 1)).toEqual([]);
    expect(checkLimits(2 ** 27 + 1, 2 ** 23)).toEqual([
      { code: "GEO_TABLES_LIMIT", what: "the tables take 134217729 cells", expected: "at most 134217728" },
      {
        code: "GEO_TABLES_LIMIT",
        what: "the tables take 8388608 words of chains",
        expected: "at most 8388607",
      },
    ]);
  });

  it("a thousand tables of two subnets take a few KB each", () => {
    const models = Array.from({ length: 1000 }, (_, index): TableModel => {
      return {
        kind: "subnets",
        keys: [`81.2.${index & 255}.0/24`, `2a00:${index.toString(16)}::/32`, "default"],
      };
    });
    expect(compileTables(models, SOURCES).data.cells.byteLength).toBeLessThan(3_000_000);
  });
});

describe("compiling again", () => {
  const geo: TableModel = { kind: "geo", keys: ["AS", "EU", "eu-union", "default"] };
  const nearest: TableModel = {
    kind: "nearest",
    locations: [
      { latitude: 1, longitude: 2 },
      { latitude: 50, longitude: 8 },
    ],
  };
  const subnets: TableModel = {
    kind: "subnets",
    keys: ["10.0.0.0/8", "81.2.69.160/27", "2001:db8:1:2:3:4::/96"],
  };
  const first = compileTables([geo, nearest, subnets], SOURCES);
  const clients = [
    "81.2.69.161",
    "81.3.0.1",
    "1.1.1.1",
    "10.0.0.1",
    "127.0.0.1",
    "9.9.9.9",
    "2a00::1",
    "2001:db8:1:2:3:4:5:6",
  ];

  it("the same models and databases give the same result back", () => {
    expect(compileTables([geo, nearest, subnets], joinDatabases(null, COUNTRIES, null), first)).toBe(first);
  });

  it("other tables before, after or instead: what did not change is taken over, and answers as before", () => {
    const again = compileTables(
      [{ kind: "subnets", keys: ["1.0.0.0/8", "1.1.0.0/16"] }, subnets, nearest, geo],
      SOURCES,
      first,
    );
    expect(again.reports.map((report) => report.reused)).toEqual([false, true, true, true]);
    for (const [was, is] of [
      [0, 3],
      [1, 2],
      [2, 1],
    ] as const) {
      for (const client of clients) expect(ask(again, client, is), client).toBe(ask(first, client, was));
      expect(unknownChain(again, is)).toBe(unknownChain(first, was));
    }
    expect(ask(again, "1.1.1.1")).toBe("/16 1 0");
  });

  it("fewer tables leave nothing of the others behind", () => {
    const fewer = compileTables([subnets], SOURCES, first);
    const fresh = compileTables([subnets], SOURCES);
    expect(fewer.data).toEqual(fresh.data);
    expect(fewer.reports[0]!.reused).toBe(true);
  });

  it("another database makes geo and nearest anew, and leaves subnets", () => {
    const other = joinDatabases(null, makeCountryDatabase({ "81.2.0.0/16": "JP" }), null);
    const again = compileTables([geo, nearest, subnets], other, first);
    expect(again.reports.map((report) => report.reused)).toEqual([false, false, true]);
    expect(ask(again, "81.2.69.161")).toBe("/16 0 3");
  });

  it("another definition of a group makes its tables anew", () => {
    const again = compileTables([{ ...geo, groups: { "eu-union": ["GB"] } }, nearest], SOURCES, first);
    expect(again.reports.map((report) => report.reused)).toEqual([false, true]);
    expect(ask(again, "81.2.69.161")).toBe("/16 2 1 3");
  });

  it("tables of the large shape are taken over too", () => {
    const keys = Array.from({ length: 3_000 }, (_, index) => `81.${index >> 8}.${index & 255}.0/24`);
    keys.push("2a00::/29", "2a00:0:0:1::/64");
    const many: TableModel = { kind: "subnets", keys };
    const before = compileTables([many], SOURCES);
    const after = compileTables([geo, many], SOURCES, before);
    for (const client of ["81.11.9.1", "81.12.0.1", "2a00:0:0:1::5", "2a00::5", "8.8.8.8"]) {
      expect(ask(after, client, 1)).toBe(ask(before, client));
    }
    expect(ask(before, "81.11.9.1")).toBe("/24 2825");
  });
});
