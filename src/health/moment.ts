import type { DoubtPlan } from "./plan.ts";

/** What tells a failure of our own network from failures elsewhere, at one moment. */
export interface Evidence {
  /** Addresses that are up, or were until they failed with the others. */
  live: number;
  /** Of those: fail, and began to within the window, and after the canaries' last success where there are any. */
  failing: number;
  /** Regions that the failing ones stand in; those of pools without a region count as one. */
  regions: number;
  /** `failing`: the last result of every canary is a failure. */
  canaries: "none" | "passing" | "failing";
}

/** Without canaries one region that dies is no sign of a fault here, however large its part is. */
const MIN_REGIONS = 2;

/** A server without settings: no canaries, and nearly everything has to fail. */
export const DEFAULT_DOUBT: DoubtPlan = { share: 0.9, withinMs: 30_000, canaries: [] };

/**
 * True when failures say more about this server's network than about the endpoints: `share` of what was up fails, and so
 * do all canaries; or, without canaries, it fails across at least two regions.
 */
export function isOwnFailure(evidence: Evidence, { share }: Pick<DoubtPlan, "share">): boolean {
  const { live, failing, regions, canaries } = evidence;
  if (failing === 0 || failing < share * live) return false;
  return canaries === "none" ? regions >= MIN_REGIONS : canaries === "failing";
}
