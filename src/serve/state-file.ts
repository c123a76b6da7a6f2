import { open, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { readSteadyFile } from "../config/steady-file.ts";
import type { HealthClock } from "../health/probe.ts";
import type {
  Remembered,
  RememberedEndpoint,
  RememberedLatch,
  RememberedList,
  RememberedPool,
} from "../health/remembered.ts";
import type { Log } from "./messages.ts";

/** Says what the file is, and which form it has: another one is not read. */
const FORMAT = "steerd state 1";
/** 131,072 addresses have some 250 octets each. */
const MAX_OCTETS = 64 * 2 ** 20;

/** What the file holds; null, with a line in the log, when it cannot be used. A file that is not there needs no line. */
export function readStateFile(path: string, log: Log): Remembered | null {
  const read = readSteadyFile(path, MAX_OCTETS);
  if (!("octets" in read)) {
    if (read.what !== "there is no such file")
      log("warn", `${path} is not used: ${read.what}; the first results decide`);
    return null;
  }
  const remembered = parse(new TextDecoder().decode(read.octets));
  if (remembered === null) log("warn", `${path} is not used: it is damaged; the first results decide`);
  return remembered;
}

/** Null: this is no such file, or not all of one. */
function parse(text: string): Remembered | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const file = value as (Remembered & { format: unknown }) | null;
  if (typeof file !== "object" || file === null || file.format !== FORMAT) return null;
  const { endpoints, pools, latches, lists = [] } = file;
  const isSound =
    isListOf(endpoints, isEndpoint) &&
    isListOf(pools, isPool) &&
    isListOf(latches, isLatch) &&
    isListOf(lists, isRememberedList);
  if (!isSound) return null;
  return { endpoints, pools, latches, ...(file.lists === undefined ? {} : { lists }) };
}

function isListOf<T>(value: unknown, is: (item: T) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null && is(item));
}

const isText = (value: unknown): boolean => typeof value === "string";
const isSecond = (value: unknown): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;

function isEndpoint(item: RememberedEndpoint): boolean {
  const {
    zone,
    pool,
    address,
    check,
    asks,
    state,
    reason,
    sinceS,
    seenS,
    memory = 0,
    run = 0,
    runSinceS = 0,
  } = item;
  return (
    [zone, pool, address, check, asks, reason].every(isText) &&
    ["up", "down", "new"].includes(state) &&
    [sinceS, seenS, memory, run, runSinceS].every(isSecond)
  );
}

function isPool({ zone, pool, failed, sinceS }: RememberedPool): boolean {
  return isText(zone) && isText(pool) && typeof failed === "boolean" && isSecond(sinceS);
}

function isLatch({ zone, policy, entries, current, sinceS, seenS }: RememberedLatch): boolean {
  const areNames = Array.isArray(entries) && entries.every(isText);
  return isText(zone) && isText(policy) && areNames && [current, sinceS, seenS].every(isSecond);
}

function isRememberedList({ zone, pool, endpoints, seenS }: RememberedList): boolean {
  const isOne = ({ name, weight, addresses }: RememberedList["endpoints"][number]): boolean =>
    isText(name) &&
    (weight === null || Number.isInteger(weight)) &&
    Array.isArray(addresses) &&
    addresses.every(isText);
  return isText(zone) && isText(pool) && isListOf(endpoints, isOne) && isSecond(seenS);
}

/** Puts a file in place whole, and on the disk: after a crash at any moment it is the old one or the new one. */
export async function replaceDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await open(temporary, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Least time between two writes, and how many times as long as the last write took. */
const LEAST_PAUSE_MS = 1000;
const PAUSE_FACTOR = 50;
/** Written this often though nothing changes, so that the age of the file is that of the process. */
const REFRESH_MS = 30_000;

export interface StateWriterOptions {
  path: string;
  clock: HealthClock;
  log: Log;
  /** What is to be remembered now. */
  remember: () => Remembered;
  /** `replaceDurably`, or a test's. */
  write: (path: string, text: string) => Promise<void>;
  /** What became of a write. */
  onWritten?: (isWritten: boolean) => void;
}

/** Keeps the file up to date, and never in a hurry. */
export interface StateWriter {
  /** Something is different from what was written. */
  changed(): void;
  /** Writes once more, and ends. */
  stop(): Promise<void>;
}

/** A disk that takes nothing costs one line in the log, and another one when it takes it again. */
export function createStateWriter(options: StateWriterOptions): StateWriter {
  const { path, clock, log } = options;
  let timer: unknown = null;
  let work: Promise<void> | null = null;
  let isDirty = false;
  let isFailing = false;
  let isStopped = false;
  let earliestMs = clock.nowMs() + LEAST_PAUSE_MS;

  const write = async (): Promise<void> => {
    const startedMs = clock.nowMs();
    isDirty = false;
    try {
      await options.write(path, `${JSON.stringify({ format: FORMAT, ...options.remember() })}\n`);
      if (isFailing) log("info", `${path} is written again`);
      isFailing = false;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (!isFailing)
        log("warn", `${path} cannot be written (${code ?? message}): a restart would know nothing of health`);
      isFailing = true;
    }
    options.onWritten?.(!isFailing);
    earliestMs = clock.nowMs() + Math.max(LEAST_PAUSE_MS, PAUSE_FACTOR * (clock.nowMs() - startedMs));
  };
  const begin = (): void => {
    timer = null;
    work = write().then(() => {
      work = null;
      schedule();
    });
  };
  const schedule = (): void => {
    if (isStopped || work !== null) return;
    if (timer !== null) clock.clearTimer(timer);
    const pauseMs = isDirty && !isFailing ? earliestMs - clock.nowMs() : REFRESH_MS;
    timer = clock.setTimer(begin, Math.max(0, pauseMs));
  };
  schedule();
  return {
    changed: () => {
      if (isDirty) return;
      isDirty = true;
      schedule();
    },
    stop: async () => {
      isStopped = true;
      if (timer !== null) clock.clearTimer(timer);
      await work;
      await write();
    },
  };
}
