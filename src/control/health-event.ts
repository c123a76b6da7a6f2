import type { LogMessage } from "../serve/messages.ts";

/** What receivers can be told of. */
export const EVENT_KINDS = ["endpoint", "pool", "freeze", "latch", "forced"] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** A change of health, as receivers are told of it. Texts that do not apply are empty. */
export interface HealthEvent {
  kind: EventKind;
  zone: string;
  pool: string;
  endpoint: string;
  address: string;
  /** Of a latch: the `failover`. */
  policy: string;
  from: string;
  to: string;
  reason: string;
  /** A sentence, as in the log. */
  summary: string;
  /** How long `from` had lasted. */
  durationMs: number;
  /** Milliseconds since 1970. */
  atMs: number;
  /** Place among all events of the process; absent: it is no event of the probe worker. */
  sequence?: number;
  /** It happened while nobody could tell of it. */
  isLate?: true;
}

/** What a line of the probe worker's log says has changed; null: it is about something else. */
export function eventOf(
  { message, fields, sequence }: Pick<LogMessage, "message" | "fields"> & { sequence?: number },
  atMs: number,
): HealthEvent | null {
  const kind = EVENT_KINDS.find((name) => name === fields.event);
  if (kind === undefined) return null;
  const text = (name: string): string => (typeof fields[name] === "string" ? fields[name] : "");
  const [from, to] =
    kind === "freeze"
      ? fields.frozen === true
        ? ["following", "frozen"]
        : ["frozen", "following"]
      : [text("from"), text("to")];
  if (kind === "latch" && to === "") return null;
  return {
    kind,
    zone: text("zone"),
    pool: text("pool"),
    endpoint: text("endpoint"),
    address: text("address"),
    policy: text("policy"),
    from,
    to,
    reason: text("reason"),
    summary: message,
    durationMs: typeof fields.durationMs === "number" ? fields.durationMs : 0,
    atMs,
    ...(sequence === undefined ? {} : { sequence }),
  };
}

/** The same event, told when the time for it has gone. */
export function lateEvent(event: HealthEvent): HealthEvent {
  return { ...event, summary: `${event.summary}, told late`, isLate: true };
}

/** Whom an event is about: of several that wait, the last one counts. */
export function subjectOf({ kind, zone, pool, endpoint, address, policy }: HealthEvent): string {
  return [kind, zone, pool, endpoint, address, policy].join("\n");
}

/** True: something is wrong since this event. */
export function isBad({ kind, to }: HealthEvent): boolean {
  return (kind === "endpoint" && to === "down") || (kind === "pool" && to === "failed") || to === "frozen";
}

/** False: nothing changed for anyone, as with the first good verdict after a start. */
export function isNews(event: HealthEvent): boolean {
  return event.from !== event.to && (event.from !== "unknown" || isBad(event));
}
