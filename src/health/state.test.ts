import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { failedResult, type ProbeResult } from "./probe.ts";
import {
  REASON_ASSUMED,
  REASON_OK,
  REASON_REFUSED,
  REASON_STATUS,
  REASON_TIMEOUT_BODY,
  reasonText,
} from "./reasons.ts";
import type { Timing } from "./returns.ts";
import { allocateHealthRows, ROW_RESULTS, ROW_STATE } from "./rows.ts";
import { writeEndpoint } from "./rows-writer.ts";
import {
  assumedState,
  capHorizon,
  type EndpointState,
  inheritState,
  observe,
  retime,
  trialState,
  uncheckedState,
  unknownState,
} from "./state.ts";
import { stateFromRow } from "./state-row.ts";

const TIMING: Timing = { intervalMs: 1_000, fall: 3, rise: 2 };
const GOOD: ProbeResult = {
  ok: true,
  reason: REASON_OK,
  status: 200,
  connectMs: 1,
  tlsMs: -1,
  firstOctetMs: 2,
  totalMs: 3,
};
const BAD = failedResult(REASON_REFUSED);

/** Folds `+` and `-` and returns the state as `up 1/2000`: verdict, run, horizon. */
function fold(state: EndpointState, results: string, timing = TIMING): EndpointState {
  let nowMs = 0;
  for (const result of results) {
    nowMs += 1_000;
    state = observe(state, result === "+" ? GOOD : BAD, nowMs, timing);
  }
  return state;
}

const brief = (state: EndpointState): string => `${state.up ? "up" : "down"} ${state.run}/${state.horizonMs}`;

