import type { Discovered } from "../config/discovered.ts";
import type { KnownNames } from "../config/known-names.ts";
import type { ForcedPlan, HealthPlan } from "../health/plan.ts";
import type { Snapshot } from "../snapshot.ts";
import { allocateBlocks, type SharedBlocks } from "./blocks.ts";
import { createCollection } from "./collect.ts";
import { type DataPlane, startDataPlane } from "./data-plane.ts";
import { EventTail } from "./event-tail.ts";
import { formatListener, formatListenFailure, type Listener } from "./listener.ts";
import type {
  ControlInit,
  FromControl,
  FromProbe,
  Log,
  LogLevel,
  LogMessage,
  ServeSettings,
  ToControl,
  ToProbe,
} from "./messages.ts";
import { widenInlining } from "./optimizer.ts";
import { type Supervised, superviseWorker } from "./supervised.ts";
import type { StartWorker } from "./threads.ts";

export interface ServerOptions {
  /** Path of steerd.yaml, or null: ./steerd.yaml when it exists, else the defaults. */
  configPath: string | null;
  /** Lines for people instead of JSON; absent: when standard output is a terminal. */
  pretty?: boolean;
  /** Least level that is logged; absent: info. */
  logLevel?: LogLevel;
  /** What SIGHUP asks for; absent: to read the files again. A server that belongs to a terminal ends with it. */
  onHangUp?: "reload" | "stop";
  /** Why the server does not start, one line a call; absent: standard error. */
  printError?: (line: string) => void;
  /** Once, when every socket is open. */
  onReady?: (listeners: Listener[]) => void;
  /** After each line of the log. */
  onLogged?: (message: string) => void;
}

/** What the supervisor stands on; tests hand in their own. */
export interface SupervisorBase {
  startWorker: StartWorker;
  log: Log;
  cores: number;
  supportsReusePort: () => Promise<boolean>;
  /** Null: UDP can be answered in batches; else why not. */
  checkBatch: () => Promise<string | null>;
  /** How long the heart of a worker may stand still; absent: twice as long as its work can take. */
  stallMs?: { control: number; probe: number };
}

/** A running server, seen from the main thread. */
export interface Supervisor {
  blocks: SharedBlocks;
  /** Asks for the files to be read again. */
  reload(): void;
  /** Finishes within a few seconds. */
  stop(): void;
  /** The exit code: 0 stopped, 1 could not start. */
  finished: Promise<number>;
}

/** Sockets open after the first round of probes, or after this long if forced and remembered states are there. */
const FIRST_ROUND_MS = 1000;
/** Nor does a probe worker that cannot start hold up answers for longer than this. */
const FIRST_STATES_MS = 5000;
/** How long a snapshot waits for the first verdicts on what it brings. */
const PLAN_MS = 1000;
/** Workers that have not finished by then are ended. */
const GRACE_MS = 2000;
const CHECK_MS = 250;
/** Compiling the largest configurations that are supported takes less than half of it. */
const CONTROL_STALL_MS = 120_000;
const PROBE_STALL_MS = 10_000;
const COLLECT_MS = 100;
/** What the start leaves behind is collected before the data workers collect theirs. */
const SETTLE_MS = 2_000;

interface Published {
  snapshot: Snapshot;
  plan: HealthPlan;
  settings: ServeSettings;
  known: KnownNames;
  discovered?: Discovered;
}

/** What a control worker cannot find out again when nobody answers and files are gone. */
function remembered({ known, discovered }: Published): Pick<ControlInit, "known" | "discovered"> {
  return { known, ...(discovered === undefined ? {} : { discovered }) };
}

function planMessage({ plan, snapshot, discovered }: Published): ToProbe {
  const { generation } = snapshot;
  return { kind: "plan", plan, generation, ...(discovered === undefined ? {} : { discovered }) };
}

/**
 * Starts a server: the control worker compiles, then the probe worker and the data workers start, then sockets open.
 * From the first snapshot on it never ends by itself.
 */
export function startSupervisor(options: ServerOptions, base: SupervisorBase): Supervisor {
  return new ProcessSupervisor(options, base);
}

