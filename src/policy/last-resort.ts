import { DECIDED_ADDRESSES, DECIDED_NODATA, DECIDED_NOTHING } from "../wire/answer.ts";
import type { DecideContext } from "./context.ts";
import { PASS_ALL, PASS_ONE_UP } from "./data.ts";
import { appendAddresses } from "./endpoint.ts";
import { pickPool } from "./pool.ts";

/**
 * `last_resort: {pool}`: that pool while one of its endpoints is up, else as if all of them were, since there is nothing
 * after it; NODATA only when every endpoint is withheld by hand.
 */
export function lastResortPool(context: DecideContext, pool: number): number {
  const decision = pickPool(context, pool, PASS_ONE_UP);
  if (decision !== DECIDED_NOTHING) return decision;
  return pickPool(context, pool, PASS_ALL) === DECIDED_ADDRESSES ? DECIDED_ADDRESSES : DECIDED_NODATA;
}

/** `last_resort: {addresses}`: those of the asked family. */
export function lastResortAddresses(context: DecideContext, first: number, count: number): number {
  return appendAddresses(context, first, count) > 0 ? DECIDED_ADDRESSES : DECIDED_NODATA;
}
