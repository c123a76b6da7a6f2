import { answeredTargets, type HealthPlan } from "../health/plan.ts";
import { reasonText } from "../health/reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_SINCE_S,
  POOL_ROW_WORDS,
  ROW_MEMORY,
  ROW_REASON,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_HELD,
  STATE_KNOWN,
  STATE_PROBED_UP,
} from "../health/rows.ts";
import { holdsPool } from "../health/rows-writer.ts";
import { memoryOf } from "../health/state-row.ts";
import { type SharedBlocks, WORD_FROZEN } from "../serve/blocks.ts";
import type { HealthEvent } from "./health-event.ts";
import { MAX_QUEUED } from "./outbox.ts";
import type { ControlStatus } from "./status.ts";

const NOTHING = { endpoint: "", address: "", policy: "", reason: "" };

/** Everything that the rows say is wrong, as events: pools first, and no more than a receiver's queue holds. */
export function currentTroubles(
  { rows, probe }: SharedBlocks,
  { plan }: ControlStatus,
  wallMs: number,
): HealthEvent[] {
  const freezes = Atomics.load(probe, WORD_FROZEN) === 1 ? [freezeEvent(wallMs)] : [];
  const pools = poolEvents(rows, plan, wallMs).filter(({ to }) => to === "failed");
  const endpoints = endpointEvents(rows, plan, wallMs).filter(({ to }) => to === "down");
  return [...freezes, ...pools, ...endpoints].slice(0, MAX_QUEUED / 2);
}

/**
 * What changed from a second (since 1970) on and is so still, as events, by the rows; a freeze that lasts is told whenever
 * it began. Of what went there and back nothing is known.
 */
export function changesSince(
  { rows, probe }: SharedBlocks,
  { plan }: ControlStatus,
  sinceS: number,
  wallMs: number,
): HealthEvent[] {
  const freezes = Atomics.load(probe, WORD_FROZEN) === 1 ? [freezeEvent(wallMs)] : [];
  const changes = [...poolEvents(rows, plan, wallMs), ...endpointEvents(rows, plan, wallMs)];
  return [...freezes, ...changes.filter(({ atMs }) => atMs >= sinceS * 1000)].slice(0, MAX_QUEUED / 2);
}

function freezeEvent(wallMs: number): HealthEvent {
  const summary = "states are frozen: the network of this server is in doubt";
  const is = { kind: "freeze" as const, zone: "", pool: "", from: "following", to: "frozen" };
  return { ...NOTHING, ...is, summary, durationMs: 0, atMs: wallMs };
}

/** The last change of each pool. */
function poolEvents(rows: HealthRows, plan: HealthPlan, wallMs: number): HealthEvent[] {
  return plan.pools.flatMap((target): HealthEvent[] => {
    const word = (index: number): number => Atomics.load(rows.pools, target.row * POOL_ROW_WORDS + index);
    if (!holdsPool(rows, target)) return [];
    const { zone, pool } = target;
    const failed = word(POOL_ROW_FAILED) === 1;
    const [from, to] = failed ? ["healthy", "failed"] : ["failed", "healthy"];
    const summary = `pool ${pool} ${failed ? "has failed" : "is healthy"}`;
    const atMs = word(POOL_ROW_SINCE_S) * 1000;
    const durationMs = Math.max(0, wallMs - atMs);
    return [{ ...NOTHING, kind: "pool", zone, pool, from, to, summary, durationMs, atMs }];
  });
}

/** The last change of each address; one that was up from the start has none. */
function endpointEvents(rows: HealthRows, plan: HealthPlan, wallMs: number): HealthEvent[] {
  return answeredTargets(plan).flatMap(({ row, zone, pool, endpoint, address }): HealthEvent[] => {
    const word = (index: number): number => Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + index);
    const state = word(ROW_STATE);
    const isUp = (state & (STATE_PROBED_UP | STATE_HELD)) !== 0;
    if ((state & STATE_KNOWN) === 0 || (isUp && !memoryOf(word(ROW_MEMORY)).returned)) return [];
    const [from, to] = isUp ? ["down", "up"] : ["up", "down"];
    const reason = reasonText(word(ROW_REASON));
    const summary = `${pool}/${endpoint} ${address} is ${to}: ${reason}`;
    const atMs = word(ROW_SINCE_S) * 1000;
    const is = { kind: "endpoint" as const, zone, pool, endpoint, address, policy: "", from, to };
    return [{ ...is, reason, summary, durationMs: Math.max(0, wallMs - atMs), atMs }];
  });
}
