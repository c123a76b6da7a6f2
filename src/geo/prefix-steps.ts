import type { Prefix } from "./prefix.ts";
import { isWithin } from "./special.ts";
import { appendStep, draftSteps, finishSteps, type Steps } from "./steps.ts";

/** Steps of nested or disjoint prefixes: the value of the longest that holds the address, else `outside`. */
export function prefixSteps(
  words: 1 | 4,
  prefixes: readonly Prefix[],
  valueOfPrefix: (index: number, parents: readonly number[]) => number,
  outside: number,
): Steps {
  const order = prefixes.map((_, index) => index);
  order.sort((a, b) => comparePrefixes(prefixes[a]!, prefixes[b]!));
  const draft = draftSteps(words, prefixes.length * 2 + 2);
  appendStep(draft, outside);
  /** Indexes of the prefixes that hold the current one, narrowest first, and their values. */
  const open: number[] = [];
  const values: number[] = [];
  const close = () => {
    const ended = prefixes[open.shift()!]!;
    values.shift();
    if (setCursorAfter(draft.cursor, ended)) appendStep(draft, values[0] ?? outside);
  };
  for (const index of order) {
    const prefix = prefixes[index]!;
    while (open.length > 0 && !isWithin(prefix.octets, prefixes[open[0]!]!)) close();
    values.unshift(valueOfPrefix(index, open));
    open.unshift(index);
    setCursor(draft.cursor, prefix);
    appendStep(draft, values[0]!);
  }
  while (open.length > 0) close();
  return finishSteps(draft);
}

function comparePrefixes(a: Prefix, b: Prefix): number {
  for (let at = 0; at < a.octets.length; at++) {
    if (a.octets[at] !== b.octets[at]) return a.octets[at]! - b.octets[at]!;
  }
  return a.bits - b.bits;
}

function setCursor(cursor: Uint32Array, prefix: Prefix): void {
  const view = new DataView(prefix.octets.buffer, prefix.octets.byteOffset);
  for (let word = 0; word < cursor.length; word++) cursor[word] = view.getUint32(word * 4);
}

/** Sets the cursor behind the prefix; false: the address space ends there. */
function setCursorAfter(cursor: Uint32Array, prefix: Prefix): boolean {
  setCursor(cursor, prefix);
  if (prefix.bits === 0) return false;
  let word = (prefix.bits - 1) >> 5;
  let sum = cursor[word]! + 2 ** (31 - ((prefix.bits - 1) & 31));
  cursor[word] = sum;
  while (sum > 0xffffffff && word > 0) {
    sum = cursor[--word]! + 1;
    cursor[word] = sum;
  }
  return sum <= 0xffffffff;
}
