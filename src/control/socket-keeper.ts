import type { Log } from "../serve/messages.ts";
import { restartDelayMs } from "../serve/supervised.ts";
import { type Handler, openControlSocket, type SocketServer } from "./socket-server.ts";

export interface SocketKeeper {
  /** Opens the socket there, in place of where it was. */
  listenOn(path: string): void;
  close(): Promise<void>;
}

/** How often it is looked whether the socket is still there: cleaners of temporary folders take it away. */
const LOOK_MS = 2000;

/** Keeps the control socket open: when it cannot be had, that is a warning, tried again, and nothing else. */
export function keepSocketOpen(
  handlers: Readonly<Record<string, Handler>>,
  log: Log,
  lookMs: number = LOOK_MS,
): SocketKeeper {
  let wanted: string | null = null;
  let open: SocketServer | null = null;
  let retry: NodeJS.Timeout | null = null;
  let failures = 0;
  let told = "";
  /** Opening and closing follow each other, whatever order they are asked for in. */
  let work: Promise<void> = Promise.resolve();

  const shut = async (): Promise<void> => {
    if (retry !== null) clearTimeout(retry);
    retry = null;
    const closing = open;
    open = null;
    await closing?.close();
  };
  const start = async (path: string): Promise<void> => {
    if (path !== wanted) return;
    try {
      open = await openControlSocket(path, handlers, log);
      failures = 0;
      told = "";
      log("debug", `commands are answered on ${path}`);
    } catch (error) {
      failures++;
      const { code = "", message } = error as NodeJS.ErrnoException;
      const reason = REASONS[code] ?? message;
      if (reason !== told) log("warn", `no control socket at ${path}: ${reason}; trying again`, { code });
      told = reason;
      retry = setTimeout(
        () => {
          work = work.then(() => start(path));
        },
        restartDelayMs(failures + 3),
      );
    }
  };
  const look = (): void => {
    const path = wanted;
    const lost = open;
    if (path === null || lost === null || lost.isInPlace()) return;
    work = work.then(async () => {
      if (open !== lost) return;
      log("warn", `the control socket at ${path} was taken away: opening it again`);
      await shut();
      await start(path);
    });
  };
  const looking = setInterval(look, lookMs);
  looking.unref();
  return {
    listenOn: (path) => {
      if (wanted === path) return look();
      wanted = path;
      work = work.then(shut).then(() => start(path));
    },
    close: async () => {
      wanted = null;
      clearInterval(looking);
      work = work.then(shut);
      await work;
    },
  };
}

const REASONS: Record<string, string> = {
  EADDRINUSE: "another server listens there",
  EACCES: "this user may not write to its folder",
  EROFS: "its folder is read-only",
  ENOENT: "there is no such folder",
  ENAMETOOLONG: "the path is too long; control: {socket: PATH} in steerd.yaml sets another one",
  EEXIST: "something that is no socket stands there",
};
