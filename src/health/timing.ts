import type { CheckTiming } from "./plan.ts";

/**
 * Every word of a check's timing, and what it is about: when is asked, or how results are judged. Who compares checks by
 * what they ask takes the list from here; a word that is missing does not compile.
 */
const TIMING: Record<keyof CheckTiming, "asked" | "judged"> = {
  intervalMs: "asked",
  timeoutMs: "asked",
  fall: "judged",
  rise: "judged",
  fastIntervalMs: "judged",
  okReset: "judged",
  holdDownMs: "judged",
  holdHealthyMs: "judged",
  startGraceMs: "judged",
  dampingMs: "judged",
  returnJitterMs: "judged",
  windowMs: "judged",
  warningScale: "judged",
};

/** Words of a timing, all of them or those about how results are judged. */
export function isTiming(key: string, about?: "judged"): boolean {
  return Object.hasOwn(TIMING, key) && (about === undefined || TIMING[key as keyof CheckTiming] === about);
}