class ProcessSupervisor implements Supervisor {
  readonly blocks = allocateBlocks();
  readonly finished: Promise<number>;
  private finish: (code: number) => void = () => undefined;
  private readonly options: ServerOptions;
  private readonly base: SupervisorBase;
  private readonly control: Supervised<ToControl>;
  private readonly tail = new EventTail();
  private readonly collection = createCollection(COLLECT_MS);
  private readonly settling = createCollection(SETTLE_MS);
  private readonly ticker: NodeJS.Timeout;
  private readonly startedMs = Date.now();
  /** Found out while the files are compiled. */
  private readonly noBatch: Promise<string | null>;
  private probe: Supervised<ToProbe> | null = null;
  private readonly data: DataPlane;
  private published: Published | null = null;
  private settings: ServeSettings | null = null;
  /** Fires when waiting for the probe worker has to end: for its first round, or for its rows. */
  private roundTimer: NodeJS.Timeout | null = null;
  private isRoundOver = false;
  private hasStates = false;
  private planTimer: NodeJS.Timeout | null = null;
  private releaseDue = false;
  /** 0: the first snapshot is not out yet. */
  private udpWorkers = 0;
  private answering = false;
  private stopping = false;

  constructor(options: ServerOptions, base: SupervisorBase) {
    this.options = options;
    this.base = base;
    this.noBatch = base.checkBatch();
    this.finished = new Promise((resolve) => {
      this.finish = resolve;
    });
    this.control = superviseWorker<ToControl, FromControl>({
      name: "control worker",
      words: this.blocks.control,
      log: base.log,
      stallMs: base.stallMs?.control ?? CONTROL_STALL_MS,
      start: () =>
        base.startWorker("control", {
          configPath: options.configPath,
          blocks: this.blocks,
          startedMs: this.startedMs,
          ...(this.published === null ? {} : remembered(this.published)),
        }),
      onStart: (post) => {
        post({ kind: "past", events: this.tail.kept() });
        if (this.answering) post({ kind: "answering" });
      },
      onMessage: (message) => this.onControl(message),
      onDeath: () => {
        if (this.published === null)
          this.refuse(["the control worker failed before anything could be served"]);
      },
    });
    // After the control worker, which has the most to do until the first answer.
    this.data = startDataPlane({
      blocks: this.blocks,
      startWorker: base.startWorker,
      log: base.log,
      onOpen: (listeners) => this.onOpen(listeners),
      onRefused: (failures) => this.refuse(failures.map(formatListenFailure)),
    });
    this.ticker = setInterval(() => this.tick(), CHECK_MS);
  }

  reload(): void {
    this.control.post({ kind: "reload" });
  }

  stop(): void {
    void this.end(0);
  }

  private onControl(message: FromControl): void {
    if (message.kind === "log") this.base.log(message.level, message.message, message.fields);
    else if (message.kind === "snapshot") this.publish(message);
    else if (message.kind === "forced") this.force(message.forced);
    else if (message.kind === "releaseLatch" || message.kind === "thaw") this.probe?.post(message);
    else if (message.kind === "rejected" && this.published === null) this.refuse(message.lines);
  }

  private publish(published: Published): void {
    if (this.stopping) return;
    const isFirst = this.published === null;
    const { settings } = published;
    this.published = published;
    if (isFirst) {
      this.settings = settings;
      // Not earlier: the first compilation takes 1.6 times as long with it.
      widenInlining();
      void this.begin(settings);
      return;
    }
    if (JSON.stringify(settings) !== JSON.stringify(this.settings))
      this.base.log("warn", "listen, workers and state take effect when the server is started again");
    if (this.udpWorkers === 0) return;
    if (this.probe === null && this.needsProbe(published)) this.startProbe();
    else this.probe?.post(planMessage(published));
    if (this.probe === null) this.adopt();
    else this.planTimer ??= setTimeout(() => this.adopt(), PLAN_MS);
  }

  /** Kept with the plan, for a probe worker that has to start again. */
  private force(forced: ForcedPlan[]): void {
    if (this.published === null) return;
    this.published.plan = { ...this.published.plan, forced };
    this.probe?.post({ kind: "forced", forced });
  }

  /** The first snapshot: workers start, and sockets open when the first verdicts are in. */
  private async begin(settings: ServeSettings): Promise<void> {
    const reason = await this.noBatch;
    if (reason !== null) this.base.log("warn", `udp is answered one datagram at a time: ${reason}`);
    const batch = reason === null && settings.listeners.every(({ host }) => !host.includes("%"));
    const udpWorkers = await this.countUdpWorkers(settings, batch);
    if (this.stopping) return;
    const { snapshot, plan } = this.published!;
    this.udpWorkers = udpWorkers;
    this.data.begin(snapshot, udpWorkers, { reusePort: udpWorkers > 1, batch });
    if (this.needsProbe(this.published!)) this.startProbe();
    if (plan.pools.length === 0) this.data.open(settings.listeners);
    else {
      this.roundTimer = setTimeout(() => this.endFirstRound(), FIRST_ROUND_MS);
    }
  }

