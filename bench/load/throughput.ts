import { alignColumns } from "../support/report.ts";
import type { Generator } from "./generator.ts";
import { type Measured, measureRun, median, spread, type Target } from "./target.ts";
import type { Workload } from "./workloads.ts";

/**
 * Queries under way: several batches of the server's, and no more than fit into the receive buffer of a server that leaves
 * it as the kernel has it (212,992 octets, 768 for each).
 */
export const WINDOW = 192;

export interface ThroughputRow {
  workload: string;
  server: string;
  /** By round; null: the server's core was not busy enough, or a reply was wrong or lost. */
  rounds: (Measured | null)[];
  leftOut: string[];
}

export interface ThroughputOptions {
  /** Rounds of the first workload, and of each of the others. */
  rounds: number;
  otherRounds: number;
  durationMs: number;
  warmUpMs: number;
  /** Least share of its core that the server has to have had. */
  busy: number;
}

/** Every workload against every target, in turn, round after round. */
export function measureThroughput(
  generator: Generator,
  targets: readonly Target[],
  workloads: readonly Workload[],
  options: ThroughputOptions,
): ThroughputRow[] {
  const rows = workloads.flatMap((workload) =>
    targets.map((target) => ({
      workload,
      target,
      rounds: [] as (Measured | null)[],
      leftOut: [] as string[],
    })),
  );
  for (let round = 0; round < Math.max(options.rounds, options.otherRounds); round++) {
    for (const { workload, target, rounds, leftOut } of rows) {
      if (round >= (workload === workloads[0] ? options.rounds : options.otherRounds)) continue;
      const run = measureRun(generator, target, workload, options, (each) =>
        generator.saturate(each, WINDOW),
      );
      const fault = faultOf(run, options.busy);
      rounds.push(fault === null ? run : null);
      if (fault !== null) leftOut.push(fault);
    }
  }
  return rows.map(({ workload, target, rounds, leftOut }) => ({
    workload: workload.name,
    server: target.server.name,
    rounds,
    leftOut,
  }));
}

/** Why a round does not count, or null. */
export function faultOf(run: Measured, leastBusy: number): string | null {
  if (run.wrong > 0) return `${run.wrong} wrong replies, the first ${run.firstWrong}`;
  if (run.lost > run.replies / 10_000) return `${run.lost} replies lost`;
  if (run.busy < leastBusy) return `core only ${(100 * run.busy).toFixed(0)}% busy`;
  return null;
}

/** Ratios of a figure between two servers, round by round where both count. */
export function ratios(
  rows: readonly ThroughputRow[],
  workload: string,
  of: string,
  to: string,
  figure: (run: Measured) => number,
): number[] {
  const roundsOf = (server: string): (Measured | null)[] =>
    rows.find((row) => row.workload === workload && row.server === server)?.rounds ?? [];
  const others = roundsOf(to);
  return roundsOf(of).flatMap((run, round) => {
    const other = others[round] ?? null;
    return run === null || other === null ? [] : [figure(run) / figure(other)];
  });
}

export const perSecond = (run: Measured): number => run.queriesPerSecond;
export const perQuery = (run: Measured): number => run.totalUs;

export function throughputLines(rows: readonly ThroughputRow[], own: string): string[] {
  const head = ["", "queries/s", "us/query", "user", "system", "rounds", `${own}: queries/s`, "us/query"];
  const table = rows.map((row, index) => {
    const runs = row.rounds.filter((run) => run !== null);
    const of = (figure: (run: Measured) => number): number => median(runs.map(figure));
    const ratio = (figure: (run: Measured) => number): string =>
      row.server === own ? "" : `${spread(ratios(rows, row.workload, own, row.server, figure), 2)} x`;
    return [
      `${row.workload === rows[index - 1]?.workload ? " ".repeat(row.workload.length) : row.workload}  ${row.server}`,
      spread(
        runs.map((run) => run.queriesPerSecond / 1000),
        0,
      ).concat("k"),
      of(perQuery).toFixed(2),
      of((run) => run.userUs).toFixed(2),
      of((run) => run.systemUs).toFixed(2),
      `${runs.length} of ${row.rounds.length}`,
      ratio(perSecond),
      ratio(perQuery),
    ];
  });
  const leftOut = rows.flatMap((row) =>
    row.leftOut.slice(0, 1).map((why) => `left out: ${row.workload}, ${row.server}: ${why}`),
  );
  return [...alignColumns([head, ...table]), ...leftOut];
}
