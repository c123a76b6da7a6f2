import { availableParallelism } from "node:os";
import { checkBatch } from "./batch-check.ts";
import type { LogOptions } from "./log.ts";
import { mapLargeBlocks } from "./malloc.ts";
import type { Log } from "./messages.ts";
import { type ServerOptions, startSupervisor } from "./supervisor.ts";
import { type StartWorker, startThread } from "./threads.ts";
import { supportsReusePort } from "./udp.ts";

/**
 * `timeout`, service managers and terminals tell a process and its group, so that one wish to stop comes as two signals. Only
 * one that comes later than this is a person who does not want to wait.
 */
const SAME_WISH_MS = 500;

/** Runs the server until it is told to stop by a signal; returns the exit code. */
export async function runServer(
  options: ServerOptions,
  startWorker: StartWorker = startThread,
): Promise<number> {
  const { log: write, opened } = openLog({
    pretty: options.pretty ?? process.stdout.isTTY === true,
    level: options.logLevel ?? "info",
  });
  const log: Log = (level, message, fields) => {
    write(level, message, fields);
    options.onLogged?.(message);
  };
  void mapLargeBlocks();
  const supervisor = startSupervisor(options, {
    startWorker,
    log,
    cores: availableParallelism(),
    supportsReusePort,
    checkBatch,
  });
  let hurry: (code: number) => void = () => undefined;
  const hurried = new Promise<number>((resolve) => {
    hurry = resolve;
  });
  let stopMs: number | null = null;
  const onStop = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (stopMs !== null && nowMs - stopMs < SAME_WISH_MS) return;
    log("info", stopMs === null ? "stopping" : "stopping at once", { signal });
    if (stopMs === null) supervisor.stop();
    else hurry(1);
    stopMs = nowMs;
  };
  const onReload = (): void => supervisor.reload();
  const onHangUp = options.onHangUp === "stop" ? onStop : onReload;
  process.on("SIGTERM", onStop).on("SIGINT", onStop).on("SIGHUP", onHangUp);
  const code = await Promise.race([supervisor.finished, hurried]);
  process.off("SIGTERM", onStop).off("SIGINT", onStop).off("SIGHUP", onHangUp);
  await opened();
  return code;
}

/** A log that is loaded with its first line, which is none that the first answer waits for. */
function openLog(options: LogOptions): { log: Log; opened: () => Promise<void> | undefined } {
  const waiting: Parameters<Log>[] = [];
  let opening: Promise<void> | undefined;
  const open = async (): Promise<void> => {
    const { createLog } = await import("./log.ts");
    write = await createLog(options);
    for (const line of waiting) write(...line);
  };
  let write: Log = (...line) => {
    waiting.push(line);
    opening ??= open();
  };
  return { log: (...line) => write(...line), opened: () => opening };
}
