import { adoptSnapshot, answerMessage, type Context, createContext } from "../answer.ts";
import { COUNTER_SWAPS } from "../counters.ts";
import type { Snapshot } from "../snapshot.ts";
import { type DataBlock, WORD_GENERATION, WORD_OPEN } from "./blocks.ts";
import { createCollection } from "./collect.ts";
import { readWords } from "./control-words.ts";
import { createExplainer } from "./explain-txt.ts";
import { formatListenFailure, type Listener, type ListenFailure } from "./listener.ts";
import { lookAhead } from "./look-ahead.ts";
import type { MessageBlock } from "./message-block.ts";
import type { DataInit, FromData, Log, ToData, UdpSettings, WorkerPort } from "./messages.ts";
import { containFaults, type Plane } from "./plane.ts";

/** What a transport makes of its listeners. */
export interface OpenTransport {
  listeners: Listener[];
  skipped: ListenFailure[];
  /** Absent: nothing of a dead worker is left to answer on. */
  cover?(descriptors: readonly number[]): void;
  close(): void;
}

export type OpenListeners = (
  listeners: Listener[],
  plane: Plane,
  udp: UdpSettings,
  block: DataBlock,
) => Promise<OpenTransport | { failures: ListenFailure[] }>;

/** How soon a worker sees its control words, and how often its heart beats. */
const BEAT_MS = 100;

/** Collections of the data workers are this far apart, so that never two of them pause at once. */
const COLLECT_STAGGER_MS = 150;
/** What the start leaves behind is collected when everything else has started too. */
const SETTLE_MS = 2_000;

/**
 * Runs a data worker on `port` until it is told to stop: makes its context from the first snapshot, opens its
 * listeners, adopts later snapshots, and looks at its control words between.
 */
export function runDataWorker(
  init: DataInit,
  port: WorkerPort<ToData, FromData>,
  transport: number,
  openListeners: OpenListeners,
): void {
  const { words } = init.block;
  const log: Log = (level, message, fields = {}) => port.postMessage({ kind: "log", level, message, fields });
  const staggerMs = COLLECT_STAGGER_MS * (init.index + 1);
  const collection = createCollection(staggerMs);
  const settling = createCollection(SETTLE_MS + staggerMs);
  let context: Context | null = null;
  let opened: OpenTransport | null = null;
  let stopped = false;

  const adopt = (snapshot: Snapshot): void => {
    const isFirst = context === null;
    context ??= createWorkerContext(init, snapshot, transport);
    adoptSnapshot(context, snapshot, init.index);
    (isFirst ? settling : collection).request();
    init.block.counters[COUNTER_SWAPS]! += 1;
    Atomics.store(words, WORD_GENERATION, snapshot.generation);
  };
  const open = async (listeners: Listener[], udp: UdpSettings): Promise<void> => {
    if (context === null) throw new Error("open before the first snapshot");
    const outcome = await openListeners(listeners, createPlane(context, log), udp, init.block);
    if ("failures" in outcome) {
      port.postMessage({ kind: "openFailed", failures: outcome.failures });
      return;
    }
    if (stopped) return outcome.close();
    opened = outcome;
    for (const failure of outcome.skipped)
      log("warn", `${formatListenFailure(failure)}; going on without it`);
    Atomics.store(words, WORD_OPEN, 1);
    port.postMessage({ kind: "open", listeners: outcome.listeners });
  };
  const stop = (): void => {
    if (stopped) return;
    stopped = true;
    clearInterval(beat);
    collection.cancel();
    settling.cancel();
    opened?.close();
    Atomics.store(words, WORD_OPEN, 0);
    port.postMessage({ kind: "stopped" });
    port.close();
  };
  const beat = setInterval(() => {
    if (readWords(words)) stop();
  }, BEAT_MS);
  port.on("message", (message) => {
    if (message.kind === "snapshot") adopt(message.snapshot);
    else if (message.kind === "open") void open(message.listeners, message.udp);
    else if (message.kind === "cover") opened?.cover?.(message.descriptors);
    else stop();
  });
}

function createWorkerContext(init: DataInit, snapshot: Snapshot, transport: number): Context {
  const context = createContext(snapshot, init.rows, init.block.counters, init.block.expiries);
  context.transport = transport;
  // Never 0, and different in every worker.
  context.dice[0] = 1 + Math.floor(Math.random() * 0x7fff_fffe);
  return context;
}

function createPlane(context: Context, log: Log): Plane {
  const { client, clockS, counters } = context;
  const explainer = createExplainer();
  const answer = containFaults(
    (packet, length, out) => {
      // One look at the snapshot: nobody may ask why, unless steerd.yaml says so.
      const explained = context.snapshot.explain === undefined ? 0 : explainer(packet, length, context, out);
      return explained > 0 ? explained : answerMessage(packet, length, context, out);
    },
    counters,
    log,
    () => performance.now(),
  );
  const ahead = (block: MessageBlock, count: number): void => lookAhead(block, count, context);
  return { client, clockS, counters, answer, lookAhead: ahead, log };
}
