import type { Discovered } from "../config/discovered.ts";
import type { IndexSize } from "../config/index-memory.ts";
import type { HealthPlan } from "../health/plan.ts";
import { RECORD_WORDS } from "../policy/data.ts";
import type { Snapshot } from "../snapshot.ts";
import { ZONE_WORDS } from "../zone/zone-data.ts";
import type { NameState } from "./names.ts";
import type { ReceiverState } from "./notifier.ts";
import type { OverridesInUse } from "./overrides.ts";
import type { TallyBook } from "./tally-book.ts";
import { createTransitionBook, type TransitionBook } from "./transition-book.ts";

/** What the control worker knows beside the shared blocks. Overwritten by each reload. */
export interface ControlStatus {
  generation: number;
  zones: number;
  names: number;
  dynamicRecords: number;
  /** Octets of the snapshot in shared memory. */
  snapshotOctets: number;
  /** What each prefix index takes of them. */
  indexes: readonly IndexSize[];
  accepted: number;
  rejected: number;
  lastReloadOk: boolean;
  /** Seconds since 1970; 0: never. */
  lastAcceptedS: number;
  lastCompileMs: number;
  plan: HealthPlan;
  /** What was asked for and answered; null: nothing was accepted yet. */
  tallies: TallyBook | null;
  transitions: TransitionBook;
  /** Who is told of changes. */
  receivers: () => ReceiverState[];
  /** Endpoints from files. */
  discovered: Discovered;
  /** Names that are looked up. */
  nameStates: ReadonlyMap<string, NameState>;
  /** Forced states; null: nothing was compiled yet. */
  overrides: () => OverridesInUse | null;
}

export function createStatus(): ControlStatus {
  return {
    generation: 0,
    zones: 0,
    names: 0,
    dynamicRecords: 0,
    snapshotOctets: 0,
    indexes: [],
    accepted: 0,
    rejected: 0,
    lastReloadOk: false,
    lastAcceptedS: 0,
    lastCompileMs: 0,
    plan: { targets: [], pools: [] },
    tallies: null,
    transitions: createTransitionBook(),
    receivers: () => [],
    discovered: new Map(),
    nameStates: new Map(),
    overrides: () => null,
  };
}

/** Takes over what an accepted configuration is made of; the snapshot itself is not kept. */
export function describeSnapshot(
  status: ControlStatus,
  snapshot: Snapshot,
  plan: HealthPlan,
  indexes: readonly IndexSize[],
): void {
  status.generation = snapshot.generation;
  status.zones = snapshot.zones.zones.length / ZONE_WORDS;
  status.names = snapshot.zones.nodeCount;
  status.dynamicRecords = snapshot.policy.records.length / RECORD_WORDS;
  status.snapshotOctets = snapshotOctets(snapshot);
  status.indexes = indexes;
  status.plan = plan;
}

/**
 * Octets of a snapshot's arrays. Where several show one block, the longest counts; the rest of a block is addresses
 * without memory.
 */
export function snapshotOctets(snapshot: Snapshot): number {
  const lengths = new Map<ArrayBufferLike, number>();
  for (const part of [snapshot.zones, snapshot.policy, snapshot.tables])
    for (const array of Object.values(part) as unknown[])
      if (ArrayBuffer.isView(array))
        lengths.set(array.buffer, Math.max(lengths.get(array.buffer) ?? 0, array.byteLength));
  return [...lengths.values()].reduce((sum, length) => sum + length, 0);
}
