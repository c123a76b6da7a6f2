import type { ForcedWord } from "./forced.ts";
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
  /** What an operator says of the address meanwhile, which is what counts; absent: nothing. */
  forced?: ForcedWord;
  /** Name of a check that another one is calculated from: this is what it says, and not what is answered. */
  part?: string;
}

/** An operator's word on an address, or the end of it. */
export interface ForcedTransition {
  zone: string;
  pool: string;
  endpoint: string;
  address: string;
  from: ForcedWord | null;
  to: ForcedWord | null;
  /** What the probes alone say. */
  probed: "unknown" | "up" | "down";
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
  /** It has failed because an operator has taken all of it out: everything is drained or forced down. */
  withheld: boolean;
  durationMs: number;
}
