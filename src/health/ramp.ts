/** Slow start: how much of its weight an address takes that came back, or was added to a live pool. */

/** Scale of an address that takes its whole weight. */
export const SCALE_ONE = 65_536;

/** The part of a state that decides over its ramp. */
export interface Ramp {
  up: boolean;
  returned: boolean;
  /** Where the ramp would have begun, had no failure set it back. */
  rampSinceMs: number;
  /** How often the address went down within its ramp: each time doubles the next one. */
  rampLevel: number;
}

/** 16 times `slow_start`: whoever fails that often needs no gentler return, but a repair. */
const MAX_RAMP_LEVEL = 4;

/** How much of its weight the address takes, 0 to SCALE_ONE. It grows evenly, so that each client changes over once. */
export function rampScale(ramp: Ramp, nowMs: number, slowStartMs: number): number {
  if (!isRamping(ramp, nowMs, slowStartMs)) return SCALE_ONE;
  return Math.max(0, Math.floor(((nowMs - ramp.rampSinceMs) / lengthMs(ramp, slowStartMs)) * SCALE_ONE));
}

/** True while the address takes less than its weight. */
function isRamping(ramp: Ramp, nowMs: number, slowStartMs: number): boolean {
  return ramp.up && ramp.returned && nowMs - ramp.rampSinceMs < lengthMs(ramp, slowStartMs);
}

/** Where the ramp begins after a failure within it: half of what it had gained is taken back. */
export function setBack(ramp: Ramp, nowMs: number, slowStartMs: number): number {
  if (!isRamping(ramp, nowMs, slowStartMs)) return ramp.rampSinceMs;
  return nowMs - (nowMs - ramp.rampSinceMs) / 2;
}

/** The level of the next ramp, when the address goes down now. */
export function rampLevelAfter(ramp: Ramp, nowMs: number, slowStartMs: number): number {
  return isRamping(ramp, nowMs, slowStartMs) ? Math.min(MAX_RAMP_LEVEL, ramp.rampLevel + 1) : 0;
}

function lengthMs({ rampLevel }: Ramp, slowStartMs: number): number {
  return slowStartMs * 2 ** rampLevel;
}
