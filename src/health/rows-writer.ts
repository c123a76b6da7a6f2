import { forceBits } from "./forced.ts";
import type { ForcedPlan, LatchPlan, PoolPlan, ProbeTarget } from "./plan.ts";
import type { PoolVerdict } from "./pool.ts";
import { SCALE_ONE } from "./ramp.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_AFTER_MS,
  LATCH_ROW_CURRENT,
  LATCH_ROW_HEALTHY,
  LATCH_ROW_HEALTHY_SINCE_S,
  LATCH_ROW_KEY_HIGH,
  LATCH_ROW_KEY_LOW,
  LATCH_ROW_SINCE_S,
  LATCH_ROW_WORDS,
  POOL_ROW_CAPACITY,
  POOL_ROW_CONNECTIONS,
  POOL_ROW_ERRORS,
  POOL_ROW_FAILED,
  POOL_ROW_HORIZON_MS,
  POOL_ROW_KEY_HIGH,
  POOL_ROW_KEY_LOW,
  POOL_ROW_LACK,
  POOL_ROW_LOAD,
  POOL_ROW_P99_US,
  POOL_ROW_REPORTING,
  POOL_ROW_RESPONSE_US,
  POOL_ROW_SINCE_S,
  POOL_ROW_UNEVEN,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  POOL_ROW_WORDS,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_HORIZON_MS,
  ROW_KEY_HIGH,
  ROW_KEY_LOW,
  ROW_LOAD,
  ROW_MEMORY,
  ROW_P99_US,
  ROW_REASON,
  ROW_RESPONSE_US,
  ROW_RESULTS,
  ROW_RUN,
  ROW_SINCE_S,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_UP,
} from "./rows.ts";
import type { EndpointState } from "./state.ts";
import { memoryWord, stateBits } from "./state-row.ts";

type EndpointIdentity = Pick<ProbeTarget, "row" | "keyHigh" | "keyLow">;
type PoolIdentity = Pick<PoolPlan, "row" | "keyHigh" | "keyLow">;

/** What an endpoint reports of itself. */
const REPORT_WORDS = [ROW_LOAD, ROW_CONNECTIONS, ROW_CAPACITY, ROW_P99_US, ROW_ERRORS];

/** Takes an endpoint address's report back: nothing is known of its load. */
export function clearReport(rows: HealthRows, row: number): void {
  for (const word of REPORT_WORDS) Atomics.store(rows.endpoints, row * ENDPOINT_ROW_WORDS + word, -1);
}

/**
 * Writes an endpoint address's row. A row that is new to the address begins without a report, one that it had before
 * keeps it: checks alone say nothing of load. What an operator says counts, and the probes' own state stands beside it. A
 * state that goes down is stored before the other words and one that comes up
 * after them, so that who reads "up" reads the words that belong to it.
 */
export function writeEndpoint(
  rows: HealthRows,
  identity: EndpointIdentity,
  state: EndpointState,
  sinceS: number,
  forced?: ForcedPlan,
  scale = SCALE_ONE,
): void {
  const words = rows.endpoints;
  const base = identity.row * ENDPOINT_ROW_WORDS;
  const bits = forceBits(stateBits(state), forced);
  const isUp = (bits & STATE_UP) !== 0;
  // No result changes what an operator has said.
  const horizonMs = forced === undefined || forced.state === 0 ? state.horizonMs : 0;
  if (!holdsEndpoint(rows, identity)) clearReport(rows, identity.row);
  if (!isUp) put(words, base + ROW_STATE, bits);
  put(words, base + ROW_HORIZON_MS, horizonMs);
  put(words, base + ROW_WEIGHT_SCALE, forced === undefined ? scale : shareOf(scale, forced.scale));
  put(words, base + ROW_RESPONSE_US, state.responseUs);
  put(words, base + ROW_SINCE_S, sinceS);
  put(words, base + ROW_REASON, state.reason);
  put(words, base + ROW_RUN, state.run);
  put(words, base + ROW_RESULTS, state.results);
  put(words, base + ROW_MEMORY, memoryWord(state));
  put(words, base + ROW_KEY_HIGH, identity.keyHigh | 0);
  put(words, base + ROW_KEY_LOW, identity.keyLow | 0);
  if (isUp) put(words, base + ROW_STATE, bits);
}

/** Stores a word that has changed: of the twelve of a row most probes change two, and readers keep the rest in their caches. */
function put(words: Int32Array, at: number, value: number): void {
  // Plain reads: nobody else writes.
  if (words[at] !== value) Atomics.store(words, at, value);
}

/** What an operator leaves of a scale. */
function shareOf(scale: number, forced: number): number {
  return Math.floor((scale * forced) / SCALE_ONE);
}

