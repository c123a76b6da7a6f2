import { type DecideContext, FRACTION_KEY, TURN_IPV4_HINTS, TURN_SLOTS } from "./context.ts";
import { NODE_COUNT, NODE_FIRST, NODE_WORDS } from "./data.ts";
import { beginAttempts, FIRST_ATTEMPTS, takeInOrder } from "./rest.ts";
import { weighEntries } from "./slice.ts";

/**
 * Smooth weighted round robin between nodes, as nginx has it: at every turn each entry gains its weight times its scale, the one with
 * the most is taken and pays what all of them gained, so that turns come evenly spread. Equal weights go in the order of
 * the list. An entry that has failed takes no part in the turn, and what it gained before waits for it.
 */

/**
 * The entry whose turn it is after `attempt` others have failed; one of weight 0 only when nothing else is left. Changes
 * no turn: an index into PolicyData.entries, or -1: all have been tried.
 */
export function turnEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  if (attempt === 0) beginAttempts(context, node, first, end);
  if (attempt >= FIRST_ATTEMPTS) return takeInOrder(context, node, first, end, noteBehind, nodeSlot(context));
  weighEntries(context, first, end);
  let entry = mostBehind(context, first, end, false);
  if (entry < 0) entry = mostBehind(context, first, end, true);
  if (entry >= 0) context.drawn[entry] = 1;
  return entry;
}

function mostBehind(context: DecideContext, first: number, end: number, isZero: boolean): number {
  const { drawn, entryTurns, entryWeights } = context;
  const slot = nodeSlot(context);
  let found = -1;
  let most = 0;
  for (let entry = first; entry < end; entry++) {
    const weight = entryWeights[entry]!;
    if (drawn[entry] !== 0 || (weight === 0) !== isZero) continue;
    const turn = entryTurns[TURN_SLOTS * entry + slot]! + weight;
    if (found >= 0 && turn <= most) continue;
    found = entry;
    most = turn;
  }
  return found;
}

/** Leaves in FRACTION_KEY how far the entry is ahead with what it gains in this turn: the least comes first. */
function noteBehind(
  { entryTurns, entryWeights, fractions }: DecideContext,
  entry: number,
  slot: number,
): void {
  fractions[FRACTION_KEY] = -(entryTurns[TURN_SLOTS * entry + slot]! + entryWeights[entry]!);
}

/** Hints of both families are of one region, and take one turn: that of those decided first. */
function nodeSlot({ turnSlot }: DecideContext): number {
  return Math.min(turnSlot, TURN_IPV4_HINTS);
}

/** Counts the turn of an entry that turnEntry named and that has not failed. */
export function takeTurn(context: DecideContext, node: number, taken: number): void {
  // The hints of IPv6 are still to come, and then the turn is over.
  if (context.turnSlot === TURN_IPV4_HINTS) return;
  const { drawn, entryTurns, entryWeights } = context;
  const { nodes } = context.policy;
  const slot = nodeSlot(context);
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  weighEntries(context, first, end);
  const isZero = entryWeights[taken] === 0;
  let total = 0;
  for (let entry = first; entry < end; entry++) {
    const weight = entryWeights[entry]!;
    if ((weight === 0) !== isZero || (drawn[entry] !== 0 && entry !== taken)) continue;
    const gained = isZero ? 1 : weight;
    entryTurns[TURN_SLOTS * entry + slot]! += gained;
    total += gained;
  }
  entryTurns[TURN_SLOTS * taken + slot]! -= total;
}
