import { describe, expect, it, test } from "vitest";
import { nameFromText } from "../wire/name-text.ts";
import { readEntry } from "../wire/tokens.ts";
import { formatRecord } from "./check.ts";
import { finishColumns, startColumns } from "./column-builder.ts";
import type { RecordColumns } from "./record-columns.ts";
import { parseZoneFile, type ZoneFileOptions } from "./zone-file.ts";
import { readRecord } from "./zone-file-record.ts";
import { createSource, type ZoneReading } from "./zone-file-state.ts";
import { createFindingList, type ZoneFinding } from "./zone-finding.ts";

const ORIGIN = nameFromText("Example.com.") as Uint8Array;

interface Read {
  columns: RecordColumns;
  findings: ZoneFinding[];
  /** Records in presentation form. */
  records: string[];
  /** `file:line:column severity code what: expected`. */
  said: string[];
}

function parse(text: string, options: Partial<ZoneFileOptions> = {}): ReturnType<typeof parseZoneFile> {
  return parseZoneFile(Buffer.from(text, "latin1"), {
    origin: ORIGIN,
    file: "example.com.zone",
    readInclude: () => ({ error: "a file that exists" }),
    ...options,
  });
}

function read(text: string, options: Partial<ZoneFileOptions> = {}): Read {
  const { columns, findings } = parse(text, options);
  return {
    columns,
    findings,
    records: Array.from({ length: columns.count }, (_, i) => formatRecord(columns, i)),
    said: findings.map(
      ({ file, line, column, severity, code, what, expected }) =>
        `${file}:${line}:${column} ${severity} ${code} ${what}: ${expected}`,
    ),
  };
}

/** The only finding: place, code and words. */
function fault(text: string, options: Partial<ZoneFileOptions> = {}): string {
  const { said } = read(text, options);
  expect(said).toHaveLength(1);
  return said[0]!.replace("example.com.zone:", "");
}

/** A readInclude over texts by path. */
function including(files: Record<string, string>): Partial<ZoneFileOptions> {
  return {
    readInclude: (path) => {
      const text = files[path];
      return text === undefined ? { error: "a file that exists" } : { octets: Buffer.from(text), file: path };
    },
  };
}

describe("records (RFC 1035 section 5.1)", () => {
  it("reads the example of section 5.3", () => {
    const text = `@   IN  SOA     VENERA      Action\\.domains (
                                 20     ; SERIAL
                                 7200   ; REFRESH
                                 600    ; RETRY
                                 3600000; EXPIRE
                                 60)    ; MINIMUM

        NS      A.ISI.EDU.
        NS      VENERA
        MX      10      VENERA
A       A       26.3.0.103
VENERA  A       10.1.0.52
        A       128.9.0.32
`;
    const { records, said, columns } = read(text);
    expect(records).toEqual([
      "example.com. 60 IN SOA VENERA.Example.com. Action\\.domains.Example.com. 20 7200 600 3600000 60",
      "example.com. 60 IN NS A.ISI.EDU.",
      "example.com. 60 IN NS VENERA.Example.com.",
      "example.com. 60 IN MX 10 VENERA.Example.com.",
      "a.example.com. 60 IN A 26.3.0.103",
      "venera.example.com. 60 IN A 10.1.0.52",
      "venera.example.com. 60 IN A 128.9.0.32",
    ]);
    expect([...columns.line.subarray(0, columns.count)]).toEqual([1, 8, 9, 10, 11, 12, 13]);
    expect(columns.files).toEqual(["example.com.zone"]);
    expect(said).toEqual([
      "example.com.zone:1:1 warning ZONE_TTL_ASSUMED there is no $TTL: the SOA's MINIMUM, 60 s, stands for it: a line $TTL in front",
    ]);
  });

  it("inherits the owner, and writes it once", () => {
    const { columns, records } = read(
      "$TTL 1\na A 192.0.2.1\n\tA 192.0.2.2\nA A 192.0.2.3\n A 192.0.2.4\nb A 192.0.2.5\n",
    );
    expect(records.map((record) => record.slice(0, 1))).toEqual(["a", "a", "a", "a", "b"]);
    expect(new Set(columns.owner.subarray(0, 4)).size).toBe(1);
  });

  it.each([
    ["60 IN A", 60],
    ["IN 60 A", 60],
    ["60 A", 60],
    ["IN A", 7],
    ["A", 7],
    ["1m in a", 60],
    ["CLASS1 1M TYPE1", 60],
  ])("takes TTL and class in either order: %s", (fields, ttl) => {
    expect(read(`$TTL 7\nx ${fields} 192.0.2.1\n`).records).toEqual([`x.example.com. ${ttl} IN A 192.0.2.1`]);
  });

  it("takes CR LF, a byte order mark, and blanks behind the last newline", () => {
    const { records, said } = read("\xef\xbb\xbf$TTL 5\r\nx A 192.0.2.1\r\n\r\n \t\r");
    expect([records, said]).toEqual([["x.example.com. 5 IN A 192.0.2.1"], []]);
  });

  it("keeps the case of names in RDATA, not of owners", () => {
    expect(read("$TTL 5\nWWW CNAME Host\n").records).toEqual([
      "www.example.com. 5 IN CNAME Host.Example.com.",
    ]);
  });

  it("has nothing to say of an empty file", () => {
    expect(read("").said).toEqual([]);
    expect(read("; nothing\n\n").records).toEqual([]);
  });
});

