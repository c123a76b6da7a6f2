import { beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { HealthPlan, ProbeTarget } from "../health/plan.ts";
import { failedResult } from "../health/probe.ts";
import { createProber, type Prober } from "../health/prober.ts";
import { REASON_OK, REASON_REFUSED } from "../health/reasons.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { allocateBlocks, type SharedBlocks, WORD_FROZEN } from "../serve/blocks.ts";
import { EventTail, isAfter, type NumberedEvent } from "../serve/event-tail.ts";
import type { Receiver } from "./notifier.ts";
import { type Notify, startNotify } from "./notify.ts";
import { createStatus } from "./status.ts";
import type { Delivery } from "./webhook.ts";

/** Control workers that die between a change of health and the telling of it. */

const CHAT: Receiver = {
  ...{ name: "chat", type: "webhook", url: "http://127.0.0.1:1/", headers: {}, timeoutMs: 500, labels: {} },
  on: ["endpoint", "pool", "freeze"],
  template: { text: "{{kind}} {{pool}} {{address}} {{to}}{{summary}}" },
};

let clock: FakeClock;
let blocks: SharedBlocks;
let prober: Prober;
let alive: Set<string>;
let told: string[];
let outcome: Delivery;
/** The worker that hears of changes; null: none lives. */
let notify: Notify | null;
let status: ReturnType<typeof createStatus>;
/** What the main thread keeps, whoever lives. */
let tail: EventTail;

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

function start(past: NumberedEvent[] = tail.kept()): Notify {
  status = createStatus();
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
  started.recall(past);
  started.adopt([CHAT]);
  return started;
}

/** Changes that this worker has counted. */
function counted(): string[] {
  return [...status.transitions.series()].map(
    ({ pool, endpoint, to, count }) => `${pool}/${endpoint} ${to} ${count}`,
  );
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
  tail = new EventTail();
  const say = (fields: Record<string, unknown>): void => {
    const event = tail.add({ timeMs: clock.wallMs(), level: "warn", message: "", fields });
    notify?.tell(event);
  };
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

const LATE = ", told late";

test("what changed while no worker lived is told and counted by the next one, and nothing that had been told", async () => {
  alive.delete("192.0.2.1");
  await pass(5_000);
  expect(told).toEqual(["endpoint eu 192.0.2.1 down"]);
  die();
  alive.delete("192.0.2.2");
  await pass(5_000);
  notify = start();
  await pass(2_000);
  expect(told.slice(1).sort()).toEqual([`endpoint eu 192.0.2.2 down${LATE}`, `pool eu  failed${LATE}`]);
  expect(counted()).toEqual(["eu/e1 down 1", "eu/ failed 1"]);
  told.length = 0;
  die();
  alive.add("192.0.2.1");
  await pass(5_000);
  notify = start();
  await pass(2_000);
  expect(told.sort()).toEqual([`endpoint eu 192.0.2.1 up${LATE}`, `pool eu  healthy${LATE}`]);
  expect(counted()).toEqual(["eu/e0 up 1", "eu/ healthy 1"]);
  told.length = 0;
  die();
  notify = start();
  await pass(2_000);
  expect(told).toEqual([]);
  expect(counted()).toEqual([]);
});

test("what went down and came back while no worker lived is told once, and counted both ways", async () => {
  die();
  for (let turn = 0; turn < 2; turn++) {
    alive.delete("192.0.2.1");
    await pass(5_000);
    alive.add("192.0.2.1");
    await pass(5_000);
  }
  notify = start();
  await pass(2_000);
  expect(told).toEqual([`endpoint eu 192.0.2.1 up${LATE}`]);
  expect(counted()).toEqual(["eu/e0 down 2", "eu/e0 up 2"]);
  // What follows is told as ever.
  alive.delete("192.0.2.1");
  await pass(5_000);
  expect(told.slice(1)).toEqual(["endpoint eu 192.0.2.1 down"]);
});

test("what waited in a worker that died is told by the next one, and was counted", async () => {
  outcome = { outcome: "again", why: "status 503" };
  alive.delete("192.0.2.3");
  await pass(60_000);
  expect(told).toEqual([]);
  expect(counted()).toContain("eu/e2 down 1");
  die();
  outcome = { outcome: "sent" };
  notify = start();
  await pass(2_000);
  expect(told).toEqual([`endpoint eu 192.0.2.3 down${LATE}`]);
  expect(counted()).toEqual([]);
});

test("what happens before receivers are known waits for them", async () => {
  die();
  status = createStatus();
  status.plan = plan;
  const next = startNotify(...([blocks, status, clock, () => undefined] as const), async ({ body }) => {
    told.push((JSON.parse(body) as { text: string }).text);
    return { outcome: "sent" };
  });
  next.recall(tail.kept());
  notify = next;
  alive.delete("192.0.2.1");
  await pass(5_000);
  expect(told).toEqual([]);
  next.adopt([CHAT]);
  await pass(1_000);
  expect(told).toEqual(["endpoint eu 192.0.2.1 down"]);
});

test("of more than is kept, what is wrong now is told", async () => {
  die();
  alive.delete("192.0.2.1");
  await pass(5_000);
  for (let n = 0; n < 1_500; n++)
    tail.add({ timeMs: clock.wallMs(), level: "warn", message: "", fields: { event: "warning" } });
  Atomics.store(blocks.probe, WORD_FROZEN, 1);
  notify = start();
  await pass(2_000);
  expect(told.map((text) => text.split(" ").slice(0, 4).join(" ")).sort()).toEqual([
    "endpoint eu 192.0.2.1 downeu/e0",
    "freeze   frozenstates",
  ]);
  told.length = 0;
  die();
  notify = start();
  await pass(2_000);
  expect(told).toEqual([]);
});

test("a first worker has nothing to catch up with", async () => {
  blocks = { ...allocateBlocks(1), rows: blocks.rows };
  Atomics.store(blocks.probe, WORD_FROZEN, 1);
  tail = new EventTail();
  notify = start();
  await pass(2_000);
  expect(told).toEqual([]);
});

test("numbers of events go on beyond 31 bits", () => {
  expect(isAfter(2, 1)).toBe(true);
  expect(isAfter(1, 1)).toBe(false);
  expect(isAfter(-(2 ** 31), 2 ** 31 - 1)).toBe(true);
  expect(isAfter(2 ** 31 - 1, -(2 ** 31))).toBe(false);
});
