import { type DecideContext, FRACTION_KEY } from "./context.ts";

/**
 * Puts `candidate`, whose key is in FRACTION_KEY, among the first `count` of `context.candidates`, which are in the order of their keys, the least
 * first, and of which at most `most` are kept. Returns how many there are now.
 */
export function keepLeast(context: DecideContext, candidate: number, count: number, most: number): number {
  const { candidates, candidateKeys } = context;
  const key = context.fractions[FRACTION_KEY]!;
  if (count === most && key >= candidateKeys[count - 1]!) return count;
  let place = count === most ? count - 1 : count;
  for (; place > 0 && candidateKeys[place - 1]! > key; place--) {
    candidateKeys[place] = candidateKeys[place - 1]!;
    candidates[place] = candidates[place - 1]!;
  }
  candidateKeys[place] = key;
  candidates[place] = candidate;
  return count === most ? count : count + 1;
}
