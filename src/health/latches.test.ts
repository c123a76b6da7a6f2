import { beforeEach, describe, expect, it } from "vitest";
import { VERDICT_FAILED, VERDICT_UP, type Verdict } from "./latch.ts";
import { createLatches, type Instant, type Latches } from "./latches.ts";
import type { FailbackPlan } from "./plan.ts";
import {
  allocateHealthRows,
  type HealthRows,
  LATCH_ROW_AFTER_MS,
  LATCH_ROW_CURRENT,
  LATCH_ROW_HEALTHY,
  LATCH_ROW_HEALTHY_SINCE_S,
  LATCH_ROW_KEY_LOW,
  LATCH_ROW_SINCE_S,
  LATCH_ROW_WORDS,
} from "./rows.ts";

/** The wall clock is this far ahead of the monotonic one. */
const WALL_S = 1_700_000_000;
const POOLS = ["us", "eu", "asia"];

let rows: HealthRows;
let down: Set<string>;
let moves: string[];
let latches: Latches;

const start = (): Latches =>
  createLatches(rows, ({ policy, from, to }) => moves.push(`${policy}: ${from} to ${to}`));
const at = (seconds: number): Instant => ({ nowMs: seconds * 1000, wallMs: (WALL_S + seconds) * 1000 });
const fold = (seconds: number): void => {
  const verdictOf = (row: number): Verdict => (down.has(POOLS[row]!) ? VERDICT_FAILED : VERDICT_UP);
  latches.fold(verdictOf, at(seconds));
};
const word = (index: number, row = 1): number => rows.latches[row * LATCH_ROW_WORDS + index]!;

/** One latch over pools, whose verdicts have the places of POOLS; another order is another row. */
function plan(entries: string[], afterMs: number | null, row = 1): FailbackPlan {
  return {
    verdicts: POOLS.map((_, pool) => ({ pool })),
    latches: [
      {
        row,
        keyHigh: -7,
        keyLow: row,
        zone: "z",
        policy: "www: policy",
        entries: entries.map((name) => ({ name, verdict: POOLS.indexOf(name) })),
        afterMs,
      },
    ],
  };
}

beforeEach(() => {
  rows = allocateHealthRows(1, 4);
  down = new Set();
  moves = [];
  latches = start();
});

describe("latches", () => {
  it("writes who it is at once, and nothing else while nothing has failed", () => {
    latches.adopt(plan(["us", "eu"], 600_000), at(0));
    fold(0);
    expect([word(LATCH_ROW_KEY_LOW), word(LATCH_ROW_CURRENT), word(LATCH_ROW_AFTER_MS)]).toEqual([
      1, 0, 600_000,
    ]);
    expect(moves).toEqual([]);
  });

  it("says since when it is elsewhere, and who has been healthy since when", () => {
    latches.adopt(plan(["us", "eu"], 600_000), at(0));
    fold(0);
    down.add("us");
    fold(100);
    expect([word(LATCH_ROW_CURRENT), word(LATCH_ROW_SINCE_S), word(LATCH_ROW_HEALTHY)]).toEqual([
      1,
      WALL_S + 100,
      0,
    ]);
    down.clear();
    fold(220);
    expect([word(LATCH_ROW_CURRENT), word(LATCH_ROW_HEALTHY), word(LATCH_ROW_HEALTHY_SINCE_S)]).toEqual([
      1,
      1,
      WALL_S + 220,
    ]);
    expect(latches.isDue(819_999)).toBe(false);
    expect(latches.isDue(820_000)).toBe(true);
    fold(820);
    expect(word(LATCH_ROW_CURRENT)).toBe(0);
    expect(latches.isDue(9e9)).toBe(false);
    expect(moves).toEqual(["www: policy: us to eu", "www: policy: eu to us"]);
  });

  it("is released by hand, by zone and policy", () => {
    latches.adopt(plan(["us", "eu"], null), at(0));
    down.add("us");
    fold(1);
    down.clear();
    fold(2);
    expect(latches.isDue(9e9)).toBe(false);
    expect(latches.release("z", "other: policy", at(3))).toBe(false);
    expect(latches.release("y", "www: policy", at(3))).toBe(false);
    expect(word(LATCH_ROW_CURRENT)).toBe(1);
    expect(latches.release("z", "www: policy", at(3))).toBe(true);
    expect(word(LATCH_ROW_CURRENT)).toBe(0);
  });

  it("keeps its entry by name when a reload puts the entries in another order, in a row of its own", () => {
    latches.adopt(plan(["us", "eu", "asia"], 600_000), at(0));
    down.add("us");
    fold(10);
    down.clear();
    fold(20);
    latches.adopt(plan(["asia", "us", "eu"], 600_000, 2), at(30));
    fold(30);
    expect([word(LATCH_ROW_CURRENT, 1), word(LATCH_ROW_CURRENT, 2)]).toEqual([1, 2]);
    expect(word(LATCH_ROW_SINCE_S, 2)).toBe(WALL_S + 10);
    expect(latches.rows()).toEqual(new Set([2]));
    // asia has been healthy since 10, the longest of those that now stand before eu.
    expect([word(LATCH_ROW_HEALTHY, 2), word(LATCH_ROW_HEALTHY_SINCE_S, 2)]).toEqual([1, WALL_S + 10]);
  });

  it("goes to the list's order when its entry is removed", () => {
    latches.adopt(plan(["us", "eu", "asia"], null), at(0));
    down.add("us");
    fold(10);
    down.clear();
    latches.adopt(plan(["us", "asia"], null, 2), at(30));
    fold(30);
    expect(word(LATCH_ROW_CURRENT, 2)).toBe(0);
  });

  it("goes on where it was in a new probe worker", () => {
    latches.adopt(plan(["us", "eu"], 600_000), at(0));
    down.add("us");
    fold(10);
    down.clear();
    fold(20);
    latches = start();
    latches.adopt(plan(["us", "eu"], 600_000), at(50));
    fold(50);
    expect([word(LATCH_ROW_CURRENT), word(LATCH_ROW_SINCE_S)]).toEqual([1, WALL_S + 10]);
    expect([latches.isDue(619_999), latches.isDue(620_000)]).toEqual([false, true]);
  });

  it("takes a row of another identity for no memory at all", () => {
    latches.adopt(plan(["us", "eu"], null), at(0));
    down.add("us");
    fold(10);
    down.clear();
    latches = start();
    const other = plan(["us", "eu"], null);
    other.latches[0]!.keyLow = 99;
    latches.adopt(other, at(20));
    fold(20);
    expect(word(LATCH_ROW_CURRENT)).toBe(0);
  });

  it("takes over another waiting time, for the return that is under way too", () => {
    latches.adopt(plan(["us", "eu"], 600_000), at(0));
    down.add("us");
    fold(10);
    down.clear();
    fold(20);
    latches.adopt(plan(["us", "eu"], 60_000), at(30));
    fold(30);
    expect([word(LATCH_ROW_AFTER_MS), word(LATCH_ROW_CURRENT)]).toEqual([60_000, 1]);
    expect(latches.isDue(80_000)).toBe(true);
  });
});
