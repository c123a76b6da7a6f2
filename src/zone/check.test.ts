import { describe, expect, it, test } from "vitest";
import { nameFromText } from "../wire/name-text.ts";
import { type CheckOptions, checkZone, formatRecord } from "./check.ts";
import { emptyColumns } from "./column-builder.ts";
import type { RecordColumns } from "./record-columns.ts";
import { parseZoneFile } from "./zone-file.ts";

const ORIGIN = nameFromText("example.com.") as Uint8Array;
const APEX = "$TTL 60\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";

function columnsOf(text: string, included = ""): RecordColumns {
  const { columns, findings } = parseZoneFile(Buffer.from(text, "latin1"), {
    origin: ORIGIN,
    file: "z",
    readInclude: () => ({ octets: Buffer.from(included), file: "included" }),
  });
  expect(findings).toEqual([]);
  return columns;
}

function said(columns: RecordColumns, options: Partial<CheckOptions> = {}): string[] {
  return checkZone(columns, { dynamic: [], nameserversGiven: false, file: "z", ...options }).map(
    ({ file, line, severity, code, what, expected }) =>
      `${file}:${line} ${severity} ${code} ${what}: ${expected}`,
  );
}

/** What is said of lines behind APEX, which has four; without the file. */
function check(lines: string, options: Partial<CheckOptions> = {}): string[] {
  return said(columnsOf(`${APEX}${lines.replaceAll("; ", "\n")}\n`), options).map((line) => line.slice(2));
}

function dynamic(name: string, ownsName = false): { name: Uint8Array; ownsName: boolean } {
  return { name: nameFromText(name, ORIGIN) as Uint8Array, ownsName };
}

describe("apex", () => {
  it("needs SOA and NS", () => {
    expect(said(columnsOf("a 5 A 192.0.2.1\n"))).toEqual([
      "z:0 error ZONE_SOA_MISSING example.com. has no SOA record: SOA at the apex, or nameservers in steerd.yaml",
      "z:0 error ZONE_NS_MISSING example.com. has no NS record: NS at the apex, or nameservers in steerd.yaml",
    ]);
    expect(said(columnsOf("@ 5 SOA ns. hm 1 2 3 4 5\n"))).toHaveLength(1);
    expect(said(emptyColumns(ORIGIN))).toHaveLength(2);
  });

  it("may say its SOA twice", () => {
    expect(check("@ SOA ns hm 1 2 3 4 5")).toEqual([
      "5 warning ZONE_DUPLICATE example.com. SOA: the record is there twice (line 2): each record once",
    ]);
  });

  it("may get them from the configuration", () => {
    expect(said(columnsOf("a 5 MX 1 a\na 5 A 192.0.2.1\n"), { nameserversGiven: true })).toEqual([]);
    expect(said(columnsOf("a 5 A 192.0.2.1\n"), { nameserversGiven: true })).toEqual([]);
    expect(said(emptyColumns(ORIGIN), { nameserversGiven: true })).toEqual([]);
    expect(said(columnsOf("a 5 MX 1 b\n"), { nameserversGiven: true })).toEqual([
      "z:1 warning ZONE_TARGET_ADDRESS a.example.com. MX: b.example.com. has no address: A or AAAA records of it in this zone",
    ]);
  });

  it("is fine as in most zones", () => {
    expect(
      check("@ MX 10 mail; mail AAAA 2001:db8::1; www CNAME mail; *.w A 192.0.2.5; x TXT a; x TXT b"),
    ).toEqual([]);
  });
});

describe("bad inputs, files", () => {
  test.each([
    [
      "a CNAME b; a A 192.0.2.1",
      "6 error ZONE_CNAME_AND_OTHER a.example.com. has A beside its CNAME (line 5): no other type beside a CNAME",
    ],
    [
      "a A 192.0.2.1; a CNAME b",
      "5 error ZONE_CNAME_AND_OTHER a.example.com. has A beside its CNAME (line 6): no other type beside a CNAME",
    ],
    [
      "@ CNAME a",
      "2 error ZONE_CNAME_AND_OTHER example.com. has SOA beside its CNAME (line 5): no other type beside a CNAME",
    ],
    [
      "a CNAME b; a CNAME c",
      "6 error ZONE_CNAME_TWICE a.example.com. has a second CNAME (line 5): one CNAME record",
    ],
    [
      "a DNAME b.x.; a DNAME c.x.",
      "6 error ZONE_DNAME_TWICE a.example.com. has a second DNAME (line 5): one DNAME record",
    ],
    [
      "@ SOA ns hm 2 2 3 4 5",
      "5 error ZONE_SOA_TWICE example.com. has a second SOA (line 2): one SOA record",
    ],
    [
      "a DNAME b.x.; a CNAME c.x.",
      "5 error ZONE_CNAME_AND_OTHER a.example.com. has DNAME beside its CNAME (line 6): no other type beside a CNAME",
    ],
  ])("row 51: %s is an error with both lines", (lines, expected) => {
    expect(check(lines)).toEqual([expected]);
  });

  test("row 51: the other file is named when there are two", () => {
    const columns = columnsOf(`${APEX}a CNAME b\n$INCLUDE x\n`, "a TXT x\n");
    expect(said(columns)).toEqual([
      "included:1 error ZONE_CNAME_AND_OTHER a.example.com. has TXT beside its CNAME (z line 5): no other type beside a CNAME",
    ]);
  });
});

