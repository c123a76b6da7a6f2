import {
  foldLatch,
  foldVerdicts,
  freshLatch,
  type LatchState,
  NOT_UP,
  nextReturn,
  releaseLatch,
  type Verdict,
} from "./latch.ts";
import type { FailbackPlan, LatchPlan } from "./plan.ts";
import {
  type HealthRows,
  LATCH_ROW_CURRENT,
  LATCH_ROW_HEALTHY,
  LATCH_ROW_HEALTHY_SINCE_S,
  LATCH_ROW_SINCE_S,
  LATCH_ROW_WORDS,
} from "./rows.ts";
import { holdsLatch, writeLatch } from "./rows-writer.ts";

/** A latch that went from one entry to another. */
export interface LatchMove {
  zone: string;
  /** The `failover`, as findings name it. */
  policy: string;
  from: string;
  to: string;
}

/** Both clocks, read once. */
export interface Instant {
  /** Monotonic. */
  nowMs: number;
  /** Milliseconds since 1970. */
  wallMs: number;
}

/** The latches of a plan; writes their rows, whose only writer the owner is. */
export interface Latches {
  /** Takes over a plan; entries are found again by their names. Nothing is written before the next fold. */
  adopt(plan: FailbackPlan | undefined, at: Instant): void;
  /** Folds the pools' verdicts into every latch, and writes those that changed. */
  fold(verdictOf: (poolRow: number) => Verdict, at: Instant): void;
  /** True when a return is due, though no verdict changed. */
  isDue(nowMs: number): boolean;
  /** Takes a latch back to the first entry that has not failed; false: there is no such latch. Needs a fold before. */
  release(zone: string, policy: string, at: Instant): boolean;
  /** Rows in use. */
  rows(): Set<number>;
}

interface Latched {
  plan: LatchPlan;
  state: LatchState;
  /** Seconds since 1970 at `state.sinceMs`, read once: a step of the wall clock changes no age. */
  sinceS: number;
  /** The row says what this says. */
  written: boolean;
}

const EMPTY: FailbackPlan = { verdicts: [], latches: [] };

/** `onMove`: told of every latch that went elsewhere. */
export function createLatches(rows: HealthRows, onMove: (move: LatchMove) => void): Latches {
  let plan = EMPTY;
  let latched: Latched[] = [];
  let verdicts: Verdict[] = [];
  let dueMs = Number.POSITIVE_INFINITY;

  const take = (latch: Latched, state: LatchState, { nowMs, wallMs }: Instant): void => {
    const before = latch.state;
    if (state.current !== before.current) {
      latch.sinceS = Math.floor(wallMs / 1000);
      const { zone, policy, entries } = latch.plan;
      onMove({ zone, policy, from: entries[before.current]!.name, to: entries[state.current]!.name });
    }
    if (state !== before || !latch.written) {
      latch.state = state;
      latch.written = true;
      const healthy = nextReturn(state);
      const since = (ms: number): number => Math.floor((wallMs - nowMs + ms) / 1000);
      writeLatch(rows, latch.plan, {
        current: state.current,
        sinceS: latch.sinceS,
        healthy: healthy === null ? 0 : healthy.entry + 1,
        healthySinceS: healthy === null ? 0 : since(healthy.upSinceMs),
      });
    }
    const next = latch.plan.afterMs === null ? null : nextReturn(state);
    if (next !== null) dueMs = Math.min(dueMs, next.upSinceMs + latch.plan.afterMs!);
  };
  const entryVerdicts = ({ plan: { entries } }: Latched): Verdict[] =>
    entries.map(({ verdict }) => verdicts[verdict]!);

  return {
    adopt(next = EMPTY, at) {
      const before = new Map(latched.map((latch) => [placeOf(latch.plan), latch]));
      plan = next;
      latched = next.latches.map((latch) => adoptLatch(rows, latch, before.get(placeOf(latch)), at));
    },
    fold(verdictOf, at) {
      verdicts = foldVerdicts(plan.verdicts, verdictOf);
      dueMs = Number.POSITIVE_INFINITY;
      for (const latch of latched)
        take(latch, foldLatch(latch.state, entryVerdicts(latch), latch.plan.afterMs, at.nowMs), at);
    },
    isDue: (nowMs) => nowMs >= dueMs,
    release(zone, policy, at) {
      const latch = latched.find(({ plan: known }) => known.zone === zone && known.policy === policy);
      if (latch === undefined) return false;
      take(latch, releaseLatch(latch.state, entryVerdicts(latch), at.nowMs), at);
      return true;
    },
    rows: () => new Set(latched.map(({ plan: { row } }) => row)),
  };
}

/** The state of the same latch before: by the names of its entries, else by its row, else a fresh one. */
function adoptLatch(rows: HealthRows, plan: LatchPlan, before: Latched | undefined, at: Instant): Latched {
  if (before !== undefined) return { plan, ...renamed(before, plan, at.nowMs), written: false };
  const wallS = Math.floor(at.wallMs / 1000);
  const fresh = freshLatch(plan.entries.length, at.nowMs);
  if (!holdsLatch(rows, plan)) return { plan, state: fresh, sinceS: wallS, written: false };
  const word = (index: number): number => Atomics.load(rows.latches, plan.row * LATCH_ROW_WORDS + index);
  const clock = (seconds: number): number => at.nowMs - Math.max(0, at.wallMs - seconds * 1000);
  const sinceS = word(LATCH_ROW_SINCE_S);
  const healthy = word(LATCH_ROW_HEALTHY) - 1;
  const upSinceMs = fresh.upSinceMs.map((sinceMs, entry) =>
    entry === healthy ? clock(word(LATCH_ROW_HEALTHY_SINCE_S)) : sinceMs,
  );
  const current = word(LATCH_ROW_CURRENT);
  return { plan, state: { current, sinceMs: clock(sinceS), upSinceMs }, sinceS, written: false };
}

/** Entries that left are forgotten; a latch on one of them goes to the list's order. */
function renamed(before: Latched, plan: LatchPlan, nowMs: number): Pick<Latched, "state" | "sinceS"> {
  const names = before.plan.entries.map(({ name }) => name);
  const { state, sinceS } = before;
  const upSinceMs = plan.entries.map(({ name }) => state.upSinceMs[names.indexOf(name)] ?? NOT_UP);
  const held = names[state.current];
  const current = plan.entries.findIndex(({ name }) => name === held);
  return current < 0
    ? { state: { current: 0, sinceMs: nowMs, upSinceMs }, sinceS }
    : { state: { current, sinceMs: state.sinceMs, upSinceMs }, sinceS };
}

function placeOf({ zone, policy }: LatchPlan): string {
  return `${zone}\n${policy}`;
}
