import { BUILT_IN_GROUPS, CONTINENTS, COUNTRIES, findCountry } from "./country.ts";
import { type GeoKey, parseGeoKey } from "./geo-key.ts";
import { clearHostBits, formatPrefix, type Prefix, parsePrefix } from "./prefix.ts";
import { embeddedIpv4Bits } from "./prefix-index.ts";
import type { GeoProblem } from "./problem.ts";
import { findBlock, SPECIAL_BLOCKS } from "./special.ts";

/** Round trips between clients and regions, as geo/README.md describes the file. Immutable. */
export interface LatencyTable {
  /** Stands for the content: tables made of it are reused while it is the same. */
  id: string;
  regions: string[];
  clients: LatencyClient[];
}

/** Whom a row is about. */
export type LatencyKey =
  | { kind: "prefix"; prefix: Prefix }
  | { kind: "asn"; asn: number }
  | Extract<GeoKey, { kind: "continent" | "country" | "subdivision" }>;

export interface LatencyClient {
  key: LatencyKey;
  rows: LatencyRow[];
}

export interface LatencyRow {
  /** Index into LatencyTable.regions. */
  region: number;
  rttMs: number;
  /** Number of measurements behind it; null: the file does not say. */
  samples: number | null;
}

/** What is wrong in a table, with its place; lines and columns count from 1. */
export interface LatencyProblem extends GeoProblem {
  line: number;
  column: number;
}

const COLUMNS = ["client", "region", "rtt_ms", "samples", "date"] as const;
type Column = (typeof COLUMNS)[number];
const REQUIRED: readonly Column[] = ["client", "region", "rtt_ms"];

/** A round trip of a minute is no round trip. */
export const MAX_RTT_MS = 60_000;
/** A region's name, as the keys of `regions` in a zone's file. */
export const REGION_NAME = /^[a-z0-9][a-z0-9_-]*$/;

const HEADER = "client,region,rtt_ms, and optionally samples and date";

/** A cell of a line, trimmed, and where it starts. */
interface Cell {
  text: string;
  column: number;
}

/**
 * A table as parseLatencyTable reads it, with `comments` before it. `dateOf`: the day of a row's measurement, or nothing.
 */
export function formatLatencyTable(
  { regions, clients }: Pick<LatencyTable, "regions" | "clients">,
  comments: readonly string[],
  dateOf: (row: LatencyRow) => string,
): string {
  const lines = [...comments.map((comment) => `# ${comment}`), COLUMNS.join()];
  for (const { key, rows } of clients) {
    const client = formatLatencyKey(key);
    for (const row of rows) {
      const rtt = Math.min(MAX_RTT_MS, Number(row.rttMs.toFixed(2)));
      lines.push([client, regions[row.region], rtt, row.samples ?? "", dateOf(row)].join());
    }
  }
  return `${lines.join("\n")}\n`;
}

export function formatLatencyKey(key: LatencyKey): string {
  switch (key.kind) {
    case "prefix":
      return formatPrefix(clearHostBits(key.prefix));
    case "asn":
      return `AS${key.asn}`;
    case "continent":
      return CONTINENTS[key.continent - 1]!;
    case "country":
      return countryKey(key.country);
    case "subdivision": {
      const country = findCountry(key.code.slice(0, 2));
      return `${countryKey(country)}${key.code.slice(2)}`;
    }
    default:
      return key satisfies never;
  }
}

function countryKey(country: number): string {
  const { continent, code } = COUNTRIES[country - 1]!;
  return `${CONTINENTS[continent - 1]}-${code}`;
}

/** A table while it is read. */
interface Draft {
  columns: Column[];
  regions: Map<string, number>;
  clients: Map<string, LatencyClient>;
  /** Line of each client and region. */
  first: Map<string, number>;
  problems: LatencyProblem[];
}

/**
 * Reads a latency table: a line of column names, then comma-separated rows; empty lines and those that begin with `#`
 * count for nothing. With anything wrong, everything that is.
 */
export function parseLatencyTable(
  text: string,
  id: string,
): { table: LatencyTable } | { problems: LatencyProblem[] } {
  const draft: Draft = {
    columns: [],
    regions: new Map(),
    clients: new Map(),
    first: new Map(),
    problems: [],
  };
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const cells = cellsOf(line);
    if (draft.columns.length > 0) readRow(draft, cells, index + 1);
    else if (!readHeader(draft, cells, index + 1)) return { problems: draft.problems };
  }
  if (draft.columns.length === 0)
    draft.problems.push(problemAt(1, 1, "GEO_LATENCY_HEADER", "the table is empty", HEADER));
  if (draft.problems.length > 0) return { problems: draft.problems };
  return { table: { id, regions: [...draft.regions.keys()], clients: [...draft.clients.values()] } };
}

function problemAt(
  line: number,
  column: number,
  code: string,
  what: string,
  expected: string,
): LatencyProblem {
  return { line, column, code, what, expected };
}

function cellsOf(line: string): Cell[] {
  let column = 1;
  return line.split(",").map((raw) => {
    const cell = { text: raw.trim(), column: column + raw.length - raw.trimStart().length };
    column += raw.length + 1;
    return cell;
  });
}

/** False: without knowing the columns nothing can be said of the rows. */
function readHeader(draft: Draft, cells: Cell[], line: number): boolean {
  const refuse = (column: number, what: string) =>
    draft.problems.push(problemAt(line, column, "GEO_LATENCY_HEADER", what, HEADER));
  for (const { text, column } of cells) {
    const known = COLUMNS.find((name) => name === text);
    if (known === undefined) refuse(column, `"${text}" is no column of a latency table`);
    else if (draft.columns.includes(known)) refuse(column, `the column "${text}" stands here again`);
    else draft.columns.push(known);
  }
  const missing = REQUIRED.filter((name) => !draft.columns.includes(name));
  if (draft.problems.length === 0 && missing.length > 0)
    refuse(1, `there is no column ${missing.join(", ")}`);
  return draft.problems.length === 0;
}

