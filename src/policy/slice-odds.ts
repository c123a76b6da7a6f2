import { SCALE_ONE } from "../health/ramp.ts";
import type { DecideContext } from "./context.ts";
import {
  ENTRY_NODE,
  ENTRY_WORDS,
  LAST_RESORT_NONE,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_ASN,
  NODE_KIND_FAILOVER,
  NODE_KIND_GEO,
  NODE_KIND_NEAREST,
  NODE_KIND_POOL,
  NODE_KIND_SUBNETS,
  NODE_LAST_RESORT,
  NODE_LATCH,
  NODE_SEED,
  NODE_WORDS,
  type NodeKindWord,
  PASS_NORMAL,
} from "./data.ts";
import type { Odds } from "./explanation.ts";
import { entriesInReach, poolFails } from "./odds.ts";
import { nodeScale, weighsByScale } from "./slice.ts";

/**
 * How likely each entry of an ordered node is, where pools take only a part of their clients and dice say which: those of
 * resolvers that tell no client subnet. For explain: off the query path; allocates.
 */

const ORDERED: ReadonlySet<number> = new Set([
  NODE_KIND_FAILOVER,
  NODE_KIND_GEO,
  NODE_KIND_SUBNETS,
  NODE_KIND_ASN,
  NODE_KIND_NEAREST,
]);

/** Every set of pools that take the client is looked at. */
const MAX_SLICED = 10;

/**
 * Odds by entry. Null: no dice choose here, there are too many to look at, or all entries may leave a client alone and
 * others, outside of the node, get it: then what the node is asked for depends on those. `isRoot`: there are no others.
 */
export function slicedOdds(
  context: DecideContext,
  node: number,
  pass: number,
  isRoot: boolean,
): ReadonlyMap<number, Odds> | null {
  const { nodes } = context.policy;
  const at = node * NODE_WORDS;
  if (pass !== PASS_NORMAL || context.slicesByHash !== 0 || !ORDERED.has(nodes[at + NODE_KIND]!)) return null;
  const sliced = new Map<number, number>();
  addSliced(context, node, sliced, new Set());
  if (sliced.size === 0 || sliced.size > MAX_SLICED) return null;
  const order = orderOf(context, node);
  const chances = new Map(order.map((entry) => [entry, 0]));
  let left = 0;
  for (const [taken, chance] of outcomes([...sliced])) {
    const chosen = order.find((entry) => takes(context, node, entry, taken));
    if (chosen === undefined) left += chance;
    else chances.set(chosen, chances.get(chosen)! + chance);
  }
  if (left > 0) {
    if (!isRoot && nodes[at + NODE_LAST_RESORT] === LAST_RESORT_NONE) return null;
    // Walked again, and now nobody leaves a client alone.
    const everyPool = new Set(sliced.keys());
    const first = order.find((entry) => takes(context, node, entry, everyPool));
    if (first === undefined) return null;
    chances.set(first, chances.get(first)! + left);
  }
  if ([...chances.values()].some((chance) => chance === 1)) return null;
  return new Map(
    [...chances].map(([entry, chance]): [number, Odds] => [entry, { chance, part: chance, of: 1 }]),
  );
}

/** What the dice of a pool's clients are thrown with: nodes of the same pool have the same. */
function dieOf({ policy }: DecideContext, node: number): number {
  return policy.nodes[node * NODE_WORDS + NODE_SEED]!;
}

/** Adds the dice of the pools below a node that take a part of their clients, with that part of 1. */
function addSliced(
  context: DecideContext,
  node: number,
  sliced: Map<number, number>,
  visited: Set<number>,
): void {
  if (visited.has(node)) return;
  visited.add(node);
  const kind = context.policy.nodes[node * NODE_WORDS + NODE_KIND]! as NodeKindWord;
  for (const entry of entriesInReach(context, node)) {
    const child = childOf(context, entry);
    if (isSettled(context, child)) continue;
    if (!isPool(context, child)) addSliced(context, child, sliced, visited);
    else if (!weighsByScale(kind) && nodeScale(context, child) < SCALE_ONE)
      sliced.set(dieOf(context, child), nodeScale(context, child) / SCALE_ONE);
  }
}

/** Every set of dice that take the client, with its chance. */
function outcomes(sliced: readonly (readonly [die: number, part: number])[]): [Set<number>, number][] {
  return Array.from({ length: 2 ** sliced.length }, (_, set) => {
    const taken = new Set<number>();
    let chance = 1;
    for (const [index, [die, part]] of sliced.entries()) {
      if ((set & (1 << index)) !== 0) taken.add(die);
      chance *= taken.has(die) ? part : 1 - part;
    }
    return [taken, chance];
  });
}

/** Whether the entry answers a client that these dice take. */
function takes(context: DecideContext, node: number, entry: number, taken: ReadonlySet<number>): boolean {
  const child = childOf(context, entry);
  const { nodes } = context.policy;
  const kind = nodes[node * NODE_WORDS + NODE_KIND]! as NodeKindWord;
  if (isPool(context, child)) {
    const isTaken =
      weighsByScale(kind) || nodeScale(context, child) === SCALE_ONE || taken.has(dieOf(context, child));
    if (!isTaken) return false;
    return (
      isSettled(context, child) || !poolFails(context, nodes[child * NODE_WORDS + NODE_FIRST]!, PASS_NORMAL)
    );
  }
  return (
    isSettled(context, child) ||
    entriesInReach(context, child).some((below) => takes(context, child, below, taken))
  );
}

/** The node's entries in the order in which this client tries them. */
function orderOf(context: DecideContext, node: number): number[] {
  const order = entriesInReach(context, node);
  const { nodes } = context.policy;
  const at = node * NODE_WORDS;
  if (nodes[at + NODE_KIND] !== NODE_KIND_FAILOVER || nodes[at + NODE_LATCH]! < 0) return order;
  const [held] = order.splice(context.held[node]!, 1);
  return [held!, ...order];
}

function childOf({ policy }: DecideContext, entry: number): number {
  return policy.entries[entry * ENTRY_WORDS + ENTRY_NODE]!;
}

function isPool({ policy }: DecideContext, node: number): boolean {
  return policy.nodes[node * NODE_WORDS + NODE_KIND] === NODE_KIND_POOL;
}

/** A node with a last resort of its own never fails. */
function isSettled({ policy }: DecideContext, node: number): boolean {
  return policy.nodes[node * NODE_WORDS + NODE_LAST_RESORT] !== LAST_RESORT_NONE;
}