describe("TTLs (RFC 2308 section 4)", () => {
  it("prefers the record's own, then $TTL, which may change", () => {
    const { records } = read(
      "$TTL 1h\na A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1\n$TTL 1d\nd A 192.0.2.1\n",
    );
    expect(records.map((record) => record.split(" ")[1])).toEqual(["3600", "5", "3600", "86400"]);
  });

  it("falls back to the record before, with one warning", () => {
    const { records, said } = read("a 5 A 192.0.2.1\nb A 192.0.2.1\nc A 192.0.2.1\n");
    expect(records.map((record) => record.split(" ")[1])).toEqual(["5", "5", "5"]);
    expect(said).toEqual([
      "example.com.zone:2:1 warning ZONE_TTL_ASSUMED there is no $TTL: records without a TTL get that of the record before, here 5 s: a line $TTL in front",
    ]);
  });

  it("takes one that stands for $TTL from outside", () => {
    expect(read("a A 192.0.2.1\n", { defaultTtlSeconds: 9 }).records).toEqual([
      "a.example.com. 9 IN A 192.0.2.1",
    ]);
  });

  it("is an error when there is none at all", () => {
    expect(fault("a A 192.0.2.1\n")).toBe(
      "1:1 error ZONE_TTL_MISSING the record has no TTL, and there is none to inherit: a TTL, or a line $TTL in front",
    );
  });
});

