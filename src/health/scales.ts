import type { CalculatedTarget, ProbeTarget } from "./plan.ts";
import { rampScale, SCALE_ONE } from "./ramp.ts";
import { isWarning } from "./reasons.ts";
import { shedScale, shedTarget } from "./shed.ts";
import type { EndpointState } from "./state.ts";

/** An address whose scale may move by itself. */
export interface Scaled {
  target: ProbeTarget | CalculatedTarget;
  state: EndpointState;
  /** What is published: factor on its weight. */
  scale: number;
  /** What load leaves of it. */
  shed: number;
}

/** Scales move in steps that nobody feels, so that thousands of ramps cost little. */
const STEP_MS = 250;

/** The scales of a plan: slow start, load and warnings, together. The clock is an argument. */
export class Scales<T extends Scaled> {
  private readonly loadOf: (scaled: T) => number;
  private readonly moving = new Set<T>();
  private lastMs = Number.NEGATIVE_INFINITY;

  /** `loadOf`: load of an address in 1/65536 of its capacity; -1: it reports none. */
  constructor(loadOf: (scaled: T) => number) {
    this.loadOf = loadOf;
  }

  /** Begins anew with the addresses of a plan; what was not known before takes what its load asks for at once. */
  adopt(all: Iterable<T>, isNew: (scaled: T) => boolean, nowMs: number): void {
    this.moving.clear();
    for (const scaled of all) {
      const { shed } = scaled.target;
      scaled.scale = SCALE_ONE;
      if (shed === undefined) scaled.shed = SCALE_ONE;
      else if (isNew(scaled)) scaled.shed = shedTarget(this.loadOf(scaled), shed);
      this.watch(scaled, nowMs);
    }
  }

  /** An address has another state: its ramp may begin, or go back, and its probes may warn. */
  watch(scaled: T, nowMs: number): void {
    const { shed, slowStartMs, check } = scaled.target;
    const moves = shed !== undefined || slowStartMs !== undefined;
    if (!moves && check.warningScale === undefined) return;
    scaled.scale = scaleOf(scaled, nowMs);
    if (moves) this.moving.add(scaled);
  }

  /** Calls `changed` for every address whose scale has moved since the last step, a few times a second. */
  step(nowMs: number, changed: (scaled: T) => void): void {
    const elapsedMs = nowMs - this.lastMs;
    if (elapsedMs < STEP_MS) return;
    const sinceMs = Math.min(elapsedMs, 4 * STEP_MS);
    this.lastMs = nowMs;
    for (const scaled of this.moving) {
      const { shed, slowStartMs = 0 } = scaled.target;
      if (shed !== undefined) scaled.shed = shedScale(scaled.shed, this.loadOf(scaled), shed, sinceMs);
      const scale = scaleOf(scaled, nowMs);
      if (shed === undefined && rampScale(scaled.state, nowMs, slowStartMs) === SCALE_ONE)
        this.moving.delete(scaled);
      if (scale === scaled.scale) continue;
      scaled.scale = scale;
      changed(scaled);
    }
  }
}

function scaleOf({ target, state, shed }: Scaled, nowMs: number): number {
  const { slowStartMs = 0, check } = target;
  const warned = isWarning(state.reason) ? (check.warningScale ?? SCALE_ONE) : SCALE_ONE;
  return Math.floor(((rampScale(state, nowMs, slowStartMs) * shed) / SCALE_ONE) * (warned / SCALE_ONE));
}
