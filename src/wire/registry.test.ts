import { describe, expect, it } from "vitest";
import {
  classFromOctets,
  formatClass,
  formatOpcode,
  formatRcode,
  formatType,
  isMetaType,
  knownTypeNames,
  parseClass,
  parseOpcode,
  parseRcode,
  parseType,
  typeFromOctets,
} from "./registry.ts";

function octetsOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

describe("types", () => {
  it("knows every name both ways, as text and as octets", () => {
    expect(knownTypeNames().length).toBeGreaterThan(80);
    for (const name of knownTypeNames()) {
      const type = parseType(name);
      expect(formatType(type)).toBe(name);
      expect(typeFromOctets(octetsOf(`x${name.toLowerCase()}x`), 1, name.length + 1)).toBe(type);
    }
  });

  it.each([
    ["AAAA", 28],
    ["aaaa", 28],
    ["HTTPS", 65],
    ["TYPE65", 65],
    ["type65280", 65280],
    ["TYPE0", 0],
    ["TYPE65536", -1],
    ["TYPE", -1],
    ["TYPE1x", -1],
    ["TYPE000001", -1],
    ["AAA", -1],
    ["", -1],
  ])("%s is %i", (text, type) => {
    expect(parseType(text)).toBe(type);
    expect(typeFromOctets(octetsOf(text), 0, text.length)).toBe(type);
  });

  it("writes types without a name as RFC 3597 has them", () => {
    expect(formatType(65280)).toBe("TYPE65280");
  });

  it("tells types that no zone holds", () => {
    expect([0, 41, 128, 249, 251, 252, 253, 254, 255].every(isMetaType)).toBe(true);
    expect([1, 28, 40, 42, 127, 256, 65280].some(isMetaType)).toBe(false);
  });
});

describe("classes, response codes, opcodes", () => {
  it.each([
    ["IN", 1],
    ["ch", 3],
    ["HS", 4],
    ["NONE", 254],
    ["ANY", 255],
    ["CLASS32", 32],
    ["class65535", 65535],
    ["CLASS65536", -1],
    ["XX", -1],
    ["CLASSx", -1],
  ])("class %s is %i", (text, rrclass) => {
    expect(parseClass(text)).toBe(rrclass);
    expect(classFromOctets(octetsOf(text), 0, text.length)).toBe(rrclass);
  });

  it("writes classes", () => {
    expect([formatClass(1), formatClass(32)]).toEqual(["IN", "CLASS32"]);
  });

  it("knows response codes", () => {
    expect([formatRcode(3), formatRcode(16), formatRcode(12)]).toEqual(["NXDOMAIN", "BADVERS", "RCODE12"]);
    expect([
      parseRcode("refused"),
      parseRcode("RCODE4095"),
      parseRcode("RCODE4096"),
      parseRcode("x"),
    ]).toEqual([5, 4095, -1, -1]);
  });

  it("knows opcodes", () => {
    expect([formatOpcode(4), formatOpcode(3)]).toEqual(["NOTIFY", "OPCODE3"]);
    expect([parseOpcode("update"), parseOpcode("OPCODE15"), parseOpcode("OPCODE16")]).toEqual([5, 15, -1]);
  });
});
