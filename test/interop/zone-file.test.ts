import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatName, nameFromText } from "../../src/wire/name-text.ts";
import { formatType } from "../../src/wire/registry.ts";
import { checkZone, formatRecord } from "../../src/zone/check.ts";
import type { RecordColumns } from "../../src/zone/record-columns.ts";
import { parseZoneFile } from "../../src/zone/zone-file.ts";
import { type Random, seededRandom } from "../support/random.ts";

/**
 * The master-file reader against BIND's: the same text has to give the same records, octet for octet, and the text that
 * steerd writes has to give BIND the same records again. BIND's octets are read from its raw format.
 */

const hasBind = spawnSync("named-compilezone", ["-v"]).status === 0;
const ORIGIN = nameFromText("example.com.") as Uint8Array;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "zone-file-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** `owner TYPE ttl hex` of every record, sorted: owners in lower case. */
function bindRecords(text: string): string[] {
  const [source, raw] = [join(folder, "zone"), join(folder, "raw")];
  writeFileSync(source, text, "latin1");
  const options = ["-q", "-F", "raw", "-k", "ignore", "-i", "none", "-o", raw, "example.com", source];
  execFileSync("named-compilezone", options, { cwd: folder });
  return rawRecords(readFileSync(raw)).sort();
}

/** BIND's raw format: a header, then RRsets of length, class, type, covers, TTL, count, owner, and records. */
function rawRecords(raw: Buffer): string[] {
  const records: string[] = [];
  let at = raw.readUInt32BE(4) === 0 ? 12 : 24;
  while (at < raw.length) {
    const end = at + raw.readUInt32BE(at);
    const [type, ttl, count, nameLength] = [
      raw.readUInt16BE(at + 6),
      raw.readUInt32BE(at + 10),
      raw.readUInt32BE(at + 14),
      raw.readUInt16BE(at + 18),
    ];
    const owner = formatName(new Uint8Array(raw.subarray(at + 20, at + 20 + nameLength)), 0).toLowerCase();
    let from = at + 20 + nameLength;
    for (let i = 0; i < count; i++) {
      const size = raw.readUInt16BE(from);
      records.push(`${owner} ${formatType(type)} ${ttl} ${raw.toString("hex", from + 2, from + 2 + size)}`);
      from += size + 2;
    }
    expect(from).toBe(end);
    at = end;
  }
  return records;
}

function parsed(text: string): RecordColumns {
  const { columns, findings } = parseZoneFile(Buffer.from(text, "latin1"), {
    origin: ORIGIN,
    file: "example.com.zone",
    readInclude: () => ({ error: "not in this test" }),
  });
  expect(findings.filter((finding) => finding.severity === "error")).toEqual([]);
  checkZone(columns, { dynamic: [], nameserversGiven: true, file: "example.com.zone" });
  return columns;
}

function ourRecords(columns: RecordColumns): string[] {
  const records: string[] = [];
  for (let i = 0; i < columns.count; i++) {
    const at = columns.rdata[i]!;
    const rdata = Buffer.from(columns.octets.subarray(at, at + columns.rdlength[i]!)).toString("hex");
    const owner = formatName(columns.octets, columns.owner[i]!).toLowerCase();
    records.push(`${owner} ${formatType(columns.type[i]!)} ${columns.ttl[i]} ${rdata}`);
  }
  return records.sort();
}

const APEX =
  "$TTL 1h\n@ IN SOA ns1 host\\.master.example.net. 2026010101 2h 900 2w 5m\n@ NS ns1\nns1 A 192.0.2.1\n";

