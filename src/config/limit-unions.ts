import type { NodeModel } from "../policy/model.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import { childrenOf } from "./resolve-policy.ts";
import type { YamlPath } from "./yaml-text.ts";

/**
 * Nodes that a decision may walk below unions, which walk every child each time: more than that many pools have no place
 * in an answer, and one decision takes no longer than some hundred others.
 */
const MAX_WALKS = 128;

/** Of a node, how many a decision walks that finds nothing failed. Nodes never change, and may be shared. */
const walks = new WeakMap<NodeModel, number>();

/** False: unions walk too many nodes below the root, and that is reported. `path`: the record's. */
export function limitUnions(root: NodeModel, path: YamlPath, reporter: Reporter): boolean {
  const count = walksOf(root);
  if (count <= MAX_WALKS) return true;
  const what = `${prefixFor(path)}every decision would walk ${count} policies and pools, since all walks each of its own every time`;
  reporter.error([...path, "policy"], "key", "CFG_LIMIT_UNION", what, `at most ${MAX_WALKS}`);
  return false;
}

/** Other nodes walk one child that has not failed; one that has is walked once. */
function walksOf(node: NodeModel): number {
  const known = walks.get(node);
  if (known !== undefined) return known;
  const below = childrenOf(node).map(walksOf);
  const most = node.kind === "all" ? below.reduce((sum, count) => sum + count, 0) : Math.max(0, ...below);
  walks.set(node, most + 1);
  return most + 1;
}
