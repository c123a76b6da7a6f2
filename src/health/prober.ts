import { adoptPools, adoptTargets } from "./adopt.ts";
import { Calculated } from "./calculated.ts";
import { Doubt, keyOf } from "./doubt.ts";
import { forcedWord, isReturn } from "./forced.ts";
import { type PastTransition, rememberTransition } from "./history.ts";
import { VERDICT_FAILED, VERDICT_UNKNOWN, VERDICT_UP, type Verdict } from "./latch.ts";
import { createLatches, type Instant, type Latches } from "./latches.ts";
import { copyPhases, foldPhases } from "./phases.ts";
import type { ForcedPlan, HealthPlan, PoolPlan } from "./plan.ts";
import { foldPool, type PoolVerdict } from "./pool.ts";
import type { HealthClock, ProbeResult } from "./probe.ts";
import type { Prober, ProberOptions } from "./prober-contract.ts";
import {
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  LATCH_ROW_KEY_HIGH,
  LATCH_ROW_WORDS,
  POOL_ROW_KEY_HIGH,
  POOL_ROW_WORDS,
  ROW_KEY_HIGH,
  ROW_LOAD,
} from "./rows.ts";
import { clearRows, writePool } from "./rows-writer.ts";
import { keepRun } from "./runs.ts";
import { Scales } from "./scales.ts";
import type { SchedulerStats } from "./scheduler.ts";
import { createSharedProbes, type SharedProbes } from "./shared-probes.ts";
import { type EndpointState, observe, paceMs, returnedState, shareOfNew } from "./state.ts";
import {
  byRow,
  capFailing,
  chanceOf,
  copyRow,
  countLive,
  isProbed,
  type Judged,
  markMeasured,
  mayGoDown,
  pastOf,
  poolState,
  type Tracked,
  takeReport,
  transitionOf,
  warningOf,
  writeTracked,
} from "./tracked.ts";

export type { Prober, ProberOptions } from "./prober-contract.ts";

/** How often the figures of pools are published: they change with every probe, and a look at a pool is one at all of its rows. */
const FIGURES_MS = 1000;

/** Probes the targets of a plan and publishes what it finds in the rows, whose only writer it is. */
export function createProber(options: ProberOptions): Prober {
  return new RowsProber(options);
}

class RowsProber implements Prober {
  private readonly options: ProberOptions;
  private readonly rows: HealthRows;
  /** What the shared rows are about to say: pools are judged by these before anything is published. */
  private readonly staged: HealthRows;
  private readonly clock: HealthClock;
  private readonly probes: SharedProbes;
  private readonly latches: Latches;
  private readonly doubt: Doubt;
  private readonly calculated: Calculated;
  private readonly scales: Scales<Tracked>;
  private tracked = new Map<number, Tracked>();
  /** The same by row: every result looks one up. */
  private trackedAt: (Tracked | undefined)[] = [];
  private judged = new Map<string, Judged>();
  private judgedAt = new Map<number, Judged>();
  /** Some of them twice. */
  private readonly changedRows: Tracked[] = [];
  private readonly changedPools = new Set<Judged>();
  /** When the pools of which nothing but figures changed are published. */
  private figuresDueMs = 0;
  /** A pool's verdict, or a plan, is newer than the latches. */
  private latchesChanged = false;
  /** Rows of the plan that have no verdict; null once the round has been reported. */
  private awaited: Set<number> | null = null;

