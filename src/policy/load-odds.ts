import type { DecideContext } from "./context.ts";
import {
  NODE_COUNT,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_ADAPTIVE,
  NODE_KIND_LEAST_CONNECTIONS,
  NODE_KIND_P2C,
  NODE_PARTS,
  NODE_WORDS,
} from "./data.ts";
import type { Odds } from "./explanation.ts";
import {
  FIGURE_TIED,
  FIGURE_WEIGHT,
  FIGURE_WORDS,
  lateness,
  MEASURE_ADAPTIVE,
  MEASURE_CONNECTIONS,
  MEASURE_LOAD,
  MEASURE_RESPONSE_TIME,
  type Measure,
  priceCandidates,
  tiedWeight,
} from "./load.ts";
import { gather } from "./load-node.ts";
import { FIRST_ATTEMPTS } from "./rest.ts";

/**
 * How likely each entry of a node that goes by load is: what its dice can draw, attempt by attempt, as long as what they
 * draw does not take the client. For explain: off the query path; allocates.
 */

/** Times of noteArrival are exponential with this rate: they are binary logarithms. */
const ARRIVAL_RATE = Math.LN2;

/** One that competes: what it costs and weighs, and what it is known by. */
export interface Contender {
  id: number;
  cost: number;
  weight: number;
}

/** Less than this is what sums of fractions are off. */
const OFF = 1e-9;

export function computedOdds(chance: number): Odds {
  return { chance: chance < OFF ? 0 : chance > 1 - OFF ? 1 : chance, part: null, of: null };
}

/** How likely each entry is that takes the client. Empty: none does. Null: there is too much to look at. */
export function loadChances(
  context: DecideContext,
  node: number,
  takes: (entry: number) => boolean,
): Map<number, number> | null {
  const kind = context.policy.nodes[node * NODE_WORDS + NODE_KIND]!;
  const measure = measureOf(kind);
  const chances = new Map<number, number>();
  const settle = (entry: number, chance: number): void => {
    chances.set(entry, (chances.get(entry) ?? 0) + chance);
  };
  let looks = 0;
  /** By what has been tried in vain: how likely it comes to that. */
  let open = new Map([["", { tried: [] as number[], chance: 1 }]]);
  for (let attempt = 0; open.size > 0; attempt++) {
    const next: typeof open = new Map();
    for (const { tried, chance } of open.values()) {
      const contenders = contendersAfter(context, node, measure, tried);
      looks += contenders.length * (kind === NODE_KIND_P2C ? contenders.length : 1);
      if (looks > context.oddsBudget) return null;
      const isLate = attempt >= FIRST_ATTEMPTS;
      const drawn = isLate
        ? lateChances(contenders, kind, measure, takes)
        : kind === NODE_KIND_P2C
          ? pairChances(contenders)
          : tiedChances(
              context,
              contenders.map(({ id }) => id),
              measure,
            );
      for (const [entry, part] of drawn) {
        if (takes(entry)) settle(entry, chance * part);
        else if (part > 0 && !isLate) leave(next, [...tried, entry], chance * part);
      }
      if (isLate && drawn.size === 0 && contenders.length > 0)
        leave(next, [...tried, ...contenders.map(({ id }) => id)], chance);
    }
    open = next;
  }
  return withZeros(context, node, chances);
}

function withZeros({ policy }: DecideContext, node: number, chances: Map<number, number>): typeof chances {
  if (chances.size === 0) return chances;
  const first = policy.nodes[node * NODE_WORDS + NODE_FIRST]!;
  const count = policy.nodes[node * NODE_WORDS + NODE_COUNT]!;
  return new Map(Array.from({ length: count }, (_, i) => [first + i, chances.get(first + i) ?? 0]));
}

function leave(
  open: Map<string, { tried: number[]; chance: number }>,
  tried: number[],
  chance: number,
): void {
  const sorted = tried.toSorted((a, b) => a - b);
  const key = sorted.join();
  const known = open.get(key);
  if (known === undefined) open.set(key, { tried: sorted, chance });
  else known.chance += chance;
}

