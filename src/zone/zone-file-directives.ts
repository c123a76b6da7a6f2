import { listedWay } from "../wire/listing.ts";
import { describeNameFault, parseName } from "../wire/name-text.ts";
import { isWord, MAX_TTL_SECONDS, quoteForMessage, readText, readTime } from "../wire/text.ts";
import { suggest } from "./suggest.ts";
import { readGenerate } from "./zone-file-generate.ts";
import { reportWord, type SourceText, type ZoneReading } from "./zone-file-state.ts";

/** Deeper nesting is a mistake; each level has a file open in memory. */
const MAX_INCLUDE_DEPTH = 20;

/**
 * Included files of one zone, counted each time. A handful of files that include one another twice each are a million
 * when the depth alone is bounded.
 */
const MAX_INCLUDES = 10_000;

const DIRECTIVES = ["$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"];

/** Reads the included file; given by zone-file.ts, so that the two files do not import each other. */
type ReadZoneText = (zone: ZoneReading, octets: Uint8Array, file: string, origin: Uint8Array) => void;

/** Obeys the directive in `source.tokens` ($ORIGIN and $INCLUDE: RFC 1035 section 5.1, $TTL: RFC 2308 section 4). */
export function readDirective(zone: ZoneReading, source: SourceText, readZoneText: ReadZoneText): void {
  const { octets, starts, ends } = source.tokens;
  const directive = DIRECTIVES.find((name) => isWord(octets, starts[0]!, ends[0]!, name));
  switch (directive) {
    case "$ORIGIN":
      readOrigin(zone, source);
      return;
    case "$TTL":
      readDefaultTtl(zone, source);
      return;
    case "$INCLUDE":
      readIncludeDirective(zone, source, readZoneText);
      return;
    case "$GENERATE":
      readGenerate(zone, source);
      return;
    default: {
      const word = String.fromCharCode(...octets.subarray(starts[0]!, Math.min(ends[0]!, starts[0]! + 20)));
      const nearest = suggest(word.toUpperCase(), DIRECTIVES);
      const expected = nearest === undefined ? DIRECTIVES.join(", ") : `did you mean ${nearest}?`;
      const what = `${quoteForMessage(octets, starts[0]!, ends[0]!)} is not a directive`;
      reportWord(zone, source, 0, "ZONE_DIRECTIVE_UNKNOWN", what, expected);
    }
  }
}

/** Whether the directive has from `min` to `max` words behind it; reports when not. */
function hasWords(
  zone: ZoneReading,
  source: SourceText,
  min: number,
  max: number,
  expected: string,
): boolean {
  const words = source.tokens.count - 1;
  if (words >= min && words <= max) return true;
  const [word, what] = words < min ? [words + 1, "something is missing"] : [max + 1, "there is too much"];
  reportWord(zone, source, word, "ZONE_DIRECTIVE", `${what} behind the directive`, expected);
  return false;
}

/** The word as an absolute name in wire form; undefined when it is none, which is reported. */
function readNameWord(zone: ZoneReading, source: SourceText, word: number): Uint8Array | undefined {
  const { octets, starts, ends } = source.tokens;
  const out = new Uint8Array(256);
  const length = parseName(octets, starts[word]!, ends[word]!, source.origin, out, 0);
  if (length > 0) return out.slice(0, length);
  const { what, expected } = describeNameFault(length);
  const quoted = quoteForMessage(octets, starts[word]!, ends[word]!);
  reportWord(zone, source, word, "ZONE_NAME", `the origin ${quoted} ${what}`, expected);
  return undefined;
}

function readOrigin(zone: ZoneReading, source: SourceText): void {
  if (!hasWords(zone, source, 1, 1, "$ORIGIN name")) return;
  source.origin = readNameWord(zone, source, 1) ?? source.origin;
}

function readDefaultTtl(zone: ZoneReading, source: SourceText): void {
  if (!hasWords(zone, source, 1, 1, "$TTL time")) return;
  const { octets, starts, ends } = source.tokens;
  const ttl = readTime(octets, starts[1]!, ends[1]!, MAX_TTL_SECONDS);
  if (ttl >= 0) {
    zone.defaultTtl = ttl;
    return;
  }
  const what = `${quoteForMessage(octets, starts[1]!, ends[1]!)} is not a TTL`;
  reportWord(zone, source, 1, "ZONE_TTL", what, `seconds up to ${MAX_TTL_SECONDS}, or a time as 1h30m`);
}

/**
 * `$INCLUDE file [origin]`. Origin and owner are afterwards what they were before (RFC 1035 section 5.1); a $TTL inside
 * stays, as it does in named.
 */
function readIncludeDirective(zone: ZoneReading, source: SourceText, readZoneText: ReadZoneText): void {
  if (!hasWords(zone, source, 1, 2, "$INCLUDE file [origin]")) return;
  const { octets, starts, ends, count } = source.tokens;
  const origin = count > 2 ? readNameWord(zone, source, 2) : source.origin;
  if (origin === undefined) return;
  const path = new Uint8Array(ends[1]! - starts[1]!);
  const length = readText(octets, starts[1]!, ends[1]!, path, 0, path.length);
  const quoted = quoteForMessage(octets, starts[1]!, ends[1]!);
  if (length <= 0) {
    reportWord(zone, source, 1, "ZONE_INCLUDE", `${quoted} is not a file name`, "the path of a file");
    return;
  }
  const included = zone.readInclude(new TextDecoder().decode(path.subarray(0, length)), source.name);
  if ("error" in included) {
    reportWord(zone, source, 1, "ZONE_INCLUDE", `${quoted} cannot be included`, included.error);
    return;
  }
  const { open } = zone;
  if (open.includes(included.file)) {
    const circle = listedWay([...open.slice(open.indexOf(included.file)), included.file]);
    reportWord(zone, source, 1, "ZONE_INCLUDE_LOOP", `files include each other: ${circle}`, "no circle");
    return;
  }
  if (open.length > MAX_INCLUDE_DEPTH) {
    const what = `${quoted} is nested more than ${MAX_INCLUDE_DEPTH} files deep`;
    reportWord(zone, source, 1, "ZONE_INCLUDE_DEPTH", what, `at most ${MAX_INCLUDE_DEPTH} levels`);
    return;
  }
  zone.included++;
  if (zone.included > MAX_INCLUDES) {
    const what = `${quoted} is one included file too many, counting each as often as it is included`;
    reportWord(zone, source, 1, "ZONE_INCLUDE_LIMIT", what, `at most ${MAX_INCLUDES} in a zone`);
    zone.stopped = 1;
    return;
  }
  const { ownerAt } = zone;
  readZoneText(zone, included.octets, included.file, origin);
  zone.ownerAt = ownerAt;
}
