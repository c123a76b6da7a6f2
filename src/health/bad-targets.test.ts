import { expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { HealthPlan, ProbeTarget } from "./plan.ts";
import { failedResult, type PrepareProbe, type ProbeResult } from "./probe.ts";
import { createProber } from "./prober.ts";
import {
  REASON_BODY_MISMATCH,
  REASON_OK,
  REASON_RESET,
  REASON_TIMEOUT_BODY,
  REASON_TIMEOUT_CONNECT,
} from "./reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  ROW_REASON,
  ROW_RESULTS,
  ROW_STATE,
  STATE_UP,
} from "./rows.ts";

/**
 * What test/timed/bad-targets.test.ts shows with sockets, as far as the machine lets it: here with a fake clock, so that
 * it holds on every machine.
 */

const BAD = 5_000;
const GOOD = 500;
/** Half of them are silent, a quarter slow; the rest reset the connection or never end. */
const REASON_OF_KIND = [
  REASON_TIMEOUT_CONNECT,
  REASON_TIMEOUT_BODY,
  REASON_TIMEOUT_CONNECT,
  REASON_RESET,
  REASON_TIMEOUT_CONNECT,
  REASON_TIMEOUT_BODY,
  REASON_TIMEOUT_CONNECT,
  REASON_BODY_MISMATCH,
];
const DURATION_MS = 12_000;
const STEP_MS = 10;
/** What a start costs, and how long an answer takes. */
const COST_MS = 0.04;
const ANSWER_MS = 20;

const isGood = (row: number): boolean => row >= BAD;
const reasonOf = (row: number): number =>
  isGood(row) ? REASON_OK : REASON_OF_KIND[row % REASON_OF_KIND.length]!;

function planOf(badIntervalMs: number): HealthPlan {
  const check = (intervalMs: number) => ({
    ...({ type: "tcp", name: "up", port: 80 } as const),
    ...{ intervalMs, timeoutMs: 900, fall: 3, rise: 2 },
  });
  const [badCheck, goodCheck] = [check(badIntervalMs), check(1_000)];
  const targets = Array.from({ length: BAD + GOOD }, (_, row): ProbeTarget => {
    const address = `127.2.${row >> 8}.${row & 255}`;
    const names = { zone: "z.", pool: "p", endpoint: address };
    const identity = { row, keyHigh: 1, keyLow: row + 1 };
    return { ...identity, ...names, address, family: 4, check: isGood(row) ? goodCheck : badCheck };
  });
  const endpoints = targets.map(({ row }) => [row]);
  const pool = { row: 0, keyHigh: 2, keyLow: 1, zone: "z.", pool: "p", endpoints };
  return { targets, pools: [{ ...pool, minHealthy: { count: 1 }, dualStack: "any" }] };
}

/** Probes for DURATION_MS. */
function run(badIntervalMs: number) {
  const clock = new FakeClock();
  const rows = allocateHealthRows(BAD + GOOD, 1);
  const falls: string[] = [];
  /** Answers on their way, in the order in which they come. */
  let coming: { atMs: number; tell: () => void }[] = [];
  const prepare: PrepareProbe =
    ({ row }) =>
    (done) => {
      clock.stall(COST_MS);
      const reason = reasonOf(row);
      const result: ProbeResult = { ...failedResult(reason), ok: reason === REASON_OK };
      let isOver = false;
      const tell = (): void => {
        if (!isOver) done(result);
        isOver = true;
      };
      const isSilent = reason === REASON_TIMEOUT_CONNECT || reason === REASON_TIMEOUT_BODY;
      if (!isSilent) coming.push({ atMs: clock.nowMs() + ANSWER_MS, tell });
      return {
        expire: tell,
        cancel() {
          isOver = true;
        },
      };
    };
  const prober = createProber({
    ...{ rows, clock, random: () => 0.5, prepare },
    onTransition: ({ from, to, address }) => {
      if (from === "up" && to === "down") falls.push(address);
    },
    ...{ onPoolTransition() {}, onLatchMove() {}, onRoundDone() {} },
  });
  prober.setPlan(planOf(badIntervalMs));
  let inFlight = 0;
  for (let ms = 0; ms < DURATION_MS; ms += STEP_MS) {
    clock.advance(STEP_MS);
    const arrived = coming.filter(({ atMs }) => atMs <= clock.nowMs());
    coming = coming.filter(({ atMs }) => atMs > clock.nowMs());
    for (const { tell } of arrived) tell();
    inFlight = Math.max(inFlight, prober.stats().inFlight);
  }
  const stats = prober.stats();
  prober.stop();
  const word = (row: number, index: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!;
  return { stats, inFlight, falls, word };
}

it.each([
  ["every 4 s", 4_000],
  ["as often as the others", 1_000],
])("rows 59, 60 and 66: 5,000 bad targets, probed %s, make no other probe late", (_, badIntervalMs) => {
  const { stats, inFlight, falls, word } = run(badIntervalMs);
  const all = Array.from({ length: BAD + GOOD }, (_, row) => row);
  expect(falls).toEqual([]);
  expect(all.filter((row) => (word(row, ROW_STATE) & STATE_UP) !== 0)).toEqual(all.slice(BAD));
  expect(all.filter((row) => word(row, ROW_REASON) !== reasonOf(row))).toEqual([]);
  // Every round of every one of the others.
  const rounds = DURATION_MS / 1_000;
  expect(all.slice(BAD).filter((row) => word(row, ROW_RESULTS) < rounds - 1)).toEqual([]);
  const late = stats.lateByMs.slice(100).reduce((sum, count) => sum + count, 0);
  expect(late / stats.started).toBeLessThan(0.01);
  // Those that keep silent hold a socket until their deadline, and nothing waits for them.
  expect(inFlight).toBeLessThanOrEqual(BAD + GOOD);
  expect(stats).toMatchObject({ waiting: 0, voided: 0 });
});
