import { beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { HealthPlan, LatchPlan, ProbeTarget, TcpSpec } from "./plan.ts";
import { failedResult, type PrepareProbe } from "./probe.ts";
import { createProber, type Prober } from "./prober.ts";
import {
  REASON_OK,
  REASON_REFUSED,
  REASON_STATUS,
  REASON_TLS_EXPIRED,
  reasonOf,
  reasonText,
} from "./reasons.ts";
import { type Remembered, remember, restore } from "./remembered.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_CURRENT,
  POOL_ROW_FAILED,
  POOL_ROW_SINCE_S,
  ROW_REASON,
  ROW_SINCE_S,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_KNOWN,
  STATE_UP,
} from "./rows.ts";
import type { EndpointTransition, PoolTransition } from "./transitions.ts";

const MAX_AGE_S = 300;
const check: TcpSpec = {
  type: "tcp",
  name: "web",
  port: 80,
  intervalMs: 1000,
  timeoutMs: 500,
  fall: 3,
  rise: 2,
};

/** One pool of `addresses`, in rows from `firstRow` on: rows are another ones after a restart. */
function planOf(addresses: string[], firstRow = 0, over: Partial<TcpSpec> = {}): HealthPlan {
  const where = { zone: "z.example", pool: "eu" };
  const targets = addresses.map((address, index): ProbeTarget => {
    const row = firstRow + index;
    const id = { row, keyHigh: 7, keyLow: Number(address.split(".")[3]) };
    return { ...id, ...where, address, family: 4, endpoint: address, check: { ...check, ...over } };
  });
  const pool = { row: firstRow, keyHigh: 9, keyLow: 9, ...where, endpoints: targets.map(({ row }) => [row]) };
  return { targets, pools: [{ ...pool, minHealthy: { count: 1 }, dualStack: "any" }] };
}

let clock: FakeClock;
let rows: HealthRows;
let alive: Set<string>;
let transitions: EndpointTransition[];
let poolTransitions: PoolTransition[];
let rounds: number;
let turns: number;

const prepare: PrepareProbe =
  ({ address }) =>
  (done) => {
    done(alive.has(address) ? { ...failedResult(REASON_OK), ok: true } : failedResult(REASON_REFUSED));
    return { expire() {}, cancel() {} };
  };

function start(): Prober {
  return createProber({
    rows,
    clock,
    random: () => 0.25,
    prepare,
    onTransition: (transition) => transitions.push(transition),
    onPoolTransition: (transition) => poolTransitions.push(transition),
    onWarning() {},
    onRunTurn: () => {
      turns++;
    },
    onForced() {},
    onLatchMove() {},
    onRoundDone: () => {
      rounds++;
    },
  });
}

