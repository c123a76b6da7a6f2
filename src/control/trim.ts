import { loadKernel } from "../serve/kernel.ts";

/** By then every thread has collected what the start or a reload left behind: see data-worker.ts. */
const TRIM_MS = 6_000;

let timer: NodeJS.Timeout | null = null;

/**
 * Soon gives back what malloc keeps of a compilation: its arenas, one or more for each thread, shrink only from their
 * end. Several requests become one.
 */
export function trimSoon(load: typeof loadKernel = loadKernel): void {
  if (timer !== null) return;
  timer = setTimeout(() => {
    timer = null;
    void load().then((kernel) => {
      if (typeof kernel !== "string") kernel.malloc_trim?.(0);
    });
  }, TRIM_MS);
  timer.unref();
}
