import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY } from "./context.ts";
import { NODE_COUNT, NODE_FIRST, NODE_SEED, NODE_WORDS } from "./data.ts";
import { finishHash, mixWord, nodeHash, TWO_32 } from "./dice.ts";
import { noteArrival } from "./rendezvous.ts";
import { FIRST_ATTEMPTS, putRest, takeRest } from "./rest.ts";
import { weighEntries } from "./slice.ts";

/**
 * Draws the entry to try after `attempt` have failed, in proportion to weight times scale among those not drawn yet: the share of a
 * child that has failed as a whole goes to the others in proportion. Weight 0 is drawn only when nothing else is left,
 * evenly. Returns an index into PolicyData.entries, or -1: all have been drawn.
 */
export function drawEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const { drawn, entryWeights } = context;
  const at = node * NODE_WORDS;
  const first = nodes[at + NODE_FIRST]!;
  const end = first + nodes[at + NODE_COUNT]!;
  if (attempt === 0) {
    for (let entry = first; entry < end; entry++) drawn[entry] = 0;
    context.restCounts[node] = 0;
  }
  if (attempt >= FIRST_ATTEMPTS) return drawRest(context, node, first, end, attempt);
  weighEntries(context, first, end);
  let total = 0;
  for (let entry = first; entry < end; entry++) if (drawn[entry] === 0) total += entryWeights[entry]!;
  const even = total === 0;
  if (even) total = end - first - attempt;
  if (total === 0) return -1;
  const seed = nodes[at + NODE_SEED]!;
  const hash = nodeHash(context.ownerHash, context.client, context.clockS[0]!, seed, attempt);
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
 * What is left drawn all at once: keys -log(u) / weight put entries in the order that draws one after the other would
 * have given (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
 */
function drawRest(context: DecideContext, node: number, first: number, end: number, attempt: number): number {
  const entry = takeRest(context, node, first);
  if (entry >= 0) return entry;
  weighEntries(context, first, end);
  if (fillRest(context, node, first, end, attempt, false) === 0)
    fillRest(context, node, first, end, attempt, true);
  return takeRest(context, node, first);
}

/** Puts the entries that have not been drawn into the heap: those with a weight, or those of weight 0. Returns how many. */
function fillRest(
  context: DecideContext,
  node: number,
  first: number,
  end: number,
  attempt: number,
  isZero: boolean,
): number {
  const { drawn, entryWeights, fractions } = context;
  const seed = context.policy.nodes[node * NODE_WORDS + NODE_SEED]!;
  const hash = nodeHash(context.ownerHash, context.client, context.clockS[0]!, seed, attempt);
  for (let entry = first; entry < end; entry++) {
    const weight = entryWeights[entry]!;
    if (drawn[entry] !== 0 || (weight === 0) !== isZero) continue;
    noteArrival(fractions, finishHash(mixWord(hash, entry - first)));
    fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]! / (isZero ? 1 : weight);
    putRest(context, node, first, entry);
  }
  return context.restCounts[node]!;
}
