import type { CheckTiming } from "./plan.ts";
import type { ProbeResult } from "./probe.ts";
import { REASON_ASSUMED, REASON_NONE, REASON_OK, type Reason } from "./reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_HORIZON_MS,
  ROW_REASON,
  ROW_RESPONSE_US,
  ROW_RESULTS,
  ROW_RUN,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_HELD,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_TRIAL,
  STATE_UP,
} from "./rows.ts";

/** Health of one endpoint address: what the results so far add up to. Values, never changed in place. */
export interface EndpointState {
  up: boolean;
  /** At least one verdict has been reached. */
  known: boolean;
  /** Added to a live pool: down until its first success. */
  trial: boolean;
  /** Up because its failures are in doubt: see doubt.ts. */
  held: boolean;
  /** Consecutive results against `up`. */
  run: number;
  /** Results observed. */
  results: number;
  /** Why it is up or down: REASON_OK or a warning while up, the latest failure while down. */
  reason: Reason;
  /** Milliseconds until `up` can next change; 0 while settled. */
  horizonMs: number;
  /** When `up` or `known` last changed, on the clock that `observe` is given. */
  sinceMs: number;
  /** Smoothed time to the first octet (tcp: to the connection) in microseconds; -1: none measured. */
  responseUs: number;
}

/** The part of a timing that decides over states. */
export type Timing = Pick<CheckTiming, "intervalMs" | "fall" | "rise">;

/** Largest horizon: what one word of the row holds. */
const HORIZON_MAX_MS = 0x7fff_ffff;

/** Share of a new response time in the smoothed one: ten probes after a step the old value has lost 94%. */
const RESPONSE_SHARE = 0.25;

/** Nothing known and nothing assumed: the first result will be the verdict. */
export function unknownState(nowMs: number, timing: Timing): EndpointState {
  return {
    up: false,
    known: false,
    trial: false,
    held: false,
    run: 0,
    results: 0,
    reason: REASON_NONE,
    horizonMs: horizon(timing, 1),
    sinceMs: nowMs,
    responseUs: -1,
  };
}

/** An endpoint added to a live pool: down until its first success. */
export function trialState(nowMs: number, timing: Timing): EndpointState {
  return { ...unknownState(nowMs, timing), trial: true };
}

/** An endpoint that was answered without a check until now: up until the first result, which is the verdict. */
export function uncheckedState(nowMs: number, timing: Timing): EndpointState {
  return { ...unknownState(nowMs, timing), up: true };
}

/** A state said to be so, without results: settled up, or down with `rise` successes to go. */
export function assumedState(up: boolean, nowMs: number, timing: Timing): EndpointState {
  return {
    ...unknownState(nowMs, timing),
    up,
    known: true,
    reason: up ? REASON_OK : REASON_ASSUMED,
    horizonMs: up ? 0 : horizon(timing, timing.rise),
  };
}

/**
 * Folds one result into a state. Consecutive failures count against an address that is up, consecutive successes
 * against one that is down; the first result of an unknown one is a verdict. The horizon is the interval times the
 * results still needed to flip, and within one run of failures it never grows, even when a reload changes the timing.
 */
export function observe(
  state: EndpointState,
  result: ProbeResult,
  nowMs: number,
  timing: Timing,
): EndpointState {
  const next: EndpointState = {
    ...state,
    results: state.results + 1,
    responseUs: result.ok ? smoothed(state.responseUs, result) : state.responseUs,
  };
  if (!state.known || (state.trial && result.ok)) return verdict(next, result.ok, result, nowMs, timing);
  if (result.ok === state.up) {
    next.run = 0;
    // Of an address that is up a success may carry a warning.
    next.reason = result.reason;
    next.horizonMs = restHorizon(next, timing);
    return next;
  }
  next.run = state.run + 1;
  if (next.run >= (state.up ? timing.fall : timing.rise)) {
    return verdict(next, result.ok, result, nowMs, timing);
  }
  next.horizonMs = heldHorizon(state, restHorizon(next, timing));
  return next;
}

/** The same state under another timing. A run of failures keeps its horizon where the new one would be longer. */
export function retime(state: EndpointState, timing: Timing): EndpointState {
  return { ...state, horizonMs: heldHorizon(state, restHorizon(state, timing)) };
}

