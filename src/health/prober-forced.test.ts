import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { ForcedPlan, HealthPlan, ProbeTarget } from "./plan.ts";
import { failedResult, type PrepareProbe } from "./probe.ts";
import { createProber, type Prober } from "./prober.ts";
import { REASON_OK, REASON_REFUSED } from "./reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_HORIZON_MS,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  ROW_HORIZON_MS,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_DRAINED,
  STATE_FORCED_DOWN,
  STATE_FORCED_UP,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_UP,
} from "./rows.ts";

const UP = STATE_UP | STATE_PROBED_UP | STATE_KNOWN;
const WHOLE = 65_536;

let clock: FakeClock;
let rows: HealthRows;
let alive: Set<string>;
let told: string[];
let prober: Prober;

const prepare: PrepareProbe = (target) => (done) => {
  const ok = alive.has(target.address);
  done({ ...failedResult(ok ? REASON_OK : REASON_REFUSED), ok });
  return { expire() {}, cancel() {} };
};

function target(row: number, check: Partial<ProbeTarget["check"]> = {}): ProbeTarget {
  return {
    row,
    keyHigh: 1,
    keyLow: row + 1,
    address: `a${row}`,
    family: 4,
    zone: "z",
    pool: "p",
    endpoint: `e${row}`,
    check: { type: "tcp", name: "c", port: 80, intervalMs: 1000, timeoutMs: 500, fall: 3, rise: 2, ...check },
  } as ProbeTarget;
}

function plan(forced?: ForcedPlan[], targets = [target(0), target(1)]): HealthPlan {
  const endpoints = targets.map(({ row }) => [row]);
  const pool = { row: 0, keyHigh: 1, keyLow: 9, zone: "z", pool: "p", endpoints };
  return {
    targets,
    pools: [{ ...pool, minHealthy: { percent: 100 }, dualStack: "any" }],
    ...(forced === undefined ? {} : { forced }),
  };
}

