import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileSpec, ProbeTarget } from "../plan.ts";
import {
  failedResult,
  type HealthClock,
  type ProbeResult,
  type RunningProbe,
  type StartProbe,
} from "../probe.ts";
import {
  isSuccess,
  REASON_FD_LIMIT,
  REASON_FILE_INVALID,
  REASON_FILE_MISSING,
  REASON_FILE_STALE,
  REASON_OK,
  REASON_STATE_DOWN,
  REASON_TIMEOUT,
  REASON_WARNING,
  type Reason,
} from "../reasons.ts";
import { reasonOfCode } from "./exchange.ts";
import { filledIn } from "./program.ts";

/** Octets that are read: a word is enough. */
const FILE_OCTETS_MAX = 256;

const REASON_OF_WORD: Readonly<Record<string, Reason>> = {
  up: REASON_OK,
  warning: REASON_WARNING,
  down: REASON_STATE_DOWN,
};

/**
 * The state that another program writes to a file, as its first word. Whoever stops writing it is taken for dead: a file
 * older than `maxAgeMs` is a failure.
 */
export function prepareFile(target: ProbeTarget, check: FileSpec, clock: HealthClock): StartProbe {
  const path = filledIn(check.path, target.address, target);
  return (done) => new FileRead(path, check.maxAgeMs, clock, done);
}

class FileRead implements RunningProbe {
  private readonly clock: HealthClock;
  private readonly startMs: number;
  private done: ((result: ProbeResult) => void) | null;

  constructor(path: string, maxAgeMs: number, clock: HealthClock, done: (result: ProbeResult) => void) {
    this.clock = clock;
    this.done = done;
    this.startMs = clock.nowMs();
    readState(path, maxAgeMs, clock).then(
      (reason) => this.finish(reason),
      (error: NodeJS.ErrnoException) =>
        this.finish(
          reasonOfCode(error.code ?? "") === REASON_FD_LIMIT ? REASON_FD_LIMIT : REASON_FILE_MISSING,
        ),
    );
  }

  expire(): void {
    this.finish(REASON_TIMEOUT);
  }

  cancel(): void {
    this.done = null;
  }

  private finish(reason: Reason): void {
    const done = this.done;
    if (done === null) return;
    this.done = null;
    const totalMs = this.clock.nowMs() - this.startMs;
    done({ ...failedResult(reason), ok: isSuccess(reason), totalMs });
  }
}

async function readState(path: string, maxAgeMs: number, clock: HealthClock): Promise<Reason> {
  // A pipe without a writer would be waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return REASON_FILE_MISSING;
    // A time in the future would keep a dead writer alive.
    if (Math.abs(clock.wallMs() - stats.mtimeMs) > maxAgeMs) return REASON_FILE_STALE;
    const octets = new Uint8Array(FILE_OCTETS_MAX);
    const { bytesRead } = await file.read(octets, 0, FILE_OCTETS_MAX, 0);
    const text = new TextDecoder("latin1").decode(octets.subarray(0, bytesRead));
    const word = /^\s*([a-z]+)(?:\s|$)/i.exec(text)?.[1]?.toLowerCase() ?? "";
    return REASON_OF_WORD[word] ?? REASON_FILE_INVALID;
  } finally {
    await file.close();
  }
}
