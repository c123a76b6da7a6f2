import { CHAIN_ENTRY_MASK, CHAIN_TIED } from "../geo/table.ts";
import type { DecideContext } from "./context.ts";
import {
  ENTRY_WEIGHT,
  ENTRY_WORDS,
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_ADAPTIVE,
  NODE_KIND_ALL,
  NODE_KIND_FAILOVER,
  NODE_KIND_HASH,
  NODE_KIND_LATENCY,
  NODE_KIND_LEAST_CONNECTIONS,
  NODE_KIND_LEAST_RESPONSE_TIME,
  NODE_KIND_P2C,
  NODE_KIND_POOL,
  NODE_KIND_ROUND_ROBIN,
  NODE_KIND_WEIGHTED,
  NODE_LATCH,
  NODE_WORDS,
  type NodeKindWord,
  PASS_NORMAL,
} from "./data.ts";
import type { Odds } from "./explanation.ts";
import { computedOdds, loadChances } from "./load-odds.ts";
import { weighEntries } from "./slice.ts";
import {
  chainWords,
  EVERYBODY,
  entriesInReach,
  isSettled,
  type Outcome,
  sliceOutcomes,
  takersIn,
} from "./slice-odds.ts";

/**
 * How likely each entry of a node was, for explain: computed from the same weights, figures and slices that the decision
 * reads. Off the query path; allocates.
 */

type Shares = ReadonlyMap<number, Odds>;

/**
 * The odds of a node's entries, for this client and this health: where dice or turns decide between them, and always where
 * load does. Null: nothing is thrown here; there is too much to look at; or all entries may leave the client alone, and
 * others, outside of the node, take it: then what the node is asked for depends on those. `isRoot`: there are none.
 */
export function entryOdds(
  context: DecideContext,
  node: number,
  pass: number,
  isRoot: boolean,
): ReadonlyMap<number, Odds> | null {
  const kind = context.policy.nodes[node * NODE_WORDS + NODE_KIND]! as NodeKindWord;
  const outcomes = sliceOutcomes(context, node, pass);
  if (outcomes === null || (outcomes.length > 1 && kind === NODE_KIND_ROUND_ROBIN)) return null;
  if (outcomes.length * context.policy.nodes[node * NODE_WORDS + NODE_COUNT]! > context.oddsBudget)
    return null;
  const found: [shares: Shares, chance: number][] = [];
  let left = 0;
  for (const outcome of outcomes) {
    const shares = sharesIn(context, node, kind, pass, outcome);
    if (shares === null) return null;
    if (shares.size === 0) left += outcome.chance;
    else found.push([shares, outcome.chance]);
  }
  if (left > 0) {
    // Others may take the client; if not, or if this node alone has it, it is walked again, and nobody leaves it alone.
    if (found.length > 0 && !isRoot && !isSettled(context, node)) return null;
    const shares = sharesIn(context, node, kind, pass, EVERYBODY);
    if (shares === null || shares.size === 0) return null;
    found.push([shares, left]);
  }
  const odds = found.length === 1 ? found[0]![0] : joined(entriesInReach(context, node), found);
  const isCertain = [...odds.values()].some(({ chance, part }) => chance === 1 && part === null);
  return isCertain && !goesByLoad(kind) ? null : odds;
}

/** What each outcome gives an entry, in proportion to the outcome's chance. */
function joined(entries: readonly number[], found: readonly (readonly [Shares, number])[]): Shares {
  const chances = new Map(entries.map((entry) => [entry, 0]));
  for (const [shares, part] of found)
    for (const [entry, { chance }] of shares) chances.set(entry, (chances.get(entry) ?? 0) + chance * part);
  return computed(chances);
}

function computed(chances: ReadonlyMap<number, number>): Shares {
  return new Map([...chances].map(([entry, chance]) => [entry, computedOdds(chance)]));
}

