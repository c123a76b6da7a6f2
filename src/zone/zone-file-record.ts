import { CLASS_IN, MAX_NAME_OCTETS, TYPE_SOA } from "../wire/constants.ts";
import { LOWER, nameLength } from "../wire/name.ts";
import { describeNameFault, formatName, parseName } from "../wire/name-text.ts";
import { parseRdataWords } from "../wire/rdata/parse.ts";
import { MAX_RDATA_ROOM, type RdataFaultKind } from "../wire/rdata/reader.ts";
import { classFromOctets, formatType, isMetaType, knownTypeNames, typeFromOctets } from "../wire/registry.ts";
import { MAX_TTL_SECONDS, quoteForMessage, readTime, TEXT_TOO_LARGE } from "../wire/text.ts";
import { type ColumnBuilder, reserveOctets, reserveRecord } from "./column-builder.ts";
import { suggest } from "./suggest.ts";
import {
  OWNER_NONE,
  OWNER_REFUSED,
  reportAt,
  reportWord,
  type SourceText,
  type ZoneReading,
} from "./zone-file-state.ts";

/** A zone of 10,000,000 records takes about 700 MB of columns; offsets in them have 31 bits. */
const MAX_ZONE_RECORDS = 10_000_000;
const MAX_COLUMN_OCTETS = 0x7fffffff;

const RECORD_ROOM = MAX_NAME_OCTETS + MAX_RDATA_ROOM;

const CODES: Record<RdataFaultKind, string> = {
  missing: "ZONE_RDATA_MISSING",
  extra: "ZONE_RDATA_EXTRA",
  value: "ZONE_RDATA",
  name: "ZONE_NAME",
  family: "ZONE_ADDRESS_FAMILY",
  "string-too-long": "ZONE_STRING_LENGTH",
  "too-large": "ZONE_RDATA_LENGTH",
  unsupported: "ZONE_TYPE_GENERIC",
};

/** Reads the entry in `source.tokens` as a record: `[owner] [TTL] [class] type RDATA` (RFC 1035 section 5.1). */
export function readRecord(zone: ZoneReading, source: SourceText): void {
  const { builder } = zone;
  if (builder.count >= MAX_ZONE_RECORDS || builder.length + RECORD_ROOM > MAX_COLUMN_OCTETS) {
    const what = `the zone has more than ${MAX_ZONE_RECORDS} records, or 2 GiB of them`;
    reportWord(zone, source, 0, "ZONE_TOO_LARGE", what, "a smaller zone");
    zone.stopped = 1;
    return;
  }
  reserveOctets(builder, RECORD_ROOM);
  const word = source.tokens.startsBlank;
  if (word === 0) readOwner(zone, source);
  else if (zone.ownerAt === OWNER_NONE) {
    const what = "the record has no owner name, and there is none before it to inherit";
    reportWord(zone, source, 0, "ZONE_OWNER_MISSING", what, "an owner name in the first column");
    zone.ownerAt = OWNER_REFUSED;
  }
  readAfterOwner(zone, source, 1 - word);
}

/** Reads the first word as the owner name: lower case, within the zone. Sets zone.ownerAt. */
function readOwner(zone: ZoneReading, source: SourceText): void {
  const { builder, apex } = zone;
  const { octets, starts, ends } = source.tokens;
  const at = builder.length;
  const length = parseName(octets, starts[0]!, ends[0]!, source.origin, builder.octets, at);
  if (length < 0) {
    const { what, expected } = describeNameFault(length);
    const quoted = quoteForMessage(octets, starts[0]!, ends[0]!);
    reportWord(zone, source, 0, "ZONE_NAME", `the owner name ${quoted} ${what}`, expected);
    zone.ownerAt = OWNER_REFUSED;
    return;
  }
  for (let i = at; i < at + length; i++) builder.octets[i] = LOWER[builder.octets[i]!]!;
  if (!isWithin(builder.octets, at, length, apex)) {
    const what = `${formatName(builder.octets, at)} is outside of the zone`;
    reportWord(zone, source, 0, "ZONE_OWNER_OUTSIDE", what, `a name that ends with ${formatName(apex, 0)}`);
    zone.ownerAt = OWNER_REFUSED;
    return;
  }
  if (zone.ownerAt >= 0 && isSame(builder.octets, zone.ownerAt, at, length)) return;
  zone.ownerAt = at;
  builder.length += length;
}

/** Whether the name at `at` is the apex or below it; both in lower case. */
function isWithin(octets: Uint8Array, at: number, length: number, apex: Uint8Array): boolean {
  let from = at;
  const tail = at + length - apex.length;
  while (from < tail) from += octets[from]! + 1;
  if (from !== tail) return false;
  for (let i = 0; i < apex.length; i++) if (octets[from + i] !== apex[i]) return false;
  return true;
}

/** A name ends with the only zero length octet in it, so that equal octets are equal names. */
function isSame(octets: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (octets[a + i] !== octets[b + i]) return false;
  return true;
}

