import { DEFAULT_DOUBT, type Evidence, isOwnFailure } from "./moment.ts";
import type { DoubtPlan, ProbeTarget } from "./plan.ts";
import type { ProbeResult } from "./probe.ts";
import { REASON_OK } from "./reasons.ts";
import type { EndpointState } from "./state.ts";

/** States are kept from now on, or follow the probes again. */
export interface FreezeMove {
  frozen: boolean;
  /** Why it ended: a canary passed, endpoints answered again, an operator said so; empty: it begins. */
  cause: "" | "canary" | "recovered" | "operator";
  /** Addresses that fail, of those that were up. */
  failing: number;
  live: number;
  /** Regions that the failing ones stand in, in order; empty text: pools without a region. */
  regions: string[];
  canaries: Evidence["canaries"];
  /** Addresses that had been withdrawn within the window, and are answered again. */
  restored: number;
  /** How long the freeze lasted. */
  durationMs: number;
}

export interface DoubtOptions {
  /** Gives an address another state. */
  change: (row: number, state: EndpointState) => void;
  /** What is known of an address now. */
  stateOf: (row: number) => EndpointState;
  /** Addresses that are up, canaries left out. */
  countUp: () => number;
  onFreeze: (move: FreezeMove) => void;
}

/** An address with a run of failures that began while it was up. */
interface Suspicion {
  target: ProbeTarget;
  /** When the run began. */
  sinceMs: number;
  before: EndpointState;
  /** While in doubt: what the probes alone say. */
  real: EndpointState | null;
}

/**
 * Decides whether failures are to be believed, and keeps the states of addresses whose failures are not. Failures that
 * are in doubt are noted beside the state; a success is always believed. The clock is an argument.
 */
export class Doubt {
  private readonly options: DoubtOptions;
  private rule = DEFAULT_DOUBT;
  private readonly suspicions = new Map<number, Suspicion>();
  /** Rows whose present run of failures an operator has said is real. */
  private readonly believed = new Set<number>();
  /** Last result of each canary. */
  private canaries = new Map<number, boolean | null>();
  /** Start of the latest probe that showed that the network works. */
  private lastPassMs = Number.NEGATIVE_INFINITY;
  private frozenSinceMs: number | null = null;
  /** When the network was last seen to be back: probes that began earlier say nothing. */
  private thawedMs = Number.NEGATIVE_INFINITY;
  /** There is news that judge has not seen. */
  private isStale = false;

  constructor(options: DoubtOptions) {
    this.options = options;
  }

  isFrozen(): boolean {
    return this.frozenSinceMs !== null;
  }

  isCanary(row: number): boolean {
    return this.canaries.has(row);
  }

  /** Takes over a plan; `keyAt`: who has a row now. Nothing changes before the next judgement. */
  adopt(rule: DoubtPlan | undefined, keyAt: (row: number) => string | undefined): void {
    this.rule = rule ?? DEFAULT_DOUBT;
    const before = this.canaries;
    this.canaries = new Map(this.rule.canaries.map(({ row }) => [row, before.get(row) ?? null]));
    for (const [row, { target }] of this.suspicions)
      if (keyAt(row) !== keyOf(target)) this.suspicions.delete(row);
    for (const row of this.believed) if (keyAt(row) === undefined) this.believed.delete(row);
    this.isStale = true;
  }

  /** One result of a canary. */
  observeCanary(row: number, result: ProbeResult, nowMs: number): void {
    if (result.ok) this.lastPassMs = Math.max(this.lastPassMs, nowMs - result.totalMs);
    if (this.canaries.get(row) !== result.ok) this.isStale = true;
    this.canaries.set(row, result.ok);
  }

  /** The state after one result of an endpoint's address. `fold`: how a believed result changes a state. */
  observe(
    target: ProbeTarget,
    state: EndpointState,
    result: ProbeResult,
    nowMs: number,
    fold: (state: EndpointState) => EndpointState,
  ): EndpointState {
    const after = this.weigh(target, state, result, nowMs, fold);
    // The living are what failures are weighed against.
    if (after.up !== state.up) this.isStale = true;
    return after;
  }

  private weigh(
    target: ProbeTarget,
    state: EndpointState,
    result: ProbeResult,
    nowMs: number,
    fold: (state: EndpointState) => EndpointState,
  ): EndpointState {
    const { row } = target;
    if (result.ok) {
      if (this.believed.size > 0) this.believed.delete(row);
      const suspicion = this.suspicions.size > 0 ? this.suspicions.get(row) : undefined;
      if (suspicion === undefined) return fold(freedState(state));
      this.suspicions.delete(row);
      this.isStale = true;
      return fold(freedState(state, suspicion.before));
    }
    let suspicion = this.suspicions.get(row);
    if (suspicion === undefined) {
      if (!state.up || this.believed.has(row)) return fold(freedState(state));
      if (nowMs - result.totalMs < this.thawedMs) return state;
      const before = freedState(state);
      suspicion = {
        target,
        sinceMs: nowMs,
        before,
        real: this.isFrozen() ? before : null,
      };
      this.suspicions.set(row, suspicion);
      this.isStale = true;
    }
    if (suspicion.real === null) return fold(freedState(state));
    suspicion.real = fold(suspicion.real);
    return heldState(suspicion.before, suspicion.real, target);
  }