describe("errors", () => {
  it.each([
    [
      "a 300.0 A 192.0.2.1",
      '2:3 error ZONE_TYPE_UNKNOWN "300.0" is not a record type: a TTL, a class, or a type in front of it',
    ],
    [
      "a 192.0.2.1",
      '2:3 error ZONE_TYPE_UNKNOWN "192.0.2.1" is not a record type: a TTL, a class, or a type in front of it',
    ],
    [
      "a AAA 2001:db8::1",
      '2:3 error ZONE_TYPE_UNKNOWN "AAA" is not a record type: a type: did you mean AAAA?',
    ],
    [
      "a IN IN A 192.0.2.1",
      '2:6 error ZONE_TYPE_UNKNOWN "IN" is not a record type: a type as A, AAAA, CNAME, or TYPE65280',
    ],
    [
      "a 5 6 A 192.0.2.1",
      '2:5 error ZONE_TYPE_UNKNOWN "6" is not a record type: a TTL, a class, or a type in front of it',
    ],
    ["a CH TXT x", '2:3 error ZONE_CLASS "CH" is another class: IN, or nothing'],
    ["a CLASS9 TXT x", '2:3 error ZONE_CLASS "CLASS9" is another class: IN, or nothing'],
    ["a ANY", "2:3 error ZONE_TYPE_META ANY stands in questions only: a type of data"],
    ["a", "2:2 error ZONE_TYPE_MISSING the record has no type: a type and its RDATA"],
    ["a 60 IN", "2:8 error ZONE_TYPE_MISSING the record has no type: a type and its RDATA"],
    [
      " A 192.0.2.1",
      "2:2 error ZONE_OWNER_MISSING the record has no owner name, and there is none before it to inherit: an owner name in the first column",
    ],
    [
      "a..b A 192.0.2.1",
      '2:1 error ZONE_NAME the owner name "a..b" has an empty label: one dot between labels',
    ],
    ['"a A 192.0.2.1', '2:1 error ZONE_SYNTAX a quoted string is not closed: a " on the same line'],
    ["a TXT x\\", "2:8 error ZONE_SYNTAX a backslash ends the line: a character behind it"],
    ["a A 192.0.2.1 )", "2:15 error ZONE_SYNTAX a parenthesis is closed that was not opened: a ( in front"],
    ["a SOA ns (\n hm 1", "2:10 error ZONE_SYNTAX a parenthesis is not closed: a ) before the file ends"],
    ["a MX 10", "2:8 error ZONE_RDATA_MISSING MX: the mail exchange is missing: mail exchange"],
    [
      'a TXT "x" (\n  "y" ) \\999',
      '3:9 error ZONE_RDATA TXT: "\\999" has a bad escape: \\DDD with three digits up to 255, or \\ and a character',
    ],
    [
      'a HINFO (\n x\n y\n "z" )',
      '5:2 error ZONE_RDATA_EXTRA HINFO: "z" stands behind the RDATA of HINFO: the end of the record',
    ],
    [
      "a NSEC3 1 0",
      "2:9 error ZONE_TYPE_GENERIC NSEC3: NSEC3 has no presentation form here: its RDATA as \\# length hexadecimal (RFC 3597)",
    ],
    [
      "a MX 10 b..c",
      '2:9 error ZONE_NAME MX: "b..c" is no mail exchange: it has an empty label: one dot between labels',
    ],
    [
      `a URI 1 1 ${"x".repeat(70_000)}`,
      "2:70011 error ZONE_RDATA_LENGTH URI: the RDATA is longer than 65535 octets: at most 65535 octets",
    ],
    [
      "a.example.net. SOA a b 1 2 3 4 5",
      "2:1 error ZONE_OWNER_OUTSIDE a.example.net. is outside of the zone: a name that ends with example.com.",
    ],
    [
      "a SOA a b 1 2 3 4 5",
      "2:3 error ZONE_SOA_PLACE SOA of a.example.com., which is not the apex: an SOA of example.com. only",
    ],
    [
      "$FOO",
      '2:1 error ZONE_DIRECTIVE_UNKNOWN "$FOO" is not a directive: $ORIGIN, $TTL, $INCLUDE, $GENERATE',
    ],
    ["$orgin x", '2:1 error ZONE_DIRECTIVE_UNKNOWN "$orgin" is not a directive: did you mean $ORIGIN?'],
    ["$ORIGIN", "2:8 error ZONE_DIRECTIVE something is missing behind the directive: $ORIGIN name"],
    ["$TTL 1 2", "2:8 error ZONE_DIRECTIVE there is too much behind the directive: $TTL time"],
    ["$TTL", "2:5 error ZONE_DIRECTIVE something is missing behind the directive: $TTL time"],
    ["$TTL soon", '2:6 error ZONE_TTL "soon" is not a TTL: seconds up to 2147483647, or a time as 1h30m'],
    ["$ORIGIN a..b", '2:9 error ZONE_NAME the origin "a..b" has an empty label: one dot between labels'],
    [
      "$INCLUDE",
      "2:9 error ZONE_DIRECTIVE something is missing behind the directive: $INCLUDE file [origin]",
    ],
    ['$INCLUDE ""', '2:10 error ZONE_INCLUDE "" is not a file name: the path of a file'],
    ["$INCLUDE a\\9", '2:10 error ZONE_INCLUDE "a\\9" is not a file name: the path of a file'],
    ["$INCLUDE a b..c", '2:12 error ZONE_NAME the origin "b..c" has an empty label: one dot between labels'],
    ["$INCLUDE a", '2:10 error ZONE_INCLUDE "a" cannot be included: a file that exists'],
  ])("%.40j", (line, said) => {
    expect(fault(`$TTL 60\n${line}\n`)).toBe(said);
  });

  it("are all found at once, and what follows is still read", () => {
    const { said, records } = read('$TTL 60\na A x\nb A 192.0.2.1\n  AAAA y\n"c A z\nd A 192.0.2.2\n');
    expect(said.map((line) => line.split(" ")[0])).toEqual([
      "example.com.zone:2:5",
      "example.com.zone:4:8",
      "example.com.zone:5:1",
    ]);
    expect(records).toHaveLength(2);
  });

  it("of an owner are not repeated for the records that inherit it", () => {
    const { said, records } = read(
      "$TTL 60\na.b..c A 192.0.2.1\n A 192.0.2.2\n A 192.0.2.3\nd A 192.0.2.4\n A 192.0.2.5\n",
    );
    expect(said).toHaveLength(1);
    expect(records).toHaveLength(2);
  });

  it("end after 100 in a file", () => {
    const { said, records } = read(`$TTL 60\n${"a A x\n".repeat(150)}b A 192.0.2.1\n`);
    expect(said).toHaveLength(101);
    expect(said[100]).toBe(
      "example.com.zone:0:0 error ZONE_FINDINGS_CUT more than 100 errors: the rest of the file was not read: ",
    );
    expect(records).toEqual([]);
  });
});

