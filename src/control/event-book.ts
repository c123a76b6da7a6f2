import { isAfter, type NumberedEvent } from "../serve/event-tail.ts";
import type { ControlEvent } from "../serve/messages.ts";

/** The last events, and who wants to know of the next ones. */
export interface EventBook {
  add(event: ControlEvent): void;
  /** The last `count` of them, oldest first. */
  last(count: number): ControlEvent[];
  /** Calls `tell` for every event from now on; returns what ends that. */
  follow(tell: (event: ControlEvent) => void): () => void;
}

/** Enough for an evening; a few hundred octets each. */
const KEPT = 1000;

export function createEventBook(): EventBook {
  let events: ControlEvent[] = [];
  const followers = new Set<(event: ControlEvent) => void>();
  return {
    add(event) {
      events.push(event);
      if (events.length > 2 * KEPT) events = events.slice(-KEPT);
      for (const tell of followers) tell(event);
    },
    last: (count) => (count <= 0 ? [] : events.slice(-Math.min(count, KEPT))),
    follow(tell) {
      followers.add(tell);
      return () => followers.delete(tell);
    },
  };
}

/** Events of before, of which those after the number `heard` reached nobody: they are marked. */
export function withLate(past: readonly NumberedEvent[], heard: number): ControlEvent[] {
  return past.map((event) =>
    isAfter(event.sequence, heard) ? { ...event, fields: { ...event.fields, late: true } } : event,
  );
}
