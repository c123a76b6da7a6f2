import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  foldLatch,
  foldVerdicts,
  freshLatch,
  type LatchState,
  nextReturn,
  releaseLatch,
  VERDICT_FAILED,
  VERDICT_UNKNOWN,
  VERDICT_UP,
  type Verdict,
} from "./latch.ts";

const U = VERDICT_UP;
const F = VERDICT_FAILED;
const Q = VERDICT_UNKNOWN;

/** What happened: verdicts that hold from a time on, and releases. */
interface Event {
  atMs: number;
  verdicts: Verdict[];
  release: boolean;
}

/** The slow model: looks at every millisecond, and at the whole past for each. Current entry by time. */
function slowly(events: Event[], entryCount: number, afterMs: number | null, endMs: number): number[] {
  const history: Verdict[][] = [];
  const currents: number[] = [];
  let current = 0;
  for (let ms = 0; ms <= endMs; ms++) {
    const verdicts = events.findLast(({ atMs }) => atMs <= ms)?.verdicts ?? new Array(entryCount).fill(Q);
    history.push(verdicts);
    const sound = verdicts.findIndex((verdict) => verdict !== F);
    if (verdicts[current] === F) {
      if (sound >= 0) current = sound;
    } else if (afterMs !== null && ms >= afterMs) {
      const waited = history.slice(ms - afterMs);
      for (let entry = current - 1; entry >= 0; entry--)
        if (waited.every((then) => then[entry] === U)) current = entry;
    }
    if (events.some(({ atMs, release }) => release && atMs === ms)) current = Math.max(0, sound);
    currents.push(current);
  }
  return currents;
}

/** The fold, called when something changes and when a return is due, and never between. */
function folded(events: Event[], entryCount: number, afterMs: number | null, endMs: number): number[] {
  let state: LatchState = freshLatch(entryCount, 0);
  let verdicts: Verdict[] = new Array(entryCount).fill(Q);
  const currents: number[] = [];
  for (let ms = 0; ms <= endMs; ms++) {
    const now = events.filter(({ atMs }) => atMs === ms);
    verdicts = now.at(-1)?.verdicts ?? verdicts;
    const due = afterMs !== null && ms >= (nextReturn(state)?.upSinceMs ?? Infinity) + afterMs;
    if (now.length > 0 || due) state = foldLatch(state, verdicts, afterMs, ms);
    if (now.some(({ release }) => release)) state = releaseLatch(state, verdicts, ms);
    currents.push(state.current);
  }
  return currents;
}

describe("foldLatch", () => {
  it("says what a model says that looks at every moment and at the whole past", () => {
    const verdict = fc.constantFrom<Verdict>(U, U, F, F, Q);
    const history = fc.integer({ min: 1, max: 4 }).chain((entryCount) =>
      fc.record({
        entryCount: fc.constant(entryCount),
        afterMs: fc.option(fc.integer({ min: 1, max: 12 }), { nil: null }),
        events: fc.array(
          fc.record({
            atMs: fc.integer({ min: 0, max: 60 }),
            verdicts: fc.array(verdict, { minLength: entryCount, maxLength: entryCount }),
            release: fc.boolean().map((_) => _ && entryCount % 2 === 0),
          }),
          { maxLength: 14 },
        ),
      }),
    );
    fc.assert(
      fc.property(history, ({ entryCount, afterMs, events }) => {
        const inOrder = events.sort((a, b) => a.atMs - b.atMs);
        expect(folded(inOrder, entryCount, afterMs, 80)).toEqual(slowly(inOrder, entryCount, afterMs, 80));
      }),
      { numRuns: 2000, seed: 4711 },
    );
  });

  it("is the same object while nothing changes", () => {
    const state = foldLatch(freshLatch(2, 0), [U, U], 10, 5);
    expect(foldLatch(state, [U, U], 10, 900)).toBe(state);
  });

  it("waits for a verdict before it leaves an entry, and stays on one that has none", () => {
    const fresh = freshLatch(3, 0);
    expect(foldLatch(fresh, [Q, U, U], null, 1).current).toBe(0);
    expect(foldLatch(fresh, [F, Q, U], null, 1).current).toBe(1);
    expect(foldLatch(fresh, [F, F, F], null, 1)).toMatchObject({ current: 0, sinceMs: 0 });
  });

  it("says since when it is where it is", () => {
    const moved = foldLatch(freshLatch(2, 3), [F, U], null, 70);
    expect(moved).toMatchObject({ current: 1, sinceMs: 70 });
    expect(releaseLatch(moved, [F, U], 90)).toBe(moved);
    expect(releaseLatch(moved, [U, U], 90)).toMatchObject({ current: 0, sinceMs: 90 });
  });
});

describe("foldVerdicts", () => {
  it("takes a node for failed when all below it have failed, and never one that does not fail", () => {
    const pools: Verdict[] = [U, F, Q];
    const plan = [
      { pool: 0 },
      { pool: 1 },
      { pool: 2 },
      { of: [1, 1] },
      { of: [0, 1, 2] },
      { of: [1, 2] },
      "never" as const,
      { of: [3, 6] },
    ];
    expect(foldVerdicts(plan, (row) => pools[row]!)).toEqual([U, F, Q, F, U, Q, U, U]);
  });
});
