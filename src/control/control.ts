import type { CompiledConfig, SnapshotNames } from "../config/compile.ts";
import type { Discovered } from "../config/discovered.ts";
import { type Finding, formatFinding } from "../config/findings.ts";
import { formatOctets, type IndexSize, largestIndexes } from "../config/index-memory.ts";
import type { KnownNames, WantedName } from "../config/known-names.ts";
import type { LoadedOverrides } from "../config/load-overrides.ts";
import type { HealthPlan } from "../health/plan.ts";
import type { HealthClock } from "../health/probe.ts";
import { type SharedBlocks, WORD_GENERATION, WORD_HEARD } from "../serve/blocks.ts";
import type { NumberedEvent } from "../serve/event-tail.ts";
import type { Listener } from "../serve/listener.ts";
import type { ControlEvent, FromControl, Log, ServeSettings } from "../serve/messages.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Api } from "./api.ts";
import { createDiscoveryTeller } from "./discovery-teller.ts";
import { createDoors } from "./doors.ts";
import { withLate } from "./event-book.ts";
import { type LookUp, lookUp } from "./look-up.ts";
import { createNames } from "./names.ts";
import { startNotify } from "./notify.ts";
import { createOverrides } from "./overrides.ts";
import { type ControlStatus, createStatus, describeSnapshot } from "./status.ts";
import { createTallyBook } from "./tally-book.ts";
import { createWatch, WATCH_DEFAULTS, type WatchedPaths } from "./watch.ts";

/** A configuration that was accepted. */
export interface Built {
  snapshot: Snapshot;
  plan: HealthPlan;
  settings: ServeSettings;
  /** What people call what the snapshot's tallies count. */
  names: SnapshotNames;
  /** What each prefix index takes. */
  indexes: readonly IndexSize[];
  /** Where the API listens. */
  api: Listener;
  /** Names to look up, and with which resolvers. */
  wanted: WantedName[];
  resolvers: string[];
  config: CompiledConfig;
}

/** What came of reading the files once. */
export interface Attempt {
  /** Errors and warnings; with an error, `built` is null. */
  findings: Finding[];
  built: Built | null;
  /** What to watch from now on; also after errors. */
  watched: WatchedPaths;
}

export interface ControlOptions {
  blocks: SharedBlocks;
  /** Milliseconds since 1970 at which the process started. */
  startedMs: number;
  post: (message: FromControl) => void;
  log: Log;
  /**
   * Reads the files as `generation`, with what is known of the names in them. What did not change since the last call need
   * not be read again. `isAgain`: takes the files as they were when they were accepted last. `overrides`: forced states that
   * hold; absent: those of their file.
   */
  build: (generation: number, known: KnownNames, isAgain: boolean, overrides?: LoadedOverrides) => Attempt;
  /** Looks names up; absent: through node:dns. */
  lookUp?: LookUp;
  /** Addresses of names that a control worker before this one knew. */
  known?: KnownNames | undefined;
  openApi: (listener: Listener, status: ControlStatus) => Promise<Api>;
  /** Hands memory back after a compilation. */
  collect: () => void;
  watch?: typeof WATCH_DEFAULTS;
}

/** How long a configuration waits for names that were never looked up. */
const NAMES_MS = 1000;