const wallS = (): number => Math.floor(clock.wallMs() / 1000);
const word = (row: number, index: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!;
const isUp = (row: number): boolean => (word(row, ROW_STATE) & STATE_UP) !== 0;

/** The process ends and starts again `pauseMs` later: shared memory is gone. */
function restart(remembered: Remembered, pauseMs: number, plan: HealthPlan): ReturnType<typeof restore> {
  clock.wallOffsetMs += pauseMs;
  rows = allocateHealthRows(64, 64);
  transitions = [];
  poolTransitions = [];
  rounds = 0;
  return restore(rows, plan, JSON.parse(JSON.stringify(remembered)) as Remembered, wallS(), MAX_AGE_S);
}

/** What a server knows after a while: 192.0.2.1 is up, 192.0.2.2 has gone down. */
function lived(): Remembered {
  const plan = planOf(["192.0.2.1", "192.0.2.2"]);
  const prober = start();
  alive = new Set(["192.0.2.1", "192.0.2.2"]);
  prober.setPlan(plan);
  clock.advance(20_000);
  alive.delete("192.0.2.2");
  clock.advance(20_000);
  prober.stop();
  return remember(rows, plan, null, wallS());
}

beforeEach(() => {
  clock = new FakeClock();
  rows = allocateHealthRows(64, 64);
  transitions = [];
  poolTransitions = [];
  alive = new Set();
  rounds = 0;
  turns = 0;
});

describe("a restart", () => {
  test("neither forgets the dead nor buries the living, whatever the rows", () => {
    const remembered = lived();
    const downSinceS = remembered.endpoints[1]!.sinceS;
    const plan = planOf(["192.0.2.2", "192.0.2.1"], 5);
    expect(restart(remembered, 2_000, plan)).toEqual({ up: 1, down: 1, tooOld: 0 });
    alive = new Set(["192.0.2.2"]);
    const prober = start();
    prober.setPlan(plan);
    // All is known: the sockets need not wait.
    expect(rounds).toBe(1);
    expect([isUp(5), isUp(6)]).toEqual([false, true]);
    expect(word(5, ROW_SINCE_S)).toBe(downSinceS);
    expect(reasonText(word(5, ROW_REASON))).toBe("refused");
    // One success does not bring it back, and one failure does not take the other down: rise and fall hold.
    clock.advance(1_200);
    expect([isUp(5), isUp(6)]).toEqual([false, true]);
    clock.advance(3_000);
    expect([isUp(5), isUp(6)]).toEqual([true, false]);
    expect(transitions.map(({ address, from, to }) => `${address} ${from} ${to}`)).toEqual([
      "192.0.2.2 down up",
      "192.0.2.1 up down",
    ]);
    prober.stop();
  });

  test("what no probe stands behind for longer than the age is not used", () => {
    const remembered = lived();
    const plan = planOf(["192.0.2.1", "192.0.2.2"]);
    expect(restart(remembered, MAX_AGE_S * 1000, plan)).toMatchObject({ up: 1, down: 1 });
    expect(restart(remembered, 2_000, plan)).toEqual({ up: 0, down: 0, tooOld: 2 });
    const prober = start();
    prober.setPlan(plan);
    expect(rounds).toBe(0);
    expect(word(0, ROW_STATE) & STATE_KNOWN).toBe(0);
    prober.stop();
  });

  test("row 70: a clock that was set back by more than the age: not used either", () => {
    const remembered = lived();
    const plan = planOf(["192.0.2.1", "192.0.2.2"]);
    expect(restart(remembered, -MAX_AGE_S * 1000 - 2_000, plan)).toEqual({ up: 0, down: 0, tooOld: 2 });
  });

  test("under another question, name or address the state says nothing; timing changes nothing", () => {
    const remembered = lived();
    const restored = (plan: HealthPlan): number => {
      const { up, down } = restart(remembered, 0, plan);
      return up + down;
    };
    const both = ["192.0.2.1", "192.0.2.2"];
    expect(
      restored(
        planOf(both, 0, {
          intervalMs: 5000,
          timeoutMs: 900,
          fall: 1,
          rise: 1,
          holdDownMs: 1000,
          dampingMs: 60_000,
        }),
      ),
    ).toBe(2);
    expect(restored(planOf(both, 0, { port: 81 }))).toBe(0);
    expect(restored(planOf(both, 0, { name: "other" }))).toBe(0);
    expect(restored(planOf(["192.0.2.2", "192.0.2.3"]))).toBe(1);
  });

  test("a server that dies before its first probe, again and again, keeps nothing alive", () => {
    let remembered = lived();
    const plan = planOf(["192.0.2.1", "192.0.2.2"]);
    const seenS = remembered.endpoints[0]!.seenS;
    for (let turn = 0; turn < 3; turn++) {
      expect(restart(remembered, 90_000, plan)).toMatchObject({ up: 1, down: 1 });
      const again = JSON.parse(JSON.stringify(remembered)) as Remembered;
      remembered = remember(rows, plan, again, wallS());
      expect(remembered.endpoints.map((endpoint) => endpoint.seenS)).toEqual([seenS, seenS]);
    }
    expect(restart(remembered, 90_000, plan)).toEqual({ up: 0, down: 0, tooOld: 2 });
  });

  test("a pool goes on where it was, with no word of a first verdict", () => {
    const remembered = lived();
    const { sinceS } = remembered.pools[0]!;
    const plan = planOf(["192.0.2.1", "192.0.2.2"], 3);
    restart(remembered, 0, plan);
    alive = new Set(["192.0.2.1"]);
    const prober = start();
    prober.setPlan(plan);
    clock.advance(5_000);
    expect(rows.pools[3 * 16 + POOL_ROW_FAILED]).toBe(0);
    expect(rows.pools[3 * 16 + POOL_ROW_SINCE_S]).toBe(sinceS);
    expect(poolTransitions).toEqual([]);
    prober.stop();
  });

  test("a pool with an address that nobody remembers waits for its verdict", () => {
    const remembered = lived();
    const plan = planOf(["192.0.2.1", "192.0.2.9"]);
    expect(restart(remembered, 0, plan)).toMatchObject({ up: 1, down: 0 });
    const prober = start();
    prober.setPlan(plan);
    expect(rounds).toBe(0);
    clock.advance(1_500);
    expect(rounds).toBe(1);
    expect([isUp(0), isUp(1)]).toEqual([true, false]);
    prober.stop();
  });

  test("a pool with a row that no probe writes, as that of a calculated check, is left to the prober", () => {
    const remembered = lived();
    const plan = planOf(["192.0.2.1", "192.0.2.2"]);
    plan.pools[0]!.endpoints.push([40]);
    expect(restart(remembered, 0, plan)).toMatchObject({ up: 1, down: 1 });
    expect(rows.pools[POOL_ROW_SINCE_S]).toBe(0);
  });

  test("rows of a prober before it, in the same process, win", () => {
    const remembered = lived();
    const plan = planOf(["192.0.2.1", "192.0.2.2"]);
    const before = rows.endpoints.slice();
    remembered.endpoints[0]!.state = "down";
    expect(restore(rows, plan, remembered, wallS(), MAX_AGE_S)).toEqual({ up: 0, down: 0, tooOld: 0 });
    expect(rows.endpoints).toEqual(before);
  });
});

describe("a latch", () => {
  const latch = (afterMs: number | null): LatchPlan => ({
    row: 2,
    keyHigh: 3,
    keyLow: 4,
    zone: "z.example",
    policy: "www: policy",
    entries: [
      { name: "eu", verdict: 0 },
      { name: "us", verdict: 1 },
    ],
    afterMs,
  });
  const planWith = (afterMs: number | null): HealthPlan => ({
    targets: [],
    pools: [],
    failback: { verdicts: ["never", "never"], latches: [latch(afterMs)] },
  });
  const held: Remembered = {
    endpoints: [],
    pools: [],
    latches: [
      {
        zone: "z.example",
        policy: "www: policy",
        entries: ["eu", "us"],
        current: 1,
        sinceS: 100,
        seenS: 1000,
      },
    ],
  };
  const current = (): number => rows.latches[2 * 8 + LATCH_ROW_CURRENT]!;

  test.each([
    ["that only an operator releases holds for ever", null, 1_000_000, 1],
    ["that goes back by itself holds within the age", 600_000, 1200, 1],
    ["that goes back by itself is forgotten after it", 600_000, 1301, 0],
  ])("%s", (_what, afterMs, nowS, expected) => {
    restore(rows, planWith(afterMs), held, nowS, MAX_AGE_S);
    expect(current()).toBe(expected);
    const again = remember(rows, planWith(afterMs), null, nowS).latches;
    expect(again).toEqual(expected === 1 ? [{ ...held.latches[0], seenS: nowS }] : []);
  });

  test("over other entries, or on one that is not there, is not restored", () => {
    const other = { ...held.latches[0]!, entries: ["us", "eu"] };
    const beyond = { ...held.latches[0]!, current: 2 };
    for (const known of [other, beyond]) {
      restore(rows, planWith(null), { ...held, latches: [known] }, 1000, MAX_AGE_S);
      expect(current()).toBe(0);
    }
  });
});

test("every reason comes back from its text", () => {
  const some = [REASON_OK, REASON_TLS_EXPIRED, REASON_STATUS + 503, 2014, 3002, 3009, 4127];
  for (let reason = 1; reasonText(reason) !== "none"; reason++) some.push(reason);
  for (const reason of some) expect(reasonOf(reasonText(reason))).toBe(reason);
  for (const text of ["", "status-", "status-x", "exit-12345", "nonsense"]) expect(reasonOf(text)).toBe(0);
});

describe("what went up and down before a restart", () => {
  const timing = { fall: 1, rise: 1, dampingMs: 600_000 };
  const slow = (): HealthPlan => {
    const plan = planOf(["192.0.2.1"], 0, timing);
    return { ...plan, targets: plan.targets.map((target) => ({ ...target, slowStartMs: 100_000 })) };
  };
  const scale = (): number => word(0, ROW_WEIGHT_SCALE) / 65_536;

  /** Goes down and comes back twice, so that its next downtime is a minute at least. */
  function flapped(plan: HealthPlan): Remembered {
    const prober = start();
    alive = new Set(["192.0.2.1"]);
    prober.setPlan(plan);
    clock.advance(2_000);
    for (let n = 0; n < 2; n++) {
      alive.clear();
      while (isUp(0)) clock.advance(100);
      alive.add("192.0.2.1");
      while (!isUp(0)) clock.advance(100);
    }
    prober.stop();
    return remember(rows, plan, null, wallS());
  }

  test("is damped after it, too", () => {
    const plan = planOf(["192.0.2.1"], 0, timing);
    restart(flapped(plan), 5_000, plan);
    const prober = start();
    prober.setPlan(plan);
    clock.advance(2_000);
    alive.clear();
    while (isUp(0)) clock.advance(100);
    alive.add("192.0.2.1");
    clock.advance(100_000);
    expect(isUp(0)).toBe(false);
    clock.advance(30_000);
    expect(isUp(0)).toBe(true);
    prober.stop();
  });

  test("goes on with its slow start", () => {
    const plan = slow();
    const remembered = flapped(plan);
    // The ramp is twice as long as it is configured: it went down within the one before.
    restart(remembered, 20_000, plan);
    const prober = start();
    prober.setPlan(plan);
    expect(scale()).toBeGreaterThan(0.05);
    expect(scale()).toBeLessThan(0.2);
    clock.advance(60_000);
    expect(scale()).toBeLessThan(0.6);
    prober.stop();
  });

  test("and stays down as long as hold_down says, counted from before", () => {
    const plan = planOf(["192.0.2.1"], 0, { fall: 1, rise: 1, holdDownMs: 60_000 });
    const prober = start();
    alive = new Set(["192.0.2.1"]);
    prober.setPlan(plan);
    clock.advance(2_000);
    alive.clear();
    while (isUp(0)) clock.advance(100);
    alive.add("192.0.2.1");
    clock.advance(10_000);
    prober.stop();
    restart(remember(rows, plan, null, wallS()), 30_000, plan);
    const next = start();
    next.setPlan(plan);
    clock.advance(15_000);
    expect(isUp(0)).toBe(false);
    clock.advance(10_000);
    expect(isUp(0)).toBe(true);
    next.stop();
  });

  describe("and must be healthy for a time before it returns", () => {
    const plan = planOf(["192.0.2.1"], 0, { fall: 1, rise: 1, holdHealthyMs: 60_000 });

    /** Down, and then healthy for 40 s. */
    function healing(): Prober {
      const prober = start();
      alive = new Set(["192.0.2.1"]);
      prober.setPlan(plan);
      clock.advance(2_000);
      alive.clear();
      while (isUp(0)) clock.advance(100);
      alive.add("192.0.2.1");
      clock.advance(40_000);
      return prober;
    }

    /** Seconds until it is up. */
    function returnsAfter(): number {
      const fromMs = clock.nowMs();
      while (!isUp(0) && clock.nowMs() < fromMs + 300_000) clock.advance(100);
      return Math.round((clock.nowMs() - fromMs) / 1000);
    }

    /** The process ends, is away, and starts again. */
    function again(pauseMs: number, change: (remembered: Remembered) => void = () => {}): Prober {
      const remembered = remember(rows, plan, null, wallS());
      change(remembered);
      restart(remembered, pauseMs, plan);
      const prober = start();
      prober.setPlan(plan);
      return prober;
    }

    test("has the time before the restart counted, and not that of the restart", () => {
      healing().stop();
      const next = again(200_000);
      const s = returnsAfter();
      expect(s).toBeGreaterThanOrEqual(20);
      expect(s).toBeLessThanOrEqual(23);
      next.stop();
    });

    test("has it counted over two restarts", () => {
      healing().stop();
      const next = again(5_000);
      clock.advance(10_000);
      next.stop();
      const last = again(5_000);
      const s = returnsAfter();
      expect(s).toBeGreaterThanOrEqual(10);
      expect(s).toBeLessThanOrEqual(15);
      last.stop();
    });

    test("begins anew where a probe fails, before the restart or after it", () => {
      const prober = healing();
      alive.clear();
      clock.advance(1_000);
      alive.add("192.0.2.1");
      prober.stop();
      const next = again(5_000);
      expect(returnsAfter()).toBeGreaterThanOrEqual(60);
      next.stop();
      healing().stop();
      const last = again(5_000);
      alive.clear();
      clock.advance(1_000);
      alive.add("192.0.2.1");
      expect(returnsAfter()).toBeGreaterThanOrEqual(59);
      last.stop();
    });

    test("begins anew with a file of an earlier version, or one that says nonsense", () => {
      const changes: ((known: Remembered["endpoints"][number]) => void)[] = [
        (known) => {
          delete known.run;
          delete known.runSinceS;
        },
        (known) => {
          known.runSinceS = known.seenS + 1_000;
        },
        (known) => {
          known.run = 0;
        },
      ];
      for (const change of changes) {
        healing().stop();
        const next = again(5_000, ({ endpoints }) => change(endpoints[0]!));
        expect(returnsAfter()).toBeGreaterThanOrEqual(59);
        next.stop();
      }
    });

    test("goes on where only the prober was restarted, and is told of when it turns", () => {
      healing().stop();
      clock.advance(3_000);
      const next = start();
      next.setPlan(plan);
      turns = 0;
      const s = returnsAfter();
      expect(s).toBeLessThanOrEqual(20);
      expect(turns).toBe(1);
      next.stop();
    });

    test("under a check that asks for no such time nothing is kept", () => {
      const plain = planOf(["192.0.2.1"], 0, { fall: 1, rise: 30 });
      const prober = start();
      prober.setPlan(plain);
      clock.advance(2_000);
      alive.add("192.0.2.1");
      clock.advance(10_000);
      prober.stop();
      expect(remember(rows, plain, null, wallS()).endpoints[0]).not.toHaveProperty("runSinceS");
    });
  });
});
