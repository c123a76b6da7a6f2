import type { CheckTiming } from "./plan.ts";

/**
 * How long an address that went down stays down, whatever its probes say: `hold_down`, damping, and the spread of returns.
 * Nothing here delays a withdrawal.
 */

/** The part of a timing that decides over states. */
export type Timing = Omit<CheckTiming, "timeoutMs"> & {
  /** How long an address that comes back takes to get all of its weight; absent: no time. */
  slowStartMs?: number;
};

/** The part of a state that decides over its return. */
interface Waiting {
  sinceMs: number;
  run: number;
  runSinceMs: number;
  flaps: number;
  luck: number;
}

/**
 * An address that goes down again within a minute after it came back alternates: with a downtime of a minute at least,
 * no minute sees more than a return and a withdrawal.
 */
const FLAP_MS = 60_000;

/** For each five minutes up, one alternation is forgotten. */
const CALM_MS = 300_000;

/** 2^11 minutes are longer than the longest downtime that can be configured. */
export const MAX_FLAPS = 12;

/** Alternations on record after a withdrawal that ends `uptimeMs` of being up; `returned`: it had come back before. */
export function flapsAfter(flaps: number, uptimeMs: number, returned: boolean): number {
  const left = Math.max(0, flaps - Math.floor(uptimeMs / CALM_MS));
  return returned && uptimeMs < FLAP_MS ? Math.min(MAX_FLAPS, left + 1) : left;
}

/** Least downtime by damping: a minute, then twice as long with each alternation, up to the configured longest. */
function dampedMs(flaps: number, timing: Timing): number {
  if (flaps === 0) return 0;
  return Math.min(timing.dampingMs ?? 0, FLAP_MS * 2 ** (flaps - 1));
}

/** Successes in a row that bring an address back: `rise`, and its part of the spread of returns. */
export function risesNeeded(luck: number, timing: Timing): number {
  return timing.rise + Math.floor((luck * (timing.returnJitterMs ?? 0)) / fastIntervalMs(timing));
}

/** Milliseconds until an address that is down has waited long enough, if it succeeds until then; 0: it has. */
export function waitMs(state: Waiting, nextMs: number, nowMs: number, timing: Timing): number {
  const spreadMs = state.luck * (timing.returnJitterMs ?? 0);
  const downMs = Math.max(timing.holdDownMs ?? 0, dampedMs(state.flaps, timing));
  const healthyMs = timing.holdHealthyMs ?? 0;
  const startMs = state.run > 0 ? state.runSinceMs : nextMs;
  const downLeftMs = downMs === 0 ? 0 : state.sinceMs + downMs + spreadMs - nowMs;
  const healthyLeftMs = healthyMs === 0 ? 0 : startMs + healthyMs + spreadMs - nowMs;
  return Math.max(0, downLeftMs, healthyLeftMs);
}

/** Time between two probes while a change is under way. */
export function fastIntervalMs({ fastIntervalMs: fastMs, intervalMs }: Timing): number {
  return fastMs ?? intervalMs;
}
