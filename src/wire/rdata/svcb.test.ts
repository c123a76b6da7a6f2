import { describe, expect, it } from "vitest";
import { TYPE_HTTPS, TYPE_SVCB } from "../constants.ts";
import { nameFromText } from "../name-text.ts";
import { formatRdata } from "./format.ts";
import { parseRdata } from "./parse.ts";

const ORIGIN = nameFromText("example.com.") as Uint8Array;

function hexOf(text: string): string {
  const rdata = parseRdata(TYPE_SVCB, text, ORIGIN);
  return rdata instanceof Uint8Array
    ? Buffer.from(rdata).toString("hex")
    : `${rdata.what}: ${rdata.expected}`;
}

function textOf(hex: string): string {
  return formatRdata(TYPE_HTTPS, Buffer.from(hex, "hex"), 0, hex.length / 2);
}

const FOO_COM = "03666f6f076578616d706c6503636f6d00";
const FOO_ORG = "03666f6f076578616d706c65036f726700";

/** RFC 9460 appendix D.1 and D.2: the figures' text, and their octets. */
const VECTORS: [figure: string, text: string, hex: string, shown: string][] = [
  ["2: alias form", "0 foo.example.com.", `0000${FOO_COM}`, "0 foo.example.com."],
  ["3: the target name is .", "1 .", "000100", "1 ."],
  ["4: a port", "16 foo.example.com. port=53", `0010${FOO_COM}000300020035`, "16 foo.example.com. port=53"],
  [
    "5: a generic key",
    "1 foo.example.com. key667=hello",
    `0001${FOO_COM}029b000568656c6c6f`,
    '1 foo.example.com. key667="hello"',
  ],
  [
    "6: a generic key with a decimal escape",
    '1 foo.example.com. key667="hello\\210qoo"',
    `0001${FOO_COM}029b000968656c6c6fd2716f6f`,
    '1 foo.example.com. key667="hello\\210qoo"',
  ],
  [
    "7: two quoted IPv6 hints",
    '1 foo.example.com. ( ipv6hint="2001:db8::1,2001:db8::53:1" )',
    `0001${FOO_COM}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
    "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1",
  ],
  [
    "8: an IPv6 hint with embedded IPv4",
    '1 example.com. ( ipv6hint="2001:db8:122:344::192.0.2.33" )',
    "0001076578616d706c6503636f6d000006001020010db80122034400000000c0000221",
    "1 example.com. ipv6hint=2001:db8:122:344::c000:221",
  ],
  [
    "9: keys out of order, and mandatory",
    "16 foo.example.org. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 )",
    `0010${FOO_ORG}0000000400010004000100090268320568332d313900040004c0000201`,
    '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
  ],
  [
    "10: escaped commas, quoted",
    '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
    `0010${FOO_ORG}0001000c08665c6f6f2c626172026832`,
    '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
  ],
  [
    "10: escaped commas, unquoted",
    "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
    `0010${FOO_ORG}0001000c08665c6f6f2c626172026832`,
    '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
  ],
];

describe("RFC 9460 appendix D", () => {
  it.each(VECTORS)("figure %s", (_figure, text, hex, shown) => {
    expect(hexOf(text)).toBe(hex);
    expect(textOf(hex)).toBe(shown);
    expect(hexOf(shown)).toBe(hex);
  });

  it.each([
    ["a key twice", "1 foo.example.com. ( key123=abc key123=def )", "key123 is given twice: each key once"],
    ["mandatory without a value", "1 foo.example.com. mandatory", "the value of mandatory is malformed"],
    ["alpn without a value", "1 foo.example.com. alpn", "the value of alpn is malformed"],
    ["port without a value", "1 foo.example.com. port", "the value of port is malformed"],
    ["ipv4hint without a value", "1 foo.example.com. ipv4hint", "the value of ipv4hint is malformed"],
    ["ipv6hint without a value", "1 foo.example.com. ipv6hint", "the value of ipv6hint is malformed"],
    [
      "no-default-alpn with a value",
      "1 foo.example.com. no-default-alpn=abc",
      "the value of no-default-alpn is malformed: no value",
    ],
    [
      "a mandatory key that is absent",
      "1 foo.example.com. mandatory=key123",
      "key123 is mandatory and absent: that key",
    ],
    [
      "mandatory in mandatory",
      "1 foo.example.com. mandatory=mandatory",
      "the value of mandatory is malformed",
    ],
    [
      "a key twice in mandatory",
      "1 foo.example.com. ( mandatory=key123,key123 key123=abc )",
      "the value of mandatory is malformed",
    ],
  ])("D.3: %s", (_name, text, fault) => {
    expect(hexOf(text).slice(0, fault.length)).toBe(fault);
  });
});

describe("parameters", () => {
  it.each([
    ["no-default-alpn alpn=h2", 'alpn="h2" no-default-alpn'],
    ['ech="AEX+DQBBpQAgACA="', 'ech="AEX+DQBBpQAgACA="'],
    ["dohpath=/dns-query{?dns}", 'dohpath="/dns-query{?dns}"'],
    ["ohttp", "ohttp"],
    ["tls-supported-groups=29,23", "tls-supported-groups=29,23"],
    ["key3=\\000\\053", "port=53"],
    ['key1="\\002h2"', 'alpn="h2"'],
    ["key65534", "key65534"],
    ['key65534=""', "key65534"],
    ['alpn="a b" port="80"', 'alpn="a b" port=80'],
    ['alpn="\\001\\"\\200"', 'alpn="\\001\\"\\200"'],
    ["key667=a=b", 'key667="a=b"'],
  ])("%s", (text, shown) => {
    const hex = hexOf(`1 . ${text}`);
    expect(textOf(hex)).toBe(`1 . ${shown}`);
    expect(hexOf(`1 . ${shown}`)).toBe(hex);
  });

  it.each([
    ["1 . Alpn=h2", '"Alpn=h2" is not a SvcParam'],
    ['1 . "alpn=h2"', '"alpn=h2" is not a SvcParam'],
    ["1 . key65535=x", '"key65535=x" is not a SvcParam'],
    ["1 . key65536=x", '"key65536=x" is not a SvcParam'],
    ["1 . key01=x", '"key01=x" is not a SvcParam'],
    ["1 . =x", '"=x" is not a SvcParam'],
    ["1 . no-default-alpn", "no-default-alpn stands alone: alpn beside it"],
    ["1 . port=65536", "the value of port is malformed: a number from 0 to 65535"],
    ["1 . port=", "the value of port is malformed"],
    ['1 . port= "53"', "the value of port is malformed"],
    ['1 . port "53"', "the value of port is malformed"],
    ["1 . port= 53", "the value of port is malformed"],
    ["1 . key3=\\000", "the value of port is malformed"],
    ["1 . key667=\\2", "the value of key667 is malformed: at most 65535 octets, escapes as \\DDD"],
    ["1 . alpn=,", "the value of alpn is malformed"],
    ["1 . alpn=h2,", "the value of alpn is malformed"],
    [`1 . alpn=${"x".repeat(256)}`, "the value of alpn is malformed"],
    ["1 . alpn=a\\\\b", "the value of alpn is malformed"],
    ['1 . alpn="a\\\\"', "the value of alpn is malformed"],
    ["1 . mandatory=nope nope", "the value of mandatory is malformed"],
    ["1 . mandatory=a\\\\b", "the value of mandatory is malformed"],
    ["1 . ipv4hint=192.0.2.1,x", "the value of ipv4hint is malformed"],
    ["1 . ipv4hint=a\\\\b", "the value of ipv4hint is malformed"],
    ["1 . ech=A", "the value of ech is malformed"],
    ["1 . ech=AA", "the value of ech is malformed"],
    ["1 . ech=", "the value of ech is malformed"],
    ["1 . dohpath=dns", "the value of dohpath is malformed"],
    ["1 . dohpath=/dns", "the value of dohpath is malformed"],
    ["1 . tls-supported-groups=29,29", "the value of tls-supported-groups is malformed"],
    ["1 . tls-supported-groups=x", "the value of tls-supported-groups is malformed"],
    [`1 . key667=${"x".repeat(65_536)}`, "the value of key667 is malformed: at most 65535 octets"],
    [`1 . key667=${"x".repeat(65_530)}`, "the RDATA is longer than 65535 octets"],
    [
      `1 . key667=${"x".repeat(65_000)} key668=${"x".repeat(65_000)}`,
      "the RDATA is longer than 65535 octets",
    ],
  ])("refuses %.60s", (text, fault) => {
    expect(hexOf(text).slice(0, fault.length)).toBe(fault);
  });

  it.each([
    ["cut in a key", "00010001"],
    ["cut in a length", "000100000100"],
    ["cut in a value", "0001000001000402"],
    ["keys out of order", "00010000030002003500010003026832"],
    ["a key twice", "000100000300020035000300020035"],
    ["key 65535", "000100ffff0000"],
    ["mandatory out of order", "000100000000040003000100010003026832000300020035"],
    ["mandatory cut", "0001000000000100"],
    ["mandatory empty", "00010000000000"],
    ["mandatory of itself", "000100000000020000"],
    ["mandatory and absent", "000100000000020001"],
    ["alpn empty", "00010000010000"],
    ["alpn with an empty id", "0001000001000100"],
    ["alpn cut", "000100000100020268"],
    ["no-default-alpn with a value", "0001000002000161"],
    ["no-default-alpn alone", "00010000020000"],
    ["port of one octet", "0001000003000135"],
    ["ipv4hint of three octets", "00010000040003c00002"],
    ["ipv4hint empty", "00010000040000"],
    ["ech empty", "00010000050000"],
    ["ipv6hint of four octets", "00010000060004c0000201"],
    ["dohpath without a template", "000100000700012f"],
    ["groups twice", "00010000090004001d001d"],
  ])("shows %s as RFC 3597 has it", (_name, hex) => {
    expect(textOf(hex)).toBe(`\\# ${hex.length / 2} ${hex.toUpperCase()}`);
  });

  it("takes parameters of the alias form, which receivers ignore", () => {
    expect(hexOf("0 . port=53")).toBe("000000000300020035");
    expect(textOf("000000000300020035")).toBe("0 . port=53");
  });
});
