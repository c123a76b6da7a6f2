import type { Discovered } from "../config/discovered.ts";
import type { HealthPlan } from "../health/plan.ts";
import type { HealthClock } from "../health/probe.ts";
import { type Remembered, remember, restore } from "../health/remembered.ts";
import type { HealthRows } from "../health/rows.ts";
import { holdsEndpoint } from "../health/rows-writer.ts";
import type { Log } from "./messages.ts";
import { rememberLists } from "./remembered-lists.ts";
import { createStateWriter, readStateFile, replaceDurably } from "./state-file.ts";

/** Where states outlive the process, and for how long they hold. */
export interface StateSettings {
  path: string;
  maxAgeMs: number;
}

/** What is known of health, kept for the next start. */
export interface HealthMemory {
  /** Call before the prober takes a plan over: the first one finds what the process before this one knew. */
  adopt(plan: HealthPlan, discovered: Discovered): void;
  /**
   * Writes the file from now on. A server that finds its port taken never gets that far: the file is that of the one
   * that has the port.
   */
  begin(): void;
  /** A published state is another one now. */
  changed(): void;
  stop(): Promise<void>;
}

export interface HealthMemoryOptions {
  rows: HealthRows;
  settings: StateSettings;
  clock: HealthClock;
  log: Log;
  /** Whether the file could be written when it last was to be. */
  onWritten: (isWritten: boolean) => void;
}

/** Remembers what the rows say in a file, and restores them from it when the process starts. */
export function createHealthMemory({
  rows,
  settings,
  clock,
  log,
  onWritten,
}: HealthMemoryOptions): HealthMemory {
  const { path, maxAgeMs } = settings;
  const wallS = (): number => Math.floor(clock.wallMs() / 1000);
  let plan: HealthPlan | null = null;
  let restored: Remembered | null = null;
  let lists: Discovered = new Map();
  const writer = createStateWriter({
    path,
    clock,
    log,
    remember: () => ({
      ...remember(rows, plan ?? { targets: [], pools: [] }, restored, wallS()),
      lists: rememberLists(lists, wallS()),
    }),
    write: replaceDurably,
    onWritten,
  });
  const recall = (next: HealthPlan): void => {
    // A prober that is replaced within the process finds its rows: they know more than the file does.
    if (next.targets.every((target) => holdsEndpoint(rows, target))) return;
    restored = readStateFile(path, log);
    if (restored === null) return;
    const { up, down, tooOld } = restore(rows, next, restored, wallS(), maxAgeMs / 1000);
    log("info", `${up + down} of ${next.targets.length} states are remembered: ${up} up, ${down} down`, {
      path,
      tooOld,
    });
  };
  let hasBegun = false;
  const changed = (): void => {
    if (hasBegun) writer.changed();
  };
  return {
    adopt: (next, discovered) => {
      lists = discovered;
      if (plan === null) recall(next);
      plan = next;
      changed();
    },
    begin: () => {
      hasBegun = true;
      changed();
    },
    changed,
    stop: async () => {
      if (hasBegun) await writer.stop();
    },
  };
}
