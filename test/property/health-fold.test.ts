import { describe, expect, it } from "vitest";
import { failedResult, type ProbeResult } from "../../src/health/probe.ts";
import { rampScale, SCALE_ONE } from "../../src/health/ramp.ts";
import { REASON_OK, REASON_REFUSED } from "../../src/health/reasons.ts";
import type { Timing } from "../../src/health/returns.ts";
import { type EndpointState, observe, paceMs, trialState, unknownState } from "../../src/health/state.ts";
import { type Random, seededRandom } from "../support/random.ts";
import {
  type Asked,
  changesOf,
  horizonBySearch,
  rampByHistory,
  type Seen,
  sparedByBudget,
} from "../support/slow-health.ts";

/** Schedules of results; each is compared after every one of its results. */
const DRAWS = process.env.STEERD_LONG === undefined ? 3_000 : 100_000;
const LONG = { timeout: 3_600_000 };

const GOOD: ProbeResult = { ...failedResult(REASON_OK), ok: true };
const BAD = failedResult(REASON_REFUSED);
const MINUTE_MS = 60_000;
/** As far as a search for the next change looks ahead. */
const MOST_RESULTS = 40;

function randomTiming(random: Random): Timing {
  const intervalMs = random.pick([250, 1_000, 2_000, 10_000]);
  const timing: Timing = { intervalMs, fall: 1 + random.below(4), rise: 1 + random.below(4) };
  if (random.chance(0.4)) timing.fastIntervalMs = intervalMs / random.pick([1, 2, 5]);
  if (random.chance(0.4)) timing.okReset = 1 + random.below(5);
  if (random.chance(0.4)) timing.holdDownMs = random.pick([500, 5_000, 30_000, 120_000]);
  if (random.chance(0.4)) timing.holdHealthyMs = random.pick([500, 5_000, 30_000]);
  if (random.chance(0.3)) timing.startGraceMs = random.pick([1_000, 10_000]);
  if (random.chance(0.6)) timing.dampingMs = random.pick([60_000, 240_000, 600_000]);
  if (random.chance(0.4)) timing.returnJitterMs = random.pick([1_000, 4_000, 20_000]);
  if (random.chance(0.5)) timing.slowStartMs = random.pick([1_000, 10_000, 60_000]);
  return timing;
}

/** How targets fail: by chance, in outages of some length, in turn, or steadily but for single faults. */
function randomResults(random: Random): (n: number) => boolean {
  const share = random.pick([0.1, 0.3, 0.5, 0.7, 0.95]);
  const length = 1 + random.below(12);
  return random.pick([
    () => random.chance(share),
    (n: number) => Math.floor(n / length) % 2 === 0,
    (n: number) => n % 2 === 0,
    (n: number) => n % (length + 1) !== length,
  ]);
}

interface Run {
  timing: Timing;
  kind: Asked["kind"];
  seen: Seen[];
  states: EndpointState[];
}

/** One target's life: results on the pace that the state asks for, or at moments of their own. */
function randomRun(random: Random, budget: boolean): Run {
  const timing = randomTiming(random);
  const kind = random.pick(["unknown", "trial"] as const);
  const isGood = randomResults(random);
  const isOnPace = random.chance(0.6);
  const count = 1 + random.below(60);
  const seen: Seen[] = [];
  const states: EndpointState[] = [];
  let state = kind === "trial" ? trialState(0, timing) : unknownState(0, timing);
  let atMs = 0;
  for (let n = 0; n < count; n++) {
    const next = {
      ok: isGood(n),
      atMs,
      luck: random.below(256) / 256,
      allowed: !budget || random.chance(0.5),
    };
    state = observe(state, next.ok ? GOOD : BAD, atMs, timing, {
      luck: next.luck,
      mayWithdraw: next.allowed,
    });
    seen.push(next);
    states.push(state);
    atMs += isOnPace ? paceMs(state, timing) : 1 + random.below(4 * timing.intervalMs);
    if (random.chance(0.02)) atMs += random.pick([70_000, 320_000]);
  }
  return { timing, kind, seen, states };
}

/** Runs a check over random lives; it says what is wrong, or null. */
function overRuns(seed: number, budget: boolean, check: (run: Run) => string | null): void {
  const random = seededRandom(seed);
  for (let draw = 0; draw < DRAWS; draw++) {
    const run = randomRun(random, budget);
    const wrong = check(run);
    if (wrong === null) continue;
    const text = run.seen.map(({ ok, atMs }) => `${atMs}${ok ? "+" : "-"}`).join(" ");
    expect.fail(`draw ${draw}, ${run.kind}, ${JSON.stringify(run.timing)}: ${wrong}: ${text}`);
  }
}