const CASES: [name: string, text: string][] = [
  [
    "TTL and class in either order, and inherited",
    "a 60 IN A 192.0.2.1\n  IN 60 A 192.0.2.2\nb IN A 192.0.2.3\nc 1w2d3h4m5s AAAA 2001:db8::1\n  AAAA ::ffff:192.0.2.1\n",
  ],
  [
    "parentheses, comments, quotes",
    'p TXT ( "one ; two" ; three\n  two\n  "th\\"ree" ) ; end\nq MX (10\n   Mail.Example.COM. )\n',
  ],
  ["CR LF", 'r A 192.0.2.1\r\nr2 TXT "x" y\r\n'],
  [
    "$ORIGIN and escapes in names",
    "$ORIGIN Sub\nx\\.y CNAME \\042\\000.z\n$ORIGIN example.com.\n\\@ A 192.0.2.9\n*.w A 192.0.2.1\na\\$b A 192.0.2.1\n",
  ],
  [
    "SRV, PTR, HINFO, NAPTR, DNAME",
    '_sip._tcp SRV 1 2 5060 Sip\nptr PTR Host.Example.Org.\nhinfo HINFO "Intel Xeon" Linux\nnaptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .\nnaptr2 NAPTR 1 2 "" "" "/(a)/\\\\1/i" Repl\nd DNAME D2.example.net.\n',
  ],
  [
    "CAA",
    'caa CAA 0 issue "ca.example.net; policy=ev"\ncaa CAA 128 iodef mailto:a@b.example\ncaa CAA 0 issue ";"\n',
  ],
  [
    "DS, SSHFP, TLSA",
    `ds NS ns1\nds DS 60485 5 1 ( 2BB183AF5F22588179A5 3B0A98631FAD1A292118 )\nds DS 60485 RSASHA256 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A\nssh SSHFP 2 1 123456789abcdef67890123456789abcdef67890\n_443._tcp TLSA 3 1 1 ${"0B".repeat(32)}\nt2 TLSA 0 0 0 30820454\n`,
  ],
  [
    "LOC",
    "l1 LOC 42 21 54 N 71 06 18 W -24m 30m\nl2 LOC 42 21 43.952 N 71 5 6.344 W -24m 1m 200m\nl3 LOC 52 14 05 N 00 08 50 E 10m\nl4 LOC 32 7 19 S 116 2 25 E 10m\nl5 LOC 90 N 180 W 42849672.95 90000000 0 0.01m\nl6 LOC 0 S 0 E -100000.00\n",
  ],
  [
    "SVCB and HTTPS",
    's1 HTTPS 0 Foo.example.com.\ns2 SVCB 1 .\ns3 SVCB 16 foo.example.com. port=53\ns4 SVCB 1 foo.example.com. key667=hello\ns5 SVCB 1 foo.example.com. key667="hello\\210qoo"\ns6 SVCB 1 foo.example.com. ( ipv6hint="2001:db8::1,2001:db8::53:1" )\ns7 SVCB 1 example.com. ( ipv6hint="2001:db8:122:344::192.0.2.33" )\ns8 SVCB 16 foo.example.org. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 )\ns9 SVCB 16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"\ns10 SVCB 16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2\ns11 HTTPS 1 . alpn=h2 no-default-alpn ech="AEX+DQBBpQAgACA=" port=8443 key65534\n',
  ],
  [
    "generic RDATA",
    "g1 TYPE65280 \\# 4 0A 00 00 01\ng2 A \\# 4 c0000201\ng3 CLASS1 TYPE1 192.0.2.4\ng4 TYPE62000 \\# 0\ng5 MX \\# 10 000a 046d 6169 6c01 6100\n",
  ],
  [
    "other types with a form of their own",
    'rp RP a.b. c\nafs AFSDB 1 Db\nkx KX 1 K\nrt RT 2 R\npx PX 1 m1 m2\nx25 X25 311061700956\nmb MB m\nmg MG m\nmr MR m\nmi MINFO m n\nspf SPF "v=spf1 -all"\nuri URI 10 1 "ftp://ftp1.example.com/public"\nkey DNSKEY 256 3 5 ( AQPSKmynfzW4kyBv015MUG2DeIQ3 Cbl+BBZH4b/0PY1kxkmvHjcZc8no kfzj31GajIQKY+5CptLr3buXA10h WqTkF7H6RfoRqXQeogmMHfpftf6z Mv1LyBUgia7za6ZEzOJBOztyvhjL 742iU/TpPSEDhm2SNKLijfUppn1U aNvv4w== )\ncds CDS 0 0 0 00\ncdnskey CDNSKEY 0 3 0 AA==\npgp OPENPGPKEY AQID\nsm SMIMEA 3 0 0 0102\n',
  ],
  [
    "$GENERATE",
    `$GENERATE 1-4 h$ A 192.0.2.$\n$GENERATE 0-10/5 \${0,3} PTR x\${10,4,x}.\n$GENERATE 8-10 o\${0,2,o} TXT a$$b\n$GENERATE 254-257 \${0,3,X}-a 30 IN CNAME \${-254}.example.net.\n$GENERATE 1-2 \${0,7,n}.ip6 PTR n\${1}\n$GENERATE 26-27 \${0,8,N}z PTR n\n$GENERATE 1-2 m$ MX "10 mx$"\n`,
  ],
  ["case of names is kept in RDATA", "Case CNAME TaRgEt.EXAMPLE.com.\n"],
  [
    "duplicates and TTLs that differ",
    "dup 60 A 192.0.2.1\ndup 60 A 192.0.2.1\ndup 30 A 192.0.2.2\ndupn NS A.example.net.\ndupn NS A.example.net.\n",
  ],
  ["octets over 127", 'b\xe9 TXT "caf\xe9" \\233\n'],
];

