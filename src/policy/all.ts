import { keepLeast } from "./candidates.ts";
import { type DecideContext, FRACTION_KEY, MAX_CANDIDATES } from "./context.ts";
import {
  ADDRESS_OCTETS,
  ADDRESS_WORDS,
  NODE_COUNT,
  NODE_FIRST,
  NODE_MAX_ANSWERS,
  NODE_SEED,
  NODE_WORDS,
} from "./data.ts";
import { nodeHash, scaleHash } from "./dice.ts";
import { isSameSubnet } from "./subnet.ts";

/**
 * The child of an `all` that comes `turn` places after the first: an index into PolicyData.entries, or -1. The dice
 * between nodes say which is first, so that A and AAAA begin with the same region.
 */
export function unionEntry(context: DecideContext, node: number, turn: number): number {
  const { nodes } = context.policy;
  const at = node * NODE_WORDS;
  const count = nodes[at + NODE_COUNT]!;
  if (turn >= count) return -1;
  const hash = nodeHash(context.ownerHash, context.client, context.clockS[0]!, nodes[at + NODE_SEED]!, 0);
  return nodes[at + NODE_FIRST]! + ((scaleHash(hash, count) + turn) % count);
}

/**
 * Takes what a child has appended since `from` into the union that began at `base`: without the addresses that are there
 * already (RFC 2181 section 5: an RRset has no duplicates).
 */
export function joinUnion(context: DecideContext, base: number, from: number): void {
  const { picked, rounds } = context;
  let end = from;
  for (let i = from; i < context.pickedCount; i++) {
    const address = picked[i]!;
    if (isAmong(context, address, base, from)) continue;
    picked[end] = address;
    rounds[end] = end - from;
    end++;
  }
  context.pickedCount = end;
}

/** True when one of the picked addresses from `base` up to `end` has the same octets. */
function isAmong(context: DecideContext, address: number, base: number, end: number): boolean {
  const { addresses } = context.policy;
  const words = context.family === 4 ? 1 : 4;
  const at = address * ADDRESS_WORDS + ADDRESS_OCTETS;
  for (let i = base; i < end; i++) {
    const other = context.picked[i]! * ADDRESS_WORDS + ADDRESS_OCTETS;
    let word = 0;
    while (word < words && addresses[at + word] === addresses[other + word]) word++;
    if (word === words) return true;
  }
  return false;
}

/**
 * Cuts the union that began at `base` down to the node's `max_answers`: addresses of different subnets first, and among
 * those one of each child after the other.
 */
export function limitUnion(context: DecideContext, node: number, base: number): void {
  const { candidates, family, picked, policy, rounds } = context;
  const most = policy.nodes[node * NODE_WORDS + NODE_MAX_ANSWERS]!;
  const end = context.pickedCount;
  if (end - base <= most) return;
  let count = 0;
  for (let i = base; i < end; i++) {
    const round = rounds[i]!;
    let neighbours = 0;
    for (let j = base; j < end; j++) {
      const isBefore = rounds[j]! < round || (rounds[j] === round && j < i);
      if (isBefore && isSameSubnet(policy.addresses, picked[i]!, picked[j]!, family)) neighbours++;
    }
    context.fractions[FRACTION_KEY] = (neighbours * MAX_CANDIDATES + round) * MAX_CANDIDATES + i - base;
    count = keepLeast(context, picked[i]!, count, most);
  }
  for (let i = 0; i < most; i++) picked[base + i] = candidates[i]!;
  context.pickedCount = base + most;
}
