import { SCALE_ONE } from "../health/ramp.ts";
import { MAX_ADDRESSES } from "../wire/answer.ts";
import { type DecideContext, MAX_CANDIDATES } from "./context.ts";
import {
  ENDPOINT_WEIGHT,
  ENDPOINT_WORDS,
  PASS_ALL,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_MAX_ANSWERS,
  POOL_SELECT,
  POOL_STRICT,
  POOL_WORDS,
  SELECT_ALL,
  SELECT_HASH,
  SELECT_ROUND_ROBIN,
  SELECT_SMOOTH_ROUND_ROBIN,
  SELECT_WEIGHTED,
} from "./data.ts";
import { appendEndpoint, scaleFrom } from "./endpoint.ts";
import type { Odds } from "./explanation.ts";
import { computedOdds } from "./load-odds.ts";
import { sharesOf } from "./odds.ts";
import { pickPool } from "./pool.ts";
import { isApart } from "./select.ts";
import { type Eligible, loadChancesIn } from "./select-odds.ts";

/**
 * How likely each address of a pool was, for explain: computed where one address is answered, or any that stand next to
 * each other; otherwise counted in draws of the decision's own code. Off the query path; allocates.
 */

/** Odds of a pool's addresses by index into PolicyData.addresses. */
export interface PoolOdds {
  /** Draws that they were counted in; null: they are exact. */
  draws: number | null;
  byAddress: ReadonlyMap<number, Odds>;
}

/** The odds of a pool's addresses where dice, turns or load pick among them; null: they do not. */
export function poolOdds(context: DecideContext, pool: number, pass: number): PoolOdds | null {
  const { pools } = context.policy;
  const at = pool * POOL_WORDS;
  const select = pools[at + POOL_SELECT]!;
  const scratch = scratchOf(context);
  const eligible = eligibleOf(scratch, pool, pass);
  const limit = Math.min(pools[at + POOL_MAX_ANSWERS]!, MAX_ADDRESSES);
  const addressCount = eligible.reduce((sum, { addresses }) => sum + addresses.length, 0);
  if (select === SELECT_HASH || addressCount <= 1 || (limit > 1 && addressCount <= limit)) return null;
  const exact =
    limit === 1
      ? oneOdds(scratch, pool, pass, eligible, select)
      : windowOdds(context, pool, eligible, select, limit);
  return exact === null ? countedOdds(scratch, pool, pass, eligible) : { draws: null, byAddress: exact };
}

/** One address is answered: an endpoint by weight or load, and any of its addresses. Null: not that simple. */
function oneOdds(
  scratch: DecideContext,
  pool: number,
  pass: number,
  eligible: Eligible[],
  select: number,
): Map<number, Odds> | null {
  if (select === SELECT_WEIGHTED || select === SELECT_SMOOTH_ROUND_ROBIN) return spread(eligible, weightNow);
  if (select === SELECT_ALL || select === SELECT_ROUND_ROBIN) {
    if (eligible.some(isScaled)) return null;
    return spread(eligible, ({ configured }) => (select === SELECT_ALL ? Math.min(configured, 1) : 1));
  }
  // Nothing that was measured of endpoints that are all down counts.
  if (pass === PASS_ALL) return spread(eligible, weightNow);
  const chances = loadChancesIn(scratch, pool, pass, eligible);
  if (chances === null) return null;
  const odds = new Map<number, Odds>();
  for (const [place, { addresses }] of eligible.entries())
    for (const address of addresses) odds.set(address, computedOdds(chances[place]! / addresses.length));
  return odds;
}

function weightNow({ configured, scale }: Eligible): number {
  return (configured * scale) / SCALE_ONE;
}

function isScaled({ configured, scale }: Eligible): boolean {
  return configured !== 0 && scale !== SCALE_ONE;
}

