/** What is known of an entry of a `failover`. */
export const VERDICT_UP = 0;
export const VERDICT_FAILED = 1;
/** No verdict has been reached yet: nothing leaves such an entry, and it is not healthy either. */
export const VERDICT_UNKNOWN = 2;
export type Verdict = typeof VERDICT_UP | typeof VERDICT_FAILED | typeof VERDICT_UNKNOWN;

/**
 * A verdict's origin: a pool by its row, or a node that has failed when all below it have (`of`: earlier elements of the
 * same list). `never`: a node with its own last resort, or a pool without a check.
 */
export type VerdictPlan = { pool: number } | { of: number[] } | "never";

/** Which entry of a `failover` is tried first. Clocks are whoever's folds it, in milliseconds. */
export interface LatchState {
  current: number;
  /** When it became the current one. */
  sinceMs: number;
  /** Per entry since when it has been up without interruption; NOT_UP: it is not. */
  upSinceMs: readonly number[];
}

/** Below every clock. */
export const NOT_UP = Number.NEGATIVE_INFINITY;

/** Nothing has failed yet: the list's order. */
export function freshLatch(entryCount: number, nowMs: number): LatchState {
  return { current: 0, sinceMs: nowMs, upSinceMs: new Array<number>(entryCount).fill(NOT_UP) };
}

/**
 * One look at the entries' verdicts: the latch leaves an entry that has failed for the first one that has not, and goes
 * back to an earlier one that has been up for `afterMs` without interruption; null: it stays until it is released. The
 * same object when nothing changed.
 *
 * Verdicts hold from one call to the next, so that calls are due when one changes and at nextReturn, and not between.
 */
export function foldLatch(
  state: LatchState,
  verdicts: ArrayLike<Verdict>,
  afterMs: number | null,
  nowMs: number,
): LatchState {
  const upSinceMs = state.upSinceMs.map((sinceMs, entry) =>
    verdicts[entry] !== VERDICT_UP ? NOT_UP : sinceMs === NOT_UP ? nowMs : sinceMs,
  );
  let { current } = state;
  if (verdicts[current] === VERDICT_FAILED) {
    const next = firstSound(verdicts);
    if (next >= 0) current = next;
  } else if (afterMs !== null) {
    for (let entry = current - 1; entry >= 0; entry--)
      if (upSinceMs[entry] !== NOT_UP && nowMs - upSinceMs[entry]! >= afterMs) current = entry;
  }
  if (current !== state.current) return { current, sinceMs: nowMs, upSinceMs };
  return upSinceMs.every((sinceMs, entry) => sinceMs === state.upSinceMs[entry])
    ? state
    : { ...state, upSinceMs };
}

/** What an operator does: back to the list's order. */
export function releaseLatch(state: LatchState, verdicts: ArrayLike<Verdict>, nowMs: number): LatchState {
  const current = Math.max(0, firstSound(verdicts));
  return current === state.current ? state : { ...state, current, sinceMs: nowMs };
}

/** The earlier entry that has been up longest, and since when; null: there is none. */
export function nextReturn(state: LatchState): { entry: number; upSinceMs: number } | null {
  let found: { entry: number; upSinceMs: number } | null = null;
  for (let entry = 0; entry < state.current; entry++) {
    const upSinceMs = state.upSinceMs[entry]!;
    if (upSinceMs !== NOT_UP && (found === null || upSinceMs < found.upSinceMs)) found = { entry, upSinceMs };
  }
  return found;
}

/** The verdicts of a plan, in its order. `verdictOf`: of a pool, by its row. */
export function foldVerdicts(
  plan: readonly VerdictPlan[],
  verdictOf: (poolRow: number) => Verdict,
): Verdict[] {
  const verdicts: Verdict[] = [];
  for (const item of plan) {
    if (item === "never") verdicts.push(VERDICT_UP);
    else if ("pool" in item) verdicts.push(verdictOf(item.pool));
    else verdicts.push(together(item.of.map((index) => verdicts[index]!)));
  }
  return verdicts;
}

/** Failed when all have; up while one is. */
function together(verdicts: readonly Verdict[]): Verdict {
  if (verdicts.includes(VERDICT_UP)) return VERDICT_UP;
  return verdicts.includes(VERDICT_UNKNOWN) ? VERDICT_UNKNOWN : VERDICT_FAILED;
}

/** The first entry that has not failed, or -1. */
function firstSound(verdicts: ArrayLike<Verdict>): number {
  for (let entry = 0; entry < verdicts.length; entry++) if (verdicts[entry] !== VERDICT_FAILED) return entry;
  return -1;
}
