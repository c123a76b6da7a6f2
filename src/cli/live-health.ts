import type { CompiledConfig } from "../config/compile.ts";
import type { LiveRows } from "../control/commands.ts";
import { applyOffline } from "../health/offline.ts";
import { everyTarget } from "../health/plan.ts";
import {
  allocateHealthRows,
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
import { ServerRefusal, Unreachable } from "./command.ts";
import { connectControl, Nonsense } from "./control-client.ts";
import type { Terminal } from "./terminal.ts";

/** Health as the running server has it; null: none can be asked. What listens there and is none is told. */
export async function askLiveRows(socketPath: string, terminal: Terminal): Promise<LiveRows | null> {
  if (socketPath === "") return null;
  try {
    const client = await connectControl(socketPath);
    try {
      return await client.ask<LiveRows>("rows");
    } finally {
      client.close();
    }
  } catch (error) {
    if (error instanceof Nonsense) terminal.err(`steerd: ${error.message}; all is taken for up`);
    if (error instanceof Unreachable || error instanceof ServerRefusal) return null;
    throw error;
  }
}

type Claim = { row: number; keyHigh: number; keyLow: number };

/**
 * Rows for a configuration that was compiled here, with the words of the server's own: found by the identity that each
 * carries. What the server does not know is taken for up.
 */
export function liveRows({ plan }: CompiledConfig, live: LiveRows): HealthRows {
  const rows = allocateHealthRows();
  applyOffline(rows, plan, () => false);
  const copy = (
    words: Int32Array,
    size: number,
    high: number,
    low: number,
    from: number[][],
    to: Claim[],
  ): void => {
    const known = new Map(from.map((row) => [`${row[high]} ${row[low]}`, row]));
    for (const { row, keyHigh, keyLow } of to) {
      const found = known.get(`${keyHigh | 0} ${keyLow | 0}`);
      if (found !== undefined) words.set(found, row * size);
    }
  };
  copy(rows.endpoints, ENDPOINT_ROW_WORDS, ROW_KEY_HIGH, ROW_KEY_LOW, live.endpoints, everyTarget(plan));
  copy(rows.pools, POOL_ROW_WORDS, POOL_ROW_KEY_HIGH, POOL_ROW_KEY_LOW, live.pools, plan.pools);
  const latches = plan.failback?.latches ?? [];
  copy(rows.latches, LATCH_ROW_WORDS, LATCH_ROW_KEY_HIGH, LATCH_ROW_KEY_LOW, live.latches, latches);
  return rows;
}
