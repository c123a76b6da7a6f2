import { fstatSync, statSync } from "node:fs";
import type { Finding } from "../config/findings.ts";
import { MAX_LATENCY_OCTETS, readLatencyTable } from "../config/load-latency.ts";
import { unreadable } from "../config/steady-file.ts";
import { PREFIX_STEPS, type SketchRest } from "../geo/latency-sketch.ts";
import { formatLatencyTable, type LatencyTable } from "../geo/latency-table.ts";
import { type Gain, type LatencyUpdate, updateLatency } from "../geo/latency-update.ts";
import { defineCommand, EXIT_FINDINGS, EXIT_OK, UsageError } from "./command.ts";
import { findingLines, plural } from "./finding-lines.ts";
import { type LogTally, readLogs, tableOf } from "./latency-import.ts";
import { replaceFile } from "./replace-file.ts";
import type { Terminal } from "./terminal.ts";

export const command = defineCommand({
  positionals: {
    action: { type: "string", choices: ["import"], describe: "import: read logs, write a table" },
    log: {
      type: "string",
      array: true,
      describe: "Logs with a client address, a region and milliseconds a line; gzip too; -: standard input",
    },
  },
  options: {
    out: { type: "string", requiresArg: true, demandOption: true, describe: "The table; replaced whole" },
    "min-samples": {
      type: "number",
      requiresArg: true,
      default: 20,
      describe: "A prefix with fewer goes to the next wider one",
    },
    previous: {
      type: "string",
      requiresArg: true,
      describe: "An earlier table: clients move only for a gain",
    },
    gain: {
      type: "string",
      requiresArg: true,
      default: "10ms",
      describe: "With --previous: what a move must save, in ms or %",
    },
    "max-bad": {
      type: "string",
      requiresArg: true,
      default: "1%",
      describe: "With a larger share of bad lines no table is written",
    },
    json: { type: "boolean", describe: "For machines: one JSON object" },
  },
  examples: [
    ["latency import rtt.log.gz --out geo/rtt.csv", "Medians of a log, for `table: ../geo/rtt.csv`"],
    [
      "latency import - --out rtt.csv --previous rtt.csv --gain 15%",
      "Bring a table up to date; clients move for a gain above 15%",
    ],
  ],
  async run(given, terminal) {
    const minSamples = given["min-samples"] ?? 0;
    if (!Number.isInteger(minSamples) || minSamples < 1 || minSamples > 1e9)
      throw new UsageError(`--min-samples takes a whole number from 1`);
    const gain = parseGain(given.gain ?? "");
    const maxBad = parsePercent(given["max-bad"] ?? "");
    const out = given.out ?? "";
    const previous = given.previous === undefined ? null : readLatencyTable(given.previous).result;
    const logs = (given.log as unknown as string[]).map(String);
    const itself = logs.find((log) => isSameFile(log, out));
    if (itself !== undefined)
      throw new UsageError(
        `--out is ${out}, which is the log ${itself} itself: give the table another place`,
      );
    if (previous !== null && previous.table === null)
      return report({ out, findings: previous.findings }, given.json === true, terminal);
    const tally = await readLogs(logs, terminal);
    const findings = [...tally.badLines, ...tally.faults];
    if (tally.faults.length > 0) return report({ out, tally, findings }, given.json === true, terminal);
    if (tally.bad > tally.lines * maxBad) {
      const tooMany = tooManyBad(out, tally, given["max-bad"] ?? "");
      return report({ out, tally, findings: [...findings, tooMany] }, given.json === true, terminal);
    }
    const { table, rest } = tableOf(tally, minSamples);
    const update = previous === null ? null : updateLatency(table, previous.table!, gain);
    const made = { out, tally, findings, rest, table: update?.table ?? table, update };
    const fault = writeTable(made, minSamples);
    if (fault !== null)
      return report({ out, tally, findings: [...findings, fault] }, given.json === true, terminal);
    return report(made, given.json === true, terminal);
  },
});

/** Whatever the paths are: a log must not be replaced by its table. */
function isSameFile(log: string, out: string): boolean {
  try {
    const [read, written] = [log === "-" ? fstatSync(0) : statSync(log), statSync(out)];
    return read.isFile() && read.dev === written.dev && read.ino === written.ino;
  } catch {
    return false;
  }
}

function parseGain(text: string): Gain {
  const match = /^(\d{1,5}(?:\.\d{1,3})?)(ms|%)$/.exec(text);
  if (match === null)
    throw new UsageError(`--gain is "${text}": expected milliseconds or a share, as 10ms or 15%`);
  return { kind: match[2] === "ms" ? "ms" : "percent", least: Number(match[1]) };
}

