import { resolve } from "node:path";
import { startChild } from "../../test/support/child.ts";
import type { Generator } from "./generator.ts";
import { type Setting, startSteerd } from "./peers.ts";
import { residentMegabytes } from "./processor.ts";
import { measureRun } from "./target.ts";
import { WINDOW } from "./throughput.ts";
import { makeExampleWorkload } from "./workloads.ts";

/** Collections and trims after the start are over by then: see src/control/trim.ts. */
const SETTLED_MS = 10_000;

/** As many threads as steerd has with two workers, doing nothing. */
const IDLE_THREADS = `const { Worker } = require("node:worker_threads");
for (let thread = 0; thread < 5; thread++) new Worker("setInterval(() => undefined, 1000)", { eval: true });`;
const IDLE_MS = 2_000;

export interface MemoryResult {
  /** A Node.js process with five threads that do nothing. */
  floorMegabytes: number;
  idleMegabytes: number;
  /** After the load, still running. */
  loadedMegabytes: number;
  queries: number;
  wrong: number;
}

async function measureFloor(): Promise<number> {
  const child = startChild(process.execPath, ["-e", IDLE_THREADS], { lifetimeMs: 10_000 });
  await new Promise((done) => setTimeout(done, IDLE_MS));
  const megabytes = residentMegabytes(child.pid);
  await child.stop();
  return megabytes;
}

/** Resident memory of a server with two workers, the embedded database and the example zones. */
export async function measureMemory(generator: Generator, setting: Setting): Promise<MemoryResult> {
  const floorMegabytes = await measureFloor();
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
  return { floorMegabytes, idleMegabytes, loadedMegabytes, queries: run.replies, wrong: run.wrong };
}
