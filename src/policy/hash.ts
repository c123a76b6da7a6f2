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
import { beginAttempts, FIRST_ATTEMPTS, takeInOrder } from "./rest.ts";
import { weighEntries } from "./slice.ts";

/**
 * The entry to try after `attempt` have failed: the next in the client's rendezvous order. One of weight 0 only when
 * nothing else is left. An index into PolicyData.entries, or -1: all have been tried.
 */
export function hashEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  if (attempt === 0) beginAttempts(context, node, first, end);
  if (attempt >= FIRST_ATTEMPTS) return takeInOrder(context, node, first, end, noteTime, 0);
  weighEntries(context, first, end);
  let entry = earliest(context, first, end, false);
  if (entry < 0) entry = earliest(context, first, end, true);
  if (entry >= 0) context.drawn[entry] = 1;
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

/** Leaves in FRACTION_KEY when the entry arrives for this client, as `earliest` has it. */
function noteTime(context: DecideContext, entry: number): void {
  const { entryWeights, fractions, hashKey } = context;
  const weight = entryWeights[entry]!;
  noteArrival(fractions, finishHash(mixWord(hashKey, identityAt(context.policy, entry))));
  fractions[FRACTION_KEY] = fractions[FRACTION_ARRIVAL]! / (weight === 0 ? 1 : weight);
}

function identityAt({ entries, nodes }: PolicyData, entry: number): number {
  return nodes[entries[entry * ENTRY_WORDS + ENTRY_NODE]! * NODE_WORDS + NODE_IDENTITY]!;
}

/** All entries in the order in which this client would try them, for explain. */
export function hashOrder(context: DecideContext, node: number): number[] {
  const order: number[] = [];
  for (let entry = hashEntry(context, node, 0); entry >= 0; entry = hashEntry(context, node, order.length))
    order.push(entry);
  return order;
}