it("lets DNSSEC's records stand beside a CNAME", () => {
  expect(check("a CNAME b; a RRSIG \\# 1 00; a NSEC \\# 1 00; a KEY \\# 1 00")).toEqual([]);
});

describe("RRsets (RFC 2181 section 5)", () => {
  it("drops what is there twice, names without regard to case", () => {
    const lines = ["a TXT x", "a TXT y", "a MX 1 NS", "a TXT x", "a MX 1 ns", "b CNAME C.", "b CNAME c."];
    const columns = columnsOf(`${APEX}${lines.join("\n")}\n`);
    expect(said(columns)).toEqual([
      "z:8 warning ZONE_DUPLICATE a.example.com. TXT: the record is there twice (line 5): each record once",
      "z:9 warning ZONE_DUPLICATE a.example.com. MX: the record is there twice (line 7): each record once",
      "z:11 warning ZONE_DUPLICATE b.example.com. CNAME: the record is there twice (line 10): each record once",
    ]);
    const left = Array.from({ length: columns.count }, (_, i) => formatRecord(columns, i));
    expect(left.slice(3)).toEqual([
      'a.example.com. 60 IN TXT "x"',
      'a.example.com. 60 IN TXT "y"',
      "a.example.com. 60 IN MX 1 NS.example.com.",
      "b.example.com. 60 IN CNAME C.",
    ]);
    expect([...columns.line.subarray(0, columns.count)]).toEqual([2, 3, 4, 5, 6, 7, 10]);
  });

  it("does not take octets for letters where there is no name", () => {
    expect(check("a A 65.1.1.1; a A 97.1.1.1; a TXT A; a TXT a; a TXT ab")).toEqual([]);
  });

  it("gives all records of an RRset the TTL of the first", () => {
    const columns = columnsOf(`${APEX}a 5 A 192.0.2.1\na 6 A 192.0.2.2\na 7 TXT x\na 4 A 192.0.2.1\n`);
    expect(said(columns)).toEqual([
      "z:6 warning ZONE_TTL_DIFFERS a.example.com. A: TTL 6 differs from that of the RRset's first record (line 5): 5, which is used",
      "z:8 warning ZONE_TTL_DIFFERS a.example.com. A: TTL 4 differs from that of the RRset's first record (line 5): 5, which is used",
      "z:8 warning ZONE_DUPLICATE a.example.com. A: the record is there twice (line 5): each record once",
    ]);
    expect([...columns.ttl.subarray(3, columns.count)]).toEqual([5, 5, 7]);
  });

  it("does so for large ones too, and lists 100 warnings", () => {
    const lines = Array.from(
      { length: 1000 },
      (_, i) => `a ${i < 900 ? 60 : 61} A 10.0.${(i % 900) >> 8}.${(i % 900) & 255}\n`,
    );
    const columns = columnsOf(`${APEX}a TXT x\n${lines.join("")}a TXT x\n`);
    const findings = checkZone(columns, { dynamic: [], nameserversGiven: false, file: "z" });
    expect(findings).toHaveLength(101);
    expect(findings[0]).toMatchObject({ code: "ZONE_TTL_DIFFERS", line: 906 });
    expect(findings[1]).toMatchObject({ code: "ZONE_DUPLICATE", line: 906 });
    expect(findings[1]!.what).toMatch(/line 6\)$/);
    expect(findings[100]).toMatchObject({
      code: "ZONE_FINDINGS_CUT",
      what: "101 more warnings are not listed",
      severity: "warning",
    });
    expect(columns.count).toBe(3 + 1 + 900);
  });
});

