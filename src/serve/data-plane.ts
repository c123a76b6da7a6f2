import type { Snapshot } from "../snapshot.ts";
import { type DataBlock, type SharedBlocks, WORD_GENERATION } from "./blocks.ts";
import type { Listener, ListenFailure } from "./listener.ts";
import { formatListenFailure } from "./listener.ts";
import type { FromData, Log, ToData, UdpSettings } from "./messages.ts";
import { type Supervised, superviseWorker } from "./supervised.ts";
import type { StartWorker } from "./threads.ts";

/** An answering thread never works longer than milliseconds on anything. */
const STALL_MS = 10_000;

export interface DataPlaneOptions {
  blocks: SharedBlocks;
  startWorker: StartWorker;
  log: Log;
  /** Once, when every worker has its sockets open. */
  onOpen: (listeners: Listener[]) => void;
  /** Once, when sockets cannot be had while the server starts. Later failures are retried. */
  onRefused: (failures: ListenFailure[]) => void;
}

/** The workers that answer, as one thing. */
export interface DataPlane {
  /** The first snapshot, and how many UDP workers there are to be. Once. */
  begin(snapshot: Snapshot, udpWorkers: number, udp: UdpSettings): void;
  /** Lets the workers open their sockets. */
  open(listeners: Listener[]): void;
  adopt(snapshot: Snapshot): void;
  /** Whether every worker answers from the snapshot that was adopted last. */
  hasAdopted(): boolean;
  check(nowMs: number): void;
  stop(graceMs: number): Promise<void>;
}

interface DataWorker {
  block: DataBlock;
  kind: "udp" | "stream";
  /** Has reported open sockets at least once. */
  wasOpen: boolean;
  isOpen: boolean;
  supervised: Supervised<ToData> | null;
}

/**
 * Starts the first UDP worker, the others with the first snapshot, and keeps them alive. They start without a snapshot and
 * with closed sockets, so that their start overlaps with the compilation and the first probes; more than one would take the
 * compilation's time on two cores. The first UDP worker opens first: where port 0 was asked for, it finds the port that all others take.
 */
export function startDataPlane(options: DataPlaneOptions): DataPlane {
  const { blocks, log, startWorker } = options;
  let snapshot: Snapshot | null = null;
  let settings: UdpSettings | null = null;
  let wanted: Listener[] | null = null;
  /** With the ports that the first worker found. */
  let bound: Listener[] | null = null;
  let started = false;
  let refused = false;
  const workers: DataWorker[] = [];

  const opened = (worker: DataWorker, listeners: Listener[]): void => {
    worker.wasOpen = true;
    worker.isOpen = true;
    cover(workers);
    if (bound === null) {
      bound = listeners;
      for (const other of workers) if (other !== worker) postOpen(other, listeners);
    }
    if (started || !workers.every((each) => each.wasOpen)) return;
    started = true;
    options.onOpen(bound);
  };
  const failed = (worker: DataWorker, failures: ListenFailure[]): void => {
    if (started) {
      for (const failure of failures) log("error", `${formatListenFailure(failure)}; trying again`);
      worker.supervised?.replace();
    } else if (!refused) {
      refused = true;
      options.onRefused(failures);
    }
  };
  const postOpen = ({ supervised }: DataWorker, listeners: Listener[]): void => {
    if (settings !== null) supervised?.post({ kind: "open", listeners, udp: settings });
  };
  const add = (kind: "udp" | "stream", block: DataBlock, index: number): DataWorker => {
    const worker: DataWorker = { block, kind, wasOpen: false, isOpen: false, supervised: null };
    workers.push(worker);
    worker.supervised = superviseWorker<ToData, FromData>({
      name: kind === "udp" ? `udp worker ${index - 1}` : "stream worker",
      words: block.words,
      log,
      stallMs: STALL_MS,
      start: () => startWorker(kind, { rows: blocks.rows, block, index }),
      onStart: (post) => {
        if (snapshot === null) return;
        post({ kind: "snapshot", snapshot });
        const listeners = bound ?? (worker === first ? wanted : null);
        if (listeners !== null && settings !== null) post({ kind: "open", listeners, udp: settings });
      },
      onDeath: () => {
        worker.isOpen = false;
        cover(workers);
      },
      onMessage: (message) => {
        if (message.kind === "log") log(message.level, message.message, message.fields);
        else if (message.kind === "open") opened(worker, message.listeners);
        else if (message.kind === "openFailed") failed(worker, message.failures);
      },
    });
    return worker;
  };

  const adopt = (next: Snapshot): void => {
    snapshot = next;
    for (const worker of workers) worker.supervised?.post({ kind: "snapshot", snapshot: next });
  };
  const first = add("udp", blocks.udp[0]!, 1);
  return {
    begin: (next, udpWorkers, udp) => {
      settings = udp;
      adopt(next);
      add("stream", blocks.stream, 0);
      for (let i = 1; i < udpWorkers; i++) add("udp", blocks.udp[i]!, i + 1);
    },
    open: (listeners) => {
      wanted = listeners;
      postOpen(first, listeners);
    },
    adopt,
    hasAdopted: () =>
      workers.every((worker) => Atomics.load(worker.block.words, WORD_GENERATION) === snapshot?.generation),
    check: (nowMs) => {
      for (const worker of workers) worker.supervised?.check(nowMs);
    },
    stop: async (graceMs) => {
      await Promise.all(workers.map((worker) => worker.supervised?.stop(graceMs)));
    },
  };
}

/**
 * Spreads the sockets of UDP workers that are being replaced over those that answer: the kernel goes on giving each
 * socket its share of the queries.
 */
function cover(workers: readonly DataWorker[]): void {
  const udp = workers.filter(({ kind }) => kind === "udp");
  const open = udp.filter(({ isOpen }) => isOpen);
  const orphans = udp
    .filter(({ isOpen }) => !isOpen)
    .flatMap(({ block }) => [...block.descriptors].filter((word) => word !== 0).map((word) => word - 1));
  for (const [index, worker] of open.entries()) {
    const descriptors = orphans.filter((_, orphan) => orphan % open.length === index);
    worker.supervised?.post({ kind: "cover", descriptors });
  }
}
