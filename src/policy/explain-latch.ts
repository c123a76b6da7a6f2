import {
  LATCH_ROW_AFTER_MS,
  LATCH_ROW_CURRENT,
  LATCH_ROW_HEALTHY,
  LATCH_ROW_HEALTHY_SINCE_S,
  LATCH_ROW_SINCE_S,
  LATCH_ROW_WORDS,
} from "../health/rows.ts";
import type { DecideContext } from "./context.ts";
import { ENTRY_NODE, ENTRY_WORDS, NODE_FIRST, NODE_LATCH, NODE_WORDS } from "./data.ts";
import type { LatchExplanation } from "./explanation.ts";
import { returnHorizonMs } from "./failover.ts";
import type { PolicyNames } from "./names.ts";

/** What holds a `failover` on another entry than its first; null: nothing does. */
export function explainLatch(
  { clockS, policy, rows }: DecideContext,
  names: PolicyNames,
  node: number,
): LatchExplanation | null {
  const latch = policy.nodes[node * NODE_WORDS + NODE_LATCH]!;
  if (latch < 0) return null;
  const words = rows.latches.subarray(latch * LATCH_ROW_WORDS, (latch + 1) * LATCH_ROW_WORDS);
  const current = words[LATCH_ROW_CURRENT]!;
  if (current === 0) return null;
  const nameOf = (place: number): string => {
    const entry = policy.nodes[node * NODE_WORDS + NODE_FIRST]! + place;
    const { kind, label } = names.nodes[policy.entries[entry * ENTRY_WORDS + ENTRY_NODE]!]!;
    return label || kind;
  };
  const ageOf = (sinceS: number): number | null => (sinceS === 0 ? null : Math.max(0, clockS[0]! - sinceS));
  const sinceS = words[LATCH_ROW_SINCE_S]!;
  const healthy = words[LATCH_ROW_HEALTHY]! - 1;
  const afterMs = words[LATCH_ROW_AFTER_MS]!;
  return {
    entry: nameOf(current),
    sinceS: sinceS === 0 ? null : sinceS,
    forSeconds: ageOf(sinceS),
    afterSeconds: afterMs === 0 ? null : afterMs / 1000,
    healthy:
      healthy < 0 ? null : { entry: nameOf(healthy), forSeconds: ageOf(words[LATCH_ROW_HEALTHY_SINCE_S]!) },
    returnsInSeconds:
      healthy < 0 || afterMs === 0
        ? null
        : Math.ceil(returnHorizonMs(rows.latches, latch, clockS[0]!) / 1000),
  };
}
