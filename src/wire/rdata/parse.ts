import { formatType } from "../registry.ts";
import { readNumber } from "../text.ts";
import { type Tokens, tokensOf } from "../tokens.ts";
import { putHex } from "./fields.ts";
import { isRdataValid } from "./format.ts";
import {
  hasWord,
  MAX_RDATA_OCTETS,
  MAX_RDATA_ROOM,
  quoteWord,
  type RdataFault,
  type RdataReader,
  refuse,
  refuseWord,
} from "./reader.ts";
import { rdataTypeOf } from "./types.ts";

/** A reader over `tokens`; parseRdataWords sets it to a record. */
export function createRdataReader(tokens: Tokens): RdataReader {
  return {
    tokens,
    next: 0,
    origin: undefined,
    out: new Uint8Array(0),
    start: 0,
    at: 0,
    fault: undefined,
  };
}

/**
 * Reads RDATA of `type` from the reader's words to `out`, which has MAX_RDATA_ROOM octets from `at` on: names
 * uncompressed and in their case. All words up to the entry's end are its own. On success the RDATA is from `at` up to
 * `reader.at`; false leaves a fault.
 */
export function parseRdataWords(
  reader: RdataReader,
  type: number,
  firstWord: number,
  origin: Uint8Array | undefined,
  out: Uint8Array,
  at: number,
): boolean {
  const { tokens } = reader;
  reader.next = firstWord;
  reader.origin = origin;
  reader.out = out;
  reader.start = at;
  reader.at = at;
  reader.fault = undefined;
  if (isGeneric(reader)) return parseGeneric(reader, type);
  const fields = rdataTypeOf(type);
  if (fields === undefined) {
    const what = `${formatType(type)} has no presentation form here`;
    return refuse(reader, firstWord, "unsupported", what, "its RDATA as \\# length hexadecimal (RFC 3597)");
  }
  for (const field of fields) if (!field.parse(reader)) return false;
  if (reader.next === tokens.count) return true;
  return refuseWord(
    reader,
    "extra",
    `stands behind the RDATA of ${formatType(type)}`,
    "the end of the record",
  );
}

const BACKSLASH = 0x5c;
const NUMBER_SIGN = 0x23;

/** Whether the next word is an unquoted `\#` (RFC 3597 section 5). */
function isGeneric(reader: RdataReader): boolean {
  const { octets, starts, ends, quoted, count } = reader.tokens;
  const { next } = reader;
  if (next >= count || quoted[next] === 1 || ends[next]! - starts[next]! !== 2) return false;
  return octets[starts[next]!] === BACKSLASH && octets[starts[next]! + 1] === NUMBER_SIGN;
}

/** `\# length hex...`: for every type; RDATA of a type that is known has to be valid. */
function parseGeneric(reader: RdataReader, type: number): boolean {
  const { octets, starts, ends } = reader.tokens;
  const lengthWord = ++reader.next;
  if (!hasWord(reader, "length of the RDATA")) return false;
  const length = readNumber(octets, starts[lengthWord]!, ends[lengthWord]!, MAX_RDATA_OCTETS);
  if (length < 0) return refuseWord(reader, "value", "is not a length", `a number up to ${MAX_RDATA_OCTETS}`);
  reader.next++;
  if (!putHex(reader, "RDATA in hexadecimal")) return false;
  const size = reader.at - reader.start;
  if (size !== length) {
    const what = `${quoteWord(reader, lengthWord)} is not the length of the RDATA`;
    return refuse(reader, lengthWord, "value", what, `${size}, which is what follows`);
  }
  if (
    rdataTypeOf(type) === undefined ||
    isRdataValid(type, reader.out, reader.start, reader.at - reader.start)
  ) {
    return true;
  }
  return refuse(
    reader,
    lengthWord,
    "value",
    `these octets are no RDATA of ${formatType(type)}`,
    "valid RDATA",
  );
}

/** RDATA of `type` from text, relative to `origin` (wire form): its wire form, or why there is none. */
export function parseRdata(type: number, text: string, origin?: Uint8Array): Uint8Array | RdataFault {
  const reader = createRdataReader(tokensOf(text));
  const out = new Uint8Array(MAX_RDATA_ROOM);
  if (!parseRdataWords(reader, type, 0, origin, out, 0)) return reader.fault!;
  return out.slice(0, reader.at);
}
