import type { Reason } from "./reasons.ts";

/** One change of a published state. */
export interface EndpointTransition {
  zone: string;
  pool: string;
  endpoint: string;
  address: string;
  /** `unknown`: no verdict had been reached. */
  from: "unknown" | "up" | "down";
  to: "up" | "down";
  reason: Reason;
  /** How long the state `from` had lasted. */
  durationMs: number;
  /** Up because its failures are in doubt. */
  held: boolean;
}

/** An address that is up, and why people should look at it all the same; REASON_OK: no longer. */
export interface EndpointWarning {
  zone: string;
  pool: string;
  endpoint: string;
  address: string;
  reason: Reason;
}

export interface PoolTransition {
  zone: string;
  pool: string;
  from: "unknown" | "healthy" | "failed";
  to: "healthy" | "failed";
  up: number;
  usable: number;
  durationMs: number;
}
