import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { LoadReport } from "./load-report.ts";
import type { HealthPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { failedResult, type PrepareProbe, type ProbeResult } from "./probe.ts";
import { createProber, type Prober } from "./prober.ts";
import { REASON_OK, REASON_REFUSED, REASON_WARNING, reasonText } from "./reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_CURRENT,
  LATCH_ROW_WORDS,
  POOL_ROW_CONNECTIONS,
  POOL_ROW_FAILED,
  POOL_ROW_HORIZON_MS,
  POOL_ROW_KEY_LOW,
  POOL_ROW_RESPONSE_US,
  POOL_ROW_SINCE_S,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  POOL_ROW_WORDS,
  ROW_CONNECTIONS,
  ROW_HORIZON_MS,
  ROW_KEY_LOW,
  ROW_LOAD,
  ROW_REASON,
  ROW_RESPONSE_US,
  ROW_RUN,
  ROW_SINCE_S,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_KNOWN,
  STATE_TRIAL,
  STATE_UP,
} from "./rows.ts";
import type { EndpointTransition, PoolTransition } from "./transitions.ts";

const GOOD: ProbeResult = { ...failedResult(REASON_OK), ok: true };
/** What a success says of the time to its first octet; -1: nothing. */
let responseMs: number;
const BAD = failedResult(REASON_REFUSED);

let clock: FakeClock;
let rows: HealthRows;
let transitions: EndpointTransition[];
let poolTransitions: PoolTransition[];
let latchMoves: string[];
let rounds: number;
/** Addresses that answer; `silent` ones never do. */
let alive: Set<string>;
let silent: Set<string>;
/** Addresses that answer with a warning. */
let warned: Set<string>;
let warnings: string[];
/** What addresses report of their load. */
let reports: Map<string, LoadReport>;
let probed: Map<string, number>;
let prober: Prober;

const prepare: PrepareProbe = (target) => (done) => {
  probed.set(target.address, (probed.get(target.address) ?? 0) + 1);
  if (!silent.has(target.address))
    done(
      alive.has(target.address)
        ? {
            ...GOOD,
            reason: warned.has(target.address) ? REASON_WARNING : REASON_OK,
            firstOctetMs: responseMs,
            ...(reports.has(target.address) ? { report: reports.get(target.address)! } : {}),
          }
        : BAD,
    );
  return { expire: () => done(BAD), cancel() {} };
};

function start(): Prober {
  return createProber({
    rows,
    clock,
    random: () => 0.25,
    prepare,
    onTransition: (transition) => transitions.push(transition),
    onPoolTransition: (transition) => poolTransitions.push(transition),
    onWarning: ({ address, reason }) => warnings.push(`${address} ${reasonText(reason)}`),
    onLatchMove: (move) => latchMoves.push(`${move.policy}: ${move.from} to ${move.to}`),
    onRoundDone: () => {
      rounds += 1;
    },
  });
}

beforeEach(() => {
  clock = new FakeClock();
  rows = allocateHealthRows(64, 8);
  transitions = [];
  poolTransitions = [];
  latchMoves = [];
  rounds = 0;
  alive = new Set();
  silent = new Set();
  warned = new Set();
  warnings = [];
  reports = new Map();
  responseMs = -1;
  probed = new Map();
  prober = start();
});

afterEach(() => {
  prober.stop();
  vi.restoreAllMocks();
});

/** Pools by name, each a list of addresses; `-` is an endpoint without a check. Rows and keys follow from the names. */
function plan(pools: Record<string, string>, check: Partial<ProbeTarget["check"]> = {}): HealthPlan {
  const targets: ProbeTarget[] = [];
  const list = Object.entries(pools).map(([pool, addresses]): PoolPlan => {
    const endpoints = addresses.split(" ").map((address) => {
      if (address === "-") return [-1];
      const number = Number(address.slice(1));
      const checkKey = check.name === undefined ? 0 : 0x7000_0000;
      targets.push({
        row: number + (checkKey === 0 ? 0 : 32),
        keyHigh: 0x9000_0000,
        keyLow: number + 1 + checkKey,
        address,
        family: 4,
        zone: "z.",
        pool,
        endpoint: `e${number}`,
        check: {
          type: "tcp",
          name: "c",
          port: 80,
          intervalMs: 1_000,
          timeoutMs: 400,
          fall: 3,
          rise: 2,
          ...check,
        } as ProbeTarget["check"],
      });
      return [targets.at(-1)!.row];
    });
    const id = pool.charCodeAt(0) - 96;
    return {
      row: id,
      keyHigh: -1,
      keyLow: id,
      zone: "z.",
      pool,
      endpoints,
      minHealthy: { count: 1 },
      dualStack: "any",
    };
  });
  return { targets, pools: list };
}

