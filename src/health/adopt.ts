import { keyOf } from "./doubt.ts";
import { clearPhases } from "./phases.ts";
import type { HealthPlan } from "./plan.ts";
import type { HealthClock } from "./probe.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_SINCE_S,
  POOL_ROW_WORDS,
  ROW_SINCE_S,
} from "./rows.ts";
import { clearReport, holdsEndpoint, holdsPool } from "./rows-writer.ts";
import { clearRun } from "./runs.ts";
import { assumedState, retime, trialState, uncheckedState, unknownState } from "./state.ts";
import { stateFromRow } from "./state-row.ts";
import {
  indexByRow,
  inherited,
  type Judged,
  keptReport,
  placeOf,
  type Tracked,
  timingOf,
  track,
} from "./tracked.ts";

/** What a prober holds when it is given another plan. */
interface Held {
  rows: HealthRows;
  clock: HealthClock;
  tracked: ReadonlyMap<number, Tracked>;
  judged: ReadonlyMap<string, Judged>;
}

/** A plan's pools, each with what was known of it. */
export function adoptPools(held: Held, plan: HealthPlan, nowMs: number): Map<string, Judged> {
  const wallS = wallSeconds(held);
  const judged = new Map<string, Judged>();
  for (const pool of plan.pools) {
    const base = pool.row * POOL_ROW_WORDS;
    const live = holdsPool(held.rows, pool);
    const before = held.judged.get(keyOf(pool));
    const sinceS = live ? Atomics.load(held.rows.pools, base + POOL_ROW_SINCE_S) : wallS;
    judged.set(keyOf(pool), {
      plan: pool,
      failed: !live || Atomics.load(held.rows.pools, base + POOL_ROW_FAILED) === 1,
      known: before?.known ?? live,
      sinceMs: before?.sinceMs ?? nowMs - Math.max(0, wallS - sinceS) * 1000,
      sinceS: before?.sinceS ?? sinceS,
      withdrawals: before?.withdrawals ?? new Map(),
      isMeasured: false,
    });
  }
  return judged;
}

/** Finds or makes the state of every target, before anything is written. */
export function adoptTargets(
  held: Held,
  plan: HealthPlan,
  judged: ReadonlyMap<string, Judged>,
  nowMs: number,
): Map<number, Tracked> {
  const poolsOfRow = indexByRow(judged.values());
  const previous = new Map<string, Tracked>();
  for (const tracked of held.tracked.values()) previous.set(placeOf(tracked.target), tracked);
  const unchecked = new Set<string>();
  for (const { plan: pool } of held.judged.values()) {
    if (pool.endpoints.some((rows) => rows.includes(-1))) unchecked.add(keyOf(pool));
  }
  const adopted = new Map<number, Tracked>();
  const calculated = (plan.calculated ?? []).map((each) => each.target);
  for (const target of [...plan.targets, ...(plan.doubt?.canaries ?? []), ...calculated]) {
    const pools = poolsOfRow.get(target.row) ?? [];
    const stays = keptState(held, target, pools, nowMs);
    if (stays === null) {
      clearPhases(held.rows, target.row);
      clearRun(held.rows, target.row);
    }
    const kept = stays ?? inherited(target, pools, previous.get(placeOf(target)), nowMs);
    adopted.set(target.row, kept ?? newState(held, target, pools, unchecked, nowMs));
  }
  return adopted;
}

/** The state of a target that stays in its row, whoever wrote it. */
function keptState(held: Held, target: Tracked["target"], pools: Judged[], nowMs: number): Tracked | null {
  if (!holdsEndpoint(held.rows, target)) return null;
  const before = held.tracked.get(target.row);
  if (before !== undefined && keyOf(before.target) === keyOf(target)) {
    const load = keptReport(target, before.load, held.rows, nowMs);
    // Nobody reports any more.
    if (load === undefined && before.load !== undefined) clearReport(held.rows, target.row);
    const state = retime(before.state, nowMs, target.check);
    return { ...before, target, timing: timingOf(target), paceMs: -1, pools, load, state };
  }
  const state = stateFromRow(held.rows, target.row, nowMs, held.clock.wallMs());
  const sinceS = Atomics.load(held.rows.endpoints, target.row * ENDPOINT_ROW_WORDS + ROW_SINCE_S);
  const load = keptReport(target, undefined, held.rows, nowMs);
  return { ...track(target, pools, retime(state, nowMs, target.check), sinceS), load };
}

function newState(
  held: Held,
  target: Tracked["target"],
  pools: Judged[],
  unchecked: ReadonlySet<string>,
  nowMs: number,
): Tracked {
  const { check } = target;
  if (check.type === "static")
    return track(target, pools, assumedState(check.up, nowMs, check), wallSeconds(held));
  // An address that its pool answered without a check until now stays up; one added to a live pool starts down.
  const make = pools.some((pool) => unchecked.has(keyOf(pool.plan)))
    ? uncheckedState
    : pools.some((pool) => holdsPool(held.rows, pool.plan))
      ? trialState
      : unknownState;
  return track(target, pools, make(nowMs, target.check), wallSeconds(held));
}

function wallSeconds({ clock }: Held): number {
  return Math.floor(clock.wallMs() / 1000);
}
