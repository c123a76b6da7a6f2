import { foldCalculated, rowFacts } from "./calculated.ts";
import { createLatches } from "./latches.ts";
import type { CalculatedTarget, HealthPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { foldPool, poolVerdict } from "./pool.ts";
import type { HealthRows } from "./rows.ts";
import { writeEndpoint, writePool } from "./rows-writer.ts";
import { assumedState } from "./state.ts";

/**
 * Fills the rows of a plan as if every address were up except those that `isDown` names, under its forced states, and
 * judges its pools.
 */
export function applyOffline(
  rows: HealthRows,
  plan: HealthPlan,
  isDown: (target: ProbeTarget | CalculatedTarget) => boolean,
): void {
  const calculated = plan.calculated ?? [];
  const forced = new Map((plan.forced ?? []).map((entry) => [entry.row, entry]));
  const write = (target: ProbeTarget | CalculatedTarget, isUp: boolean): void =>
    writeEndpoint(rows, target, assumedState(isUp, 0, target.check), 0, forced.get(target.row));
  for (const target of plan.targets) write(target, !isDown(target));
  const down = calculated.filter(({ target }) => isDown(target));
  for (const { target } of down) write(target, false);
  const fixed = new Set(down.map(({ target }) => target.row));
  judgeOffline(rows, plan.pools, plan, (row) => fixed.has(row));
  const latches = createLatches(rows, () => undefined);
  const at = { nowMs: 0, wallMs: 0 };
  latches.adopt(plan.failback, at);
  latches.fold((row) => poolVerdict(rows, row), at);
}

/** Writes what follows from the rows of addresses: calculated ones, but for those that `isFixed` names, and pools. */
export function judgeOffline(
  rows: HealthRows,
  pools: readonly PoolPlan[],
  { calculated = [], forced = [] }: Pick<HealthPlan, "calculated" | "forced">,
  isFixed: (row: number) => boolean,
): void {
  const byRow = new Map(pools.map((pool) => [pool.row, pool]));
  const facts = rowFacts(rows, (row) => {
    const { failed, horizonMs } = foldPool(rows, byRow.get(row)!);
    return { verdict: failed ? "down" : "up", horizonMs };
  });
  const forcedAt = new Map(forced.map((entry) => [entry.row, entry]));
  for (const plan of calculated) {
    const { target } = plan;
    if (isFixed(target.row)) continue;
    const { verdict, horizonMs, reason } = foldCalculated(plan, facts, rows);
    const state = { ...assumedState(verdict === "up", 0, target.check), horizonMs, reason };
    writeEndpoint(rows, target, state, 0, forcedAt.get(target.row));
  }
  for (const pool of pools) writePool(rows, pool, foldPool(rows, pool), 0);
}
