import type { EndpointStatus, PoolStatus } from "../control/live-status.ts";
import { formatDuration } from "../serve/probe-runner.ts";
import { plural } from "./finding-lines.ts";
import { paint, type Style, type Terminal } from "./terminal.ts";

/** What the server says of itself. */
export interface ServerStatus {
  version: string;
  startedMs: number;
  nowMs: number;
  generation: number;
  reloadOk: boolean;
  frozen: boolean;
  /** The file that remembers states over a restart could be written. */
  stateFileOk: boolean;
  overrides: { file: string; isSound: boolean; entries: number; ignored: number[] };
  pools: PoolStatus[];
}

const HEAD = ["endpoint", "address", "probed", "forced", "since", "weight", "drained until", "why"];

/** The server in one line, what is wrong with it, and a table for each pool; columns are those of all pools together. */
export function statusLines(status: ServerStatus, terminal: Terminal): string[] {
  const { version, startedMs, nowMs, generation, pools } = status;
  const tables = pools.map(({ endpoints }) => endpoints.map((endpoint) => cellsOf(endpoint, nowMs)));
  const widths = HEAD.map((word, column) =>
    Math.max(word.length, ...tables.flat().map((cells) => cells[column]!.length)),
  );
  const row = (cells: string[], style: (text: string, column: number) => string): string =>
    `  ${cells.map((cell, i) => style(i === HEAD.length - 1 ? cell : cell.padEnd(widths[i]!), i)).join("  ")}`.trimEnd();
  const up = formatDuration(nowMs - startedMs);
  return [
    `steerd ${version}, up for ${up}, configuration ${generation}`,
    ...alarms(status).map((line) => paint(terminal, "red", line)),
    ...pools.flatMap((pool, at) => [
      "",
      poolLine(pool, nowMs, terminal),
      ...(pool.endpoints.length === 0 ? [] : [row(HEAD, (text) => paint(terminal, "dim", text))]),
      ...pool.endpoints.map((endpoint, i) =>
        row(tables[at]![i]!, (text, column) => {
          const style = column === 2 || column === 3 ? styleOf(endpoint, column) : null;
          return style === null ? text : paint(terminal, style, text);
        }),
      ),
    ]),
  ];
}

function alarms({ reloadOk, frozen, stateFileOk, overrides }: ServerStatus): string[] {
  return [
    ...(reloadOk
      ? []
      : ["The files as last read are wrong: what was read before them is in use. steerd check says more."]),
    ...(frozen ? ["States are frozen: failures are in doubt. steerd thaw ends it."] : []),
    ...(stateFileOk
      ? []
      : ["The state file cannot be written: a restart would know nothing of health. The log says why."]),
    ...(overrides.isSound
      ? []
      : [`${overrides.file} is wrong: what it said before holds. steerd check says more.`]),
    ...(overrides.ignored.length === 0
      ? []
      : [
          `${overrides.file}: ${plural(overrides.ignored.length, "entry", "entries")} ignored: a record would have no address left.`,
        ]),
  ];
}

function poolLine(
  { zone, pool, region, state, up, usable, since }: PoolStatus,
  nowMs: number,
  terminal: Terminal,
): string {
  const style: Style = state === "failed" ? "red" : "green";
  const counted = state === "unchecked" ? "no check: always up" : `${up} of ${usable} up`;
  const age = since === null || since === 0 ? "" : `, for ${formatDuration(nowMs - since * 1000)}`;
  const word = state === "unchecked" ? "up" : state;
  const place = region === null ? "" : `  ${paint(terminal, "dim", region)}`;
  return `${paint(terminal, "bold", `${zone}/${pool}`)}${place}  ${paint(terminal, style, word)}: ${counted}${age}`;
}

function styleOf({ probed, forced }: EndpointStatus, column: number): Style | null {
  if (column === 3) return forced === null ? null : "yellow";
  return probed === "down" ? "red" : probed === "up" ? "green" : null;
}

function cellsOf(status: EndpointStatus, nowMs: number): string[] {
  const { endpoint, address, probed, forced, since, weight, drainedUntil } = status;
  return [
    endpoint === address ? "-" : endpoint,
    address,
    probed === "unchecked" ? "no check" : probed,
    forced ?? "-",
    since === null ? "-" : formatDuration(Math.max(0, nowMs - since * 1000)),
    `${Number((weight * 100).toFixed(1))}%`,
    drainedUntil === null ? "-" : drainedWords(drainedUntil, nowMs),
    whyOf(status, nowMs),
  ];
}

function drainedWords(drainedUntil: number, nowMs: number): string {
  if (drainedUntil <= nowMs) return "let go";
  return `${clockWords(drainedUntil)}, in ${Math.ceil((drainedUntil - nowMs) / 1000)} s`;
}

/** Why the probes say so where that says anything, and the words of whoever forced it. */
function whyOf({ probed, reason, entry }: EndpointStatus, nowMs: number): string {
  const parts = probed === "up" && reason === "ok" ? [] : reason === "" ? [] : [reason];
  if (entry !== null) {
    const by = entry.author === null ? entry.match : `${entry.match} by ${entry.author}`;
    const until = entry.until === null ? "" : `, until ${momentWords(entry.until, nowMs)}`;
    parts.push(`${by}${entry.reason === null ? "" : `: ${entry.reason}`}${until}`);
  }
  return parts.join("; ");
}

function clockWords(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

/** The time alone on the same day. */
function momentWords(ms: number, nowMs: number): string {
  const day = (of: number): string => new Date(of).toDateString();
  return day(ms) === day(nowMs) ? clockWords(ms) : new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}
