import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { phasesOf } from "./phases.ts";
import type { CheckTiming, HealthPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { failedResult, type ProbeResult } from "./probe.ts";
import { createProber, type Prober } from "./prober.ts";
import { SCALE_ONE } from "./ramp.ts";
import { REASON_OK, REASON_REFUSED, reasonText } from "./reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_LACK,
  POOL_ROW_UNEVEN,
  POOL_ROW_WORDS,
  ROW_LOAD,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_PROBED_UP,
  STATE_SPARED,
  STATE_UP,
} from "./rows.ts";

const GOOD: ProbeResult = { ...failedResult(REASON_OK), ok: true };
const BAD = failedResult(REASON_REFUSED);

let clock: FakeClock;
let rows: HealthRows;
let dead: Set<string>;
let probes: { address: string; atMs: number }[];
let changes: string[];
let prober: Prober;

function start(): Prober {
  return createProber({
    rows,
    clock,
    random: () => 0.5,
    prepare: (target) => (done) => {
      probes.push({ address: target.address, atMs: clock.nowMs() });
      done(dead.has(target.address) ? BAD : GOOD);
      return { expire() {}, cancel() {} };
    },
    onTransition: ({ address, to }) => changes.push(`${address} ${to}`),
    onPoolTransition() {},
    onLatchMove() {},
    onRoundDone() {},
  });
}

beforeEach(() => {
  clock = new FakeClock();
  rows = allocateHealthRows(16, 4);
  dead = new Set();
  probes = [];
  changes = [];
  prober = start();
});
afterEach(() => prober.stop());

/** One pool of endpoints a0, a1, ..., in rows 0, 1, ... */
function plan(
  count: number,
  timing: Partial<CheckTiming>,
  target: Partial<ProbeTarget> = {},
  pool: Partial<PoolPlan> = {},
): HealthPlan {
  const check = {
    type: "tcp",
    name: "c",
    port: 80,
    intervalMs: 1_000,
    timeoutMs: 400,
    fall: 2,
    rise: 2,
  } as const;
  const targets = Array.from({ length: count }, (_, row): ProbeTarget => {
    const names = { address: `a${row}`, endpoint: `e${row}`, zone: "z.", pool: "p" };
    return {
      row,
      keyHigh: 1,
      keyLow: row + 1,
      family: 4,
      ...names,
      check: { ...check, ...timing },
      ...target,
    };
  });
  const endpoints = targets.map(({ row }) => [row]);
  const minHealthy = { count: 1 };
  const base = { row: 0, keyHigh: 2, keyLow: 1, zone: "z.", pool: "p", endpoints, minHealthy };
  return { targets, pools: [{ ...base, dualStack: "any", ...pool }] };
}

