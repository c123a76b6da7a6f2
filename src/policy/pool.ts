import { POOL_ROW_FAILED, POOL_ROW_HORIZON_MS, POOL_ROW_UP, POOL_ROW_WORDS } from "../health/rows.ts";
import { DECIDED_ADDRESSES, DECIDED_NODATA, DECIDED_NOTHING, MAX_ADDRESSES } from "../wire/answer.ts";
import { type DecideContext, MAX_CANDIDATES } from "./context.ts";
import {
  PASS_NORMAL,
  PASS_ONE_UP,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_IPV4_COUNT,
  POOL_IPV6_COUNT,
  POOL_MAX_ANSWERS,
  POOL_ROW,
  POOL_SELECT,
  POOL_STRICT,
  POOL_WORDS,
  SELECT_ADAPTIVE,
  SELECT_ALL,
  SELECT_HASH,
  SELECT_LEAST_CONNECTIONS,
  SELECT_LEAST_RESPONSE_TIME,
  SELECT_P2C,
  SELECT_ROUND_ROBIN,
  SELECT_SMOOTH_ROUND_ROBIN,
  SELECT_WEIGHTED,
} from "./data.ts";
import { isEndpointEligible } from "./endpoint.ts";
import { MEASURE_ADAPTIVE, MEASURE_CONNECTIONS, MEASURE_RESPONSE_TIME } from "./load.ts";
import { selectAll, selectWeighted } from "./select.ts";
import { selectHash } from "./select-hash.ts";
import { selectLeast, selectP2c } from "./select-load.ts";
import { selectRoundRobin, selectSmoothRoundRobin } from "./select-round-robin.ts";
import { nearerHorizon } from "./ttl.ts";

/**
 * Picks addresses of the asked family from a pool. DECIDED_NOTHING: the pool has failed. DECIDED_NODATA: it has not, and
 * has no address of that family that is up; A and AAAA thus name one region.
 */
export function pickPool(context: DecideContext, pool: number, pass: number): number {
  if (hasFailed(context, pool, pass)) return DECIDED_NOTHING;
  const { pools } = context.policy;
  const at = pool * POOL_WORDS;
  const base = context.pickedCount;
  if (pools[at + (context.family === 4 ? POOL_IPV4_COUNT : POOL_IPV6_COUNT)]! > 0) {
    // What other children of an `all` have picked takes room from its candidates, not from the answer.
    const room = base > MAX_CANDIDATES - MAX_ADDRESSES ? MAX_CANDIDATES - base : MAX_ADDRESSES;
    const maxAnswers = pools[at + POOL_MAX_ANSWERS]!;
    const limit = base + (maxAnswers < room ? maxAnswers : room);
    switch (pools[at + POOL_SELECT]) {
      case SELECT_ALL:
        selectAll(context, pool, pass, limit);
        break;
      case SELECT_WEIGHTED:
        selectWeighted(context, pool, pass, limit);
        break;
      case SELECT_ROUND_ROBIN:
        selectRoundRobin(context, pool, pass, limit);
        break;
      case SELECT_SMOOTH_ROUND_ROBIN:
        selectSmoothRoundRobin(context, pool, pass, limit);
        break;
      case SELECT_HASH:
        selectHash(context, pool, pass, limit);
        break;
      case SELECT_LEAST_RESPONSE_TIME:
        selectLeast(context, pool, pass, limit, MEASURE_RESPONSE_TIME);
        break;
      case SELECT_LEAST_CONNECTIONS:
        selectLeast(context, pool, pass, limit, MEASURE_CONNECTIONS);
        break;
      case SELECT_ADAPTIVE:
        selectLeast(context, pool, pass, limit, MEASURE_ADAPTIVE);
        break;
      case SELECT_P2C:
        selectP2c(context, pool, pass, limit);
        break;
    }
    if (context.pickedCount > base) return DECIDED_ADDRESSES;
  }
  // The verdict may be older than the addresses' states: a pool that turns out to be empty has failed.
  return hasEligible(context, pool, pass) ? DECIDED_NODATA : DECIDED_NOTHING;
}

/** Reads the pool's verdict, and its horizon for the TTL. */
function hasFailed(context: DecideContext, pool: number, pass: number): boolean {
  const row = context.policy.pools[pool * POOL_WORDS + POOL_ROW]!;
  let failed = 0;
  let up = 0;
  let horizonMs = 0;
  if (row >= 0) {
    const words = context.rows.pools;
    failed = words[row * POOL_ROW_WORDS + POOL_ROW_FAILED]!;
    up = words[row * POOL_ROW_WORDS + POOL_ROW_UP]!;
    horizonMs = words[row * POOL_ROW_WORDS + POOL_ROW_HORIZON_MS]!;
    context.leastMs = nearerHorizon(context.leastMs, horizonMs);
  }
  if (context.trace !== null) context.trace.pool(pool, pass, failed, up, horizonMs);
  if (row < 0) return false;
  return pass === PASS_NORMAL ? failed !== 0 : pass === PASS_ONE_UP && up === 0;
}

function hasEligible(context: DecideContext, pool: number, pass: number): boolean {
  const { pools } = context.policy;
  const strict = pools[pool * POOL_WORDS + POOL_STRICT]!;
  const first = pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const end = first + pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  for (let endpoint = first; endpoint < end; endpoint++) {
    if (isEndpointEligible(context, endpoint, strict, pass)) return true;
  }
  return false;
}
