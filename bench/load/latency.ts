import { alignColumns } from "../support/report.ts";
import { type Generator, percentile } from "./generator.ts";
import { type Measured, measureRun, median, spread, type Target } from "./target.ts";
import type { Workload } from "./workloads.ts";

export interface LatencyRow {
  server: string;
  rate: number;
  lost: number;
  wrong: number;
  /** Of the server's core. */
  busy: number;
  /** Milliseconds, by round. */
  p50: number[];
  p99: number[];
  p999: number[];
}

/** The same fixed rate against every target, in turn. */
export function measureLatency(
  generator: Generator,
  targets: readonly Target[],
  workload: Workload,
  options: { rate: number; rounds: number; durationMs: number; warmUpMs: number },
): LatencyRow[] {
  const { rate } = options;
  const rows = targets.map((target) => ({ target, runs: [] as Measured[] }));
  for (let round = 0; round < options.rounds; round++) {
    for (const { target, runs } of rows)
      runs.push(measureRun(generator, target, workload, options, (each) => generator.pace(each, rate)));
  }
  return rows.map(({ target, runs }) => {
    const at = (share: number): number[] => runs.map(({ histogram }) => percentile(histogram, share));
    const sum = (figure: (run: Measured) => number): number =>
      runs.reduce((all, run) => all + figure(run), 0);
    return {
      server: target.server.name,
      rate,
      lost: sum((run) => run.lost),
      wrong: sum((run) => run.wrong),
      busy: median(runs.map((run) => run.busy)),
      p50: at(0.5),
      p99: at(0.99),
      p999: at(0.999),
    };
  });
}

export function latencyLines(rows: readonly LatencyRow[]): string[] {
  const head = ["latency, ms", "queries/s", "p50", "p99", "p99.9", "lost", "wrong", "core busy"];
  const table = rows.map((row) => [
    row.server,
    String(row.rate),
    spread(row.p50, 3),
    spread(row.p99, 3),
    spread(row.p999, 3),
    String(row.lost),
    String(row.wrong),
    `${(100 * row.busy).toFixed(0)}%`,
  ]);
  return alignColumns([head, ...table]);
}