/** Writes a pool's row; a failure is stored before the other words, a return to health after them. */
export function writePool(
  rows: HealthRows,
  identity: PoolIdentity,
  verdict: PoolVerdict,
  sinceS: number,
): void {
  const words = rows.pools;
  const base = identity.row * POOL_ROW_WORDS;
  if (verdict.failed) Atomics.store(words, base + POOL_ROW_FAILED, 1);
  Atomics.store(words, base + POOL_ROW_UP, verdict.up);
  Atomics.store(words, base + POOL_ROW_USABLE, verdict.usable);
  Atomics.store(words, base + POOL_ROW_HORIZON_MS, verdict.horizonMs);
  Atomics.store(words, base + POOL_ROW_SINCE_S, sinceS);
  Atomics.store(words, base + POOL_ROW_LACK, verdict.lack);
  Atomics.store(words, base + POOL_ROW_UNEVEN, verdict.uneven ? 1 : 0);
  Atomics.store(words, base + POOL_ROW_LOAD, verdict.figures.load);
  Atomics.store(words, base + POOL_ROW_RESPONSE_US, verdict.figures.responseUs);
  Atomics.store(words, base + POOL_ROW_P99_US, verdict.figures.p99Us);
  Atomics.store(words, base + POOL_ROW_ERRORS, verdict.figures.errors);
  Atomics.store(words, base + POOL_ROW_CONNECTIONS, verdict.figures.connections);
  Atomics.store(words, base + POOL_ROW_CAPACITY, verdict.figures.capacity);
  Atomics.store(words, base + POOL_ROW_REPORTING, verdict.figures.reporting);
  Atomics.store(words, base + POOL_ROW_KEY_HIGH, identity.keyHigh);
  Atomics.store(words, base + POOL_ROW_KEY_LOW, identity.keyLow);
  if (!verdict.failed) Atomics.store(words, base + POOL_ROW_FAILED, 0);
}

/** What a latch's row says besides its plan. */
export interface LatchWords {
  current: number;
  sinceS: number;
  /** Place, plus one, of the earlier entry that has been up longest; 0: there is none. */
  healthy: number;
  healthySinceS: number;
}

/** Writes a latch's row, CURRENT last: who reads another entry reads the words that belong to it. */
export function writeLatch(rows: HealthRows, plan: LatchPlan, latch: LatchWords): void {
  const words = rows.latches;
  const base = plan.row * LATCH_ROW_WORDS;
  Atomics.store(words, base + LATCH_ROW_AFTER_MS, plan.afterMs ?? 0);
  Atomics.store(words, base + LATCH_ROW_SINCE_S, latch.sinceS);
  Atomics.store(words, base + LATCH_ROW_HEALTHY, latch.healthy);
  Atomics.store(words, base + LATCH_ROW_HEALTHY_SINCE_S, latch.healthySinceS);
  Atomics.store(words, base + LATCH_ROW_KEY_HIGH, plan.keyHigh);
  Atomics.store(words, base + LATCH_ROW_KEY_LOW, plan.keyLow);
  Atomics.store(words, base + LATCH_ROW_CURRENT, latch.current);
}

/** True when the latch's row carries this identity. */
export function holdsLatch(rows: HealthRows, plan: LatchPlan): boolean {
  const base = plan.row * LATCH_ROW_WORDS;
  return (
    Atomics.load(rows.latches, base + LATCH_ROW_KEY_HIGH) === (plan.keyHigh | 0) &&
    Atomics.load(rows.latches, base + LATCH_ROW_KEY_LOW) === (plan.keyLow | 0)
  );
}

/** True when the row carries this identity. Plain reads, as only the writer of rows asks. */
export function holdsEndpoint(rows: HealthRows, identity: EndpointIdentity): boolean {
  const base = identity.row * ENDPOINT_ROW_WORDS;
  return (
    rows.endpoints[base + ROW_KEY_HIGH] === (identity.keyHigh | 0) &&
    rows.endpoints[base + ROW_KEY_LOW] === (identity.keyLow | 0)
  );
}

/** True when the pool's row carries this identity. */
export function holdsPool(rows: HealthRows, identity: PoolIdentity): boolean {
  const base = identity.row * POOL_ROW_WORDS;
  return (
    Atomics.load(rows.pools, base + POOL_ROW_KEY_HIGH) === (identity.keyHigh | 0) &&
    Atomics.load(rows.pools, base + POOL_ROW_KEY_LOW) === (identity.keyLow | 0)
  );
}

/** Frees every row that carries a key and that `keep` does not name: state first, the key last. */
export function clearRows(
  words: Int32Array,
  rowWords: number,
  keyWord: number,
  keep: ReadonlySet<number>,
): number {
  let cleared = 0;
  const rowCount = Math.floor(words.length / rowWords);
  for (let row = 0; row < rowCount; row++) {
    const base = row * rowWords;
    if ((words[base + keyWord] === 0 && words[base + keyWord + 1] === 0) || keep.has(row)) continue;
    for (let index = 0; index < rowWords; index++) Atomics.store(words, base + index, 0);
    cleared += 1;
  }
  return cleared;
}
