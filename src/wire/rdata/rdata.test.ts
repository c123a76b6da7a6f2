import { describe, expect, it } from "vitest";
import { nameFromText } from "../name-text.ts";
import { parseType } from "../registry.ts";
import { formatRdata, isRdataValid } from "./format.ts";
import { parseRdata } from "./parse.ts";
import type { RdataFault } from "./reader.ts";

const ORIGIN = nameFromText("example.com.") as Uint8Array;
const EXAMPLE = "076578616d706c6503636f6d00";

function hexOf(type: string, text: string): string {
  const rdata = parseRdata(parseType(type), text, ORIGIN);
  return rdata instanceof Uint8Array ? Buffer.from(rdata).toString("hex") : `${rdata.kind}: ${rdata.what}`;
}

function textOf(type: string, hex: string): string {
  const octets = Uint8Array.from(Buffer.from(hex, "hex"));
  return formatRdata(parseType(type), octets, 0, octets.length);
}

/** Type, text as it may be written, RDATA in hexadecimal, text as it is shown where it differs. */
const GOOD: [type: string, text: string, hex: string, shown?: string][] = [
  ["A", "192.0.2.1", "c0000201"],
  ["AAAA", "2001:DB8::1", "20010db8000000000000000000000001", "2001:db8::1"],
  ["NS", "Ns1", `034e7331${EXAMPLE}`, "Ns1.example.com."],
  ["CNAME", "@", EXAMPLE, "example.com."],
  ["DNAME", ".", "00"],
  ["PTR", "a\\.b.", "03612e6200"],
  ["MB", "m.", "016d00"],
  [
    "SOA",
    "ns. hm. 4294967295 1h 2 4294967295 1d",
    "026e730002686d00ffffffff00000e1000000002ffffffff00015180",
    "ns. hm. 4294967295 3600 2 4294967295 86400",
  ],
  ["MX", "10 mail", `000a046d61696c${EXAMPLE}`, "10 mail.example.com."],
  ["KX", "1 k.", "0001016b00"],
  ["PX", "1 a. b.", "0001016100016200"],
  ["MINFO", "a. b.", "016100016200"],
  ["RP", "a. b.", "016100016200"],
  ["TXT", 'a "b c" \\"', "0161036220630122", '"a" "b c" "\\""'],
  ["TXT", '""', "00"],
  ["TXT", "\\000\\255", "0200ff", '"\\000\\255"'],
  ["SPF", "v=spf1", "06763d73706631", '"v=spf1"'],
  ["HINFO", "a b", "01610162", '"a" "b"'],
  ["X25", "31106", "053331313036", '"31106"'],
  ["SRV", "1 2 65535 s.", "00010002ffff017300"],
  ["URI", '10 1 "ftp://a"', "000a00016674703a2f2f61"],
  ["CAA", '0 issue "ca.example.net"', "0005697373756563612e6578616d706c652e6e6574"],
  ["CAA", '128 A1 ""', "80024131"],
  [
    "NAPTR",
    '100 10 "u" "E2U+sip" "!^.*$!sip:a@b!i" .',
    "0064000a0175074532552b7369700f215e2e2a24217369703a614062216900",
  ],
  ["NAPTR", '1 2 "" "" "" r.', "00010002000000017200"],
  ["NAPTR", '1 2 "" "" "/a\\\\/b/c/" .', "000100020000082f615c2f622f632f00"],
  ["DS", `1 RSASHA256 SHA-1 ${"ab ".repeat(20)}`, `00010801${"ab".repeat(20)}`, `1 8 1 ${"AB".repeat(20)}`],
  ["DS", `1 8 9 ABCD`, "00010809abcd"],
  ["CDS", "0 0 0 00", "0000000000"],
  ["SSHFP", `4 2 ${"0F".repeat(32)}`, `0402${"0f".repeat(32)}`],
  ["TLSA", `3 1 1 ${"0F".repeat(32)}`, `030101${"0f".repeat(32)}`],
  ["TLSA", "3 1 0 0 10A B0", "030100010ab0", "3 1 0 010AB0"],
  ["SMIMEA", "3 0 0 0102", "0300000102"],
  ["DNSKEY", "257 3 ED25519 AQI D", "0101030f010203", "257 3 15 AQID"],
  ["OPENPGPKEY", "AQ==", "01"],
  ["A", "\\# 4 C0000201", "c0000201", "192.0.2.1"],
  ["TYPE65280", "\\# 3 01 02 03", "010203", "\\# 3 010203"],
  ["TYPE65280", "\\# 0", "", "\\# 0"],
  ["NULL", "\\# 1 0f", "0f", "\\# 1 0F"],
];