describe("$ORIGIN", () => {
  it("completes names, and may itself be relative", () => {
    const { records } = read(
      "$TTL 5\n$ORIGIN a\nx CNAME @\n$ORIGIN b\n@ CNAME y\n$ORIGIN .\nz.example.com CNAME w\n",
    );
    expect(records).toEqual([
      "x.a.example.com. 5 IN CNAME a.Example.com.",
      "b.a.example.com. 5 IN CNAME y.b.a.Example.com.",
      "z.example.com. 5 IN CNAME w.",
    ]);
  });
});

describe("$INCLUDE", () => {
  it("has its own origin, and origin and owner are afterwards what they were", () => {
    const { records, columns, said } = read(
      '$TTL 5\n$ORIGIN b\nx A 192.0.2.1\n$INCLUDE "s ub" c ; comment\n  A 192.0.2.4\ny A 192.0.2.5\n$INCLUDE "s ub"\n',
      including({ "s ub": "  A 192.0.2.2\n$ORIGIN d\nz A 192.0.2.3\n" }),
    );
    expect(said).toEqual([]);
    expect(records.map((record) => record.replace(".example.com. 5 IN A 192.0.2.", " "))).toEqual([
      "x.b 1",
      "x.b 2",
      "z.d.c.b 3",
      "x.b 4",
      "y.b 5",
      "y.b 2",
      "z.d.b 3",
    ]);
    expect(columns.files).toEqual(["example.com.zone", "s ub"]);
    expect([...columns.file.subarray(0, 7)]).toEqual([0, 1, 1, 0, 0, 1, 1]);
    expect([...columns.line.subarray(0, 7)]).toEqual([3, 1, 3, 5, 6, 1, 3]);
  });

  it("keeps a $TTL of the included file, as named does", () => {
    expect(read("$INCLUDE t\na A 192.0.2.1\n", including({ t: "$TTL 77\n" })).records).toEqual([
      "a.example.com. 77 IN A 192.0.2.1",
    ]);
  });

  it("tells the place in the included file", () => {
    const { said } = read("$TTL 5\n$INCLUDE t\n", including({ t: "\na A x\n" }));
    expect(said).toEqual([
      't:2:5 error ZONE_RDATA A: "x" is not an IPv4 address: four numbers from 0 to 255 as 192.0.2.1',
    ]);
  });

  it("says who includes, and with what path", () => {
    const asked: string[][] = [];
    read("$INCLUDE sub/a\\ b\n", {
      readInclude: (path, from) => {
        asked.push([path, from]);
        return { error: "" };
      },
    });
    expect(asked).toEqual([["sub/a b", "example.com.zone"]]);
  });
});

