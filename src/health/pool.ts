import { foldFigures, type PoolFigures } from "./figures.ts";
import { VERDICT_FAILED, VERDICT_UP, type Verdict } from "./latch.ts";
import type { Least, MinHealthy, PoolPlan } from "./plan.ts";
import { SCALE_ONE } from "./ramp.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_WORDS,
  ROW_HORIZON_MS,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_DRAINED,
  STATE_UP,
  STATE_WITHHELD,
} from "./rows.ts";

/** A pool's verdict, the words of its row. */
export interface PoolVerdict {
  failed: boolean;
  /** Endpoints that are up. */
  up: number;
  /** Endpoints that are neither drained nor forced down. */
  usable: number;
  /** Least horizon over the addresses that probes decide on; 0 while all are settled. */
  horizonMs: number;
  /** How much of its clients the pool does not take for now: what lacks to the greatest scale of those that are up. */
  lack: number;
  /** One that is up takes less than its weight. */
  uneven: boolean;
  /** What is known of the load of those that are up. */
  figures: PoolFigures;
}

/** Row of an address without a check. */
const ROW_ALWAYS_UP = -1;

/**
 * Judges a pool by the rows of its endpoints. Drained endpoints leave the count; a percentage is of those that remain,
 * rounded up, and a count is capped at them. A pool of which nothing is up has failed whatever `min_healthy` says.
 */
export function foldPool(
  rows: HealthRows,
  plan: Pick<PoolPlan, "endpoints" | "families" | "minHealthy" | "dualStack">,
): PoolVerdict {
  const byFamily = { ipv4: { counted: 0, up: 0 }, ipv6: { counted: 0, up: 0 } };
  let counted = 0;
  let up = 0;
  let usable = 0;
  let horizonMs = 0;
  let greatest = 0;
  let uneven = false;
  for (const [endpoint, addressRows] of plan.endpoints.entries()) {
    let present = 0;
    let addressesUp = 0;
    let addressesUsable = 0;
    let scale = 0;
    for (const row of addressRows) {
      const bits = row === ROW_ALWAYS_UP ? STATE_UP : word(rows, row, ROW_STATE);
      if ((bits & STATE_DRAINED) !== 0) continue;
      present += 1;
      if ((bits & STATE_UP) !== 0) {
        addressesUp += 1;
        scale = Math.max(scale, row === ROW_ALWAYS_UP ? SCALE_ONE : word(rows, row, ROW_WEIGHT_SCALE));
      }
      if ((bits & STATE_WITHHELD) !== 0) continue;
      addressesUsable += 1;
      const rowHorizonMs = row === ROW_ALWAYS_UP ? 0 : word(rows, row, ROW_HORIZON_MS);
      if (rowHorizonMs > 0 && (horizonMs === 0 || rowHorizonMs < horizonMs)) horizonMs = rowHorizonMs;
    }
    if (present === 0) continue;
    counted += 1;
    if (addressesUsable > 0) usable += 1;
    const isUp = plan.dualStack === "strict" ? addressesUp === present : addressesUp > 0;
    if (plan.families !== undefined)
      countFamilies(rows, addressRows, plan.families[endpoint]!, isUp, byFamily);
    if (!isUp) continue;
    up += 1;
    greatest = Math.max(greatest, scale);
    if (scale < SCALE_ONE) uneven = true;
  }
  const figures = foldFigures(rows, plan.endpoints);
  const lack = up === 0 ? 0 : SCALE_ONE - greatest;
  return {
    failed: hasFailed(plan.minHealthy, counted, up, byFamily),
    up,
    usable,
    horizonMs,
    lack,
    uneven,
    figures,
  };
}

type FamilyCounts = Record<"ipv4" | "ipv6", { counted: number; up: number }>;

/** Counts an endpoint in each family of which it has an address that is not drained. */
function countFamilies(
  rows: HealthRows,
  addressRows: readonly number[],
  families: readonly (0 | 4 | 6)[],
  isUp: boolean,
  counts: FamilyCounts,
): void {
  for (const [name, family] of FAMILIES) {
    const bits = addressRows
      .filter((_, i) => families[i] === family)
      .map((row) => (row === ROW_ALWAYS_UP ? STATE_UP : word(rows, row, ROW_STATE)))
      .filter((state) => (state & STATE_DRAINED) === 0);
    if (bits.length === 0) continue;
    counts[name].counted += 1;
    if (isUp && bits.some((state) => (state & STATE_UP) !== 0)) counts[name].up += 1;
  }
}

const FAMILIES = [
  ["ipv4", 4],
  ["ipv6", 6],
] as const;

function hasFailed(minHealthy: MinHealthy, counted: number, up: number, byFamily: FamilyCounts): boolean {
  if (!("families" in minHealthy)) return up < needed(minHealthy, counted);
  if (up === 0) return true;
  return FAMILIES.some(([name]) => {
    const least = minHealthy.families[name];
    const count = byFamily[name];
    return least !== undefined && count.counted > 0 && count.up < needed(least, count.counted);
  });
}

/** The verdict that a pool's row says. */
export function poolVerdict(rows: HealthRows, row: number): Verdict {
  const failed = Atomics.load(rows.pools, row * POOL_ROW_WORDS + POOL_ROW_FAILED) === 1;
  return failed ? VERDICT_FAILED : VERDICT_UP;
}

/** Endpoints that must be up, of `counted` that are not drained. */
function needed(least: Least, counted: number): number {
  const wanted =
    "percent" in least ? Math.ceil((least.percent * counted) / 100) : Math.min(least.count, counted);
  return Math.max(1, wanted);
}

/** A plain read, behind which stands no call: most rows are this thread's own, and of others' any late word will do. */
function word(rows: HealthRows, row: number, index: number): number {
  return rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!;
}