describe("RDATA both ways", () => {
  it.each(GOOD)("%s %s", (type, text, hex, shown) => {
    expect(hexOf(type, text)).toBe(hex);
    expect(textOf(type, hex)).toBe(shown ?? text);
    expect(hexOf(type, shown ?? text)).toBe(hex);
  });
});

/** Type, text, and the fault's kind and words. */
const BAD: [type: string, text: string, fault: string][] = [
  ["A", "", "missing: the IPv4 address is missing"],
  ["A", "1.2.3", 'value: "1.2.3" is not an IPv4 address'],
  ["A", "::1", 'family: "::1" is an IPv6 address'],
  ["A", "192.0.2.1 x", 'extra: "x" stands behind the RDATA of A'],
  ["AAAA", "", "missing: the IPv6 address is missing"],
  ["AAAA", "1::2::3", 'value: "1::2::3" is not an IPv6 address'],
  ["AAAA", "192.0.2.1", 'family: "192.0.2.1" is an IPv4 address'],
  ["NS", "", "missing: the name server is missing"],
  ["NS", "a..b", 'name: "a..b" is no name server: it has an empty label'],
  ["MX", "x mail", 'value: "x" is no preference'],
  ["MX", "65536 mail", 'value: "65536" is no preference'],
  ["MX", "", "missing: the preference is missing"],
  ["SOA", "a b 1 x 3 4 5", 'value: "x" is no refresh interval'],
  ["SOA", "a b 1 2 3 4 2147483648", 'value: "2147483648" is no negative TTL (MINIMUM)'],
  ["SOA", "a b 1", "missing: the refresh interval is missing"],
  ["TXT", "", "missing: the string is missing"],
  ["TXT", "x".repeat(256), `string-too-long: "${"x".repeat(60)}..." is a string of more than 255 octets`],
  ["TXT", "\\999", 'value: "\\999" has a bad escape'],
  ["TXT", `${"x".repeat(255)} `.repeat(257), "too-large: the RDATA is longer than 65535 octets"],
  ["HINFO", "a", "missing: the operating system is missing"],
  ["URI", '1 1 ""', 'value: "" is an empty target'],
  ["URI", "1 1", "missing: the target is missing"],
  ["URI", `1 1 ${"x".repeat(65_540)}`, "too-large: the RDATA is longer than 65535 octets"],
  ["CAA", "0", "missing: the tag is missing"],
  ["CAA", '0 "" x', 'value: "" is not a tag'],
  ["CAA", "0 is-sue x", 'value: "is-sue" is not a tag'],
  ["CAA", `0 ${"a".repeat(256)} x`, `value: "${"a".repeat(60)}..." is not a tag`],
  ["CAA", "0 issue \\2", 'value: "\\2" has a bad escape'],
  ["NAPTR", '1 2 "" "" "no" .', 'value: "no" is not a substitution expression'],
  ["NAPTR", '1 2 "" "" "1a1b1" .', 'value: "1a1b1" is not a substitution expression'],
  ["NAPTR", '1 2 "" "" "iaibi" .', 'value: "iaibi" is not a substitution expression'],
  ["NAPTR", '1 2 "" "" "\\\\a\\\\b\\\\" .', 'value: "\\\\a\\\\b\\\\" is not a substitution expression'],
  ["NAPTR", '1 2 "" "" "!a!b!g" .', 'value: "!a!b!g" is not a substitution expression'],
  ["NAPTR", '1 2 "" "" "!a!b!!" .', 'value: "!a!b!!" is not a substitution expression'],
  ["NAPTR", '1 2 "" ""', "missing: the regular expression is missing"],
  ["DS", "1 8 2 0011", "value: the digest has 2 octets"],
  ["DS", "1 NOPE 2 0011", 'value: "NOPE" is no algorithm'],
  ["DS", "1", "missing: the algorithm is missing"],
  ["DS", "1 8 2", "missing: the digest is missing"],
  ["DS", "1 8 9 0", 'value: "0" is no digest'],
  ["DS", "1 8 9 0x", 'value: "0x" is no digest'],
  ["DS", `1 8 9 ${"00".repeat(65_536)}`, "too-large: the RDATA is longer than 65535 octets"],
  ["DNSKEY", "257 3 8", "missing: the public key is missing"],
  ["DNSKEY", "257 3 8 A*==", 'value: "A*==" is no public key'],
  ["DNSKEY", "257 3 8 AAA", "value: the public key is incomplete"],
  ["DNSKEY", '257 3 8 ""', "value: the public key is incomplete"],
  ["DNSKEY", `257 3 8 ${"A".repeat(87_400)}`, "too-large: the RDATA is longer than 65535 octets"],
  ["NSEC3", "1 0 0 -", "unsupported: NSEC3 has no presentation form here"],
  ["TYPE65280", "1", "unsupported: TYPE65280 has no presentation form here"],
  ["TYPE65280", "", "unsupported: TYPE65280 has no presentation form here"],
  ["A", "\\#", "missing: the length of the RDATA is missing"],
  ["A", "\\# x", 'value: "x" is not a length'],
  ["A", "\\# 4 000", 'value: "000" is no RDATA in hexadecimal'],
  ["A", "\\# 4 0000", 'value: "4" is not the length of the RDATA'],
  ["A", "\\# 3 000000", "value: these octets are no RDATA of A"],
  ["A", '"\\#" 4 c0000201', 'value: "\\#" is not an IPv4 address'],
  ["A", "\\a 4 c0000201", 'value: "\\a" is not an IPv4 address'],
  ["A", "xx", 'value: "xx" is not an IPv4 address'],
];

