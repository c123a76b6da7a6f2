import type { ForcedPlan } from "./plan.ts";
import { STATE_DRAINED, STATE_FORCED_DOWN, STATE_FORCED_UP, STATE_UP } from "./rows.ts";

/** An operator's word on an address. */
export type ForcedWord = "up" | "down" | "drain";

/** STATE_* bit of each word. */
export const FORCED_BITS: Record<ForcedWord, number> = {
  up: STATE_FORCED_UP,
  down: STATE_FORCED_DOWN,
  drain: STATE_DRAINED,
};

const FORCED_MASK = STATE_FORCED_UP | STATE_FORCED_DOWN | STATE_DRAINED;

/** Null: operators leave it to the probes. */
export function forcedWord(forced: Pick<ForcedPlan, "state"> | undefined): ForcedWord | null {
  for (const word of ["drain", "down", "up"] as const)
    if (((forced?.state ?? 0) & FORCED_BITS[word]) !== 0) return word;
  return null;
}

/** The bits of a row: those that the probes say, under the operator's word. */
export function forceBits(probed: number, forced: ForcedPlan | undefined): number {
  const state = (forced?.state ?? 0) & FORCED_MASK;
  if (state === 0) return probed;
  return (probed & ~STATE_UP) | state | (state === STATE_FORCED_UP ? STATE_UP : 0);
}

/** True when an address that an operator had taken out of the answers is left to its probes again; forced up, it is back at once. */
export function isReturn(from: ForcedWord | null, to: ForcedWord | null): boolean {
  return (from === "drain" || from === "down") && to === null;
}