  constructor(options: ProberOptions) {
    this.options = options;
    this.rows = options.rows;
    const none = new Int32Array(0);
    this.staged = {
      endpoints: new Int32Array(options.rows.endpoints.length),
      pools: none,
      latches: none,
      phases: none,
      runs: none,
    };
    this.latches = createLatches(options.rows, options.onLatchMove);
    this.clock = options.clock;
    this.doubt = new Doubt({
      change: (row, state) => this.change(this.tracked.get(row)!, state),
      stateOf: (row) => this.tracked.get(row)!.state,
      countUp: () => countLive(this.tracked.values(), (row) => this.doubt.isCanary(row)),
      onFreeze: (move) => options.onFreeze?.(move),
    });
    this.calculated = new Calculated({
      rows: this.staged,
      stateOf: (row) => this.tracked.get(row)!.state,
      change: (row, state) => this.change(this.tracked.get(row)!, state),
      pool: (row) => poolState(this.staged, this.judgedAt.get(row)!, (plan) => this.allKnown(plan)),
      mayGoDown: (row) => mayGoDown(this.tracked.get(row)!, this.clock.nowMs()),
      takeFigures: (row, from) => this.takeFigures(this.tracked.get(row)!, from),
    });
    this.scales = new Scales(({ target: { row } }) =>
      Atomics.load(this.staged.endpoints, row * ENDPOINT_ROW_WORDS + ROW_LOAD),
    );
    this.probes = createSharedProbes({
      clock: options.clock,
      random: options.random,
      prepare: options.prepare,
      onResult: (row, result) => this.observed(row, result),
      onTick: () => this.publish(),
      ...(options.maxInFlight === undefined ? {} : { maxInFlight: options.maxInFlight }),
    });
  }

  setPlan(plan: HealthPlan): void {
    const nowMs = this.clock.nowMs();
    const before = this.tracked;
    const held = { rows: this.rows, clock: this.clock, tracked: before, judged: this.judged };
    const judged = adoptPools(held, plan, nowMs);
    this.tracked = adoptTargets(held, plan, judged, nowMs);
    this.trackedAt = byRow(this.tracked);
    this.judged = judged;
    this.judgedAt = new Map([...judged.values()].map((pool) => [pool.plan.row, pool]));
    this.latches.adopt(plan.failback, this.instant());
    this.calculated.adopt(plan.calculated ?? []);
    this.doubt.adopt(plan.doubt, (row) => {
      const tracked = this.tracked.get(row);
      return tracked && keyOf(tracked.target);
    });
    this.latchesChanged = true;
    this.changedRows.length = 0;
    this.changedPools.clear();
    this.adoptForced(plan.forced ?? []);
    for (const { target } of this.tracked.values()) copyRow(this.rows, this.staged, target);
    this.scales.adopt(this.tracked.values(), ({ target: { row } }) => !before.has(row), nowMs);
    for (const tracked of this.tracked.values()) this.stage(tracked);
    for (const pool of judged.values()) this.changedPools.add(pool);
    this.publish();
    this.reschedule(before);
    this.awaited = new Set();
    for (const [row, tracked] of this.tracked)
      if (!tracked.state.known && !this.doubt.isCanary(row)) this.awaited.add(row);
    this.reportRound();
  }

  setForced(forced: readonly ForcedPlan[]): void {
    this.adoptForced(forced);
    this.publish();
  }

  releaseRetired(): void {
    const poolRows = new Set([...this.judged.values()].map((pool) => pool.plan.row));
    clearRows(this.rows.endpoints, ENDPOINT_ROW_WORDS, ROW_KEY_HIGH, new Set(this.tracked.keys()));
    clearRows(this.rows.pools, POOL_ROW_WORDS, POOL_ROW_KEY_HIGH, poolRows);
    clearRows(this.rows.latches, LATCH_ROW_WORDS, LATCH_ROW_KEY_HIGH, this.latches.rows());
  }

  releaseLatch(zone: string, policy: string): boolean {
    return this.latches.release(zone, policy, this.instant());
  }

  thaw(): boolean {
    const thawed = this.doubt.thaw(this.clock.nowMs());
    if (thawed) this.publish();
    return thawed;
  }

  history(zone: string, pool: string, address: string): readonly PastTransition[] {
    return pastOf(this.tracked.values(), zone, pool, address);
  }

  stats(): SchedulerStats {
    return this.probes.stats();
  }

  stop(): void {
    this.probes.stop();
    this.publish();
    this.awaited = null;
  }

