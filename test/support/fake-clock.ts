import type { HealthClock } from "../../src/health/probe.ts";

interface Timer {
  atMs: number;
  fire: () => void;
}

/** A clock that stands still until it is told to move. Timers fire in the order of their moments. */
export class FakeClock implements HealthClock {
  /** The wall clock may step on its own. */
  wallOffsetMs = 1_700_000_000_000;
  /** How long the machine has slept. */
  asleepMs = 0;
  private currentMs = 1_000;
  private timers: Timer[] = [];

  nowMs(): number {
    return this.currentMs;
  }

  sleptMs(): number {
    return this.asleepMs;
  }

  wallMs(): number {
    return Math.floor(this.wallOffsetMs + this.currentMs);
  }

  setTimer(fire: () => void, delayMs: number): Timer {
    const timer = { atMs: this.currentMs + delayMs, fire };
    this.timers.push(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.timers = this.timers.filter((other) => other !== timer);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.timers.length;
  }

  /** Lets time pass; every timer fires at its moment. */
  advance(ms: number): void {
    const endMs = this.currentMs + ms;
    for (;;) {
      const next = this.timers.reduce<Timer | null>(
        (least, timer) =>
          timer.atMs <= endMs && (least === null || timer.atMs < least.atMs) ? timer : least,
        null,
      );
      if (next === null) break;
      this.currentMs = Math.max(this.currentMs, next.atMs);
      this.clearTimer(next);
      next.fire();
    }
    this.currentMs = Math.max(this.currentMs, endMs);
  }

  /** Time passes while the event loop stands still: nothing fires until the next advance. */
  stall(ms: number): void {
    this.currentMs += ms;
  }
}
