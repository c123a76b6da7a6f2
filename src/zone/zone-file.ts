import { LOWER } from "../wire/name.ts";
import { quoteForMessage } from "../wire/text.ts";
import {
  readEntry,
  TOKENS_CUT_ESCAPE,
  TOKENS_OK,
  TOKENS_OPEN_PARENTHESIS,
  TOKENS_OPEN_QUOTE,
  TOKENS_STRAY_PARENTHESIS,
} from "../wire/tokens.ts";
import { finishColumns, startColumns } from "./column-builder.ts";
import type { RecordColumns } from "./record-columns.ts";
import { readDirective } from "./zone-file-directives.ts";
import { readRecord } from "./zone-file-record.ts";
import {
  createSource,
  type Included,
  OWNER_NONE,
  reportAt,
  type SourceText,
  type ZoneReading,
} from "./zone-file-state.ts";
import { closeFindings, createFindingList, type ZoneFinding } from "./zone-finding.ts";

/** All files of a zone together: text that gives more than the columns can hold, and half a minute of reading. */
export const MAX_ZONE_FILE_OCTETS: number = 1024 * 1024 * 1024;

export interface ZoneFileOptions {
  /** Apex in wire form: from the file's name. */
  origin: Uint8Array;
  /** Name of the file as findings show it. */
  file: string;
  /** Opens the file that $INCLUDE names, seen from `fromFile`; who implements it keeps it inside the zones' folder. */
  readInclude(path: string, fromFile: string): Included;
  /** Stands for $TTL until the first one. */
  defaultTtlSeconds?: number;
}

/**
 * Reads a master file (RFC 1035 section 5, RFC 2308 section 4, RFC 3597 section 5) with all that it includes.
 *
 * Returns all records that are well formed, and every finding. With an error among them the zone is not to be used.
 * What holds between records is checkZone's.
 */
export function parseZoneFile(
  octets: Uint8Array,
  options: ZoneFileOptions,
): { columns: RecordColumns; findings: ZoneFinding[] } {
  const apex = options.origin.map((octet) => LOWER[octet]!);
  const zone: ZoneReading = {
    apex,
    builder: startColumns(),
    list: createFindingList(),
    readInclude: options.readInclude,
    defaultTtl: options.defaultTtlSeconds ?? -1,
    lastTtl: -1,
    ownerAt: OWNER_NONE,
    open: [],
    included: 0,
    octetsRead: 0,
    generated: 0,
    warnedOfTtl: 0,
    stopped: 0,
  };
  readZoneText(zone, octets, options.file, options.origin);
  return { columns: finishColumns(zone.builder, apex), findings: closeFindings(zone.list) };
}

/** Reads one file, the zone's or an included one. */
function readZoneText(zone: ZoneReading, octets: Uint8Array, file: string, origin: Uint8Array): void {
  const source = createSource(octets, file, fileIndexOf(zone, file), origin);
  const { tokens } = source;
  zone.octetsRead += octets.length;
  if (zone.octetsRead > MAX_ZONE_FILE_OCTETS) {
    const what = `the zone's files have more than ${MAX_ZONE_FILE_OCTETS} octets`;
    reportAt(zone, source, 0, "ZONE_TOO_LARGE", what, "smaller files");
    zone.stopped = 1;
    return;
  }
  // A byte order mark is no part of the text.
  if (octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf) tokens.position = 3;
  zone.open.push(file);
  while (zone.stopped === 0 && readEntry(tokens)) {
    if (tokens.fault !== TOKENS_OK) reportFault(zone, source);
    else if (tokens.endsWithFile === 1 && !isBlank(octets, tokens.entryStart)) reportCut(zone, source);
    else if (tokens.count > 0) readWords(zone, source);
  }
  zone.open.pop();
}

function fileIndexOf(zone: ZoneReading, file: string): number {
  const { files } = zone.builder;
  const known = files.indexOf(file);
  return known < 0 ? files.push(file) - 1 : known;
}

const DOLLAR = 0x24;

function readWords(zone: ZoneReading, source: SourceText): void {
  const { octets, starts, startsBlank, quoted } = source.tokens;
  if (startsBlank === 0 && octets[starts[0]!] === DOLLAR && quoted[0] === 0) {
    readDirective(zone, source, readZoneText);
  } else readRecord(zone, source);
}

function isBlank(octets: Uint8Array, from: number): boolean {
  for (let i = from; i < octets.length; i++) {
    if (octets[i] !== 0x20 && octets[i] !== 0x09 && octets[i] !== 0x0d) return false;
  }
  return true;
}

/**
 * The last line has no newline. A file that was cut in the middle of a record often still reads as one, with half an
 * address: so this is an error, where named only warns.
 */
function reportCut(zone: ZoneReading, source: SourceText): void {
  const { octets, entryStart, end } = source.tokens;
  const what = `the last line has no newline: ${quoteForMessage(octets, entryStart, end)} may have been cut`;
  reportAt(zone, source, entryStart, "ZONE_FILE_CUT", what, "a newline at the end of the file");
}

const FAULTS: Record<number, { what: string; expected: string }> = {
  [TOKENS_OPEN_QUOTE]: { what: "a quoted string is not closed", expected: 'a " on the same line' },
  [TOKENS_CUT_ESCAPE]: { what: "a backslash ends the line", expected: "a character behind it" },
  [TOKENS_OPEN_PARENTHESIS]: { what: "a parenthesis is not closed", expected: "a ) before the file ends" },
  [TOKENS_STRAY_PARENTHESIS]: {
    what: "a parenthesis is closed that was not opened",
    expected: "a ( in front",
  },
};

function reportFault(zone: ZoneReading, source: SourceText): void {
  const { fault, faultAt } = source.tokens;
  const { what, expected } = FAULTS[fault]!;
  reportAt(zone, source, faultAt, "ZONE_SYNTAX", what, expected);
}
