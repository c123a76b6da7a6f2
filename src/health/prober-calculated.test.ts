import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { phasesOf } from "./phases.ts";
import type { CalculatedPlan, HealthPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { failedResult } from "./probe.ts";
import { createProber, type Prober } from "./prober.ts";
import { SCALE_ONE } from "./ramp.ts";
import { REASON_OK, REASON_REFUSED, reasonText } from "./reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_WORDS,
  ROW_LOAD,
  ROW_REASON,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_HELD,
  STATE_PROBED_UP,
  STATE_SPARED,
  STATE_UP,
} from "./rows.ts";
import type { RulePlan } from "./rule.ts";

/** Calculated states in a running prober: what is published, and in which order. */

let clock: FakeClock;
let rows: HealthRows;
let prober: Prober;
let alive: Set<string>;
let told: string[];
let rounds: number;

const timing = { intervalMs: 1000, timeoutMs: 500, fall: 1, rise: 1 };
const place = { zone: "z", family: 4 as const, keyHigh: 1 };

const probed = (row: number, pool: string, given: Partial<ProbeTarget> = {}): ProbeTarget => ({
  ...place,
  ...{ row, keyLow: row + 1, pool, endpoint: `e${row}`, address: `192.0.2.${row}` },
  check: { type: "tcp", name: "t", port: 80, ...timing },
  ...given,
});
const calculated = (
  row: number,
  pool: string,
  rule: RulePlan,
  given: Partial<CalculatedPlan> = {},
): CalculatedPlan => ({
  target: {
    ...place,
    ...{ row, keyLow: row + 1, pool, endpoint: `e${row}`, address: `192.0.2.${row}` },
    check: { type: "calculated", name: "c", ...timing },
  },
  rule,
  ...given,
});
const pool = (row: number, name: string, endpoints: number[][]): PoolPlan => ({
  ...place,
  ...{ row, keyLow: row + 1, pool: name, endpoints, minHealthy: { count: 1 }, dualStack: "any" },
});
const isUp = (row: number): boolean =>
  (rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]! & STATE_UP) !== 0;
const reason = (row: number): string => reasonText(rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_REASON]!);
const hasFailed = (row: number): boolean => rows.pools[row * POOL_ROW_WORDS + POOL_ROW_FAILED] === 1;

beforeEach(() => {
  clock = new FakeClock();
  rows = allocateHealthRows(32, 8);
  alive = new Set(Array.from({ length: 32 }, (_, row) => `192.0.2.${row}`));
  told = [];
  rounds = 0;
  prober = createProber({
    rows,
    clock,
    random: () => 0.25,
    prepare: (target) => (done) => {
      done(
        alive.has(target.address)
          ? {
              ...failedResult(REASON_OK),
              ok: true,
              ...{ connectMs: 2, firstOctetMs: 5 },
              report: { connections: 30, capacity: 40, p99Ms: -1, errorRate: -1 },
            }
          : failedResult(REASON_REFUSED),
      );
      return { expire() {}, cancel() {} };
    },
    onTransition: (change) =>
      told.push(`${change.pool}/${change.endpoint} ${change.to}: ${reasonText(change.reason)}`),
    onPoolTransition: (change) => told.push(`${change.pool} ${change.to}`),
    onLatchMove: () => undefined,
    onRoundDone: () => {
      rounds += 1;
    },
  });
});

/** Pool `main` follows pool `base` and a probe of its own; `far` stands in a region whose check is a probe. */
const plan: HealthPlan = {
  targets: [
    probed(0, "base"),
    probed(1, "main", { isPart: true }),
    probed(2, "region:oslo", { isPart: true }),
    probed(3, "far", { isPart: true }),
  ],
  calculated: [
    calculated(8, "main", {
      kind: "count",
      atLeast: 2,
      of: [
        { kind: "row", row: 1 },
        { kind: "pool", row: 0 },
      ],
    }),
    calculated(9, "region:oslo", { kind: "row", row: 2 }, { isRegion: true }),
    calculated(10, "far", { kind: "row", row: 3 }, { regionRow: 9 }),
  ],
  pools: [pool(0, "base", [[0]]), pool(1, "main", [[8]]), pool(2, "far", [[10]])],
};

