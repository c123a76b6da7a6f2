import { formatMatch } from "../config/override-match.ts";
import { isCurrent } from "../config/resolve-overrides.ts";
import type { OverrideInput } from "../config/schema-overrides.ts";
import { decidersOf, deciderWords } from "../health/deciders.ts";
import { forcedWord } from "../health/forced.ts";
import { type Phases, phasesOf } from "../health/phases.ts";
import { reasonText } from "../health/reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_FAILED,
  POOL_ROW_SINCE_S,
  POOL_ROW_UP,
  POOL_ROW_USABLE,
  POOL_ROW_WORDS,
  ROW_REASON,
  ROW_SINCE_S,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_UP,
  STATE_WITHHELD,
} from "../health/rows.ts";
import { ADDRESS_ROW, ADDRESS_WORDS } from "../policy/data.ts";
import type { Expiries } from "./expiries.ts";
import type { OverridesInUse } from "./overrides.ts";

/** One pool, as `steerd status` shows it. */
export interface PoolStatus {
  zone: string;
  pool: string;
  region: string | null;
  check: string | null;
  /**
   * `unchecked`: nothing is probed and nothing is forced, so that it is always up; `drained`: it has failed because
   * operators keep every address out, and drain some.
   */
  state: "healthy" | "failed" | "drained" | "unchecked";
  up: number;
  usable: number;
  /** Seconds since 1970, or null. */
  since: number | null;
  endpoints: EndpointStatus[];
}

export interface EndpointStatus {
  endpoint: string;
  address: string;
  /** May be answered. */
  up: boolean;
  probed: "up" | "down" | "unknown" | "unchecked";
  forced: "up" | "down" | "drain" | null;
  /** The entry of overrides.yaml that counts, whatever it says; null: none. */
  entry: EntryStatus | null;
  /** When the probed state last changed: seconds since 1970, or null. */
  since: number | null;
  /** Why the probes say so. */
  reason: string;
  /** Of a calculated state that is down: the checks, pools and endpoints that it comes from, in words; else empty. */
  because: string;
  /** Where the time of its probes goes; null: nothing was measured. */
  phases: Phases | null;
  /** Part of its weight that it takes, 0 to 1. */
  weight: number;
  /** Of an address that is not answered any more: when resolvers have let go of it, milliseconds since 1970. */
  drainedUntil: number | null;
}

export interface EntryStatus {
  match: string;
  reason: string | null;
  author: string | null;
  /** Milliseconds since 1970, or null. */
  since: number | null;
  until: number | null;
}

/** Every pool that some record can reach, from the health rows and the forced states. */
export function poolStatuses(inUse: OverridesInUse, rows: HealthRows, expiries: Expiries): PoolStatus[] {
  const { names } = inUse.ground;
  const addresses = names.endpoints.map((): number[] => []);
  for (const [address, { endpoint }] of names.addresses.entries())
    if (endpoint >= 0) addresses[endpoint]!.push(address);
  const pools = names.pools.map(({ zone, name, region, check, row }): PoolStatus => {
    const word = (index: number): number => Atomics.load(rows.pools, row * POOL_ROW_WORDS + index);
    return {
      zone,
      pool: name,
      region,
      check,
      state: row < 0 ? "unchecked" : word(POOL_ROW_FAILED) === 1 ? "failed" : "healthy",
      up: row < 0 ? 0 : word(POOL_ROW_UP),
      usable: row < 0 ? 0 : word(POOL_ROW_USABLE),
      since: row < 0 ? null : word(POOL_ROW_SINCE_S),
      endpoints: [],
    };
  });
  for (const [endpoint, { pool, name }] of names.endpoints.entries()) {
    const of = pools[pool]!;
    for (const address of addresses[endpoint]!) {
      const status = addressStatus(inUse, rows, expiries, address, of.check !== null);
      of.endpoints.push({ endpoint: name, ...status });
    }
    if (of.state === "unchecked") of.up = of.usable += 1;
  }
  for (const pool of pools) if (pool.state === "failed" && isDrained(pool)) pool.state = "drained";
  return pools;
}

function isDrained({ endpoints }: PoolStatus): boolean {
  const words = endpoints.map(({ forced }) => forced);
  return words.includes("drain") && words.every((word) => word === "drain" || word === "down");
}

function addressStatus(
  { loaded, resolved, ground }: OverridesInUse,
  rows: HealthRows,
  expiries: Expiries,
  address: number,
  isChecked: boolean,
): Omit<EndpointStatus, "endpoint"> {
  const row = ground.policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
  const entry = loaded.entries?.[resolved.deciding[address]!];
  const { deciding } = ground.names;
  const common = {
    address: ground.names.addresses[address]!.text,
    entry: entry === undefined || !isCurrent(entry, Date.now()) ? null : entryStatus(entry),
  };
  if (row < 0)
    return {
      ...common,
      up: true,
      probed: "unchecked",
      forced: null,
      since: null,
      reason: "",
      because: "",
      phases: null,
      weight: 1,
      drainedUntil: null,
    };
  const word = (index: number): number => Atomics.load(rows.endpoints, row * ENDPOINT_ROW_WORDS + index);
  const state = word(ROW_STATE);
  const isKnown = isChecked && (state & STATE_KNOWN) !== 0;
  return {
    ...common,
    up: (state & STATE_UP) !== 0,
    probed: !isChecked ? "unchecked" : !isKnown ? "unknown" : (state & STATE_PROBED_UP) !== 0 ? "up" : "down",
    forced: forcedWord({ state }),
    since: isKnown ? word(ROW_SINCE_S) : null,
    reason: isKnown ? reasonText(word(ROW_REASON)) : "",
    because: deciding === undefined || !isKnown ? "" : deciderWords(decidersOf(deciding, rows, row)),
    phases: phasesOf(rows, row),
    weight: word(ROW_WEIGHT_SCALE) / 65_536,
    drainedUntil: (state & STATE_WITHHELD) !== 0 ? expiries.letGoMs(address) : null,
  };
}

function entryStatus({ match, reason, author, since, until }: OverrideInput): EntryStatus {
  return {
    match: formatMatch(match),
    reason: reason ?? null,
    author: author ?? null,
    since: since ?? null,
    until: until ?? null,
  };
}
