import type { HealthPlan } from "./plan.ts";
import type { HealthClock, PrepareProbe } from "./probe.ts";
import type { Reason } from "./reasons.ts";
import type { HealthRows } from "./rows.ts";

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

export interface ProberOptions {
  rows: HealthRows;
  clock: HealthClock;
  /** 0 <= random() < 1, for the phases of the probes. */
  random: () => number;
  /** `prepareProbe` of probes/prepare.ts, or a fake. */
  prepare: PrepareProbe;
  onTransition: (transition: EndpointTransition) => void;
  onPoolTransition: (transition: PoolTransition) => void;
  /** Once after each setPlan, when every target of the plan has a verdict; at once when it has no new ones. */
  onRoundDone: () => void;
  /** Probes under way at once; see MAX_IN_FLIGHT of scheduler.ts. */
  maxInFlight?: number;
}

export interface Prober {
  /**
   * Takes over a plan, at start or after a reload. Rows are written before it returns. Rows of targets that left keep
   * their last words, so that workers still on the old snapshot read no false death; they are freed by releaseRetired.
   */
  setPlan(plan: HealthPlan): void;
  /** Frees the rows that the last setPlan left behind: call when every worker has taken over the new snapshot. */
  releaseRetired(): void;
  /** Ends every probe; rows keep their last words. */
  stop(): void;
}

export declare function createProber(options: ProberOptions): Prober;
