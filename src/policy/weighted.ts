import type { DecideContext } from "./context.ts";
import { NODE_COUNT, NODE_FIRST, NODE_SEED, NODE_WORDS } from "./data.ts";
import { nodeHash, scaleHash } from "./dice.ts";
import { entryWeight, weightUnit } from "./slice.ts";

/**
 * Draws the entry to try after `attempt` have failed, in proportion to weight times scale among those not drawn yet: the share of a
 * child that has failed as a whole goes to the others in proportion. Weight 0 is drawn only when nothing else is left,
 * evenly. Returns an index into PolicyData.entries, or -1: all have been drawn.
 */
export function drawEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const { drawn } = context;
  const at = node * NODE_WORDS;
  const first = nodes[at + NODE_FIRST]!;
  const end = first + nodes[at + NODE_COUNT]!;
  if (attempt === 0) drawn.fill(0, first, end);
  const unit = weightUnit(context, first, end);
  let total = 0;
  for (let entry = first; entry < end; entry++) {
    if (drawn[entry] === 0) total += entryWeight(context, entry, unit);
  }
  const even = total === 0;
  if (even) total = end - first - attempt;
  if (total === 0) return -1;
  const hash = nodeHash(
    context.ownerHash,
    context.client,
    context.clockS[0]!,
    nodes[at + NODE_SEED]!,
    attempt,
  );
  const roll = scaleHash(hash, total);
  if (context.trace !== null) context.trace.draw(node, roll, total);
  let left = roll;
  for (let entry = first; entry < end; entry++) {
    if (drawn[entry] !== 0) continue;
    left -= even ? 1 : entryWeight(context, entry, unit);
    if (left >= 0) continue;
    drawn[entry] = 1;
    return entry;
  }
  return -1;
}
