import { type Finding, formatFinding } from "../config/findings.ts";
import { formatOctets, type IndexSize, largestIndexes } from "../config/index-memory.ts";
import type { HealthPlan } from "../health/plan.ts";
import { type SharedBlocks, WORD_GENERATION } from "../serve/blocks.ts";
import type { Listener } from "../serve/listener.ts";
import type { FromControl, Log, ServeSettings } from "../serve/messages.ts";
import type { Snapshot } from "../snapshot.ts";
import type { Api } from "./api.ts";
import { keepApiOpen } from "./api-keeper.ts";
import { type ControlStatus, createStatus, describeSnapshot } from "./status.ts";
import { createWatch, WATCH_DEFAULTS, type WatchedPaths } from "./watch.ts";

/** A configuration that was accepted. */
export interface Built {
  snapshot: Snapshot;
  plan: HealthPlan;
  settings: ServeSettings;
  /** What each prefix index takes. */
  indexes: readonly IndexSize[];
  /** Where the API listens. */
  api: Listener;
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
  post: (message: FromControl) => void;
  log: Log;
  /** Reads the files as `generation`. What did not change since the last call need not be read again. */
  build: (generation: number) => Attempt;
  openApi: (listener: Listener, status: ControlStatus) => Promise<Api>;
  /** Hands memory back after a compilation. */
  collect: () => void;
  watch?: typeof WATCH_DEFAULTS;
}

/** Owner of the configuration: reads it, publishes it, watches it, and shows it. */
export interface Control {
  /** Reads the files now. */
  reload(): void;
  /** Opens the API from now on. Not earlier than the sockets: what the first answer does not need comes after it. */
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
  const api = keepApiOpen(blocks, log, (listener) => options.openApi(listener, status));
  let apiListener: Listener | null = null;
  let answering = false;
  let paths: WatchedPaths | null = null;

  const reload = (): void => {
    // Before the files are read, so that what changes meanwhile counts as a change.
    if (paths !== null) watch.mark(paths);
    const startedMs = performance.now();
    const startedWallMs = Date.now();
    const current = Atomics.load(blocks.control, WORD_GENERATION);
    const attempt = attemptBuild(current);
    if (attempt === null) return;
    const { findings, built, watched } = attempt;
    status.lastCompileMs = performance.now() - startedMs;
    if (built === null) reject(findings, current);
    else accept(built, findings);
    if (JSON.stringify(paths) !== JSON.stringify(watched)) watch.mark(watched, startedWallMs);
    paths = watched;
    options.collect();
  };
  /** Null: the compiler itself failed, for want of memory or by a defect; where something is in use, that stays. */
  const attemptBuild = (current: number): Attempt | null => {
    try {
      return build(current + 1);
    } catch (error) {
      if (current === 0) throw error;
      status.rejected++;
      status.lastReloadOk = false;
      const stack = error instanceof Error ? error.stack : String(error);
      log("error", `reading the configuration failed, ${current} stays in use`, { error: stack });
      return null;
    }
  };
  const accept = ({ snapshot, plan, settings, indexes, api: listener }: Built, findings: Finding[]): void => {
    logFindings(log, findings);
    describeSnapshot(status, snapshot, plan, indexes);
    status.accepted++;
    status.lastReloadOk = true;
    status.lastAcceptedS = Math.floor(Date.now() / 1000);
    Atomics.store(blocks.control, WORD_GENERATION, snapshot.generation);
    post({ kind: "snapshot", snapshot, plan, settings });
    log("info", `configuration ${snapshot.generation} accepted`, {
      zones: status.zones,
      names: status.names,
      dynamicRecords: status.dynamicRecords,
      pools: plan.pools.length,
      checkedAddresses: plan.targets.length,
      warnings: findings.length,
      octets: status.snapshotOctets,
      indexOctets: indexes.reduce((sum, { octets }) => sum + octets, 0),
      largestIndexes: largestIndexes(indexes, LOGGED_INDEXES).map(
        ({ name, octets }) => `${name}: ${formatOctets(octets)}`,
      ),
      ms: Math.round(status.lastCompileMs),
    });
    apiListener = listener;
    if (answering) api.listenOn(listener);
  };
  const reject = (findings: Finding[], current: number): void => {
    status.rejected++;
    status.lastReloadOk = false;
    const errors = findings.filter(({ severity }) => severity === "error");
    post({ kind: "rejected", lines: errors.map(formatFinding) });
    // Nothing was published yet: the supervisor prints the lines and ends.
    if (current === 0) return;
    logFindings(log, findings);
    log("error", `configuration rejected, ${current} stays in use`, { errors: errors.length });
  };
  const watch = createWatch({ ...(options.watch ?? WATCH_DEFAULTS), onChange: reload });
  reload();
  return {
    reload,
    serveApi: () => {
      answering = true;
      if (apiListener !== null) api.listenOn(apiListener);
    },
    stop: async () => {
      watch.close();
      await api.close();
    },
  };
}

/** A thousand tables make no line that somebody reads; `check --memory` and /metrics have more. */
const LOGGED_INDEXES = 3;

function logFindings(log: Log, findings: Finding[]): void {
  for (const finding of findings)
    log(finding.severity === "error" ? "error" : "warn", formatFinding(finding), { code: finding.code });
}
