import type { TableData } from "../geo/table.ts";
import { NODE_FIRST, NODE_TABLE, NODE_WORDS, type PolicyData } from "./data.ts";

/**
 * The entry to try after `attempt` have failed, in the order that the node's table names for this client; geo, subnets,
 * asn and nearest differ in their tables alone. An index into PolicyData.entries, or -1: the chain has ended.
 */
export function chainEntry(
  policy: PolicyData,
  tables: TableData,
  classes: Int32Array,
  node: number,
  attempt: number,
): number {
  const at = node * NODE_WORDS;
  const chain = classes[policy.nodes[at + NODE_TABLE]!]!;
  if (attempt >= tables.chains[chain]!) return -1;
  return policy.nodes[at + NODE_FIRST]! + tables.chains[chain + 1 + attempt]!;
}
