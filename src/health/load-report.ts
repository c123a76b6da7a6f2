import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_LOAD,
  ROW_P99_US,
} from "./rows.ts";

/** What an endpoint says of itself in one answer; -1: nothing. */
export interface LoadReport {
  connections: number;
  /** How many of them it can hold. */
  capacity: number;
  p99Ms: number;
  /** Part of its requests that fail, 0 to 1. */
  errorRate: number;
}

/** How reports become the words of a row. */
export interface ReportRule {
  /** Time over which figures are smoothed. */
  windowMs: number;
  /** A figure that has not been reported for longer is forgotten. */
  expireMs: number;
}

/** One smoothed figure. Values, never changed in place. */
interface Figure {
  value: number;
  atMs: number;
}

/** The figures of one endpoint address; null: none is known. */
export interface Load {
  connections: Figure | null;
  capacity: Figure | null;
  p99Us: Figure | null;
  /** In 1/65536. */
  errors: Figure | null;
}

export const NO_LOAD: Load = { connections: null, capacity: null, p99Us: null, errors: null };

/** What one word of a row holds at most. */
const MAX_WORD = 0x7fff_ffff;
/** 1.0 in the words of load and errors. */
const ONE = 65_536;

/**
 * Folds what an answer reports into the figures: a moving average whose weight halves in 0.7 windows, whatever the
 * intervals between the reports are. `report` is null for a probe that brought none: then figures only grow old. The
 * same object when nothing changes.
 */
export function foldReport(before: Load, report: LoadReport | null, nowMs: number, rule: ReportRule): Load {
  const fold = (figure: Figure | null, reported: number, windowMs: number): Figure | null => {
    if (reported >= 0) {
      const value = Math.min(reported, MAX_WORD);
      if (figure === null || isOld(figure, nowMs, rule)) return { value, atMs: nowMs };
      const share = windowMs === 0 ? 1 : 1 - Math.exp((figure.atMs - nowMs) / windowMs);
      return { value: figure.value + (value - figure.value) * share, atMs: nowMs };
    }
    return figure !== null && isOld(figure, nowMs, rule) ? null : figure;
  };
  const { connections, capacity, p99Ms, errorRate } = report ?? NOTHING;
  const next: Load = {
    connections: fold(before.connections, connections, rule.windowMs),
    // What somebody has configured is true at once.
    capacity: fold(before.capacity, capacity, 0),
    p99Us: fold(before.p99Us, p99Ms < 0 ? -1 : p99Ms * 1_000, rule.windowMs),
    errors: fold(before.errors, errorRate < 0 ? -1 : errorRate * ONE, rule.windowMs),
  };
  const isSame =
    next.connections === before.connections &&
    next.capacity === before.capacity &&
    next.p99Us === before.p99Us &&
    next.errors === before.errors;
  return isSame ? before : next;
}

const NOTHING: LoadReport = { connections: -1, capacity: -1, p99Ms: -1, errorRate: -1 };

function isOld(figure: Figure, nowMs: number, rule: ReportRule): boolean {
  return nowMs - figure.atMs > rule.expireMs;
}

/** Writes the words of a report. Load is the part of its capacity that is taken, and may be more than all of it. */
export function writeReport(rows: HealthRows, row: number, load: Load): void {
  const base = row * ENDPOINT_ROW_WORDS;
  const { connections, capacity } = load;
  const taken =
    connections === null || capacity === null || capacity.value < 1
      ? -1
      : Math.min(MAX_WORD, Math.round((connections.value / capacity.value) * ONE));
  Atomics.store(rows.endpoints, base + ROW_LOAD, taken);
  Atomics.store(rows.endpoints, base + ROW_CONNECTIONS, wordOf(connections));
  Atomics.store(rows.endpoints, base + ROW_CAPACITY, wordOf(capacity));
  Atomics.store(rows.endpoints, base + ROW_P99_US, wordOf(load.p99Us));
  Atomics.store(rows.endpoints, base + ROW_ERRORS, wordOf(load.errors));
}

/** The figures that a row carries, as a prober that was restarted finds them: as old as this moment. */
export function reportFromRow(rows: HealthRows, row: number, nowMs: number): Load {
  const figure = (word: number): Figure | null => {
    const value = Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + word);
    return value < 0 ? null : { value, atMs: nowMs };
  };
  return {
    connections: figure(ROW_CONNECTIONS),
    capacity: figure(ROW_CAPACITY),
    p99Us: figure(ROW_P99_US),
    errors: figure(ROW_ERRORS),
  };
}

function wordOf(figure: Figure | null): number {
  return figure === null ? -1 : Math.round(figure.value);
}
