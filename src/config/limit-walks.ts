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
  const count = alternativesBelow(root);
  if (count <= MAX_ALTERNATIVES) return true;
  const what = `${prefixFor(path)}its policy has ${count} alternatives, and with everything down a decision tries them all`;
  reporter.error([...path, "policy"], "key", "CFG_LIMIT_ALTERNATIVES", what, `at most ${MAX_ALTERNATIVES}`);
  return false;
}

/** Entries of the nodes that can be reached; what several nodes share is walked once. */
function alternativesBelow(root: NodeModel): number {
  const visited = new Set<NodeModel>();
  const waiting = [root];
  let count = 0;
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (visited.has(node)) continue;
    visited.add(node);
    const children = childrenOf(node);
    count += children.length;
    for (const child of children) waiting.push(child);
  }
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
