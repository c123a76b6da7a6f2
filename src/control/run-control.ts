import { readWords } from "../serve/control-words.ts";
import type { ControlInit, FromControl, Log, ToControl, WorkerPort } from "../serve/messages.ts";
import type { Snapshot } from "../snapshot.ts";
import { type Control, type ControlOptions, startControl } from "./control.ts";

/** How soon the worker sees its control words, while nothing is compiled. */
const BEAT_MS = 100;

/** Runs the control worker on `port` until it is told to stop. */
export function runControlWorker(
  init: ControlInit,
  port: WorkerPort<ToControl, FromControl>,
  parts: Pick<ControlOptions, "build" | "openApi" | "collect" | "lookUp"> & {
    /** Given each snapshot once the workers have been sent it. */
    settle?: (snapshot: Snapshot) => void;
  },
): void {
  /** Null while it reads the files for the first time. */
  let started: Control | null = null;
  const log: Log = (level, message, fields = {}) => {
    port.postMessage({ kind: "log", level, message, fields });
    if (fields.event !== undefined) started?.onEvent({ timeMs: Date.now(), level, message, fields });
  };
  const control = startControl({
    blocks: init.blocks,
    startedMs: init.startedMs,
    post: (message) => {
      port.postMessage(message);
      if (message.kind === "snapshot") parts.settle?.(message.snapshot);
    },
    log,
    known: init.known,
    ...parts,
  });
  started = control;
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    clearInterval(beat);
    await control.stop();
    port.postMessage({ kind: "stopped" });
    port.close();
  };
  const beat = setInterval(() => {
    if (readWords(init.blocks.control)) void stop();
  }, BEAT_MS);
  port.on("message", (message) => {
    if (message.kind === "reload") control.reload();
    else if (message.kind === "answering") control.serveApi();
    else if (message.kind === "event") control.onEvent(message.event);
    else if (message.kind === "past") control.recall(message.events);
    else void stop();
  });
}