const row = (address: string, word: number): number =>
  rows.endpoints[Number(address.slice(1)) * ENDPOINT_ROW_WORDS + word]!;
const isUp = (address: string): boolean => (row(address, ROW_STATE) & STATE_UP) !== 0;
const pool = (name: string, word: number): number =>
  rows.pools[(name.charCodeAt(0) - 96) * POOL_ROW_WORDS + word]!;
const failed = (name: string): boolean => pool(name, POOL_ROW_FAILED) === 1;

/** Lets time pass in ticks until something is so; fails after a minute. */
function until(isSo: () => boolean): number {
  const fromMs = clock.nowMs();
  while (!isSo()) {
    expect(clock.nowMs() - fromMs).toBeLessThan(60_000);
    clock.advance(10);
  }
  return clock.nowMs() - fromMs;
}

describe("load", () => {
  it("publishes the pool's response time as it changes, without a change of state", () => {
    alive.add("a0");
    prober.setPlan(plan({ a: "a0" }));
    clock.advance(520);
    const responseTimes = new Set<number>();
    for (let i = 1; i <= 4; i++) {
      responseMs = 10 * i;
      clock.advance(1000);
      expect(pool("a", POOL_ROW_RESPONSE_US)).toBe(row("a0", ROW_RESPONSE_US));
      responseTimes.add(pool("a", POOL_ROW_RESPONSE_US));
    }
    expect(responseTimes.size).toBe(4);
  });

  it("keeps reports over a reload, and over a prober that is replaced", () => {
    alive.add("a0");
    prober.setPlan(plan({ a: "a0" }));
    clock.advance(520);
    rows.endpoints[ROW_CONNECTIONS] = 42;
    prober.setPlan(plan({ a: "a0 a1" }));
    expect([row("a0", ROW_CONNECTIONS), row("a1", ROW_CONNECTIONS)]).toEqual([42, -1]);
    expect(pool("a", POOL_ROW_CONNECTIONS)).toBe(42);
    prober.stop();
    prober = start();
    prober.setPlan(plan({ a: "a0 a1" }));
    expect([row("a0", ROW_CONNECTIONS), pool("a", POOL_ROW_CONNECTIONS)]).toEqual([42, 42]);
  });
});

describe("what endpoints report of their load", () => {
  const reading = {
    ...{ type: "http", path: "/", host: "", verify: true, expectStatus: [], expectBody: "" },
    ...{ windowMs: 1, load: { path: [], header: "", expireMs: 5_000 } },
  } as Partial<ProbeTarget["check"]>;
  const report = (connections: number): LoadReport => ({
    ...{ connections, capacity: 100, p99Ms: 10, errorRate: 0.5 },
  });

  it("reaches its row and its pool, and expires while probes fail", () => {
    alive.add("a0").add("a1");
    reports.set("a0", report(25)).set("a1", report(75));
    prober.setPlan(plan({ a: "a0 a1" }, reading));
    clock.advance(2_000);
    expect([row("a0", ROW_CONNECTIONS), row("a0", ROW_LOAD)]).toEqual([25, 16_384]);
    expect(pool("a", POOL_ROW_CONNECTIONS)).toBe(100);
    reports.set("a0", report(5));
    clock.advance(2_000);
    expect(row("a0", ROW_CONNECTIONS)).toBe(5);
    expect(pool("a", POOL_ROW_CONNECTIONS)).toBe(80);
    silent.add("a0");
    clock.advance(4_000);
    expect(row("a0", ROW_CONNECTIONS)).toBe(5);
    clock.advance(4_000);
    expect([row("a0", ROW_CONNECTIONS), row("a0", ROW_LOAD)]).toEqual([-1, -1]);
  });

  it("stays over a reload and a new prober, and goes with the option", () => {
    alive.add("a0");
    reports.set("a0", report(25));
    prober.setPlan(plan({ a: "a0" }, reading));
    clock.advance(2_000);
    prober.stop();
    reports.clear();
    prober = start();
    prober.setPlan(plan({ a: "a0" }, reading));
    clock.advance(4_000);
    expect(row("a0", ROW_CONNECTIONS)).toBe(25);
    const { load: _load, ...without } = reading as Record<string, unknown>;
    prober.setPlan(plan({ a: "a0" }, without as typeof reading));
    clock.advance(1_000);
    expect([row("a0", ROW_CONNECTIONS), pool("a", POOL_ROW_CONNECTIONS)]).toEqual([-1, -1]);
  });

  it("is not read by a check that does not ask for it", () => {
    alive.add("a0");
    reports.set("a0", report(25));
    prober.setPlan(plan({ a: "a0" }));
    clock.advance(2_000);
    expect(row("a0", ROW_CONNECTIONS)).toBe(-1);
  });
});

