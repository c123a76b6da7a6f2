import type { HealthClock } from "./probe.ts";
import type { HealthRows } from "./rows.ts";
import type { EndpointState } from "./state.ts";
import type { Tracked } from "./tracked.ts";

/**
 * Since when an address that is down has passed every probe, where its check wants to see that for a time (`hold_down:
 * {healthy}`): seconds since 1970, rounded up; 0: nobody has to know. It stands beside the row, whose 16 words are full.
 */

/** Successes that may bring the address back. */
function isReturning({ up, run }: EndpointState): boolean {
  return !up && run > 0;
}

/** Keeps when the successes of an address began; true: they began with its latest result, or ended with it. */
export function keepRun(
  rows: HealthRows,
  { target, timing, state }: Tracked,
  before: EndpointState,
  clock: Pick<HealthClock, "nowMs" | "wallMs">,
): boolean {
  if (timing.holdHealthyMs === undefined || isReturning(before) === isReturning(state)) return false;
  const sinceMs = clock.wallMs() - clock.nowMs() + state.runSinceMs;
  Atomics.store(rows.runs, target.row, isReturning(state) ? Math.ceil(sinceMs / 1000) : 0);
  return true;
}

/** The row is another address's, or its check asks something else. */
export function clearRun(rows: HealthRows, row: number): void {
  Atomics.store(rows.runs, row, 0);
}