function measureOf(kind: number): Measure {
  if (kind === NODE_KIND_P2C) return MEASURE_LOAD;
  if (kind === NODE_KIND_ADAPTIVE) return MEASURE_ADAPTIVE;
  return kind === NODE_KIND_LEAST_CONNECTIONS ? MEASURE_CONNECTIONS : MEASURE_RESPONSE_TIME;
}

/** The entries among which the decision throws after these have been tried, priced, as `candidates` and `figures` have them. */
function contendersAfter(
  context: DecideContext,
  node: number,
  measure: Measure,
  tried: readonly number[],
): Contender[] {
  const { candidateKeys, candidates, drawn, figures, policy } = context;
  const first = policy.nodes[node * NODE_WORDS + NODE_FIRST]!;
  drawn.fill(0, first, first + policy.nodes[node * NODE_WORDS + NODE_COUNT]!);
  for (const entry of tried) drawn[entry] = 1;
  const count = gather(context, node, measure, 1);
  priceCandidates(context, count, measure, policy.nodes[node * NODE_WORDS + NODE_PARTS]!);
  return Array.from({ length: count }, (_, place) => ({
    id: candidates[place]!,
    cost: candidateKeys[place]!,
    weight: figures[place * FIGURE_WORDS + FIGURE_WEIGHT]!,
  }));
}

/** In proportion to weight among those that are as good as the best. `ids`: what the candidates of `context` are known by. */
export function tiedChances(
  context: DecideContext,
  ids: readonly number[],
  measure: Measure,
): Map<number, number> {
  if (ids.length === 0) return new Map();
  const total = tiedWeight(context, 0, ids.length, measure);
  return new Map(ids.map((id, place) => [id, context.figures[place * FIGURE_WORDS + FIGURE_TIED]! / total]));
}

/** Two are drawn in proportion to weight, the second without the first; the cheaper wins, of equal ones the first. */
export function pairChances(contenders: readonly Contender[]): Map<number, number> {
  const chances = new Map(contenders.map(({ id }) => [id, contenders.length === 1 ? 1 : 0]));
  if (contenders.length === 1) return chances;
  const total = contenders.reduce((sum, { weight }) => sum + weight, 0);
  for (const first of contenders) {
    for (const second of contenders) {
      if (first === second) continue;
      const chance = (first.weight / total) * (second.weight / (total - first.weight));
      const winner = second.cost < first.cost ? second : first;
      chances.set(winner.id, chances.get(winner.id)! + chance);
    }
  }
  return chances;
}

/**
 * After the first attempts all are put in one order, and the first that takes the client is taken. `p2c` orders by weight
 * alone. Else everybody sets out when its cost says and arrives an exponential time later, so that between two starts
 * each of those on their way is the first to arrive in proportion to its rate. Empty: nobody takes the client.
 */
function lateChances(
  contenders: readonly Contender[],
  kind: number,
  measure: Measure,
  takes: (entry: number) => boolean,
): Map<number, number> {
  const runners = contenders
    .filter(({ id }) => takes(id))
    .map(({ id, cost, weight }) =>
      kind === NODE_KIND_P2C
        ? { id, start: 0, rate: weight }
        : { id, start: cost, rate: (ARRIVAL_RATE * weight) / lateness(cost, measure) },
    )
    .sort((a, b) => a.start - b.start);
  const chances = new Map(runners.map(({ id }) => [id, 0]));
  /** How likely nobody has arrived yet. */
  let waiting = 1;
  let rates = 0;
  for (const [place, { start, rate }] of runners.entries()) {
    rates += rate;
    const until = runners[place + 1]?.start ?? Number.POSITIVE_INFINITY;
    const still = waiting * Math.exp(-rates * (until - start));
    for (const runner of runners.slice(0, place + 1))
      chances.set(runner.id, chances.get(runner.id)! + ((waiting - still) * runner.rate) / rates);
    waiting = still;
  }
  return chances;
}