/** TTL and class, in either order, then type and RDATA. */
function readAfterOwner(zone: ZoneReading, source: SourceText, firstWord: number): void {
  const { octets, starts, ends, count } = source.tokens;
  let ttl = -1;
  let hasClass = false;
  for (let word = firstWord; word < count; word++) {
    const [start, end] = [starts[word]!, ends[word]!];
    const first = octets[start]!;
    if (ttl < 0 && first >= 0x30 && first <= 0x39) {
      ttl = readTime(octets, start, end, MAX_TTL_SECONDS);
      if (ttl >= 0) continue;
      if (ttl === TEXT_TOO_LARGE) {
        const what = `the TTL ${quoteForMessage(octets, start, end)} is too large`;
        reportWord(
          zone,
          source,
          word,
          "ZONE_TTL",
          what,
          `at most ${MAX_TTL_SECONDS} seconds (RFC 2181 section 8)`,
        );
        return;
      }
    }
    const type = typeFromOctets(octets, start, end);
    if (type >= 0) {
      readTyped(zone, source, word, type, ttl);
      return;
    }
    const rrclass = hasClass ? -1 : classFromOctets(octets, start, end);
    if (rrclass !== CLASS_IN) {
      reportNoType(zone, source, word, rrclass);
      return;
    }
    hasClass = true;
  }
  reportWord(zone, source, count, "ZONE_TYPE_MISSING", "the record has no type", "a type and its RDATA");
}

/** A word that is neither TTL nor class IN nor a type: the commonest reasons have words of their own. */
function reportNoType(zone: ZoneReading, source: SourceText, word: number, rrclass: number): void {
  const { octets, starts, ends } = source.tokens;
  const [start, end] = [starts[word]!, ends[word]!];
  const quoted = quoteForMessage(octets, start, end);
  if (rrclass >= 0) {
    reportWord(zone, source, word, "ZONE_CLASS", `${quoted} is another class`, "IN, or nothing");
    return;
  }
  const first = octets[start]!;
  const nearest = suggest(
    String.fromCharCode(...octets.subarray(start, start + Math.min(end - start, 20))).toUpperCase(),
    knownTypeNames(),
  );
  let expected = "a type as A, AAAA, CNAME, or TYPE65280";
  if (first >= 0x30 && first <= 0x39) expected = "a TTL, a class, or a type in front of it";
  else if (nearest !== undefined) expected = `a type: did you mean ${nearest}?`;
  reportWord(zone, source, word, "ZONE_TYPE_UNKNOWN", `${quoted} is not a record type`, expected);
}

function readTyped(zone: ZoneReading, source: SourceText, word: number, type: number, ttl: number): void {
  const { builder, ownerAt } = zone;
  const { rdata } = source;
  if (isMetaType(type)) {
    const what = `${formatType(type)} stands in questions only`;
    reportWord(zone, source, word, "ZONE_TYPE_META", what, "a type of data");
    return;
  }
  const rdataAt = builder.length;
  if (!parseRdataWords(rdata, type, word + 1, source.origin, builder.octets, rdataAt)) {
    const fault = rdata.fault!;
    reportWord(
      zone,
      source,
      fault.word,
      CODES[fault.kind],
      `${formatType(type)}: ${fault.what}`,
      fault.expected,
    );
    return;
  }
  if (ownerAt === OWNER_REFUSED) return;
  if (type === TYPE_SOA && nameLength(builder.octets, ownerAt) !== zone.apex.length) {
    const what = `SOA of ${formatName(builder.octets, ownerAt)}, which is not the apex`;
    reportWord(zone, source, word, "ZONE_SOA_PLACE", what, `an SOA of ${formatName(zone.apex, 0)} only`);
    return;
  }
  const ttlSeconds = ttl >= 0 ? ttl : inheritTtl(zone, source, type, rdata.at);
  if (ttlSeconds < 0) return;
  zone.lastTtl = ttlSeconds;
  addRecord(builder, source, ownerAt, type, ttlSeconds, rdata.at);
}

/**
 * TTL of a record that has none: $TTL; without one that of the record before (RFC 1035 section 5.1); for an SOA its
 * MINIMUM, which then stands for $TTL, as named does it. -1 when there is none at all (RFC 2308 section 4).
 */
function inheritTtl(zone: ZoneReading, source: SourceText, type: number, rdataEnd: number): number {
  if (zone.defaultTtl >= 0) return zone.defaultTtl;
  const { entryStart } = source.tokens;
  if (type === TYPE_SOA) {
    const { octets } = zone.builder;
    const [a, b] = [
      (octets[rdataEnd - 4]! << 8) | octets[rdataEnd - 3]!,
      (octets[rdataEnd - 2]! << 8) | octets[rdataEnd - 1]!,
    ];
    zone.defaultTtl = a * 0x10000 + b;
    const what = `there is no $TTL: the SOA's MINIMUM, ${zone.defaultTtl} s, stands for it`;
    reportAt(zone, source, entryStart, "ZONE_TTL_ASSUMED", what, "a line $TTL in front", "warning");
    return zone.defaultTtl;
  }
  if (zone.lastTtl < 0) {
    const what = "the record has no TTL, and there is none to inherit";
    reportAt(zone, source, entryStart, "ZONE_TTL_MISSING", what, "a TTL, or a line $TTL in front");
    return -1;
  }
  if (zone.warnedOfTtl === 0) {
    const what = `there is no $TTL: records without a TTL get that of the record before, here ${zone.lastTtl} s`;
    reportAt(zone, source, entryStart, "ZONE_TTL_ASSUMED", what, "a line $TTL in front", "warning");
    zone.warnedOfTtl = 1;
  }
  return zone.lastTtl;
}

function addRecord(
  builder: ColumnBuilder,
  source: SourceText,
  ownerAt: number,
  type: number,
  ttlSeconds: number,
  rdataEnd: number,
): void {
  reserveRecord(builder);
  const record = builder.count++;
  builder.owner[record] = ownerAt;
  builder.type[record] = type;
  builder.ttl[record] = ttlSeconds;
  builder.rdata[record] = builder.length;
  builder.rdlength[record] = rdataEnd - builder.length;
  builder.line[record] = source.line > 0 ? source.line : source.tokens.entryLine;
  builder.file[record] = source.fileIndex;
  builder.length = rdataEnd;
}
