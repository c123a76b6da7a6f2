import type { ShedRule } from "./plan.ts";
import { SCALE_ONE } from "./ramp.ts";

/**
 * Load moves clients away by slices: none at `low`, all at `high`, evenly between. What was given out before is cached
 * for as long as a TTL, so that the load answers late: clients leave within 20 seconds at the fastest, and come back within a minute,
 * or the load would swing.
 */
const LEAVE_MS = 20_000;
const COME_BACK_MS = 60_000;

/** The scale that a load asks for; -1: none is reported, and nobody is moved. */
export function shedTarget(load: number, { low, high }: ShedRule): number {
  if (load <= low) return SCALE_ONE;
  if (load >= high) return 0;
  return Math.round((SCALE_ONE * (high - load)) / (high - low));
}

/** The scale after `elapsedMs` on the way from `before` to what the load asks for. */
export function shedScale(before: number, load: number, rule: ShedRule, elapsedMs: number): number {
  const target = shedTarget(load, rule);
  if (target < before) return Math.max(target, before - Math.ceil((SCALE_ONE * elapsedMs) / LEAVE_MS));
  return Math.min(target, before + Math.ceil((SCALE_ONE * elapsedMs) / COME_BACK_MS));
}