  /** The probe worker keeps the file that outlives the process, too: also where nothing is probed. */
  private needsProbe({ plan, discovered, settings }: Published): boolean {
    return plan.pools.length > 0 || (settings.state !== null && (discovered?.size ?? 0) > 0);
  }

  /** `auto` leaves one core to everything else. Several need a runtime that can share ports. */
  private async countUdpWorkers(settings: ServeSettings, batch: boolean): Promise<number> {
    const wanted = settings.udpWorkers === "auto" ? Math.max(1, this.base.cores - 1) : settings.udpWorkers;
    const limited = Math.min(wanted, this.blocks.udp.length);
    if (limited === 1 || batch || (await this.base.supportsReusePort())) return limited;
    if (settings.udpWorkers !== "auto")
      this.base.log(
        "warn",
        `workers: ${settings.udpWorkers} needs batches, or Node 23.1 or later; using one`,
      );
    return 1;
  }

  private startProbe(): void {
    this.probe = superviseWorker<ToProbe, FromProbe>({
      name: "probe worker",
      words: this.blocks.probe,
      log: this.base.log,
      stallMs: this.base.stallMs?.probe ?? PROBE_STALL_MS,
      start: () =>
        this.base.startWorker("probe", {
          rows: this.blocks.rows,
          words: this.blocks.probe,
          state: this.settings!.state,
        }),
      onStart: (post) => {
        post(planMessage(this.published!));
        if (this.answering) post({ kind: "answering" });
      },
      onMessage: (message) => {
        if (message.kind === "log") this.onProbeLog(message);
        else if (message.kind === "roundDone") this.onRoundDone(message.generation);
        else if (message.kind === "planned") this.onPlanned();
      },
    });
  }

  /** What the prober tells of is an event for whoever asks the control worker. */
  private onProbeLog({ level, message, fields }: LogMessage): void {
    this.base.log(level, message, fields);
    if (fields.event === undefined) return;
    const event = this.tail.add({ timeMs: Date.now(), level, message, fields });
    this.control.post({ kind: "event", event });
  }

  /** Verdicts first: no pool that a snapshot brings looks failed because nobody has asked it yet. */
  private onRoundDone(generation: number): void {
    if (this.roundTimer !== null) this.openSockets();
    if (this.planTimer !== null && generation === this.published?.snapshot.generation) this.adopt();
  }

  /** A client of a drained endpoint must not be sent there because the prober was slow to start. */
  private endFirstRound(): void {
    if (this.hasStates) this.openSockets();
    else {
      this.isRoundOver = true;
      this.roundTimer = setTimeout(() => this.openSockets(), FIRST_STATES_MS - FIRST_ROUND_MS);
    }
  }

  /** What is forced and what is remembered of the plan is in the rows. */
  private onPlanned(): void {
    this.hasStates = true;
    if (this.isRoundOver && this.roundTimer !== null) this.openSockets();
  }

  private openSockets(): void {
    if (this.roundTimer !== null) clearTimeout(this.roundTimer);
    this.roundTimer = null;
    this.data.open(this.settings!.listeners);
  }

  private adopt(): void {
    if (this.planTimer !== null) clearTimeout(this.planTimer);
    this.planTimer = null;
    this.data.adopt(this.published!.snapshot);
    this.releaseDue = true;
    this.collection.request();
  }

  private onOpen(listeners: Listener[]): void {
    this.base.log("info", `answering on ${listeners.map(formatListener).join(", ")}`, {
      udpWorkers: this.udpWorkers,
      startMs: Date.now() - this.startedMs,
    });
    this.answering = true;
    this.settling.request();
    this.control.post({ kind: "answering" });
    this.probe?.post({ kind: "answering" });
    this.options.onReady?.(listeners);
  }

  private tick(): void {
    const nowMs = performance.now();
    this.control.check(nowMs);
    this.probe?.check(nowMs);
    this.data.check(nowMs);
    if (!this.releaseDue || !this.data.hasAdopted()) return;
    this.releaseDue = false;
    this.probe?.post({ kind: "release" });
  }

  /** The server cannot start: says why and ends. */
  private refuse(lines: string[]): void {
    const print = this.options.printError ?? ((line: string) => void process.stderr.write(`${line}\n`));
    for (const line of lines) print(line);
    void this.end(1);
  }

  private async end(code: number): Promise<void> {
    if (this.stopping) return;
    this.stopping = true;
    clearInterval(this.ticker);
    this.collection.cancel();
    this.settling.cancel();
    for (const timer of [this.roundTimer, this.planTimer]) if (timer !== null) clearTimeout(timer);
    await Promise.all([this.data.stop(GRACE_MS), this.probe?.stop(GRACE_MS), this.control.stop(GRACE_MS)]);
    this.finish(code);
  }
}
