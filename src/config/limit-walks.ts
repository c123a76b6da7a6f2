import type { NodeModel } from "../policy/model.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import { childrenOf } from "./resolve-policy.ts";
import type { YamlPath } from "./yaml-text.ts";

/**
 * Nodes that a decision may walk below unions, which walk every child each time: more than that many pools have no place
 * in an answer, and one decision takes no longer than some hundred others.
 */
const MAX_WALKS = 128;

/**
 * Alternatives that one decision may have to try when everything is down, 2 ms of work at most (bench/micro/decide).
 * More regions than there are countries and cities with data centres have no use in one record.
 */
const MAX_ALTERNATIVES = 2000;

/** Of a node, how many a decision walks that finds nothing failed. Nodes never change, and may be shared. */
const walks = new WeakMap<NodeModel, number>();

/** False: a decision may have to walk too much below the root, and that is reported. `path`: the record's. */
export function limitWalks(root: NodeModel, path: YamlPath, reporter: Reporter): boolean {
  return limitUnions(root, path, reporter) && limitAlternatives(root, path, reporter);
}

function limitAlternatives(root: NodeModel, path: YamlPath, reporter: Reporter): boolean {
  const count = triesOf(root);
  if (count <= MAX_ALTERNATIVES) return true;
  const what = `${prefixFor(path)}its policy has ${count} alternatives, and with everything down a decision tries them all`;
  reporter.error([...path, "policy"], "key", "CFG_LIMIT_ALTERNATIVES", what, `at most ${MAX_ALTERNATIVES}`);
  return false;
}

/** Of a node, how many alternatives a decision tries that finds everything failed. */
const tries = new WeakMap<NodeModel, number>();

/**
 * One key's node is tried for a client, or a few; of lists every entry, and what stands in one twice is walked once; unions
 * walk it each time.
 */
function triesOf(node: NodeModel): number {
  const known = tries.get(node);
  if (known !== undefined) return known;
  const children = childrenOf(node);
  const walked = node.kind === "all" ? children : [...new Set(children)];
  const below = walked.map(triesOf);
  const count =
    "keys" in node ? Math.max(0, ...below) : children.length + below.reduce((sum, one) => sum + one, 0);
  tries.set(node, count);
  return count;
}

function limitUnions(root: NodeModel, path: YamlPath, reporter: Reporter): boolean {
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