describe("a latched failover", () => {
  it("stays with the second entry when the first is back, until its time is over or it is released", () => {
    const latch = (policy: string, row: number, afterMs: number | null) => {
      const entries = ["a", "b"].map((name, verdict) => ({ name, verdict }));
      return { row, keyHigh: -9, keyLow: row, zone: "z.", policy, entries, afterMs };
    };
    const failback = {
      verdicts: [{ pool: 1 }, { pool: 2 }],
      latches: [latch("timed", 0, 60_000), latch("held", 1, null)],
    };
    const entryOf = (at: number): number => rows.latches[at * LATCH_ROW_WORDS + LATCH_ROW_CURRENT]!;
    alive = new Set(["a0", "a1"]);
    prober.setPlan({ ...plan({ a: "a0", b: "a1" }), failback });
    clock.advance(3_000);
    expect([entryOf(0), entryOf(1), latchMoves]).toEqual([0, 0, []]);
    alive.delete("a0");
    clock.advance(4_000);
    expect([entryOf(0), entryOf(1)]).toEqual([1, 1]);
    alive.add("a0");
    clock.advance(30_000);
    expect([entryOf(0), entryOf(1)]).toEqual([1, 1]);
    clock.advance(40_000);
    expect([entryOf(0), entryOf(1)]).toEqual([0, 1]);
    expect(prober.releaseLatch("z.", "held")).toBe(true);
    expect([entryOf(1), prober.releaseLatch("z.", "none")]).toEqual([0, false]);
    expect(latchMoves).toEqual(["timed: a to b", "held: a to b", "timed: b to a", "held: b to a"]);
    prober.setPlan(plan({ a: "a0", b: "a1" }));
    prober.releaseRetired();
    expect(rows.latches.every((word) => word === 0)).toBe(true);
  });
});

describe("at process start", () => {
  it("the first result is a verdict, and the round is reported when every target has one", () => {
    alive.add("a0");
    prober.setPlan(plan({ a: "a0 a1", b: "a2" }));
    expect([isUp("a0"), failed("a"), failed("b"), rounds]).toEqual([false, true, true, 0]);
    clock.advance(520);
    expect([isUp("a0"), isUp("a1"), failed("a"), failed("b"), rounds]).toEqual([true, false, false, true, 1]);
    expect([pool("a", POOL_ROW_UP), pool("a", POOL_ROW_USABLE)]).toEqual([1, 2]);
    expect(row("a0", ROW_STATE) & STATE_KNOWN).toBe(STATE_KNOWN);
    expect([row("a0", ROW_WEIGHT_SCALE), row("a0", ROW_LOAD)]).toEqual([65_536, -1]);
    expect(transitions.map(({ address, from, to }) => `${address} ${from} ${to}`).sort()).toEqual([
      "a0 unknown up",
      "a1 unknown down",
      "a2 unknown down",
    ]);
    expect(poolTransitions.map((t) => `${t.pool} ${t.from} ${t.to} ${t.up}/${t.usable}`).sort()).toEqual([
      "a unknown healthy 1/2",
      "b unknown failed 0/1",
    ]);
  });

  it("a pool without checks is up at once, and there is nothing to wait for", () => {
    prober.setPlan(plan({ a: "- -" }));
    expect([failed("a"), pool("a", POOL_ROW_UP), rounds, clock.pending]).toEqual([false, 2, 1, 0]);
    expect(poolTransitions).toHaveLength(1);
  });

  it("an empty plan has had its round", () => {
    prober.setPlan({ targets: [], pools: [] });
    expect(rounds).toBe(1);
  });

  it("a silent target is judged at its deadline", () => {
    silent.add("a0");
    prober.setPlan(plan({ a: "a0" }));
    clock.advance(500);
    expect(rounds).toBe(0);
    clock.advance(430);
    expect([rounds, isUp("a0")]).toEqual([1, false]);
  });
});