/** A state carried over to another check of the same address: published as before, with no run against it. */
export function inheritState(state: EndpointState, timing: Timing): EndpointState {
  const next = { ...state, run: 0, responseUs: -1 };
  return { ...next, horizonMs: isFailing(state) ? state.horizonMs : restHorizon(next, timing) };
}

/**
 * Lowers the horizon of an address that has begun to fail to that of the pool it is answered with, so that the TTL
 * given out with it does not grow when whatever set the lower one settles first. Returns the same object when nothing
 * changes.
 */
export function capHorizon(state: EndpointState, poolHorizonMs: number): EndpointState {
  if (!isFailing(state) || poolHorizonMs === 0 || poolHorizonMs >= state.horizonMs) return state;
  return { ...state, horizonMs: poolHorizonMs };
}

/** STATE_* bits of a state that nobody has forced. */
export function stateBits(state: EndpointState): number {
  return (
    (state.up ? (state.held ? STATE_UP | STATE_HELD : STATE_UP | STATE_PROBED_UP) : 0) |
    (state.known ? STATE_KNOWN : 0) |
    (state.trial ? STATE_TRIAL : 0)
  );
}

/** The state that a row carries, as a prober that was restarted finds it. `wallMs` and `nowMs` are the same moment. */
export function stateFromRow(rows: HealthRows, row: number, nowMs: number, wallMs: number): EndpointState {
  const base = row * ENDPOINT_ROW_WORDS;
  const word = (index: number): number => Atomics.load(rows.endpoints, base + index);
  const bits = word(ROW_STATE);
  return {
    // What was kept up has to fail anew: who kept it knew why, and is gone.
    up: (bits & (STATE_PROBED_UP | STATE_HELD)) !== 0,
    known: (bits & STATE_KNOWN) !== 0,
    trial: (bits & STATE_TRIAL) !== 0,
    held: (bits & STATE_HELD) !== 0,
    run: word(ROW_RUN),
    results: word(ROW_RESULTS),
    reason: word(ROW_REASON),
    horizonMs: word(ROW_HORIZON_MS),
    sinceMs: nowMs - Math.max(0, wallMs - word(ROW_SINCE_S) * 1000),
    responseUs: word(ROW_RESPONSE_US),
  };
}

function verdict(
  next: EndpointState,
  up: boolean,
  result: ProbeResult,
  nowMs: number,
  timing: Timing,
): EndpointState {
  // A trial ends with a success only: failures make it known to be down, and it goes on waiting for the first.
  if (up !== next.up || !next.known) next.sinceMs = nowMs;
  next.trial = next.trial && !up;
  next.up = up;
  next.known = true;
  next.run = 0;
  next.reason = result.reason;
  next.horizonMs = restHorizon(next, timing);
  return next;
}

function restHorizon(state: EndpointState, timing: Timing): number {
  if (!state.known || state.trial) return horizon(timing, 1);
  if (!state.up) return horizon(timing, Math.max(1, timing.rise - state.run));
  return state.run === 0 ? 0 : horizon(timing, Math.max(1, timing.fall - state.run));
}

/** Up, with failures counting against it. */
function isFailing(state: EndpointState): boolean {
  return state.up && state.known && state.horizonMs > 0;
}

/** The least of both while failing: within one run of failures a horizon only shrinks. */
function heldHorizon(state: EndpointState, computedMs: number): number {
  return isFailing(state) ? Math.min(state.horizonMs, computedMs) : computedMs;
}

function horizon(timing: Timing, results: number): number {
  return Math.min(HORIZON_MAX_MS, Math.max(1, Math.round(timing.intervalMs * results)));
}

function smoothed(beforeUs: number, result: ProbeResult): number {
  const measuredMs = result.firstOctetMs >= 0 ? result.firstOctetMs : result.connectMs;
  if (measuredMs < 0) return beforeUs;
  const us = Math.min(HORIZON_MAX_MS, Math.round(measuredMs * 1000));
  return beforeUs < 0 ? us : Math.round(beforeUs + (us - beforeUs) * RESPONSE_SHARE);
}
