import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyOffline } from "./offline.ts";
import type { HealthPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { foldPool } from "./pool.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_HORIZON_MS,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  POOL_ROW_WORDS,
  ROW_HORIZON_MS,
  ROW_STATE,
  STATE_DRAINED,
  STATE_FORCED_DOWN,
  STATE_UP,
} from "./rows.ts";

/** One character an address: `u` up, `d` down, `x` drained, `f` forced down, `n` no check; a space between endpoints. */
function pool(
  states: string,
  minHealthy: PoolPlan["minHealthy"] = { count: 1 },
  dualStack: PoolPlan["dualStack"] = "any",
  horizons: number[] = [],
): ReturnType<typeof foldPool> {
  const rows = allocateHealthRows(64, 1);
  let row = 0;
  const endpoints = states.split(" ").map((addresses) =>
    [...addresses].map((letter) => {
      if (letter === "n") return -1;
      const bits = { u: STATE_UP, d: 0, x: STATE_DRAINED, f: STATE_FORCED_DOWN }[letter]!;
      rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE] = bits;
      rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_HORIZON_MS] = horizons[row] ?? 0;
      return row++;
    }),
  );
  return foldPool(rows, plan(endpoints, minHealthy, dualStack));
}

function plan(
  endpoints: number[][],
  minHealthy: PoolPlan["minHealthy"],
  dualStack: PoolPlan["dualStack"],
): PoolPlan {
  return { row: 0, keyHigh: 1, keyLow: 2, zone: "z.", pool: "p", endpoints, minHealthy, dualStack };
}

describe("foldPool", () => {
  it.each<[states: string, minHealthy: PoolPlan["minHealthy"], failed: boolean, up: number, usable: number]>([
    ["u u d", { count: 1 }, false, 2, 3],
    ["u u d", { count: 2 }, false, 2, 3],
    ["u u d", { count: 3 }, true, 2, 3],
    // An absolute count is capped at the endpoints that are left.
    ["u u", { count: 5 }, false, 2, 2],
    ["u x x", { count: 2 }, false, 1, 1],
    ["d x x", { count: 2 }, true, 0, 1],
    // A percentage is of the endpoints that are not drained, rounded up.
    ["u d d", { percent: 33 }, false, 1, 3],
    ["u d d", { percent: 34 }, true, 1, 3],
    ["u d x", { percent: 50 }, false, 1, 2],
    ["u u d d", { percent: 50 }, false, 2, 4],
    ["u u d d", { percent: 51 }, true, 2, 4],
    ["u u u", { percent: 100 }, false, 3, 3],
    // Nothing up is a failure, whatever the minimum.
    ["d d", { count: 0 }, true, 0, 2],
    ["d d", { percent: 0 }, true, 0, 2],
    ["x x", { count: 1 }, true, 0, 0],
    // Forced down stays in the count, and is not usable.
    ["u f", { percent: 100 }, true, 1, 1],
    ["f f", { count: 1 }, true, 0, 0],
    // Addresses without a check are up.
    ["n n", { count: 2 }, false, 2, 2],
    ["n d", { count: 1 }, false, 1, 2],
  ])("%j with %o", (states, minHealthy, failed, up, usable) => {
    expect(pool(states, minHealthy)).toMatchObject({ failed, up, usable, horizonMs: 0 });
  });

  it("counts endpoints, not addresses: any of them, or with strict all", () => {
    expect(pool("ud dd", { count: 1 }, "any")).toMatchObject({ failed: false, up: 1 });
    expect(pool("ud dd", { count: 1 }, "strict")).toMatchObject({ failed: true, up: 0 });
    expect(pool("uu ud", { count: 1 }, "strict")).toMatchObject({ failed: false, up: 1 });
    expect(pool("nd", { count: 1 }, "strict")).toMatchObject({ failed: true, up: 0 });
    // A drained address is as if it were not there.
    expect(pool("ux", { count: 1 }, "strict")).toMatchObject({ failed: false, up: 1, usable: 1 });
    expect(pool("uf", { count: 1 }, "any")).toMatchObject({ failed: false, up: 1, usable: 1 });
  });

  it("takes the least horizon of what probes decide on", () => {
    expect(pool("u u u", { count: 1 }, "any", [0, 3_000, 2_000]).horizonMs).toBe(2_000);
    expect(pool("u x f", { count: 1 }, "any", [4_000, 1, 1]).horizonMs).toBe(4_000);
    expect(pool("n n").horizonMs).toBe(0);
  });

  it("one more address up never makes a healthy pool fail", () => {
    const letters = fc.constantFrom("u", "d", "x", "f", "n", "ud", "dd", "du", "nd");
    const minimum = fc.oneof(
      fc.record({ count: fc.integer({ min: 0, max: 6 }) }),
      fc.record({ percent: fc.integer({ min: 0, max: 100 }) }),
    );
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 6 }),
        minimum,
        fc.boolean(),
        (list, minHealthy, strict) => {
          const stack = strict ? "strict" : "any";
          const before = pool(list.join(" "), minHealthy, stack);
          const after = pool(list.join(" ").replace("d", "u"), minHealthy, stack);
          expect(after.up).toBeGreaterThanOrEqual(before.up);
          if (!before.failed) expect(after.failed).toBe(false);
          if (before.up === 0) expect(before.failed).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("applyOffline", () => {
  const check: ProbeTarget["check"] = {
    type: "tcp",
    name: "c",
    port: 80,
    intervalMs: 1_000,
    timeoutMs: 500,
    fall: 3,
    rise: 2,
  };
  const targets = ["192.0.2.1", "192.0.2.2"].map(
    (address, row): ProbeTarget => ({
      row,
      keyHigh: 5,
      keyLow: row,
      address,
      family: 4,
      check,
      zone: "z.",
      pool: "p",
      endpoint: address,
    }),
  );
  const health: HealthPlan = { targets, pools: [plan([[0], [1], [-1]], { count: 3 }, "any")] };
  const word = (rows: HealthRows, index: number): number => rows.pools[POOL_ROW_WORDS * 0 + index]!;

  it("everything is up and settled", () => {
    const rows = allocateHealthRows(4, 1);
    applyOffline(rows, health, () => false);
    expect(
      [POOL_ROW_FAILED, POOL_ROW_UP, POOL_ROW_USABLE, POOL_ROW_HORIZON_MS].map((index) => word(rows, index)),
    ).toEqual([0, 3, 3, 0]);
    expect(rows.endpoints[ROW_STATE]! & STATE_UP).toBe(STATE_UP);
  });

  it("except what is said to be down", () => {
    const rows = allocateHealthRows(4, 1);
    applyOffline(rows, health, (target) => target.address === "192.0.2.2");
    expect(
      [POOL_ROW_FAILED, POOL_ROW_UP, POOL_ROW_USABLE, POOL_ROW_HORIZON_MS].map((index) => word(rows, index)),
    ).toEqual([1, 2, 3, 2_000]);
    expect(rows.endpoints[ENDPOINT_ROW_WORDS + ROW_STATE]! & STATE_UP).toBe(0);
  });
});
