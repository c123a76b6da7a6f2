import { chmodSync, lstatSync, mkdtempSync, renameSync, rmdirSync, rmSync, type Stats } from "node:fs";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";

/** Longest path of a unix socket, in octets (unix(7): 108 with the zero at its end), less what a new one is made in. */
const MAX_PATH_OCTETS = 107;
const PLACE_PREFIX = ".steerd-";
const PLACE_OCTETS = PLACE_PREFIX.length + "XXXXXX/s".length + 1;

/** How long a socket that is there may take to say that somebody listens. */
const CONNECT_MS = 1000;

export interface Place {
  /** The socket is still there. */
  isInPlace(): boolean;
  /** Takes it away, where it is. */
  remove(): void;
}

/**
 * Lets a server listen on a unix socket that only this user can connect to. It is made in a folder that nobody else can
 * enter, and moved into place when its mode is right: there is no moment in which others could connect, and what an
 * earlier process left behind is replaced. Throws what the system says, with a code; EADDRINUSE: another process listens.
 */
export async function listenPrivately(server: Server, path: string): Promise<Place> {
  const folder = dirname(path);
  if (Buffer.byteLength(path) > MAX_PATH_OCTETS || Buffer.byteLength(folder) + PLACE_OCTETS > MAX_PATH_OCTETS)
    throw Object.assign(new Error("the path is too long for a unix socket"), { code: "ENAMETOOLONG" });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket())
    throw Object.assign(new Error("something else stands there"), { code: "EEXIST" });
  if (found !== undefined && (await isListening(path)))
    throw Object.assign(new Error("another process listens there"), { code: "EADDRINUSE" });
  const place = mkdtempSync(join(folder, PLACE_PREFIX));
  const made = join(place, "s");
  try {
    await listen(server, made);
    chmodSync(made, 0o600);
    renameSync(made, path);
  } catch (error) {
    server.close();
    rmSync(made, { force: true });
    throw error;
  } finally {
    rmdirSync(place);
  }
  const { dev, ino } = lstatSync(path);
  const isInPlace = (): boolean => {
    const now = statsAt(path);
    return now !== null && now.ino === ino && now.dev === dev;
  };
  return {
    isInPlace,
    // A server that was started later may have put its own there.
    remove: () => {
      if (isInPlace()) rmSync(path, { force: true });
    },
  };
}

/** Null: nothing stands there, or it cannot be looked at. */
function statsAt(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch {
    return null;
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => end(true), CONNECT_MS);
    socket.once("connect", () => end(true));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => end(code === "EACCES" || code === "EAGAIN"));
  });
}
