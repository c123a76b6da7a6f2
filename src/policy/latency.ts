import { CHAIN_ENTRY_MASK, CHAIN_TIED } from "../geo/table.ts";
import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY } from "./context.ts";
import { NODE_FIRST, NODE_SEED, NODE_TABLE, NODE_WORDS } from "./data.ts";
import { finishHash, mixWord, nodeHash, scaleHash } from "./dice.ts";
import { noteArrival } from "./rendezvous.ts";
import { FIRST_ATTEMPTS, putRest, takeRest } from "./rest.ts";

/**
 * The entry to try after `attempt` have failed: by growing round trip, and among those that the tolerance ties together
 * drawn with the dice between nodes, each as likely as the others, so that a failed one's share is spread evenly too. An
 * index into PolicyData.entries, or -1: the chain has ended.
 */
export function latencyEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const { chains } = context.tables;
  const { drawn, fractions } = context;
  const at = node * NODE_WORDS;
  const chain = context.classes[nodes[at + NODE_TABLE]!]!;
  const length = chains[chain]!;
  if (attempt >= length) return -1;
  const first = nodes[at + NODE_FIRST]!;
  const words = chain + 1;
  if (attempt === 0) context.restCounts[node] = 0;
  else if (context.restCounts[node] !== 0) return takeRest(context, node, first);
  let start = attempt;
  while ((chains[words + start]! & CHAIN_TIED) !== 0) start--;
  let end = attempt + 1;
  while (end < length && (chains[words + end]! & CHAIN_TIED) !== 0) end++;
  if (end - start === 1) return first + chains[words + start]!;
  if (attempt === start) {
    for (let place = start; place < end; place++)
      drawn[first + (chains[words + place]! & CHAIN_ENTRY_MASK)] = 0;
  }
  const seed = nodes[at + NODE_SEED]!;
  const hash = nodeHash(context.ownerHash, context.client, context.clockS[0]!, seed, attempt);
  if (attempt - start >= FIRST_ATTEMPTS) {
    // What is left of the tied ones, all drawn at once.
    for (let place = start; place < end; place++) {
      const entry = first + (chains[words + place]! & CHAIN_ENTRY_MASK);
      if (drawn[entry] !== 0) continue;
      noteArrival(fractions, finishHash(mixWord(hash, entry - first)));
      fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]!;
      putRest(context, node, first, entry);
    }
    return takeRest(context, node, first);
  }
  const roll = scaleHash(hash, end - attempt);
  if (context.trace !== null) context.trace.draw(node, roll, end - attempt);
  let left = roll;
  for (let place = start; place < end; place++) {
    const entry = first + (chains[words + place]! & CHAIN_ENTRY_MASK);
    if (drawn[entry] !== 0 || left-- > 0) continue;
    drawn[entry] = 1;
    return entry;
  }
  return -1;
}
