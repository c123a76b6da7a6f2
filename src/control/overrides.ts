import type { CompiledConfig } from "../config/compile.ts";
import { type Finding, formatFinding } from "../config/findings.ts";
import { type LoadedOverrides, loadOverrides } from "../config/load-overrides.ts";
import {
  forcedPlan,
  isCurrent,
  lacksRows,
  type OverrideGround,
  overrideFindings,
  type ResolvedOverrides,
  resolveOverrides,
} from "../config/resolve-overrides.ts";
import type { OverrideInput } from "../config/schema-overrides.ts";
import type { ForcedPlan } from "../health/plan.ts";
import type { HealthClock } from "../health/probe.ts";
import type { Log } from "../serve/messages.ts";
import { createWatch, type WATCH_DEFAULTS } from "./watch.ts";

/** What holds of overrides.yaml at the moment. */
export interface OverridesInUse {
  loaded: LoadedOverrides;
  resolved: ResolvedOverrides;
  ground: OverrideGround;
  /** False: the file as last read has errors, and what it said before goes on. */
  isSound: boolean;
}

export interface Overrides {
  /** Null: nothing was compiled yet. */
  inUse(): OverridesInUse | null;
  /** Takes over a configuration that was accepted; its plan has brought the forced states along. */
  adopt(config: CompiledConfig): void;
  /** Reads the file now. With an error nothing changes, and the errors come back. */
  reload(): Finding[];
  stop(): void;
}

export interface OverridesOptions {
  clock: HealthClock;
  log: Log;
  /** Other addresses are forced than before, or otherwise. */
  onForced: (forced: ForcedPlan[]) => void;
  /** Entries are about addresses that have no rows yet: the configuration has to be compiled again. */
  onRowsWanted: () => void;
  watch: typeof WATCH_DEFAULTS;
}

/** The wall clock may be set while an entry waits for its end: it is looked at this often. */
const LOOK_MS = 10_000;

/** Keeps the forced states: reads their file when it changes, and ends entries when they end. */
export function createOverrides(options: OverridesOptions): Overrides {
  const { clock, log, onForced, onRowsWanted } = options;
  let inUse: OverridesInUse | null = null;
  /** What the prober was told last. */
  let told = "[]";
  let endTimer: unknown = null;
  let watched = "";
  /** The entries that had not ended when the prober was told last. */
  let held = "";
  const scheduleEnd = (): void => {
    if (endTimer !== null) clock.clearTimer(endTimer);
    endTimer = null;
    const nextMs = nextEnd(inUse?.loaded.entries ?? [], clock.wallMs());
    if (nextMs === null) return;
    endTimer = clock.setTimer(
      () => {
        if (inUse !== null && currentOf(inUse.loaded, clock.wallMs()) !== held)
          hold(inUse.loaded, inUse.ground);
        else scheduleEnd();
      },
      Math.max(1, Math.min(LOOK_MS, nextMs)),
    );
  };
  /** Makes these entries the ones in use, and tells the prober of the difference. */
  const hold = (loaded: LoadedOverrides, ground: OverrideGround): void => {
    const entries = loaded.entries ?? [];
    const resolved = resolveOverrides(entries, ground, clock.wallMs());
    inUse = { loaded, ground, resolved, isSound: inUse?.isSound ?? true };
    held = currentOf(loaded, clock.wallMs());
    scheduleEnd();
    const forced = forcedPlan(entries, resolved, ground.policy);
    const text = JSON.stringify(forced);
    if (text === told) return;
    told = text;
    const current = entries.filter((entry) => isCurrent(entry, clock.wallMs())).length;
    log("info", `forced states changed: entries in force ${current}, addresses ${forced.length}`, {
      event: "overrides",
      entries: entries.length,
      ignored: resolved.ignored.size,
    });
    onForced(forced);
  };
  const reload = (): Finding[] => {
    if (inUse === null) return [];
    watch.mark({ files: [inUse.loaded.path], folders: [] });
    const loaded = loadOverrides(inUse.loaded.path);
    if (loaded.entries === null) {
      if (inUse.isSound || loaded.yaml?.text !== lastBad) tellRejected(loaded, log);
      lastBad = loaded.yaml?.text;
      inUse.isSound = false;
      return loaded.findings;
    }
    inUse.isSound = true;
    const { ground } = inUse;
    if (loaded.yaml?.text === inUse.loaded.yaml?.text) return [];
    if (lacksRows(loaded.entries, ground)) {
      inUse = { ...inUse, loaded };
      onRowsWanted();
    } else {
      hold(loaded, ground);
      const lines = overrideFindings(loaded, inUse.resolved, ground).map(formatFinding);
      for (const line of lines) if (!doubts.has(line)) log("warn", line, { event: "overrides" });
      doubts = new Set(lines);
    }
    return [];
  };
  let lastBad: string | undefined;
  /** Warnings that were told. */
  let doubts = new Set<string>();
  const watch = createWatch({ ...options.watch, onChange: reload });

  return {
    inUse: () => inUse,
    adopt: ({ snapshot, names, plan, overrides, forced }) => {
      const ground = { policy: snapshot.policy, tables: snapshot.tables, names: names.policy };
      inUse = { loaded: overrides, ground, resolved: forced, isSound: inUse?.isSound ?? true };
      told = JSON.stringify(plan.forced ?? []);
      // An entry may have ended while the configuration was compiled.
      hold(overrides, ground);
      if (watched !== overrides.path) {
        watched = overrides.path;
        inUse.isSound = true;
        // The file may have changed since it was read.
        reload();
      }
    },
    reload,
    stop: () => {
      watch.close();
      if (endTimer !== null) clock.clearTimer(endTimer);
    },
  };
}

/** How soon the next entry ends; null: none does. */
function nextEnd(entries: readonly OverrideInput[], nowMs: number): number | null {
  const left = entries.flatMap(({ until }) => (until !== undefined && until > nowMs ? [until - nowMs] : []));
  return left.length === 0 ? null : Math.min(...left);
}

/** Which entries have not ended. */
function currentOf({ entries }: LoadedOverrides, nowMs: number): string {
  return (entries ?? []).map((entry) => (isCurrent(entry, nowMs) ? "1" : "0")).join("");
}

function tellRejected({ file, findings }: LoadedOverrides, log: Log): void {
  for (const finding of findings) log("error", formatFinding(finding), { code: finding.code });
  log("error", `${file} rejected: forced states stay as they were`, { event: "overrides" });
}
