import { NODE_COUNT, NODE_FIRST, NODE_WORDS, type PolicyData } from "./data.ts";

/** The entry to try after `attempt` have failed, in the list's order: an index into PolicyData.entries, or -1. */
export function failoverEntry(policy: PolicyData, node: number, attempt: number): number {
  const at = node * NODE_WORDS;
  return attempt < policy.nodes[at + NODE_COUNT]! ? policy.nodes[at + NODE_FIRST]! + attempt : -1;
}
