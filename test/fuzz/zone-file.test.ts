import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameFromText } from "../../src/wire/name-text.ts";
import { checkZone, formatRecord } from "../../src/zone/check.ts";
import { parseZoneFile } from "../../src/zone/zone-file.ts";
import { MAX_FINDINGS_PER_FILE, type ZoneFinding } from "../../src/zone/zone-finding.ts";

const ORIGIN = nameFromText("example.com.") as Uint8Array;

/** A zone with something of everything, to be damaged. */
const WHOLE = `$TTL 1h
@ IN SOA ns1 host\\.master ( 2026010101 ; serial
  2h 900 2w 5m )
@ NS ns1
ns1 60 IN A 192.0.2.1
  AAAA 2001:db8::1
$ORIGIN sub
txt TXT "a ; b" c\\032d ( "e"
  "f" )
_sip._tcp SRV 1 2 5060 ns1
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
$GENERATE 1-3 h$ A 192.0.2.$\u007b0,1,d}
loc LOC 42 21 54 N 71 06 18 W -24m 30m
svc HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1
gen TYPE65280 \\# 3 01 02 03
caa CAA 0 issue "ca.example.net"
ds DS 1 8 9 00
$INCLUDE more
end CNAME @
`;

interface Read {
  records: string[];
  errors: ZoneFinding[];
}

function read(octets: Uint8Array): Read {
  const { columns, findings } = parseZoneFile(octets, {
    origin: ORIGIN,
    file: "z",
    readInclude: (path) =>
      path === "more" ? { octets: Buffer.from("more A 192.0.2.2\n"), file: "more" } : { error: "" },
  });
  findings.push(...checkZone(columns, { dynamic: [], nameserversGiven: true, file: "z" }));
  for (const finding of findings) {
    expect(finding.code).toMatch(/^ZONE_/);
    expect(`${finding.what}${finding.expected}`).not.toMatch(/undefined|NaN|[^ -~]/);
  }
  // Errors and warnings, of two files, by two parts.
  expect(findings.length).toBeLessThanOrEqual(8 * (MAX_FINDINGS_PER_FILE + 1));
  return {
    records: Array.from({ length: columns.count }, (_, i) => formatRecord(columns, i)),
    errors: findings.filter((finding) => finding.severity === "error"),
  };
}

describe("master files that were damaged", () => {
  it("reads the whole one", () => {
    const { records, errors } = read(Buffer.from(WHOLE));
    expect(errors).toEqual([]);
    expect(records).toHaveLength(17);
  });

  it("row 49: cut anywhere, it has an error or ends at the end of a record", () => {
    const whole = read(Buffer.from(WHOLE)).records;
    for (let size = 0; size < WHOLE.length; size++) {
      const { records, errors } = read(Buffer.from(WHOLE.slice(0, size)));
      if (errors.length > 0) continue;
      // Blanks of the next line may stand behind the newline.
      expect(WHOLE.slice(0, size)).toMatch(/(^|\n)[ \t]*$/);
      expect(records).toEqual(whole.slice(0, records.length));
    }
  });

  it("with octets changed, taken out and put in, it throws nothing and says where", () => {
    const edit = fc.record({
      at: fc.nat(WHOLE.length),
      cut: fc.nat(4),
      put: fc.uint8Array({ maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 6 }), (edits) => {
        let octets = [...Buffer.from(WHOLE)];
        for (const { at, cut, put } of edits)
          octets = [...octets.slice(0, at), ...put, ...octets.slice(at + cut)];
        const lines = Buffer.from(octets).toString("latin1").split("\n").length;
        const { errors } = read(Uint8Array.from(octets));
        for (const error of errors) expect(error.line).toBeLessThanOrEqual(lines);
      }),
      { numRuns: 2000 },
    );
  });

  it("with pieces put together at random, what is read is written and read again", () => {
    const owner = fc.constantFrom(
      "a",
      "B",
      "*",
      "x.y",
      "@",
      "",
      " ",
      "a\\.b",
      "z.example.com.",
      "out.example.net.",
      "..",
    );
    const ttl = fc.constantFrom("", "", "60", "1h", "99999999999", "x");
    const rrclass = fc.constantFrom("", "", "IN", "in", "CH", "CLASS1");
    const data = fc.constantFrom(
      "A 192.0.2.1",
      "A 192.0.2.2 ; comment",
      "A ( 192.0.2.3\n )",
      'TXT a "b ; c" \\034',
      "TXT (\n a\n)",
      "MX 10 @",
      "CNAME x",
      "TYPE1 \\# 4 c0000201",
      "TYPE65280 \\# 0",
      "A",
      "A x",
      'TXT "open',
      "MX 10 )",
    );
    const line = fc
      .tuple(owner, fc.boolean(), ttl, rrclass, data)
      .map(([name, swap, seconds, kind, rest]) =>
        [name, ...(swap ? [kind, seconds] : [seconds, kind]), rest].join(" "),
      );
    let written = 0;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), (lines) => {
        const { records } = read(Buffer.from(`$TTL 5\n${lines.join("\n")}\n`));
        const again = read(Buffer.from(records.map((record) => `${record}\n`).join("")));
        expect(again.records).toEqual(records);
        written += records.length;
      }),
      { numRuns: 2000 },
    );
    expect(written).toBeGreaterThan(1000);
  });

  it("of pure noise, it throws nothing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (octets) => void read(octets)),
      { numRuns: 1000 },
    );
  });
});
