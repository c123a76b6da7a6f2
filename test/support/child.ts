import { type ChildProcess, spawn, spawnSync } from "node:child_process";

/** A child process that cannot outlive its test. */
export interface Child {
  pid: number;
  /** Everything written so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves with the exit code, or -1 after a signal. */
  exited: Promise<number>;
  /** Waits until either stream contains `pattern`; rejects when the child ends first or `timeoutMs` pass. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, and SIGKILL two seconds later; resolves with the exit code. */
  stop(): Promise<number>;
}

export interface ChildOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** The child is killed after this time, whatever the test does. */
  lifetimeMs?: number;
  /** The program may not outlive even a killed test runner; its pid is then that of the guard, which passes signals on. */
  guarded?: boolean;
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts a program with a bounded lifetime and collects what it writes. A test runner that is killed runs no exit
 * handlers: what would then run for ever is to be `guarded`, by coreutils' `timeout`.
 */
export function startChild(command: string, args: string[], options: ChildOptions = {}): Child {
  const lifetimeMs = options.lifetimeMs ?? 60_000;
  const guard = options.guarded === true && hasCommand("timeout", ["--version"]);
  const guardArgs = ["-k", "2", String(lifetimeMs / 1000), command, ...args];
  const child = spawn(guard ? "timeout" : command, guard ? guardArgs : args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  running.add(child);
  let out = "";
  let err = "";
  let ended = false;
  const listeners = new Set<() => void>();
  const notify = (): void => {
    for (const listener of [...listeners]) listener();
  };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    notify();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    notify();
  });
  const lifetime = setTimeout(() => child.kill("SIGKILL"), lifetimeMs + 1_000);
  lifetime.unref();
  const exited = new Promise<number>((resolve) => {
    const finish = (code: number | null): void => {
      if (ended) return;
      ended = true;
      clearTimeout(lifetime);
      running.delete(child);
      resolve(code ?? -1);
      notify();
    };
    child.once("error", (error) => {
      err += String(error);
      finish(127);
    });
    child.once("close", finish);
  });
  const waitFor = (pattern: RegExp, timeoutMs = 15_000): Promise<RegExpMatchArray> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => settle(new Error(`no ${pattern} after ${timeoutMs} ms`)), timeoutMs);
      const settle = (failure: Error | RegExpMatchArray): void => {
        clearTimeout(timer);
        listeners.delete(look);
        if (failure instanceof Error) {
          failure.message = `${command}: ${failure.message}\nstdout: ${out}\nstderr: ${err}`;
          reject(failure);
        } else resolve(failure);
      };
      const look = (): void => {
        const match = out.match(pattern) ?? err.match(pattern);
        if (match !== null) settle(match);
        else if (ended) settle(new Error(`ended before ${pattern}`));
      };
      listeners.add(look);
      look();
    });
  return {
    pid: child.pid ?? -1,
    stdout: () => out,
    stderr: () => err,
    exited,
    waitFor,
    signal: (name) => {
      child.kill(name);
    },
    stop: () => {
      if (!ended) {
        child.kill("SIGTERM");
        setTimeout(() => child.kill("SIGKILL"), 2_000).unref();
      }
      return exited;
    },
  };
}

/** True when `command` runs at all; tests that need it are skipped, visibly, where it does not. */
export function hasCommand(command: string, args: string[] = ["-v"]): boolean {
  return spawnSync(command, args, { stdio: "ignore", timeout: 5_000 }).error === undefined;
}