describe("bad inputs, files", () => {
  const WHOLE = `$TTL 5
@ SOA ns hm (
  1 2 3 ; a comment
  4 5 )
@ NS ns
ns A 192.0.2.10
t TXT "a b" "c"
`;

  test("row 49: a zone cut anywhere is an error, or ends at the end of a record", () => {
    const whole = read(WHOLE).records;
    expect(whole).toHaveLength(4);
    const octets = Buffer.from(WHOLE);
    let smaller = 0;
    for (let size = 0; size < octets.length; size++) {
      const { records, findings } = read(WHOLE.slice(0, size));
      const isError = findings.some((finding) => finding.severity === "error");
      if (isError) continue;
      smaller++;
      expect(WHOLE[size - 1] ?? "\n").toBe("\n");
      expect(records).toEqual(whole.slice(0, records.length));
    }
    expect(smaller).toBe(5);
  });

  test("row 49: a last line without a newline is an error that says so", () => {
    expect(fault("$TTL 5\nns A 192.0.2.1")).toBe(
      '2:1 error ZONE_FILE_CUT the last line has no newline: "ns A 192.0.2.1" may have been cut: a newline at the end of the file',
    );
    expect(fault("$TTL 5\n; end")).toMatch(/ZONE_FILE_CUT/);
  });

  test("row 50: files that include each other are an error that prints the circle", () => {
    const files = { a: "$INCLUDE b\n", b: "$INCLUDE a\n", self: "$INCLUDE example.com.zone\n" };
    expect(read("$INCLUDE a\n", including(files)).said).toEqual([
      "b:1:10 error ZONE_INCLUDE_LOOP files include each other: a -> b -> a: no circle",
    ]);
    expect(
      read("$INCLUDE self\n", {
        readInclude: () => ({ octets: Buffer.from("$INCLUDE x\n"), file: "example.com.zone" }),
      }).said,
    ).toEqual([
      "example.com.zone:1:10 error ZONE_INCLUDE_LOOP files include each other: example.com.zone -> example.com.zone: no circle",
    ]);
  });

  test("row 50: $INCLUDE more than 20 deep is an error, 20 are not", () => {
    const files: Record<string, string> = {};
    for (let i = 1; i <= 21; i++) files[`f${i}`] = `$INCLUDE f${i + 1}\n`;
    expect(read("$INCLUDE f1\n", including({ ...files, f20: "a 5 A 192.0.2.1\n" })).records).toHaveLength(1);
    expect(read("$INCLUDE f1\n", including({ ...files, f21: "a 5 A 192.0.2.1\n" })).said).toEqual([
      'f20:1:10 error ZONE_INCLUDE_DEPTH "f21" is nested more than 20 files deep: at most 20 levels',
    ]);
  });

  test("row 50: a few files that include one another twice each are an error, not a million reads", () => {
    const files: Record<string, string> = { f19: "; the end\n" };
    for (let i = 1; i < 19; i++) files[`f${i}`] = `$INCLUDE f${i + 1}\n$INCLUDE f${i + 1}\n`;
    let reads = 0;
    const { said } = read("$INCLUDE f1\n", {
      readInclude: (path) => {
        reads++;
        return { octets: Buffer.from(files[path]!), file: path };
      },
    });
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(/^f\d+:\d:10 error ZONE_INCLUDE_LIMIT "f\d+" is one included file too many/);
    expect(reads).toBe(10_001);
  });

  test("row 50: an $INCLUDE outside of the folder is what the callback says", () => {
    expect(
      fault("$INCLUDE /etc/passwd\n", { readInclude: () => ({ error: "a file in the zones folder" }) }),
    ).toBe('1:10 error ZONE_INCLUDE "/etc/passwd" cannot be included: a file in the zones folder');
  });

  test("row 50: $GENERATE bombs are an error, at once", () => {
    expect(fault("$GENERATE 1-65537 a$ 5 A 192.0.2.1\n")).toBe(
      "1:11 error ZONE_GENERATE_LIMIT $GENERATE makes 65537 records, 65537 in this zone: at most 65536 by one directive and 1000000 in a zone",
    );
    expect(fault("$GENERATE 0-2147483647 a$ 5 A 192.0.2.1\n")).toMatch(/ZONE_GENERATE_LIMIT/);
    // Those that would be made count, so that records which fail at once do not slow this test down.
    const { findings } = parse("$GENERATE 1-65000 a 5 A x\n".repeat(20));
    expect(findings.map((finding) => finding.code)).toEqual([
      ...Array<string>(15).fill("ZONE_RDATA"),
      ...Array<string>(5).fill("ZONE_GENERATE_LIMIT"),
    ]);
    expect(findings[15]!.what).toMatch(/1040000 in this zone/);
  });

  test.each([
    [
      "an owner out of the zone",
      "x.example.net. A 192.0.2.1",
      "2:1 error ZONE_OWNER_OUTSIDE x.example.net. is outside of the zone: a name that ends with example.com.",
    ],
    [
      "an owner that only ends alike",
      "xexample.com. A 192.0.2.1",
      "2:1 error ZONE_OWNER_OUTSIDE xexample.com. is outside of the zone: a name that ends with example.com.",
    ],
    [
      "an owner above",
      "com. A 192.0.2.1",
      "2:1 error ZONE_OWNER_OUTSIDE com. is outside of the zone: a name that ends with example.com.",
    ],
    [
      "an owner beside",
      "x.exomple.com. A 192.0.2.1",
      "2:1 error ZONE_OWNER_OUTSIDE x.exomple.com. is outside of the zone: a name that ends with example.com.",
    ],
    [
      "an IPv6 address in A",
      "x A 2001:db8::1",
      '2:5 error ZONE_ADDRESS_FAMILY A: "2001:db8::1" is an IPv6 address: an IPv4 address (IPv6 addresses go into AAAA)',
    ],
    [
      "an IPv4 address in AAAA",
      "x AAAA 192.0.2.1",
      '2:8 error ZONE_ADDRESS_FAMILY AAAA: "192.0.2.1" is an IPv4 address: an IPv6 address (IPv4 addresses go into A)',
    ],
    [
      "a string over 255 octets",
      `x TXT "${"y".repeat(256)}"`,
      `2:7 error ZONE_STRING_LENGTH TXT: "${"y".repeat(60)}..." is a string of more than 255 octets: at most 255 octets, or several strings`,
    ],
    [
      "a TTL over 2^31-1",
      "x 2147483648 A 192.0.2.1",
      '2:3 error ZONE_TTL the TTL "2147483648" is too large: at most 2147483647 seconds (RFC 2181 section 8)',
    ],
    [
      "a $TTL over 2^31-1",
      "$TTL 4000w",
      '2:6 error ZONE_TTL "4000w" is not a TTL: seconds up to 2147483647, or a time as 1h30m',
    ],
  ])("row 51: %s is an error with its place", (_name, line, said) => {
    expect(fault(`$TTL 60\n${line}\n`)).toBe(said);
  });

  test("row 52: what is too large says so", () => {
    // A view that claims a length costs no memory.
    const huge = new Proxy(new Uint8Array(1), {
      get: (target, key) => (key === "length" ? 1024 ** 3 + 1 : Reflect.get(target, key)),
    });
    const { said, records } = read("$INCLUDE huge\na 5 A 192.0.2.1\n", {
      readInclude: () => ({ octets: huge, file: "huge" }),
    });
    expect(said).toEqual([
      "huge:1:1 error ZONE_TOO_LARGE the zone's files have more than 1073741824 octets: smaller files",
    ]);
    expect(records).toEqual([]);
  });
});

