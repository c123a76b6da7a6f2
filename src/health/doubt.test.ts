import { beforeEach, describe, expect, it } from "vitest";
import { Doubt, type FreezeMove, keyOf } from "./doubt.ts";
import { type Evidence, isOwnFailure } from "./moment.ts";
import type { DoubtPlan, ProbeTarget } from "./plan.ts";
import { failedResult, type ProbeResult } from "./probe.ts";
import { REASON_OK, REASON_REFUSED } from "./reasons.ts";
import { STATE_HELD, STATE_KNOWN, STATE_UP } from "./rows.ts";
import { assumedState, type EndpointState, observe } from "./state.ts";
import { stateBits } from "./state-row.ts";

const GOOD: ProbeResult = { ...failedResult(REASON_OK), ok: true };
const BAD = failedResult(REASON_REFUSED);
const CANARY = 100;

describe("isOwnFailure", () => {
  const all: Evidence = { live: 10, failing: 10, regions: 2, canaries: "none" };
  it.each<[string, Partial<Evidence>, number, boolean]>([
    ["nine of ten across two regions", { failing: 9 }, 0.9, true],
    ["eight of ten", { failing: 8 }, 0.9, false],
    ["one region alone", { regions: 1 }, 0.9, false],
    ["nothing at all", { live: 0, failing: 0 }, 0.9, false],
    ["canaries fail too, in one region", { regions: 1, failing: 5, canaries: "failing" }, 0.5, true],
    ["canaries fail, most endpoints do not", { failing: 4, canaries: "failing" }, 0.5, false],
    ["canaries pass: all endpoints are really down", { canaries: "passing" }, 0.5, false],
  ])("%s", (_what, evidence, share, expected) => {
    expect(isOwnFailure({ ...all, ...evidence }, { share })).toBe(expected);
  });
});

