import { createRdataReader } from "../wire/rdata/parse.ts";
import { typeFromOctets } from "../wire/registry.ts";
import { columnOf, createTokens, lineOf, readEntry } from "../wire/tokens.ts";
import { readRecord } from "./zone-file-record.ts";
import { reportWord, type SourceText, type ZoneReading } from "./zone-file-state.ts";

/** A /16 of addresses. A typing error of one digit more is to be an error, not a gigabyte (as named's 16-bit $GENERATE limits). */
export const MAX_GENERATE_RECORDS = 65_536;
/** All directives of a zone together. */
export const MAX_GENERATED_RECORDS = 1_000_000;

/** No name or string is longer. */
const MAX_WIDTH = 255;
const MAX_VALUE = 0x7fffffff;

const DOLLAR = 0x24;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const QUOTE = 0x22;
const BLANK = 0x20;

interface Range {
  first: number;
  last: number;
  step: number;
}

/**
 * `$GENERATE first-last[/step] owner [TTL] [class] type RDATA`, as BIND has it: `$` in owner and RDATA is the number, and
 * `${offset,width,base}` shifts and shapes it; `$$` and `\$` are a dollar sign. RDATA may be one quoted text or words.
 */
export function readGenerate(zone: ZoneReading, source: SourceText): void {
  const { tokens } = source;
  if (tokens.count < 5) {
    const expected = "$GENERATE first-last[/step] owner [TTL] [class] type RDATA";
    reportWord(
      zone,
      source,
      tokens.count,
      "ZONE_GENERATE",
      "something is missing behind $GENERATE",
      expected,
    );
    return;
  }
  const range = readRange(tokens.octets, tokens.starts[1]!, tokens.ends[1]!);
  if (range === undefined) {
    const expected = "first-last or first-last/step, with first up to last, and step at least 1";
    reportWord(zone, source, 1, "ZONE_GENERATE", "the range is malformed", expected);
    return;
  }
  const records = Math.floor((range.last - range.first) / range.step) + 1;
  zone.generated += records;
  if (records > MAX_GENERATE_RECORDS || zone.generated > MAX_GENERATED_RECORDS) {
    const what = `$GENERATE makes ${records} records, ${zone.generated} in this zone`;
    const expected = `at most ${MAX_GENERATE_RECORDS} by one directive and ${MAX_GENERATED_RECORDS} in a zone`;
    reportWord(zone, source, 1, "ZONE_GENERATE_LIMIT", what, expected);
    return;
  }
  generate(zone, source, range);
}

function readRange(octets: Uint8Array, start: number, end: number): Range | undefined {
  const text = String.fromCharCode(...octets.subarray(start, Math.min(end, start + 40)));
  const match = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(text);
  if (match === null) return undefined;
  const range = { first: Number(match[1]), last: Number(match[2]), step: Number(match[3] ?? 1) };
  return range.first <= range.last && range.last <= MAX_VALUE && range.step >= 1 ? range : undefined;
}

/** Makes each record as text and has it read as if it stood in the file; ends at the first error. */
function generate(zone: ZoneReading, source: SourceText, range: Range): void {
  const { tokens } = source;
  const offset = tokens.starts[0]!;
  const line = source.line > 0 ? source.line : lineOf(tokens, offset);
  const made: SourceText = { ...source, line, column: columnOf(tokens, offset) };
  const wholeRdata = wholeRdataWord(source);
  const errors = zone.list.counts.get(`error ${source.name}`) ?? 0;
  for (let value = range.first; value <= range.last; value += range.step) {
    const text: number[] = [];
    for (let word = 2; word < tokens.count; word++) {
      const withQuotes = tokens.quoted[word] === 1 && word !== wholeRdata;
      if (expandWord(source, word, withQuotes, value, text)) continue;
      const expected = "$ or $ and {offset,width,base} with base d, o, x, X, n or N, and a number from 0 on";
      reportWord(zone, source, word, "ZONE_GENERATE", `the template is malformed for ${value}`, expected);
      return;
    }
    made.tokens = createTokens(Uint8Array.from(text));
    made.rdata = createRdataReader(made.tokens);
    readEntry(made.tokens);
    made.tokens.startsBlank = 0;
    readRecord(zone, made);
    if (zone.stopped === 1 || (zone.list.counts.get(`error ${source.name}`) ?? 0) > errors) return;
  }
}

/** BIND wants RDATA of several words in one pair of quotes, which are then no part of it: index of that word, or -1. */
function wholeRdataWord(source: SourceText): number {
  const { octets, starts, ends, count } = source.tokens;
  for (let word = 3; word < count; word++) {
    if (typeFromOctets(octets, starts[word]!, ends[word]!) >= 0) return word === count - 2 ? count - 1 : -1;
  }
  return -1;
}

/** Appends one word with the number in it, and a blank. False for a malformed `${...}` or a number below zero. */
function expandWord(
  source: SourceText,
  word: number,
  withQuotes: boolean,
  value: number,
  text: number[],
): boolean {
  const { octets, starts, ends } = source.tokens;
  if (withQuotes) text.push(QUOTE);
  const end = ends[word]!;
  for (let at = starts[word]!; at < end; ) {
    const octet = octets[at++]!;
    if (octet === BACKSLASH) {
      text.push(octet, octets[at++]!);
    } else if (octet !== DOLLAR) {
      text.push(octet);
    } else if (octets[at] === DOLLAR && at < end) {
      text.push(DOLLAR);
      at++;
    } else {
      at = expandNumber(octets, at, end, value, text);
      if (at < 0) return false;
    }
  }
  if (withQuotes) text.push(QUOTE);
  text.push(BLANK);
  return true;
}

/** Appends the number in the shape that `${...}` at `at` asks for; returns where that ends, or -1. */
function expandNumber(octets: Uint8Array, at: number, end: number, value: number, text: number[]): number {
  let shape = "0";
  let after = at;
  if (at < end && octets[at] === OPEN_BRACE) {
    const close = octets.subarray(at, Math.min(end, at + 40)).indexOf(0x7d);
    if (close < 0) return -1;
    shape = String.fromCharCode(...octets.subarray(at + 1, at + close));
    after = at + close + 1;
  }
  const match = /^([+-]?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?$/.exec(shape);
  if (match === null) return -1;
  const shifted = value + Number(match[1]);
  const width = Number(match[2] ?? 0);
  if (shifted < 0 || shifted > MAX_VALUE || width > MAX_WIDTH) return -1;
  for (const character of formatValue(shifted, width, match[3] ?? "d")) text.push(character.charCodeAt(0));
  return after;
}

/** `n` and `N`: hexadecimal digits from the lowest on with dots between, for names below ip6.arpa; the width counts the dots. */
function formatValue(value: number, width: number, base: string): string {
  if (base === "d") return value.toString().padStart(width, "0");
  if (base === "o") return value.toString(8).padStart(width, "0");
  const hex = value.toString(16);
  if (base === "x") return hex.padStart(width, "0");
  if (base === "X") return hex.toUpperCase().padStart(width, "0");
  const digits = hex
    .padStart(Math.ceil(width / 2), "0")
    .split("")
    .reverse();
  const nibbles = `${digits.join(".")}${digits.length * 2 === width ? "." : ""}`;
  return base === "N" ? nibbles.toUpperCase() : nibbles;
}