describe("size", () => {
  test("row 52: a zone of more than 10,000,000 records is an error, once", () => {
    const columns = startColumns();
    const list = createFindingList();
    const zone: ZoneReading = {
      apex: ORIGIN,
      builder: { ...columns, count: 10_000_000 },
      list,
      readInclude: () => ({ error: "" }),
      defaultTtl: 5,
      lastTtl: -1,
      ownerAt: -1,
      open: [],
      included: 0,
      octetsRead: 0,
      generated: 0,
      warnedOfTtl: 0,
      stopped: 0,
    };
    finishColumns(columns, ORIGIN);
    const source = createSource(Buffer.from("a A 192.0.2.1\n"), "z", 0, ORIGIN);
    readEntry(source.tokens);
    readRecord(zone, source);
    expect(zone.stopped).toBe(1);
    expect(list.findings).toMatchObject([
      { code: "ZONE_TOO_LARGE", line: 1, what: expect.stringContaining("10000000") },
    ]);
  });

  it("grows with the zone, and gives small zones columns of their own", () => {
    const lines = Array.from({ length: 60_000 }, (_, i) => `n${i} 5 TXT ${"x".repeat(20)}${i}\n`);
    const large = parse(lines.join(""));
    expect(large.columns.count).toBe(60_000);
    expect(formatRecord(large.columns, 59_999)).toBe(`n59999.example.com. 5 IN TXT "${"x".repeat(20)}59999"`);
    const first = read("a 5 A 192.0.2.1\n");
    const second = read("b 5 A 192.0.2.2\n");
    expect(formatRecord(first.columns, 0)).toBe("a.example.com. 5 IN A 192.0.2.1");
    expect(formatRecord(second.columns, 0)).toBe("b.example.com. 5 IN A 192.0.2.2");
    expect(second.columns.octets.buffer.byteLength).toBeLessThan(100);
  });
});