describe("while running", () => {
  beforeEach(() => {
    alive = new Set(["a0", "a1"]);
    prober.setPlan(plan({ a: "a0 a1" }));
    clock.advance(3_000);
    transitions.length = 0;
    poolTransitions.length = 0;
  });

  it("reports when an address that stays up begins to warn, and when it ceases to", () => {
    warned.add("a0");
    clock.advance(5_000);
    expect([warnings, isUp("a0"), reasonText(row("a0", ROW_REASON))]).toEqual([
      ["a0 warning"],
      true,
      "warning",
    ]);
    warned.clear();
    clock.advance(5_000);
    expect([warnings, isUp("a0"), reasonText(row("a0", ROW_REASON))]).toEqual([
      ["a0 warning", "a0 ok"],
      true,
      "ok",
    ]);
    expect(transitions).toEqual([]);
  });

  it("an address keeps the part of its weight that its check says while its probes warn", () => {
    prober.setPlan(plan({ a: "a0 a1" }, { warningScale: 16_384 }));
    clock.advance(2_000);
    expect([row("a0", ROW_WEIGHT_SCALE), row("a1", ROW_WEIGHT_SCALE)]).toEqual([65_536, 65_536]);
    warned.add("a0");
    clock.advance(2_000);
    expect([row("a0", ROW_WEIGHT_SCALE), row("a1", ROW_WEIGHT_SCALE)]).toEqual([16_384, 65_536]);
    prober.stop();
    prober = start();
    prober.setPlan(plan({ a: "a0 a1" }, { warningScale: 16_384 }));
    expect(row("a0", ROW_WEIGHT_SCALE)).toBe(16_384);
    clock.advance(2_000);
    warned.clear();
    clock.advance(2_000);
    expect(row("a0", ROW_WEIGHT_SCALE)).toBe(65_536);
    warned.add("a0");
    clock.advance(2_000);
    prober.setPlan(plan({ a: "a0 a1" }));
    expect(row("a0", ROW_WEIGHT_SCALE)).toBe(65_536);
  });

  it("takes an address down after fall failures, and back after rise successes, within a tick of the result", () => {
    alive.delete("a0");
    until(() => row("a0", ROW_RUN) === 2);
    expect([isUp("a0"), row("a0", ROW_HORIZON_MS), pool("a", POOL_ROW_HORIZON_MS)]).toEqual([
      true,
      1_000,
      1_000,
    ]);
    expect(until(() => !isUp("a0"))).toBe(1_000);
    expect(reasonText(row("a0", ROW_REASON))).toBe("refused");
    expect(failed("a")).toBe(false);
    expect(transitions).toMatchObject([
      {
        zone: "z.",
        pool: "a",
        endpoint: "e0",
        address: "a0",
        from: "up",
        to: "down",
        reason: REASON_REFUSED,
      },
    ]);
    expect(transitions[0]!.durationMs).toBeGreaterThan(4_000);
    expect(pool("a", POOL_ROW_HORIZON_MS)).toBe(2_000);
    alive.add("a0");
    clock.advance(2_000);
    expect(isUp("a0")).toBe(true);
    expect(transitions[1]).toMatchObject({ from: "down", to: "up", durationMs: 2_000 });
    expect(pool("a", POOL_ROW_HORIZON_MS)).toBe(0);
  });

  it("reports a pool's failure and return with how long it lasted", () => {
    alive.clear();
    clock.advance(4_000);
    expect(failed("a")).toBe(true);
    const failedAtS = pool("a", POOL_ROW_SINCE_S);
    alive.add("a1");
    clock.advance(10_000);
    expect(failed("a")).toBe(false);
    expect(poolTransitions).toMatchObject([
      { pool: "a", from: "healthy", to: "failed", up: 0, usable: 2 },
      { pool: "a", from: "failed", to: "healthy", up: 1, usable: 2 },
    ]);
    expect(poolTransitions[1]!.durationMs).toBeGreaterThanOrEqual(1_000);
    expect(pool("a", POOL_ROW_SINCE_S)).toBeGreaterThan(failedAtS);
  });

  it("row 70: a step of the wall clock changes no age", () => {
    const before = row("a0", ROW_SINCE_S);
    clock.wallOffsetMs += 3_600_000;
    clock.advance(3_000);
    expect(row("a0", ROW_SINCE_S)).toBe(before);
  });

  it("stops for good, with the last words in the rows", () => {
    prober.stop();
    alive.clear();
    clock.advance(60_000);
    expect([isUp("a0"), clock.pending]).toEqual([true, 0]);
    expect(prober.stats().inFlight).toBe(0);
  });
});

