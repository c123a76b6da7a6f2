import { createHash } from "node:crypto";
import { type BigIntStats, type FSWatcher, readdirSync, realpathSync, statSync, watch } from "node:fs";
import { basename, dirname, join, sep } from "node:path";

/** What the configuration is made of. */
export interface WatchedPaths {
  /** Single files: steerd.yaml and databases. They need not exist. */
  files: string[];
  /** Folders that count with all that lies in them. */
  folders: string[];
}

export interface WatchOptions {
  /** Something changed, and then nothing for a while. */
  onChange: () => void;
  /** Quiet time after the last event: a folder is replaced file by file. */
  quietMs: number;
  /** Under events that never cease, onChange comes this often all the same. */
  patienceMs: number;
  /** Looks at every file this often even without events: network file systems and symlinked parents send none. */
  pollMs: number;
}

export const WATCH_DEFAULTS = { quietMs: 200, patienceMs: 2000, pollMs: 5000 };

/** A look at this many files takes a few milliseconds; with more of them, looks are further apart. */
const FILES_PER_LOOK = 500;

/** Files are stamped with the time of the kernel's last tick, which lies at most this far back. */
const CLOCK_TICK_MS = 10;

export interface Watch {
  /**
   * Takes note of the files as they are now, right before they are read; what changes later is reported. With
   * `readSinceMs` (since 1970) they were read already: what has changed since is reported, too.
   */
  mark(paths: WatchedPaths, readSinceMs?: number): void;
  close(): void;
}

interface FolderWatch {
  watcher: FSWatcher;
  names: ReadonlySet<string> | null;
  /** Device and inode: a folder that was put in the place of another one is watched anew. */
  identity: string;
}

/** Reports changes of a configuration's files. Events only make it look: without a difference nothing is reported. */
export function createWatch(options: WatchOptions): Watch {
  let paths: WatchedPaths = { files: [], folders: [] };
  let marked: Fingerprint = { digest: "", newestMs: 0, entries: 0, folders: new Map() };
  const folderWatches = new Map<string, FolderWatch>();
  let quietTimer: NodeJS.Timeout | null = null;
  let firstEventMs = -1;
  let pollTimer: NodeJS.Timeout | null = null;

  const look = (): void => {
    quietTimer = null;
    firstEventMs = -1;
    if (fingerprint(paths).digest !== marked.digest) options.onChange();
  };
  const onEvent = (): void => {
    const nowMs = performance.now();
    if (firstEventMs < 0) firstEventMs = nowMs;
    if (quietTimer !== null) clearTimeout(quietTimer);
    const left = firstEventMs + options.patienceMs - nowMs;
    quietTimer = setTimeout(look, Math.max(0, Math.min(options.quietMs, left)));
  };
  const schedulePoll = (): void => {
    if (pollTimer !== null) clearTimeout(pollTimer);
    const delayMs = options.pollMs * Math.max(1, marked.entries / FILES_PER_LOOK);
    pollTimer = setTimeout(() => {
      look();
      schedulePoll();
    }, delayMs);
  };
  return {
    mark: (next, readSinceMs = Number.POSITIVE_INFINITY) => {
      paths = next;
      marked = fingerprint(next);
      // What changed between the fingerprint and new watches draws no event: then the later fingerprint counts.
      if (watchFolders(folderWatches, marked.folders, onEvent)) marked = fingerprint(next);
      schedulePoll();
      if (marked.newestMs < readSinceMs - CLOCK_TICK_MS) return;
      quietTimer ??= setTimeout(() => {
        quietTimer = null;
        options.onChange();
      }, options.quietMs);
    },
    close: () => {
      for (const timer of [quietTimer, pollTimer]) if (timer !== null) clearTimeout(timer);
      for (const { watcher } of folderWatches.values()) watcher.close();
      folderWatches.clear();
    },
  };
}

interface Fingerprint {
  digest: string;
  /** Latest change of any file, milliseconds since 1970. */
  newestMs: number;
  entries: number;
  /** Folders in which a change can show, and the names that matter there; null: all. */
  folders: Map<string, Set<string> | null>;
}

