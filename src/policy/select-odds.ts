import { SCALE_ONE } from "../health/ramp.ts";
import { POOL_ROW_LOAD, POOL_ROW_WORDS } from "../health/rows.ts";
import type { DecideContext } from "./context.ts";
import {
  POOL_ENDPOINT_COUNT,
  POOL_PARTS,
  POOL_ROW,
  POOL_SELECT,
  POOL_WORDS,
  SELECT_ADAPTIVE,
  SELECT_LEAST_CONNECTIONS,
  SELECT_P2C,
} from "./data.ts";
import {
  FIGURE_WEIGHT,
  MEASURE_ADAPTIVE,
  MEASURE_CONNECTIONS,
  MEASURE_LOAD,
  MEASURE_RESPONSE_TIME,
  priceCandidates,
} from "./load.ts";
import { type Contender, pairChances, tiedChances } from "./load-odds.ts";
import { MOST_COMPARED, noteCandidates } from "./select-load.ts";
import { endpointTakes } from "./slice.ts";
import { MAX_SLICED } from "./slice-odds.ts";

/**
 * How likely each endpoint of a pool that goes by load is, where one address is answered: what the dice can draw, for each
 * set of endpoints that may take the client. For explain: off the query path; allocates.
 */

/** An endpoint that can be picked: its eligible addresses of the asked family, and what it weighs. */
export interface Eligible {
  endpoint: number;
  addresses: number[];
  configured: number;
  /** Of its weight, or of its clients, what it takes now: SCALE_ONE is all. */
  scale: number;
}

/**
 * By place in `eligible`; `context` is a scratch. Null: there is too much to look at, or the decision itself does not look
 * at all of them.
 */
export function loadChancesIn(
  context: DecideContext,
  pool: number,
  pass: number,
  eligible: readonly Eligible[],
): number[] | null {
  const { pools } = context.policy;
  const isPairs = pools[pool * POOL_WORDS + POOL_SELECT] === SELECT_P2C;
  if (!isPairs && pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]! > MOST_COMPARED) return null;
  const parts = eligible.map((candidate) => takenPart(context, candidate));
  const diced = parts.flatMap((part, place) => (part > 0 && part < 1 ? [place] : []));
  const pairs = 2 ** diced.length * eligible.length ** 2;
  if (diced.length > MAX_SLICED || pairs > context.oddsBudget) return null;
  const chances = eligible.map(() => 0);
  for (let set = 0; set < 2 ** diced.length; set++) {
    const taking = parts.map((part) => part === 1);
    let chance = 1;
    for (const [bit, place] of diced.entries()) {
      taking[place] = (set & (1 << bit)) !== 0;
      chance *= taking[place] ? parts[place]! : 1 - parts[place]!;
    }
    const found = isPairs
      ? pairsAmong(context, pool, pass, eligible, taking)
      : leastAmong(context, pool, pass, eligible, taking);
    if (found === null) return null;
    for (const [place, part] of found) chances[place]! += chance * part;
  }
  return chances;
}

/** How likely the endpoint takes this client: for sure where its prefix says so. */
function takenPart(context: DecideContext, { endpoint, scale }: Eligible): number {
  if (context.slicesByHash === 0) return scale / SCALE_ONE;
  context.sliceKey = context.hashKey;
  return Number(endpointTakes(context, endpoint, scale));
}

/** Those with a weight that take the client; else those that take anybody; else all. Places in `eligible`. */
function demanded(eligible: readonly Eligible[], taking: readonly boolean[]): number[] {
  const places = eligible.map((_, place) => place);
  const weighty = places.filter((place) => eligible[place]!.configured > 0);
  const ofClient = weighty.filter((place) => taking[place]);
  if (ofClient.length > 0) return ofClient;
  const ofAnybody = weighty.filter((place) => eligible[place]!.scale > 0);
  return ofAnybody.length > 0 ? ofAnybody : places;
}

function leastAmong(
  context: DecideContext,
  pool: number,
  pass: number,
  eligible: readonly Eligible[],
  taking: readonly boolean[],
): Map<number, number> {
  const { pools } = context.policy;
  const select = pools[pool * POOL_WORDS + POOL_SELECT]!;
  const measure =
    select === SELECT_ADAPTIVE
      ? MEASURE_ADAPTIVE
      : select === SELECT_LEAST_CONNECTIONS
        ? MEASURE_CONNECTIONS
        : MEASURE_RESPONSE_TIME;
  const places = demanded(eligible, taking);
  for (const [at, place] of places.entries()) context.candidates[at] = eligible[place]!.endpoint;
  noteCandidates(context, pool, pass, places.length, measure);
  priceCandidates(context, places.length, measure, pools[pool * POOL_WORDS + POOL_PARTS]!);
  return tiedChances(context, places, measure);
}

/** Null: some report their load and some do not, and the pool's row has no mean yet: nobody is before anybody. */
function pairsAmong(
  context: DecideContext,
  pool: number,
  pass: number,
  eligible: readonly Eligible[],
  taking: readonly boolean[],
): Map<number, number> | null {
  const { policy, rows } = context;
  const places = demanded(eligible, taking);
  const isEven = places.every((place) => eligible[place]!.configured === 0 || eligible[place]!.scale === 0);
  const row = policy.pools[pool * POOL_WORDS + POOL_ROW]!;
  const mean = row < 0 ? -1 : rows.pools[row * POOL_ROW_WORDS + POOL_ROW_LOAD]!;
  const contenders = places.map((place): Contender => {
    context.candidates[0] = eligible[place]!.endpoint;
    noteCandidates(context, pool, pass, 1, MEASURE_LOAD);
    const load = context.figures[0]!;
    const weight = isEven ? 1 : context.figures[FIGURE_WEIGHT]!;
    return { id: place, cost: Number.isNaN(load) ? mean : load, weight };
  });
  const isMixed = mean < 0 && contenders.some(({ cost }) => cost !== mean);
  return isMixed && contenders.some(({ cost }) => cost < 0) ? null : pairChances(contenders);
}
