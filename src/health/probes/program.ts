import type { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { lookup as lookupName } from "node:dns";
import type { ProbeTarget } from "../plan.ts";
import { failedResult, type HealthClock, type ProbeResult, type RunningProbe } from "../probe.ts";
import {
  isSuccess,
  REASON_FD_LIMIT,
  REASON_PROGRAM_FAILED,
  REASON_PROGRAM_OUTPUT,
  REASON_PROGRAM_SIGNAL,
  REASON_TIMEOUT,
  type Reason,
} from "../reasons.ts";
import { reasonOfCode } from "./exchange.ts";
import { lookupAllowed } from "./lookup.ts";

/** Programs that run at once; a probe that finds none free says nothing about its target. */
const PROGRAMS_MAX = 64;

/** Octets of output that are kept for people, and those after which a program is ended. */
const KEPT_OCTETS = 5_120;
const OUTPUT_OCTETS_MAX = 65_536;

/** Characters of the first line of output that are shown. */
const NOTE_MAX = 200;

/** A program, the reason that its exit code stands for, and what its output says of the time that it measured. */
export interface ProgramPlan {
  file: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  reasonOfExit(code: number): Reason;
  /** Milliseconds that the answer took, where the output says; -1: it does not. */
  measuredMs?(output: string): number;
}

let programs = 0;

/**
 * Runs a program within the deadline: no shell, no input, a minimal environment, and a process group of its own, all of
 * which is killed at the end, whoever is left in it.
 */
export function startProgram(
  plan: ProgramPlan,
  clock: HealthClock,
  done: (result: ProbeResult) => void,
): RunningProbe {
  return new ProgramRun(plan, clock, done);
}

class ProgramRun implements RunningProbe {
  private readonly plan: ProgramPlan;
  private readonly clock: HealthClock;
  private readonly startMs: number;
  private done: ((result: ProbeResult) => void) | null;
  private child: ChildProcess | null = null;
  private readonly kept: Buffer[] = [];
  private octets = 0;
  /** Once the program itself has ended. */
  private verdict: Reason | null = null;
  private isKilled = false;

  constructor(plan: ProgramPlan, clock: HealthClock, done: (result: ProbeResult) => void) {
    this.plan = plan;
    this.clock = clock;
    this.done = done;
    this.startMs = clock.nowMs();
    if (programs >= PROGRAMS_MAX) {
      this.finish(REASON_FD_LIMIT);
      return;
    }
    try {
      this.child = spawn(plan.file, plan.args, {
        cwd: "/",
        env: { PATH: "/usr/local/bin:/usr/bin:/bin", LANG: "C", ...plan.env },
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      });
    } catch (error) {
      this.finish(this.reasonOf(error as NodeJS.ErrnoException));
      return;
    }
    programs += 1;
    this.listen(this.child);
  }

  expire(): void {
    this.finish(this.verdict ?? REASON_TIMEOUT);
  }

  cancel(): void {
    this.done = null;
    this.kill();
  }

  private listen(child: ChildProcess): void {
    let counted = true;
    const uncount = (): void => {
      if (counted) programs -= 1;
      counted = false;
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      uncount();
      this.finish(this.reasonOf(error));
    });
    child.on("exit", (code) => {
      uncount();
      this.verdict = code === null ? REASON_PROGRAM_SIGNAL : this.plan.reasonOfExit(code);
      // Those that it left behind hold its output open.
      this.kill();
    });
    child.on("close", () => this.finish(this.verdict ?? REASON_PROGRAM_FAILED));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (octets: Buffer) => this.takeOutput(octets));
      stream?.on("error", () => {});
    }
  }

  private takeOutput(octets: Buffer): void {
    if (this.octets < KEPT_OCTETS) this.kept.push(octets.subarray(0, KEPT_OCTETS - this.octets));
    this.octets += octets.length;
    if (this.octets > OUTPUT_OCTETS_MAX) this.finish(REASON_PROGRAM_OUTPUT);
  }

  private reasonOf(error: NodeJS.ErrnoException): Reason {
    const code = error.code ?? "";
    if (code === "EAGAIN" || reasonOfCode(code) === REASON_FD_LIMIT) return REASON_FD_LIMIT;
    return REASON_PROGRAM_FAILED;
  }

  /** Ends the whole group; who is gone already is no error. */
  private kill(): void {
    const pid = this.child?.pid;
    if (pid === undefined || this.isKilled) return;
    // Once: the number may belong to somebody else later.
    this.isKilled = true;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // ESRCH: nobody is left.
    }
  }

  private finish(reason: Reason): void {
    const done = this.done;
    if (done === null) return;
    this.done = null;
    this.kill();
    const output = this.kept.map((octets) => octets.toString("utf8")).join("");
    const note = firstLine(output);
    const totalMs = this.clock.nowMs() - this.startMs;
    done({
      ok: isSuccess(reason),
      reason,
      status: 0,
      connectMs: -1,
      tlsMs: -1,
      firstOctetMs: this.plan.measuredMs?.(output) ?? -1,
      totalMs,
      ...(note === "" ? {} : { note }),
    });
  }
}

/** The first line of output, fit for a terminal and a log. */
function firstLine(output: string): string {
  const line = output.trim().split("\n", 1)[0] ?? "";
  return line
    .replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ")
    .trim()
    .slice(0, NOTE_MAX);
}

/**
 * Calls `start` with the address that a target is probed at: its own, or the one that its name has now. A program gets the
 * very address that was allowed, and never a name that it would look up itself.
 */
export function startAtAddress(
  target: ProbeTarget,
  start: (address: string, family: 4 | 6, done: (result: ProbeResult) => void) => RunningProbe,
  done: (result: ProbeResult) => void,
): RunningProbe {
  if (target.family !== 0) return start(target.address, target.family, done);
  let running: RunningProbe | null = null;
  let isOver = false;
  lookupAllowed(target.allow ?? [], lookupName)(target.address, {}, (error, address, family) => {
    if (isOver) return;
    if (error === null && typeof address === "string") running = start(address, family === 6 ? 6 : 4, done);
    else {
      isOver = true;
      done(failedResult(reasonOfCode(error?.code ?? "") ?? REASON_TIMEOUT));
    }
  });
  return {
    expire: () => {
      if (running !== null) running.expire();
      else if (!isOver) {
        isOver = true;
        done(failedResult(REASON_TIMEOUT));
      }
    },
    cancel: () => {
      isOver = true;
      running?.cancel();
    },
  };
}

/** A text of a check with what stands for the target's parts filled in. */
export function filledIn(text: string, address: string, { pool, endpoint }: ProbeTarget): string {
  const parts: Readonly<Record<string, string>> = { address, pool, endpoint };
  return text.replace(/\{(address|pool|endpoint)\}/g, (_, part: string) => parts[part]!);
}
