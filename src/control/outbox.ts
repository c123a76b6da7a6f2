import { isAfter } from "../serve/event-tail.ts";
import { type HealthEvent, isNews, subjectOf } from "./health-event.ts";

/** Events that wait while nobody takes them: more than a day of them helps no one, and memory is bounded. */
export const MAX_QUEUED = 1000;
/** What has waited for longer when its turn comes is no news any longer. */
const GIVE_UP_MS = 3_600_000;
/** After the first failure, doubled with each further one. */
const FIRST_DELAY_MS = 1000;
const LAST_DELAY_MS = 300_000;
/** A receiver may ask for so much time, and no more: what waits is given up after an hour. */
const LONGEST_ASKED_MS = 1_800_000;

/** What became of events so far. */
export interface OutboxCounts {
  sent: number;
  /** Refused for good by the receiver. */
  refused: number;
  /** Too many waited, or for too long. */
  dropped: number;
  /** Overtaken by a later event about the same subject before they were sent. */
  merged: number;
}

interface Waiting {
  event: HealthEvent;
  /** It was sent once without a word of success: the receiver may have it all the same. */
  isTried: boolean;
  /** When it began to wait. */
  sinceMs: number;
  /** Number of the first event that it tells of; null: of none of the probe worker's. */
  first: number | null;
}

/**
 * What one receiver is still to be told, in order. Of a subject at most one event waits: a later one takes its place, and
 * both vanish when together they say nothing, unless the receiver may have the first, or one is told late: that something went
 * there and back is all that is left to say. Clock and dice are arguments; nothing here sends.
 */
export class Outbox {
  readonly counts: OutboxCounts = { sent: 0, refused: 0, dropped: 0, merged: 0 };
  private readonly waiting = new Map<string, Waiting>();
  private underway: Waiting[] = [];
  private failures = 0;
  private notBeforeMs = Number.NEGATIVE_INFINITY;

  get queued(): number {
    return this.waiting.size + this.underway.length;
  }

  get isFailing(): boolean {
    return this.failures > 0;
  }

  /** Number of the oldest event that waits, or is under way; null: there is none with a number. */
  get oldest(): number | null {
    return [...this.waiting.values(), ...this.underway].map(({ first }) => first).reduce(earlier, null);
  }

  push(event: HealthEvent, nowMs: number): void {
    const subject = subjectOf(event);
    const before = this.waiting.get(subject);
    const isTried = before?.isTried === true;
    const merged = before === undefined || isTried ? event : mergedEvent(before.event, event);
    if (before !== undefined) this.counts.merged++;
    this.waiting.delete(subject);
    if (!isTried && merged.isLate !== true && !isNews(merged)) return;
    const first = earlier(before?.first ?? null, event.sequence ?? null);
    this.waiting.set(subject, { event: merged, isTried, sinceMs: nowMs, first });
    if (this.queued <= MAX_QUEUED) return;
    // The oldest: what is true now matters more than what was.
    const [oldest] = this.waiting.keys();
    this.waiting.delete(oldest!);
    this.counts.dropped++;
  }

  /** Milliseconds until the next events may be taken; null: none wait, or some are under way. */
  dueInMs(nowMs: number): number | null {
    if (this.waiting.size === 0 || this.underway.length > 0) return null;
    return Math.max(0, this.notBeforeMs - nowMs);
  }

  /** The next events, at most `most` of them; they are under way until the outcome is known. */
  take(most: number, nowMs: number): HealthEvent[] {
    for (const [subject, waiting] of this.waiting) {
      if (this.underway.length === most) break;
      this.waiting.delete(subject);
      if (nowMs - waiting.sinceMs > GIVE_UP_MS) this.counts.dropped++;
      else this.underway.push(waiting);
    }
    return this.underway.map(({ event }) => event);
  }

  sent(): void {
    this.counts.sent += this.underway.length;
    this.underway = [];
    this.failures = 0;
  }

  /** The receiver will not have them, now or later. */
  refused(): void {
    this.counts.refused += this.underway.length;
    this.underway = [];
    this.failures = 0;
  }

  /** They go back in front of the others, or into what came about the same subjects meanwhile. `askedMs`: what the receiver asks for. */
  failed(nowMs: number, random: () => number, askedMs = 0): void {
    const later = [...this.waiting];
    this.waiting.clear();
    for (const tried of this.underway) this.waiting.set(subjectOf(tried.event), { ...tried, isTried: true });
    this.underway = [];
    for (const [subject, waiting] of later) {
      const tried = this.waiting.get(subject);
      this.waiting.delete(subject);
      const first = earlier(tried?.first ?? null, waiting.first);
      this.waiting.set(subject, { ...waiting, isTried: waiting.isTried || tried !== undefined, first });
    }
    const delayMs = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.failures);
    this.failures++;
    // Between half and all of it, so that receivers of a fleet of servers are not asked in the same moment.
    this.notBeforeMs = nowMs + Math.max(delayMs * (0.5 + random() / 2), Math.min(askedMs, LONGEST_ASKED_MS));
  }
}

/** Two events about one subject as one. */
function mergedEvent(before: HealthEvent, after: HealthEvent): HealthEvent {
  const { from, isLate } = before;
  return { ...after, from, ...(isLate === true ? { isLate } : {}) };
}

/** The earlier of two numbers of events; null: there is none. */
export function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return isAfter(one, other) ? other : one;
}
