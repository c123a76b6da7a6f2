import { resolve } from "node:path";
import type { Generator } from "./generator.ts";
import { type Setting, startSteerd } from "./peers.ts";
import { residentMegabytes } from "./processor.ts";
import { measureRun } from "./target.ts";
import { WINDOW } from "./throughput.ts";
import { makeExampleWorkload } from "./workloads.ts";

/** Collections and trims after the start are over by then: see src/control/trim.ts. */
const SETTLED_MS = 10_000;

export interface MemoryResult {
  idleMegabytes: number;
  /** After the load, still running. */
  loadedMegabytes: number;
  queries: number;
  wrong: number;
}

/** Resident memory of a server with two workers, the embedded database and the example zones. */
export async function measureMemory(generator: Generator, setting: Setting): Promise<MemoryResult> {
  const server = await startSteerd({ ...setting, workers: 2, zones: resolve("zones"), embedded: true });
  await new Promise((done) => setTimeout(done, SETTLED_MS));
  const idleMegabytes = residentMegabytes(server.pid);
  const target = { server, resolverAddress: 0 };
  const run = measureRun(
    generator,
    target,
    makeExampleWorkload(),
    { warmUpMs: 1_000, durationMs: 4_000 },
    (options) => generator.saturate(options, WINDOW),
  );
  const loadedMegabytes = residentMegabytes(server.pid);
  await server.child.stop();
  return { idleMegabytes, loadedMegabytes, queries: run.replies, wrong: run.wrong };
}