it("follows pools and probes within the same tick, and waits for all of them at start", () => {
  prober.setPlan(plan);
  expect([8, 9, 10].map(isUp)).toEqual([false, false, false]);
  clock.advance(1_000);
  expect([8, 9, 10].map(isUp)).toEqual([true, true, true]);
  expect(rounds).toBe(1);
  told.length = 0;
  alive.delete("192.0.2.0");
  clock.advance(1_500);
  expect(told).toEqual(["base/e0 down: refused", "main/e8 down: calculated", "base failed", "main failed"]);
  expect([hasFailed(0), hasFailed(1), hasFailed(2)]).toEqual([true, true, false]);
  alive.add("192.0.2.0");
  clock.advance(1_500);
  expect(isUp(8)).toBe(true);
  expect(hasFailed(1)).toBe(false);
});

it("takes the pools of a region down with its check, and says why", () => {
  prober.setPlan(plan);
  clock.advance(1_000);
  alive.delete("192.0.2.2");
  clock.advance(1_500);
  expect([isUp(3), isUp(10), hasFailed(2)]).toEqual([true, false, true]);
  expect([reason(9), reason(10)]).toEqual(["refused", "region-down"]);
  alive.delete("192.0.2.3");
  clock.advance(1_500);
  expect(reason(10)).toBe("refused");
  alive.add("192.0.2.2");
  clock.advance(1_500);
  expect([isUp(9), isUp(10)]).toEqual([true, false]);
});

it("keeps its states through a reload, and takes over addresses that were probed before", () => {
  const before: HealthPlan = { targets: [probed(10, "far")], pools: [pool(2, "far", [[10]])] };
  prober.setPlan(before);
  clock.advance(1_000);
  told.length = 0;
  prober.setPlan(plan);
  expect([isUp(10), hasFailed(2)]).toEqual([true, false]);
  clock.advance(1_000);
  expect(told.filter((line) => line.startsWith("far"))).toEqual(["far/e3 up: ok"]);
  prober.setPlan(plan);
  expect([8, 9, 10].map(isUp)).toEqual([true, true, true]);
});

it("an operator's word on the whole, and on what it is made of, counts", () => {
  prober.setPlan(plan);
  clock.advance(1_000);
  prober.setForced([{ row: 0, state: 16, scale: 65_536 }]);
  expect([isUp(0), isUp(8), reason(8)]).toEqual([false, false, "calculated"]);
  prober.setForced([
    { row: 8, state: 4, scale: 65_536 },
    { row: 0, state: 16, scale: 65_536 },
  ]);
  expect(isUp(8)).toBe(true);
});

it("calculated addresses do not count where failures are weighed, and a freeze holds what they are made of", () => {
  const inRegion = (target: ProbeTarget, region: string): ProbeTarget => ({ ...target, region });
  const targets = plan.targets.map((target, i) => inRegion(target, i < 2 ? "oslo" : "rome"));
  prober.setPlan({ ...plan, targets });
  clock.advance(1_000);
  alive.clear();
  clock.advance(3_000);
  expect([8, 9, 10].map(isUp)).toEqual([true, true, true]);
  expect(rows.endpoints[3 * ENDPOINT_ROW_WORDS + ROW_STATE]! & STATE_HELD).toBe(STATE_HELD);
});

