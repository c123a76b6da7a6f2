import { describe, expect, it } from "vitest";
import {
  formatQuoted,
  isWord,
  quoteForMessage,
  readEscape,
  readNumber,
  readText,
  readTime,
  TEXT_MALFORMED,
  TEXT_TOO_LARGE,
} from "./text.ts";

function octetsOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

describe("escapes (RFC 1035 section 5.1)", () => {
  it.each([
    [".", (1 << 8) | 0x2e],
    ["\\", (1 << 8) | 0x5c],
    ["000", 3 << 8],
    ["255x", (3 << 8) | 255],
    ["256", TEXT_MALFORMED],
    ["25", TEXT_MALFORMED],
    ["2x5", TEXT_MALFORMED],
    ["25x", TEXT_MALFORMED],
    ["", TEXT_MALFORMED],
  ])("\\%s", (text, expected) => {
    expect(readEscape(octetsOf(text), 0, text.length)).toBe(expected);
  });

  it("resolves them while copying, up to a limit", () => {
    const out = new Uint8Array(8);
    const text = octetsOf("a\\.b\\065");
    expect(readText(text, 0, text.length, out, 1, 4)).toBe(4);
    expect([...out]).toEqual([0, 0x61, 0x2e, 0x62, 65, 0, 0, 0]);
    expect(readText(text, 0, text.length, out, 0, 3)).toBe(TEXT_TOO_LARGE);
    expect(readText(octetsOf("a\\9"), 0, 3, out, 0, 8)).toBe(TEXT_MALFORMED);
  });
});

describe("numbers", () => {
  it.each([
    ["0", 0],
    ["00255", 255],
    ["256", TEXT_TOO_LARGE],
    ["9".repeat(400), TEXT_TOO_LARGE],
    ["", TEXT_MALFORMED],
    ["-1", TEXT_MALFORMED],
    ["1a", TEXT_MALFORMED],
    ["/", TEXT_MALFORMED],
  ])("%s", (text, expected) => {
    expect(readNumber(octetsOf(text), 0, text.length, 255)).toBe(expected);
  });
});

describe("times", () => {
  it.each([
    ["0", 0],
    ["3600", 3600],
    ["1h30m", 5400],
    ["1W2D3H4M5S", 788_645],
    ["2147483647", 2_147_483_647],
    ["2147483648", TEXT_TOO_LARGE],
    ["9999999999w", TEXT_TOO_LARGE],
    ["9".repeat(400), TEXT_TOO_LARGE],
    ["", TEXT_MALFORMED],
    ["h", TEXT_MALFORMED],
    ["1h30", TEXT_MALFORMED],
    ["1hm", TEXT_MALFORMED],
    ["1x", TEXT_MALFORMED],
  ])("%s", (text, expected) => {
    expect(readTime(octetsOf(text), 0, text.length, 0x7fffffff)).toBe(expected);
  });
});

describe("words for people", () => {
  it("quotes character-strings with escapes", () => {
    const octets = octetsOf('a"\\;\x00\x7f\xe9');
    expect(formatQuoted(octets, 0, octets.length)).toBe('"a\\"\\\\;\\000\\127\\233"');
  });

  it("quotes a piece of a file without its control octets, and not all of it", () => {
    expect(quoteForMessage(octetsOf("\x1b[31m"), 0, 5)).toBe('"\\027[31m"');
    expect(quoteForMessage(octetsOf("x".repeat(61)), 0, 61)).toBe(`"${"x".repeat(60)}..."`);
    expect(quoteForMessage(octetsOf("x".repeat(60)), 0, 60)).toBe(`"${"x".repeat(60)}"`);
    expect(quoteForMessage(octetsOf("\x80"), 0, 1)).toBe('"\\128"');
  });

  it("compares words in any case", () => {
    expect(isWord(octetsOf("aXiN}"), 2, 4, "IN")).toBe(true);
    expect(isWord(octetsOf("in"), 0, 2, "INT")).toBe(false);
    expect(isWord(octetsOf("ix"), 0, 2, "IN")).toBe(false);
    expect(isWord(octetsOf("i{"), 0, 2, "I[")).toBe(false);
  });
});