/** What BIND refuses with an error, one line each behind APEX. */
const REFUSED = [
  "a A 1.2.3",
  "a A 1.2.3.04",
  "a A 2001:db8::1",
  "a A",
  "a A 192.0.2.1 192.0.2.2",
  "a AAAA 192.0.2.1",
  "a AAAA 1:2:3:4:5:6:7:8:9",
  "a AAAA 1::2::3",
  "a AAA 2001:db8::1",
  "a CH A 192.0.2.1",
  "a..b A 192.0.2.1",
  `${"a".repeat(64)} A 192.0.2.1`,
  `${"a.".repeat(125)}a A 192.0.2.1`,
  "a\\256 A 192.0.2.1",
  "a MX 10",
  "a MX 65536 b",
  `a TXT "${"x".repeat(256)}"`,
  'a TXT "open',
  "a TXT ( open",
  "a TXT close )",
  "a TXT",
  "a SRV 1 2 65536 b",
  "a CAA 0 is-sue x",
  "a CAA 256 issue x",
  "a DS 1 8 2 00",
  "a DS 1 8 2 0",
  "a SSHFP 1 1 0011",
  "a TLSA 3 1 1 xy",
  "a LOC 91 N 0 E 0",
  "a LOC 1 60 N 0 E 0",
  "a LOC 1 N 181 E 0",
  "a NAPTR 1 2 u s not-a-regexp .",
  "a HINFO one",
  "a HTTPS 1 . port=65536",
  "a HTTPS 1 . alpn=",
  "a HTTPS 1 . port=1 port=2",
  "a HTTPS 1 . mandatory=alpn",
  "a HTTPS 1 . no-default-alpn",
  "a HTTPS 1 . ipv4hint=::1",
  "a TYPE65280 \\# 4 0000",
  "a A \\# 3 000000",
  "a SOA ns1 hm 1 2 3 4 5",
  "@ SOA ns1 hm 2 2 3 4 5",
  "a CNAME b\na A 192.0.2.1",
  "a CNAME b\na CNAME c",
  "a DNAME b\na DNAME c",
  "a DNAME b\na CNAME c",
  "$FOO",
  "$TTL x",
  "$ORIGIN a..b.",
  "$INCLUDE /nonexistent",
  "$GENERATE 4-1 a$ A 192.0.2.$",
  "$GENERATE 1-4 a$ A",
  "$GENERATE 1-4/0 a$ A 192.0.2.$",
  "$GENERATE 254-256 a$ A 192.0.2.$",
];