function goesByLoad(kind: NodeKindWord): boolean {
  return (
    kind === NODE_KIND_LEAST_RESPONSE_TIME ||
    kind === NODE_KIND_LEAST_CONNECTIONS ||
    kind === NODE_KIND_ADAPTIVE ||
    kind === NODE_KIND_P2C
  );
}

/** The odds where the slices' dice have fallen as the outcome says. Empty: no entry takes the client. Null: too much to look at. */
function sharesIn(
  context: DecideContext,
  node: number,
  kind: NodeKindWord,
  pass: number,
  outcome: Outcome,
): Shares | null {
  const isTaker = takersIn(context, pass, outcome);
  const takes = (entry: number): boolean => isTaker(node, entry);
  if (kind === NODE_KIND_POOL || kind === NODE_KIND_ALL || kind === NODE_KIND_HASH) return null;
  if (goesByLoad(kind)) {
    const chances = loadChances(context, node, takes);
    return chances === null ? null : computed(chances);
  }
  if (kind === NODE_KIND_LATENCY) return tiedShares(context, node, takes);
  if (kind === NODE_KIND_WEIGHTED || kind === NODE_KIND_ROUND_ROBIN)
    return weightShares(context, node, pass, takes);
  const first = orderOf(context, node, kind).find(takes);
  return first === undefined ? new Map() : computed(new Map([[first, 1]]));
}

function weightShares(
  context: DecideContext,
  node: number,
  pass: number,
  takes: (entry: number) => boolean,
): Shares {
  const { entries, nodes } = context.policy;
  const first = nodes[node * NODE_WORDS + NODE_FIRST]!;
  weighEntries(context, first, first + nodes[node * NODE_WORDS + NODE_COUNT]!);
  const weigh = (entry: number): number =>
    pass === PASS_NORMAL
      ? Math.round(context.entryWeights[entry]! * 100) / 100
      : entries[entry * ENTRY_WORDS + ENTRY_WEIGHT]!;
  const all = entriesInReach(context, node);
  if (!all.some(takes)) return new Map();
  return sharesOf(new Map(all.map((entry) => [entry, takes(entry) ? weigh(entry) : null])));
}

/** Each one's part of the sum; null takes no part. When nothing weighs anything, all that take part are alike. */
export function sharesOf(weights: ReadonlyMap<number, number | null>): Map<number, Odds> {
  let sum = 0;
  let present = 0;
  for (const weight of weights.values()) {
    if (weight === null) continue;
    sum += weight;
    present++;
  }
  const shares = new Map<number, Odds>();
  for (const [key, weight] of weights) {
    const part = weight === null ? 0 : sum === 0 ? 1 : weight;
    const of = sum === 0 ? present : sum;
    shares.set(key, { chance: of === 0 ? 0 : part / of, part, of });
  }
  return shares;
}

/** `latency`: of the nearest group of which anybody takes the client, those that do are alike. */
function tiedShares(context: DecideContext, node: number, takes: (entry: number) => boolean): Shares {
  const first = context.policy.nodes[node * NODE_WORDS + NODE_FIRST]!;
  const groups: number[][] = [];
  for (const word of chainWords(context, node)) {
    const entry = first + (word & CHAIN_ENTRY_MASK);
    if ((word & CHAIN_TIED) !== 0) groups.at(-1)!.push(entry);
    else groups.push([entry]);
  }
  const group = groups.find((entries) => entries.some(takes));
  if (group === undefined) return new Map();
  if (group.length === 1) return computed(new Map([[group[0]!, 1]]));
  return sharesOf(new Map(group.map((entry) => [entry, takes(entry) ? 1 : null])));
}

/** The entries of an ordered node as this client tries them. */
function orderOf(context: DecideContext, node: number, kind: NodeKindWord): number[] {
  const order = entriesInReach(context, node);
  if (kind !== NODE_KIND_FAILOVER || context.policy.nodes[node * NODE_WORDS + NODE_LATCH]! < 0) return order;
  const [held] = order.splice(context.held[node]!, 1);
  return [held!, ...order];
}
