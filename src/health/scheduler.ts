import {
  failedResult,
  type HealthClock,
  type ProbeResult,
  type RunningProbe,
  type StartProbe,
} from "./probe.ts";
import { REASON_FD_LIMIT, REASON_PROBE_ERROR } from "./reasons.ts";
import { createWheel, type Wheel } from "./wheel.ts";

/** Resolution of starts and deadlines: 100 wake-ups a second cost 0.2% of a core, and no timeout is that short. */
const TICK_MS = 10;

/**
 * A loop that stood still this long voids the failures of the probes under way: their answers may have lain unread
 * beyond the deadline, and after a suspended machine wakes, their connections are gone. Successes count. Shorter pauses
 * only lengthen the deadlines.
 */
const STALL_MS = 100;

/** A machine that slept this long has slept: the time since boot comes in steps of 10 ms. */
const SLEEP_MS = 500;

/** Failures of one target voided in a row; then results count again, so that a prober slowed for good withdraws the dead. */
const VOIDS_MAX = 2;

/**
 * Probes under way at once, each at most one socket. 10,000 targets at 1 s whose probes all run into a deadline of
 * 800 ms fit; what exceeds it waits its turn.
 */
const MAX_IN_FLIGHT = 8_192;

/**
 * Probes started per millisecond since the last tick, and in one tick. A start costs up to 0.1 ms: a larger wave, after
 * a pause or at process start, would be a pause of its own. 16,000 a second are more than the 10,000 that the prober is
 * built for, and a loop whose ticks take 30 ms still reaches those.
 */
const STARTS_PER_MS = 16;
const STARTS_PER_TICK_MAX = 320;

/** First probes, and those after a stall, are spread over this long, or over the interval when that is shorter. */
const SOON_MS = 500;

/** Fraction of the golden ratio: multiples of it fill a circle evenly, however many there are. */
const GOLDEN = 0.618_033_988_749_895;

export interface SchedulerOptions {
  clock: HealthClock;
  /** 0 <= random() < 1. */
  random: () => number;
  onResult: (id: number, result: ProbeResult) => void;
  /** At the end of every tick: results since the last one can be published together. */
  onTick?: () => void;
  maxInFlight?: number;
}

export interface SchedulerStats {
  started: number;
  inFlight: number;
  /** Starts that wait for a probe under way to end. */
  waiting: number;
  /** Probes whose failure did not count: the loop had stood still, or descriptors had run out. */
  voided: number;
  /** Starts by how many milliseconds they came late; the last place has all beyond. */
  lateByMs: Uint32Array;
}

/** Places of `lateByMs`. */
const LATE_MS_MAX = 1_000;

export interface Scheduler {
  /** Probes target `id` from now on, the first time soon. Replaces the target of that id, keeping its phase. */
  set(id: number, start: StartProbe, intervalMs: number, timeoutMs: number): void;
  remove(id: number): void;
  /** Another interval from the next probe on, which comes earlier where the new one is shorter. */
  pace(id: number, intervalMs: number): void;
  /** Probes a target soon, unless a probe of it is under way. */
  hurry(id: number): void;
  stats(): SchedulerStats;
  stop(): void;
}

interface Job {
  id: number;
  start: StartProbe;
  intervalMs: number;
  timeoutMs: number;
  /** Place in the interval, 0 <= phase < 1: fixed for life, so that the spread lasts. */
  phase: number;
  /** When the next start is due, and when the one was that now waits or runs. */
  nextMs: number;
  dueMs: number;
  running: RunningProbe | null;
  /** When the last probe started; -1: none has. */
  startedMs: number;
  /** Time that the loop had lost when the probe started, and how often it had stood still. */
  lostBeforeMs: number;
  stallsBefore: number;
  voids: number;
  waiting: boolean;
}

/**
 * Starts the probes of every target once per interval and ends them at their deadline, with one timer for all: a
 * wheel, two entries a target (even: start, odd: deadline). The timer runs only while there are targets.
 */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new ProbeScheduler(options);
}

class ProbeScheduler implements Scheduler {
  private readonly clock: HealthClock;
  private readonly onResult: (id: number, result: ProbeResult) => void;
  private readonly onTick: () => void;
  private readonly maxInFlight: number;
  /** By id. */
  private readonly jobs: (Job | undefined)[] = [];
  private jobCount = 0;
  private readonly wheel: Wheel;
  private readonly fire = (timer: number): void => {
    const job = this.jobs[timer >> 1];
    if (job === undefined) return;
    if ((timer & 1) === 0) this.startDue(job);
    else this.deadlineDue(job);
  };
  private waiting: Job[] = [];
  private timer: unknown = null;
  private nextPhase: number;
  /** When the timer should fire. */
  private expectedMs = 0;
  /** Now, as of this tick. */
  private tickMs = 0;
  /** Sum of the pauses of the loop. */
  private lostMs = 0;
  /** How often it stood still for STALL_MS. */
  private stalls = 0;
  private sleptMs = 0;
  private inFlight = 0;
  private started = 0;
  private voided = 0;
  private readonly lateByMs = new Uint32Array(LATE_MS_MAX + 1);

