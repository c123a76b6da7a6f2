import { mayWithdraw, type Withdrawals } from "./budget.ts";
import type { PastTransition } from "./history.ts";
import {
  foldReport,
  type Load,
  NO_LOAD,
  type ReportRule,
  reportFromRow,
  writeReport,
} from "./load-report.ts";
import type { CheckSpec, ForcedPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import type { ProbeResult } from "./probe.ts";
import { SCALE_ONE } from "./ramp.ts";
import type { Timing } from "./returns.ts";
import type { HealthRows } from "./rows.ts";
import { writeEndpoint } from "./rows-writer.ts";
import type { Scaled } from "./scales.ts";
import { type EndpointState, inheritState } from "./state.ts";

/** A target under probe. */
export interface Tracked extends Scaled {
  /** Seconds since 1970 at `state.sinceMs`, read once: a step of the wall clock changes no age. */
  sinceS: number;
  pools: Judged[];
  /** What an operator says of it. */
  forced?: ForcedPlan | undefined;
  /** What the endpoint reports of its load; absent: its check reads no reports. */
  load?: Load | undefined;
  /** Its last transitions, the latest first. */
  past: PastTransition[];
}

/** A pool and what was last published of it. */
export interface Judged {
  plan: PoolPlan;
  failed: boolean;
  /** A verdict has been reported: until then a pool counts as failed, but nobody is told. */
  known: boolean;
  sinceMs: number;
  sinceS: number;
  withdrawals: Withdrawals;
}

export function track(target: ProbeTarget, pools: Judged[], state: EndpointState, sinceS: number): Tracked {
  return { target, pools, state, sinceS, past: [], scale: SCALE_ONE, shed: SCALE_ONE };
}

/** The state of the same address of the same pool under another check: an endpoint that stays keeps its health. */
export function inherited(
  target: ProbeTarget,
  pools: Judged[],
  before: Tracked | undefined,
  nowMs: number,
): Tracked | null {
  if (before === undefined) return null;
  const load = reportRule(target.check) === null ? undefined : before.load;
  return { ...before, target, pools, load, state: inheritState(before.state, nowMs, target.check) };
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

/** What decides over the state of a target. */
export function timingOf({ check, slowStartMs = 0 }: ProbeTarget): Timing {
  return { ...check, slowStartMs };
}

/** Time over which reports are smoothed where no window says. */
const WINDOW_MS = 10_000;

/** Null: the check reads no reports. */
function reportRule(check: CheckSpec): ReportRule | null {
  const load = "load" in check ? check.load : undefined;
  return load === undefined ? null : { windowMs: check.windowMs ?? WINDOW_MS, expireMs: load.expireMs };
}

/** Takes what a probe's result says of the load; true: the figures have changed. */
export function takeReport(tracked: Tracked, result: ProbeResult, nowMs: number): boolean {
  const rule = reportRule(tracked.target.check);
  if (rule === null) return false;
  const before = tracked.load ?? NO_LOAD;
  tracked.load = foldReport(before, result.report ?? null, nowMs, rule);
  return tracked.load !== before;
}

/** What is known of the load of a target that stays: what was, or what its row says; undefined: its check reads no reports. */
export function keptReport(
  target: ProbeTarget,
  before: Load | undefined,
  rows: HealthRows,
  nowMs: number,
): Load | undefined {
  if (reportRule(target.check) === null) return undefined;
  return before ?? reportFromRow(rows, target.row, nowMs);
}

/** True when the budgets of an address's pools allow it to go down. */
export function mayGoDown({ target: { row }, pools }: Tracked, nowMs: number): boolean {
  return pools.every(
    ({ plan: { budget, endpoints }, withdrawals }) =>
      budget === undefined || mayWithdraw(withdrawals, budget, endpoints, row, nowMs),
  );
}

/** The last transitions of an address, the latest first; of a stranger none. */
export function pastOf(
  all: Iterable<Tracked>,
  zone: string,
  pool: string,
  address: string,
): readonly PastTransition[] {
  for (const { target, past } of all)
    if (target.zone === zone && target.pool === pool && target.address === address) return past;
  return [];
}

/** Writes all that is known of an address into its row. */
export function writeTracked(rows: HealthRows, tracked: Tracked): void {
  const { target, state, sinceS, forced, scale, load } = tracked;
  writeEndpoint(rows, target, state, sinceS, forced, scale);
  if (load !== undefined) writeReport(rows, target.row, load);
}
