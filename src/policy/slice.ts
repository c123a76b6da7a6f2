import { SCALE_ONE } from "../health/ramp.ts";
import { POOL_ROW_LACK, POOL_ROW_UNEVEN, POOL_ROW_WORDS } from "../health/rows.ts";
import type { DecideContext } from "./context.ts";
import {
  ENDPOINT_IDENTITY_HIGH,
  ENDPOINT_IDENTITY_LOW,
  ENDPOINT_WORDS,
  ENTRY_NODE,
  ENTRY_WEIGHT,
  ENTRY_WORDS,
  NODE_FIRST,
  NODE_IDENTITY,
  NODE_KIND,
  NODE_KIND_POOL,
  NODE_SEED,
  NODE_WORDS,
  POOL_ROW,
  POOL_WORDS,
} from "./data.ts";
import { finishHash, mixWord, nodeHash, rollBelow } from "./dice.ts";

/**
 * Slices: what takes only a part of its clients, because it comes back slowly or is loaded, takes the same ones all the
 * time. A slice that grows keeps whom it has, and each client changes over once. Clients are told apart by the prefix
 * that hashes read, those without a client subnet by dice.
 */

/** Tells slices from the order of rendezvous hashing, which reads the same prefix and identities. */
const SLICE = 0x3c6ef372;

/** How much of its clients what is at the end of an entry takes now: SCALE_ONE, or less for a pool. */
function entryScale(context: DecideContext, entry: number): number {
  return context.heedsLack === 0
    ? SCALE_ONE
    : nodeScale(context, context.policy.entries[entry * ENTRY_WORDS + ENTRY_NODE]!);
}

/** The same of a node: a pool is whole while one of its endpoints is. */
export function nodeScale({ policy, rows }: DecideContext, node: number): number {
  const at = node * NODE_WORDS;
  if (policy.nodes[at + NODE_KIND] !== NODE_KIND_POOL) return SCALE_ONE;
  return poolScale(policy.pools, rows.pools, policy.nodes[at + NODE_FIRST]!);
}

function poolScale(pools: Int32Array, rows: Int32Array, pool: number): number {
  const row = pools[pool * POOL_WORDS + POOL_ROW]!;
  return row < 0 ? SCALE_ONE : SCALE_ONE - rows[row * POOL_ROW_WORDS + POOL_ROW_LACK]!;
}

/** True when one of the entries takes only a part of its clients. */
function isLacking(context: DecideContext, first: number, end: number): boolean {
  for (let entry = first; entry < end; entry++) if (entryScale(context, entry) < SCALE_ONE) return true;
  return false;
}

/**
 * What an entry weighs now: its weight times the scale of its pool. `unit`: 1 while all entries are whole, else SCALE_ONE,
 * so that it is a whole number.
 */
export function entryWeight(context: DecideContext, entry: number, unit: number): number {
  const weight = context.policy.entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]!;
  return unit === 1 ? weight : weight * entryScale(context, entry);
}

/** The same as a number that may have a fraction. */
export function entryPart(context: DecideContext, entry: number): number {
  return (
    (context.policy.entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]! * entryScale(context, entry)) / SCALE_ONE
  );
}

/** The unit of the weights of a run of entries. */
export function weightUnit(context: DecideContext, first: number, end: number): number {
  return isLacking(context, first, end) ? SCALE_ONE : 1;
}

/** True when an endpoint of the pool takes less than its weight. */
export function isUneven({ policy, rows }: DecideContext, pool: number): boolean {
  const row = policy.pools[pool * POOL_WORDS + POOL_ROW]!;
  return row >= 0 && rows.pools[row * POOL_ROW_WORDS + POOL_ROW_UNEVEN] !== 0;
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

/** True when an endpoint of this scale takes this client. */
export function endpointTakes(context: DecideContext, endpoint: number, scale: number): boolean {
  if (scale === SCALE_ONE) return true;
  if (context.slicesByHash === 0) return rollBelow(context.dice, SCALE_ONE) < scale;
  const { endpoints } = context.policy;
  const high = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_HIGH]!;
  const low = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_IDENTITY_LOW]!;
  const hash = finishHash(mixWord(mixWord(mixWord(SLICE, context.hashKey), high), low));
  return hash >>> 16 < scale;
}