  constructor(options: SchedulerOptions) {
    this.clock = options.clock;
    this.onResult = options.onResult;
    this.onTick = options.onTick ?? ((): void => {});
    this.maxInFlight = options.maxInFlight ?? MAX_IN_FLIGHT;
    this.nextPhase = options.random();
    this.tickMs = this.clock.nowMs();
    this.sleptMs = this.clock.sleptMs?.() ?? 0;
    this.wheel = createWheel(TICK_MS, this.tickMs);
  }

  set(id: number, start: StartProbe, intervalMs: number, timeoutMs: number): void {
    const before = this.jobs[id];
    if (before !== undefined) this.end(before);
    const job: Job = {
      id,
      start,
      intervalMs,
      timeoutMs,
      phase: before?.phase ?? this.drawPhase(),
      nextMs: 0,
      dueMs: 0,
      running: null,
      startedMs: -1,
      lostBeforeMs: 0,
      stallsBefore: 0,
      voids: 0,
      waiting: false,
    };
    while (this.jobs.length <= id) this.jobs.push(undefined);
    this.jobs[id] = job;
    if (before === undefined) this.jobCount += 1;
    this.startSoon(job, this.clock.nowMs());
    if (this.timer === null) this.arm(this.clock.nowMs());
  }

  remove(id: number): void {
    const job = this.jobs[id];
    if (job === undefined) return;
    this.end(job);
    this.jobs[id] = undefined;
    this.jobCount -= 1;
    if (this.jobCount === 0) this.disarm();
  }

  pace(id: number, intervalMs: number): void {
    const job = this.jobs[id];
    if (job === undefined || job.intervalMs === intervalMs) return;
    const isShorter = intervalMs < job.intervalMs;
    job.intervalMs = intervalMs;
    // The first probe comes soon in any case.
    if (job.startedMs < 0) return;
    if (isShorter) this.plan(job, job.startedMs + intervalMs);
    else this.startNext(job, this.clock.nowMs());
  }

  hurry(id: number): void {
    const job = this.jobs[id];
    if (job !== undefined && job.running === null && !job.waiting) this.startSoon(job, this.clock.nowMs());
  }

  stats(): SchedulerStats {
    return {
      started: this.started,
      inFlight: this.inFlight,
      waiting: this.waiting.length,
      voided: this.voided,
      lateByMs: this.lateByMs.slice(),
    };
  }

  stop(): void {
    for (const job of this.jobs) if (job !== undefined) this.end(job);
    this.jobs.length = 0;
    this.jobCount = 0;
    this.waiting = [];
    this.disarm();
  }

  private drawPhase(): number {
    this.nextPhase = (this.nextPhase + GOLDEN) % 1;
    return this.nextPhase;
  }

  private arm(nowMs: number): void {
    this.expectedMs = nowMs + TICK_MS;
    this.timer = this.clock.setTimer(() => this.tick(), TICK_MS);
  }

  private disarm(): void {
    if (this.timer !== null) this.clock.clearTimer(this.timer);
    this.timer = null;
  }

  private tick(): void {
    this.timer = null;
    const nowMs = this.clock.nowMs();
    this.tickMs = nowMs;
    const lateMs = nowMs - this.expectedMs;
    if (lateMs > TICK_MS) this.lostMs += lateMs;
    if (lateMs >= STALL_MS) this.stalls += 1;
    this.noticeSleep();
    this.wheel.advance(nowMs, this.fire);
    this.startWaiting(TICK_MS + Math.max(0, lateMs));
    this.onTick();
    if (this.jobCount > 0 && this.timer === null) this.arm(nowMs);
  }

  /** A suspended machine finds its connections dead when it wakes, and its timers say that no time has passed. */
  private noticeSleep(): void {
    const sleptMs = this.clock.sleptMs?.() ?? 0;
    if (sleptMs - this.sleptMs >= SLEEP_MS) this.stalls += 1;
    this.sleptMs = sleptMs;
  }

