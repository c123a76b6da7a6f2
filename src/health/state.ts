import { type ProbeResult, responseMs } from "./probe.ts";
import { type Ramp, rampLevelAfter, setBack } from "./ramp.ts";
import { REASON_ASSUMED, REASON_NONE, REASON_OK, type Reason } from "./reasons.ts";
import { fastIntervalMs, flapsAfter, risesNeeded, type Timing, waitMs } from "./returns.ts";

/** Health of one endpoint address: what the results so far add up to. Values, never changed in place. */
export interface EndpointState extends Ramp {
  up: boolean;
  /** At least one verdict has been reached. */
  known: boolean;
  /** Added to a live pool: down until its first success. */
  trial: boolean;
  /** Up because its failures are in doubt: see doubt.ts. */
  held: boolean;
  /** Results against `up`: while up the failures that count, while down consecutive successes. */
  run: number;
  /** While failures count: consecutive successes since the last of them. */
  oks: number;
  /** When `run` left 0. */
  runSinceMs: number;
  /** Results observed. */
  results: number;
  /** Why it is up or down: REASON_OK or a warning while up, the latest failure while down or kept up. */
  reason: Reason;
  /** Milliseconds until `up` can next change; 0 while settled. */
  horizonMs: number;
  /** When `up` or `known` last changed, on the clock that `observe` is given. */
  sinceMs: number;
  /** Smoothed response time in microseconds; -1: none measured. */
  responseUs: number;
  /** Failed often enough to go down, and kept up by its pool's withdrawal budget. */
  spared: boolean;
  /** It is up because it came back, or was added to a live pool: not by the first verdict after a start. */
  returned: boolean;
  /** Alternations on record, see returns.ts. */
  flaps: number;
  /** Drawn when it last went down: its place in the spread of returns, 0 to 255/256. */
  luck: number;
}

/** What a fold takes from outside besides the result and the clock. */
export interface Chance {
  /** 0 <= luck < 1. */
  luck: number;
  /** The pool's budget allows a withdrawal now. */
  mayWithdraw: boolean;
}

/** As much luck as a row remembers. */
export const LUCKS = 256;

/** Luck from a die, 0 <= die < 1. */
export function drawLuck(die: number): number {
  return Math.floor(die * LUCKS) / LUCKS;
}

/** Of a success, which takes nothing down. */
export const NO_CHANCE: Chance = { luck: 0, mayWithdraw: true };

/** Largest horizon: what one word of the row holds. */
const HORIZON_MAX_MS = 0x7fff_ffff;

/** Share of a new response time in the smoothed one where no window says: ten probes after a step the old value has lost 94%. */
const RESPONSE_SHARE = 0.25;

/** Nothing known and nothing assumed: the first result will be the verdict. */
export function unknownState(nowMs: number, timing: Timing): EndpointState {
  const state: EndpointState = {
    up: false,
    known: false,
    trial: false,
    held: false,
    run: 0,
    oks: 0,
    runSinceMs: nowMs,
    results: 0,
    reason: REASON_NONE,
    horizonMs: 0,
    sinceMs: nowMs,
    responseUs: -1,
    spared: false,
    returned: false,
    flaps: 0,
    luck: 0,
    rampSinceMs: nowMs,
    rampLevel: 0,
  };
  state.horizonMs = restHorizon(state, nowMs, timing);
  return state;
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
  const state = { ...unknownState(nowMs, timing), up, known: true, reason: up ? REASON_OK : REASON_ASSUMED };
  return { ...state, horizonMs: restHorizon(state, nowMs, timing) };
}

/**
 * Folds one result into a state. Failures count against an address that is up until `okReset` successes in a row undo
 * them, consecutive successes against one that is down; the first result of an unknown one is a verdict. The horizon is
 * the time that the results take which are still needed to flip, or what is left of the waiting before a return; within
 * one run of failures it never grows, even when a reload changes the timing.
 */
export function observe(
  state: EndpointState,
  result: ProbeResult,
  nowMs: number,
  timing: Timing,
  chance: Chance = NO_CHANCE,
): EndpointState {
  const next = copyOf(state);
  next.results += 1;
  if (result.ok) next.responseUs = smoothed(state.responseUs, result, timing);
  if (!state.known || (state.trial && result.ok)) first(next, result, nowMs, timing, chance);
  else if (state.up) whileUp(next, result, nowMs, timing, chance);
  else whileDown(next, result, nowMs, timing);
  const computedMs = restHorizon(next, nowMs, timing);
  next.horizonMs =
    isFailing(state) && next.up && next.run > 0 ? Math.min(state.horizonMs, computedMs) : computedMs;
  return next;
}

/** Field by field: for a spread of so many V8 takes a slow path, 0.7 us instead of 0.05. */
function copyOf(state: EndpointState): EndpointState {
  return {
    up: state.up,
    known: state.known,
    trial: state.trial,
    held: state.held,
    run: state.run,
    oks: state.oks,
    runSinceMs: state.runSinceMs,
    results: state.results,
    reason: state.reason,
    horizonMs: state.horizonMs,
    sinceMs: state.sinceMs,
    responseUs: state.responseUs,
    spared: state.spared,
    returned: state.returned,
    flaps: state.flaps,
    luck: state.luck,
    rampSinceMs: state.rampSinceMs,
    rampLevel: state.rampLevel,
  };
}

