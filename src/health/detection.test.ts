import { describe, expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { seededRandom } from "../../test/support/random.ts";
import type { ProbeTarget } from "./plan.ts";
import { failedResult, type PrepareProbe } from "./probe.ts";
import { createProber } from "./prober.ts";
import { REASON_OK, REASON_REFUSED, REASON_TIMEOUT_CONNECT } from "./reasons.ts";
import { allocateHealthRows, POOL_ROW_FAILED, ROW_STATE, STATE_UP } from "./rows.ts";

/** The bounds that bench/failover measures on a real server. */
const INTERVAL_MS = 250;
const TIMEOUT_MS = 200;
const KILLS = 200;

/** Milliseconds from the end of a target to the row that says so, for targets that end at any moment. */
function timesToVerdict(fall: number, isSilent: boolean): number[] {
  const dice = seededRandom(20_261_121 + fall);
  const random = (): number => dice.next() / 2 ** 32;
  const clock = new FakeClock();
  const rows = allocateHealthRows(4, 4);
  let alive = true;
  const prepare: PrepareProbe = () => (done) => {
    if (alive) done({ ...failedResult(REASON_OK), ok: true });
    else if (!isSilent) done(failedResult(REASON_REFUSED));
    return { expire: () => done(failedResult(REASON_TIMEOUT_CONNECT)), cancel() {} };
  };
  const prober = createProber({
    rows,
    clock,
    random,
    prepare,
    onTransition() {},
    onPoolTransition() {},
    onWarning() {},
    onForced() {},
    onLatchMove() {},
    onRoundDone() {},
  });
  const where = { zone: "z.example", pool: "eu" };
  const timing = { intervalMs: INTERVAL_MS, timeoutMs: TIMEOUT_MS, fall, rise: 1 };
  const target: ProbeTarget = {
    row: 0,
    keyHigh: 1,
    keyLow: 1,
    address: "192.0.2.1",
    family: 4,
    check: { ...timing, type: "tcp", name: "web", port: 80 },
    ...where,
    endpoint: "lb1",
  };
  const pool = { row: 0, keyHigh: 1, keyLow: 2, ...where, endpoints: [[0]] };
  prober.setPlan({ targets: [target], pools: [{ ...pool, minHealthy: { count: 1 }, dualStack: "any" }] });
  const isUp = (): boolean => (Atomics.load(rows.endpoints, ROW_STATE) & STATE_UP) !== 0;
  /** Time passes by 1 ms until the row says so. */
  const until = (wanted: boolean): number => {
    let waitedMs = 0;
    for (; isUp() !== wanted && waitedMs < 5_000; waitedMs++) clock.advance(1);
    return waitedMs;
  };
  const times: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    alive = true;
    until(true);
    clock.advance(INTERVAL_MS + random() * INTERVAL_MS);
    alive = false;
    times.push(until(false));
    expect(Atomics.load(rows.pools, POOL_ROW_FAILED)).toBe(1);
  }
  prober.stop();
  return times;
}

describe("how soon a dead target is withdrawn", () => {
  test.each([
    ["connections are refused, fall 2", 2, false, INTERVAL_MS, 2 * INTERVAL_MS],
    ["nobody answers, fall 2", 2, true, INTERVAL_MS + TIMEOUT_MS, 2 * INTERVAL_MS + TIMEOUT_MS],
    ["connections are refused, fall 1", 1, false, 0, INTERVAL_MS],
  ])("%s", (_what, fall, isSilent, leastMs, mostMs) => {
    const times = timesToVerdict(fall, isSilent);
    /** Turns of the timer wheel, at the start of a probe and at its deadline. */
    const ticksMs = 40;
    expect(Math.max(...times)).toBeLessThanOrEqual(mostMs + ticksMs);
    expect(Math.max(...times)).toBeLessThan(fall === 1 ? 350 : 1000);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(leastMs - ticksMs);
  });
});