function readRow(draft: Draft, cells: Cell[], line: number): void {
  const { columns, problems } = draft;
  if (cells.length !== columns.length) {
    const what = `the row has ${cells.length} ${cells.length === 1 ? "cell" : "cells"}`;
    problems.push(problemAt(line, 1, "GEO_LATENCY_ROW", what, `${columns.length}: ${columns.join(",")}`));
    return;
  }
  const before = problems.length;
  const cell = (name: Column): Cell | undefined => cells[columns.indexOf(name)];
  const check = (name: Column, isRight: (text: string) => boolean, expected: string): void => {
    const found = cell(name);
    if (found === undefined || isRight(found.text)) return;
    problems.push(problemAt(line, found.column, "GEO_LATENCY_ROW", `${name} is "${found.text}"`, expected));
  };
  const client = cell("client")!;
  const parsed = parseLatencyKey(client.text);
  if ("error" in parsed) problems.push({ line, column: client.column, ...parsed.error });
  check("region", (text) => REGION_NAME.test(text), "a region's name, as in the zone's file");
  check("rtt_ms", isRoundTrip, `milliseconds, above 0 and up to ${MAX_RTT_MS}`);
  check("samples", (text) => text === "" || /^[1-9]\d{0,14}$/.test(text), "a number of measurements from 1");
  check("date", (text) => text === "" || isDate(text), "a date, as 2026-07-31");
  if (problems.length > before || "error" in parsed) return;
  const region = cell("region")!.text;
  const place = `${client.text} ${region}`;
  const first = draft.first.get(place);
  if (first !== undefined) {
    const what = `"${client.text}" has a row for ${region} already, in line ${first}`;
    problems.push(problemAt(line, client.column, "GEO_LATENCY_DUPLICATE", what, "each pair once"));
    return;
  }
  draft.first.set(place, line);
  const samples = cell("samples")?.text ?? "";
  addRow(draft, client.text, parsed.key, {
    region: numberOf(draft.regions, region),
    rttMs: Number(cell("rtt_ms")!.text),
    samples: samples === "" ? null : Number(samples),
  });
}

function addRow(draft: Draft, client: string, key: LatencyKey, row: LatencyRow): void {
  const known = draft.clients.get(client);
  if (known === undefined) draft.clients.set(client, { key, rows: [row] });
  else known.rows.push(row);
}

function numberOf(numbers: Map<string, number>, name: string): number {
  const known = numbers.get(name) ?? numbers.size;
  numbers.set(name, known);
  return known;
}

/** A number of milliseconds, as text. */
export function isRoundTrip(text: string): boolean {
  return /^\d{1,5}(\.\d{1,6})?$/.test(text) && Number(text) > 0 && Number(text) <= MAX_RTT_MS;
}

const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text)?.map(Number) ?? [];
  if (year === undefined || day! < 1 || day! > (MONTH_DAYS[month! - 1] ?? 0)) return false;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return isLeap || month !== 2 || day !== 29;
}

/** `81.2.64.0/20`, `AS64500`, or `EU`, `EU-GB`, `NA-US-CA` as in `geo`; in one form only, so that no client has two. */
function parseLatencyKey(text: string): { key: LatencyKey } | { error: GeoProblem } {
  if (/[/.:]/.test(text)) return parseClientPrefix(text);
  const asn = /^AS(\d{1,10})$/.exec(text)?.[1];
  if (asn !== undefined) {
    const isAsn = /^[1-9]/.test(asn) && Number(asn) <= 0xffffffff;
    if (isAsn) return { key: { kind: "asn", asn: Number(asn) } };
    return wrong(`"${text}" is no autonomous system`, "AS1 to AS4294967295");
  }
  const parsed = parseGeoKey(text, BUILT_IN_GROUPS);
  if ("error" in parsed) return wrong(parsed.error.what, parsed.error.expected);
  const { key } = parsed;
  if (key.kind === "continent" || key.kind === "country" || key.kind === "subdivision") return { key };
  return wrong(
    `"${text}" is no client of a latency table`,
    "a prefix, AS and a number, or a continent, country or subdivision",
  );
}

function wrong(what: string, expected: string): { error: GeoProblem } {
  return { error: { code: "GEO_LATENCY_CLIENT", what, expected } };
}

function parseClientPrefix(text: string): { key: LatencyKey } | { error: GeoProblem } {
  const prefix = parsePrefix(text);
  if (prefix === null) return wrong(`"${text}" is not a prefix`, "an IPv4 or IPv6 prefix, as 81.2.64.0/20");
  const skip = prefix.family === 6 ? embeddedIpv4Bits(prefix.octets) : 0;
  if (skip > 0 && prefix.bits >= skip) {
    const octets = prefix.octets.slice(skip >> 3, (skip >> 3) + 4);
    const ipv4 = clearHostBits({ family: 4, octets, bits: Math.min(32, prefix.bits - skip) });
    return wrong(`"${text}" is read as the IPv4 prefix within`, formatPrefix(ipv4));
  }
  const canonical = formatPrefix(clearHostBits(prefix));
  if (canonical !== text) return wrong(`"${text}" is not written as prefixes are`, canonical);
  const block = findBlock(SPECIAL_BLOCKS[prefix.family], prefix.octets);
  if (block !== null && block.bits <= prefix.bits) {
    return wrong(`"${text}" is never looked up: ${block.source}`, "a prefix of public addresses");
  }
  return { key: { kind: "prefix", prefix } };
}