describe("what holds for every published state holds for calculated ones", () => {
  const scale = (row: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_WEIGHT_SCALE]!;
  const bits = (row: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]!;
  /** Addresses 8, 9, ... of pool `main`, each following a probe of its own. */
  const follow = (count: number, slowStartMs?: number, more: Partial<PoolPlan> = {}): HealthPlan => {
    const indexes = Array.from({ length: count }, (_, i) => i);
    const follower = (i: number): CalculatedPlan => {
      const plan = calculated(8 + i, "main", { kind: "count", atLeast: 1, of: [{ kind: "row", row: i }] });
      return slowStartMs === undefined ? plan : { ...plan, target: { ...plan.target, slowStartMs } };
    };
    return {
      targets: indexes.map((row) => probed(row, "main", { isPart: true })),
      calculated: indexes.map(follower),
      pools: [{ ...pool(0, "main", [...indexes.map((i) => [8 + i])]), ...more }],
    };
  };

  it("slow start: whole at the start, from nothing after a failure, and backing off", () => {
    prober.setPlan(follow(1, 10_000));
    clock.advance(1_000);
    expect([isUp(8), scale(8)]).toEqual([true, SCALE_ONE]);
    alive.delete("192.0.2.0");
    clock.advance(1_500);
    expect(isUp(8)).toBe(false);
    alive.add("192.0.2.0");
    while (!isUp(8)) clock.advance(50);
    expect(scale(8) / SCALE_ONE).toBeLessThan(0.05);
    clock.advance(5_000);
    expect(scale(8) / SCALE_ONE).toBeCloseTo(0.5, 1);
    alive.delete("192.0.2.0");
    while (isUp(8)) clock.advance(50);
    alive.add("192.0.2.0");
    while (!isUp(8)) clock.advance(50);
    clock.advance(10_000);
    expect(scale(8) / SCALE_ONE).toBeCloseTo(0.5, 1);
    clock.advance(11_000);
    expect(scale(8)).toBe(SCALE_ONE);
  });

  it("slow start: an address that is added to a live pool", () => {
    prober.setPlan(follow(1, 10_000));
    clock.advance(1_000);
    prober.setPlan(follow(2, 10_000));
    while (!isUp(9)) clock.advance(50);
    expect(scale(9) / SCALE_ONE).toBeLessThan(0.05);
    expect(scale(8)).toBe(SCALE_ONE);
  });

  it("withdrawal budget: what fails beyond it stays until there is room, which time alone may bring", () => {
    prober.setPlan(follow(4, undefined, { budget: { percent: 50, withinMs: 60_000 } }));
    clock.advance(1_000);
    for (const address of ["192.0.2.0", "192.0.2.1", "192.0.2.2"]) alive.delete(address);
    clock.advance(2_000);
    const up = [8, 9, 10, 11].filter(isUp);
    expect(up).toHaveLength(2);
    const spared = up.find((row) => row < 11)!;
    expect([bits(spared) & (STATE_SPARED | STATE_PROBED_UP), reason(spared)]).toEqual([
      STATE_SPARED,
      "refused",
    ]);
    clock.advance(55_000);
    expect(isUp(spared)).toBe(true);
    clock.advance(5_000);
    expect([8, 9, 10, 11].filter(isUp)).toEqual([11]);
  });

  it("withdrawal budget: one that recovers while it is kept up was never withdrawn", () => {
    prober.setPlan(follow(2, undefined, { budget: { percent: 50, withinMs: 60_000 } }));
    clock.advance(1_000);
    alive.clear();
    clock.advance(2_000);
    const spared = isUp(8) ? 8 : 9;
    told.length = 0;
    alive.add(`192.0.2.${spared - 8}`);
    clock.advance(2_000);
    expect(bits(spared) & (STATE_SPARED | STATE_PROBED_UP)).toBe(STATE_PROBED_UP);
    expect(told.filter((line) => line.startsWith(`main/e${spared}`))).toEqual([]);
  });

  it("load and phases: those of the one probe that an address follows, through a reload; of several none", () => {
    const load = (row: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_LOAD]!;
    const check = {
      type: "http" as const,
      ...{ name: "t", port: 80, path: "/", host: "", verify: false, ...timing },
      ...{ expectStatus: [], expectBody: "", load: { path: [], header: "", expireMs: 30_000 } },
    };
    const given: HealthPlan = {
      targets: [probed(0, "far", { isPart: true, check }), probed(1, "region:oslo", { isPart: true })],
      calculated: [
        calculated(9, "region:oslo", { kind: "row", row: 1 }, { isRegion: true }),
        calculated(10, "far", { kind: "row", row: 0 }, { regionRow: 9 }),
        calculated(11, "two", {
          ...{ kind: "count", atLeast: 1 },
          of: [
            { kind: "row", row: 0 },
            { kind: "row", row: 1 },
          ],
        }),
        calculated(12, "one", { kind: "count", atLeast: 1, of: [{ kind: "row", row: 10 }] }),
      ],
      pools: [pool(0, "far", [[10]]), pool(1, "two", [[11]])],
    };
    prober.setPlan(given);
    clock.advance(2_500);
    expect([load(10) / SCALE_ONE, load(11), load(12) / SCALE_ONE]).toEqual([0.75, -1, 0.75]);
    const phases = { connectMs: 2, tlsMs: null, firstOctetMs: 3 };
    expect([10, 11, 12].map((row) => phasesOf(rows, row))).toEqual([phases, null, phases]);
    prober.setPlan(given);
    expect(load(10) / SCALE_ONE).toBe(0.75);
    // What was one probe's is not shown where it is several.
    const [region, far] = given.calculated!;
    const both = { ...far!, rule: given.calculated![2]!.rule };
    prober.setPlan({ ...given, calculated: [region!, both, ...given.calculated!.slice(2)] });
    clock.advance(2_500);
    expect([load(10), phasesOf(rows, 10)]).toEqual([-1, null]);
  });
});
