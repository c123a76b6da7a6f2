import { type Decider, decidersOf } from "../health/deciders.ts";
import { SCALE_ONE } from "../health/ramp.ts";
import { reasonText } from "../health/reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  POOL_ROW_FAILED,
  POOL_ROW_HORIZON_MS,
  POOL_ROW_LACK,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  POOL_ROW_WORDS,
  ROW_HORIZON_MS,
  ROW_MEMORY,
  ROW_REASON,
  ROW_RUN,
  ROW_SINCE_S,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_DRAINED,
  STATE_FORCED_DOWN,
  STATE_FORCED_UP,
  STATE_HELD,
  STATE_KNOWN,
  STATE_SPARED,
  STATE_UP,
} from "../health/rows.ts";
import { flapsOf } from "../health/state-row.ts";
import type { DecideContext } from "./context.ts";
import {
  ADDRESS_ROW,
  ADDRESS_WORDS,
  ENDPOINT_ADDRESS_COUNT,
  ENDPOINT_FIRST_ADDRESS,
  ENDPOINT_WEIGHT,
  ENDPOINT_WORDS,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_ROW,
  POOL_SELECT,
  POOL_WORDS,
  SELECT_HASH,
} from "./data.ts";
import { explainAddressLoad } from "./explain-load.ts";
import type { AddressExplanation, PoolExplanation } from "./explanation.ts";
import { hashedPrefix } from "./hashed-prefix.ts";
import type { PolicyNames } from "./names.ts";
import type { PoolOdds } from "./pool-odds.ts";

/** A pool as the health rows show it now; `picked` has the indexes of the answer's addresses. */
export function explainPool(
  context: DecideContext,
  names: PolicyNames,
  pool: number,
  picked: ReadonlySet<number>,
  odds: PoolOdds | null = null,
): PoolExplanation {
  const { policy, rows } = context;
  const at = pool * POOL_WORDS;
  const first = policy.pools[at + POOL_FIRST_ENDPOINT]!;
  const count = policy.pools[at + POOL_ENDPOINT_COUNT]!;
  const row = policy.pools[at + POOL_ROW]!;
  const word = (index: number): number => rows.pools[row * POOL_ROW_WORDS + index]!;
  const { zone, name, region, check, minHealthy } = names.pools[pool]!;
  return {
    zone,
    name,
    region,
    check,
    hashOf: policy.pools[at + POOL_SELECT] === SELECT_HASH ? hashedPrefix(context) : null,
    minHealthy,
    failed: row >= 0 && word(POOL_ROW_FAILED) !== 0,
    takes: 1 - (row < 0 ? 0 : word(POOL_ROW_LACK)) / SCALE_ONE,
    up: row < 0 ? count : word(POOL_ROW_UP),
    usable: row < 0 ? count : word(POOL_ROW_USABLE),
    horizonMs: row < 0 ? 0 : word(POOL_ROW_HORIZON_MS),
    draws: odds?.draws ?? null,
    endpoints: Array.from({ length: count }, (_, i) => {
      const endpoint = (first + i) * ENDPOINT_WORDS;
      const firstAddress = policy.endpoints[endpoint + ENDPOINT_FIRST_ADDRESS]!;
      const addressCount = policy.endpoints[endpoint + ENDPOINT_ADDRESS_COUNT]!;
      return {
        name: names.endpoints[first + i]!.name,
        weight: policy.endpoints[endpoint + ENDPOINT_WEIGHT]!,
        addresses: Array.from({ length: addressCount }, (_, j) =>
          explainAddress(context, names, pool, firstAddress + j, picked, odds),
        ),
      };
    }),
  };
}

/** An address as its health row shows it now. */
export function explainAddress(
  context: DecideContext,
  names: PolicyNames,
  pool: number,
  address: number,
  picked: ReadonlySet<number>,
  odds: PoolOdds | null,
): AddressExplanation {
  const row = context.policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
  const named = {
    address: names.addresses[address]!.text,
    picked: picked.has(address),
    odds: odds?.byAddress.get(address) ?? null,
    load: explainAddressLoad(context, pool, row),
    deciders: [] as Decider[],
    said: null,
  };
  if (row < 0) {
    return {
      ...named,
      takes: 1,
      flaps: 0,
      state: "unchecked",
      forSeconds: null,
      reason: reasonText(0),
      run: 0,
      horizonMs: 0,
    };
  }
  const word = (index: number): number => context.rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!;
  const since = word(ROW_SINCE_S);
  return {
    ...named,
    deciders: names.deciding === undefined ? [] : decidersOf(names.deciding, context.rows, row),
    takes: word(ROW_WEIGHT_SCALE) / SCALE_ONE,
    state: stateName(word(ROW_STATE)),
    forSeconds: since === 0 ? null : Math.max(0, context.clockS[0]! - since),
    reason: reasonText(word(ROW_REASON)),
    run: word(ROW_RUN),
    flaps: flapsOf(word(ROW_MEMORY)),
    horizonMs: word(ROW_HORIZON_MS),
  };
}

function stateName(state: number): AddressExplanation["state"] {
  if ((state & STATE_DRAINED) !== 0) return "drained";
  if ((state & STATE_FORCED_DOWN) !== 0) return "forced-down";
  if ((state & STATE_FORCED_UP) !== 0) return "forced-up";
  if ((state & STATE_HELD) !== 0) return "held";
  if ((state & STATE_SPARED) !== 0) return "spared";
  if ((state & STATE_UP) !== 0) return "up";
  return (state & STATE_KNOWN) !== 0 ? "down" : "unknown";
}

/** True when nothing but an operator's word keeps every address of the pool out, and drains some of them. */
export function isDrained({ endpoints }: PoolExplanation): boolean {
  const states = endpoints.flatMap(({ addresses }) => addresses.map(({ state }) => state));
  return (
    states.includes("drained") && states.every((state) => state === "drained" || state === "forced-down")
  );
}