function spread(eligible: Eligible[], weigh: (endpoint: Eligible) => number): Map<number, Odds> {
  const shares = sharesOf(new Map(eligible.map((endpoint, i) => [i, weigh(endpoint)])));
  const odds = new Map<number, Odds>();
  eligible.forEach(({ addresses }, i) => {
    const { chance, part, of } = shares.get(i)!;
    for (const address of addresses) odds.set(address, { chance: chance / addresses.length, part, of });
  });
  return odds;
}

/** `select: all` in one subnet: every window of neighbours is as likely as every other. */
function windowOdds(
  context: DecideContext,
  pool: number,
  eligible: Eligible[],
  select: number,
  limit: number,
): Map<number, Odds> | null {
  if (select !== SELECT_ALL || isApart(context, pool)) return null;
  if (eligible.some(isScaled)) return null;
  const weighty = eligible.filter(({ configured }) => configured > 0);
  const competing = new Set(weighty.length > 0 ? weighty : eligible);
  if (eligible.some(({ addresses }) => addresses.length > 1)) return null;
  const part = Math.min(limit, competing.size);
  const odds = { chance: part / competing.size, part, of: competing.size };
  const none = { chance: 0, part: 0, of: competing.size };
  return new Map(eligible.map((endpoint) => [endpoint.addresses[0]!, competing.has(endpoint) ? odds : none]));
}

/** Draws that give a percentage to about one point, and so few that they tell nothing. */
const MOST_DRAWS = 10_000;
const LEAST_DRAWS = 100;
/** What a draw takes besides its endpoints, in endpoints. */
const DRAW_LOOKS = 20;

/** Picks again and again, with dice and turns of its own. Null: too few times for odds. */
function countedOdds(
  scratch: DecideContext,
  pool: number,
  pass: number,
  eligible: readonly Eligible[],
): PoolOdds | null {
  const looks = scratch.policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]! + DRAW_LOOKS;
  const draws = Math.min(MOST_DRAWS, Math.floor(scratch.oddsBudget / looks));
  if (draws < LEAST_DRAWS) return null;
  const hits = new Map<number, number>();
  for (const { addresses } of eligible) for (const address of addresses) hits.set(address, 0);
  for (let draw = 0; draw < draws; draw++) {
    scratch.pickedCount = 0;
    pickPool(scratch, pool, pass);
    for (const address of scratch.picked.subarray(0, scratch.pickedCount))
      hits.set(address, (hits.get(address) ?? 0) + 1);
  }
  const odds = new Map<number, Odds>();
  for (const [address, part] of hits) odds.set(address, { chance: part / draws, part, of: draws });
  return { draws, byAddress: odds };
}

function eligibleOf(scratch: DecideContext, pool: number, pass: number): Eligible[] {
  const { endpoints, pools } = scratch.policy;
  const at = pool * POOL_WORDS;
  const first = pools[at + POOL_FIRST_ENDPOINT]!;
  const eligible: Eligible[] = [];
  for (let endpoint = first; endpoint < first + pools[at + POOL_ENDPOINT_COUNT]!; endpoint++) {
    scratch.pickedCount = 0;
    if (appendEndpoint(scratch, endpoint, pools[at + POOL_STRICT]!, pass, MAX_CANDIDATES) === 0) continue;
    const configured = endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!;
    const scale = pass === PASS_ALL ? SCALE_ONE : scaleFrom(scratch, 0);
    const addresses = [...scratch.picked.subarray(0, scratch.pickedCount)];
    eligible.push({ endpoint, addresses, configured, scale });
  }
  return eligible;
}

/** The same decision with dice, turns and room of its own, so that nothing of what was decided changes. */
function scratchOf(context: DecideContext): DecideContext {
  return {
    ...context,
    dice: Int32Array.of(0x2545f491),
    endpointTurns: context.endpointTurns.slice(),
    poolTurns: context.poolTurns.slice(),
    picked: new Int32Array(MAX_CANDIDATES),
    pickedCount: 0,
    rounds: new Int32Array(MAX_CANDIDATES),
    candidates: new Int32Array(MAX_CANDIDATES),
    candidateKeys: new Float64Array(MAX_CANDIDATES),
    trace: null,
  };
}