const word = (row: number, index: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!;
const poolWord = (index: number): number => rows.pools[0 * POOL_ROW_WORDS + index]!;
const isUp = (row: number): boolean => (word(row, ROW_STATE) & STATE_UP) !== 0;
const part = (row: number): number => word(row, ROW_WEIGHT_SCALE) / SCALE_ONE;

describe("pace", () => {
  it("probes come faster while results count against the state, and then as before", () => {
    prober.setPlan(plan(1, { fastIntervalMs: 200, fall: 4, rise: 4 }));
    clock.advance(5_000);
    dead.add("a0");
    const before = probes.length;
    clock.advance(2_500);
    const gaps = probes.slice(before).map(({ atMs }, i, all) => atMs - (all[i - 1]?.atMs ?? atMs));
    expect(isUp(0)).toBe(false);
    // Four failures: one on the old pace, three on the fast one, about 0.6 s; then one a second again.
    expect(gaps.filter((gap) => gap > 0 && gap <= 310)).toHaveLength(3);
    dead.clear();
    const restart = probes.length;
    clock.advance(2_000);
    expect(isUp(0)).toBe(true);
    expect(probes.length - restart).toBeGreaterThanOrEqual(4);
    const settled = probes.length;
    clock.advance(10_000);
    expect(probes.length - settled).toBeLessThanOrEqual(11);
  });
});

describe("slow start", () => {
  it("a return begins at nothing and takes its time, with the pool's row beside it", () => {
    prober.setPlan(plan(2, {}, { slowStartMs: 10_000 }));
    clock.advance(3_000);
    expect([part(0), part(1), poolWord(POOL_ROW_LACK), poolWord(POOL_ROW_UNEVEN)]).toEqual([1, 1, 0, 0]);
    dead.add("a0");
    clock.advance(4_000);
    dead.clear();
    while (!isUp(0)) clock.advance(10);
    expect(part(0)).toBeLessThan(0.05);
    let last = part(0);
    for (let n = 0; n < 9; n++) {
      expect([poolWord(POOL_ROW_LACK), poolWord(POOL_ROW_UNEVEN)]).toEqual([0, 1]);
      clock.advance(1_000);
      expect(part(0)).toBeCloseTo(last + 0.1, 1);
      last = part(0);
    }
    // What a pool's row says beside its verdict is brought up to date once a second.
    clock.advance(2_500);
    expect([part(0), poolWord(POOL_ROW_UNEVEN)]).toEqual([1, 0]);
  });

  it("a pool that comes back as a whole lacks what its best endpoint lacks", () => {
    prober.setPlan(plan(2, {}, { slowStartMs: 10_000 }));
    clock.advance(3_000);
    dead = new Set(["a0", "a1"]);
    clock.advance(4_000);
    expect(poolWord(POOL_ROW_FAILED)).toBe(1);
    dead.clear();
    clock.advance(6_000);
    expect(poolWord(POOL_ROW_FAILED)).toBe(0);
    const best = Math.max(part(0), part(1));
    expect(best).toBeLessThan(0.9);
    expect(1 - poolWord(POOL_ROW_LACK) / SCALE_ONE).toBeCloseTo(best, 4);
  });

  it("backs off: a failure within the ramp takes back half, a withdrawal doubles the next ramp", () => {
    prober.setPlan(plan(1, {}, { slowStartMs: 10_000 }));
    clock.advance(3_000);
    dead.add("a0");
    clock.advance(4_000);
    dead.clear();
    while (!isUp(0)) clock.advance(10);
    clock.advance(6_000);
    const before = part(0);
    dead.add("a0");
    clock.advance(1_000);
    dead.clear();
    expect(isUp(0)).toBe(true);
    expect(part(0)).toBeLessThan(before * 0.75);
    dead.add("a0");
    while (isUp(0)) clock.advance(10);
    dead.clear();
    while (!isUp(0)) clock.advance(10);
    clock.advance(10_000);
    expect(part(0)).toBeCloseTo(0.5, 1);
  });

  it("those that are up at the start, and those that stay over a reload, have no ramp", () => {
    const given = plan(2, {}, { slowStartMs: 60_000 });
    prober.setPlan(given);
    clock.advance(2_000);
    prober.setPlan(given);
    clock.advance(2_000);
    expect([part(0), part(1)]).toEqual([1, 1]);
    prober.setPlan(plan(3, {}, { slowStartMs: 60_000 }));
    clock.advance(2_000);
    expect(isUp(2)).toBe(true);
    expect(part(2)).toBeLessThan(0.05);
  });
});

describe("shed", () => {
  const half = Math.round(0.8 * SCALE_ONE);
  const shed = { low: Math.round(0.7 * SCALE_ONE), high: Math.round(0.9 * SCALE_ONE) };

  it("load between low and high moves clients away by and by, and lets them come back slower", () => {
    prober.setPlan(plan(2, {}, { shed }));
    clock.advance(3_000);
    const report = (load: number) => {
      const reload = plan(2, {}, { shed });
      rows.endpoints[ROW_LOAD] = load;
      prober.setPlan(reload);
    };
    report(half);
    clock.advance(2_000);
    expect(part(0)).toBeCloseTo(0.9, 1);
    clock.advance(30_000);
    expect(part(0)).toBeCloseTo(0.5, 2);
    expect([part(1), poolWord(POOL_ROW_LACK), poolWord(POOL_ROW_UNEVEN)]).toEqual([1, 0, 1]);
    report(SCALE_ONE);
    clock.advance(30_000);
    expect(part(0)).toBe(0);
    report(-1);
    clock.advance(6_000);
    expect(part(0)).toBeCloseTo(0.1, 1);
    clock.advance(60_000);
    expect(part(0)).toBe(1);
  });
});

describe("withdrawal budget", () => {
  const budget = { percent: 50, withinMs: 60_000 };

  it("keeps up what fails beyond it, says so, and lets it go when there is room", () => {
    prober.setPlan(plan(4, {}, {}, { budget }));
    clock.advance(3_000);
    dead = new Set(["a0", "a1", "a2"]);
    clock.advance(5_000);
    const up = [0, 1, 2, 3].filter(isUp);
    expect(up).toHaveLength(2);
    const spared = up.find((row) => row < 3)!;
    expect(word(spared, ROW_STATE) & (STATE_SPARED | STATE_PROBED_UP)).toBe(STATE_SPARED);
    clock.advance(50_000);
    expect(isUp(spared)).toBe(true);
    clock.advance(12_000);
    expect([0, 1, 2, 3].filter(isUp)).toEqual([3]);
    dead.clear();
    clock.advance(10_000);
    expect([0, 1, 2, 3].filter(isUp)).toHaveLength(4);
  });

  it("one that recovers while it is kept up was never withdrawn", () => {
    prober.setPlan(plan(2, {}, {}, { budget }));
    clock.advance(3_000);
    dead = new Set(["a0", "a1"]);
    clock.advance(5_000);
    const spared = isUp(0) ? 0 : 1;
    changes = [];
    dead.delete(`a${spared}`);
    clock.advance(3_000);
    expect(word(spared, ROW_STATE) & (STATE_SPARED | STATE_PROBED_UP)).toBe(STATE_PROBED_UP);
    expect(changes).toEqual([]);
  });

  it("is off unless it is asked for", () => {
    prober.setPlan(plan(4, {}));
    clock.advance(3_000);
    dead = new Set(["a0", "a1", "a2", "a3"]);
    clock.advance(5_000);
    expect([0, 1, 2, 3].some(isUp)).toBe(false);
  });
});

describe("phases", () => {
  it("are those of successes, and go with the check", () => {
    const timed = { ...GOOD, connectMs: 2, tlsMs: -1, firstOctetMs: 5 };
    prober.stop();
    prober = createProber({
      ...{ rows, clock, random: () => 0.5 },
      prepare: (target) => (done) => {
        done(dead.has(target.address) ? { ...BAD, connectMs: 400 } : timed);
        return { expire() {}, cancel() {} };
      },
      onTransition() {},
      onPoolTransition() {},
      onLatchMove() {},
      onRoundDone() {},
    });
    const given = plan(1, {});
    prober.setPlan(given);
    clock.advance(3_000);
    expect(phasesOf(rows, 0)).toEqual({ connectMs: 2, tlsMs: null, firstOctetMs: 3 });
    dead.add("a0");
    clock.advance(3_000);
    prober.setPlan(given);
    expect(phasesOf(rows, 0)).toEqual({ connectMs: 2, tlsMs: null, firstOctetMs: 3 });
    const [target] = given.targets;
    prober.setPlan({ ...given, targets: [{ ...target!, keyHigh: 2 }] });
    expect(phasesOf(rows, 0)).toBeNull();
  });
});

describe("history", () => {
  it("keeps the last 16 transitions of an address with their reasons, the latest first", () => {
    prober.setPlan(plan(1, { fall: 1, rise: 1 }));
    clock.advance(2_000);
    for (let n = 0; n < 12; n++) {
      dead.add("a0");
      clock.advance(2_000);
      dead.clear();
      clock.advance(2_000);
    }
    const past = prober.history("z.", "p", "a0");
    expect(past).toHaveLength(16);
    expect(past.slice(0, 2).map(({ from, to, reason }) => [from, to, reasonText(reason)])).toEqual([
      ["down", "up", "ok"],
      ["up", "down", "refused"],
    ]);
    expect(past[0]!.atMs).toBeGreaterThan(past[1]!.atMs);
    expect(prober.history("z.", "p", "elsewhere")).toEqual([]);
  });
});

describe("a prober that takes over from a dead one", () => {
  it("goes on with a ramp, and with the record of alternations", () => {
    const given = plan(1, { fall: 1, rise: 1, dampingMs: 600_000 }, { slowStartMs: 100_000 });
    prober.setPlan(given);
    clock.advance(2_000);
    for (let n = 0; n < 2; n++) {
      dead.add("a0");
      while (isUp(0)) clock.advance(10);
      dead.clear();
      while (!isUp(0)) clock.advance(10);
    }
    clock.advance(20_000);
    const before = part(0);
    expect(before).toBeGreaterThan(0.05);
    prober.stop();
    prober = start();
    prober.setPlan(given);
    expect(part(0)).toBeCloseTo(before, 1);
    dead.add("a0");
    while (isUp(0)) clock.advance(10);
    dead.clear();
    clock.advance(110_000);
    expect(isUp(0)).toBe(false);
    clock.advance(15_000);
    expect(isUp(0)).toBe(true);
  });
});
