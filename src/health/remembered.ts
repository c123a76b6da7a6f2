import type { CheckSpec, HealthPlan, LatchPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import { foldPool } from "./pool.ts";
import { reasonOf, reasonText } from "./reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_CURRENT,
  LATCH_ROW_SINCE_S,
  LATCH_ROW_WORDS,
  POOL_ROW_FAILED,
  POOL_ROW_SINCE_S,
  POOL_ROW_WORDS,
  ROW_MEMORY,
  ROW_REASON,
  ROW_RESULTS,
  ROW_RUN,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_HELD,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_TRIAL,
} from "./rows.ts";
import { holdsEndpoint, holdsLatch, holdsPool, writeEndpoint, writeLatch, writePool } from "./rows-writer.ts";
import { assumedState } from "./state.ts";
import { memoryOf } from "./state-row.ts";
import { isTiming } from "./timing.ts";

/** What of the health rows outlives the process: by names, never by rows. All times are seconds since 1970. */
export interface Remembered {
  endpoints: RememberedEndpoint[];
  pools: RememberedPool[];
  latches: RememberedLatch[];
  /** Endpoints that pools had from files; absent: none, as in files of earlier versions. */
  lists?: RememberedList[];
}

export interface RememberedList {
  zone: string;
  pool: string;
  /** `weight` null: none was given. */
  endpoints: { name: string; weight: number | null; addresses: string[] }[];
  /** When they were last in use. */
  seenS: number;
}

export interface RememberedEndpoint {
  zone: string;
  pool: string;
  address: string;
  /** Name of the check, and what it asks (see questionOf): under another one the state says nothing. */
  check: string;
  asks: string;
  /** `new`: down until its first success, as an endpoint that was added to a live pool. */
  state: "up" | "down" | "new";
  reason: string;
  sinceS: number;
  /** When a probe last stood behind it. */
  seenS: number;
  /** Alternations, luck and ramp, as ROW_MEMORY has them; absent: none, as in files of earlier versions. */
  memory?: number;
  /** Successes in a row while down, and since when; absent: its check asks for no time, or as in files of earlier versions. */
  run?: number;
  runSinceS?: number;
}

export interface RememberedPool {
  zone: string;
  pool: string;
  failed: boolean;
  sinceS: number;
}

export interface RememberedLatch {
  zone: string;
  policy: string;
  /** Names of its entries, in their order. */
  entries: string[];
  current: number;
  sinceS: number;
  seenS: number;
}

/** What a check asks, whatever its timing: a state holds for the same question only. */
function questionOf(check: CheckSpec): string {
  return JSON.stringify(Object.entries(check).filter(([key]) => !isTiming(key)));
}

/**
 * What the rows say of a plan now. Addresses that no probe has looked at since they were restored keep the time of the
 * file that they came from, so that a server that dies before its first probe, again and again, keeps nothing alive.
 */
export function remember(
  rows: HealthRows,
  plan: HealthPlan,
  restored: Remembered | null,
  wallS: number,
): Remembered {
  const seenBefore = new Map(restored?.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint.seenS]));
  const questions = new Map<CheckSpec, string>();
  const endpoints: RememberedEndpoint[] = [];
  for (const target of plan.targets) {
    const { zone, pool, address, check } = target;
    if (!holdsEndpoint(rows, target)) continue;
    const word = (index: number): number =>
      Atomics.load(rows.endpoints, target.row * ENDPOINT_ROW_WORDS + index);
    const bits = word(ROW_STATE);
    if ((bits & STATE_KNOWN) === 0) continue;
    const asks = questions.get(check) ?? questionOf(check);
    questions.set(check, asks);
    const id = { zone, pool, address, check: check.name };
    endpoints.push({
      ...id,
      asks,
      state:
        (bits & (STATE_PROBED_UP | STATE_HELD)) !== 0 ? "up" : (bits & STATE_TRIAL) !== 0 ? "new" : "down",
      reason: reasonText(word(ROW_REASON)),
      sinceS: word(ROW_SINCE_S),
      seenS: word(ROW_RESULTS) > 0 ? wallS : (seenBefore.get(endpointKey(id)) ?? wallS),
      memory: word(ROW_MEMORY),
      ...runOf(rows, target.row),
    });
  }
  const pools = plan.pools.filter((pool) => holdsPool(rows, pool)).map((pool) => rememberPool(rows, pool));
  const latches = (plan.failback?.latches ?? []).flatMap((latch) =>
    holdsLatch(rows, latch) ? [rememberLatch(rows, latch, wallS)] : [],
  );
  return { endpoints, pools, latches };
}

function runOf(rows: HealthRows, row: number): Pick<RememberedEndpoint, "run" | "runSinceS"> {
  const runSinceS = Atomics.load(rows.runs, row);
  if (runSinceS === 0) return {};
  return { run: Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + ROW_RUN), runSinceS };
}

