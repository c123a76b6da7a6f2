import { createRdataReader } from "../wire/rdata/parse.ts";
import type { RdataReader } from "../wire/rdata/reader.ts";
import { columnOf, createTokens, lineOf, type Tokens } from "../wire/tokens.ts";
import type { ColumnBuilder } from "./column-builder.ts";
import { addFinding, type FindingList } from "./zone-finding.ts";

/** What reading an included file gives: its octets and the name that findings show, or why it cannot be read. */
export type Included = { octets: Uint8Array; file: string } | { error: string };

/** A zone being read: what holds over all of its files. */
export interface ZoneReading {
  /** Apex, wire form, lower case. */
  apex: Uint8Array;
  builder: ColumnBuilder;
  list: FindingList;
  /** Opens the file that $INCLUDE names; who implements it keeps it inside the zones' folder. */
  readInclude(path: string, fromFile: string): Included;
  /** $TTL in seconds, or -1 before the first. */
  defaultTtl: number;
  /** TTL of the record before, or -1. */
  lastTtl: number;
  /** Offset in the builder's octets of the last owner name; OWNER_NONE or OWNER_REFUSED. */
  ownerAt: number;
  /** Files that are open, outermost first. */
  open: string[];
  /** Files read because of $INCLUDE, each as often as it was. */
  included: number;
  /** Octets of all files read. */
  octetsRead: number;
  /** Records made by $GENERATE. */
  generated: number;
  /** 1 after the warning that TTLs are inherited. */
  warnedOfTtl: number;
  /** 1 when nothing more is to be read: too many errors, or too large. */
  stopped: number;
}

export const OWNER_NONE = -1;
/** The owner had an error: records that inherit it are passed over without one of their own. */
export const OWNER_REFUSED = -2;

/** One file, or the text that $GENERATE made. */
export interface SourceText {
  tokens: Tokens;
  rdata: RdataReader;
  /** Wire form: completes relative names. */
  origin: Uint8Array;
  name: string;
  /** Index into the builder's files. */
  fileIndex: number;
  /** Where the directive stands that made the text; 0 for a file. */
  line: number;
  column: number;
}

export function createSource(
  octets: Uint8Array,
  name: string,
  fileIndex: number,
  origin: Uint8Array,
): SourceText {
  const tokens = createTokens(octets);
  return { tokens, rdata: createRdataReader(tokens), origin, name, fileIndex, line: 0, column: 0 };
}

/** Reports an error at an octet of the current entry. */
export function reportAt(
  zone: ZoneReading,
  source: SourceText,
  offset: number,
  code: string,
  what: string,
  expected: string,
  severity: "error" | "warning" = "error",
): void {
  const line = source.line > 0 ? source.line : lineOf(source.tokens, offset);
  const column = source.line > 0 ? source.column : columnOf(source.tokens, offset);
  const listed = addFinding(zone.list, { severity, code, file: source.name, line, column, what, expected });
  if (!listed && severity === "error") zone.stopped = 1;
}

/** Reports an error at a word of the current entry, which has at least one, or behind the last one. */
export function reportWord(
  zone: ZoneReading,
  source: SourceText,
  word: number,
  code: string,
  what: string,
  expected: string,
): void {
  const { starts, ends, quoted, count } = source.tokens;
  const offset = word < count ? starts[word]! - quoted[word]! : ends[count - 1]! + quoted[count - 1]!;
  reportAt(zone, source, offset, code, what, expected);
}
