import { describe, expect, it } from "vitest";
import { printable, printableLine, printableValue } from "./printable.ts";

describe("printable", () => {
  it.each([
    ["a\u001b[2Jb", "a\\u001b[2Jb"],
    ["\u009b31m", "\\u009b31m"],
    ["\u0000\u0007\b\r\u007f", "\\u0000\\u0007\\u0008\\u000d\\u007f"],
    ["\u202eevil\u2066\u2028", "\\u202eevil\\u2066\\u2028"],
    ["tab\tand\nline", "tab\tand\nline"],
    ["Zürich, 東京 🙂", "Zürich, 東京 🙂"],
  ])("%j", (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("is the same JSON", () => {
    const value = { text: "\u009b\u007f\u2028\u001b" };
    expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
  });

  it("is one line, or a value", () => {
    expect(printableLine("a\n\u001bb\t")).toBe("a\\u000a\\u001bb\\u0009");
    expect(printableValue({ "k\u001b": ["\u009b", { a: 1, b: null }] })).toEqual({
      "k\\u001b": ["\\u009b", { a: 1, b: null }],
    });
  });
});
