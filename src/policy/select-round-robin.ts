import { SCALE_ONE } from "../health/ramp.ts";
import { keepLeast } from "./candidates.ts";
import { type DecideContext, FRACTION_KEY, MAX_CANDIDATES, TURN_SLOTS } from "./context.ts";
import {
  ENDPOINT_WEIGHT,
  ENDPOINT_WORDS,
  PASS_ALL,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_STRICT,
  POOL_WORDS,
} from "./data.ts";
import { rollBelow } from "./dice.ts";
import { appendEndpoint, scaleFrom } from "./endpoint.ts";
import { fillFrom, isApart } from "./select.ts";
import { ANY_NEIGHBOURS, appendSpread } from "./subnet.ts";

/**
 * `select: round_robin` of endpoints that weigh the same: the next one that is up, and where more than one address is
 * asked for, others as `select: all` has them. One that the health row scales down lets turns pass.
 */
export function selectRoundRobin(context: DecideContext, pool: number, pass: number, limit: number): void {
  if (!takeNext(context, pool, pass, limit, pass !== PASS_ALL)) takeNext(context, pool, pass, limit, false);
}

/** `isScaled`: heeds the health rows' scales. False: no endpoint took the turn. */
function takeNext(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
  isScaled: boolean,
): boolean {
  const { dice, policy, poolTurns } = context;
  const slot = TURN_SLOTS * pool + context.turnSlot;
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const count = policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  const base = context.pickedCount;
  let place = poolTurns[slot]!;
  for (let looked = 0; looked < count; looked++) {
    const next = place + 1 < count ? place + 1 : 0;
    if (appendEndpoint(context, first + place, strict, pass, limit) > 0) {
      const scale = isScaled ? scaleFrom(context, base) : SCALE_ONE;
      if (scale === SCALE_ONE || rollBelow(dice, SCALE_ONE) < scale) {
        poolTurns[slot] = next;
        fillFrom(context, pool, pass, base, limit, place, 0);
        return true;
      }
      context.pickedCount = base;
    }
    place = next;
  }
  return false;
}

/**
 * `select: round_robin` with weights: a turn of smooth weighted round robin among the endpoints that are up, by
 * configured weight times the health row's scale. Where more than one address is asked for, the endpoint whose turn it
 * is comes first, and then those that are next, different subnets first. What weighs nothing takes turns only when
 * nothing else is there.
 */
export function selectSmoothRoundRobin(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
): void {
  if (!takeSmoothTurn(context, pool, pass, limit, false)) takeSmoothTurn(context, pool, pass, limit, true);
}

/** `even`: every endpoint weighs the same. False: nothing weighs anything. */
function takeSmoothTurn(
  context: DecideContext,
  pool: number,
  pass: number,
  limit: number,
  even: boolean,
): boolean {
  const { candidates, endpointTurns, policy, turnSlot } = context;
  const first = policy.pools[pool * POOL_WORDS + POOL_FIRST_ENDPOINT]!;
  const end = first + policy.pools[pool * POOL_WORDS + POOL_ENDPOINT_COUNT]!;
  const strict = policy.pools[pool * POOL_WORDS + POOL_STRICT]!;
  const base = context.pickedCount;
  const apart = limit - base > 1 && isApart(context, pool);
  const most = apart ? MAX_CANDIDATES : limit - base;
  let count = 0;
  let total = 0;
  for (let endpoint = first; endpoint < end; endpoint++) {
    const configured = even ? 1 : policy.endpoints[endpoint * ENDPOINT_WORDS + ENDPOINT_WEIGHT]!;
    if (configured === 0 || appendEndpoint(context, endpoint, strict, pass, limit) === 0) continue;
    const scale = even || pass === PASS_ALL ? SCALE_ONE : scaleFrom(context, base);
    context.pickedCount = base;
    if (scale === 0) continue;
    const gained = configured * scale;
    const turn = endpointTurns[TURN_SLOTS * endpoint + turnSlot]! + gained;
    endpointTurns[TURN_SLOTS * endpoint + turnSlot] = turn;
    total += gained;
    context.fractions[FRACTION_KEY] = -turn;
    count = keepLeast(context, endpoint, count, most);
  }
  if (count === 0) return false;
  endpointTurns[TURN_SLOTS * candidates[0]! + turnSlot]! -= total;
  appendSpread(context, count, strict, pass, base, limit, apart ? 0 : ANY_NEIGHBOURS);
  return true;
}
