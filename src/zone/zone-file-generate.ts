import { typeFromOctets } from "../wire/registry.ts";
import { columnOf, lineOf, readEntry, TOKENS_OK } from "../wire/tokens.ts";
import { readRecord } from "./zone-file-record.ts";
import { createSource, reportWord, type SourceText, type ZoneReading } from "./zone-file-state.ts";

/** A /16 of addresses. A typing error of one digit more is to be an error, not a gigabyte (as named's 16-bit $GENERATE limits). */
const MAX_GENERATE_RECORDS = 65_536;
/** All directives of a zone together. */
const MAX_GENERATED_RECORDS = 1_000_000;

/** No name or string is longer. */
const MAX_WIDTH = 255;
const MAX_VALUE = 0x7fffffff;

const DOLLAR = 0x24;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const QUOTE = 0x22;
const BLANK = 0x20;

/** `{offset,width,base}`, and more octets than its longest form has. */
const SHAPE = /^\{([+-]?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?\}$/;
const MAX_SHAPE_OCTETS = 40;

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
  const made = createSource(new Uint8Array(roomFor(source)), source.name, source.fileIndex, source.origin);
  made.line = lineOf(tokens, tokens.starts[0]!);
  made.column = columnOf(tokens, tokens.starts[0]!);
  const wholeRdata = wholeRdataWord(source);
  const errorsBefore = errorsOf(zone, source);
  for (let value = range.first; value <= range.last; value += range.step) {
    let at = 0;
    for (let word = 2; word < tokens.count; word++) {
      const withQuotes = tokens.quoted[word] === 1 && word !== wholeRdata;
      at = expandWord(source, word, withQuotes, value, made.tokens.octets, at);
      if (at >= 0) continue;
      const expected = "$ or $ and {offset,width,base} with base d, o, x, X, n or N, and a number from 0 on";
      reportWord(zone, source, word, "ZONE_GENERATE", `the template is malformed for ${value}`, expected);
      return;
    }
    made.tokens.position = 0;
    made.tokens.end = at;
    readEntry(made.tokens);
    if (made.tokens.fault !== TOKENS_OK) {
      // Only what stood in quotes can have parentheses.
      const what = "the RDATA has a parenthesis without its counterpart";
      reportWord(zone, source, wholeRdata, "ZONE_GENERATE", what, "both, or none");
      return;
    }
    made.tokens.startsBlank = 0;
    readRecord(zone, made);
    if (zone.stopped === 1 || errorsOf(zone, source) > errorsBefore) return;
  }
}

function errorsOf(zone: ZoneReading, source: SourceText): number {
  return zone.list.counts.get(`error ${source.name}`) ?? 0;
}

/** Octets that a record can have at most: each dollar sign may become a number of MAX_WIDTH digits. */
function roomFor(source: SourceText): number {
  const { octets, starts, ends, count } = source.tokens;
  let room = 0;
  for (let word = 2; word < count; word++) {
    // Two quotes and a blank.
    room += 3;
    for (let at = starts[word]!; at < ends[word]!; at++) room += octets[at] === DOLLAR ? MAX_WIDTH + 1 : 1;
  }
  return room;
}

/** BIND wants RDATA of several words in one pair of quotes, which are then no part of it: index of that word, or -1. */
function wholeRdataWord(source: SourceText): number {
  const { octets, starts, ends, count } = source.tokens;
  for (let word = 3; word < count; word++) {
    if (typeFromOctets(octets, starts[word]!, ends[word]!) >= 0) return word === count - 2 ? count - 1 : -1;
  }
  return -1;
}

/** Appends one word with the number in it, and a blank. Returns where it ends, or -1 for what expandNumber refuses. */
function expandWord(
  source: SourceText,
  word: number,
  withQuotes: boolean,
  value: number,
  out: Uint8Array,
  outAt: number,
): number {
  const { octets, starts, ends } = source.tokens;
  const end = ends[word]!;
  let write = outAt;
  if (withQuotes) out[write++] = QUOTE;
  for (let at = starts[word]!; at < end; ) {
    const octet = octets[at++]!;
    if (octet === BACKSLASH) {
      out[write++] = octet;
      out[write++] = octets[at++]!;
    } else if (octet !== DOLLAR) {
      out[write++] = octet;
    } else if (octets[at] === DOLLAR && at < end) {
      out[write++] = DOLLAR;
      at++;
    } else {
      const shapeEnd = shapeEndOf(octets, at, end);
      const text = expandNumber(octets, at, shapeEnd, value);
      if (text === undefined) return -1;
      for (let i = 0; i < text.length; i++) out[write++] = text.charCodeAt(i);
      at = shapeEnd;
    }
  }
  if (withQuotes) out[write++] = QUOTE;
  out[write++] = BLANK;
  return write;
}

/** Where `{offset,width,base}` ends that may stand behind a dollar sign: `at` when there is none, or it is not closed. */
function shapeEndOf(octets: Uint8Array, at: number, end: number): number {
  if (at >= end || octets[at] !== OPEN_BRACE) return at;
  return at + octets.subarray(at, Math.min(end, at + MAX_SHAPE_OCTETS)).indexOf(CLOSE_BRACE) + 1;
}

/** The number in the shape from `at` to `end`; undefined for a malformed shape, or a number below zero or beyond 2^31-1. */
function expandNumber(octets: Uint8Array, at: number, end: number, value: number): string | undefined {
  if (at === end && octets[at] !== OPEN_BRACE) return value.toString();
  const match = SHAPE.exec(String.fromCharCode(...octets.subarray(at, end)));
  if (match === null) return undefined;
  const shifted = value + Number(match[1]);
  const width = Number(match[2] ?? 0);
  if (shifted < 0 || shifted > MAX_VALUE || width > MAX_WIDTH) return undefined;
  return formatValue(shifted, width, match[3] ?? "d");
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