describe("DNAME (RFC 6672 section 2.4)", () => {
  it("has nothing below it", () => {
    expect(check("a DNAME b.x.; a A 192.0.2.1; x.y.a A 192.0.2.1; *.a TXT z")).toEqual([
      "7 error ZONE_DNAME_BELOW x.y.a.example.com. is below the DNAME of a.example.com. (line 5): no names below a DNAME (RFC 6672)",
      "8 error ZONE_DNAME_BELOW *.a.example.com. is below the DNAME of a.example.com. (line 5): no names below a DNAME (RFC 6672)",
    ]);
    expect(check("@ DNAME b.x.")).toEqual([
      "4 error ZONE_DNAME_BELOW ns.example.com. is below the DNAME of example.com. (line 5): no names below a DNAME (RFC 6672)",
    ]);
  });

  it("has no dynamic names below it", () => {
    expect(check("a DNAME b.x.", { dynamic: [dynamic("w.a"), dynamic("b")] })).toEqual([
      "5 error ZONE_DNAME_BELOW the dynamic name w.a.example.com. is below the DNAME of a.example.com.: no names below a DNAME (RFC 6672)",
    ]);
  });
});

describe("delegations", () => {
  it("hide what is beside and below them", () => {
    expect(
      check(
        "d NS ns.d; ns.d A 192.0.2.1; d DS 1 8 9 00; d MX 1 ns; x.d TXT a; y.d AAAA 2001:db8::1; z.x.d CNAME a; a.e NS ns; b.a.e NS ns",
      ),
    ).toEqual([
      "8 warning ZONE_OCCLUDED d.example.com. MX: never answered, beside the delegation of d.example.com. (line 5): only NS, DS and glue there",
      "9 warning ZONE_OCCLUDED x.d.example.com. TXT: never answered, below the delegation of d.example.com. (line 5): only NS, DS and glue there",
      "11 warning ZONE_OCCLUDED z.x.d.example.com. CNAME: never answered, below the delegation of d.example.com. (line 5): only NS, DS and glue there",
      "13 warning ZONE_OCCLUDED b.a.e.example.com. NS: never answered, below the delegation of a.e.example.com. (line 12): only NS, DS and glue there",
    ]);
  });

  it("hide dynamic names", () => {
    expect(check("d NS ns", { dynamic: [dynamic("d"), dynamic("x.d"), dynamic("e")] })).toEqual([
      "5 warning ZONE_OCCLUDED the dynamic name d.example.com. is never answered, it is delegated with d.example.com.: no delegation at or above it",
      "5 warning ZONE_OCCLUDED the dynamic name x.d.example.com. is never answered, it is delegated with d.example.com.: no delegation at or above it",
    ]);
  });

  it("of a wildcard draw a warning", () => {
    expect(check("*.w NS ns; *x NS ns")).toEqual([
      "5 warning ZONE_WILDCARD_NS *.w.example.com. NS: a delegation of a wildcard: no NS at a wildcard (RFC 4592 section 4.2)",
    ]);
  });

  it("need glue for name servers below them", () => {
    expect(
      check("d NS ns.d; d NS d; e NS ns.d; f NS ns.e; g NS ns.g; ns.g A 192.0.2.1; d A 192.0.2.1"),
    ).toEqual([
      "5 warning ZONE_GLUE_MISSING d.example.com. NS: ns.d.example.com. has no glue: A or AAAA records of it, or it cannot be reached",
    ]);
  });

  it("need no glue that a wildcard would give", () => {
    expect(check("*.d A 192.0.2.1; d NS ns.d")).toHaveLength(1);
  });
});

