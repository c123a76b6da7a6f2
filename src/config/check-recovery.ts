import { allowance } from "../health/budget.ts";
import type { EndpointModel } from "../policy/model.ts";
import { pathText, type Reporter } from "./problem.ts";
import type { CheckInput } from "./schema-checks.ts";
import type { PoolInput } from "./schema-zone.ts";
import type { YamlPath } from "./yaml-text.ts";

/** What of a pool's recovery nothing can come of. */
export function checkRecovery(
  pool: PoolInput,
  endpoints: readonly EndpointModel[],
  path: YamlPath,
  reporter: Reporter,
): void {
  for (const key of ["slow_start", "shed", "withdrawal_budget"] as const) {
    if (pool[key] === undefined || pool.check !== undefined) continue;
    const what = `${pathText(path)}: ${key} does nothing, as nobody probes a pool without a check`;
    reporter.warning([...path, key], "key", "CFG_RECOVERY_UNUSED", what, "a check for the pool");
  }
  checkBudget(pool, endpoints, path, reporter);
}

/** A budget that keeps `min_healthy` endpoints up keeps the pool from ever failing. */
function checkBudget(
  { withdrawal_budget: budget, min_healthy: least, endpoints_file: file }: PoolInput,
  endpoints: readonly EndpointModel[],
  path: YamlPath,
  reporter: Reporter,
): void {
  const isOpen = file !== undefined || endpoints.some(({ lookup }) => lookup !== undefined);
  if (budget === undefined || isOpen || "families" in least) return;
  const at = [...path, "withdrawal_budget", "share"];
  const count = endpoints.length;
  if (budget.share * count < 100) {
    const what = `${pathText(path)}: ${budget.share}% of ${count} endpoints is less than one, and one may go down in any case`;
    reporter.warning(at, "value", "CFG_BUDGET", what, `${Math.ceil(100 / count)}% or more`);
  }
  const left = count - allowance({ percent: budget.share, withinMs: budget.within }, count);
  const needed = "count" in least ? least.count : Math.ceil((least.percent * count) / 100);
  if (left < Math.max(1, needed)) return;
  const what = `${pathText(path)}: ${left} of ${count} endpoints stay up for ${budget.within / 1000} s whatever the probes say, and the pool fails below ${Math.max(1, needed)}: nobody is sent elsewhere meanwhile`;
  reporter.warning(at, "value", "CFG_BUDGET", what, "a larger share, or a higher min_healthy");
}

/** Times of a check that have no effect beside its others. */
export function checkHolds(name: string, check: CheckInput, reporter: Reporter): void {
  const path = ["checks", name];
  const warn = (key: string, what: string, expected: string) =>
    reporter.warning([...path, key], "key", "CFG_HOLD_UNUSED", `${pathText(path)}: ${what}`, expected);
  const { down, healthy } = check.hold_down;
  const riseMs = (check.rise - 1) * (check.fast_interval ?? check.interval);
  if (healthy > 0 && healthy <= riseMs)
    warn("hold_down", `rise takes ${riseMs} ms, longer than hold_down.healthy`, "a longer time, or none");
  if (check.damping > 0 && down >= check.damping)
    warn("hold_down", "damping never asks for more than hold_down does", "a longer damping, or 0s");
  if (check.fast_interval !== undefined && check.timeout > check.fast_interval)
    warn(
      "fast_interval",
      `a probe that gets no answer lasts ${check.timeout} ms, longer than fast_interval`,
      "at least the timeout",
    );
}
