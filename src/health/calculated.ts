import type { CalculatedPlan, CalculatedTarget } from "./plan.ts";
import { foldPool } from "./pool.ts";
import { rampLevelAfter } from "./ramp.ts";
import { REASON_CALCULATED, REASON_OK, REASON_REGION_DOWN, type Reason } from "./reasons.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  ROW_HORIZON_MS,
  ROW_REASON,
  ROW_RESPONSE_US,
  ROW_STATE,
  STATE_KNOWN,
  STATE_UP,
  STATE_WITHHELD,
} from "./rows.ts";
import {
  foldRule,
  leavesOf,
  nearer,
  type OwnPoolPlan,
  type RuleFacts,
  type RuleState,
  soleRow,
} from "./rule.ts";
import type { EndpointState } from "./state.ts";

/** What a calculated check says of its address. */
export interface CalculatedVerdict extends RuleState {
  reason: Reason;
  /** Where the rule is one probe, how fast it is answered; -1: not measured. */
  responseUs: number;
}

/** What rows say to rules. `pool`: a pool, as it is about to be published. */
export function rowFacts(rows: HealthRows, pool: (row: number) => RuleState): RuleFacts {
  const row = (index: number): RuleState => {
    const base = index * ENDPOINT_ROW_WORDS;
    const bits = Atomics.load(rows.endpoints, base + ROW_STATE);
    const horizonMs = Atomics.load(rows.endpoints, base + ROW_HORIZON_MS);
    const isKnown = (bits & (STATE_KNOWN | STATE_WITHHELD)) !== 0;
    return { verdict: (bits & STATE_UP) !== 0 ? "up" : isKnown ? "down" : "unknown", horizonMs };
  };
  return { row, pool, own: (plan) => ownVerdict(rows, plan, row) };
}

/** A pool without its region's word. While an address is unknown, a failure is not known either. */
function ownVerdict(rows: HealthRows, plan: OwnPoolPlan, factOf: (row: number) => RuleState): RuleState {
  const { failed, horizonMs } = foldPool(rows, plan);
  if (!failed) return { verdict: "up", horizonMs };
  const isOpen = plan.endpoints.some((list) =>
    list.some((row) => row >= 0 && factOf(row).verdict === "unknown"),
  );
  return { verdict: isOpen ? "unknown" : "down", horizonMs };
}

/** The verdict of one calculated address: what its rule says, unless its region is down. */
export function foldCalculated(plan: CalculatedPlan, facts: RuleFacts, rows: HealthRows): CalculatedVerdict {
  const own = foldRule(plan.rule, facts);
  const region: RuleState =
    plan.regionRow === undefined ? { verdict: "up", horizonMs: 0 } : facts.row(plan.regionRow);
  const horizonMs = nearer(own.horizonMs, region.horizonMs);
  const base = soleRow(plan.rule) * ENDPOINT_ROW_WORDS;
  const responseUs = base < 0 ? -1 : Atomics.load(rows.endpoints, base + ROW_RESPONSE_US);
  const found = { horizonMs, responseUs };
  if (own.verdict === "down") {
    // Where the rule is one probe, its reason says more.
    const reason = base < 0 ? REASON_CALCULATED : Atomics.load(rows.endpoints, base + ROW_REASON);
    return { ...found, verdict: "down", reason };
  }
  if (region.verdict === "down") return { ...found, verdict: "down", reason: REASON_REGION_DOWN };
  const isUp = own.verdict === "up" && region.verdict === "up";
  return { ...found, verdict: isUp ? "up" : "unknown", reason: REASON_OK };
}

/**
 * The state after a verdict: it holds at once, unless the address is up and its pool's withdrawal budget is spent. What is
 * not known changes nothing. While an address that is up can go down, the time until then never grows. The same object when
 * nothing changed.
 */
function calculatedState(
  former: EndpointState,
  { verdict, horizonMs: foundMs, reason, responseUs }: CalculatedVerdict,
  nowMs: number,
  { slowStartMs = 0, check }: CalculatedTarget,
  mayGoDown: () => boolean,
): EndpointState {
  const before = former.responseUs === responseUs ? former : { ...former, responseUs };
  const isHeld = before.up && before.known && verdict !== "down" && before.horizonMs > 0 && foundMs > 0;
  const horizonMs = isHeld ? Math.min(before.horizonMs, foundMs) : foundMs;
  if (verdict === "unknown") return before.horizonMs === horizonMs ? before : { ...before, horizonMs };
  const up = verdict === "up";
  const isTurned = !before.known || before.up !== up;
  if (isTurned && before.known && !up && !mayGoDown())
    return sparedState(before, reason, nearer(foundMs, check.intervalMs));
  if (!isTurned && before.horizonMs === horizonMs && before.reason === reason && !before.spared)
    return before;
  const next = { ...before, up, known: true, trial: false, spared: false, run: 0, reason, horizonMs };
  if (!isTurned) return next;
  return {
    ...next,
    sinceMs: nowMs,
    results: before.results + 1,
    // What is up when steerd starts begins whole.
    returned: up && (before.known || before.trial),
    rampSinceMs: nowMs,
    rampLevel: up ? before.rampLevel : rampLevelAfter(before, nowMs, slowStartMs),
  };
}