  /** Looks at all that was observed since the last call: freezes, thaws, or does nothing. */
  judge(nowMs: number): void {
    if (!this.isStale) return;
    this.isStale = false;
    const evidence = this.evidence(nowMs);
    const isOwn = isOwnFailure(evidence, this.rule);
    if (isOwn && !this.isFrozen()) this.freeze(evidence, nowMs);
    else if (!isOwn && this.isFrozen())
      this.end(evidence.canaries === "passing" ? "canary" : "recovered", evidence, nowMs);
  }

  /** An operator believes the probes: what they found holds at once. False: nothing is frozen. */
  thaw(nowMs: number): boolean {
    if (!this.isFrozen()) return false;
    this.end("operator", this.evidence(nowMs), nowMs);
    return true;
  }

  private evidence(nowMs: number): Evidence & { regionNames: string[] } {
    let failing = 0;
    let fallen = 0;
    const regions = new Set<string>();
    for (const [row, suspicion] of this.suspicions) {
      const isUp = this.options.stateOf(row).up;
      if (suspicion.real === null && !this.isRecent(suspicion, nowMs)) {
        if (!isUp) this.suspicions.delete(row);
        continue;
      }
      failing += 1;
      if (!isUp) fallen += 1;
      regions.add(suspicion.target.region ?? "");
    }
    const live = this.options.countUp() + fallen;
    const regionNames = [...regions].sort();
    return { live, failing, regions: regions.size, canaries: this.canaryVerdict(), regionNames };
  }

  private canaryVerdict(): Evidence["canaries"] {
    if (this.canaries.size === 0) return "none";
    for (const ok of this.canaries.values()) if (ok !== false) return "passing";
    return "failing";
  }

  /** The run may be of one cause with what fails now. */
  private isRecent({ sinceMs }: Suspicion, nowMs: number): boolean {
    if (sinceMs < nowMs - this.rule.withinMs) return false;
    return this.canaries.size === 0 || sinceMs >= this.lastPassMs;
  }

  private freeze(evidence: Evidence & { regionNames: string[] }, nowMs: number): void {
    this.frozenSinceMs = nowMs;
    let restored = 0;
    for (const [row, suspicion] of this.suspicions) {
      if (!this.isRecent(suspicion, nowMs)) continue;
      const real = this.options.stateOf(row);
      if (!real.up) restored += 1;
      suspicion.real = real;
      this.options.change(row, heldState(suspicion.before, real, suspicion.target));
    }
    this.report(true, "", evidence, restored, 0);
  }

  /** Ends a freeze. Only an operator makes failures of that time count: nobody else knows that they were real. */
  private end(
    cause: FreezeMove["cause"],
    evidence: Evidence & { regionNames: string[] },
    nowMs: number,
  ): void {
    const durationMs = nowMs - this.frozenSinceMs!;
    this.frozenSinceMs = null;
    const isReal = cause === "operator";
    if (!isReal) this.thawedMs = nowMs;
    for (const [row, { before, real }] of this.suspicions) {
      if (real === null) continue;
      this.suspicions.delete(row);
      if (isReal) this.believed.add(row);
      this.options.change(row, isReal ? real : freedState(this.options.stateOf(row), before));
    }
    this.report(false, cause, evidence, 0, durationMs);
  }

  private report(
    frozen: boolean,
    cause: FreezeMove["cause"],
    { failing, live, canaries, regionNames }: Evidence & { regionNames: string[] },
    restored: number,
    durationMs: number,
  ): void {
    this.options.onFreeze({
      frozen,
      cause,
      failing,
      live,
      regions: regionNames,
      canaries,
      restored,
      durationMs,
    });
  }
}

/** Up as before its failures; the words of the probes go on, and a thaw can come with the next one. */
function heldState(before: EndpointState, real: EndpointState, { check }: ProbeTarget): EndpointState {
  const { results, responseUs, reason, run } = real;
  const horizonMs = Math.max(1, Math.round(check.intervalMs));
  return { ...before, results, responseUs, reason, run: real.up ? run : check.fall, horizonMs, held: true };
}

/** The same without doubt: nothing counts against it, and its TTL stays short until a success. */
function freedState(state: EndpointState, before?: EndpointState): EndpointState {
  if (!state.held) return state;
  return { ...state, held: false, run: 0, reason: before?.reason ?? REASON_OK };
}

/** Who has a row, by the words of its identity. */
export function keyOf({ keyHigh, keyLow }: { keyHigh: number; keyLow: number }): string {
  return `${keyHigh | 0}/${keyLow | 0}`;
}
