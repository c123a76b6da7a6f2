import { answeredTargets } from "../health/plan.ts";
import { reasonText } from "../health/reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  POOL_ROW_FAILED,
  POOL_ROW_SINCE_S,
  POOL_ROW_WORDS,
  ROW_REASON,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_HELD,
  STATE_KNOWN,
  STATE_PROBED_UP,
} from "../health/rows.ts";
import { holdsPool } from "../health/rows-writer.ts";
import { type SharedBlocks, WORD_FROZEN } from "../serve/blocks.ts";
import type { HealthEvent } from "./health-event.ts";
import { MAX_QUEUED } from "./outbox.ts";
import type { ControlStatus } from "./status.ts";

/** Everything that the rows say is wrong, as events: pools first, and no more than a receiver's queue holds. */
export function currentTroubles(
  { rows, probe }: SharedBlocks,
  { plan }: ControlStatus,
  wallMs: number,
): HealthEvent[] {
  const nothing = { endpoint: "", address: "", policy: "", reason: "" };
  const events: HealthEvent[] = [];
  const add = (event: Omit<HealthEvent, "durationMs" | "atMs">, sinceMs: number): void => {
    if (events.length >= MAX_QUEUED / 2) return;
    events.push({ ...event, durationMs: Math.max(0, wallMs - sinceMs), atMs: sinceMs });
  };
  if (Atomics.load(probe, WORD_FROZEN) === 1) {
    const summary = "states are frozen: the network of this server is in doubt";
    add({ ...nothing, kind: "freeze", zone: "", pool: "", from: "following", to: "frozen", summary }, wallMs);
  }
  for (const target of plan.pools) {
    const word = (index: number): number => Atomics.load(rows.pools, target.row * POOL_ROW_WORDS + index);
    if (!holdsPool(rows, target) || word(POOL_ROW_FAILED) === 0) continue;
    const { zone, pool } = target;
    const is = { ...nothing, kind: "pool" as const, zone, pool, from: "healthy", to: "failed" };
    add({ ...is, summary: `pool ${pool} has failed` }, word(POOL_ROW_SINCE_S) * 1000);
  }
  for (const { row, zone, pool, endpoint, address } of answeredTargets(plan)) {
    const word = (index: number): number => Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + index);
    const state = word(ROW_STATE);
    if ((state & STATE_KNOWN) === 0 || (state & (STATE_PROBED_UP | STATE_HELD)) !== 0) continue;
    const reason = reasonText(word(ROW_REASON));
    const summary = `${pool}/${endpoint} ${address} is down: ${reason}`;
    const is = { kind: "endpoint" as const, zone, pool, endpoint, address, policy: "" };
    add({ ...is, from: "up", to: "down", reason, summary }, word(ROW_SINCE_S) * 1000);
  }
  return events;
}
