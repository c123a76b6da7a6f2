import type { DecideContext } from "./context.ts";
import { ENTRY_NODE, ENTRY_WORDS, NODE_COUNT, NODE_FIRST, NODE_IDENTITY, NODE_WORDS } from "./data.ts";
import { arrival } from "./rendezvous.ts";
import { entryPart } from "./slice.ts";

/**
 * The entry to try after `attempt` have failed: the next in the client's rendezvous order. One of weight 0 only when
 * nothing else is left. An index into PolicyData.entries, or -1: all have been tried.
 */
export function hashEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const { drawn } = context;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  if (attempt === 0) drawn.fill(0, first, end);
  let entry = earliest(context, first, end, false);
  if (entry < 0) entry = earliest(context, first, end, true);
  if (entry >= 0) drawn[entry] = 1;
  return entry;
}

function earliest(context: DecideContext, first: number, end: number, isZero: boolean): number {
  const { drawn, hashKey, policy } = context;
  const { entries, nodes } = policy;
  let found = -1;
  let foundIdentity = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let entry = first; entry < end; entry++) {
    const weight = entryPart(context, entry);
    if (drawn[entry] !== 0 || (weight === 0) !== isZero) continue;
    const identity = nodes[entries[entry * ENTRY_WORDS + ENTRY_NODE]! * NODE_WORDS + NODE_IDENTITY]!;
    const time = arrival(hashKey, identity) / (isZero ? 1 : weight);
    if (time > least || (time === least && identity > foundIdentity)) continue;
    found = entry;
    foundIdentity = identity;
    least = time;
  }
  return found;
}

/** All entries in the order in which this client would try them, for explain. */
export function hashOrder(context: DecideContext, node: number): number[] {
  const order: number[] = [];
  for (let entry = hashEntry(context, node, 0); entry >= 0; entry = hashEntry(context, node, order.length))
    order.push(entry);
  return order;
}
