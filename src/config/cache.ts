import { statSync } from "node:fs";
import type { GeoSources } from "../geo/databases.ts";
import { type FileStamp, stampOf } from "./steady-file.ts";

/**
 * What was made of each file, kept from one load to the next, so that a reload parses what changed and nothing else. An
 * entry lives as long as every load asks for it.
 */
export interface ConfigCache {
  current: Map<string, CacheEntry>;
  /** Entries of the load under way. */
  next: Map<string, CacheEntry>;
  /** Files that were read and parsed, over all loads. */
  parsed: number;
  /** The joined databases of the last load. */
  geo: GeoSources | null;
}

interface CacheEntry {
  /** The file, and the files that it includes, with the stamps under which they were read. */
  stamps: Map<string, FileStamp>;
  result: unknown;
}

export function createConfigCache(): ConfigCache {
  return { current: new Map(), next: new Map(), parsed: 0, geo: null };
}

/** What one file was made into, and the stamps of everything that went into it. */
export interface Made<T> {
  result: T;
  stamps: Map<string, FileStamp>;
}

/**
 * The result that `make` had for this path, as long as neither the file nor one that went into it changed; else a new
 * one. `key` tells apart what is made of the same file for different purposes.
 */
export function cached<T>(cache: ConfigCache, key: string, path: string, make: () => Made<T>): T {
  const name = `${key}\0${path}`;
  const known = cache.current.get(name);
  if (known !== undefined && isCurrent(known)) {
    cache.next.set(name, known);
    return known.result as T;
  }
  cache.parsed++;
  const made = make();
  cache.next.set(name, made);
  return made.result;
}

/** Ends a load: what it did not ask for is forgotten. */
export function turnCache(cache: ConfigCache): void {
  cache.current = cache.next;
  cache.next = new Map();
}

function isCurrent(entry: CacheEntry): boolean {
  const nowMs = Date.now();
  for (const [path, stamp] of entry.stamps) if (stamp === "" || stampAt(path, nowMs) !== stamp) return false;
  return entry.stamps.size > 0;
}

/** Empty when the file cannot be looked at. */
function stampAt(path: string, nowMs: number): FileStamp {
  try {
    return stampOf(statSync(path, { bigint: true }), nowMs);
  } catch {
    return "";
  }
}
