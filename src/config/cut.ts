/** Stands for a value of a file that was taken out because it is wrong, where the grammar lets it pass. */
export const CUT: unique symbol = Symbol("cut");

/** What is found there has been reported. */
export function isCut(value: unknown): boolean {
  return value === CUT;
}