function rememberPool(rows: HealthRows, { row, zone, pool }: PoolPlan): RememberedPool {
  const base = row * POOL_ROW_WORDS;
  const failed = Atomics.load(rows.pools, base + POOL_ROW_FAILED) === 1;
  return { zone, pool, failed, sinceS: Atomics.load(rows.pools, base + POOL_ROW_SINCE_S) };
}

function rememberLatch(
  rows: HealthRows,
  { row, zone, policy, entries }: LatchPlan,
  wallS: number,
): RememberedLatch {
  const base = row * LATCH_ROW_WORDS;
  return {
    zone,
    policy,
    entries: entries.map(({ name }) => name),
    current: Atomics.load(rows.latches, base + LATCH_ROW_CURRENT),
    sinceS: Atomics.load(rows.latches, base + LATCH_ROW_SINCE_S),
    seenS: wallS,
  };
}

/** How many addresses of a plan got their state back. */
export interface Restored {
  up: number;
  down: number;
  /** Remembered, but for too long. */
  tooOld: number;
}

/**
 * Writes what is remembered into the rows that carry nothing yet, so that a prober that takes over the plan finds them as
 * those of a prober before it. An address must be probed with the same question as then, and not be seen last more than
 * `maxAgeS` ago; a pool gets its verdict back when all of its addresses do. A latch that only an operator releases has no age.
 */
export function restore(
  rows: HealthRows,
  plan: HealthPlan,
  remembered: Remembered,
  wallS: number,
  maxAgeS: number,
): Restored {
  const result: Restored = { up: 0, down: 0, tooOld: 0 };
  // A clock that was set back makes what is remembered look younger than now, not older.
  const isOld = (seenS: number): boolean => Math.abs(wallS - seenS) > maxAgeS;
  const endpoints = new Map(remembered.endpoints.map((endpoint) => [endpointKey(endpoint), endpoint]));
  for (const target of plan.targets) {
    const { zone, pool, address, check } = target;
    const known = endpoints.get(endpointKey({ zone, pool, address, check: check.name }));
    if (known === undefined || known.asks !== questionOf(check) || holdsEndpoint(rows, target)) continue;
    if (isOld(known.seenS)) result.tooOld++;
    else {
      restoreEndpoint(rows, target, known, wallS);
      result[known.state === "up" ? "up" : "down"]++;
    }
  }
  const targets = new Map(plan.targets.map((target) => [target.row, target]));
  const isWhole = ({ endpoints: rowsOf }: PoolPlan): boolean =>
    rowsOf.flat().every((row) => {
      const target = targets.get(row);
      // A calculated check has its verdict as soon as its parts have theirs.
      return row === -1 || (target !== undefined && holdsEndpoint(rows, target));
    });
  const pools = new Map(remembered.pools.map((pool) => [`${pool.zone}\n${pool.pool}`, pool]));
  for (const pool of plan.pools) {
    const known = pools.get(`${pool.zone}\n${pool.pool}`);
    if (known === undefined || holdsPool(rows, pool) || !isWhole(pool)) continue;
    const verdict = foldPool(rows, pool);
    if (verdict.failed === known.failed) writePool(rows, pool, verdict, known.sinceS);
  }
  const latches = new Map(remembered.latches.map((latch) => [latchKey(latch, latch.entries), latch]));
  for (const latch of plan.failback?.latches ?? []) {
    const names = latch.entries.map(({ name }) => name);
    const known = latches.get(latchKey(latch, names));
    if (known === undefined || known.current >= names.length || holdsLatch(rows, latch)) continue;
    if (latch.afterMs !== null && isOld(known.seenS)) continue;
    writeLatch(rows, latch, { current: known.current, sinceS: known.sinceS, healthy: 0, healthySinceS: 0 });
  }
  return result;
}

function restoreEndpoint(
  rows: HealthRows,
  target: ProbeTarget,
  known: RememberedEndpoint,
  wallS: number,
): void {
  const assumed = assumedState(known.state === "up", 0, target.check);
  const trial = known.state === "new";
  const { run = 0, runSinceS = 0, memory = 0, reason, seenS } = known;
  // Nobody has looked since then: only the time before it counts as healthy.
  const healthyS = Math.max(0, seenS - runSinceS);
  const state = { ...assumed, ...memoryOf(memory), oks: 0, trial, reason: reasonOf(reason) };
  const isReturning = known.state === "down" && run > 0 && runSinceS > 0;
  writeEndpoint(rows, target, isReturning ? { ...state, run } : state, known.sinceS);
  Atomics.store(rows.runs, target.row, isReturning ? wallS - healthyS : 0);
}

function endpointKey(id: Pick<RememberedEndpoint, "zone" | "pool" | "address" | "check">): string {
  return `${id.zone}\n${id.pool}\n${id.address}\n${id.check}`;
}

function latchKey({ zone, policy }: { zone: string; policy: string }, entries: readonly string[]): string {
  return [zone, policy, ...entries].join("\n");
}