/** Up, though its verdict is down, until there is room in the budget: that may be at any time. */
function sparedState(before: EndpointState, reason: Reason, soonMs: number): EndpointState {
  const horizonMs = nearer(before.horizonMs, soonMs);
  if (before.spared && before.reason === reason && before.horizonMs === horizonMs) return before;
  return { ...before, spared: true, reason, horizonMs };
}

export interface CalculatedHost {
  /** What is about to be published. */
  rows: HealthRows;
  stateOf: (row: number) => EndpointState;
  change: (row: number, state: EndpointState) => void;
  /** A pool, as it is about to be published. */
  pool: (row: number) => RuleState;
  /** The budgets of an address's pools allow it to go down. */
  mayGoDown: (row: number) => boolean;
  /** Load and phases of the one probe that an address follows are the address's; `from` -1: it follows several, and has none. */
  takeFigures: (row: number, from: number) => void;
}

/** Keeps calculated states: each is looked at again when something that it is made of changes. */
export class Calculated {
  private readonly host: CalculatedHost;
  private plans: readonly CalculatedPlan[] = [];
  private rows = new Set<number>();
  private stale = new Uint8Array(0);
  private isStale = false;
  /** Addresses that are kept up by a budget, by their places in `plans`: room may come by time alone. */
  private readonly spared = new Set<number>();
  private ofRow = new Map<number, number[]>();
  private ofPool = new Map<number, number[]>();

  constructor(host: CalculatedHost) {
    this.host = host;
  }

  /** Takes over what is to be calculated; all of it is looked at anew. */
  adopt(plans: readonly CalculatedPlan[]): void {
    this.plans = plans;
    this.rows = new Set(plans.map(({ target }) => target.row));
    this.stale = new Uint8Array(plans.length).fill(1);
    this.isStale = plans.length > 0;
    this.spared.clear();
    this.ofRow = new Map();
    this.ofPool = new Map();
    for (const [index, { rule, regionRow }] of plans.entries()) {
      if (regionRow !== undefined) add(this.ofRow, regionRow, index);
      for (const leaf of leavesOf(rule)) {
        if (leaf.kind === "row") add(this.ofRow, leaf.row, index);
        else if (leaf.kind === "pool") add(this.ofPool, leaf.row, index);
        else if (leaf.kind === "own")
          for (const row of leaf.pool.endpoints.flat()) add(this.ofRow, row, index);
      }
    }
  }

  has(row: number): boolean {
    return this.rows.has(row);
  }

  /** An address is about to be published anew. */
  touch(row: number): void {
    this.mark(this.ofRow.get(row));
  }

  touchPool(row: number): void {
    this.mark(this.ofPool.get(row));
  }

  /** Brings every state up to date, in one pass: what a plan is made of stands before it. */
  fold(nowMs: number): void {
    this.mark([...this.spared]);
    if (!this.isStale) return;
    this.isStale = false;
    const known = new Map<number, RuleState>();
    const pool = (row: number): RuleState => {
      const found = known.get(row) ?? this.host.pool(row);
      known.set(row, found);
      return found;
    };
    const facts = rowFacts(this.host.rows, pool);
    for (const [index, plan] of this.plans.entries()) {
      if (this.stale[index] === 0) continue;
      this.stale[index] = 0;
      const { target, rule } = plan;
      const { row } = target;
      this.host.takeFigures(row, soleRow(rule));
      const before = this.host.stateOf(row);
      const found = foldCalculated(plan, facts, this.host.rows);
      const after = calculatedState(before, found, nowMs, target, () => this.host.mayGoDown(row));
      if (after.spared) this.spared.add(index);
      else this.spared.delete(index);
      if (after !== before) this.host.change(row, after);
    }
  }

  private mark(indexes: readonly number[] | undefined): void {
    if (indexes === undefined || indexes.length === 0) return;
    for (const index of indexes) this.stale[index] = 1;
    this.isStale = true;
  }
}

function add(map: Map<number, number[]>, key: number, index: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [index]);
  else if (list.at(-1) !== index) list.push(index);
}
