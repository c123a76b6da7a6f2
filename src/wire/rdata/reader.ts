import { MAX_NAME_OCTETS } from "../constants.ts";
import { quoteForMessage } from "../text.ts";
import type { Tokens } from "../tokens.ts";

/** Kinds of faults, for the caller's error codes. */
export type RdataFaultKind =
  | "missing"
  | "extra"
  | "value"
  | "name"
  | "family"
  | "string-too-long"
  | "too-large"
  | "unsupported";

/** Why RDATA in presentation form is not accepted. */
export interface RdataFault {
  kind: RdataFaultKind;
  /** Index of the word, or the number of words when something is missing at the end. */
  word: number;
  what: string;
  expected: string;
}

/** RDATA being read from words: one object per file, set anew for every record. */
export interface RdataReader {
  tokens: Tokens;
  /** Index of the next word. */
  next: number;
  /** Wire form; undefined: names must be absolute. */
  origin: Uint8Array | undefined;
  /** Where RDATA goes: at least MAX_RDATA_ROOM octets from `start` on. */
  out: Uint8Array;
  start: number;
  /** Where the next octet goes. */
  at: number;
  fault: RdataFault | undefined;
}

/** RDLENGTH has 16 bits (RFC 1035 section 3.2.1). */
export const MAX_RDATA_OCTETS = 0xffff;
/** What a field may write past the limit before it looks: a character-string, a name, and some more. */
export const MAX_RDATA_ROOM: number = MAX_RDATA_OCTETS + 1024;

/** Records why the word at `index` is refused. Always false, so that a parser ends with it. */
export function refuse(
  reader: RdataReader,
  index: number,
  kind: RdataFaultKind,
  what: string,
  expected: string,
): false {
  reader.fault = { kind, word: index, what, expected };
  return false;
}

/** refuse() for the next word, which is quoted in front of `what`. */
export function refuseWord(reader: RdataReader, kind: RdataFaultKind, what: string, expected: string): false {
  return refuse(reader, reader.next, kind, `${quoteWord(reader, reader.next)} ${what}`, expected);
}

/** The word as a message shows it. */
export function quoteWord(reader: RdataReader, index: number): string {
  const { tokens } = reader;
  return quoteForMessage(tokens.octets, tokens.starts[index]!, tokens.ends[index]!);
}

/** Whether there is a next word; when not, the fault says that `name` is missing. */
export function hasWord(reader: RdataReader, name: string): boolean {
  if (reader.next < reader.tokens.count) return true;
  return refuse(reader, reader.next, "missing", `the ${name} is missing`, name);
}

/** Whether RDATA is within its 65,535 octets; when not, the fault says so. */
export function fits(reader: RdataReader): boolean {
  if (reader.at - reader.start <= MAX_RDATA_OCTETS) return true;
  return refuse(
    reader,
    reader.next,
    "too-large",
    "the RDATA is longer than 65535 octets",
    "at most 65535 octets",
  );
}

/** RDATA in wire form being shown: every read is bounded by `end`, and `ok` tells whether all was well. */
export interface RdataCursor {
  octets: Uint8Array;
  at: number;
  end: number;
  ok: boolean;
}

/** Reads `size` (1 to 4) octets as a number; 0 and not ok past the end. */
export function takeNumber(cursor: RdataCursor, size: number): number {
  if (cursor.at + size > cursor.end) {
    cursor.ok = false;
    return 0;
  }
  let value = 0;
  for (let i = 0; i < size; i++) value = value * 256 + cursor.octets[cursor.at++]!;
  return value;
}

/** Steps over an uncompressed name and returns where it started; -1 and not ok when it is cut, compressed or too long. */
export function takeName(cursor: RdataCursor): number {
  const start = cursor.at;
  const { octets, end } = cursor;
  let at = start;
  while (at < end && octets[at]! !== 0 && octets[at]! < 64) at += octets[at]! + 1;
  if (at >= end || octets[at] !== 0 || at - start >= MAX_NAME_OCTETS) {
    cursor.ok = false;
    return -1;
  }
  cursor.at = at + 1;
  return start;
}

/** One field of RDATA, both ways. */
export interface Field {
  /** Reads words, writes octets; false with a fault in the reader. */
  parse(reader: RdataReader): boolean;
  /** Presentation form of the octets at the cursor; sets ok to false when they are malformed. */
  format(cursor: RdataCursor): string;
}

/** RDATA of a type: its fields in order. */
export type RdataType = readonly Field[];
