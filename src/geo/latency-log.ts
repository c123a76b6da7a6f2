import { addSample, type LatencySketch, MAX_LOG_REGIONS } from "./latency-sketch.ts";
import { isRoundTrip, MAX_RTT_MS, REGION_NAME } from "./latency-table.ts";
import { parseAddress } from "./prefix.ts";
import { embeddedIpv4Bits } from "./prefix-index.ts";
import type { GeoProblem } from "./problem.ts";
import { findBlock, SPECIAL_BLOCKS } from "./special.ts";

/** What became of a line. */
export type LogLine =
  | { kind: "sample" }
  /** Empty, or a comment. */
  | { kind: "nothing" }
  /** The address is of a special-purpose block, and no table can have a row for it. */
  | { kind: "special" }
  /** The sketch has no more room. */
  | { kind: "full" }
  | { kind: "bad"; column: number; problem: GeoProblem };

const SAMPLE: LogLine = { kind: "sample" };
const NOTHING: LogLine = { kind: "nothing" };
const SPECIAL: LogLine = { kind: "special" };
const FULL: LogLine = { kind: "full" };

const WORD = /[^\s,]+/g;

/**
 * Counts one line of an RTT log: client address, region and milliseconds, separated by commas, tabs or spaces. Regions
 * get numbers as they come.
 */
export function addLogLine(sketch: LatencySketch, regions: Map<string, number>, line: string): LogLine {
  const words = [...line.matchAll(WORD)];
  if (words.length === 0 || words[0]![0].startsWith("#")) return NOTHING;
  if (words.length !== 3) {
    const what = `the line has ${words.length} ${words.length === 1 ? "word" : "words"}`;
    return bad(1, what, "3: client address, region, milliseconds");
  }
  const [client, region, rtt] = words as [RegExpExecArray, RegExpExecArray, RegExpExecArray];
  const address = parseAddress(client[0]);
  if (address === null)
    return bad(client.index + 1, `"${shorten(client[0])}" is no address`, "an IPv4 or IPv6 address");
  if (!REGION_NAME.test(region[0]))
    return bad(
      region.index + 1,
      `"${shorten(region[0])}" is no region`,
      "a region's name, as in the zone's file",
    );
  const number = regions.get(region[0]) ?? regions.size;
  if (number >= MAX_LOG_REGIONS)
    return bad(
      region.index + 1,
      `"${shorten(region[0])}" is one region too many`,
      `at most ${MAX_LOG_REGIONS}`,
    );
  if (!isRoundTrip(rtt[0]))
    return bad(
      rtt.index + 1,
      `"${shorten(rtt[0])}" is no round trip`,
      `milliseconds, above 0 and up to ${MAX_RTT_MS}`,
    );
  regions.set(region[0], number);
  const skip = address.family === 6 ? embeddedIpv4Bits(address.octets) >> 3 : 0;
  const family = skip > 0 ? 4 : address.family;
  const octets = skip > 0 ? address.octets.subarray(skip, skip + 4) : address.octets;
  if (findBlock(SPECIAL_BLOCKS[family], octets) !== null) return SPECIAL;
  return addSample(sketch, family, octets, number, Number(rtt[0])) ? SAMPLE : FULL;
}

function bad(column: number, what: string, expected: string): LogLine {
  return { kind: "bad", column, problem: { code: "GEO_LATENCY_LOG", what, expected } };
}

/** Logs hold anything: what is shown of a word stays short and printable. */
function shorten(word: string): string {
  const printable = word.replace(/[^\x21-\x7e]/g, "?");
  return printable.length > 40 ? `${printable.slice(0, 40)}...` : printable;
}