describe("hosts in NS, MX and SRV", () => {
  it("have an address in the zone, or are elsewhere", () => {
    expect(
      check(
        "a MX 1 none; a MX 0 .; b SRV 1 2 3 none; b SRV 0 0 0 .; c MX 1 mail.example.net.; c MX 2 NS; d NS none",
      ),
    ).toEqual([
      "5 warning ZONE_TARGET_ADDRESS a.example.com. MX: none.example.com. has no address: A or AAAA records of it in this zone",
      "7 warning ZONE_TARGET_ADDRESS b.example.com. SRV: none.example.com. has no address: A or AAAA records of it in this zone",
      "11 warning ZONE_TARGET_ADDRESS d.example.com. NS: none.example.com. has no address: A or AAAA records of it in this zone",
    ]);
  });

  it("are no aliases", () => {
    expect(check("c CNAME ns; a MX 1 c; b SRV 1 2 3 c; d NS c")).toEqual([
      "6 warning ZONE_TARGET_CNAME a.example.com. MX: c.example.com. is an alias (line 5): a name with an address",
      "7 warning ZONE_TARGET_CNAME b.example.com. SRV: c.example.com. is an alias (line 5): a name with an address",
      "8 warning ZONE_TARGET_CNAME d.example.com. NS: c.example.com. is an alias (line 5): a name with an address",
    ]);
  });

  it("have the zone's name once", () => {
    const twice = "has the zone's name twice: a name without the zone's, or one with a final dot";
    expect(
      check(
        "a CNAME app.Example.com; b MX 1 ns.example.com; c NS example.com; d CNAME example.com.; e CNAME xexample.com.example.com.; f PTR example.com.example.com.",
      ),
    ).toEqual([
      `5 warning ZONE_TARGET_DOUBLED a.example.com. CNAME: app.Example.com.example.com. ${twice}`,
      `6 warning ZONE_TARGET_DOUBLED b.example.com. MX: ns.example.com.example.com. ${twice}`,
      `7 warning ZONE_TARGET_DOUBLED c.example.com. NS: example.com.example.com. ${twice}`,
      `10 warning ZONE_TARGET_DOUBLED f.example.com. PTR: example.com.example.com. ${twice}`,
    ]);
  });

  it("are no addresses", () => {
    expect(
      check(
        "a MX 1 192.0.2.1; a MX 2 192.0.2.1.; b NS 192.0.2.1; c MX 1 1.2.3; c MX 2 1.2.3.4.x.; c MX 3 1.2.3.4444.",
      ),
    ).toEqual([
      "5 warning ZONE_TARGET_IS_ADDRESS a.example.com. MX: 192.0.2.1.example.com. is an address: a host name that has the address",
      "6 warning ZONE_TARGET_IS_ADDRESS a.example.com. MX: 192.0.2.1. is an address: a host name that has the address",
      "7 warning ZONE_TARGET_IS_ADDRESS b.example.com. NS: 192.0.2.1.example.com. is an address: a host name that has the address",
      "8 warning ZONE_TARGET_ADDRESS c.example.com. MX: 1.2.3.example.com. has no address: A or AAAA records of it in this zone",
    ]);
  });

  it("may be covered by a wildcard (RFC 4592)", () => {
    expect(check("*.w AAAA 2001:db8::1; a MX 1 x.y.w; b MX 1 w")).toEqual([
      "7 warning ZONE_TARGET_ADDRESS b.example.com. MX: w.example.com. has no address: A or AAAA records of it in this zone",
    ]);
    expect(check("*.w CNAME ns; a MX 1 x.w")).toEqual([
      "6 warning ZONE_TARGET_CNAME a.example.com. MX: x.w.example.com. is an alias (line 5): a name with an address",
    ]);
    // v.w exists, so that the wildcard of w does not reach below it.
    expect(check("*.w A 192.0.2.1; v.w TXT x; a MX 1 x.v.w")).toEqual([
      "7 warning ZONE_TARGET_ADDRESS a.example.com. MX: x.v.w.example.com. has no address: A or AAAA records of it in this zone",
    ]);
    const long = `${"x".repeat(63)}.${"y".repeat(63)}.${"z".repeat(63)}.${"w".repeat(49)}`;
    expect(check(`a MX 1 ${long}`)).toHaveLength(1);
  });

  it("may be dynamic", () => {
    const options = { dynamic: [dynamic("d"), dynamic("*.w"), dynamic("t", true)] };
    expect(check("a MX 1 D; b MX 1 x.w; c MX 1 t; e MX 1 none", options)).toEqual([
      "7 warning ZONE_TARGET_CNAME c.example.com. MX: t.example.com. is an alias: a name with an address",
      "8 warning ZONE_TARGET_ADDRESS e.example.com. MX: none.example.com. has no address: A or AAAA records of it in this zone",
    ]);
  });
});

describe("dynamic names", () => {
  it("leave no room for static addresses and aliases", () => {
    const options = { dynamic: [dynamic("a"), dynamic("b"), dynamic("c"), dynamic("@")] };
    expect(
      check("a A 192.0.2.1; a AAAA 2001:db8::1; a TXT x; b CNAME ns; c MX 1 ns; c MX 1 ns", options),
    ).toEqual([
      "10 warning ZONE_DUPLICATE c.example.com. MX: the record is there twice (line 9): each record once",
      "5 error ZONE_DYNAMIC_AND_STATIC a.example.com. A: the name is dynamic: no static A, AAAA or CNAME there",
      "6 error ZONE_DYNAMIC_AND_STATIC a.example.com. AAAA: the name is dynamic: no static A, AAAA or CNAME there",
      "8 error ZONE_DYNAMIC_AND_STATIC b.example.com. CNAME: the name is dynamic: no static A, AAAA or CNAME there",
    ]);
  });

  it("that give a CNAME leave no room for anything", () => {
    expect(check("a TXT x; a TXT x", { dynamic: [dynamic("a", true)] })).toEqual([
      "6 warning ZONE_DUPLICATE a.example.com. TXT: the record is there twice (line 5): each record once",
      "5 error ZONE_DYNAMIC_AND_STATIC a.example.com. TXT: the name is dynamic: no static records at a name that gives a CNAME",
    ]);
  });
});