describe(`${DRAWS} random schedules of results`, () => {
  it(
    "fall, rise, ok_reset, hold_down, start_grace, damping, jitter and budget agree with the slow model",
    LONG,
    () => {
      for (const budget of [false, true]) {
        overRuns(31 + Number(budget), budget, ({ timing, kind, seen, states }) => {
          for (let n = 0; n < seen.length; n++) {
            const asked = { seen: seen.slice(0, n + 1), timing, kind };
            const changes = changesOf(asked);
            const state = states[n]!;
            const last = changes.at(-1);
            if (state.up !== (last?.up ?? false)) return `result ${n}: ${state.up ? "up" : "down"}`;
            if (state.flaps !== (last?.flaps ?? 0))
              return `result ${n}: ${state.flaps} flaps, not ${last?.flaps}`;
            if (last !== undefined && state.sinceMs !== last.atMs)
              return `result ${n}: since ${state.sinceMs}`;
            if (state.spared !== sparedByBudget(asked, changes)) return `result ${n}: spared ${state.spared}`;
          }
          return null;
        });
      }
    },
  );

  it(
    "the horizon is when the state can flip first: never later, and no more than one probe sooner",
    LONG,
    () => {
      const random = seededRandom(133);
      let waits = 0;
      overRuns(33, false, ({ timing, kind, seen, states }) => {
        const n = random.below(seen.length);
        const { horizonMs } = states[n]!;
        const flipsInMs = horizonBySearch({ seen: seen.slice(0, n + 1), timing, kind }, MOST_RESULTS);
        if (flipsInMs === Number.POSITIVE_INFINITY)
          return horizonMs >= timing.rise * (timing.fastIntervalMs ?? timing.intervalMs)
            ? null
            : `result ${n}: ${horizonMs} ms`;
        if (flipsInMs === null ? horizonMs !== 0 : horizonMs > flipsInMs)
          return `result ${n}: ${horizonMs} ms, flips in ${flipsInMs}`;
        if (flipsInMs !== null && horizonMs < Math.floor(flipsInMs - timing.intervalMs))
          return `result ${n}: ${horizonMs} ms, and flips in ${flipsInMs} at the earliest`;
        if (flipsInMs !== null && flipsInMs > timing.rise * timing.intervalMs) waits++;
        return null;
      });
      expect(waits).toBeGreaterThan(DRAWS / 20);
    },
  );

  it("slow start agrees with the slow model, and only failures shrink it", LONG, () => {
    let ramps = 0;
    overRuns(34, false, ({ timing, kind, seen, states }) => {
      for (let n = 0; n < seen.length; n++) {
        const state = states[n]!;
        const nowMs = seen[n]!.atMs;
        const scale = rampScale(state, nowMs, timing.slowStartMs ?? 0);
        const wanted = rampByHistory({ seen: seen.slice(0, n + 1), timing, kind }) * SCALE_ONE;
        if (Math.abs(scale - wanted) > 1) return `result ${n}: scale ${scale}, not ${wanted}`;
        if (scale < SCALE_ONE) ramps++;
        const later = rampScale(state, nowMs + 777, timing.slowStartMs ?? 0);
        if (later < scale) return `result ${n}: shrinks by itself`;
      }
      return null;
    });
    expect(ramps).toBeGreaterThan(DRAWS / 2);
  });

  it(
    "row 68: an alternating target changes twice a minute at most, then less, and no withdrawal waits",
    LONG,
    () => {
      let damped = 0;
      overRuns(35, false, ({ timing, states, seen }) => {
        if (timing.dampingMs === undefined) return null;
        const known = states.findIndex((state) => state.known);
        const changes = states.flatMap((state, n) =>
          n > known && known >= 0 && state.up !== states[n - 1]!.up
            ? [{ atMs: seen[n]!.atMs, up: state.up, flaps: state.flaps, begins: states[n - 1]!.flaps === 0 }]
            : [],
        );
        for (const [i, change] of changes.entries()) {
          const third = changes[i + 2];
          if (change.flaps > 1) damped++;
          if (third === undefined || third.atMs - change.atMs >= MINUTE_MS) continue;
          // The withdrawal that shows that a target alternates is the third, and may not be delayed.
          if (third.up || !third.begins || third.flaps !== 1)
            return `three changes from ${change.atMs} ms on`;
        }
        for (const [i, change] of changes.entries()) {
          if (change.up || changes[i + 1] === undefined || change.flaps === 0) continue;
          const downMs = changes[i + 1]!.atMs - change.atMs;
          const leastMs = Math.min(timing.dampingMs, MINUTE_MS * 2 ** (change.flaps - 1));
          if (downMs < leastMs) return `down for ${downMs} ms, and ${leastMs} ms are due`;
        }
        return null;
      });
      expect(damped).toBeGreaterThan(DRAWS / 20);
    },
  );

  it("the clock's origin says nothing (row 70: steps of the wall clock never reach the fold)", LONG, () => {
    const random = seededRandom(36);
    for (let draw = 0; draw < DRAWS / 10; draw++) {
      const { timing, kind, seen, states } = randomRun(random, true);
      const offsetMs = random.pick([-4e9, 1, 1.7e12]);
      let state = kind === "trial" ? trialState(offsetMs, timing) : unknownState(offsetMs, timing);
      for (const [n, { ok, atMs, luck, allowed }] of seen.entries()) {
        state = observe(state, ok ? GOOD : BAD, atMs + offsetMs, timing, { luck, mayWithdraw: allowed });
        const { sinceMs, runSinceMs, rampSinceMs, ...rest } = state;
        const { sinceMs: _s, runSinceMs: _r, rampSinceMs: _a, ...wanted } = states[n]!;
        expect(rest).toEqual(wanted);
      }
    }
  });
});
