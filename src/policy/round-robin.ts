import type { DecideContext } from "./context.ts";
import { ENTRY_WEIGHT, ENTRY_WORDS, NODE_COUNT, NODE_FIRST, NODE_WORDS } from "./data.ts";

/**
 * Smooth weighted round robin between nodes, as nginx has it: at every turn each entry gains its weight, the one with
 * the most is taken and pays what all of them gained, so that turns come evenly spread. Equal weights go in the order of
 * the list. An entry that has failed takes no part in the turn, and what it gained before waits for it.
 */

/**
 * The entry whose turn it is after `attempt` others have failed; one of weight 0 only when nothing else is left. Changes
 * no turn: an index into PolicyData.entries, or -1: all have been tried.
 */
export function turnEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const { drawn } = context;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  if (attempt === 0) drawn.fill(0, first, end);
  let entry = mostBehind(context, first, end, false);
  if (entry < 0) entry = mostBehind(context, first, end, true);
  if (entry >= 0) drawn[entry] = 1;
  return entry;
}

function mostBehind(context: DecideContext, first: number, end: number, isZero: boolean): number {
  const { drawn, entryTurns, family, policy } = context;
  const slot = family === 4 ? 0 : 1;
  let found = -1;
  let most = 0;
  for (let entry = first; entry < end; entry++) {
    const weight = policy.entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]!;
    if (drawn[entry] !== 0 || (weight === 0) !== isZero) continue;
    const turn = entryTurns[2 * entry + slot]! + weight;
    if (found >= 0 && turn <= most) continue;
    found = entry;
    most = turn;
  }
  return found;
}

/** Counts the turn of an entry that turnEntry named and that has not failed. */
export function takeTurn(context: DecideContext, node: number, taken: number): void {
  const { drawn, entryTurns, family, policy } = context;
  const { entries, nodes } = policy;
  const slot = family === 4 ? 0 : 1;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  const end = first + nodes[node * NODE_WORDS + NODE_COUNT]!;
  const isZero = entries[taken * ENTRY_WORDS + ENTRY_WEIGHT] === 0;
  let total = 0;
  for (let entry = first; entry < end; entry++) {
    const weight = entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]!;
    if ((weight === 0) !== isZero || (drawn[entry] !== 0 && entry !== taken)) continue;
    const gained = isZero ? 1 : weight;
    entryTurns[2 * entry + slot]! += gained;
    total += gained;
  }
  entryTurns[2 * taken + slot]! -= total;
}