const say = (row: number, state: number, scale = WHOLE): ForcedPlan => ({ row, state, scale });
const word = (row: number, index: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!;
const state = (row: number): number => word(row, ROW_STATE);
const pool = () => ({
  failed: rows.pools[POOL_ROW_FAILED],
  up: rows.pools[POOL_ROW_UP],
  usable: rows.pools[POOL_ROW_USABLE],
});

function start(): Prober {
  return createProber({
    rows,
    clock,
    random: () => 0.5,
    prepare,
    onTransition: ({ endpoint, to, forced }) => told.push(`${endpoint} ${to} ${forced ?? "-"}`),
    onPoolTransition: ({ pool: name, to, withheld }) =>
      told.push(`${name} ${to}${withheld ? " by hand" : ""}`),
    onForced: ({ endpoint, from, to, probed }) => told.push(`${endpoint} ${from} to ${to}, ${probed}`),
    onLatchMove: () => undefined,
    onRoundDone: () => undefined,
  });
}

beforeEach(() => {
  clock = new FakeClock();
  rows = allocateHealthRows(8, 4);
  alive = new Set(["a0", "a1"]);
  told = [];
  prober = start();
  prober.setPlan(plan());
  clock.advance(2000);
  told = [];
});

describe("forced states", () => {
  it("win over probes at once, and the probes' state stands beside them", () => {
    prober.setForced([say(0, STATE_DRAINED), say(1, STATE_FORCED_DOWN)]);
    expect(state(0)).toBe(STATE_DRAINED | STATE_PROBED_UP | STATE_KNOWN);
    expect(state(1)).toBe(STATE_FORCED_DOWN | STATE_PROBED_UP | STATE_KNOWN);
    expect(told).toEqual(["e0 null to drain, up", "e1 null to down, up", "p failed by hand"]);
  });

  it("of a drain leaves the pool's count, of down does not", () => {
    prober.setForced([say(0, STATE_DRAINED)]);
    expect(pool()).toEqual({ failed: 0, up: 1, usable: 1 });
    prober.setForced([say(0, STATE_FORCED_DOWN)]);
    expect(pool()).toEqual({ failed: 1, up: 1, usable: 1 });
  });

  it("end where they are said no more, and what the probes found meanwhile counts", () => {
    prober.setForced([say(0, STATE_FORCED_UP), say(1, STATE_DRAINED)]);
    alive.clear();
    clock.advance(5000);
    expect(state(0) & (STATE_UP | STATE_PROBED_UP)).toBe(STATE_UP);
    expect(told.slice(2)).toEqual(["e0 down up", "e1 down drain"]);
    told = [];
    prober.setForced([]);
    expect([state(0), state(1)]).toEqual([STATE_KNOWN, STATE_KNOWN]);
    expect(told).toEqual(["e0 up to null, down", "e1 drain to null, down", "p failed"]);
    alive.add("a0");
    clock.advance(5000);
    expect(state(0)).toBe(UP);
  });

  it("take the horizon from the TTL: no result changes them", () => {
    alive.delete("a0");
    clock.advance(1000);
    expect(word(0, ROW_HORIZON_MS)).toBeGreaterThan(0);
    prober.setForced([say(0, STATE_FORCED_UP)]);
    expect(word(0, ROW_HORIZON_MS)).toBe(0);
    expect(rows.pools[POOL_ROW_HORIZON_MS]).toBe(0);
  });

  it("may be a weight alone, under which probes go on deciding", () => {
    prober.setForced([say(0, 0, 16_384)]);
    expect([state(0), word(0, ROW_WEIGHT_SCALE)]).toEqual([UP, 16_384]);
    alive.clear();
    clock.advance(5000);
    expect(state(0)).toBe(STATE_KNOWN);
    expect(word(0, ROW_HORIZON_MS)).toBe(2000);
    expect(told).toEqual(["e0 down -", "p failed", "e1 down -"]);
    prober.setForced([]);
    expect(word(0, ROW_WEIGHT_SCALE)).toBe(WHOLE);
  });

  it("come with a plan, hold through the next one, and through the death of the prober", () => {
    prober.setPlan(plan([say(0, STATE_DRAINED)]));
    prober.setPlan(plan([say(0, STATE_DRAINED)], [target(0, { fall: 5 }), target(1)]));
    expect(told).toEqual(["e0 null to drain, up"]);
    prober.stop();
    prober = start();
    prober.setPlan(plan([say(0, STATE_DRAINED)]));
    expect(state(0)).toBe(STATE_DRAINED | STATE_PROBED_UP | STATE_KNOWN);
    prober.setForced([]);
    expect(state(0)).toBe(UP);
  });

  it("of an address without a check hold from its first row on", () => {
    const fixed = { type: "static", name: "", up: true } as const;
    const targets = [target(2, fixed), target(3, fixed)];
    prober.setPlan(plan([say(2, STATE_DRAINED)], targets));
    expect([state(2), state(3)]).toEqual([STATE_DRAINED | STATE_PROBED_UP | STATE_KNOWN, UP]);
    expect(pool()).toEqual({ failed: 0, up: 1, usable: 1 });
  });

  describe("and slow start", () => {
    const part = (): number => word(0, ROW_WEIGHT_SCALE) / WHOLE;
    const slow = plan(undefined, [{ ...target(0), slowStartMs: 10_000 }, target(1)]);

    beforeEach(() => {
      prober.setPlan(slow);
      clock.advance(60_000);
      expect(part()).toBe(1);
    });

    it.each([STATE_DRAINED, STATE_FORCED_DOWN])("what was withheld (%i) comes back slowly", (withheld) => {
      prober.setForced([say(0, withheld)]);
      clock.advance(60_000);
      prober.setForced([]);
      expect([state(0), part()]).toEqual([UP, 0]);
      clock.advance(5_000);
      expect(part()).toBeCloseTo(0.5, 1);
      clock.advance(6_000);
      expect(part()).toBe(1);
    });

    it("an end in the plan counts as well", () => {
      prober.setPlan({ ...slow, forced: [say(0, STATE_DRAINED)] });
      clock.advance(60_000);
      prober.setPlan(slow);
      expect(part()).toBe(0);
      clock.advance(5_000);
      expect(part()).toBeCloseTo(0.5, 1);
    });

    it("forced up it is back at once, and the end of that changes nothing", () => {
      prober.setForced([say(0, STATE_DRAINED)]);
      prober.setForced([say(0, STATE_FORCED_UP)]);
      expect(part()).toBe(1);
      prober.setForced([]);
      expect([state(0), part()]).toEqual([UP, 1]);
    });

    it("another weight is no return", () => {
      prober.setForced([say(0, 0, 16_384)]);
      prober.setForced([]);
      expect(part()).toBe(1);
    });
  });
});