function parsePercent(text: string): number {
  const match = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text);
  if (match === null || Number(match[1]) > 100)
    throw new UsageError(`--max-bad is "${text}": expected a share from 0% to 100%`);
  return Number(match[1]) / 100;
}

function tooManyBad(out: string, { bad, lines }: LogTally, maxBad: string): Finding {
  const share = Math.min(100, Math.ceil((bad / lines) * 1000) / 10);
  const what = `${bad} of ${plural(lines, "line")} are bad (${share}%)`;
  const expected = `at most ${maxBad}, which --max-bad can raise`;
  return { severity: "error", code: "GEO_LATENCY_BAD", file: out, line: 0, column: 0, what, expected };
}

/** What came of an import; without a table, nothing was written. */
interface Outcome {
  out: string;
  findings: Finding[];
  tally?: LogTally;
  table?: Pick<LatencyTable, "regions" | "clients">;
  rest?: SketchRest;
  update?: LatencyUpdate | null;
}

/** Null: the table is in place. */
function writeTable({ out, tally, table, update }: Required<Outcome>, minSamples: number): Finding | null {
  const fault = (what: string, expected: string): Finding => {
    return { severity: "error", code: "GEO_LATENCY_OUT", file: out, line: 0, column: 0, what, expected };
  };
  if (table.clients.length === 0)
    return fault(
      "the table would have no row",
      `logs with ${minSamples} round trips of a prefix to a region`,
    );
  const day = new Date().toISOString().slice(0, 10);
  const comments = [
    `steerd latency import: medians of ${tally.samples} round trips, at least ${minSamples} a row.`,
    ...(update === null ? [] : ["Rows without a date are those of the earlier table."]),
  ];
  const text = formatLatencyTable(table, comments, (row) => (update?.earlier.has(row) === true ? "" : day));
  if (text.length > MAX_LATENCY_OCTETS)
    return fault(
      `the table would have ${text.length} octets`,
      `at most ${MAX_LATENCY_OCTETS}: fewer rows with a larger --min-samples`,
    );
  try {
    replaceFile(out, text);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    return fault(`it cannot be written (${unreadable(error).what})`, "a place that this user may write to");
  }
}

/** Tells what came of it, and returns the exit code. */
function report(outcome: Outcome, isJson: boolean, terminal: Terminal): number {
  const isDone = outcome.table !== undefined;
  if (isJson) terminal.out(JSON.stringify({ ok: isDone, ...summarize(outcome) }));
  else {
    for (const line of findingLines(outcome.findings, terminal)) terminal.err(line);
    for (const line of summaryLines(outcome)) (isDone ? terminal.out : terminal.err)(line);
  }
  return isDone ? EXIT_OK : EXIT_FINDINGS;
}

function summarize({ out, tally, table, rest, update, findings }: Outcome) {
  return {
    out,
    ...(tally === undefined
      ? {}
      : { lines: tally.lines, samples: tally.samples, special: tally.special, bad: tally.bad }),
    ...(table === undefined || tally === undefined
      ? {}
      : {
          regions: table.regions,
          clients: table.clients.length,
          rows: rowCount(table),
          left: rest,
          longest: { ipv4: tally.sketch.leafBits[4], ipv6: tally.sketch.leafBits[6] },
        }),
    ...(update == null ? {} : { moved: update.moved, kept: update.kept, carried: update.carried }),
    findings,
  };
}

function rowCount(table: Pick<LatencyTable, "clients">): number {
  return table.clients.reduce((sum, { rows }) => sum + rows.length, 0);
}

function summaryLines({ out, tally, table, rest, update }: Outcome): string[] {
  const lines: string[] = [];
  if (tally !== undefined) {
    const { bad, special } = tally;
    lines.push(
      `${plural(tally.lines, "line")}: ${plural(tally.samples, "round trip")}, ${special} of special-purpose addresses, ${bad} bad`,
    );
    const { leafBits } = tally.sketch;
    if (leafBits[4] < PREFIX_STEPS[4].longest || leafBits[6] < PREFIX_STEPS[6].longest)
      lines.push(
        `memory was short: no prefix is longer than a /${leafBits[4]} of IPv4 or a /${leafBits[6]} of IPv6`,
      );
  }
  if (table === undefined) return [...lines, `${out}: nothing was written`];
  if (rest !== undefined && rest.samples > 0)
    lines.push(`${plural(rest.samples, "round trip")} left out: too few, even in the widest prefixes`);
  if (update != null)
    lines.push(
      `${plural(update.moved, "client")} moved, ${update.kept} kept for want of gain, ${update.carried} not in the logs`,
    );
  lines.push(
    `${out}: ${plural(rowCount(table), "row")} for ${plural(table.clients.length, "client")} and ${plural(table.regions.length, "region")}`,
  );
  return lines;
}
