import type { ProbeResult } from "./probe.ts";
import { type HealthRows, PHASE_WORDS } from "./rows.ts";

/**
 * Where the time of an address's probes goes, smoothed as its response time is: microseconds for each phase, 0 where none
 * was measured. They stand beside the row, whose 16 words are full, as no decision reads them.
 */
export interface Phases {
  /** Until the connection stood; of one that was kept for several probes, when it was opened. Milliseconds; null: not measured. */
  connectMs: number | null;
  /** From then on until TLS was agreed. */
  tlsMs: number | null;
  /** From then on until the answer's first octet. */
  firstOctetMs: number | null;
}

/** Takes a success into the phases of a row; `share`: how much of the smoothed time a new one is. */
export function foldPhases(rows: HealthRows, row: number, result: ProbeResult, share: number): void {
  const { connectMs, tlsMs, firstOctetMs } = result;
  const at = row * PHASE_WORDS;
  fold(rows.phases, at, connectMs, share);
  if (tlsMs >= 0) fold(rows.phases, at + 1, tlsMs - Math.max(0, connectMs), share);
  if (firstOctetMs >= 0) fold(rows.phases, at + 2, firstOctetMs - Math.max(0, connectMs, tlsMs), share);
}

function fold(words: Int32Array, at: number, ms: number, share: number): void {
  if (ms < 0) return;
  const us = Math.max(1, Math.round(ms * 1000));
  // A plain read: nobody else writes.
  const before = words[at]!;
  Atomics.store(words, at, before === 0 ? us : Math.round(before + (us - before) * share));
}

/** The row is another address's, or its check asks something else. */
export function clearPhases(rows: HealthRows, row: number): void {
  for (let word = 0; word < PHASE_WORDS; word++) Atomics.store(rows.phases, row * PHASE_WORDS + word, 0);
}

/** Phases of one row become those of another; -1: of none. */
export function copyPhases(rows: HealthRows, from: number, to: number): void {
  for (let word = 0; word < PHASE_WORDS; word++) {
    const us = from < 0 ? 0 : Atomics.load(rows.phases, from * PHASE_WORDS + word);
    Atomics.store(rows.phases, to * PHASE_WORDS + word, us);
  }
}

/** Null: no phase was measured. */
export function phasesOf(rows: HealthRows, row: number): Phases | null {
  const ms = (word: number): number | null => {
    const us = Atomics.load(rows.phases, row * PHASE_WORDS + word);
    return us === 0 ? null : us / 1000;
  };
  const phases = { connectMs: ms(0), tlsMs: ms(1), firstOctetMs: ms(2) };
  return Object.values(phases).every((each) => each === null) ? null : phases;
}
