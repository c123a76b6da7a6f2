import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_LOAD,
  ROW_P99_US,
  ROW_RESPONSE_US,
  ROW_STATE,
  STATE_UP,
} from "./rows.ts";

/** What is measured and reported of a pool's endpoints that are up: the words of its row. -1: nobody says. */
export interface PoolFigures {
  /** Means over the endpoints that have such a figure. */
  load: number;
  responseUs: number;
  p99Us: number;
  errors: number;
  /** Sums over the endpoints that report one. */
  connections: number;
  capacity: number;
  /** Endpoints that report connections. */
  reporting: number;
}

/** Largest sum that a word of a row holds. */
const MAX_WORD = 0x7fff_ffff;

/** In the order of the places below. */
const WORDS = [ROW_LOAD, ROW_RESPONSE_US, ROW_P99_US, ROW_ERRORS, ROW_CONNECTIONS, ROW_CAPACITY];
const LOAD = 0;
const RESPONSE = 1;
const P99 = 2;
const ERRORS = 3;
const CONNECTIONS = 4;
const CAPACITY = 5;

/**
 * The figures of a pool from the rows of its endpoints' addresses. An endpoint counts once, with the worst figure of its
 * addresses that are up: one host reports the same of itself on each of them. Only what is up counts.
 */
export function foldFigures(rows: HealthRows, endpoints: readonly (readonly number[])[]): PoolFigures {
  const totals = WORDS.map(() => 0);
  const counts = WORDS.map(() => 0);
  const worst = WORDS.map(() => -1);
  const words = rows.endpoints;
  // Plain loops and reads: every second all endpoints of all pools pass here, and this thread alone writes their rows.
  for (const addressRows of endpoints) {
    worst.fill(-1);
    for (const row of addressRows) {
      const base = row * ENDPOINT_ROW_WORDS;
      if (row < 0 || (words[base + ROW_STATE]! & STATE_UP) === 0) continue;
      for (let place = 0; place < WORDS.length; place++)
        worst[place] = Math.max(worst[place]!, words[base + WORDS[place]!]!);
    }
    for (let place = 0; place < WORDS.length; place++) {
      if (worst[place]! < 0) continue;
      totals[place]! += worst[place]!;
      counts[place]! += 1;
    }
  }
  const mean = (place: number) => (counts[place] === 0 ? -1 : Math.round(totals[place]! / counts[place]!));
  const sum = (place: number) => (counts[place] === 0 ? -1 : Math.min(totals[place]!, MAX_WORD));
  return {
    load: mean(LOAD),
    responseUs: mean(RESPONSE),
    p99Us: mean(P99),
    errors: mean(ERRORS),
    connections: sum(CONNECTIONS),
    capacity: sum(CAPACITY),
    reporting: counts[CONNECTIONS]!,
  };
}
