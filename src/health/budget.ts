import type { BudgetRule } from "./plan.ts";

/**
 * Endpoints of a pool that went down of late: when, by the row of one of their addresses. A budget says how many may within
 * a time, at least one; what fails beyond it stays up until there is room.
 */
export type Withdrawals = Map<number, number>;

/** Endpoints that may go down within the time of the rule. */
export function allowance({ percent }: BudgetRule, endpoints: number): number {
  return Math.max(1, Math.floor((percent * endpoints) / 100));
}

/** True when the endpoint of `row` may go down now. Forgets what is older than the rule's time. */
export function mayWithdraw(
  withdrawals: Withdrawals,
  rule: BudgetRule,
  endpoints: readonly (readonly number[])[],
  row: number,
  nowMs: number,
): boolean {
  for (const [other, atMs] of withdrawals) if (nowMs - atMs >= rule.withinMs) withdrawals.delete(other);
  let spent = 0;
  for (const rows of endpoints) {
    if (!rows.some((other) => withdrawals.has(other))) continue;
    // Its other address went down before: that was it already.
    if (rows.includes(row)) return true;
    spent += 1;
  }
  return spent < allowance(rule, endpoints.length);
}
