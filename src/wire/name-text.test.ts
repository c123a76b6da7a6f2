import { describe, expect, it } from "vitest";
import {
  describeNameFault,
  formatName,
  NAME_BAD_ESCAPE,
  NAME_EMPTY,
  NAME_EMPTY_LABEL,
  NAME_LABEL_TOO_LONG,
  NAME_NOT_ASCII,
  NAME_RELATIVE,
  NAME_TOO_LONG,
  nameFromText,
} from "./name-text.ts";

const ORIGIN = nameFromText("Example.com.") as Uint8Array;

/** 254 octets of labels and the root: 3 of 63 octets and one of 61. */
const LONGEST = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}.`;

describe("nameFromText", () => {
  it.each([
    [".", "00"],
    ["@", "074578616d706c6503636f6d00"],
    ["www", "03777777074578616d706c6503636f6d00"],
    ["\\@.", "014000"],
    ["a\\.b.C.", "03612e62014300"],
    ["a\\032\\255.", "036120ff00"],
    ["*.x.", "012a017800"],
  ])("%s", (text, hex) => {
    const name = nameFromText(text, ORIGIN) as Uint8Array;
    expect(Buffer.from(name).toString("hex")).toBe(hex);
  });

  it("takes a name of 255 octets", () => {
    const name = nameFromText(LONGEST) as Uint8Array;
    expect(name.length).toBe(255);
    expect(formatName(name, 0)).toBe(LONGEST);
  });

  it.each([
    ["", NAME_EMPTY],
    ["..", NAME_EMPTY_LABEL],
    [".a.", NAME_EMPTY_LABEL],
    ["a..b.", NAME_EMPTY_LABEL],
    [`${"x".repeat(64)}.`, NAME_LABEL_TOO_LONG],
    [`${LONGEST}x`, NAME_TOO_LONG],
    [`x${LONGEST}`, NAME_LABEL_TOO_LONG],
    [`x.${LONGEST}`, NAME_TOO_LONG],
    [`${"x".repeat(63)}.${"y".repeat(63)}.${"z".repeat(63)}.${"w".repeat(50)}`, NAME_TOO_LONG],
    ["a\\", NAME_BAD_ESCAPE],
    ["a\\25", NAME_BAD_ESCAPE],
    ["a\\300.", NAME_BAD_ESCAPE],
    ["bücher.", NAME_NOT_ASCII],
  ])("refuses %s", (text, fault) => {
    expect(nameFromText(text, ORIGIN)).toBe(fault);
    expect(describeNameFault(fault).what).not.toBe("");
  });

  it("refuses a relative name without an origin", () => {
    expect(nameFromText("www")).toBe(NAME_RELATIVE);
    expect(nameFromText("@")).toBe(NAME_RELATIVE);
    expect(describeNameFault(NAME_RELATIVE).expected).toBe("a name that ends with a dot");
  });

  it("does not write past 255 octets", () => {
    expect(nameFromText("a.".repeat(300))).toBe(NAME_TOO_LONG);
    expect(nameFromText("a.".repeat(127))).toHaveLength(255);
  });
});

describe("formatName", () => {
  it("shows the root as a dot", () => {
    expect(formatName(Uint8Array.of(9, 0), 1)).toBe(".");
  });

  it("escapes what a master file would read otherwise", () => {
    const octets = Uint8Array.from([12, ...Buffer.from('"$().;@\\ \t\x7fz', "latin1"), 1, 0xe9, 0]);
    expect(formatName(octets, 0)).toBe('\\"\\$\\(\\)\\.\\;\\@\\\\\\032\\009\\127z.\\233.');
    expect(nameFromText(formatName(octets, 0))).toEqual(octets);
  });
});
