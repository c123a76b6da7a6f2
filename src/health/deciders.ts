import { rowFacts } from "./calculated.ts";
import { VERDICT_FAILED } from "./latch.ts";
import { everyTarget, type HealthPlan } from "./plan.ts";
import { poolVerdict } from "./pool.ts";
import { REASON_CALCULATED, REASON_REGION_DOWN, reasonText } from "./reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_HORIZON_MS,
  POOL_ROW_WORDS,
  ROW_REASON,
} from "./rows.ts";
import {
  foldRule,
  leavesOf,
  type OwnPoolPlan,
  type RuleFacts,
  type RulePlan,
  type RuleState,
  type RuleVerdict,
} from "./rule.ts";

/** One of those that made a calculated state what it is. */
export interface Decider {
  /** As files name it: a check, or `pool:[ZONE/]POOL[/ENDPOINT]`; `at_least`: those of its list that stand behind it. */
  operand: string;
  state: RuleVerdict;
  /** Why, where something was asked; empty: it was calculated from others, or is a pool. */
  reason: string;
  /** Of `at_least`, where neither one nor all are needed: how many of its list are up. */
  count?: { up: number; of: number; needed: number };
}

/** What the names and rules of calculated states are taken from; structured-cloneable. */
export interface DecidingPlan {
  calculated: { row: number; zone: string; rule: RulePlan; regionRow: number; isPart: boolean }[];
  /** What rules ask about, by row; `part`: the check that it is a part by, null: an address that is answered. */
  operands: { row: number; zone: string; pool: string; endpoint: string; part: string | null }[];
  pools: { row: number; zone: string; pool: string }[];
}

/** The part of a plan that says what calculated states come from; nothing where none is calculated. */
export function decidingPlan(plan: HealthPlan): { deciding?: DecidingPlan } {
  if (plan.calculated === undefined) return {};
  const leaves = plan.calculated.flatMap(({ rule }) => leavesOf(rule));
  const rows = new Set(
    leaves.map((leaf) => (leaf.kind === "row" ? leaf.row : leaf.kind === "own" ? firstRow(leaf.pool) : -1)),
  );
  const poolRows = new Set(leaves.map((leaf) => (leaf.kind === "pool" ? leaf.row : -1)));
  const deciding: DecidingPlan = {
    calculated: plan.calculated.map(({ target, rule, regionRow = -1 }) => {
      const { row, zone, isPart = false } = target;
      return { row, zone, rule, regionRow, isPart };
    }),
    operands: everyTarget(plan)
      .filter(({ row }) => rows.has(row))
      .map(({ row, zone, pool, endpoint, isPart, check }) => {
        return { row, zone, pool, endpoint, part: isPart === true ? check.name : null };
      }),
    pools: plan.pools
      .filter(({ row }) => poolRows.has(row))
      .map(({ row, zone, pool }) => ({ row, zone, pool })),
  };
  return { deciding };
}

/** Row of the first address that has one; -1: none has. */
function firstRow({ endpoints }: OwnPoolPlan): number {
  return endpoints.flat().find((row) => row >= 0) ?? -1;
}

/** A DecidingPlan by row. */
interface Index {
  calculated: Map<number, DecidingPlan["calculated"][number]>;
  operands: Map<number, DecidingPlan["operands"][number]>;
  pools: Map<number, DecidingPlan["pools"][number]>;
}

/** Plans live as long as snapshots, and are asked about many addresses. */
const indexes = new WeakMap<DecidingPlan, Index>();

function indexOf(plan: DecidingPlan): Index {
  const known = indexes.get(plan);
  if (known !== undefined) return known;
  const index: Index = {
    calculated: new Map(plan.calculated.map((each) => [each.row, each])),
    operands: new Map(plan.operands.map((each) => [each.row, each])),
    pools: new Map(plan.pools.map((each) => [each.row, each])),
  };
  indexes.set(plan, index);
  return index;
}