  private adoptForced(forced: readonly ForcedPlan[]): void {
    const nowMs = this.clock.nowMs();
    const entries = new Map(forced.map((entry) => [entry.row, entry]));
    for (const [row, tracked] of this.tracked) {
      const before = tracked.forced;
      const next = entries.get(row);
      if (before?.state === next?.state && before?.scale === next?.scale) continue;
      tracked.forced = next;
      const [from, to] = [forcedWord(before), forcedWord(next)];
      if (isReturn(from, to)) {
        tracked.state = returnedState(tracked.state, nowMs);
        this.scales.watch(tracked, nowMs);
      }
      this.stage(tracked);
      this.affect(tracked);
      if (from === to) continue;
      const { zone, pool, endpoint, address } = tracked.target;
      const probed = tracked.state.known ? (tracked.state.up ? "up" : "down") : "unknown";
      this.options.onForced?.({ zone, pool, endpoint, address, from, to, probed });
    }
  }

  private reschedule(before: ReadonlyMap<number, Tracked>): void {
    for (const row of before.keys()) if (!this.tracked.has(row)) this.probes.remove(row);
    for (const { target } of this.tracked.values()) if (isProbed(target)) this.probes.set(target);
  }

  private observed(row: number, result: ProbeResult): void {
    const tracked = this.trackedAt[row];
    if (tracked === undefined || !isProbed(tracked.target)) return;
    const nowMs = this.clock.nowMs();
    const { target, timing, state } = tracked;
    if (result.ok) foldPhases(this.rows, row, result, shareOfNew(timing));
    if (takeReport(tracked, result, nowMs)) markMeasured(tracked);
    const chance = chanceOf(tracked, result, nowMs, this.options.random);
    const fold = (before: EndpointState) => observe(before, result, nowMs, timing, chance);
    if (this.doubt.isCanary(row)) {
      this.doubt.observeCanary(row, result, nowMs);
      this.change(tracked, fold(state));
    } else this.change(tracked, this.doubt.observe(target, state, result, nowMs, fold));
    const nextMs = paceMs(tracked.state, timing);
    if (nextMs === tracked.paceMs) return;
    tracked.paceMs = nextMs;
    this.probes.pace(row, nextMs);
  }

  private takeFigures(tracked: Tracked, from: number): void {
    copyPhases(this.rows, from, tracked.target.row);
    const load = this.tracked.get(from)?.load;
    if (tracked.load === load) return;
    tracked.load = load;
    this.stage(tracked);
    markMeasured(tracked);
  }

  /** Gives an address another state, and tells whoever has to know. */
  private change(tracked: Tracked, after: EndpointState): void {
    const nowMs = this.clock.nowMs();
    const before = tracked.state;
    tracked.state = after;
    if (after.known) this.awaited?.delete(tracked.target.row);
    const turned = before.known !== after.known || before.up !== after.up;
    const wallMs = turned ? this.clock.wallMs() : 0;
    if (turned) tracked.sinceS = Math.floor((wallMs - nowMs + after.sinceMs) / 1000);
    const { scale } = tracked;
    this.scales.watch(tracked, nowMs);
    this.stage(tracked);
    if (keepRun(this.rows, tracked, before, this.clock)) this.options.onRunTurn?.();
    const isUrgent = turned || before.horizonMs !== after.horizonMs;
    if (isUrgent) this.affect(tracked);
    else if (before.responseUs !== after.responseUs || scale !== tracked.scale) markMeasured(tracked);
    if (!turned) {
      const warning = warningOf(tracked, before);
      if (warning !== null) this.options.onWarning?.(warning);
      return;
    }
    if (before.known && before.up && !after.up)
      for (const { withdrawals } of tracked.pools) withdrawals.set(tracked.target.row, nowMs);
    const transition = transitionOf(tracked, before, nowMs);
    const { from, to, reason } = transition;
    tracked.past = rememberTransition(tracked.past, { atMs: wallMs, from, to, reason });
    this.options.onTransition(transition);
  }