describe("observe", () => {
  it.each([
    ["", "down 0/1000"],
    ["+", "up 0/0"],
    ["-", "down 0/2000"],
    ["+-", "up 1/2000"],
    ["+--", "up 2/1000"],
    ["+---", "down 0/2000"],
    ["+--+", "up 0/0"],
    ["+--+--", "up 2/1000"],
    ["-+", "down 1/1000"],
    ["-++", "up 0/0"],
    ["-+-", "down 0/2000"],
    ["+---+-++", "up 0/0"],
  ])("without a remembered state %j makes %s", (results, expected) => {
    expect(brief(fold(unknownState(0, TIMING), results))).toBe(expected);
  });

  it.each([
    ["", "down 0/1000", false],
    ["-", "down 0/1000", true],
    ["---", "down 0/1000", true],
    ["---+", "up 0/0", true],
    ["+", "up 0/0", true],
    ["---+---", "down 0/2000", true],
  ])("added to a live pool %j makes %s: the first success brings it up", (results, expected, known) => {
    const state = fold(trialState(0, TIMING), results);
    expect(brief(state)).toBe(expected);
    expect(state.known).toBe(known);
  });

  it("an address that had no check is up until the first result", () => {
    expect(uncheckedState(0, TIMING)).toMatchObject({ up: true, known: false });
    expect(brief(fold(uncheckedState(0, TIMING), "-"))).toBe("down 0/2000");
    expect(brief(fold(uncheckedState(0, TIMING), "+"))).toBe("up 0/0");
  });

  it("keeps when and why", () => {
    let state = fold(unknownState(0, TIMING), "+---");
    expect(state).toMatchObject({ sinceMs: 4_000, reason: REASON_REFUSED, results: 4 });
    state = observe(state, { ...BAD, reason: REASON_STATUS + 503 }, 5_000, TIMING);
    expect(state.sinceMs).toBe(4_000);
    expect(reasonText(state.reason)).toBe("status-503");
    state = fold(state, "+");
    expect(reasonText(state.reason)).toBe("status-503");
    expect(fold(state, "+").reason).toBe(REASON_OK);
  });

  it("an address that is up keeps its reason until the verdict", () => {
    expect(fold(unknownState(0, TIMING), "+--").reason).toBe(REASON_OK);
  });

  it("smooths the response time of successes", () => {
    const first = observe(unknownState(0, TIMING), GOOD, 0, TIMING);
    expect(first.responseUs).toBe(1_000);
    const smoothed = (more: object, timing = TIMING) =>
      observe(first, { ...GOOD, ...more }, 0, timing).responseUs;
    expect(smoothed({ firstOctetMs: 6 })).toBe(2_000);
    expect(smoothed({ firstOctetMs: 6, tlsMs: 4 })).toBe(1_250);
    // A connection that was kept is not opened.
    expect(smoothed({ firstOctetMs: 5, connectMs: -1 })).toBe(2_000);
    expect(smoothed({ firstOctetMs: -1, connectMs: 5 })).toBe(2_000);
    expect(smoothed({ firstOctetMs: -1, connectMs: -1 })).toBe(1_000);
    expect(observe(first, BAD, 0, TIMING).responseUs).toBe(1_000);
    // A window of ten intervals.
    expect(smoothed({ firstOctetMs: 6 }, { ...TIMING, windowMs: 10_000 })).toBe(1_381);
  });

  it("a horizon fits its word", () => {
    const slow: Timing = { intervalMs: 2 ** 31, fall: 100, rise: 100 };
    expect(fold(unknownState(0, slow), "-", slow).horizonMs).toBe(0x7fff_ffff);
  });

  it("agrees with a model that counts the whole history anew", () => {
    const timings = fc.record({
      intervalMs: fc.integer({ min: 50, max: 60_000 }),
      fall: fc.integer({ min: 1, max: 5 }),
      rise: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 60 }),
        timings,
        fc.boolean(),
        (results, timing, trial) => {
          let state = trial ? trialState(0, timing) : unknownState(0, timing);
          for (let count = 1; count <= results.length; count++) {
            state = observe(state, results[count - 1]! ? GOOD : BAD, count, timing);
            expect(state.up).toBe(upByHistory(results.slice(0, count), timing, trial));
            expect(state.horizonMs).toBe(horizonBySearch(results.slice(0, count), timing, trial));
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("the horizon never grows within a run of failures, whatever a reload does to the timing", () => {
    const step = fc.oneof(
      fc.constantFrom("+", "-", "-", "-"),
      fc.record({
        intervalMs: fc.integer({ min: 100, max: 9_000 }),
        fall: fc.integer({ min: 1, max: 6 }),
        rise: fc.constant(2),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let timing: Timing = TIMING;
        let state = fold(unknownState(0, timing), "+");
        let limitMs = Number.POSITIVE_INFINITY;
        for (const next of steps) {
          if (typeof next === "string") state = observe(state, next === "+" ? GOOD : BAD, 0, timing);
          else {
            timing = next;
            state = retime(state, 0, timing);
          }
          if (!state.up || state.run === 0) limitMs = Number.POSITIVE_INFINITY;
          else {
            expect(state.horizonMs).toBeGreaterThan(0);
            expect(state.horizonMs).toBeLessThanOrEqual(limitMs);
            limitMs = state.horizonMs;
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("states that are carried over", () => {
  it("another check of the same address keeps the verdict, not the run", () => {
    const failing = inheritState(fold(unknownState(0, TIMING), "+--"), 0, TIMING);
    expect(brief(failing)).toBe("up 0/1000");
    expect(brief(fold(failing, "-"))).toBe("up 1/1000");
    expect(brief(inheritState(fold(unknownState(0, TIMING), "-+"), 0, TIMING))).toBe("down 0/2000");
    expect(brief(inheritState(fold(unknownState(0, TIMING), "+"), 0, TIMING))).toBe("up 0/0");
  });

  it("an address that has begun to fail is tied to its pool's horizon, no other is", () => {
    const failing = fold(unknownState(0, TIMING), "+-");
    expect(capHorizon(failing, 500).horizonMs).toBe(500);
    expect(capHorizon(failing, 5_000)).toBe(failing);
    expect(capHorizon(failing, 0)).toBe(failing);
    for (const results of ["+", "-", ""]) {
      const state = fold(unknownState(0, TIMING), results);
      expect(capHorizon(state, 1)).toBe(state);
    }
  });

  it("a row gives back the state that was written to it", () => {
    const rows = allocateHealthRows(4, 1);
    for (const results of ["", "+", "+--", "---", "-+"]) {
      for (const start of [unknownState(0, TIMING), trialState(0, TIMING)]) {
        const state = fold(start, results);
        // 100 s after the epoch the monotonic clock stood at 0.
        const sinceS = Math.floor((100_000 + state.sinceMs) / 1_000);
        writeEndpoint(rows, { row: 2, keyHigh: 7, keyLow: -9 }, state, sinceS);
        expect(stateFromRow(rows, 2, 50_000, 150_000)).toEqual({
          ...state,
          runSinceMs: 50_000,
          rampSinceMs: state.sinceMs,
        });
      }
    }
  });

  it("a row is written where it changes, the state first when it goes down and last when it comes up", () => {
    const rows = allocateHealthRows(1, 1);
    const identity = { row: 0, keyHigh: 0xffff_fff0, keyLow: -9 };
    const store = vi.spyOn(Atomics, "store");
    const stored = (results: string): number[] => {
      writeEndpoint(rows, identity, fold(unknownState(0, TIMING), results), 100);
      return store.mock.calls.splice(0).map(([, word]) => word as number);
    };
    stored("+");
    expect(stored("+")).toEqual([]);
    expect(stored("++")).toEqual([ROW_RESULTS]);
    expect(stored("++---")[0]).toBe(ROW_STATE);
    expect(stored("++---+++").at(-1)).toBe(ROW_STATE);
    store.mockRestore();
  });

  it("a wall clock behind the row's makes no negative age", () => {
    const rows = allocateHealthRows(1, 1);
    writeEndpoint(rows, { row: 0, keyHigh: 1, keyLow: 1 }, unknownState(0, TIMING), 1_000);
    expect(stateFromRow(rows, 0, 42, 5_000).sinceMs).toBe(42);
  });

  it("an assumed state is settled", () => {
    expect(assumedState(true, 0, TIMING)).toMatchObject({
      up: true,
      known: true,
      horizonMs: 0,
      reason: REASON_OK,
    });
    expect(assumedState(false, 0, TIMING)).toMatchObject({
      up: false,
      known: true,
      horizonMs: 2_000,
      reason: REASON_ASSUMED,
    });
  });
});

it("every reason has a text of its own", () => {
  const texts = Array.from({ length: 22 }, (_, reason) => reasonText(reason));
  expect(new Set(texts).size).toBe(22);
  expect(reasonText(REASON_TIMEOUT_BODY)).toBe("timeout-body");
  expect(reasonText(REASON_STATUS + 404)).toBe("status-404");
  expect(reasonText(999)).toBe("none");
});

/** The verdict by the words of the rule: each time look back over the last results since the last flip. */
function upByHistory(results: boolean[], timing: Timing, trial: boolean): boolean {
  if (results.length === 0) return false;
  let verdictAt = 0;
  if (trial) {
    verdictAt = results.indexOf(true);
    if (verdictAt < 0) return false;
  }
  let up = results[verdictAt]!;
  let since = verdictAt + 1;
  for (let end = since + 1; end <= results.length; end++) {
    const needed = up ? timing.fall : timing.rise;
    const last = results.slice(Math.max(since, end - needed), end);
    if (last.length === needed && last.every((result) => result !== up)) {
      up = !up;
      since = end;
    }
  }
  return up;
}

/** The horizon by trial: how many results against the verdict flip it; settled and up: none. */
function horizonBySearch(results: boolean[], timing: Timing, trial: boolean): number {
  const up = upByHistory(results, timing, trial);
  if (up && results.at(-1) === true) return 0;
  for (let more = 1; ; more++) {
    const future = [...results, ...new Array<boolean>(more).fill(!up)];
    if (upByHistory(future, timing, trial) !== up) return more * timing.intervalMs;
  }
}