/** The first verdict; a trial ends with a success only. */
function first(
  next: EndpointState,
  result: ProbeResult,
  nowMs: number,
  timing: Timing,
  chance: Chance,
): void {
  const isGrace = !next.known && nowMs - next.sinceMs < (timing.startGraceMs ?? 0);
  if (!result.ok && isGrace) return;
  if (!next.known || next.up !== result.ok) next.sinceMs = nowMs;
  next.returned = next.trial && result.ok;
  next.trial = next.trial && !result.ok;
  next.up = result.ok;
  next.known = true;
  settle(next, result, nowMs);
  next.luck = result.ok ? next.luck : chance.luck;
}

function whileUp(
  next: EndpointState,
  result: ProbeResult,
  nowMs: number,
  timing: Timing,
  chance: Chance,
): void {
  if (result.ok) {
    next.oks = next.run === 0 ? 0 : next.oks + 1;
    if (next.oks >= (timing.okReset ?? 1)) {
      next.run = 0;
      next.oks = 0;
      next.spared = false;
    }
    // A success may carry a warning.
    if (!next.spared) next.reason = result.reason;
    return;
  }
  if (next.run === 0) next.runSinceMs = nowMs;
  next.run += 1;
  next.oks = 0;
  const slowStartMs = timing.slowStartMs ?? 0;
  if (next.run < timing.fall) {
    next.rampSinceMs = setBack(next, nowMs, slowStartMs);
    return;
  }
  next.spared = !chance.mayWithdraw;
  if (next.spared) {
    next.reason = result.reason;
    return;
  }
  next.flaps = flapsAfter(next.flaps, nowMs - next.sinceMs, next.returned);
  next.rampLevel = rampLevelAfter(next, nowMs, slowStartMs);
  next.luck = chance.luck;
  next.returned = false;
  next.up = false;
  next.sinceMs = nowMs;
  settle(next, result, nowMs);
}

function whileDown(next: EndpointState, result: ProbeResult, nowMs: number, timing: Timing): void {
  if (!result.ok) {
    next.run = 0;
    next.reason = result.reason;
    return;
  }
  if (next.run === 0) next.runSinceMs = nowMs;
  next.run += 1;
  if (next.run < risesNeeded(next.luck, timing) || waitMs(next, nowMs, nowMs, timing) > 0) return;
  next.returned = true;
  next.up = true;
  next.sinceMs = nowMs;
  settle(next, result, nowMs);
}

/** Nothing counts against the new state yet. */
function settle(next: EndpointState, result: ProbeResult, nowMs: number): void {
  next.run = 0;
  next.oks = 0;
  next.runSinceMs = nowMs;
  next.rampSinceMs = nowMs;
  next.reason = result.reason;
}

/** Time between this result and the start of the next probe: shorter while results count against the state. */
export function paceMs(state: EndpointState, timing: Timing): number {
  const isChanging =
    state.known && state.run > 0 && (state.up || state.run < risesNeeded(state.luck, timing));
  return isChanging ? fastIntervalMs(timing) : timing.intervalMs;
}

/** The same state under another timing. A run of failures keeps its horizon where the new one would be longer. */
export function retime(state: EndpointState, nowMs: number, timing: Timing): EndpointState {
  return { ...state, horizonMs: heldHorizon(state, restHorizon(state, nowMs, timing)) };
}

/** An operator gives the address back to its clients: it comes back as slowly as after a failure. */
export function returnedState(state: EndpointState, nowMs: number): EndpointState {
  return state.up ? { ...state, returned: true, rampSinceMs: nowMs, rampLevel: 0 } : state;
}

/** A state carried over to another check of the same address: published as before, with no run against it. */
export function inheritState(state: EndpointState, nowMs: number, timing: Timing): EndpointState {
  const next = { ...state, run: 0, oks: 0, spared: false, responseUs: -1 };
  return { ...next, horizonMs: isFailing(state) ? state.horizonMs : restHorizon(next, nowMs, timing) };
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

function restHorizon(state: EndpointState, nowMs: number, timing: Timing): number {
  const nextMs = paceMs(state, timing);
  const fastMs = fastIntervalMs(timing);
  if (!state.known || state.trial) return horizon(nextMs);
  if (state.up)
    return state.run === 0 ? 0 : horizon(nextMs + Math.max(0, timing.fall - state.run - 1) * fastMs);
  const missing = Math.max(1, risesNeeded(state.luck, timing) - state.run);
  return horizon(Math.max(nextMs + (missing - 1) * fastMs, waitMs(state, nowMs + nextMs, nowMs, timing)));
}

/** Up, with failures counting against it. */
function isFailing(state: EndpointState): boolean {
  return state.up && state.known && state.horizonMs > 0;
}

/** The least of both while failing: within one run of failures a horizon only shrinks. */
function heldHorizon(state: EndpointState, computedMs: number): number {
  return isFailing(state) ? Math.min(state.horizonMs, computedMs) : computedMs;
}

function horizon(ms: number): number {
  return Math.min(HORIZON_MAX_MS, Math.max(1, Math.floor(ms)));
}

function smoothed(beforeUs: number, result: ProbeResult, timing: Timing): number {
  const measuredMs = responseMs(result);
  if (measuredMs < 0) return beforeUs;
  const us = Math.min(HORIZON_MAX_MS, Math.round(measuredMs * 1000));
  return beforeUs < 0 ? us : Math.round(beforeUs + (us - beforeUs) * shareOfNew(timing));
}

/** How much of a smoothed time the latest one is. */
export function shareOfNew({ intervalMs, windowMs }: Timing): number {
  return windowMs === undefined ? RESPONSE_SHARE : 1 - Math.exp(-intervalMs / windowMs);
}
