import { CHAIN_ENTRY_MASK } from "../geo/table.ts";
import { SCALE_ONE } from "../health/ramp.ts";
import { POOL_ROW_FAILED, POOL_ROW_UP, POOL_ROW_WORDS } from "../health/rows.ts";
import type { DecideContext } from "./context.ts";
import {
  ENTRY_NODE,
  ENTRY_WORDS,
  LAST_RESORT_NONE,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_POOL,
  NODE_LAST_RESORT,
  NODE_SEED,
  NODE_TABLE,
  NODE_WORDS,
  type NodeKindWord,
  PASS_NORMAL,
  PASS_ONE_UP,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_ROW,
  POOL_STRICT,
  POOL_WORDS,
} from "./data.ts";
import { isEndpointEligible } from "./endpoint.ts";
import { nodeScale, nodeTakes, weighsByScale } from "./slice.ts";

/**
 * Which entries of a node answer the client, where pools take only a part of their clients: those of resolvers that tell
 * no client subnet are divided by dice, so that there are several outcomes, each with its chance. For explain: off the
 * query path; allocates.
 */

/** Every set of pools that take the client is looked at. */
export const MAX_SLICED = 10;

/** Pools that take the client, by their dice, and how likely that is. */
export interface Outcome {
  /** Null: nobody leaves a client alone. */
  taken: ReadonlySet<number> | null;
  chance: number;
}

/** As it is in all but the first walk. */
export const EVERYBODY: Outcome = { taken: null, chance: 1 };

/** What the dice below a node can say to this client. Null: that is more than can be looked at. */
export function sliceOutcomes(context: DecideContext, node: number, pass: number): Outcome[] | null {
  if (pass !== PASS_NORMAL) return [EVERYBODY];
  const sliced = new Map<number, number>();
  addSliced(context, node, sliced, new Set());
  const diced = [...sliced].filter(([, part]) => part > 0 && part < 1);
  if (diced.length > MAX_SLICED) return null;
  const certain = [...sliced].filter(([, part]) => part === 1).map(([die]) => die);
  return Array.from({ length: 2 ** diced.length }, (_, set) => {
    const taken = new Set(certain);
    let chance = 1;
    for (const [index, [die, part]] of diced.entries()) {
      if ((set & (1 << index)) !== 0) taken.add(die);
      chance *= taken.has(die) ? part : 1 - part;
    }
    return { taken, chance };
  });
}

/** What the dice of a pool's clients are thrown with: nodes of the same pool have the same. */
function dieOf({ policy }: DecideContext, node: number): number {
  return policy.nodes[node * NODE_WORDS + NODE_SEED]!;
}

/** Adds the dice of the pools below a node that take a part of their clients, with how likely they take this one. */
function addSliced(
  context: DecideContext,
  node: number,
  sliced: Map<number, number>,
  visited: Set<number>,
): void {
  if (visited.has(node)) return;
  visited.add(node);
  const kind = kindOf(context, node);
  for (const entry of entriesInReach(context, node)) {
    const child = childOf(context, entry);
    if (kindOf(context, child) !== NODE_KIND_POOL) {
      if (!isSettled(context, child)) addSliced(context, child, sliced, visited);
      continue;
    }
    if (weighsByScale(kind) || nodeScale(context, child) === SCALE_ONE) continue;
    const isKnown = context.slicesByHash !== 0;
    const part = isKnown ? Number(nodeTakes(context, child)) : nodeScale(context, child) / SCALE_ONE;
    sliced.set(dieOf(context, child), part);
  }
}

/** Tells whether an entry of a node answers a client of whom dice say the outcome. */
export function takersIn(
  context: DecideContext,
  pass: number,
  { taken }: Outcome,
): (node: number, entry: number) => boolean {
  /** By node, of those that are no pools, and by pool: many entries may share one. */
  const answers = new Map<number, boolean>();
  const failed = new Map<number, boolean>();
  const hasFailed = (pool: number): boolean => {
    const fails = failed.get(pool) ?? poolFails(context, pool, pass);
    failed.set(pool, fails);
    return fails;
  };
  const isTaker = (node: number, entry: number): boolean => {
    const child = childOf(context, entry);
    if (kindOf(context, child) === NODE_KIND_POOL) {
      const leavesAlone =
        taken !== null &&
        !weighsByScale(kindOf(context, node)) &&
        nodeScale(context, child) < SCALE_ONE &&
        !taken.has(dieOf(context, child));
      if (leavesAlone) return false;
      return isSettled(context, child) || !hasFailed(context.policy.nodes[child * NODE_WORDS + NODE_FIRST]!);
    }
    const answer =
      answers.get(child) ??
      (isSettled(context, child) || entriesInReach(context, child).some((below) => isTaker(child, below)));
    answers.set(child, answer);
    return answer;
  };
  return isTaker;
}

/** The node's entries; where a table orders them, those that this client's chain has. */
export function entriesInReach(context: DecideContext, node: number): number[] {
  const { nodes } = context.policy;
  const at = node * NODE_WORDS;
  const first = nodes[at + NODE_FIRST]!;
  if (nodes[at + NODE_TABLE]! >= 0)
    return chainWords(context, node).map((word) => first + (word & CHAIN_ENTRY_MASK));
  return Array.from({ length: nodes[at + NODE_COUNT]! }, (_, i) => first + i);
}

export function chainWords({ classes, policy, tables }: DecideContext, node: number): number[] {
  const start = classes[policy.nodes[node * NODE_WORDS + NODE_TABLE]!]!;
  return Array.from(tables.chains.subarray(start + 1, start + 1 + tables.chains[start]!));
}

function poolFails(context: DecideContext, pool: number, pass: number): boolean {
  const { pools } = context.policy;
  const at = pool * POOL_WORDS;
  const row = pools[at + POOL_ROW]!;
  if (row >= 0) {
    const words = context.rows.pools;
    if (pass === PASS_NORMAL && words[row * POOL_ROW_WORDS + POOL_ROW_FAILED] !== 0) return true;
    if (pass === PASS_ONE_UP && words[row * POOL_ROW_WORDS + POOL_ROW_UP] === 0) return true;
  }
  const first = pools[at + POOL_FIRST_ENDPOINT]!;
  const end = first + pools[at + POOL_ENDPOINT_COUNT]!;
  for (let endpoint = first; endpoint < end; endpoint++) {
    if (isEndpointEligible(context, endpoint, pools[at + POOL_STRICT]!, pass)) return false;
  }
  return true;
}

function childOf({ policy }: DecideContext, entry: number): number {
  return policy.entries[entry * ENTRY_WORDS + ENTRY_NODE]!;
}

function kindOf({ policy }: DecideContext, node: number): NodeKindWord {
  return policy.nodes[node * NODE_WORDS + NODE_KIND]! as NodeKindWord;
}

/** A node with a last resort of its own never fails. */
export function isSettled({ policy }: DecideContext, node: number): boolean {
  return policy.nodes[node * NODE_WORDS + NODE_LAST_RESORT] !== LAST_RESORT_NONE;
}
