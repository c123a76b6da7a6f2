import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Finding } from "./findings.ts";
import { shownPath } from "./shown-path.ts";
import { unreadable } from "./steady-file.ts";

/** An edit takes milliseconds: who holds a lock for longer has died, or is a person's doing. */
const LOCK_MS = 5000;
const LOOK_MS = 20;

/**
 * Runs `work` while nobody else edits the file. The lock is a file beside it that names its owner; one whose owner has
 * died is taken over. Editors know nothing of it.
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  waitMs: number = LOCK_MS,
): Promise<T | { findings: Finding[] }> {
  const lock = `${path}.lock`;
  const own = `${lock}.${process.pid}.${lockCount++}`;
  const name = `${process.pid} ${hostname()}`;
  const endMs = performance.now() + waitMs;
  try {
    writeFileSync(own, name, { mode: 0o600 });
    for (;;) {
      if (takeLock(own, lock)) break;
      if (removeDead(lock)) continue;
      if (performance.now() >= endMs) return { findings: [lockedFinding(lock)] };
      await sleep(LOOK_MS);
    }
  } catch (error) {
    return { findings: [writeFinding(path, error)] };
  } finally {
    rmSync(own, { force: true });
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

let lockCount = 0;

/** A link is made or it is not, whoever tries at the same time; and the lock never stands there empty. */
function takeLock(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** True when the lock was left behind by a process of this host that is no more, and is gone now. */
function removeDead(lock: string): boolean {
  const owner = ownerOf(lock);
  if (owner === null || !isDead(owner)) return owner === null;
  const aside = `${lock}.${process.pid}.dead`;
  try {
    renameSync(lock, aside);
    // Another process may have taken it over meanwhile: then it is theirs, and goes back.
    if (ownerOf(aside) !== owner) linkSync(aside, lock);
  } catch {
    // Somebody else was faster.
  } finally {
    rmSync(aside, { force: true });
  }
  return true;
}

/** What the lock says; null: there is none. One that cannot be read is somebody's all the same. */
function ownerOf(lock: string): string | null {
  try {
    return readFileSync(lock, "utf8");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? null : "";
  }
}

function isDead(owner: string): boolean {
  const [pid, host] = owner.split(" ");
  if (host !== hostname() || !/^\d+$/.test(pid!)) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/**
 * Puts a file in place whole, on the disk before it can be seen; where the path is a link, the file that it leads to. Mode
 * and owner stay. `isSame`: asked right before, false: somebody else has changed the file, and nothing happens. Null: done.
 */
export function replaceWhole(path: string, text: string, isSame: () => boolean): Finding | "changed" | null {
  let temporary = "";
  try {
    const target = targetOf(path);
    const stats = statSync(target, { throwIfNoEntry: false });
    temporary = `${target}.${process.pid}.tmp`;
    rmSync(temporary, { force: true });
    const descriptor = openSync(temporary, "wx", 0o644);
    try {
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (stats !== undefined) takeOver(temporary, stats);
    if (!isSame()) return "changed";
    renameSync(temporary, target);
    temporary = "";
    const folder = openSync(dirname(target), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    return null;
  } catch (error) {
    return writeFinding(path, error);
  } finally {
    if (temporary !== "") rmSync(temporary, { force: true });
  }
}

function takeOver(temporary: string, { mode, uid, gid }: { mode: number; uid: number; gid: number }): void {
  chmodSync(temporary, mode & 0o7777);
  try {
    chownSync(temporary, uid, gid);
  } catch {
    // Only root may give files away: then it is this user's.
  }
}

function targetOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function lockedFinding(lock: string): Finding {
  const what = `somebody else has been editing for more than ${LOCK_MS / 1000} s (${ownerOf(lock) || "unknown"})`;
  const expected = "nobody; when that process is gone, remove the file";
  return { ...AT_FILE, code: "CFG_EDIT_LOCKED", file: shownPath(lock), what, expected };
}

function writeFinding(path: string, error: unknown): Finding {
  const { code = "" } = error as NodeJS.ErrnoException;
  if (code === "") throw error;
  const what = `nothing was written: ${WORDS[code] ?? unreadable(error).what}`;
  const expected = "a folder that this user may write to, with room on its disk";
  return { ...AT_FILE, code: "CFG_EDIT_FAILED", file: shownPath(path), what, expected };
}

const WORDS: Record<string, string> = {
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "this user's share of the disk is full",
  ENOENT: "there is no such folder",
};

const AT_FILE = { severity: "error", line: 0, column: 0 } as const;
