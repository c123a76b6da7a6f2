import { spawnSync } from "node:child_process";

/** One thing to be timed. */
export interface TimedCase {
  name: string;
  /** Runs the function under test `calls` times. */
  run(calls: number): void;
  /** What `run` does besides, as often: its time, taken alone in the same round, is not the function's. */
  besides?(calls: number): void;
}

export interface Timing {
  name: string;
  /** Nanoseconds of processor time a call: median, fastest and slowest round. */
  medianNs: number;
  leastNs: number;
  mostNs: number;
}

export interface TimingOptions {
  calls: number;
  rounds: number;
}

/**
 * Times all cases in turn, round after round, so that whatever else the machine does falls on all of them alike.
 * Processor time, not the clock's: what other processes take of the machine does not count.
 */
export function timeInterleaved(cases: readonly TimedCase[], options: TimingOptions): Timing[] {
  const { calls, rounds } = options;
  const samples = cases.map(() => [] as number[]);
  for (const timed of cases) {
    timed.run(calls);
    timed.besides?.(calls);
  }
  for (let round = 0; round < rounds; round++) {
    cases.forEach((timed, index) => {
      const wholeUs = microsecondsOf(() => timed.run(calls));
      const besidesUs = timed.besides === undefined ? 0 : microsecondsOf(() => timed.besides!(calls));
      samples[index]!.push(((wholeUs - besidesUs) * 1000) / calls);
    });
  }
  return cases.map(({ name }, index) => {
    const sorted = samples[index]!.sort((left, right) => left - right);
    return { name, medianNs: median(sorted), leastNs: sorted[0]!, mostNs: sorted.at(-1)! };
  });
}

function microsecondsOf(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return user + system;
}

/**
 * Times the cases of this very program in processes of their own, one after the other: V8 compiles them differently each
 * time, which makes a tenth. `args` make the program print what timeInterleaved returns as JSON.
 *
 * @returns of each case the median, least and most of the processes' medians.
 */
export function timeInProcesses(args: readonly string[], processes: number): Timing[] {
  const runs = Array.from({ length: processes }, () => {
    const { stdout } = spawnSync(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    return JSON.parse(stdout) as Timing[];
  });
  return runs[0]!.map(({ name }, index) => {
    const sorted = runs.map((run) => run[index]!.medianNs).sort((left, right) => left - right);
    return { name, medianNs: median(sorted), leastNs: sorted[0]!, mostNs: sorted.at(-1)! };
  });
}

/** Of numbers in ascending order. */
function median(sorted: readonly number[]): number {
  return sorted[sorted.length >> 1]!;
}