describe("on reload", () => {
  beforeEach(() => {
    alive = new Set(["a0", "a1"]);
    prober.setPlan(plan({ a: "a0 a1" }));
    clock.advance(3_000);
    transitions.length = 0;
    poolTransitions.length = 0;
    rounds = 0;
  });

  it("endpoints that stay keep their health and their rhythm", () => {
    alive.delete("a0");
    until(() => row("a0", ROW_RUN) === 2);
    const run = row("a0", ROW_RUN);
    const since = row("a0", ROW_SINCE_S);
    const count = probed.get("a1")!;
    for (let reload = 0; reload < 50; reload++) {
      prober.setPlan(plan({ a: "a0 a1" }));
      clock.advance(1);
    }
    expect([isUp("a0"), row("a0", ROW_RUN), row("a0", ROW_SINCE_S)]).toEqual([true, run, since]);
    expect(probed.get("a1")! - count).toBeLessThanOrEqual(1);
    expect(rounds).toBe(50);
    expect(until(() => !isUp("a0"))).toBeLessThanOrEqual(950);
  });

  it("an endpoint added to a live pool is down until its first success", () => {
    prober.setPlan(plan({ a: "a0 a1 a2" }));
    expect([isUp("a2"), failed("a"), pool("a", POOL_ROW_UP)]).toEqual([false, false, 2]);
    expect(row("a2", ROW_STATE) & STATE_TRIAL).toBe(STATE_TRIAL);
    clock.advance(4_000);
    expect([isUp("a2"), rounds]).toEqual([false, 1]);
    expect(transitions).toMatchObject([{ address: "a2", from: "unknown", to: "down" }]);
    alive.add("a2");
    clock.advance(1_010);
    expect([isUp("a2"), pool("a", POOL_ROW_UP)]).toEqual([true, 3]);
    expect(row("a2", ROW_STATE) & STATE_TRIAL).toBe(0);
  });

  it("the endpoints of a new pool take their first result as the verdict", () => {
    prober.setPlan(plan({ a: "a0 a1", b: "a3" }));
    expect(row("a3", ROW_STATE) & STATE_TRIAL).toBe(0);
    clock.advance(600);
    expect(transitions).toMatchObject([{ address: "a3", from: "unknown", to: "down" }]);
    expect(failed("b")).toBe(true);
  });

  it("rows that left keep their words until released, then are free", () => {
    prober.setPlan(plan({ b: "a5" }));
    expect([isUp("a0"), failed("a"), row("a0", ROW_KEY_LOW)]).toEqual([true, false, 1]);
    const count = probed.get("a0")!;
    clock.advance(5_000);
    expect(probed.get("a0")).toBe(count);
    prober.releaseRetired();
    expect([isUp("a0"), row("a0", ROW_KEY_LOW), pool("a", POOL_ROW_KEY_LOW)]).toEqual([false, 0, 0]);
    expect(row("a5", ROW_KEY_LOW)).toBe(6);
    expect(pool("b", POOL_ROW_KEY_LOW)).toBe(2);
  });

  it("another check of the same address keeps its verdict, in its new row", () => {
    prober.setPlan(plan({ a: "a0 a1" }, { name: "other", port: 81 }));
    expect([isUp("a32"), isUp("a33"), failed("a"), rounds]).toEqual([true, true, false, 1]);
    alive.clear();
    clock.advance(5_000);
    expect([isUp("a32"), failed("a")]).toEqual([false, true]);
  });

  it("another timing of the same check goes on from where it was", () => {
    alive.delete("a0");
    clock.advance(1_500);
    expect(row("a0", ROW_HORIZON_MS)).toBeGreaterThan(0);
    const horizonMs = row("a0", ROW_HORIZON_MS);
    prober.setPlan(plan({ a: "a0 a1" }, { intervalMs: 60_000 }));
    expect([isUp("a0"), row("a0", ROW_HORIZON_MS)]).toEqual([true, horizonMs]);
  });

  it("a pool that gets a check stays up until the first result", () => {
    prober.setPlan(plan({ c: "- -" }));
    prober.setPlan(plan({ c: "a6 a7" }));
    expect([isUp("a6"), failed("c")]).toEqual([true, false]);
    clock.advance(600);
    expect([isUp("a6"), failed("c")]).toEqual([false, true]);
  });

  it("a raised minimum fails the pool at once, and says so", () => {
    const raised = plan({ a: "a0 a1 a2" });
    raised.pools[0]!.minHealthy = { percent: 100 };
    prober.setPlan(raised);
    expect(failed("a")).toBe(true);
    expect(poolTransitions).toMatchObject([{ pool: "a", from: "healthy", to: "failed", up: 2, usable: 3 }]);
  });
});

