import { answeredTargets, type HealthPlan } from "../health/plan.ts";
import { reasonText } from "../health/reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
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

const NOTHING = { endpoint: "", address: "", policy: "", reason: "" };

/** Everything that the rows say is wrong, as events: pools first, and no more than a receiver's queue holds. */
export function currentTroubles(
  { rows, probe }: Pick<SharedBlocks, "rows" | "probe">,
  { plan }: ControlStatus,
  wallMs: number,
): HealthEvent[] {
  const freezes = Atomics.load(probe, WORD_FROZEN) === 1 ? [freezeEvent(wallMs)] : [];
  const wrong = [...failedPools(rows, plan, wallMs), ...deadEndpoints(rows, plan, wallMs)];
  return [...freezes, ...wrong].slice(0, MAX_QUEUED / 2);
}

function freezeEvent(wallMs: number): HealthEvent {
  const summary = "states are frozen: the network of this server is in doubt";
  const is = { kind: "freeze" as const, zone: "", pool: "", from: "following", to: "frozen" };
  return { ...NOTHING, ...is, summary, durationMs: 0, atMs: wallMs };
}

function failedPools(rows: HealthRows, plan: HealthPlan, wallMs: number): HealthEvent[] {
  return plan.pools.flatMap((target): HealthEvent[] => {
    const word = (index: number): number => Atomics.load(rows.pools, target.row * POOL_ROW_WORDS + index);
    if (!holdsPool(rows, target) || word(POOL_ROW_FAILED) === 0) return [];
    const { zone, pool } = target;
    const is = { kind: "pool" as const, zone, pool, from: "healthy", to: "failed" };
    const atMs = word(POOL_ROW_SINCE_S) * 1000;
    const durationMs = Math.max(0, wallMs - atMs);
    return [{ ...NOTHING, ...is, summary: `pool ${pool} has failed`, durationMs, atMs }];
  });
}

function deadEndpoints(rows: HealthRows, plan: HealthPlan, wallMs: number): HealthEvent[] {
  return answeredTargets(plan).flatMap(({ row, zone, pool, endpoint, address }): HealthEvent[] => {
    const word = (index: number): number => Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + index);
    const state = word(ROW_STATE);
    const isUp = (state & (STATE_PROBED_UP | STATE_HELD)) !== 0;
    if ((state & STATE_KNOWN) === 0 || isUp) return [];
    const reason = reasonText(word(ROW_REASON));
    const summary = `${pool}/${endpoint} ${address} is down: ${reason}`;
    const atMs = word(ROW_SINCE_S) * 1000;
    const is = { kind: "endpoint" as const, zone, pool, endpoint, address, policy: "" };
    const durationMs = Math.max(0, wallMs - atMs);
    return [{ ...is, from: "up", to: "down", reason, summary, durationMs, atMs }];
  });
}
