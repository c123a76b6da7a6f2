import { statSync } from "node:fs";
import type { Finding } from "../config/findings.ts";
import { shownPath } from "../config/shown-path.ts";
import { addLogLine } from "../geo/latency-log.ts";
import { aggregateSketch, createSketch, type LatencySketch, type SketchRest } from "../geo/latency-sketch.ts";
import type { LatencyClient, LatencyTable } from "../geo/latency-table.ts";
import { readLogLines } from "./log-lines.ts";
import { createProgress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** What logs hold, and what is wrong in them. */
export interface LogTally {
  sketch: LatencySketch;
  /** Numbers of regions, in the order of their first lines. */
  regions: Map<string, number>;
  /** Lines that are neither empty nor comments: each is a sample, special, or bad. */
  lines: number;
  samples: number;
  special: number;
  bad: number;
  /** The first of the bad lines. */
  badLines: Finding[];
  /** A log could not be read to its end, or there is no more room: no table may be made. */
  faults: Finding[];
}

/** More than these tell nobody more about what is wrong with a log. */
const SHOWN_BAD_LINES = 10;

/** A clock is read, and the bar drawn, once in so many lines. */
const LINES_BETWEEN_DRAWINGS = 4096;

/** Reads all logs in one pass; `-` is standard input. */
export async function readLogs(paths: readonly string[], terminal: Terminal): Promise<LogTally> {
  const tally: LogTally = {
    sketch: createSketch(),
    regions: new Map(),
    lines: 0,
    samples: 0,
    special: 0,
    bad: 0,
    badLines: [],
    faults: [],
  };
  const total = totalOctets(paths);
  const progress = createProgress(terminal, "reading");
  let octets = 0;
  const onOctets = (count: number) => {
    octets += count;
  };
  let drawn = 0;
  for (const path of paths) {
    const file = path === "-" ? "(standard input)" : shownPath(path);
    let line = 0;
    const onLine = (text: string): boolean => {
      line++;
      if (drawn++ % LINES_BETWEEN_DRAWINGS === 0) progress.show(octets, total, `${tally.samples} samples`);
      return addLine(tally, text, file, line);
    };
    const fault = await readLogLines({ path, onOctets, onLine });
    if (fault !== null) tally.faults.push({ severity: "error", file, line: 0, column: 0, ...fault });
    if (tally.faults.length > 0) break;
  }
  progress.end();
  return tally;
}

/** Octets of all files together; 0 where that is not known before they are read. */
function totalOctets(paths: readonly string[]): number {
  let total = 0;
  for (const path of paths) {
    const stats = path === "-" ? undefined : statSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) return 0;
    total += stats.size;
  }
  return total;
}

/** False: reading on makes no sense. */
function addLine(tally: LogTally, text: string, file: string, line: number): boolean {
  const came = addLogLine(tally.sketch, tally.regions, text);
  if (came.kind === "nothing") return true;
  tally.lines++;
  switch (came.kind) {
    case "sample":
      tally.samples++;
      return true;
    case "special":
      tally.special++;
      return true;
    case "bad":
      tally.bad++;
      if (tally.badLines.length < SHOWN_BAD_LINES)
        tally.badLines.push({ severity: "error", file, line, column: came.column, ...came.problem });
      return true;
    case "full": {
      const what = "the logs have more different prefixes and round trips than there is memory for";
      const expected = "logs of fewer regions at a time";
      tally.faults.push({
        severity: "error",
        code: "GEO_LATENCY_LOG",
        file,
        line,
        column: 1,
        what,
        expected,
      });
      return false;
    }
    default:
      return came satisfies never;
  }
}

/** A table of the medians of a tally, its clients in address order, and what is too little for a row. */
export function tableOf(tally: LogTally, minSamples: number): { table: LatencyTable; rest: SketchRest } {
  const names = [...tally.regions.keys()];
  const regions = [...names].sort();
  const numbers = names.map((name) => regions.indexOf(name));
  const clients = new Map<string, { client: LatencyClient; place: number[] }>();
  const rest = aggregateSketch(tally.sketch, minSamples, (row) => {
    const place = [row.family, row.high, row.low, row.bits];
    const key = place.join();
    let held = clients.get(key);
    if (held === undefined) {
      const octets = new Uint8Array(row.family === 4 ? 4 : 16);
      const view = new DataView(octets.buffer);
      view.setUint32(0, row.high);
      if (row.family === 6) view.setUint32(4, row.low);
      const prefix = { family: row.family, octets, bits: row.bits };
      held = { client: { key: { kind: "prefix", prefix }, rows: [] }, place };
      clients.set(key, held);
    }
    held.client.rows.push({ region: numbers[row.region]!, rttMs: row.medianMs, samples: row.samples });
  });
  const ordered = [...clients.values()].sort((a, b) => comparePlaces(a.place, b.place));
  for (const { client } of ordered) client.rows.sort((a, b) => a.region - b.region);
  return { table: { id: "", regions, clients: ordered.map(({ client }) => client) }, rest };
}

function comparePlaces(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) if (value !== b[at]) return value - b[at]!;
  return 0;
}
