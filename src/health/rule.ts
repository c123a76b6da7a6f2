import type { PoolPlan } from "./plan.ts";

/** What a calculated check is made of: pure facts in, a verdict out. */
export type RulePlan =
  /** An endpoint's address is up, by its row. */
  | { kind: "row"; row: number }
  /** A pool has not failed, by its row. */
  | { kind: "pool"; row: number }
  /** Enough endpoints of a pool are up by rows that its region has no say in: see ownVerdict of calculated.ts. */
  | { kind: "own"; pool: OwnPoolPlan }
  /** Whatever has no check. */
  | { kind: "up" }
  /** At least so many are up. */
  | { kind: "count"; atLeast: number; of: RulePlan[] }
  | { kind: "not"; of: RulePlan };

/** A pool as it would be judged without its region's check. */
export type OwnPoolPlan = Pick<PoolPlan, "endpoints" | "families" | "minHealthy" | "dualStack">;

export type RuleVerdict = "up" | "down" | "unknown";

/** A verdict, and how soon it can change; 0: all that was read is settled. */
export interface RuleState {
  verdict: RuleVerdict;
  horizonMs: number;
}

/** What is known of the leaves. */
export interface RuleFacts {
  row(row: number): RuleState;
  pool(row: number): RuleState;
  own(pool: OwnPoolPlan): RuleState;
}

/**
 * The verdict of a rule: unknown only where what is not known yet could decide it. It can change as soon as anything
 * that was read can.
 */
export function foldRule(rule: RulePlan, facts: RuleFacts): RuleState {
  switch (rule.kind) {
    case "row":
      return facts.row(rule.row);
    case "pool":
      return facts.pool(rule.row);
    case "own":
      return facts.own(rule.pool);
    case "up":
      return { verdict: "up", horizonMs: 0 };
    case "not": {
      const { verdict, horizonMs } = foldRule(rule.of, facts);
      return { verdict: verdict === "up" ? "down" : verdict === "down" ? "up" : "unknown", horizonMs };
    }
    case "count":
      return foldCount(rule.atLeast, rule.of, facts);
  }
}

function foldCount(atLeast: number, rules: readonly RulePlan[], facts: RuleFacts): RuleState {
  let up = 0;
  let unknown = 0;
  let horizonMs = 0;
  for (const rule of rules) {
    const found = foldRule(rule, facts);
    if (found.verdict === "up") up += 1;
    else if (found.verdict === "unknown") unknown += 1;
    horizonMs = nearer(horizonMs, found.horizonMs);
  }
  const verdict = up >= atLeast ? "up" : up + unknown < atLeast ? "down" : "unknown";
  return { verdict, horizonMs };
}

/** The sooner of two horizons, of which 0 is never. */
export function nearer(one: number, other: number): number {
  if (one === 0) return other;
  return other === 0 ? one : Math.min(one, other);
}

/** Row of the one address that a rule follows; -1: it is made of several, or of something else. */
export function soleRow(rule: RulePlan): number {
  if (rule.kind === "row") return rule.row;
  if (rule.kind !== "count" || rule.atLeast !== 1 || rule.of.length !== 1) return -1;
  return soleRow(rule.of[0]!);
}

/** Every leaf of a rule. */
export function leavesOf(rule: RulePlan): RulePlan[] {
  if (rule.kind === "not") return leavesOf(rule.of);
  return rule.kind === "count" ? rule.of.flatMap(leavesOf) : [rule];
}
