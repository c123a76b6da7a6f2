import { uptime } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { WORD_UNWRITTEN } from "../serve/blocks.ts";
import { createHealthMemory } from "../serve/health-memory.ts";
import type { ProbeInit } from "../serve/messages.ts";
import { runProbeWorker } from "../serve/probe-runner.ts";
import type { HealthClock } from "./probe.ts";
import { createProber } from "./prober.ts";
import { prepareProbe } from "./probes/prepare.ts";

const clock: HealthClock = {
  nowMs: () => performance.now(),
  // The time since boot goes on while the machine sleeps, and no step of the wall clock moves it (clock_gettime(2), CLOCK_BOOTTIME).
  sleptMs: () => uptime() * 1000 - performance.now(),
  wallMs: () => Date.now(),
  setTimer: (fire, delayMs) => setTimeout(fire, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Entry of the worker that probes endpoints. */
if (parentPort !== null) {
  const init = workerData as ProbeInit;
  const { rows, state: settings, words } = init;
  const onWritten = (isWritten: boolean): void => {
    Atomics.store(words, WORD_UNWRITTEN, isWritten ? 0 : 1);
  };
  runProbeWorker(
    init,
    parentPort,
    (options) => createProber({ ...options, clock, random: Math.random, prepare: prepareProbe }),
    (log) => (settings === null ? null : createHealthMemory({ rows, settings, clock, log, onWritten })),
  );
}
