import type { FreezeMove } from "./doubt.ts";
import type { PastTransition } from "./history.ts";
import type { LatchMove } from "./latches.ts";
import type { ForcedPlan, HealthPlan } from "./plan.ts";
import type { HealthClock, PrepareProbe } from "./probe.ts";
import type { HealthRows } from "./rows.ts";
import type { SchedulerStats } from "./scheduler.ts";
import type { EndpointTransition, EndpointWarning, ForcedTransition, PoolTransition } from "./transitions.ts";

/** What a prober is given and what it does: its shell and its tests need no more of it. */
export interface ProberOptions {
  rows: HealthRows;
  clock: HealthClock;
  /** 0 <= random() < 1, for the phases of the probes. */
  random: () => number;
  /** `prepareProbe` of probes/prepare.ts, or a fake. */
  prepare: PrepareProbe;
  onTransition: (transition: EndpointTransition) => void;
  onPoolTransition: (transition: PoolTransition) => void;
  onWarning?: (warning: EndpointWarning) => void;
  /** An address that must pass its probes for a time before it returns began to pass them, or failed one. */
  onRunTurn?: () => void;
  /** An operator's word on an address came, changed or ended. */
  onForced?: (transition: ForcedTransition) => void;
  /** A latched `failover` went to another entry. */
  onLatchMove: (move: LatchMove) => void;
  /** States are kept, or follow the probes again. */
  onFreeze?: (move: FreezeMove) => void;
  /** Once after each setPlan, when every target of the plan has a verdict: within setPlan when none is new, else with the first rows published after it. */
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
  /** Takes over what operators say of addresses, in place of what the plan said. Rows are written before it returns. */
  setForced(forced: readonly ForcedPlan[]): void;
  /** Frees the rows that no target of the plan uses: call when every worker has taken over the new snapshot. */
  releaseRetired(): void;
  /** Takes the latch of a `failover` back to the list's order, as an operator asks; false: there is no such latch. */
  releaseLatch(zone: string, policy: string): boolean;
  /** Ends a freeze: what the probes found holds at once. False: nothing is frozen. */
  thaw(): boolean;
  /** The last transitions of an address, the latest first; of a stranger none. */
  history(zone: string, pool: string, address: string): readonly PastTransition[];
  stats(): SchedulerStats;
  /** Ends every probe; rows keep their last words. */
  stop(): void;
}
