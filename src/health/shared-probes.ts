import type { CheckSpec, ProbeTarget } from "./plan.ts";
import type { HealthClock, PrepareProbe, ProbeResult } from "./probe.ts";
import { createScheduler, type Scheduler, type SchedulerStats } from "./scheduler.ts";
import { isTiming } from "./timing.ts";

/** Probes of targets by their rows: targets that are to be probed the same way share one probe, whichever zones they are of. */
export interface SharedProbes {
  /** Probes a target from now on, in place of the one that its row had; nothing happens where it is probed so already. */
  set(target: ProbeTarget): void;
  remove(row: number): void;
  /**
   * Time between the starts of two probes of a row's target, from its next probe on. Among targets that share a probe
   * the shortest counts.
   */
  pace(row: number, intervalMs: number): void;
  stats(): SchedulerStats;
  stop(): void;
}

export interface SharedProbesOptions {
  clock: HealthClock;
  random: () => number;
  prepare: PrepareProbe;
  onResult: (row: number, result: ProbeResult) => void;
  onTick: () => void;
  maxInFlight?: number;
}

/** One probe, and the rows that get its results, each with the interval that it wants. */
interface Shared {
  id: number;
  key: string;
  members: Map<number, number>;
  /** Who is told of a result. Replaced, never changed: a result may end in a new plan. */
  rows: readonly number[];
  intervalMs: number;
}

export function createSharedProbes(options: SharedProbesOptions): SharedProbes {
  const { clock, prepare } = options;
  const byKey = new Map<string, Shared>();
  const byRow = new Map<number, Shared>();
  const byId: (Shared | undefined)[] = [];
  /** Numbers of probes that are gone: the scheduler's storage grows with the largest one. */
  const free: number[] = [];
  const scheduler: Scheduler = createScheduler({
    ...options,
    onResult(id, result) {
      for (const row of byId[id]?.rows ?? []) options.onResult(row, result);
    },
  });

  function leave(row: number): void {
    const shared = byRow.get(row);
    if (shared === undefined) return;
    byRow.delete(row);
    shared.members.delete(row);
    shared.rows = [...shared.members.keys()];
    if (shared.members.size > 0) {
      keepPace(shared);
      return;
    }
    scheduler.remove(shared.id);
    byKey.delete(shared.key);
    byId[shared.id] = undefined;
    free.push(shared.id);
  }

  function keepPace(shared: Shared): void {
    const intervalMs = Math.min(...shared.members.values());
    if (intervalMs === shared.intervalMs) return;
    shared.intervalMs = intervalMs;
    scheduler.pace(shared.id, intervalMs);
  }

  return {
    set(target) {
      const key = probeKey(target);
      const { intervalMs, timeoutMs } = target.check;
      const before = byRow.get(target.row);
      if (before?.key === key) return;
      leave(target.row);
      const known = byKey.get(key);
      if (known !== undefined) {
        known.members.set(target.row, intervalMs);
        known.rows = [...known.members.keys()];
        byRow.set(target.row, known);
        // Who joins wants a result soon, as every new target does.
        scheduler.hurry(known.id);
        return;
      }
      const id = free.pop() ?? byId.length;
      const members = new Map([[target.row, intervalMs]]);
      const shared: Shared = { id, key, members, rows: [target.row], intervalMs };
      byId[id] = shared;
      byKey.set(key, shared);
      byRow.set(target.row, shared);
      scheduler.set(id, prepare(target, clock), intervalMs, timeoutMs);
    },
    remove: leave,
    pace(row, intervalMs) {
      const shared = byRow.get(row);
      if (shared === undefined || shared.members.get(row) === intervalMs) return;
      shared.members.set(row, intervalMs);
      keepPace(shared);
    },
    stats: () => scheduler.stats(),
    stop: () => scheduler.stop(),
  };
}

const askedOf = new WeakMap<CheckSpec, string>();

/** What a check asks, as text; made once for each, as thousands of targets have the same. */
function askedText(check: CheckSpec): string {
  const known = askedOf.get(check);
  if (known !== undefined) return known;
  const text = JSON.stringify(
    Object.entries(check).filter(([key]) => key !== "name" && !isTiming(key, "judged")),
  );
  askedOf.set(check, text);
  return text;
}

/**
 * Two targets with the same key are probed the same way. A program is told for whom it is run, and in the path of a file
 * the target's names may stand.
 */
export function probeKey({ address, probe, allow = [], check, zone, pool, endpoint }: ProbeTarget): string {
  const isTold = check.type === "exec" || check.type === "file";
  const told = isTold ? [zone, pool, endpoint, check.name] : [];
  return [probe?.address ?? address, askedText(check), ...allow, ...told].join("\n");
}
