import type { Reason } from "./reasons.ts";

/** One change of an address's published state, as it is kept for people. */
export interface PastTransition {
  /** Milliseconds since 1970. */
  atMs: number;
  from: "unknown" | "up" | "down";
  to: "up" | "down";
  reason: Reason;
}

/** A night of flapping at the longest damping fits; 100,000 addresses keep 1.6 million of these at most. */
const MOST_KEPT = 16;

/** The past with one more transition, the latest first; what is too old is forgotten. */
export function rememberTransition(
  past: readonly PastTransition[],
  transition: PastTransition,
): PastTransition[] {
  return [transition, ...past.slice(0, MOST_KEPT - 1)];
}