describe.skipIf(!hasBind)("what named-checkzone refuses is refused", () => {
  it.each(REFUSED)("%s", (line) => {
    const text = `${APEX}${line}\n`;
    writeFileSync(join(folder, "refused"), text, "latin1");
    expect(spawnSync("named-checkzone", ["example.com", join(folder, "refused")]).status).toBe(1);
    const { columns, findings } = parseZoneFile(Buffer.from(text, "latin1"), {
      origin: ORIGIN,
      file: "example.com.zone",
      readInclude: () => ({ error: "a file that exists" }),
    });
    findings.push(...checkZone(columns, { dynamic: [], nameserversGiven: false, file: "example.com.zone" }));
    const errors = findings.filter((finding) => finding.severity === "error");
    expect(errors.map((error) => error.line > 4)).toEqual(errors.map(() => true));
    expect(errors.length).toBeGreaterThanOrEqual(1);
  });
});

describe.skipIf(!hasBind)("records as named-compilezone reads them (bind9-utils)", () => {
  it.each(CASES)("%s", (_name, text) => {
    const columns = parsed(APEX + text);
    const bind = bindRecords(APEX + text);
    expect(ourRecords(columns)).toEqual(bind);
    expect(columns.count).toBeGreaterThan(3);
    const written = Array.from({ length: columns.count }, (_, i) => formatRecord(columns, i));
    expect(bindRecords(`${written.join("\n")}\n`)).toEqual(bind);
    expect(ourRecords(parsed(`${written.join("\n")}\n`))).toEqual(bind);
  });
});

const hasNsd = spawnSync("nsd-checkzone", ["-h"]).error === undefined;
const ZONES = 300;

/** A few records at a few names, so that they get into each other's way. */
function randomZone(random: Random): string {
  const names = ["a", "b", "*", "x.a", "*.a", "y.x.a", "@", "ns"];
  const lines: string[] = [];
  for (let i = random.below(5) + 1; i > 0; i--) {
    const owner = random.pick(names);
    const data = random.pick([
      "A 192.0.2.7",
      "A 192.0.2.8",
      "TXT x",
      `CNAME ${random.pick(names).replace("*.", "w.").replace("*", "w")}`,
      `DNAME ${random.pick(["d.example.net.", "a", "b"])}`,
      `NS ${random.pick(["ns", "ns.a", "x.a", "none", "ns.example.net."])}`,
      `MX 10 ${random.pick(["ns", "b", "none"])}`,
      "SOA ns1 hm 9 2 3 4 5",
    ]);
    lines.push(`${owner} ${data}`);
  }
  return `${APEX}${lines.join("\n")}\n`;
}

describe.skipIf(!hasNsd)("zones that nsd-checkzone loads and refuses (nsd)", () => {
  it(`are the same in ${ZONES} random zones`, () => {
    const random = seededRandom(20_260_101);
    const verdicts = { loaded: 0, refused: 0 };
    for (let i = 0; i < ZONES; i++) {
      const text = randomZone(random);
      writeFileSync(join(folder, "random"), text);
      const isLoaded = spawnSync("nsd-checkzone", ["example.com", join(folder, "random")]).status === 0;
      const { columns, findings } = parseZoneFile(Buffer.from(text), {
        origin: ORIGIN,
        file: "z",
        readInclude: () => ({ error: "" }),
      });
      findings.push(...checkZone(columns, { dynamic: [], nameserversGiven: false, file: "z" }));
      const errors = findings.filter((finding) => finding.severity === "error");
      expect([text, errors.length === 0 ? "loaded" : JSON.stringify(errors)]).toEqual([
        text,
        isLoaded ? "loaded" : expect.stringContaining("ZONE_"),
      ]);
      verdicts[isLoaded ? "loaded" : "refused"]++;
    }
    expect(verdicts.loaded).toBeGreaterThan(50);
    expect(verdicts.refused).toBeGreaterThan(50);
  });
});