/** Why the address of a row is down, by rows that have been published; none: it is not calculated, or it is up. */
export function decidersOf(plan: DecidingPlan, rows: HealthRows, row: number): Decider[] {
  const { calculated, operands, pools } = indexOf(plan);
  const facts: RuleFacts = rowFacts(rows, (at) => ({
    verdict: poolVerdict(rows, at) === VERDICT_FAILED ? "down" : "up",
    horizonMs: Atomics.load(rows.pools, at * POOL_ROW_WORDS + POOL_ROW_HORIZON_MS),
  }));
  const reasonAt = (at: number): number => Atomics.load(rows.endpoints, at * ENDPOINT_ROW_WORDS + ROW_REASON);

  /** A part that is itself calculated says less than what it is made of. */
  function ofRow(at: number, zone: string): Decider[] {
    const own = calculated.get(at);
    if (own?.isPart === true) return ofRule(own.rule, zone);
    const target = operands.get(at);
    if (target === undefined) return [];
    const { verdict } = facts.row(at);
    const place = `pool:${target.zone === zone ? "" : `${target.zone}/`}${target.pool}/${target.endpoint}`;
    const reason = reasonAt(at);
    const isAsked = reason !== REASON_CALCULATED && reason !== REASON_REGION_DOWN && verdict === "down";
    return [{ operand: target.part ?? place, state: verdict, reason: isAsked ? reasonText(reason) : "" }];
  }

  function ofLeaf(leaf: RulePlan, zone: string): Decider[] {
    if (leaf.kind === "row") return ofRow(leaf.row, zone);
    if (leaf.kind === "pool") return ofPool(pools.get(leaf.row), facts.pool(leaf.row), zone);
    return leaf.kind === "own" ? ofPool(operands.get(firstRow(leaf.pool)), facts.own(leaf.pool), zone) : [];
  }

  /** Of those that are counted the ones that say the same as the whole. */
  function ofRule(rule: RulePlan, zone: string): Decider[] {
    if (rule.kind === "not") return ofRule(rule.of, zone);
    if (rule.kind !== "count") return ofLeaf(rule, zone);
    const state = foldRule(rule, facts).verdict;
    const verdicts = rule.of.map((each) => foldRule(each, facts).verdict);
    const deciding = rule.of.filter((_, place) => verdicts[place] === state);
    const [needed, of] = [rule.atLeast, rule.of.length];
    const up = verdicts.filter((verdict) => verdict === "up").length;
    const isPart = needed > 1 && needed < of;
    const counted = isPart ? [{ operand: "at_least", state, reason: "", count: { up, of, needed } }] : [];
    return [...counted, ...deciding.flatMap((each) => ofRule(each, zone))];
  }

  const own = calculated.get(row);
  if (own === undefined) return [];
  const reason = reasonAt(row);
  if (reason === REASON_CALCULATED) return ofRule(own.rule, own.zone);
  const region = reason === REASON_REGION_DOWN ? calculated.get(own.regionRow) : undefined;
  return region === undefined ? [] : ofRule(region.rule, own.zone);
}

function ofPool(
  found: { zone: string; pool: string } | undefined,
  { verdict }: RuleState,
  zone: string,
): Decider[] {
  if (found === undefined) return [];
  const operand = `pool:${found.zone === zone ? "" : `${found.zone}/`}${found.pool}`;
  return [{ operand, state: verdict, reason: "" }];
}

/** More would make a line that nobody reads; `explain --json` has them all. */
const MOST_DECIDERS = 4;

function wordsOf({ operand, state, reason, count }: Decider): string {
  if (count !== undefined) return `${count.up} of ${count.of} up, ${count.needed} needed`;
  return `${operand} is ${state}${reason === "" ? "" : `: ${reason}`}`;
}

/** `cache is down: refused, pool:db is down`: what a calculated state comes from, in one line; empty: nothing does. */
export function deciderWords(deciders: readonly Decider[]): string {
  const words = deciders.slice(0, MOST_DECIDERS).map(wordsOf);
  const more = deciders.length - words.length;
  return [...words, ...(more > 0 ? [`and ${more} more`] : [])].join(", ");
}
