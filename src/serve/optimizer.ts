import { setFlagsFromString } from "node:v8";

/**
 * Octets of bytecode that V8 may inline into one optimised function, and the largest callee. Its defaults (920 and 460)
 * are spent halfway down the line of a query; with these, answerQuery takes 0.85 of the time (scripts/bench-shapes.mjs).
 * Were larger callees taken in, it would be chance what the budget is spent on: two processes then differed by 15%.
 */
const INLINING = ["--max-inlined-bytecode-size-cumulative=5000", "--max-inlined-bytecode-size=550"];

/** Gives V8's optimiser the room that the query path needs. For the whole process: call it before the first queries. */
export function widenInlining(): void {
  for (const flag of INLINING) setFlagsFromString(flag);
}