  /**
   * Publishes what changed since the last tick: pools that have failed, then the rows, then the pools that have not.
   * Once per tick, so that a thousand results within one pool cost one look at it.
   */
  private publish(): void {
    const nowMs = this.clock.nowMs();
    this.doubt.judge(nowMs);
    this.calculated.fold(nowMs);
    this.scales.step(nowMs, (tracked) => {
      this.stage(tracked);
      markMeasured(tracked);
    });
    if (nowMs >= this.figuresDueMs) {
      this.figuresDueMs = nowMs + FIGURES_MS;
      for (const pool of this.judged.values()) if (pool.isMeasured) this.changedPools.add(pool);
    }
    const verdicts = new Map<Judged, PoolVerdict>();
    for (const pool of this.changedPools) {
      pool.isMeasured = false;
      const verdict = foldPool(this.staged, pool.plan);
      capFailing(this.tracked, pool, verdict.horizonMs, (tracked) => this.stage(tracked));
      verdicts.set(pool, verdict);
    }
    for (const [pool, verdict] of verdicts) if (verdict.failed) this.publishPool(pool, verdict);
    for (const tracked of this.changedRows) writeTracked(this.rows, tracked);
    for (const [pool, verdict] of verdicts) if (!verdict.failed) this.publishPool(pool, verdict);
    this.changedRows.length = 0;
    this.changedPools.clear();
    this.turnLatches();
    this.reportRound();
  }

  private turnLatches(): void {
    if (!this.latchesChanged && !this.latches.isDue(this.clock.nowMs())) return;
    this.latchesChanged = false;
    const verdicts = new Map<number, Verdict>();
    for (const { plan, known, failed } of this.judged.values())
      verdicts.set(plan.row, known ? (failed ? VERDICT_FAILED : VERDICT_UP) : VERDICT_UNKNOWN);
    this.latches.fold((row) => verdicts.get(row) ?? VERDICT_UNKNOWN, this.instant());
  }

  private publishPool(pool: Judged, verdict: PoolVerdict): void {
    const told = pool.known || !verdict.failed || this.allKnown(pool.plan);
    if (told && (!pool.known || pool.failed !== verdict.failed)) {
      const nowMs = this.clock.nowMs();
      this.options.onPoolTransition({
        zone: pool.plan.zone,
        pool: pool.plan.pool,
        from: pool.known ? (pool.failed ? "failed" : "healthy") : "unknown",
        to: verdict.failed ? "failed" : "healthy",
        up: verdict.up,
        usable: verdict.usable,
        withheld:
          verdict.failed && verdict.usable === 0 && pool.plan.endpoints.some(({ length }) => length > 0),
        durationMs: nowMs - pool.sinceMs,
      });
      pool.sinceMs = nowMs;
      pool.sinceS = this.wallSeconds();
    }
    if (pool.known !== told || pool.failed !== verdict.failed) this.latchesChanged = true;
    pool.known = told;
    pool.failed = verdict.failed;
    writePool(this.rows, pool.plan, verdict, pool.sinceS);
  }

  private allKnown(pool: PoolPlan): boolean {
    return pool.endpoints.every((rows) => rows.every((row) => this.tracked.get(row)?.state.known ?? true));
  }

  private stage(tracked: Tracked): void {
    writeTracked(this.staged, tracked);
    this.changedRows.push(tracked);
    this.calculated.touch(tracked.target.row);
  }

  /** Has the pools of an address judged anew, and whatever is calculated from them. */
  private affect({ pools }: Tracked): void {
    for (const pool of pools) {
      this.changedPools.add(pool);
      this.calculated.touchPool(pool.plan.row);
    }
  }

  private instant(): Instant {
    return { nowMs: this.clock.nowMs(), wallMs: this.clock.wallMs() };
  }

  private wallSeconds(): number {
    return Math.floor(this.clock.wallMs() / 1000);
  }

  private reportRound(): void {
    if (this.awaited === null || this.awaited.size > 0) return;
    this.awaited = null;
    this.options.onRoundDone();
  }
}
