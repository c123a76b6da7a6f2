import { SCALE_ONE } from "../health/ramp.ts";
import { POOL_ROW_LACK, POOL_ROW_UNEVEN, POOL_ROW_WORDS } from "../health/rows.ts";
import { type DecideContext, FRACTION_TOTAL } from "./context.ts";
import {
  ENDPOINT_IDENTITY_HIGH,
  ENDPOINT_IDENTITY_LOW,
  ENDPOINT_WORDS,
  ENTRY_ROW,
  ENTRY_WEIGHT,
  ENTRY_WORDS,
  NODE_FIRST,
  NODE_IDENTITY,
  NODE_KIND,
  NODE_KIND_HASH,
  NODE_KIND_POOL,
  NODE_KIND_ROUND_ROBIN,
  NODE_KIND_WEIGHTED,
  NODE_SEED,
  NODE_WORDS,
  type NodeKindWord,
  POOL_ROW,
  POOL_WORDS,
} from "./data.ts";
import { finishHash, mixWord, nextDie, nodeHash } from "./dice.ts";

/**
 * Slices: what takes only a part of its clients, because it comes back slowly or is loaded, takes the same ones all the
 * time. A slice that grows keeps whom it has, and each client changes over once. Clients are told apart by the prefix
 * that hashes read, those without a client subnet by dice.
 */

/** Tells slices from the order of rendezvous hashing, which reads the same prefix and identities. */
const SLICE = 0x3c6ef372;

/** How much of its clients a node takes now: SCALE_ONE, or less for a pool, which is whole while one of its endpoints is. */
export function nodeScale({ policy, rows }: DecideContext, node: number): number {
  const at = node * NODE_WORDS;
  if (policy.nodes[at + NODE_KIND] !== NODE_KIND_POOL) return SCALE_ONE;
  return poolScale(policy.pools, rows.pools, policy.nodes[at + NODE_FIRST]!);
}

function poolScale(pools: Int32Array, rows: Int32Array, pool: number): number {
  const row = pools[pool * POOL_WORDS + POOL_ROW]!;
  return row < 0 ? SCALE_ONE : SCALE_ONE - rows[row * POOL_ROW_WORDS + POOL_ROW_LACK]!;
}

/**
 * Writes what each of a run of entries weighs now, its weight times the scale of its pool, to `context.entryWeights`, and
 * the sum of those not drawn yet to FRACTION_TOTAL. Scales are parts of a power of two: sums and comparisons of these
 * weights are exact.
 */
export function weighEntries(context: DecideContext, first: number, end: number): void {
  const { drawn, entryWeights, fractions, heedsLack, policy, rows } = context;
  const { entries } = policy;
  const { pools } = rows;
  let total = 0;
  for (let entry = first; entry < end; entry++) {
    const at = entry * ENTRY_WORDS;
    const weight = entries[at + ENTRY_WEIGHT]!;
    const row = entries[at + ENTRY_ROW]!;
    const lack = row < 0 || heedsLack === 0 ? 0 : pools[row * POOL_ROW_WORDS + POOL_ROW_LACK]!;
    const now = lack === 0 ? weight : (weight * (SCALE_ONE - lack)) / SCALE_ONE;
    entryWeights[entry] = now;
    if (drawn[entry] === 0) total += now;
  }
  fractions[FRACTION_TOTAL] = total;
}

/** True when an endpoint of the pool takes less than its weight. */
export function isUneven({ policy, rows }: DecideContext, pool: number): boolean {
  const row = policy.pools[pool * POOL_WORDS + POOL_ROW]!;
  return row >= 0 && rows.pools[row * POOL_ROW_WORDS + POOL_ROW_UNEVEN] !== 0;
}

/** True for kinds that share by weight: a scale is a factor on it, and no client is left alone. */
export function weighsByScale(kind: NodeKindWord): boolean {
  return kind === NODE_KIND_WEIGHTED || kind === NODE_KIND_ROUND_ROBIN || kind === NODE_KIND_HASH;
}

/** True when a node takes this client: A and AAAA of one second agree. */
export function nodeTakes(context: DecideContext, node: number): boolean {
  const scale = nodeScale(context, node);
  if (scale === SCALE_ONE) return true;
  const { nodes } = context.policy;
  const at = node * NODE_WORDS;
  const hash =
    context.slicesByHash === 0
      ? nodeHash(context.ownerHash, context.client, context.clockS[0]!, nodes[at + NODE_SEED]! ^ SLICE, 0)
      : finishHash(mixWord(mixWord(SLICE, context.hashKey), nodes[at + NODE_IDENTITY]!));
  return hash >>> 16 < scale;
}

/**
 * Says how the endpoints of the next pool tell clients apart. Where dice do, one is thrown for all of them and for good:
 * an endpoint that is come across twice would else have two chances, and more clients than its part.
 */
export function beginSlices(context: DecideContext): void {
  context.sliceKey = context.slicesByHash === 0 ? nextDie(context.dice) : context.hashKey;
}

/** True when an endpoint of this scale takes this client; asked after beginSlices. */
export function endpointTakes(context: DecideContext, endpoint: number, scale: number): boolean {
  if (scale === SCALE_ONE) return true;
  const { endpoints } = context.policy;
  const high = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_HIGH]!;
  const low = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_LOW]!;
  const hash = finishHash(mixWord(mixWord(mixWord(SLICE, context.sliceKey), high), low));
  return hash >>> 16 < scale;
}