const CONTROL_CLOCK: HealthClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (fire, delayMs) => setTimeout(fire, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Owner of the configuration: reads it, publishes it, watches it, and shows it. */
export interface Control {
  /** Reads the files now. */
  reload(): void;
  /** Something happened that people may want to see. */
  onEvent(event: ControlEvent): void;
  /** Takes over what a control worker before this one knew of, and what it has missed. */
  recall(past: readonly NumberedEvent[]): void;
  /** Opens the API and the control socket from now on. Not earlier than the sockets: what the first answer does not need comes after it. */
  serveApi(): void;
  stop(): Promise<void>;
}

/**
 * Reads the files, publishes what they compile to, and does so again whenever they change. A configuration with an
 * error changes nothing: its findings go to the log, and what ran before goes on.
 */
export function startControl(options: ControlOptions): Control {
  const { blocks, post, log, build } = options;
  const status = createStatus();
  status.tallies = createTallyBook(blocks);
  let paths: WatchedPaths | null = null;
  const tell = createTeller(log);
  const names = createNames({
    clock: CONTROL_CLOCK,
    log,
    lookUp: options.lookUp ?? lookUp,
    known: options.known ?? new Map(),
    onChange: () => republish(false),
  });
  status.nameStates = names.states;
  const overrides = createOverrides({
    clock: CONTROL_CLOCK,
    log,
    onForced: (forced) => post({ kind: "forced", forced }),
    onRowsWanted: () => republish(false),
    watch: options.watch ?? WATCH_DEFAULTS,
  });
  status.overrides = overrides.inUse;
  const notify = startNotify(blocks, status, CONTROL_CLOCK, log);
  const doors = createDoors(options, status, overrides, () => names.known);

  const reload = (): void => {
    // Before the files are read, so that what changes meanwhile counts as a change.
    if (paths !== null) watch.mark(paths);
    const startedMs = performance.now();
    const startedWallMs = Date.now();
    const current = Atomics.load(blocks.control, WORD_GENERATION);
    const attempt = attemptBuild(current, false);
    if (attempt === null) return;
    const { findings, built, watched } = attempt;
    status.lastCompileMs = performance.now() - startedMs;
    if (built === null) reject(options, status, findings, current);
    else if (names.want(built.wanted, built.resolvers)) names.whenTried(NAMES_MS, () => republish(true));
    else accept(built, findings, true);
    if (JSON.stringify(paths) !== JSON.stringify(watched)) watch.mark(watched, startedWallMs);
    paths = watched;
    options.collect();
  };
  /** Publishes the files that were sound with what is known of their names now. */
  const republish = (isReload: boolean): void => {
    const attempt = attemptBuild(Atomics.load(blocks.control, WORD_GENERATION), true);
    if (attempt === null) return;
    if (attempt.built !== null) accept(attempt.built, attempt.findings, isReload);
    options.collect();
  };
  /** Null: the compiler itself failed, for want of memory or by a defect; where something is in use, that stays. */
  const attemptBuild = (current: number, isAgain: boolean): Attempt | null => {
    try {
      return build(current + 1, names.known, isAgain, overrides.inUse()?.loaded);
    } catch (error) {
      if (current === 0) throw error;
      status.rejected++;
      status.lastReloadOk = false;
      const stack = error instanceof Error ? error.stack : String(error);
      log("error", `reading the configuration failed, ${current} stays in use`, { error: stack });
      return null;
    }
  };
  const accept = (built: Built, findings: Finding[], isReload: boolean): void => {
    tell(findings, built.config.discovered);
    if (isReload) countAccepted(status);
    announce(options, status, built, names.known, findings.length);
    overrides.adopt(built.config);
    notify.adopt(built.config.server.notify);
    doors.adopt(built);
  };
  const watch = createWatch({ ...(options.watch ?? WATCH_DEFAULTS), onChange: reload });
  reload();
  return {
    reload,
    serveApi: doors.open,
    onEvent: (event) => {
      notify.tell(event);
      doors.onEvent(event);
    },
    recall: (past) => {
      for (const event of withLate(past, Atomics.load(blocks.control, WORD_HEARD))) doors.onEvent(event);
      notify.recall(past);
    },
    stop: async () => {
      watch.close();
      notify.stop();
      overrides.stop();
      names.stop();
      await doors.close();
    },
  };
}

function reject({ post, log }: ControlOptions, status: ControlStatus, findings: Finding[], current: number) {
  status.rejected++;
  status.lastReloadOk = false;
  const errors = findings.filter(({ severity }) => severity === "error");
  post({ kind: "rejected", lines: errors.map(formatFinding) });
  // Nothing was published yet: the supervisor prints the lines and ends.
  if (current === 0) return;
  logFindings(log, findings);
  log("error", `configuration rejected, ${current} stays in use`, { errors: errors.length });
}

/** A thousand tables make no line that somebody reads; `check --memory` and /metrics have more. */
const LOGGED_INDEXES = 3;

function countAccepted(status: ControlStatus): void {
  status.accepted++;
  status.lastReloadOk = true;
  status.lastAcceptedS = Math.floor(Date.now() / 1000);
}

/** Tells everyone of a configuration: from here on it is the one in use. */
function announce(
  { blocks, post, log }: ControlOptions,
  status: ControlStatus,
  { snapshot, names, plan, settings, indexes, config }: Built,
  known: KnownNames,
  warnings: number,
): void {
  describeSnapshot(status, snapshot, plan, indexes);
  status.tallies?.adopt(snapshot, names);
  Atomics.store(blocks.control, WORD_GENERATION, snapshot.generation);
  const { discovered } = config;
  status.discovered = discovered;
  post({ kind: "snapshot", snapshot, plan, settings, known: new Map(known), discovered });
  log("info", `configuration ${snapshot.generation} accepted`, {
    zones: status.zones,
    names: status.names,
    dynamicRecords: status.dynamicRecords,
    pools: plan.pools.length,
    checkedAddresses: plan.targets.length,
    warnings,
    octets: status.snapshotOctets,
    indexOctets: indexes.reduce((sum, { octets }) => sum + octets, 0),
    largestIndexes: largestIndexes(indexes, LOGGED_INDEXES).map(
      ({ name, octets }) => `${name}: ${formatOctets(octets)}`,
    ),
    ms: Math.round(status.lastCompileMs),
  });
}

/** Logs the findings of accepted configurations; those of the one before are not told again. */
function createTeller(log: Log): (findings: Finding[], discovered: Discovered) => void {
  let told = new Set<string>();
  const tellDiscovered = createDiscoveryTeller(log);
  return (findings, discovered) => {
    logFindings(
      log,
      findings.filter((finding) => !told.has(formatFinding(finding))),
    );
    told = new Set(findings.map(formatFinding));
    tellDiscovered(discovered);
  };
}

function logFindings(log: Log, findings: Finding[]): void {
  for (const finding of findings)
    log(finding.severity === "error" ? "error" : "warn", formatFinding(finding), { code: finding.code });
}
