import { totalmem } from "node:os";
import { type ResourceLimits, Worker } from "node:worker_threads";
import type { ControlInit, DataInit, ProbeInit } from "./messages.ts";
import type { WorkerHandle } from "./supervised.ts";

/** What a worker of each kind is given at its start. */
export interface WorkerInit {
  control: ControlInit;
  probe: ProbeInit;
  udp: DataInit;
  stream: DataInit;
}

export type StartWorker = <Kind extends keyof WorkerInit>(
  kind: Kind,
  init: WorkerInit[Kind],
  limits?: ResourceLimits,
) => WorkerHandle;

/**
 * Compiled files: worker threads of Node 20 load no TypeScript, so that workers start from dist/ only. Those that answer
 * are one file each: see scripts/build.mjs.
 */
const ENTRIES: Record<keyof WorkerInit, string> = {
  control: "../control-plane/control-worker.js",
  probe: "../control-plane/probe-worker.js",
  udp: "../data-plane/udp-worker.js",
  stream: "../data-plane/stream-worker.js",
};

const MEGABYTE = 1024 * 1024;

/**
 * Room for new objects, three semi-spaces of 2 MB. V8 lets it grow to 48 MB while a configuration is compiled or probes
 * start, and hardly ever gives it back.
 */
export const YOUNG_MB = 6;

/**
 * A worker beyond its limit dies alone and is replaced. Only the control worker's heap grows with the configuration;
 * snapshots lie outside of any heap.
 */
const LIMITS: Record<keyof WorkerInit, ResourceLimits> = {
  control: {
    maxOldGenerationSizeMb: Math.max(512, Math.floor(totalmem() / MEGABYTE / 2)),
    maxYoungGenerationSizeMb: YOUNG_MB,
  },
  probe: { maxOldGenerationSizeMb: 1024, maxYoungGenerationSizeMb: YOUNG_MB },
  udp: { maxOldGenerationSizeMb: 256 },
  stream: { maxOldGenerationSizeMb: 512 },
};

/** Starts a worker thread. */
export const startThread: StartWorker = (kind, init, limits = LIMITS[kind]) =>
  new Worker(new URL(ENTRIES[kind], import.meta.url), {
    name: kind,
    workerData: init,
    resourceLimits: limits,
  });
