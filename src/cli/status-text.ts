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

const HEAD = ["endpoint", "address", "probed", "forced", "until", "weight", "cached", "why"] as const;
type Column = (typeof HEAD)[number];
/** Columns that are left out where no endpoint has anything in them: what stands before the last one is to fit into 75 letters. */
const SELDOM: readonly Column[] = ["forced", "until", "cached"];

/** The server in one line, what is wrong with it, and a table for each pool; columns are those of all pools together. */
export function statusLines(status: ServerStatus, terminal: Terminal): string[] {
  const { version, startedMs, nowMs, generation, pools } = status;
  const tables = pools.map(({ endpoints }) => endpoints.map((endpoint) => cellsOf(endpoint, nowMs)));
  const every = tables.flat();
  const columns = HEAD.filter(
    (column) => !SELDOM.includes(column) || every.some((cells) => cells[column] !== "-"),
  );
  const widths = columns.map((column) =>
    Math.max(column.length, ...every.map((cells) => cells[column].length)),
  );
  const row = (cellOf: (column: Column) => string, style: (text: string, column: Column) => string): string =>
    `  ${columns
      .map((column, i) =>
        style(column === "why" ? cellOf(column) : cellOf(column).padEnd(widths[i]!), column),
      )
      .join("  ")}`.trimEnd();
  const up = formatDuration(nowMs - startedMs);
  return [
    `steerd ${version}, up for ${up}, configuration ${generation}`,
    ...alarms(status).map((line) => paint(terminal, "red", line)),
    ...pools.flatMap((pool, at) => [
      "",
      poolLine(pool, nowMs, terminal),
      ...(pool.endpoints.length === 0
        ? []
        : [
            row(
              (column) => column,
              (text) => paint(terminal, "dim", text),
            ),
          ]),
      ...pool.endpoints.map((endpoint, i) =>
        row(
          (column) => tables[at]![i]![column],
          (text, column) => {
            const style = styleOf(endpoint, column);
            return style === null ? text : paint(terminal, style, text);
          },
        ),
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

function poolLine(pool: PoolStatus, nowMs: number, terminal: Terminal): string {
  const { zone, pool: name, region, state, since } = pool;
  const style: Style = state === "failed" ? "red" : state === "drained" ? "yellow" : "green";
  const age = since === null || since === 0 ? "" : `, for ${formatDuration(nowMs - since * 1000)}`;
  const word = state === "unchecked" ? "up" : state;
  const place = region === null ? "" : `  ${paint(terminal, "dim", region)}`;
  return `${paint(terminal, "bold", `${zone}/${name}`)}${place}  ${paint(terminal, style, word)}: ${poolWords(pool)}${age}`;
}

function poolWords({ check, state, up, usable, endpoints }: PoolStatus): string {
  if (state === "unchecked") return "no check: always up";
  const isOut =
    state === "failed" && endpoints.length > 0 && endpoints.every(({ forced }) => forced === "down");
  if (state === "drained" || isOut) {
    const good = endpoints.filter(({ probed }) => probed === "up").length;
    return check === null ? "by hand" : `by hand; its probes say ${good} of ${endpoints.length} up`;
  }
  const drained = new Set(
    endpoints.flatMap(({ endpoint, address, forced }) => (forced === "drain" ? [endpoint || address] : [])),
  ).size;
  return `${up} of ${usable} up${drained === 0 ? "" : ` and ${drained} drained`}`;
}

function styleOf({ probed, forced }: EndpointStatus, column: Column): Style | null {
  if (column === "forced") return forced === null ? null : "yellow";
  if (column !== "probed") return null;
  return probed === "down" ? "red" : probed === "up" ? "green" : null;
}

function cellsOf(status: EndpointStatus, nowMs: number): Record<Column, string> {
  const { endpoint, address, probed, forced, since, entry, weight, drainedUntil } = status;
  const aged = (word: string, sinceMs: number | null): string =>
    sinceMs === null ? word : `${word} ${formatDuration(Math.max(0, nowMs - sinceMs))}`;
  return {
    endpoint: endpoint === address ? "-" : endpoint,
    address,
    probed: probed === "unchecked" ? "no check" : aged(probed, since === null ? null : since * 1000),
    forced: entry === null ? (forced ?? "-") : aged(forced ?? "weight", entry.since),
    until: entry === null || entry.until === null ? "-" : momentWords(entry.until, nowMs),
    weight: `${Number((weight * 100).toFixed(1))}%`,
    cached: drainedUntil === null ? "-" : cachedWords(drainedUntil, nowMs),
    why: whyOf(status),
  };
}

/** Whether resolvers can have a drained address still, and for how long. */
function cachedWords(drainedUntil: number, nowMs: number): string {
  return drainedUntil <= nowMs ? "let go" : `${Math.ceil((drainedUntil - nowMs) / 1000)} s more`;
}

/** Why the probes say so where that says anything, and the words of whoever forced it. */
function whyOf({ probed, reason, because, entry }: EndpointStatus): string {
  const said = because === "" ? reason : `${reason} (${because})`;
  const parts = reason === "" || (probed === "up" && reason === "ok") ? [] : [said];
  if (entry !== null) {
    const by = entry.author === null ? entry.match : `${entry.match} by ${entry.author}`;
    parts.push(`${by}${entry.reason === null ? "" : `: ${entry.reason}`}`);
  }
  return parts.join("; ");
}

function clockWords(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}

/** In local time: of the next 24 hours the time alone, of this year the day too, else the date. */
function momentWords(ms: number, nowMs: number): string {
  if (Math.abs(ms - nowMs) < 86_400_000) return clockWords(ms);
  const at = new Date(ms);
  const [, month, day, year] = at.toDateString().split(" ");
  if (at.getFullYear() === new Date(nowMs).getFullYear())
    return `${Number(day)} ${month} ${clockWords(ms).slice(0, 5)}`;
  return `${Number(day)} ${month} ${year}`;
}
