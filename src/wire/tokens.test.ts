import { describe, expect, it } from "vitest";
import {
  columnOf,
  createTokens,
  lineOf,
  readEntry,
  TOKENS_CUT_ESCAPE,
  TOKENS_OK,
  TOKENS_OPEN_PARENTHESIS,
  TOKENS_OPEN_QUOTE,
  TOKENS_STRAY_PARENTHESIS,
  type Tokens,
  tokensOf,
} from "./tokens.ts";

function words(tokens: Tokens): string[] {
  return Array.from({ length: tokens.count }, (_, i) => {
    const text = Buffer.from(tokens.octets.subarray(tokens.starts[i]!, tokens.ends[i]!)).toString("latin1");
    return tokens.quoted[i] === 1 ? `<${text}>` : text;
  });
}

function entries(text: string): string[][] {
  const tokens = createTokens(Buffer.from(text, "latin1"));
  const all: string[][] = [];
  while (readEntry(tokens))
    all.push([String(tokens.entryLine), String(tokens.startsBlank), ...words(tokens)]);
  return all;
}

describe("readEntry", () => {
  it("reads lines, comments, blanks, quotes, parentheses and both ends of line", () => {
    expect(
      entries('a  b\tc;d\n\n ; only\r\n  e "f ; ( \\" g"h ( i ; j\n\n (k) \r\n ) l\n"" m\\ n\\;o'),
    ).toEqual([
      ["1", "0", "a", "b", "c"],
      ["2", "0"],
      ["3", "1"],
      ["4", "1", "e", '<f ; ( \\" g>', "h", "i", "k", "l"],
      ["8", "0", "<>", "m\\ n\\;o"],
    ]);
  });

  it("ends with the file, and says so", () => {
    const tokens = createTokens(Buffer.from("a\nb"));
    expect(readEntry(tokens)).toBe(true);
    expect(tokens.endsWithFile).toBe(0);
    expect(readEntry(tokens)).toBe(true);
    expect([tokens.endsWithFile, tokens.entryLine]).toEqual([1, 2]);
    expect(readEntry(tokens)).toBe(false);
    expect(readEntry(createTokens(new Uint8Array(0)))).toBe(false);
  });

  it("holds any number of words", () => {
    const many = Array.from({ length: 1000 }, (_, i) => (i % 3 === 0 ? `<${i}>` : `${i}`));
    const text = many.map((word) => word.replace("<", '"').replace(">", '"')).join(" ");
    expect(words(tokensOf(text))).toEqual(many);
  });

  it.each([
    ['a "b', TOKENS_OPEN_QUOTE, 2, ["a", "<b>"]],
    ['a "b\\', TOKENS_OPEN_QUOTE, 2, ["a", "<b\\>"]],
    ['a "b\\\nc', TOKENS_OPEN_QUOTE, 2, ["a", "<b\\>"]],
    ["a b\\", TOKENS_CUT_ESCAPE, 3, ["a", "b\\"]],
    ["a b\\\nc", TOKENS_CUT_ESCAPE, 3, ["a", "b\\"]],
    ["a b\\\r\nc", TOKENS_CUT_ESCAPE, 3, ["a", "b\\"]],
    ["a (b\nc", TOKENS_OPEN_PARENTHESIS, 2, ["a", "b", "c"]],
    ["a ((b)\nc", TOKENS_OPEN_PARENTHESIS, 2, ["a", "b", "c"]],
    ["a b) c", TOKENS_STRAY_PARENTHESIS, 3, ["a", "b", "c"]],
    ['a b) "c', TOKENS_STRAY_PARENTHESIS, 3, ["a", "b", "<c>"]],
    ["a ((b\n)\nc) d", TOKENS_OK, 0, ["a", "b", "c", "d"]],
  ])("%j", (text, fault, faultAt, expected) => {
    const tokens = tokensOf(text);
    expect([tokens.fault, fault === TOKENS_OK ? 0 : tokens.faultAt, words(tokens)]).toEqual([
      fault,
      faultAt,
      expected,
    ]);
  });

  it("goes on behind a fault", () => {
    const tokens = createTokens(Buffer.from('a "b\nc d\n'));
    readEntry(tokens);
    expect(tokens.fault).toBe(TOKENS_OPEN_QUOTE);
    readEntry(tokens);
    expect([tokens.fault, tokens.entryLine, words(tokens)]).toEqual([TOKENS_OK, 2, ["c", "d"]]);
  });
});

describe("places", () => {
  it("counts lines within an entry, and columns within a line", () => {
    const tokens = createTokens(Buffer.from("x\na (\n  b\nc)\n"));
    readEntry(tokens);
    readEntry(tokens);
    const places = [0, 1, 2].map((word) => [
      lineOf(tokens, tokens.starts[word]!),
      columnOf(tokens, tokens.starts[word]!),
    ]);
    expect(places).toEqual([
      [2, 1],
      [3, 3],
      [4, 1],
    ]);
    expect(columnOf(tokens, 0)).toBe(1);
  });
});