  /** Plans the next start close to now, in the job's place of the spread. */
  private startSoon(job: Job, nowMs: number): void {
    this.plan(job, nowMs + job.phase * Math.min(job.intervalMs, SOON_MS));
  }

  /** Plans the next start at the job's own place in an interval, at least half an interval from now. */
  private startNext(job: Job, nowMs: number): void {
    const offsetMs = job.phase * job.intervalMs;
    const rounds = Math.ceil((nowMs + job.intervalMs / 2 - offsetMs) / job.intervalMs);
    this.plan(job, rounds * job.intervalMs + offsetMs);
  }

  private plan(job: Job, atMs: number): void {
    job.nextMs = atMs;
    this.wheel.add(job.id * 2, atMs);
  }

  private startDue(job: Job): void {
    const dueMs = job.nextMs;
    this.startNext(job, this.tickMs);
    // A probe that outlasts its interval, or that still waits for a slot, takes the place of this round.
    if (job.running !== null || job.waiting) return;
    job.dueMs = dueMs;
    job.waiting = true;
    this.waiting.push(job);
  }

  private startWaiting(elapsedMs: number): void {
    let taken = 0;
    let budget = Math.min(STARTS_PER_TICK_MAX, Math.ceil(elapsedMs * STARTS_PER_MS));
    while (taken < this.waiting.length && budget > 0 && this.inFlight < this.maxInFlight) {
      const job = this.waiting[taken]!;
      taken += 1;
      if (!job.waiting) continue;
      budget -= 1;
      this.startProbe(job);
    }
    if (taken === this.waiting.length) this.waiting.length = 0;
    else if (taken > 0) this.waiting = this.waiting.slice(taken);
  }

  private startProbe(job: Job): void {
    job.waiting = false;
    job.startedMs = this.clock.nowMs();
    job.lostBeforeMs = this.lostMs;
    job.stallsBefore = this.stalls;
    const lateMs = Math.max(0, Math.floor(job.startedMs - job.dueMs));
    this.lateByMs[Math.min(lateMs, LATE_MS_MAX)]! += 1;
    this.started += 1;
    this.inFlight += 1;
    let early: ProbeResult | null = null;
    let returned = false;
    let running: RunningProbe | null = null;
    try {
      running = job.start((result) => {
        if (!returned) early = result;
        else if (job.running === running) this.finish(job, result);
      });
    } catch {
      early = failedResult(REASON_PROBE_ERROR);
    }
    returned = true;
    job.running = running ?? NOT_RUNNING;
    if (early !== null) this.finish(job, early);
    else this.wheel.add(job.id * 2 + 1, job.startedMs + job.timeoutMs);
  }

  /** Ends a probe at its deadline, which moves by what the loop lost meanwhile, at most by the timeout itself. */
  private deadlineDue(job: Job): void {
    if (job.running === null) return;
    const lostMs = Math.min(this.lostMs - job.lostBeforeMs, job.timeoutMs);
    const deadlineMs = job.startedMs + job.timeoutMs + lostMs;
    if (deadlineMs > this.tickMs) {
      this.wheel.add(job.id * 2 + 1, deadlineMs);
      return;
    }
    try {
      job.running.expire();
    } catch {
      // Falls through: a probe that reports nothing at its deadline has failed by a defect of its own.
    }
    if (job.running !== null) this.finish(job, failedResult(REASON_PROBE_ERROR));
  }

  private finish(job: Job, result: ProbeResult): void {
    this.settle(job);
    if (result.reason === REASON_FD_LIMIT) {
      this.voided += 1;
      return;
    }
    if (!result.ok) this.noticeSleep();
    if (!result.ok && job.stallsBefore !== this.stalls && job.voids < VOIDS_MAX) {
      job.voids += 1;
      this.voided += 1;
      // Once: on a machine that has no time for its probes more of them would be no help.
      if (job.voids === 1) this.startSoon(job, this.clock.nowMs());
      return;
    }
    job.voids = 0;
    this.onResult(job.id, result);
  }

  /** Takes a probe off the books. */
  private settle(job: Job): void {
    job.running = null;
    this.inFlight -= 1;
    this.wheel.remove(job.id * 2 + 1);
  }

  /** Cancels whatever a job has under way or planned. */
  private end(job: Job): void {
    const running = job.running;
    this.wheel.remove(job.id * 2);
    job.waiting = false;
    if (running !== null) this.settle(job);
    try {
      running?.cancel();
      job.start.release?.();
    } catch {
      // A probe that cannot be cancelled reports to a job that no longer listens.
    }
  }
}

/** Stands for a probe that failed while it was being started. */
const NOT_RUNNING: RunningProbe = { expire() {}, cancel() {} };
