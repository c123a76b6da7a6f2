import type { CompiledConfig } from "../config/compile.ts";
import type { Finding } from "../config/findings.ts";
import { loadHealthFile, type SupposedHealth, supposed } from "../config/health-file.ts";
import { applyOffline, judgeOffline } from "../health/offline.ts";
import { type CheckSpec, everyTarget, type PoolPlan } from "../health/plan.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_LOAD,
  ROW_P99_US,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_DRAINED,
  STATE_FORCED_DOWN,
  STATE_FORCED_UP,
  STATE_KNOWN,
  STATE_PROBED_UP,
  STATE_UP,
} from "../health/rows.ts";
import { writeEndpoint } from "../health/rows-writer.ts";
import { assumedState, type EndpointState } from "../health/state.ts";
import {
  ADDRESS_ROW,
  ADDRESS_WORDS,
  ENDPOINT_ADDRESS_COUNT,
  ENDPOINT_FIRST_ADDRESS,
  ENDPOINT_WORDS,
  POOL_ENDPOINT_COUNT,
  POOL_FIRST_ENDPOINT,
  POOL_ROW,
  POOL_WORDS,
  type PolicyData,
} from "../policy/data.ts";
import type { PolicyNames } from "../policy/names.ts";
import type { Snapshot } from "../snapshot.ts";
import { UsageError } from "./command.ts";
import { type Selection, selectAddresses, selectablePools, selectorProblemText } from "./selectors.ts";

/** What is supposed of the addresses that one selector names. */
export interface Supposition extends Pick<Selection, "addresses"> {
  health: SupposedHealth;
}

/** A health file as given on the command line. */
export interface HealthFile {
  name: string;
  octets: Uint8Array;
}

/**
 * What the file and the `down` selectors say, in the order in which it holds: of the file's lines the narrowest selector
 * last, and `down` after them. What is wrong in the file comes back as findings; a `down` selector that names nothing
 * throws UsageError.
 */
export function suppositions(
  config: CompiledConfig,
  file: HealthFile | null,
  down: string[],
): Supposition[] | { findings: Finding[] } {
  const pools = selectablePools(config.names.policy);
  const findings: Finding[] = [];
  const fromFile: (Supposition & Selection)[] = [];
  const lines = file === null ? [] : loadHealthFile(file.octets, file.name, findings);
  for (const { selector, health, report } of lines) {
    const selection = selectAddresses(selector, pools);
    if ("what" in selection) {
      report("CFG_SELECTOR_UNKNOWN", selection.what, selection.expected);
      continue;
    }
    const mistake = runMistake(config, selection.addresses, health);
    if (mistake !== null) report("CFG_VALUE_INVALID", `${selector}: run is ${health.run}`, mistake);
    fromFile.push({ ...selection, health });
  }
  if (findings.length > 0) return { findings };
  const order: Selection["breadth"][] = ["region", "pool", "endpoint"];
  fromFile.sort((a, b) => order.indexOf(a.breadth) - order.indexOf(b.breadth));
  const fromOptions = down.map((selector): Supposition => {
    const selection = selectAddresses(selector, pools);
    if ("what" in selection) throw new UsageError(`--down: ${selectorProblemText(selection)}`);
    return { ...selection, health: supposed("down") };
  });
  return [...fromFile, ...fromOptions];
}

/** What was expected of `run`, where the state would have changed already; null: it may be so. */
function runMistake(
  { snapshot, plan }: CompiledConfig,
  selected: number[],
  { state, run }: SupposedHealth,
): string | null {
  if (run === 0) return null;
  if (state !== "up" && state !== "down") return "0: probes do not decide over a forced state";
  const rows = new Set(selected.map((address) => rowOf(snapshot.policy, address)));
  const checks = plan.targets.filter(({ row }) => rows.has(row)).map(({ check }) => check);
  if (checks.length === 0) return "0: there is no check";
  const most = Math.min(...checks.map(({ fall, rise }) => (state === "up" ? fall : rise))) - 1;
  return run <= most ? null : `at most ${most}: one more result changes the state`;
}

function rowOf(policy: PolicyData, address: number): number {
  return policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
}

/**
 * Health as it is supposed to be: everything up but what is said of it, and a snapshot in which what is said of pools
 * without a check holds as well.
 */
