import { describe, expect, it } from "vitest";
import { decodeBase64Piece, formatBase64, formatHex, hexDigit, isBase64Whole } from "./binary.ts";

function decode(...pieces: string[]): string | undefined {
  const state = { bits: 0, digits: 0, padding: 0 };
  const out = new Uint8Array(64);
  let at = 0;
  for (const piece of pieces) {
    at = decodeBase64Piece(state, Buffer.from(piece), 0, piece.length, out, at);
    if (at < 0) return undefined;
  }
  return isBase64Whole(state) ? Buffer.from(out.subarray(0, at)).toString("latin1") : undefined;
}

describe("base64 (RFC 4648 section 10)", () => {
  it.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
    ["\xff\xfb\xf0", "//vw"],
    ["\xfb\xef\xbe", "++++"],
  ])("%j is %s", (plain, text) => {
    expect(decode(text)).toBe(plain);
    expect(decode(...text)).toBe(plain);
    const octets = Buffer.from(plain, "latin1");
    expect(formatBase64(octets, 0, octets.length)).toBe(text);
  });

  it.each(["Z", "Zg", "Zg=", "Zg===", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm-v", "Zm v", "===="])(
    "refuses %s",
    (text) => {
      expect(decode(text)).toBeUndefined();
    },
  );
});

describe("hexadecimal", () => {
  it("knows its digits", () => {
    const digits = [..."0123456789abcdefABCDEF"].map((digit) => hexDigit(digit.charCodeAt(0)));
    expect(digits).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 10, 11, 12, 13, 14, 15]);
    expect([..."/:@G`g"].map((other) => hexDigit(other.charCodeAt(0)))).toEqual([-1, -1, -1, -1, -1, -1]);
  });

  it("is written in upper case", () => {
    expect(formatHex(Uint8Array.of(0, 0x0a, 0xff), 1, 3)).toBe("0AFF");
  });
});
