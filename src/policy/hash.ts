import { type DecideContext, FRACTION_ARRIVAL, FRACTION_KEY } from "./context.ts";
import {
  ENTRY_NODE,
  ENTRY_WORDS,
  NODE_COUNT,
  NODE_FIRST,
  NODE_IDENTITY,
  NODE_WORDS,
  type PolicyData,
} from "./data.ts";
import { finishHash, mixWord } from "./dice.ts";
import { noteArrival } from "./rendezvous.ts";
import { FIRST_ATTEMPTS, putRest, takeRest } from "./rest.ts";
import { weighEntries } from "./slice.ts";

/**
 * The entry to try after `attempt` have failed: the next in the client's rendezvous order. One of weight 0 only when
 * nothing else is left. An index into PolicyData.entries, or -1: all have been tried.
 */
export function hashEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const { drawn } = context;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  if (attempt === 0) {
    for (let entry = first; entry < end; entry++) drawn[entry] = 0;
    context.restCounts[node] = 0;
  }
  if (attempt >= FIRST_ATTEMPTS) return takeOrdered(context, node, first, end);
  weighEntries(context, first, end);
  let entry = earliest(context, first, end, false);
  if (entry < 0) entry = earliest(context, first, end, true);
  if (entry >= 0) drawn[entry] = 1;
  return entry;
}

function earliest(context: DecideContext, first: number, end: number, isZero: boolean): number {
  const { drawn, entryWeights, fractions, hashKey } = context;
  let found = -1;
  let foundIdentity = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let entry = first; entry < end; entry++) {
    const weight = entryWeights[entry]!;
    if (drawn[entry] !== 0 || (weight === 0) !== isZero) continue;
    const identity = identityAt(context.policy, entry);
    noteArrival(fractions, finishHash(mixWord(hashKey, identity)));
    const time = fractions[FRACTION_ARRIVAL]! / (isZero ? 1 : weight);
    if (time > least || (time === least && identity > foundIdentity)) continue;
    found = entry;
    foundIdentity = identity;
    least = time;
  }
  return found;
}

function identityAt({ entries, nodes }: PolicyData, entry: number): number {
  return nodes[entries[entry * ENTRY_WORDS + ENTRY_NODE]! * NODE_WORDS + NODE_IDENTITY]!;
}

/** The next of what is left, in the same order. */
function takeOrdered(context: DecideContext, node: number, first: number, end: number): number {
  const entry = takeRest(context, node, first);
  if (entry >= 0) return entry;
  weighEntries(context, first, end);
  if (fillRest(context, node, first, end, false) === 0) fillRest(context, node, first, end, true);
  return takeRest(context, node, first);
}

/** Puts the entries that have not been tried into the heap: those with a weight, or those of weight 0. Returns how many. */
function fillRest(context: DecideContext, node: number, first: number, end: number, isZero: boolean): number {
  const { drawn, entryWeights, fractions, hashKey } = context;
  for (let entry = first; entry < end; entry++) {
    const weight = entryWeights[entry]!;
    if (drawn[entry] !== 0 || (weight === 0) !== isZero) continue;
    noteArrival(fractions, finishHash(mixWord(hashKey, identityAt(context.policy, entry))));
    fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]! / (isZero ? 1 : weight);
    putRest(context, node, first, entry);
  }
  return context.restCounts[node]!;
}

/** All entries in the order in which this client would try them, for explain. */
export function hashOrder(context: DecideContext, node: number): number[] {
  const order: number[] = [];
  for (let entry = hashEntry(context, node, 0); entry >= 0; entry = hashEntry(context, node, order.length))
    order.push(entry);
  return order;
}
