import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY, FRACTION_TOTAL } from "./context.ts";
import { NODE_COUNT, NODE_FIRST, NODE_SEED, NODE_WORDS } from "./data.ts";
import { finishHash, mixWord, nodeHash, TWO_32 } from "./dice.ts";
import { noteArrival } from "./rendezvous.ts";
import { beginAttempts, FIRST_ATTEMPTS, takeInOrder } from "./rest.ts";
import { weighEntries } from "./slice.ts";

/**
 * Draws the entry to try after `attempt` have failed, in proportion to weight times scale among those not drawn yet: the share of a
 * child that has failed as a whole goes to the others in proportion. Weight 0 is drawn only when nothing else is left,
 * evenly. Returns an index into PolicyData.entries, or -1: all have been drawn.
 */
export function drawEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const { drawn, entryWeights, fractions } = context;
  const at = node * NODE_WORDS;
  const first = nodes[at + NODE_FIRST]!;
  const end = first + nodes[at + NODE_COUNT]!;
  if (attempt === 0) beginAttempts(context, node, first, end);
  const seed = nodes[at + NODE_SEED]!;
  const hash = nodeHash(context.ownerHash, context.client, context.clockS[0]!, seed, attempt);
  if (attempt >= FIRST_ATTEMPTS) return takeInOrder(context, node, first, end, noteDraw, hash);
  weighEntries(context, first, end);
  let total = fractions[FRACTION_TOTAL]!;
  const even = total === 0;
  if (even) total = end - first - attempt;
  if (total === 0) return -1;
  const roll = ((hash >>> 0) * total) / TWO_32;
  if (context.trace !== null) context.trace.draw(node, roll, total);
  let left = roll;
  for (let entry = first; entry < end; entry++) {
    if (drawn[entry] !== 0) continue;
    left -= even ? 1 : entryWeights[entry]!;
    if (left >= 0) continue;
    drawn[entry] = 1;
    return entry;
  }
  return -1;
}

/**
 * Leaves in FRACTION_KEY when the entry comes where all that is left is drawn at once: keys -log(u) / weight put entries
 * in the order that draws one after the other would have given (Efraimidis and Spirakis, "Weighted random sampling with
 * a reservoir", 2006).
 */
function noteDraw(context: DecideContext, entry: number, hash: number, place: number): void {
  const { entryWeights, fractions } = context;
  const weight = entryWeights[entry]!;
  noteArrival(fractions, finishHash(mixWord(hash, place)));
  fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]! / (weight === 0 ? 1 : weight);
}