/** The link that Kubernetes turns when a ConfigMap changes; the files link through it. */
const CONFIG_MAP_LINK = "..data";

/** Sums up identity, size and times of everything below the paths. */
function fingerprint(paths: WatchedPaths): Fingerprint {
  const hash = createHash("sha1");
  const sum: Fingerprint = { digest: "", newestMs: 0, entries: 0, folders: new Map() };
  const add = (path: string): BigIntStats | undefined => {
    const stats = statOf(path);
    hash.update(`${path}\0${describe(stats)}\n`);
    sum.newestMs = Math.max(sum.newestMs, changeMs(stats));
    sum.entries++;
    return stats;
  };
  for (const file of paths.files) {
    add(file);
    const folder = dirname(file);
    const names = sum.folders.get(folder) ?? new Set([CONFIG_MAP_LINK]);
    sum.folders.set(folder, names.add(basename(file)));
  }
  /** Links may lead back to where they are. */
  const visited = new Set<string>();
  const pending = paths.folders.map((folder) => ({ folder, root: realPathOf(folder) }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { folder, root } = next;
    sum.folders.set(folder, null);
    const stats = statOf(folder);
    const identity = identityOf(stats);
    if (visited.has(identity)) continue;
    visited.add(identity);
    sum.newestMs = Math.max(sum.newestMs, changeMs(stats));
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      if (add(path)?.isDirectory() === true && isInside(realPathOf(path), root)) {
        pending.push({ folder: path, root });
      }
    }
  }
  sum.digest = hash.digest("base64");
  return sum;
}

function changeMs(stats: BigIntStats | undefined): number {
  return stats === undefined ? 0 : Number(stats.mtimeMs > stats.ctimeMs ? stats.mtimeMs : stats.ctimeMs);
}

/** Names in a folder, sorted, without hidden ones: editors' scratch files, and what a ConfigMap's links lead to. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch {
    return [];
  }
}

/** A link may lead out of the folder, to as much as the whole file system; what lies there is no part of it. */
function isInside(path: string, root: string): boolean {
  return path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Where a path leads to by way of all its links; empty: nowhere. */
function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return "";
  }
}

/** What a path leads to; undefined: nothing, or nothing that we may see. */
function statOf(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}

function describe(stats: BigIntStats | undefined): string {
  if (stats === undefined) return "nothing";
  if (stats.isDirectory()) return "folder";
  return `${stats.dev}.${stats.ino}.${stats.size}.${stats.mtimeNs}.${stats.ctimeNs}`;
}

function identityOf(stats: BigIntStats | undefined): string {
  return stats === undefined ? "" : `${stats.dev}.${stats.ino}`;
}

/** Watches these folders and no others. Returns whether there are new ones among them. */
function watchFolders(
  watches: Map<string, FolderWatch>,
  folders: Fingerprint["folders"],
  onEvent: () => void,
): boolean {
  for (const [folder, { watcher, identity }] of watches) {
    if (folders.has(folder) && identityOf(statOf(folder)) === identity) continue;
    watcher.close();
    watches.delete(folder);
  }
  let isNew = false;
  for (const [folder, names] of folders) {
    const known = watches.get(folder);
    if (known !== undefined) known.names = names;
    else {
      isNew = true;
      watchFolder(watches, folder, names, onEvent);
    }
  }
  return isNew;
}

function watchFolder(
  watches: Map<string, FolderWatch>,
  folder: string,
  names: Set<string> | null,
  onEvent: () => void,
): void {
  try {
    const watcher = watch(folder, (_event, name) => {
      const wanted = watches.get(folder)?.names ?? null;
      if (wanted === null || name === null || wanted.has(name)) onEvent();
    });
    // Out of inotify watches, or the folder went away: looking now and then goes on.
    watcher.on("error", () => watcher.close());
    watches.set(folder, { watcher, names, identity: identityOf(statOf(folder)) });
  } catch {
    // The folder does not exist, or cannot be watched: looking now and then finds it.
  }
}
