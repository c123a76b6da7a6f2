import type { LoadReport } from "./load-report.ts";
import type { ProbeTarget } from "./plan.ts";
import type { Reason } from "./reasons.ts";

/** Clock and timer of the probing thread, injected so that tests need not wait. */
export interface HealthClock {
  /** Monotonic milliseconds, with fractions: steps of the wall clock change nothing. */
  nowMs(): number;
  /**
   * Milliseconds for which the machine has been suspended, counted from any point: the monotonic clock stands still
   * meanwhile. Absent: nobody knows.
   */
  sleptMs?(): number;
  /** Whole milliseconds since 1970, for what people read. */
  wallMs(): number;
  /** Calls `fire` once after about `delayMs`; returns what `clearTimer` takes. */
  setTimer(fire: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
}

/** What one probe found. Times are milliseconds from its start; -1: the phase was not reached. */
export interface ProbeResult {
  ok: boolean;
  reason: Reason;
  /** HTTP status, or 0. */
  status: number;
  /** The connection stood. */
  connectMs: number;
  /** The TLS handshake had ended. */
  tlsMs: number;
  /** The response's first octet had come. */
  firstOctetMs: number;
  totalMs: number;
  /** What a program said of it, in one line; absent: nothing. */
  note?: string;
  /** What the endpoint says of its load; absent: nothing. */
  report?: LoadReport;
}

/** A probe under way. Neither method calls back later than it returns; both do nothing once the result is out. */
export interface RunningProbe {
  /** The deadline has passed: reports the timeout of the phase that the probe is in, at once. */
  expire(): void;
  /** Ends the probe without a result. */
  cancel(): void;
}

export interface StartProbe {
  /** Starts one probe; `done` is called exactly once, unless the probe is cancelled. May call `done` before it returns. */
  (done: (result: ProbeResult) => void): RunningProbe;
  /** Gives back what is kept between the probes of a target: none follows. */
  release?(): void;
}

/** Prepares a target once (request octets, TLS settings), so that each of its probes starts cheaply. */
export type PrepareProbe = (target: ProbeTarget, clock: HealthClock) => StartProbe;

/**
 * What counts as response time: from the request to the first octet of the answer, where something was asked, else the
 * time that the connection took; -1: not measured. A connection that was kept is measured like a fresh one.
 */
export function responseMs({ connectMs, tlsMs, firstOctetMs }: ProbeResult): number {
  return firstOctetMs < 0 ? connectMs : firstOctetMs - Math.max(0, connectMs, tlsMs);
}

/** A result without phases, for failures before a probe could start. */
export function failedResult(reason: Reason): ProbeResult {
  return { ok: false, reason, status: 0, connectMs: -1, tlsMs: -1, firstOctetMs: -1, totalMs: 0 };
}
