import { rowFacts } from "./calculated.ts";
import { VERDICT_FAILED } from "./latch.ts";
import { type CalculatedPlan, everyTarget, type HealthPlan } from "./plan.ts";
import { poolVerdict } from "./pool.ts";
import { REASON_CALCULATED, REASON_REGION_DOWN, reasonText } from "./reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_HORIZON_MS,
  POOL_ROW_WORDS,
  ROW_REASON,
} from "./rows.ts";
import { decidingLeaves, type RuleFacts, type RulePlan, type RuleVerdict } from "./rule.ts";

/** One of those that made a calculated state what it is. */
export interface Decider {
  /** As files name it: a check, or `pool:[ZONE/]POOL[/ENDPOINT]`. */
  operand: string;
  state: RuleVerdict;
  /** Why, where something was asked; empty: it was calculated from others, or is a pool. */
  reason: string;
}

/** Finds out why calculated addresses are down, by rows that have been published. */
export function createDeciders(plan: HealthPlan, rows: HealthRows): (row: number) => Decider[] {
  const plans = new Map((plan.calculated ?? []).map((each) => [each.target.row, each]));
  const targets = new Map(everyTarget(plan).map((target) => [target.row, target]));
  const pools = new Map(plan.pools.map((pool) => [pool.row, pool]));
  const facts: RuleFacts = rowFacts(rows, (row) => ({
    verdict: poolVerdict(rows, row) === VERDICT_FAILED ? "down" : "up",
    horizonMs: Atomics.load(rows.pools, row * POOL_ROW_WORDS + POOL_ROW_HORIZON_MS),
  }));
  const reasonAt = (row: number): number =>
    Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + ROW_REASON);

  /** A part that is itself calculated says less than what it is made of. */
  function ofRow(row: number, zone: string): Decider[] {
    const target = targets.get(row);
    if (target === undefined) return [];
    const { verdict } = facts.row(row);
    const own = plans.get(row);
    if (own !== undefined && target.isPart === true) return ofRule(own, zone);
    const place = `pool:${target.zone === zone ? "" : `${target.zone}/`}${target.pool}/${target.endpoint}`;
    const operand = target.isPart === true ? target.check.name : place;
    const reason = reasonAt(row);
    const isAsked = reason !== REASON_CALCULATED && reason !== REASON_REGION_DOWN && verdict === "down";
    return [{ operand, state: verdict, reason: isAsked ? reasonText(reason) : "" }];
  }

  function ofLeaf(leaf: RulePlan, zone: string): Decider[] {
    if (leaf.kind === "row") return ofRow(leaf.row, zone);
    const found =
      leaf.kind === "pool"
        ? pools.get(leaf.row)
        : leaf.kind === "own"
          ? targets.get(leaf.pool.endpoints.flat().find((row) => row >= 0) ?? -1)
          : undefined;
    if (found === undefined) return [];
    const { verdict } =
      leaf.kind === "own" ? facts.own(leaf.pool) : facts.pool((leaf as { row: number }).row);
    const operand = `pool:${found.zone === zone ? "" : `${found.zone}/`}${found.pool}`;
    return [{ operand, state: verdict, reason: "" }];
  }

  function ofRule({ rule }: CalculatedPlan, zone: string): Decider[] {
    return decidingLeaves(rule, facts).flatMap((leaf) => ofLeaf(leaf, zone));
  }

  return (row) => {
    const own = plans.get(row);
    if (own === undefined) return [];
    const { zone } = own.target;
    const reason = reasonAt(row);
    if (reason === REASON_CALCULATED) return ofRule(own, zone);
    const region = reason === REASON_REGION_DOWN ? plans.get(own.regionRow ?? -1) : undefined;
    return region === undefined ? [] : ofRule(region, zone);
  };
}
