import { type ChildProcess, fork } from "node:child_process";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { OriginReport } from "./origin.ts";

/** One local HTTP server that stands for a region, and the process that it runs in. */
export interface Origin {
  name: string;
  address: string;
  port: number;
  /** Null while it is stopped. */
  child: ChildProcess | null;
}

/** A child needs a compiled file, also where this one runs from source. */
const ENTRY = fileURLToPath(new URL("../../dist/cli/origin-entry.js", import.meta.url));

/** The command that runs the origin again, for people; it ends with this process. */
export function originCommand(origin: Origin): string {
  return `node ${relative(process.cwd(), ENTRY)} ${origin.name} ${origin.address} ${origin.port} ${process.pid}`;
}

/**
 * Starts the origin's process.
 *
 * @returns null once it listens, else the system's error code, as `EADDRINUSE`.
 */
export function launchOrigin(origin: Origin): Promise<string | null> {
  // Not the terminal: a Node.js process that ends puts it back into the mode in which it found it, and single key
  // presses would no longer reach the parent.
  const stdio = ["ignore", "ignore", "ignore", "ipc"] as const;
  const args = [origin.name, origin.address, String(origin.port)];
  const child = fork(ENTRY, args, { execArgv: [], stdio: [...stdio] });
  origin.child = child;
  return new Promise((resolve) => {
    child.once("message", (report: OriginReport) => resolve(report.listening ? null : report.code));
    child.once("exit", () => {
      if (origin.child === child) origin.child = null;
      resolve("ended before it listened");
    });
  });
}

/** Ends the origin's process, if it runs; resolves when it is gone. */
export function stopOrigin(origin: Origin): Promise<void> {
  const { child } = origin;
  if (child === null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGTERM");
  });
}

/** What is wrong when an origin cannot listen, in words that say what to do. */
export function explainOriginFailure(origin: Origin, code: string): string {
  const place = `origin ${origin.name}: ${origin.address}:${origin.port}`;
  switch (code) {
    case "EADDRINUSE":
      return `${place} is in use: stop what listens there (another demo?), or find it with: ss -ltnp`;
    case "EADDRNOTAVAIL":
      return `${place} is not an address of this machine: on macOS add it with: sudo ifconfig lo0 alias ${origin.address}`;
    case "EACCES":
      return `${place} is not permitted: ports below 1024 need a privilege`;
    default:
      return `${place}: ${code}`;
  }
}
