import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Generator } from "./generator.ts";
import { type Setting, startSteerd } from "./peers.ts";
import { measureRun, median, type Target } from "./target.ts";
import type { Workload } from "./workloads.ts";

export interface AllocationResult {
  queries: number;
  seconds: number;
  /** What the worker's heap grew by in a second without queries: timers, and the probe itself. */
  idleOctetsPerSecond: number;
  /** Growth under load, less that of an idle worker in the same time. */
  octetsPerQuery: number;
  minorCollections: number;
  majorCollections: number;
  lost: number;
  wrong: number;
}

interface Reading {
  used: number;
  minor: number;
  major: number;
}

/** Readings settle after code has been compiled; each reading is a second. */
const WARM_UP_MS = 8_000;
const IDLE_MS = 6_000;

/**
 * A steady minute of a UDP worker: what `rate` queries a second leave on its heap. Semi-spaces are so large that nothing
 * is collected in between; a collection in spite of that shows in the counts.
 */
export async function measureAllocation(
  generator: Generator,
  setting: Setting,
  workload: Workload,
  options: { rate: number; seconds: number },
): Promise<AllocationResult> {
  const file = join(setting.folder, "heap");
  process.env.STEERD_HEAP_PROBE = file;
  const nodeFlags = ["--require", resolve("bench/load/heap-probe.cjs")];
  nodeFlags.push("--min-semi-space-size=128", "--max-semi-space-size=128");
  const server = await startSteerd({ ...setting, workers: 1, nodeFlags });
  delete process.env.STEERD_HEAP_PROBE;
  const target: Target = { server, resolverAddress: 0 };
  const load = (durationMs: number) =>
    measureRun(generator, target, workload, { warmUpMs: 0, durationMs }, (each) =>
      generator.pace(each, options.rate),
    );
  load(WARM_UP_MS);
  const idle = await watch(file, () => sleep(IDLE_MS));
  const loaded = await watch(file, async () => load(options.seconds * 1000));
  await server.child.stop();
  const { result: run } = loaded;
  return {
    queries: run.replies,
    seconds: run.seconds,
    idleOctetsPerSecond: idle.growth,
    octetsPerQuery: (loaded.growth - idle.growth) / (run.replies / run.seconds),
    minorCollections: loaded.minor,
    majorCollections: loaded.major,
    lost: run.lost,
    wrong: run.wrong,
  };
}

const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

function readings(file: string): Reading[] {
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  return lines.map((line) => JSON.parse(line) as Reading);
}

/** Octets by which the heap grew in a second, the median of all seconds of `work`, and the collections meanwhile. */
async function watch<T>(
  file: string,
  work: () => Promise<T>,
): Promise<{ growth: number; minor: number; major: number; result: T }> {
  await sleep(1_500);
  const from = readings(file).length - 1;
  const result = await work();
  await sleep(1_500);
  const seen = readings(file).slice(from);
  const growth = median(seen.slice(1).map(({ used }, index) => used - seen[index]!.used));
  const [first, last] = [seen[0]!, seen.at(-1)!];
  return { growth, minor: last.minor - first.minor, major: last.major - first.major, result };
}