describe("a prober that takes over from a dead one", () => {
  it("keeps what the rows say", () => {
    alive = new Set(["a0"]);
    prober.setPlan(plan({ a: "a0 a1", b: "a2" }));
    clock.advance(3_000);
    const since = row("a0", ROW_SINCE_S);
    clock.advance(60_000);
    prober.stop();
    transitions.length = 0;
    poolTransitions.length = 0;
    prober = start();
    prober.setPlan(plan({ a: "a0 a1 a3", b: "a2" }));
    expect([isUp("a0"), isUp("a1"), isUp("a3"), failed("a"), failed("b")]).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
    expect(row("a3", ROW_STATE) & STATE_TRIAL).toBe(STATE_TRIAL);
    expect(row("a0", ROW_SINCE_S)).toBe(since);
    expect(poolTransitions).toEqual([]);
    alive.clear();
    clock.advance(5_000);
    expect(transitions.find(({ address }) => address === "a0")!.durationMs).toBeGreaterThan(60_000);
    expect(poolTransitions).toMatchObject([{ pool: "a", from: "healthy", to: "failed" }]);
    expect(poolTransitions[0]!.durationMs).toBeGreaterThan(60_000);
  });

  it("frees what the dead one had left behind", () => {
    prober.setPlan(plan({ a: "a0", b: "a9" }));
    prober.stop();
    prober = start();
    prober.setPlan(plan({ a: "a0" }));
    prober.releaseRetired();
    expect([row("a9", ROW_KEY_LOW), pool("b", POOL_ROW_KEY_LOW), row("a0", ROW_KEY_LOW)]).toEqual([0, 0, 1]);
  });
});

describe("what readers see", () => {
  /** Results by target and round, for three pools that share no address. */
  const schedules = fc.array(fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }), {
    minLength: 4,
    maxLength: 25,
  });
  const POOLS = { a: "a0 a1 a2", b: "a3 a4", c: "a5" };

  function run(schedule: boolean[][], eachTick: () => void): void {
    clock = new FakeClock();
    rows = allocateHealthRows(16, 8);
    prober = start();
    alive = new Set();
    prober.setPlan(plan(POOLS));
    for (const round of schedule) {
      alive = new Set(round.flatMap((up, index) => (up ? [`a${index}`] : [])));
      for (let tick = 0; tick < 100; tick++) {
        clock.advance(10);
        eachTick();
      }
    }
    prober.stop();
  }

  it("never a healthy pool without an address that is up, between any two writes", () => {
    let empty = 0;
    const store = Atomics.store;
    const spy = vi.spyOn(Atomics, "store").mockImplementation(((
      words: Int32Array,
      index: number,
      value: number,
    ) => {
      const stored = store(words, index, value);
      if (words === rows.endpoints || words === rows.pools) {
        for (const [name, addresses] of Object.entries(POOLS)) {
          if (pool(name, POOL_ROW_KEY_LOW) === 0 || failed(name)) continue;
          if (!addresses.split(" ").some(isUp)) empty += 1;
        }
      }
      return stored;
    }) as typeof Atomics.store);
    fc.assert(
      fc.property(schedules, (schedule) => run(schedule, () => {})),
      { numRuns: 15 },
    );
    expect(spy.mock.calls.length).toBeGreaterThan(1_000);
    expect(empty).toBe(0);
  });

  it("never a horizon that grows while an address has begun to fail", () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const limits = new Map<string, number>();
        const grown: string[] = [];
        run(schedule, () => {
          for (const [name, addresses] of Object.entries(POOLS)) {
            const givenMs = pool(name, POOL_ROW_HORIZON_MS) || Number.POSITIVE_INFINITY;
            for (const address of addresses.split(" ")) {
              if (!isUp(address) || row(address, ROW_RUN) === 0) {
                limits.delete(address);
                continue;
              }
              const limitMs = limits.get(address) ?? Number.POSITIVE_INFINITY;
              if (givenMs > limitMs) grown.push(`${address}: ${limitMs} to ${givenMs}`);
              limits.set(address, givenMs);
            }
          }
        });
        expect(grown).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
