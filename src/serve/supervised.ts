import { WORD_BELL, WORD_HEARTBEAT, WORD_OPEN, WORD_RESTARTS, WORD_STARTED_S, WORD_STOP } from "./blocks.ts";
import type { Log } from "./messages.ts";

/** What the supervisor sees of a worker thread. */
export interface WorkerHandle {
  postMessage(message: unknown): void;
  terminate(): Promise<unknown>;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
}

export interface SupervisedOptions<To, From> {
  /** For people: `udp worker 0`. */
  name: string;
  words: Int32Array;
  start: () => WorkerHandle;
  onMessage: (message: From) => void;
  /** After every start: hands the worker what it needs to take up its work. */
  onStart: (post: (message: To) => void) => void;
  /** The worker died; `willRestart` is what comes of it. */
  onDeath?: () => void;
  log: Log;
  /** A heart that has not beaten for this long: the worker is stuck, and is replaced. */
  stallMs: number;
}

/** A worker that is replaced when it dies. */
export interface Supervised<To> {
  /** Lost while the worker is being replaced: onStart brings the next one up to date. */
  post(message: To): void;
  /** Ends the worker, so that it is replaced. */
  replace(): void;
  /** Looks at the heart; call a few times a second with monotonic milliseconds. */
  check(nowMs: number): void;
  /** Asks the worker to finish; ends it after `graceMs`. Resolves when it is gone. */
  stop(graceMs: number): Promise<void>;
}

const FIRST_DELAY_MS = 100;
const LAST_DELAY_MS = 30_000;
/** A worker that ran this long has recovered: its next restart is quick again. */
const RECOVERED_MS = 60_000;

/** Milliseconds to wait before the restart after `deaths` quick deaths in a row: doubling from 100 ms to 30 s. */
export function restartDelayMs(deaths: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (deaths - 1), LAST_DELAY_MS);
}

/** Starts a worker and keeps it alive until it is stopped. */
export function superviseWorker<To, From>(options: SupervisedOptions<To, From>): Supervised<To> {
  const { name, words, log } = options;
  let worker: WorkerHandle | null = null;
  let restart: NodeJS.Timeout | null = null;
  let stopping = false;
  let gone: () => void = () => undefined;
  let quickDeaths = 0;
  let startedMs = 0;
  let lastBeat = 0;
  let lastBeatMs = 0;

  /** The bell after the message: whoever hears it finds the message. */
  const send = (to: WorkerHandle, message: unknown): void => {
    to.postMessage(message);
    Atomics.add(words, WORD_BELL, 1);
  };
  const start = (): void => {
    restart = null;
    startedMs = performance.now();
    lastBeatMs = startedMs;
    Atomics.store(words, WORD_STARTED_S, Math.floor(Date.now() / 1000));
    const started = options.start();
    worker = started;
    started.on("message", (message) => options.onMessage(message as From));
    started.on("error", (error) =>
      log("error", `${name} failed`, { error: error.stack ?? error.message, code: codeOf(error) }),
    );
    started.on("exit", (code) => {
      if (worker === started) died(code);
    });
    options.onStart((message) => send(started, message));
  };
  const died = (code: number): void => {
    worker = null;
    Atomics.store(words, WORD_OPEN, 0);
    if (!stopping) options.onDeath?.();
    if (stopping) {
      gone();
      return;
    }
    quickDeaths = performance.now() - startedMs >= RECOVERED_MS ? 1 : quickDeaths + 1;
    const delayMs = restartDelayMs(quickDeaths);
    Atomics.add(words, WORD_RESTARTS, 1);
    log("error", `${name} died and is being replaced`, { exitCode: code, delayMs });
    restart = setTimeout(start, delayMs);
  };
  const check = (nowMs: number): void => {
    const beat = Atomics.load(words, WORD_HEARTBEAT);
    if (worker === null || beat !== lastBeat) {
      lastBeat = beat;
      lastBeatMs = nowMs;
    } else if (nowMs - lastBeatMs >= options.stallMs) {
      log("error", `${name} is stuck`, { stuckMs: Math.round(nowMs - lastBeatMs) });
      lastBeatMs = nowMs;
      void worker.terminate();
    }
  };
  const stop = async (graceMs: number): Promise<void> => {
    stopping = true;
    if (restart !== null) clearTimeout(restart);
    const current = worker;
    if (current === null) return;
    Atomics.store(words, WORD_STOP, 1);
    send(current, { kind: "stop" });
    await new Promise<void>((resolve) => {
      gone = resolve;
      setTimeout(() => void current.terminate(), graceMs).unref();
    });
  };
  start();
  return {
    post: (message) => {
      if (worker !== null) send(worker, message);
    },
    replace: () => void worker?.terminate(),
    check,
    stop,
  };
}

function codeOf(error: Error): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
