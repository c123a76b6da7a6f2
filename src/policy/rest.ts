import { type DecideContext, FRACTION_KEY } from "./context.ts";
import { weighEntries } from "./slice.ts";

/**
 * Entries of a node whose first alternatives have failed, in the order in which the others are tried. To look at all that
 * is left for each attempt would take thousands of entries that are all down a second; a heap (Williams, Algorithm 232,
 * 1964) takes them a millisecond. Each node's heap stands where its entries stand in PolicyData, so that walks of nested
 * nodes do not disturb each other: `restCounts` says how long it is, `restKeys` and `restEntries` what is in it.
 */

/**
 * Alternatives that are looked for one by one. A client of whose regions half are down gets past them in 1 of 16 walks;
 * what is healthy never pays for a heap.
 */
export const FIRST_ATTEMPTS = 4;

/** The first attempt at a node: none of its entries, from `first` up to `end`, has been tried. */
export function beginAttempts(context: DecideContext, node: number, first: number, end: number): void {
  const { drawn } = context;
  for (let entry = first; entry < end; entry++) drawn[entry] = 0;
  context.restCounts[node] = 0;
}

/** Leaves in FRACTION_KEY where an entry stands in its kind's order. `word`: what the kind needs to know; `place`: in the node. */
type NoteKey = (context: DecideContext, entry: number, word: number, place: number) => void;

/**
 * The entry to try after the first attempts, in the order of `noteKey`, and marks it as drawn: those with a weight before
 * those of weight 0. -1: none is left.
 */
export function takeInOrder(
  context: DecideContext,
  node: number,
  first: number,
  end: number,
  noteKey: NoteKey,
  word: number,
): number {
  if (context.restCounts[node]! > 0) return takeRest(context, node, first);
  weighEntries(context, first, end);
  if (fillRest(context, node, first, end, noteKey, word, false) === 0)
    fillRest(context, node, first, end, noteKey, word, true);
  return takeRest(context, node, first);
}

/** Puts the entries that have not been tried into the heap: those with a weight, or those of weight 0. Returns how many. */
function fillRest(
  context: DecideContext,
  node: number,
  first: number,
  end: number,
  noteKey: NoteKey,
  word: number,
  isZero: boolean,
): number {
  const { drawn, entryWeights } = context;
  for (let entry = first; entry < end; entry++) {
    if (drawn[entry] !== 0 || (entryWeights[entry] === 0) !== isZero) continue;
    noteKey(context, entry, word, entry - first);
    putRest(context, node, first, entry);
  }
  return context.restCounts[node]!;
}

/** Puts an entry whose key is in FRACTION_KEY into the heap of a node whose first entry is `first`. */
export function putRest(context: DecideContext, node: number, first: number, entry: number): void {
  const { restCounts, restEntries, restKeys } = context;
  const key = context.fractions[FRACTION_KEY]!;
  let place = restCounts[node]!++;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = restKeys[first + parent]!;
    if (above < key || (above === key && restEntries[first + parent]! < entry)) break;
    restKeys[first + place] = above;
    restEntries[first + place] = restEntries[first + parent]!;
    place = parent;
  }
  restKeys[first + place] = key;
  restEntries[first + place] = entry;
}

/** Takes the entry with the least key, of equal ones the first in the list, and marks it as drawn; -1: none is left. */
export function takeRest(context: DecideContext, node: number, first: number): number {
  const { restCounts, restEntries, restKeys } = context;
  if (restCounts[node] === 0) return -1;
  const taken = restEntries[first]!;
  const count = --restCounts[node]!;
  const key = restKeys[first + count]!;
  const entry = restEntries[first + count]!;
  let place = 0;
  for (;;) {
    let child = 2 * place + 1;
    if (child >= count) break;
    if (child + 1 < count && isBefore(context, first + child + 1, first + child)) child++;
    const below = restKeys[first + child]!;
    if (key < below || (key === below && entry < restEntries[first + child]!)) break;
    restKeys[first + place] = below;
    restEntries[first + place] = restEntries[first + child]!;
    place = child;
  }
  restKeys[first + place] = key;
  restEntries[first + place] = entry;
  context.drawn[taken] = 1;
  return taken;
}

function isBefore({ restEntries, restKeys }: DecideContext, a: number, b: number): boolean {
  const key = restKeys[a]!;
  const other = restKeys[b]!;
  return key < other || (key === other && restEntries[a]! < restEntries[b]!);
}
