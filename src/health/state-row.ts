import { MAX_FLAPS } from "./returns.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_HORIZON_MS,
  ROW_MEMORY,
  ROW_REASON,
  ROW_RESPONSE_US,
  ROW_RESULTS,
  ROW_RUN,
  ROW_SINCE_S,
  ROW_STATE,
  STATE_HELD,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_SPARED,
  STATE_TRIAL,
  STATE_UP,
} from "./rows.ts";
import { type EndpointState, LUCKS } from "./state.ts";

/** A state in its row, and back, for a prober that was restarted. */

/** Parts of ROW_MEMORY: flaps (4 bits), level of the ramp (3), came back (1), successes (8), luck (8). */
const FLAPS_MASK = 0xf;
const LEVEL_SHIFT = 4;
const LEVEL_MASK = 0x7;
const RETURNED = 1 << 7;
const OKS_SHIFT = 8;
const OKS_MASK = 0xff;
const LUCK_SHIFT = 16;
const LUCK_MASK = 0xff;

/** STATE_* bits of a state that nobody has forced. */
export function stateBits(state: EndpointState): number {
  return (
    (state.up ? STATE_UP | probedBits(state) : 0) |
    (state.known ? STATE_KNOWN : 0) |
    (state.trial ? STATE_TRIAL : 0)
  );
}

/** What the probes say of an address that is up. */
function probedBits({ held, spared }: EndpointState): number {
  return (held ? STATE_HELD : 0) | (spared ? STATE_SPARED : 0) || STATE_PROBED_UP;
}

/** Alternations that a row remembers. */
export function flapsOf(memory: number): number {
  return memory & FLAPS_MASK;
}

/** What ROW_MEMORY says of a state. */
export function memoryWord(state: EndpointState): number {
  return (
    state.flaps |
    (state.rampLevel << LEVEL_SHIFT) |
    (state.returned ? RETURNED : 0) |
    (Math.min(state.oks, OKS_MASK) << OKS_SHIFT) |
    (Math.round(state.luck * LUCKS) << LUCK_SHIFT)
  );
}

/** What ROW_MEMORY holds of a state. */
type Memory = Pick<EndpointState, "flaps" | "rampLevel" | "returned" | "oks" | "luck">;

/** What memoryWord has written. */
export function memoryOf(memory: number): Memory {
  return {
    oks: (memory >> OKS_SHIFT) & OKS_MASK,
    returned: (memory & RETURNED) !== 0,
    flaps: Math.min(MAX_FLAPS, flapsOf(memory)),
    luck: ((memory >> LUCK_SHIFT) & LUCK_MASK) / LUCKS,
    rampLevel: (memory >> LEVEL_SHIFT) & LEVEL_MASK,
  };
}

/**
 * The state that a row carries, as a prober that was restarted finds it. `wallMs` and `nowMs` are the same moment. A run
 * begins now, unless it is kept when it began.
 */
export function stateFromRow(rows: HealthRows, row: number, nowMs: number, wallMs: number): EndpointState {
  const base = row * ENDPOINT_ROW_WORDS;
  const word = (index: number): number => Atomics.load(rows.endpoints, base + index);
  const bits = word(ROW_STATE);
  const sinceMs = nowMs - Math.max(0, wallMs - word(ROW_SINCE_S) * 1000);
  const runSinceS = Atomics.load(rows.runs, row);
  return {
    // What was kept up has to fail anew: who kept it knew why, and is gone.
    up: (bits & (STATE_PROBED_UP | STATE_HELD | STATE_SPARED)) !== 0,
    known: (bits & STATE_KNOWN) !== 0,
    trial: (bits & STATE_TRIAL) !== 0,
    held: (bits & STATE_HELD) !== 0,
    run: word(ROW_RUN),
    ...memoryOf(word(ROW_MEMORY)),
    runSinceMs: runSinceS === 0 ? nowMs : nowMs - Math.max(0, wallMs - runSinceS * 1000),
    results: word(ROW_RESULTS),
    reason: word(ROW_REASON),
    horizonMs: word(ROW_HORIZON_MS),
    sinceMs,
    responseUs: word(ROW_RESPONSE_US),
    spared: (bits & STATE_SPARED) !== 0,
    rampSinceMs: sinceMs,
  };
}