describe("Doubt", () => {
  let states: Map<number, EndpointState>;
  let moves: FreezeMove[];
  let doubt: Doubt;
  let nowMs: number;

  const target = (row: number): ProbeTarget => ({
    row,
    keyHigh: 1,
    keyLow: row,
    address: `192.0.2.${row}`,
    family: 4,
    zone: "z",
    pool: "p",
    endpoint: `e${row}`,
    check: { type: "tcp", name: "t", port: 80, intervalMs: 1000, timeoutMs: 500, fall: 3, rise: 2 },
    region: row < 2 ? "eu" : "us",
  });
  const fold = (result: ProbeResult) => (state: EndpointState) =>
    observe(state, result, nowMs, target(0).check);
  /** One result for each of these rows. */
  const see = (rows: number[], result: ProbeResult): void => {
    for (const row of rows)
      states.set(row, doubt.observe(target(row), states.get(row)!, result, nowMs, fold(result)));
    doubt.judge(nowMs);
  };
  const seeCanary = (result: ProbeResult): void => {
    doubt.observeCanary(CANARY, result, nowMs);
    doubt.judge(nowMs);
  };
  const up = (): string => [...states].map(([row, { up, held }]) => (up ? (held ? "h" : row) : "-")).join("");
  const start = (rule?: DoubtPlan): void => {
    doubt.adopt(rule, (row) => keyOf(target(row)));
    if (rule !== undefined) seeCanary(GOOD);
  };
  const withCanary: DoubtPlan = { share: 0.5, withinMs: 30_000, canaries: [target(CANARY)] };

  beforeEach(() => {
    nowMs = 1_000_000;
    moves = [];
    states = new Map([0, 1, 2, 3].map((row) => [row, assumedState(true, 0, target(row).check)]));
    doubt = new Doubt({
      change: (row, state) => states.set(row, state),
      stateOf: (row) => states.get(row)!,
      countUp: () => [...states.values()].filter((state) => state.up).length,
      onFreeze: (move) => moves.push(move),
    });
  });

  it("row 67: freezes when everything fails at once, before anything is withdrawn", () => {
    start();
    see([0, 1, 2], BAD);
    expect(moves).toEqual([]);
    see([3], BAD);
    expect(moves).toMatchObject([
      { frozen: true, failing: 4, live: 4, regions: ["eu", "us"], canaries: "none", restored: 0 },
    ]);
    for (let i = 0; i < 50; i++, nowMs += 1000) see([0, 1, 2, 3], BAD);
    expect(up()).toBe("hhhh");
    expect(moves).toHaveLength(1);
    expect(stateBits(states.get(0)!)).toBe(STATE_UP | STATE_HELD | STATE_KNOWN);
    expect(states.get(0)).toMatchObject({ reason: REASON_REFUSED, horizonMs: 1000, sinceMs: 0 });
  });

  it("row 67: one region of two that dies is withdrawn", () => {
    start();
    for (let i = 0; i < 3; i++, nowMs += 1000) see([0, 1], BAD);
    expect(up()).toBe("--23");
    expect(moves).toEqual([]);
  });

  it("gives back what fell within the window, and not what had fallen before", () => {
    start();
    for (let i = 0; i < 3; i++, nowMs += 1000) see([0], BAD);
    nowMs += 40_000;
    for (let i = 0; i < 3; i++, nowMs += 1000) see([1], BAD);
    expect(up()).toBe("--23");
    see([2, 3], BAD);
    expect(up()).toBe("-hhh");
    expect(moves).toMatchObject([{ frozen: true, failing: 3, live: 3, restored: 1 }]);
    expect(states.get(1)!.sinceMs).toBe(0);
  });

  it("thaws when endpoints answer again; what fails on has to fail anew", () => {
    start();
    see([0, 1, 2, 3], BAD);
    nowMs += 10_000;
    see([0], GOOD);
    expect(moves.at(-1)).toMatchObject({ frozen: false, cause: "recovered", durationMs: 10_000 });
    expect(up()).toBe("0123");
    expect(states.get(1)).toMatchObject({ run: 0, reason: REASON_OK, horizonMs: 1000 });
    for (let i = 0; i < 2; i++, nowMs += 1000) see([1, 2, 3], BAD);
    expect(up()).toBe("0123");
    see([1, 2, 3], BAD);
    expect(up()).toBe("0---");
  });

  it("voids probes that began before the network was back", () => {
    start();
    see([0, 1, 2, 3], BAD);
    nowMs += 10_000;
    see([0], GOOD);
    nowMs += 300;
    for (let i = 0; i < 3; i++) see([1], { ...BAD, totalMs: 400 });
    expect(states.get(1)!.run).toBe(0);
    see([1], { ...BAD, totalMs: 200 });
    expect(states.get(1)!.run).toBe(1);
  });

  it("an operator believes the probes: what they found holds at once, and does not freeze again", () => {
    start(withCanary);
    seeCanary(BAD);
    for (let i = 0; i < 3; i++, nowMs += 1000) see([0, 1, 2], BAD);
    see([3], BAD);
    expect(up()).toBe("hhhh");
    expect(doubt.thaw(nowMs)).toBe(true);
    expect(moves.at(-1)).toMatchObject({ frozen: false, cause: "operator" });
    expect(up()).toBe("---3");
    for (let i = 0; i < 2; i++, nowMs += 1000) see([0, 1, 2, 3], BAD);
    expect(up()).toBe("----");
    expect(doubt.thaw(nowMs)).toBe(false);
    expect(moves).toHaveLength(2);
    // A success ends what the operator said.
    for (let i = 0; i < 2; i++) see([0, 1, 2, 3], GOOD);
    see([0, 1, 2], BAD);
    expect(up()).toBe("hhh3");
  });

  it("row 67: does not freeze while a canary passes, and gives all back when the canaries turn out to fail", () => {
    start(withCanary);
    nowMs += 10;
    for (let i = 0; i < 3; i++, nowMs += 100) see([0, 1, 2, 3], BAD);
    expect(up()).toBe("----");
    expect(moves).toEqual([]);
    seeCanary(BAD);
    expect(up()).toBe("hhhh");
    expect(moves).toMatchObject([{ frozen: true, canaries: "failing", restored: 4 }]);
    nowMs += 5_000;
    seeCanary(GOOD);
    expect(moves.at(-1)).toMatchObject({ frozen: false, cause: "canary" });
    expect(up()).toBe("0123");
  });

  it("what failed while a canary passed is believed", () => {
    start(withCanary);
    nowMs += 10;
    for (let i = 0; i < 3; i++, nowMs += 100) see([0], BAD);
    seeCanary(GOOD);
    nowMs += 10;
    seeCanary(BAD);
    see([1, 2, 3], BAD);
    expect(up()).toBe("-hhh");
  });

  it("a lone endpoint that fails while the canaries do is withdrawn", () => {
    start(withCanary);
    seeCanary(BAD);
    for (let i = 0; i < 3; i++, nowMs += 1000) see([0], BAD);
    expect(up()).toBe("-123");
  });

  it("a success is believed in a freeze, and a later failure is in doubt again", () => {
    start(withCanary);
    seeCanary(BAD);
    see([0, 1, 2, 3], BAD);
    see([0], GOOD);
    expect(up()).toBe("0hhh");
    expect(states.get(0)).toMatchObject({ run: 0, horizonMs: 0, reason: REASON_OK });
    see([0], BAD);
    expect(up()).toBe("hhhh");
  });

  it("canaries without a result yet are no proof of anything", () => {
    start();
    doubt.adopt(withCanary, (row) => keyOf(target(row)));
    see([0, 1, 2, 3], BAD);
    expect(moves).toEqual([]);
    seeCanary(BAD);
    expect(moves).toHaveLength(1);
  });

  it("forgets rows that a reload gave to others", () => {
    start();
    see([0, 1, 2], BAD);
    doubt.adopt(undefined, () => "others");
    see([3], BAD);
    expect(moves).toEqual([]);
  });

  it("what a lost prober had kept up falls when it fails outside a freeze", () => {
    states.set(0, { ...assumedState(true, 0, target(0).check), held: true, reason: REASON_REFUSED });
    start();
    see([0], BAD);
    expect(states.get(0)).toMatchObject({ up: true, held: false, run: 1 });
    see([0], GOOD);
    expect(states.get(0)).toMatchObject({ up: true, held: false, run: 0, reason: REASON_OK });
  });
});
