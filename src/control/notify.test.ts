import { beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { HealthPlan, ProbeTarget } from "../health/plan.ts";
import { failedResult } from "../health/probe.ts";
import { createProber, type Prober } from "../health/prober.ts";
import { REASON_OK, REASON_REFUSED } from "../health/reasons.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { allocateBlocks, type SharedBlocks, WORD_FROZEN } from "../serve/blocks.ts";
import type { Receiver } from "./notifier.ts";
import { type Notify, startNotify } from "./notify.ts";
import { createStatus } from "./status.ts";
import type { Delivery } from "./webhook.ts";

/** Control workers that die between a change of health and the telling of it. */

const CHAT: Receiver = {
  ...{ name: "chat", type: "webhook", url: "http://127.0.0.1:1/", headers: {}, timeoutMs: 500, labels: {} },
  on: ["endpoint", "pool", "freeze"],
  template: { text: "{{kind}} {{pool}} {{address}} {{to}}" },
};

let clock: FakeClock;
let blocks: SharedBlocks;
let prober: Prober;
let alive: Set<string>;
let told: string[];
let outcome: Delivery;
/** The worker that hears of changes; null: none lives. */
let notify: Notify | null;

const plan: HealthPlan = {
  targets: ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map((address, row): ProbeTarget => {
    const place = { zone: "z", pool: "eu", endpoint: `e${row}`, address, family: 4 as const };
    const timing = { intervalMs: 1000, timeoutMs: 500, fall: 1, rise: 1 };
    return {
      row,
      keyHigh: 1,
      keyLow: row + 1,
      ...place,
      check: { type: "tcp", name: "t", port: 80, ...timing },
    };
  }),
  pools: [
    {
      ...{ row: 0, keyHigh: 2, keyLow: 1, zone: "z", pool: "eu", endpoints: [[0], [1], [2]] },
      ...{ minHealthy: { count: 2 }, dualStack: "any" },
    },
  ],
};

function start(): Notify {
  const status = createStatus();
  status.plan = plan;
  const started = startNotify(
    blocks,
    status,
    clock,
    () => undefined,
    async ({ body }) => {
      if (outcome.outcome === "sent") told.push((JSON.parse(body) as { text: string }).text);
      return outcome;
    },
  );
  started.adopt([CHAT]);
  return started;
}

/** Time passes in steps, so that requests can end between. */
async function pass(ms: number): Promise<void> {
  for (let step = 0; step < ms / 100; step++) {
    clock.advance(100);
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  }
}

beforeEach(async () => {
  clock = new FakeClock();
  blocks = { ...allocateBlocks(1), rows: allocateHealthRows(8, 8) };
  alive = new Set(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  told = [];
  outcome = { outcome: "sent" };
  const say = (fields: Record<string, unknown>): void =>
    notify?.tell({ timeMs: clock.wallMs(), level: "warn", message: "", fields });
  prober = createProber({
    ...{ rows: blocks.rows, clock, random: () => 0.5 },
    prepare:
      ({ address }) =>
      (done) => {
        const ok = alive.has(address);
        done({ ...failedResult(ok ? REASON_OK : REASON_REFUSED), ok });
        return { expire() {}, cancel() {} };
      },
    onTransition: (change) => say({ event: "endpoint", ...change, reason: "" }),
    onPoolTransition: (change) => say({ event: "pool", ...change }),
    onLatchMove() {},
    onRoundDone() {},
  });
  notify = start();
  prober.setPlan(plan);
  await pass(10_000);
  expect(told).toEqual([]);
});

function die(): void {
  notify!.stop();
  notify = null;
}

test("what changed while no worker lived is told by the next one, and nothing that had been told", async () => {
  alive.delete("192.0.2.1");
  await pass(5_000);
  expect(told).toEqual(["endpoint eu 192.0.2.1 down"]);
  die();
  alive.delete("192.0.2.2");
  await pass(5_000);
  notify = start();
  await pass(2_000);
  expect(told.slice(1).sort()).toEqual(["endpoint eu 192.0.2.2 down", "pool eu  failed"]);
  told.length = 0;
  die();
  alive.add("192.0.2.1");
  await pass(5_000);
  notify = start();
  await pass(2_000);
  expect(told.sort()).toEqual(["endpoint eu 192.0.2.1 up", "pool eu  healthy"]);
});

test("what waited in a worker that died is told by the next one", async () => {
  outcome = { outcome: "again", why: "status 503" };
  alive.delete("192.0.2.3");
  await pass(60_000);
  expect(told).toEqual([]);
  die();
  outcome = { outcome: "sent" };
  notify = start();
  await pass(2_000);
  expect(told).toEqual(["endpoint eu 192.0.2.3 down"]);
});

test("a freeze that lasts is told again, and a first worker has nothing to catch up with", async () => {
  Atomics.store(blocks.probe, WORD_FROZEN, 1);
  die();
  notify = start();
  await pass(2_000);
  expect(told).toEqual(["freeze   frozen"]);
  told.length = 0;
  die();
  blocks = { ...allocateBlocks(1), rows: blocks.rows };
  Atomics.store(blocks.probe, WORD_FROZEN, 1);
  notify = start();
  await pass(2_000);
  expect(told).toEqual([]);
});
