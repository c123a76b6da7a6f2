import type { ForcedPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { type EndpointState, inheritState } from "./state.ts";

/** A target under probe. */
export interface Tracked {
  target: ProbeTarget;
  state: EndpointState;
  /** Seconds since 1970 at `state.sinceMs`, read once: a step of the wall clock changes no age. */
  sinceS: number;
  pools: Judged[];
  /** What an operator says of it. */
  forced?: ForcedPlan | undefined;
}

/** A pool and what was last published of it. */
export interface Judged {
  plan: PoolPlan;
  failed: boolean;
  /** A verdict has been reported: until then a pool counts as failed, but nobody is told. */
  known: boolean;
  sinceMs: number;
  sinceS: number;
}

/** The state of the same address of the same pool under another check: an endpoint that stays keeps its health. */
export function inherited(
  target: ProbeTarget,
  pools: Judged[],
  before: Tracked | undefined,
  nowMs: number,
): Tracked | null {
  if (before === undefined) return null;
  return { ...before, target, pools, state: inheritState(before.state, nowMs, target.check) };
}

/** The pools that a row counts for. */
export function indexByRow(judged: Iterable<Judged>): Map<number, Judged[]> {
  const index = new Map<number, Judged[]>();
  for (const pool of judged) {
    for (const row of pool.plan.endpoints.flat()) {
      const pools = index.get(row);
      if (pools === undefined) index.set(row, [pool]);
      else if (!pools.includes(pool)) pools.push(pool);
    }
  }
  return index;
}

/** What makes an endpoint the same one for a person, whatever its check. */
export function placeOf(target: ProbeTarget): string {
  return `${target.zone} ${target.pool} ${target.address}`;
}
