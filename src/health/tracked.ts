import { mayWithdraw, type Withdrawals } from "./budget.ts";
import { forcedWord } from "./forced.ts";
import type { PastTransition } from "./history.ts";
import {
  foldReport,
  type Load,
  NO_LOAD,
  type ReportRule,
  reportFromRow,
  writeReport,
} from "./load-report.ts";
import type { CalculatedTarget, ForcedPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { foldPool } from "./pool.ts";
import type { ProbeResult } from "./probe.ts";
import { SCALE_ONE } from "./ramp.ts";
import type { Timing } from "./returns.ts";
import { ENDPOINT_ROW_WORDS, type HealthRows } from "./rows.ts";
import { holdsEndpoint, writeEndpoint } from "./rows-writer.ts";
import type { RuleState } from "./rule.ts";
import type { Scaled } from "./scales.ts";
import { type Chance, capHorizon, drawLuck, type EndpointState, inheritState, NO_CHANCE } from "./state.ts";
import type { EndpointTransition, EndpointWarning } from "./transitions.ts";

type AnyTarget = ProbeTarget | CalculatedTarget;

/** A target under probe, or one that is calculated. */
export interface Tracked extends Scaled {
  /** See timingOf. */
  timing: Timing;
  /** Interval that its probes were last asked to keep; -1: that of the check. */
  paceMs: number;
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
  /** Figures of its addresses are newer than its row. */
  isMeasured: boolean;
}

/** Figures of an address have changed, and with them those of its pools. */
export function markMeasured({ pools }: Tracked): void {
  for (const pool of pools) pool.isMeasured = true;
}

/** False: its state is calculated, and nobody is asked. */
export function isProbed(target: AnyTarget): target is ProbeTarget {
  return target.check.type !== "calculated";
}

export function track(target: AnyTarget, pools: Judged[], state: EndpointState, sinceS: number): Tracked {
  const timing = timingOf(target);
  return { target, timing, paceMs: -1, pools, state, sinceS, past: [], scale: SCALE_ONE, shed: SCALE_ONE };
}

/** The state of the same address of the same pool under another check: an endpoint that stays keeps its health. */
export function inherited(
  target: AnyTarget,
  pools: Judged[],
  before: Tracked | undefined,
  nowMs: number,
): Tracked | null {
  if (before === undefined) return null;
  const load = reportRule(target.check) === null ? undefined : before.load;
  const state = inheritState(before.state, nowMs, target.check);
  return { ...before, target, timing: timingOf(target), paceMs: -1, pools, load, state };
}

/** Targets in the places of their rows. */
export function byRow(tracked: ReadonlyMap<number, Tracked>): (Tracked | undefined)[] {
  let places = 0;
  for (const row of tracked.keys()) places = Math.max(places, row + 1);
  return Array.from({ length: places }, (_, row) => tracked.get(row));
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

/** What makes an endpoint the same one for a person, whatever its check; parts of a calculated one are told apart. */
export function placeOf(target: AnyTarget): string {
  const part = target.isPart === true ? ` ${target.check.name}` : "";
  return `${target.zone} ${target.pool} ${target.address}${part}`;
}

/** What decides over the state of a target, besides the results. Most targets share theirs, which then stays in caches. */
export function timingOf({ check, slowStartMs }: AnyTarget): Timing {
  return slowStartMs === undefined ? check : { ...check, slowStartMs };
}

/** Time over which reports are smoothed where no window says. */
const WINDOW_MS = 10_000;

/** Null: the check reads no reports. */
function reportRule(check: AnyTarget["check"]): ReportRule | null {
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
  target: AnyTarget,
  before: Load | undefined,
  rows: HealthRows,
  nowMs: number,
): Load | undefined {
  if (reportRule(target.check) === null) return undefined;
  return before ?? reportFromRow(rows, target.row, nowMs);
}

/** What a fold takes from outside besides a result. Most results are successes, and take nothing. */
export function chanceOf(tracked: Tracked, { ok }: ProbeResult, nowMs: number, random: () => number): Chance {
  return ok ? NO_CHANCE : { luck: drawLuck(random()), mayWithdraw: mayGoDown(tracked, nowMs) };
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

/** Addresses that are up and that somebody is asked about; canaries are left out. */
export function countLive(tracked: Iterable<Tracked>, isCanary: (row: number) => boolean): number {
  let count = 0;
  for (const { state, target } of tracked) {
    const isAsked = isProbed(target) && target.check.type !== "static";
    if (state.up && isAsked && !isCanary(target.row)) count += 1;
  }
  return count;
}

/** A pool as it is about to be published: while nobody has been told that it has failed, it may still turn out not to have. */
export function poolState(
  staged: HealthRows,
  { plan, known }: Judged,
  allKnown: (plan: PoolPlan) => boolean,
): RuleState {
  const { failed, horizonMs } = foldPool(staged, plan);
  if (!failed) return { verdict: "up", horizonMs };
  return { verdict: known || allKnown(plan) ? "down" : "unknown", horizonMs };
}

/** Ties the addresses that have begun to fail to the horizon that their pool now gives out. */
export function capFailing(
  all: ReadonlyMap<number, Tracked>,
  { plan }: Judged,
  horizonMs: number,
  changed: (tracked: Tracked) => void,
): void {
  if (horizonMs === 0) return;
  for (const rows of plan.endpoints) {
    for (const row of rows) {
      const tracked = all.get(row);
      if (tracked === undefined) continue;
      const capped = capHorizon(tracked.state, horizonMs);
      if (capped === tracked.state) continue;
      tracked.state = capped;
      changed(tracked);
    }
  }
}

/** What the shared row of an address says of its load is judged too, also by a prober that did not write it. */
export function copyRow(from: HealthRows, to: HealthRows, target: AnyTarget): void {
  if (!holdsEndpoint(from, target)) return;
  const base = target.row * ENDPOINT_ROW_WORDS;
  to.endpoints.set(from.endpoints.subarray(base, base + ENDPOINT_ROW_WORDS), base);
}

/** What people are told of an address whose state was `before` until now. */
export function transitionOf(
  { target, state, forced }: Tracked,
  before: EndpointState,
  nowMs: number,
): EndpointTransition {
  const { zone, pool, endpoint, address } = target;
  const word = forcedWord(forced);
  return {
    ...{ zone, pool, endpoint, address },
    from: before.known ? (before.up ? "up" : "down") : "unknown",
    to: state.up ? "up" : "down",
    reason: state.reason,
    durationMs: nowMs - before.sinceMs,
    held: state.held,
    ...(word === null ? {} : { forced: word }),
    ...(target.isPart === true ? { part: target.check.name } : {}),
  };
}

/** Of an address that stays up: its probes began to warn, or ceased to; null: neither. */
export function warningOf({ target, state }: Tracked, before: EndpointState): EndpointWarning | null {
  if (!state.up || before.held || state.held || before.reason === state.reason) return null;
  const { zone, pool, endpoint, address } = target;
  return { zone, pool, endpoint, address, reason: state.reason };
}
