import { beforeEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { failedResult, type ProbeResult, type RunningProbe, type StartProbe } from "./probe.ts";
import { REASON_FD_LIMIT, REASON_OK, REASON_PROBE_ERROR, REASON_TIMEOUT_CONNECT } from "./reasons.ts";
import { createScheduler, type Scheduler } from "./scheduler.ts";

const GOOD: ProbeResult = { ...failedResult(REASON_OK), ok: true };

interface Fake {
  start: StartProbe;
  starts: number[];
  /** Ends the probe under way. */
  finish(result?: ProbeResult): void;
  cancelled: number;
  expired: number[];
}

let clock: FakeClock;
let results: { id: number; reason: number; atMs: number }[];
let scheduler: Scheduler;

beforeEach(() => {
  clock = new FakeClock();
  results = [];
  scheduler = make();
});

function make(maxInFlight?: number): Scheduler {
  return createScheduler({
    clock,
    random: () => 0.5,
    onResult: (id, result) => results.push({ id, reason: result.reason, atMs: clock.nowMs() }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
  });
}

/** A probe that ends only when told to, or at its deadline. */
function fake(): Fake {
  let done: ((result: ProbeResult) => void) | null = null;
  const self: Fake = {
    starts: [],
    cancelled: 0,
    expired: [],
    start(report) {
      self.starts.push(clock.nowMs());
      done = report;
      const running: RunningProbe = {
        expire() {
          self.expired.push(clock.nowMs());
          done?.(failedResult(REASON_TIMEOUT_CONNECT));
        },
        cancel() {
          self.cancelled += 1;
        },
      };
      return running;
    },
    finish(result = GOOD) {
      done?.(result);
    },
  };
  return self;
}

const quick = (): StartProbe & { count: number } => {
  const start = Object.assign(
    (done: (result: ProbeResult) => void): RunningProbe => {
      start.count += 1;
      done(GOOD);
      return { expire() {}, cancel() {} };
    },
    { count: 0 },
  );
  return start;
};

describe("the scheduler", () => {
  it("starts each probe soon, then once per interval, at its own place", () => {
    const probe = fake();
    scheduler.set(
      7,
      (done) => {
        const running = probe.start(done);
        done(GOOD);
        return running;
      },
      1_000,
      300,
    );
    clock.advance(10_000);
    expect(probe.starts[0]! - 1_000).toBeLessThanOrEqual(510);
    const gaps = probe.starts.slice(1).map((atMs, index) => atMs - probe.starts[index]!);
    expect(gaps[0]).toBeGreaterThanOrEqual(490);
    expect(gaps[0]).toBeLessThanOrEqual(1_510);
    for (const gap of gaps.slice(1)) expect(gap).toBe(1_000);
    expect(results).toHaveLength(probe.starts.length);
  });

  it("10,000 targets at 1 s: each once per interval, evenly spread, one timer", () => {
    const count = 10_000;
    const startsPerTick = new Map<number, number>();
    const perTarget = new Uint32Array(count);
    for (let id = 0; id < count; id++) {
      scheduler.set(
        id,
        (done) => {
          perTarget[id]! += 1;
          startsPerTick.set(clock.nowMs(), (startsPerTick.get(clock.nowMs()) ?? 0) + 1);
          done(GOOD);
          return { expire() {}, cancel() {} };
        },
        1_000,
        500,
      );
    }
    clock.advance(700);
    expect(perTarget.every((starts) => starts === 1)).toBe(true);
    expect(Math.max(...startsPerTick.values())).toBeLessThanOrEqual(160);
    clock.advance(2_300);
    for (let round = 0; round < 3; round++) {
      perTarget.fill(0);
      startsPerTick.clear();
      clock.advance(1_000);
      expect(perTarget.every((starts) => starts === 1)).toBe(true);
      expect(startsPerTick.size).toBe(100);
      // 100 in each tick of 10 ms, give or take a few.
      expect(Math.max(...startsPerTick.values())).toBeLessThanOrEqual(110);
      expect(Math.min(...startsPerTick.values())).toBeGreaterThanOrEqual(90);
    }
    expect(clock.pending).toBe(1);
  });

  it("ends a probe at its deadline", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 1_000, 300);
    clock.advance(2_000);
    const startedMs = probe.starts[0]!;
    expect(probe.expired[0]! - startedMs).toBeGreaterThanOrEqual(300);
    expect(probe.expired[0]! - startedMs).toBeLessThanOrEqual(310);
    expect(results[0]!.reason).toBe(REASON_TIMEOUT_CONNECT);
    expect(scheduler.stats().inFlight).toBeLessThanOrEqual(1);
  });

  it("does not start a probe over one that outlasts its interval", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 100, 1_000);
    clock.advance(900);
    expect(probe.starts).toHaveLength(1);
    clock.advance(400);
    expect(probe.starts).toHaveLength(2);
  });

  it("row 66: bounds the probes under way; what exceeds them waits its turn", () => {
    scheduler = make(100);
    const probes = Array.from({ length: 1_000 }, () => fake());
    probes.forEach((probe, id) => {
      scheduler.set(id, probe.start, 10_000, 200);
    });
    for (let step = 0; step < 300; step++) {
      clock.advance(10);
      expect(scheduler.stats().inFlight).toBeLessThanOrEqual(100);
    }
    expect(scheduler.stats()).toMatchObject({ started: 1_000, inFlight: 0, waiting: 0 });
    expect(results).toHaveLength(1_000);
  });

  it("counts by how much each start came late", () => {
    for (let id = 0; id < 100; id++) scheduler.set(id, quick(), 1_000, 500);
    clock.advance(10_000);
    const { lateByMs, started } = scheduler.stats();
    const upTo = (ms: number): number => lateByMs.slice(0, ms).reduce((sum, count) => sum + count, 0);
    expect(upTo(11)).toBe(started);
    clock.stall(300);
    clock.advance(500);
    const late = scheduler.stats();
    const overdue = late.lateByMs.slice(11, 320).reduce((sum, count) => sum + count, 0);
    // A third of a second's starts, evenly spread.
    expect(overdue).toBeGreaterThanOrEqual(25);
    expect(overdue).toBeLessThanOrEqual(33);
  });

  it("row 69: after a stall a failure is void, and asked again soon", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 30_000, 300);
    while (probe.starts.length === 0) clock.advance(10);
    clock.stall(5_000);
    clock.advance(0);
    expect(probe.expired).toHaveLength(1);
    expect(results).toEqual([]);
    expect(scheduler.stats()).toMatchObject({ voided: 1, inFlight: 0 });
    clock.advance(520);
    expect(probe.starts).toHaveLength(2);
    clock.advance(300);
    expect(results).toHaveLength(1);
    expect(probe.starts).toHaveLength(2);
  });

  it("row 69: after the machine slept a failure is void, though no time has passed", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 30_000, 300);
    while (probe.starts.length === 0) clock.advance(10);
    clock.asleepMs += 3_600_000;
    probe.finish(failedResult(REASON_TIMEOUT_CONNECT));
    expect(results).toEqual([]);
    clock.advance(520);
    expect(probe.starts).toHaveLength(2);
    probe.finish(failedResult(REASON_TIMEOUT_CONNECT));
    expect(results).toHaveLength(1);
  });

  it("what the clock of the boot says in steps is no sleep", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 1_000, 300);
    for (let round = 0; round < 200; round++) {
      clock.asleepMs += round % 2 === 0 ? 10 : -10;
      clock.advance(50);
    }
    expect(scheduler.stats().voided).toBe(0);
    expect(results.length).toBeGreaterThan(5);
  });

  it("row 69: a success that lay unread during the stall counts", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 1_000, 300);
    while (probe.starts.length === 0) clock.advance(10);
    clock.stall(200);
    clock.advance(0);
    expect(probe.expired).toEqual([]);
    probe.finish();
    probe.finish();
    expect(results).toMatchObject([{ id: 0, reason: REASON_OK }]);
    expect(scheduler.stats().voided).toBe(0);
  });

  it("row 69: a shorter pause moves the deadline by as much", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 1_000, 300);
    while (probe.starts.length === 0) clock.advance(10);
    clock.stall(80);
    clock.advance(280);
    expect(probe.expired).toEqual([]);
    clock.advance(40);
    const tookMs = probe.expired[0]! - probe.starts[0]!;
    expect(tookMs).toBeGreaterThanOrEqual(360);
    expect(tookMs).toBeLessThanOrEqual(400);
  });

  it("a loop that goes on stalling still withdraws the dead", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 1_000, 300);
    for (let step = 0; step < 60; step++) {
      clock.stall(150);
      clock.advance(10);
    }
    expect(results.length).toBeGreaterThanOrEqual(1);
    expect(results[0]!.reason).toBe(REASON_TIMEOUT_CONNECT);
  });

  it("overdue starts after a stall follow in waves", () => {
    let started = 0;
    for (let id = 0; id < 5_000; id++) {
      scheduler.set(
        id,
        (done) => {
          started += 1;
          done(GOOD);
          return { expire() {}, cancel() {} };
        },
        1_000,
        300,
      );
    }
    clock.stall(3_000);
    clock.advance(0);
    let before = started;
    expect(started).toBe(320);
    for (let step = 0; step < 40; step++) {
      clock.advance(10);
      expect(started - before).toBeLessThanOrEqual(160);
      before = started;
    }
    expect(started).toBeGreaterThanOrEqual(5_000);
  });

  it("row 70: a step of the wall clock changes nothing", () => {
    const probe = quick();
    scheduler.set(0, probe, 1_000, 300);
    clock.advance(2_000);
    const before = probe.count;
    clock.wallOffsetMs += 86_400_000;
    clock.advance(5_000);
    clock.wallOffsetMs -= 10 * 86_400_000;
    clock.advance(5_000);
    expect(probe.count - before).toBe(10);
  });

  it("row 72: what a probe throws is contained", () => {
    const broken: StartProbe = () => {
      throw new Error("defect");
    };
    const late: StartProbe = () => ({
      expire() {
        throw new Error("defect");
      },
      cancel() {
        throw new Error("defect");
      },
    });
    const mute: StartProbe = () => ({ expire() {}, cancel() {} });
    scheduler.set(0, broken, 1_000, 300);
    scheduler.set(1, late, 1_000, 300);
    scheduler.set(2, mute, 1_000, 300);
    const good = quick();
    scheduler.set(3, good, 1_000, 300);
    clock.advance(3_000);
    for (const id of [0, 1, 2]) {
      expect(results.filter((result) => result.id === id)[0]!.reason).toBe(REASON_PROBE_ERROR);
    }
    expect(good.count).toBeGreaterThanOrEqual(2);
    scheduler.stop();
    expect(scheduler.stats().inFlight).toBe(0);
  });

  it("row 73: without descriptors a probe says nothing about its target", () => {
    scheduler.set(
      0,
      (done) => {
        done(failedResult(REASON_FD_LIMIT));
        return { expire() {}, cancel() {} };
      },
      1_000,
      300,
    );
    clock.advance(5_000);
    expect(results).toEqual([]);
    expect(scheduler.stats().voided).toBeGreaterThanOrEqual(4);
  });

  it("forgets a target that is removed, and stops its timer with the last one", () => {
    const probe = fake();
    scheduler.set(0, probe.start, 1_000, 300);
    while (probe.starts.length === 0) clock.advance(10);
    scheduler.remove(0);
    scheduler.remove(0);
    expect(probe.cancelled).toBe(1);
    expect(clock.pending).toBe(0);
    probe.finish();
    clock.advance(5_000);
    expect(results).toEqual([]);
    expect(probe.starts).toHaveLength(1);
    scheduler.set(0, probe.start, 1_000, 300);
    clock.advance(1_000);
    expect(probe.starts).toHaveLength(2);
    expect(scheduler.stats().voided).toBe(0);
  });

  it("a target that is set again is probed in the new way only", () => {
    const old = fake();
    const next = quick();
    scheduler.set(0, old.start, 1_000, 300);
    while (old.starts.length === 0) clock.advance(10);
    scheduler.set(0, next, 2_000, 300);
    clock.advance(10_000);
    expect(old.starts).toHaveLength(1);
    expect(next.count).toBeGreaterThanOrEqual(5);
    expect(next.count).toBeLessThanOrEqual(6);
  });

  it("goes on with one timer when the last target is replaced from within a result", () => {
    scheduler = createScheduler({
      clock,
      random: () => 0,
      onResult: (id) => {
        scheduler.remove(id);
        scheduler.set(id + 1, quick(), 100, 50);
      },
    });
    scheduler.set(0, quick(), 100, 50);
    clock.advance(1_000);
    expect(clock.pending).toBe(1);
    scheduler.stop();
    expect(clock.pending).toBe(0);
  });
});
