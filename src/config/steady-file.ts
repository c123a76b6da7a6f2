import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** Identity and state of a file: when it is the same, the content is. */
export type FileStamp = string;

export interface SteadyFile {
  octets: Uint8Array;
  stamp: FileStamp;
}

export interface FileFault {
  code: string;
  what: string;
  expected: string;
}

/** A file that is being rewritten is read again this often before it is reported. */
const MAX_READS = 5;

/**
 * Kernels stamp files with the time of their last tick. A file that changed this recently can change once more without
 * a new stamp, so that its stamp is not trusted.
 */
const TICK_MS = 50;

/** The stamp of a file; empty, equal to no stamp, when it changed within the last tick. */
export function stampOf(stats: BigIntStats, nowMs: number): FileStamp {
  if (Number(stats.mtimeMs) > nowMs - TICK_MS || Number(stats.ctimeMs) > nowMs - TICK_MS) return "";
  return rawStamp(stats);
}

function rawStamp(stats: BigIntStats): FileStamp {
  return `${stats.dev}.${stats.ino}.${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}`;
}

/** Moments of a read in which a test may change the file. */
export interface ReadHooks {
  afterOpen?(): void;
  afterStat?(): void;
}

/**
 * Reads a whole file through one descriptor, so that a file replaced meanwhile is the old one or the new one, and reads
 * it again when it was written to meanwhile.
 */
export function readSteadyFile(
  path: string,
  maxOctets: number,
  hooks: ReadHooks = {},
): SteadyFile | FileFault {
  for (let attempt = 0; attempt < MAX_READS; attempt++) {
    let descriptor: number;
    try {
      // A pipe would otherwise hold up the open until someone writes to it.
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (error) {
      return unreadable(error);
    }
    try {
      hooks.afterOpen?.();
      const result = readOnce(descriptor, maxOctets, hooks);
      if (result !== null) return result;
    } catch (error) {
      return unreadable(error);
    } finally {
      closeSync(descriptor);
    }
  }
  return {
    code: "CFG_FILE_CHANGING",
    what: `the file changed while it was read, ${MAX_READS} times in a row`,
    expected: "a file that is put in place with a rename",
  };
}

/** Null: the file changed meanwhile. */
function readOnce(descriptor: number, maxOctets: number, hooks: ReadHooks): SteadyFile | FileFault | null {
  const before = fstatSync(descriptor, { bigint: true });
  if (!before.isFile()) return notRegular(before);
  const size = Number(before.size);
  if (size > maxOctets)
    return {
      code: "CFG_FILE_TOO_LARGE",
      what: `the file has ${size} octets`,
      expected: `at most ${maxOctets} (${maxOctets / 2 ** 20} MiB)`,
    };
  hooks.afterStat?.();
  const octets = new Uint8Array(size);
  let at = 0;
  while (at < size) {
    const count = readSync(descriptor, octets, at, size - at, null);
    if (count === 0) return null;
    at += count;
  }
  const after = fstatSync(descriptor, { bigint: true });
  if (rawStamp(after) !== rawStamp(before)) return null;
  return { octets, stamp: stampOf(after, Date.now()) };
}

/** What is no file with an end: pipes and devices could be read for ever. */
export function notRegular(stats: Pick<BigIntStats, "isDirectory">): FileFault {
  const what = stats.isDirectory() ? REASONS.EISDIR! : "this is not a regular file";
  return { code: "CFG_FILE_UNREADABLE", what, expected: "a file" };
}

const REASONS: Record<string, string> = {
  ENOENT: "there is no such file",
  EACCES: "this user may not read the file",
  EISDIR: "this is a folder",
  ELOOP: "its symbolic links lead in a circle",
  ENOTDIR: "a part of the path is not a folder",
  EMFILE: "this process has too many files open",
};

/** A system error in words. */
export function unreadable(error: unknown): FileFault {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  return {
    code: "CFG_FILE_UNREADABLE",
    what: REASONS[code] ?? `it cannot be read (${code || String(error)})`,
    expected: "a file that this user may read",
  };
}