describe("faults in text", () => {
  it.each(BAD)("%s %.60s", (type, text, fault) => {
    expect(hexOf(type, text)).toBe(fault);
  });

  it("says which word it was and what belongs there", () => {
    const fault = parseRdata(15, "10 a..b", ORIGIN) as RdataFault;
    expect([fault.word, fault.expected]).toEqual([1, "one dot between labels"]);
  });

  it("refuses relative names without an origin", () => {
    expect(parseRdata(2, "ns")).toMatchObject({
      kind: "name",
      what: '"ns" is no name server: it is relative',
    });
  });
});

/** RDATA that is cut, has octets too many, or a value that the type does not have: shown as RFC 3597 has it. */
const MALFORMED: [type: string, hex: string][] = [
  ["A", "c00002"],
  ["A", "c000020100"],
  ["AAAA", "20010db8"],
  ["NS", ""],
  ["NS", "0361"],
  ["NS", "036162"],
  ["NS", "c000"],
  ["NS", "4061"],
  ["NS", `${"0161".repeat(127)}016200`],
  ["SOA", "000000000001000000020000000300000004"],
  ["SOA", "00000000000100000002000000030000000480000000"],
  ["MX", "00"],
  ["TXT", ""],
  ["TXT", "0261"],
  ["TXT", "016102"],
  ["HINFO", "0161"],
  ["URI", "00010001"],
  ["CAA", "0000"],
  ["CAA", "00012d"],
  ["CAA", "000261"],
  ["DS", "000108"],
  ["DS", "00010802aa"],
  ["DS", "00010809"],
  ["DNSKEY", "01010308"],
];

describe("malformed octets", () => {
  it.each(MALFORMED)("%s %s", (type, hex) => {
    const expected = hex === "" ? "\\# 0" : `\\# ${hex.length / 2} ${hex.toUpperCase()}`;
    expect(textOf(type, hex)).toBe(expected);
    const octets = Uint8Array.from(Buffer.from(hex, "hex"));
    expect(isRdataValid(parseType(type), octets, 0, octets.length)).toBe(false);
    expect(hexOf(type, expected)).toMatch(/^value: these octets are no RDATA/);
  });

  it("is never read past the end", () => {
    const octets = Uint8Array.of(1, 2, 3);
    expect(isRdataValid(1, octets, 0, 4)).toBe(false);
    expect(isRdataValid(65280, octets, 0, 3)).toBe(true);
    expect(formatRdata(1, octets, 1, 4)).toBe("\\# 2 0203");
  });
});
