import type { CompiledConfig } from "../config/compile.ts";
import { poolsOfRecord } from "../config/resolve-overrides.ts";
import { answeredTargets } from "../health/plan.ts";
import { ADDRESS_ROW, ADDRESS_WORDS, RECORD_TTL_MAX, RECORD_WORDS } from "../policy/data.ts";
import { dataBlocks, type SharedBlocks, WORD_GENERATION, WORD_OPEN } from "../serve/blocks.ts";

/** When resolvers have let go of addresses. */
export interface Expiries {
  /** Call for every configuration that is accepted. */
  adopt(config: CompiledConfig): void;
  /**
   * The moment from which no resolver that honours TTLs has an address, in milliseconds since 1970, if it is not answered
   * from now on. `address`: index into PolicyData.addresses.
   */
  letGoMs(address: number): number;
}

/** A worker may answer from the snapshot before for so long: until the first verdicts on the new one are in. */
const SWAP_MS = 2000;

/**
 * Reads what the workers wrote down. Of a row that came only now nobody knows what was answered before it came, or before
 * this process was started: then it is the longest TTL that any record gives the address.
 */
export function createExpiries(blocks: SharedBlocks, wallMs: () => number): Expiries {
  let seen = new Map<number, { key: string; sinceMs: number }>();
  let rows: number[] = [];
  let longestMs: number[] = [];
  let generation = 0;

  const hasSwapped = (): boolean =>
    dataBlocks(blocks).every(
      ({ words }) =>
        Atomics.load(words, WORD_OPEN) === 0 || Atomics.load(words, WORD_GENERATION) >= generation,
    );
  return {
    adopt: ({ snapshot: { policy, generation: next }, names, plan }) => {
      generation = next;
      const nowMs = wallMs();
      const before = seen;
      seen = new Map();
      for (const { row, keyHigh, keyLow } of answeredTargets(plan)) {
        const key = `${keyHigh} ${keyLow}`;
        const known = before.get(row);
        seen.set(row, known?.key === key ? known : { key, sinceMs: nowMs + SWAP_MS });
      }
      rows = names.policy.addresses.map((_, i) => policy.addresses[i * ADDRESS_WORDS + ADDRESS_ROW]!);
      const ofPool = new Array<number>(names.policy.pools.length).fill(0);
      for (let record = 0; record < names.policy.records.length; record++) {
        const ttlMs = policy.records[record * RECORD_WORDS + RECORD_TTL_MAX]! * 1000;
        for (const pool of poolsOfRecord(policy, record)) ofPool[pool] = Math.max(ofPool[pool]!, ttlMs);
      }
      longestMs = names.policy.addresses.map(({ endpoint }) =>
        endpoint < 0 ? 0 : ofPool[names.policy.endpoints[endpoint]!.pool]!,
      );
    },
    letGoMs: (address) => {
      const row = rows[address]!;
      const first = seen.get(row);
      if (row < 0 || first === undefined || !hasSwapped()) return wallMs() + longestMs[address]!;
      let lastS = 0;
      for (const { expiries } of dataBlocks(blocks)) if (expiries[row]! > lastS) lastS = expiries[row]!;
      // A worker's clock is the second that has begun: what it gave out lives up to one longer.
      return Math.max(lastS === 0 ? 0 : (lastS + 1) * 1000, first.sinceMs + longestMs[address]!);
    },
  };
}
