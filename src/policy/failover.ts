import {
  LATCH_ROW_AFTER_MS,
  LATCH_ROW_CURRENT,
  LATCH_ROW_HEALTHY,
  LATCH_ROW_HEALTHY_SINCE_S,
  LATCH_ROW_WORDS,
} from "../health/rows.ts";
import type { DecideContext } from "./context.ts";
import { NODE_COUNT, NODE_FIRST, NODE_LATCH, NODE_WORDS } from "./data.ts";
import { nearerHorizon } from "./ttl.ts";

/**
 * The entry to try after `attempt` have failed: an index into PolicyData.entries, or -1. In the list's order, but for the
 * one that the node is latched on, which goes before the others.
 */
export function failoverEntry(context: DecideContext, node: number, attempt: number): number {
  const { nodes } = context.policy;
  const at = node * NODE_WORDS;
  const count = nodes[at + NODE_COUNT]!;
  const first = nodes[at + NODE_FIRST]!;
  if (attempt >= count) return -1;
  const latch = nodes[at + NODE_LATCH]!;
  if (latch < 0) return first + attempt;
  if (attempt === 0) return first + holdLatch(context, node, latch, count);
  // The latched entry has been tried: those before it move up by one.
  return first + (attempt <= context.held[node]! ? attempt - 1 : attempt);
}

/** Reads the latch once for the whole walk, keeps its entry, and lets a return that is due shorten the TTL. */
function holdLatch(context: DecideContext, node: number, latch: number, count: number): number {
  const word = context.rows.latches[latch * LATCH_ROW_WORDS + LATCH_ROW_CURRENT]!;
  const current = word < count ? word : 0;
  context.held[node] = current;
  const horizonMs = current === 0 ? 0 : returnHorizonMs(context.rows.latches, latch, context.clockS[0]!);
  context.leastMs = nearerHorizon(context.leastMs, horizonMs);
  if (context.trace !== null) context.trace.latch(node, horizonMs);
  return current;
}

/**
 * Milliseconds until a latch can go back to an earlier entry by itself; 0: it does not. While all of those have failed,
 * no return is nearer than what it waits for.
 */
export function returnHorizonMs(latches: Int32Array, latch: number, clockS: number): number {
  const at = latch * LATCH_ROW_WORDS;
  const afterMs = latches[at + LATCH_ROW_AFTER_MS]!;
  if (afterMs === 0 || latches[at + LATCH_ROW_HEALTHY] === 0) return afterMs;
  const leftMs = afterMs - (clockS - latches[at + LATCH_ROW_HEALTHY_SINCE_S]!) * 1000;
  // A clock that was set meanwhile makes it neither overdue nor later than all of it.
  return leftMs < 1 ? 1 : leftMs > afterMs ? afterMs : leftMs;
}
