import type { HealthPlan } from "../health/plan.ts";
import type { HealthRows } from "../health/rows.ts";
import type { Snapshot } from "../snapshot.ts";
import type { DataBlock, SharedBlocks } from "./blocks.ts";
import type { Listener, ListenFailure } from "./listener.ts";

/** What crosses threads. All of it is structured-cloneable; shared memory inside is shared, not copied. */

export type LogLevel = "debug" | "info" | "warn" | "error";

/** One line for the log. Workers post it, because the log belongs to the main thread. */
export interface LogMessage {
  kind: "log";
  level: LogLevel;
  message: string;
  fields: Record<string, unknown>;
}

/** Writes one line: a verb phrase in lower case, and facts. */
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void;

/** What the data workers need of steerd.yaml; read at start only. */
export interface ServeSettings {
  listeners: Listener[];
  udpWorkers: number | "auto";
}

export interface ControlInit {
  /** Path of steerd.yaml, or null: ./steerd.yaml when it exists, else the defaults. */
  configPath: string | null;
  blocks: SharedBlocks;
  /** Milliseconds since 1970 at which the process started. */
  startedMs: number;
}

export type ToControl = { kind: "reload" } | { kind: "stop" };

export type FromControl =
  | LogMessage
  | { kind: "snapshot"; snapshot: Snapshot; plan: HealthPlan; settings: ServeSettings }
  /** Nothing could be compiled; `lines` are findings. Only the first outcome decides whether the server starts. */
  | { kind: "rejected"; lines: string[] }
  | { kind: "stopped" };

export interface ProbeInit {
  rows: HealthRows;
  words: Int32Array;
  plan: HealthPlan;
}

export type ToProbe = { kind: "plan"; plan: HealthPlan } | { kind: "stop" };

export type FromProbe = LogMessage | { kind: "firstRound" } | { kind: "stopped" };

export interface DataInit {
  rows: HealthRows;
  block: DataBlock;
  snapshot: Snapshot;
  listeners: Listener[];
  /** Several UDP workers share each port (SO_REUSEPORT). */
  reusePort: boolean;
  /** Number of the worker among its kind: staggers what all of them do. */
  index: number;
}

export type ToData = { kind: "open" } | { kind: "snapshot"; snapshot: Snapshot } | { kind: "stop" };

export type FromData =
  | LogMessage
  | { kind: "open"; listeners: Listener[] }
  | { kind: "openFailed"; failures: ListenFailure[] }
  | { kind: "stopped" };
