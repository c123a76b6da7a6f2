import type { Discovered } from "../config/discovered.ts";
import type { KnownNames } from "../config/known-names.ts";
import type { ForcedPlan, HealthPlan } from "../health/plan.ts";
import type { HealthRows } from "../health/rows.ts";
import type { Snapshot } from "../snapshot.ts";
import type { DataBlock, SharedBlocks } from "./blocks.ts";
import type { NumberedEvent } from "./event-tail.ts";
import type { StateSettings } from "./health-memory.ts";
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

/** What data workers and the probe worker need of steerd.yaml; read at start only. */
export interface ServeSettings {
  listeners: Listener[];
  udpWorkers: number | "auto";
  /** Where the states of endpoints outlive the process; null: nowhere. */
  state: StateSettings | null;
}

export interface ControlInit {
  /** Path of steerd.yaml, or null: ./steerd.yaml when it exists, else the defaults. */
  configPath: string | null;
  blocks: SharedBlocks;
  /** Milliseconds since 1970 at which the process started. */
  startedMs: number;
  /** What the control worker before this one knew of names that are looked up. */
  known?: KnownNames;
  /** Endpoints from files that it had in use. */
  discovered?: Discovered;
}

export type ToControl =
  | { kind: "reload" }
  /** The sockets are open: the API may follow. */
  | { kind: "answering" }
  /** The probe worker has logged an event. */
  | { kind: "event"; event: NumberedEvent }
  /** Comes first: the last events, for a worker that takes over from one that died. */
  | { kind: "past"; events: NumberedEvent[] }
  | { kind: "stop" };

/** A change that people may want to see: a line of the log that says what kind of event it is. */
export interface ControlEvent {
  /** Milliseconds since 1970. */
  timeMs: number;
  level: LogLevel;
  message: string;
  fields: Record<string, unknown>;
  /** See NumberedEvent; absent: the control worker's own. */
  sequence?: number;
}

export type FromControl =
  | LogMessage
  | {
      kind: "snapshot";
      snapshot: Snapshot;
      plan: HealthPlan;
      settings: ServeSettings;
      known: KnownNames;
      discovered?: Discovered;
    }
  /** What operators say of addresses has changed, and nothing else. */
  | { kind: "forced"; forced: ForcedPlan[] }
  | { kind: "releaseLatch"; zone: string; policy: string }
  | { kind: "thaw" }
  /** Nothing could be compiled; `lines` are findings. Only the first outcome decides whether the server starts. */
  | { kind: "rejected"; lines: string[] }
  | { kind: "stopped" };

export interface ProbeInit {
  rows: HealthRows;
  words: Int32Array;
  state: StateSettings | null;
}

export type ToProbe =
  | {
      kind: "plan";
      plan: HealthPlan;
      generation: number;
      /** Endpoints from files, to be remembered over a restart; absent: there are none. */
      discovered?: Discovered;
    }
  /** Every data worker has taken over the snapshot of the last plan: rows that it left behind may be freed. */
  | { kind: "release" }
  /** In place of what the last plan said of forced states. */
  | { kind: "forced"; forced: ForcedPlan[] }
  /** An operator takes a latched `failover` back to its list's order: see LatchPlan for the names. */
  | { kind: "releaseLatch"; zone: string; policy: string }
  /** An operator believes the probes: ends a freeze. */
  | { kind: "thaw" }
  /** The server answers: from now on what is known is kept for the next start. */
  | { kind: "answering" }
  | { kind: "stop" };

export type FromProbe =
  | LogMessage
  /** The rows of a plan are written with what is known of its targets already: forced and remembered states. */
  | { kind: "planned" }
  /** The rows of this generation's plan are written, and every target of it has a verdict. */
  | { kind: "roundDone"; generation: number }
  | { kind: "stopped" };

/**
 * The snapshot comes as a message, never here: a worker keeps its start data for life, and the first snapshot would
 * stay in memory with it.
 */
export interface DataInit {
  rows: HealthRows;
  block: DataBlock;
  /** Number of the worker among those that answer, as in dataBlocks: where it counts, and when it collects. */
  index: number;
}

/** How UDP sockets are opened. */
export interface UdpSettings {
  /** Several UDP workers share each port (SO_REUSEPORT). */
  reusePort: boolean;
  /** UDP in batches: see batch-check.ts. */
  batch: boolean;
}

export type ToData =
  /** The first one comes before `open`. */
  | { kind: "snapshot"; snapshot: Snapshot }
  | { kind: "open"; listeners: Listener[]; udp: UdpSettings }
  /** Answer on these sockets of workers that are being replaced as well, and on no others. */
  | { kind: "cover"; descriptors: number[] }
  | { kind: "stop" };

export type FromData =
  | LogMessage
  | { kind: "open"; listeners: Listener[] }
  | { kind: "openFailed"; failures: ListenFailure[] }
  | { kind: "stopped" };

/** The worker's end of its channel: parentPort, or a test's. */
export interface WorkerPort<Incoming, Outgoing> {
  on(event: "message", listener: (message: Incoming) => void): unknown;
  postMessage(message: Outgoing): void;
  /** Lets the worker exit once nothing else holds it. */
  close(): void;
}
