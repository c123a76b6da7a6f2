import type { VerdictPlan } from "../health/latch.ts";
import type { FailbackPlan, HealthPlan } from "../health/plan.ts";
import type { NodeModel } from "../policy/model.ts";
import { childrenOf } from "./resolve-policy.ts";
import { claimLatchRow, type RowRegistry } from "./rows.ts";

/** Nodes that have been looked at, with their place in FailbackPlan.verdicts where they have one. */
type Verdicts = Map<NodeModel, number>;

/**
 * Gives every latched `failover` below these roots its row, and adds them to the plan. After planPool, so that pools have
 * theirs. `visited`: nodes that were searched before, below other zones' roots too. False: there are no rows left.
 */
export function planLatches(
  plan: HealthPlan,
  roots: readonly NodeModel[],
  rows: RowRegistry,
  visited: Set<NodeModel>,
): boolean {
  const verdicts: Verdicts = new Map();
  const waiting = [...roots].reverse();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (visited.has(node)) continue;
    visited.add(node);
    if (node.kind === "failover" && node.latch !== undefined) {
      plan.failback ??= { verdicts: [], latches: [] };
      if (!planLatch(plan.failback, node, verdicts, rows)) return false;
    }
    waiting.push(...childrenOf(node).reverse());
  }
  return true;
}

function planLatch(
  plan: FailbackPlan,
  node: Extract<NodeModel, { kind: "failover" }>,
  verdicts: Verdicts,
  rows: RowRegistry,
): boolean {
  const latch = node.latch!;
  const entries = node.of.map((entry) => ({
    name: nameOf(entry.node),
    verdict: verdictOf(plan, entry.node, verdicts),
  }));
  const names = entries.map(({ name }) => name);
  const claim = claimLatchRow(rows, latch.zone, latch.policy, names);
  if (claim === null) return false;
  latch.row = claim.row;
  plan.latches.push({ ...claim, zone: latch.zone, policy: latch.policy, entries, afterMs: latch.afterMs });
  return true;
}

/** Index of the node's verdict. It has failed when all below it have, whatever a client would be given first. */
function verdictOf(plan: FailbackPlan, node: NodeModel, verdicts: Verdicts): number {
  const known = verdicts.get(node);
  if (known !== undefined) return known;
  const index = plan.verdicts.push(verdictPlan(plan, node, verdicts)) - 1;
  verdicts.set(node, index);
  return index;
}

function verdictPlan(plan: FailbackPlan, node: NodeModel, verdicts: Verdicts): VerdictPlan {
  if (node.lastResort !== null) return "never";
  if (node.kind === "pool") return node.pool.row < 0 ? "never" : { pool: node.pool.row };
  return { of: childrenOf(node).map((child) => verdictOf(plan, child, verdicts)) };
}

/** What an entry is found again by: its own name, or the names below it. */
function nameOf(node: NodeModel): string {
  if (node.label !== "") return node.label;
  if (node.kind === "pool") return node.pool.name;
  return `${node.kind} of ${childrenOf(node).map(nameOf).join(", ")}`;
}
