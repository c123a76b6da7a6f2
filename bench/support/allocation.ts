import { PerformanceObserver } from "node:perf_hooks";

/** Calls in one window: long enough that one stray object is far below a byte a call, short enough that 64 MB of semi-space holds what 600 bytes a call would leave. */
const WINDOW_CALLS = 100_000;
/**
 * Windows whose readings are thrown away: code is compiled anew for about a dozen, and the compiler's own objects, and
 * boxes that unoptimized code makes for larger numbers, would be read as the query's.
 */
const WARM_UP_WINDOWS = 16;
const WINDOWS = 7;

export interface Allocation {
  /**
   * Octets that one call allocated, the empty window's subtracted, in the window with the fewest: what calls allocate
   * they allocate in every window, what the compiler allocates beside them in some.
   */
  octetsPerCall: number;
  /** Windows that a collection fell into; their readings are void. */
  voidWindows: number;
}

let collections = 0;
const observer = new PerformanceObserver((list) => {
  collections += list.getEntries().length;
});
observer.observe({ entryTypes: ["gc"] });

/** Collections are reported in one of the next turns of the event loop. */
async function countCollections(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return collections;
}

/** Octets that `calls` calls of `work` added to the heap, or null when a collection fell into the window. */
async function measureWindow(work: (call: number) => void, calls: number): Promise<number | null> {
  gc!();
  const collectionsBefore = await countCollections();
  const before = process.memoryUsage().heapUsed;
  for (let call = 0; call < calls; call++) work(call);
  const after = process.memoryUsage().heapUsed;
  return (await countCollections()) === collectionsBefore ? after - before : null;
}

const nothing = (): void => {};

/**
 * Octets of heap that one call of `work` allocates. Needs `--expose-gc` and semi-spaces of 64 MB, so that no collection
 * hides what was allocated.
 */
export async function measureAllocation(
  work: (call: number) => void,
  windowCalls: number = WINDOW_CALLS,
): Promise<Allocation> {
  for (let window = 0; window < WARM_UP_WINDOWS; window++) await measureWindow(work, windowCalls);
  const readings: number[] = [];
  let voidWindows = 0;
  while (readings.length < WINDOWS && voidWindows < 20) {
    const empty = await measureWindow(nothing, 0);
    const full = await measureWindow(work, windowCalls);
    if (empty === null || full === null) voidWindows++;
    else readings.push((full - empty) / windowCalls);
  }
  readings.sort((left, right) => left - right);
  return { octetsPerCall: readings[0] ?? Number.NaN, voidWindows };
}

/**
 * Stores one `Date.now()` in a field a call: a number beyond 31 bits takes a box of 16 octets. The method is trusted only
 * when this reads 16.
 */
export function measureControl(): Promise<Allocation> {
  // A field that has held something else than a number holds references, and every new number gets a box of its own.
  const control: { stored: unknown } = { stored: "not a number" };
  return measureAllocation(() => {
    control.stored = Date.now();
  });
}
