import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_KEY_HIGH,
  LATCH_ROW_KEY_LOW,
  LATCH_ROW_WORDS,
  POOL_ROW_KEY_HIGH,
  POOL_ROW_KEY_LOW,
  POOL_ROW_WORDS,
  ROW_KEY_HIGH,
  ROW_KEY_LOW,
} from "../health/rows.ts";
import type { Finding } from "./findings.ts";

/**
 * Gives every endpoint address, every pool and every latch its row in shared memory, and the same row again after a reload, or after
 * the control worker was replaced: the rows carry the identities that they were given. Nothing is written here; the
 * prober writes an identity into its row when it takes over the plan.
 */
export interface RowRegistry {
  endpoints: RowSpace;
  pools: RowSpace;
  latches: RowSpace;
  generation: number;
}

/** Rows of one kind. */
export interface RowSpace {
  /** Row by identity, as `high:low`. */
  byKey: Map<string, number>;
  keys: string[];
  /** Generation that last asked for the row; -1: the row is free. */
  lastAsked: Int32Array;
  /** Rows that were freed, the lowest last. */
  free: number[];
  /** Rows from here on were never used. */
  untouched: number;
}

/** A row and the identity that the prober writes into it. */
export interface RowClaim {
  row: number;
  keyHigh: number;
  keyLow: number;
}

/**
 * A row that no configuration asked for in this many generations may be given to someone else. Workers may still
 * answer from the snapshot before the last one for a moment, so that one generation is not enough.
 */
const REST_GENERATIONS = 2;

/** Reads the identities that the rows carry. `generation` is that of the last snapshot that was published, or 0. */
export function createRowRegistry(rows: HealthRows, generation: number): RowRegistry {
  return {
    endpoints: readSpace(rows.endpoints, ENDPOINT_ROW_WORDS, ROW_KEY_HIGH, ROW_KEY_LOW, generation),
    pools: readSpace(rows.pools, POOL_ROW_WORDS, POOL_ROW_KEY_HIGH, POOL_ROW_KEY_LOW, generation),
    latches: readSpace(rows.latches, LATCH_ROW_WORDS, LATCH_ROW_KEY_HIGH, LATCH_ROW_KEY_LOW, generation),
    generation,
  };
}

function readSpace(
  words: Int32Array,
  rowWords: number,
  high: number,
  low: number,
  generation: number,
): RowSpace {
  const capacity = Math.floor(words.length / rowWords);
  const space: RowSpace = {
    byKey: new Map(),
    keys: [],
    lastAsked: new Int32Array(capacity).fill(-1),
    free: [],
    untouched: 0,
  };
  // Nothing was ever published: reading 14 MB of zeros would take longer than reading the zones.
  const used = generation === 0 ? 0 : capacity;
  for (let row = 0; row < used; row++) {
    const keyHigh = Atomics.load(words, row * rowWords + high);
    const keyLow = Atomics.load(words, row * rowWords + low);
    if (keyHigh === 0 && keyLow === 0) continue;
    const key = `${keyHigh}:${keyLow}`;
    space.byKey.set(key, row);
    space.keys[row] = key;
    space.lastAsked[row] = generation;
    space.untouched = row + 1;
  }
  for (let row = space.untouched - 1; row >= 0; row--) if (space.lastAsked[row] === -1) space.free.push(row);
  return space;
}

/** Begins to give out rows for a generation: frees what the last ones did not ask for. */
export function openGeneration(registry: RowRegistry, generation: number): void {
  registry.generation = generation;
  for (const space of [registry.endpoints, registry.pools, registry.latches]) {
    for (let row = space.untouched - 1; row >= 0; row--) {
      const asked = space.lastAsked[row]!;
      if (asked === -1 || asked + REST_GENERATIONS >= generation) continue;
      space.byKey.delete(space.keys[row]!);
      space.lastAsked[row] = -1;
      space.free.push(row);
    }
    space.free.sort((a, b) => b - a);
  }
}

/** The row of an endpoint address under its check; null: all rows are taken. */
export function claimEndpointRow(
  registry: RowRegistry,
  zone: string,
  pool: string,
  address: string,
  check: string,
): RowClaim | null {
  return claim(registry.endpoints, registry.generation, `${zone}\n${pool}\n${address}\n${check}`);
}

/** The row of a pool's verdict; null: all rows are taken. */
export function claimPoolRow(registry: RowRegistry, zone: string, pool: string): RowClaim | null {
  return claim(registry.pools, registry.generation, `${zone}\n${pool}`);
}

/** The row of a `failover` with a latch, under these entries in this order; null: all rows are taken. */
export function claimLatchRow(
  registry: RowRegistry,
  zone: string,
  policy: string,
  entries: readonly string[],
): RowClaim | null {
  return claim(registry.latches, registry.generation, [zone, policy, ...entries].join("\n"));
}

function claim(space: RowSpace, generation: number, identity: string): RowClaim | null {
  const keyHigh = hash(identity, 0x9e3779b9);
  // Both words 0 would say that the row is free.
  const keyLow = hash(identity, 0x85ebca6b) | (keyHigh === 0 ? 1 : 0);
  const key = `${keyHigh}:${keyLow}`;
  let row = space.byKey.get(key);
  if (row === undefined) {
    row = space.free.pop() ?? (space.untouched < space.lastAsked.length ? space.untouched++ : undefined);
    if (row === undefined) return null;
    space.byKey.set(key, row);
    space.keys[row] = key;
  }
  space.lastAsked[row] = generation;
  return { row, keyHigh, keyLow };
}

/** There are not as many rows as a configuration asks for. */
export function noRows(file: string): Finding {
  return {
    severity: "error",
    code: "CFG_LIMIT_ENDPOINTS",
    file,
    line: 0,
    column: 0,
    what: "the zones together have more checked addresses, pools or latches than there is shared memory for",
    expected: "at most 131072 checked addresses and 65536 pools, less those of the last two configurations",
  };
}

/** 32 bits over a text: FNV-1a from a seed, spread by the finisher of MurmurHash3. */
function hash(text: string, seed: number): number {
  let value = seed | 0;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}