export function supposeHealth(
  { snapshot, names, plan }: CompiledConfig,
  supposedOf: Supposition[],
): { snapshot: Snapshot; rows: HealthRows } {
  const rows = allocateHealthRows();
  applyOffline(rows, plan, () => false);
  const addresses = supposedOf.flatMap((supposition) => supposition.addresses);
  const own = withRows(snapshot.policy, names.policy, plan, addresses);
  const checks = new Map(plan.targets.map(({ row, check }) => [row, check]));
  const fixed = new Set<number>();
  for (const { addresses: selected, health } of supposedOf) {
    for (const address of selected) {
      const row = rowOf(own.policy, address);
      writeSupposed(rows, row, checks.get(row) ?? null, health);
      fixed.add(row);
    }
  }
  judgeOffline(rows, own.pools, plan, (row) => fixed.has(row));
  return { snapshot: { ...snapshot, policy: own.policy }, rows };
}

/** The policy with rows for these addresses and their pools where a check gave them none, and the plans of all pools. */
function withRows(
  policy: PolicyData,
  names: PolicyNames,
  plan: CompiledConfig["plan"],
  selected: number[],
): { policy: PolicyData; pools: PoolPlan[] } {
  const addresses = policy.addresses.slice();
  const pools = policy.pools.slice();
  const plans = [...plan.pools];
  const planned = everyTarget(plan);
  let nextRow = Math.max(-1, ...planned.map(({ row }) => row)) + 1;
  let nextPoolRow = Math.max(-1, ...plans.map(({ row }) => row)) + 1;
  const unchecked = new Set<number>();
  for (const address of new Set(selected)) {
    if (rowOf(policy, address) >= 0) continue;
    addresses[address * ADDRESS_WORDS + ADDRESS_ROW] = nextRow++;
    unchecked.add(names.endpoints[names.addresses[address]!.endpoint]!.pool);
  }
  const own = { ...policy, addresses, pools };
  for (const pool of unchecked) {
    const row = nextPoolRow++;
    pools[pool * POOL_WORDS + POOL_ROW] = row;
    const { zone, name, minHealthy, dualStack } = names.pools[pool]!;
    const endpoints = rowsOfPool(own, pool);
    plans.push({ row, keyHigh: 0, keyLow: row + 1, zone, pool: name, endpoints, minHealthy, dualStack });
  }
  return { policy: own, pools: plans };
}

/** For each endpoint of a pool the rows of its addresses. */
function rowsOfPool(policy: PolicyData, pool: number): number[][] {
  const at = pool * POOL_WORDS;
  const first = policy.pools[at + POOL_FIRST_ENDPOINT]!;
  return Array.from({ length: policy.pools[at + POOL_ENDPOINT_COUNT]! }, (_, i) => {
    const endpoint = (first + i) * ENDPOINT_WORDS;
    const firstAddress = policy.endpoints[endpoint + ENDPOINT_FIRST_ADDRESS]!;
    const count = policy.endpoints[endpoint + ENDPOINT_ADDRESS_COUNT]!;
    return Array.from({ length: count }, (_, j) => rowOf(policy, firstAddress + j));
  });
}

const STATE_BITS: Record<SupposedHealth["state"], number> = {
  up: STATE_KNOWN | STATE_PROBED_UP | STATE_UP,
  down: STATE_KNOWN,
  drain: STATE_KNOWN | STATE_PROBED_UP | STATE_DRAINED,
  "forced-up": STATE_KNOWN | STATE_PROBED_UP | STATE_UP | STATE_FORCED_UP,
  "forced-down": STATE_KNOWN | STATE_PROBED_UP | STATE_FORCED_DOWN,
};

function writeSupposed(rows: HealthRows, row: number, check: CheckSpec | null, health: SupposedHealth): void {
  writeEndpoint(rows, { row, keyHigh: 0, keyLow: row + 1 }, supposedState(check, health), 0);
  const base = row * ENDPOINT_ROW_WORDS;
  rows.endpoints[base + ROW_STATE] = STATE_BITS[health.state];
  rows.endpoints[base + ROW_LOAD] = health.load;
  rows.endpoints[base + ROW_CONNECTIONS] = health.connections;
  rows.endpoints[base + ROW_CAPACITY] = health.capacity;
  rows.endpoints[base + ROW_P99_US] = health.p99Us;
  rows.endpoints[base + ROW_ERRORS] = health.errors;
  rows.endpoints[base + ROW_WEIGHT_SCALE] = health.scale;
}

/** The horizon is what results are still missing; without a check, or by force, nothing is on its way. */
function supposedState(check: CheckSpec | null, health: SupposedHealth): EndpointState {
  const { state, run, responseUs } = health;
  const isProbed = check !== null && (state === "up" || state === "down");
  const timing = check ?? { intervalMs: 0, fall: 1, rise: 1 };
  const settled = { ...assumedState(state !== "down", 0, timing), responseUs, run };
  if (!isProbed) return { ...settled, horizonMs: 0 };
  if (state === "up" && run === 0) return settled;
  const missing = (state === "up" ? timing.fall : timing.rise) - run;
  return { ...settled, horizonMs: timing.intervalMs * missing };
}
