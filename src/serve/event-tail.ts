import type { ControlEvent } from "./messages.ts";

/** An event with its place among all that the probe worker has told of since the process started. */
export interface NumberedEvent extends ControlEvent {
  /** Counts up from 1, in 32 bits: compare with isAfter. */
  sequence: number;
}

/** An evening of them, as `steerd events` shows; a few hundred octets each. */
const KEPT = 1000;

/** The last events, on the thread that outlives the workers: who takes over from one that died learns what it has missed. */
export class EventTail {
  private events: NumberedEvent[] = [];
  private last = 0;

  add(event: ControlEvent): NumberedEvent {
    this.last = (this.last + 1) | 0;
    const numbered = { ...event, sequence: this.last };
    this.events.push(numbered);
    if (this.events.length > 2 * KEPT) this.events = this.events.slice(-KEPT);
    return numbered;
  }

  /** Oldest first. */
  kept(): NumberedEvent[] {
    return this.events.slice(-KEPT);
  }
}

/** True when `sequence` was given later than `other`; of numbers less than 2^31 events apart. */
export function isAfter(sequence: number, other: number): boolean {
  return ((sequence - other) | 0) > 0;
}
