import { connect, type Socket } from "node:net";
import type { Terminal } from "./terminal.ts";

/** A running server, asked on its control socket. */
export interface ControlClient {
  path: string;
  /** Throws ServerRefusal for what the server refuses, and Unreachable when it is gone. */
  ask<T>(op: string, request?: Record<string, unknown>): Promise<T>;
  /** Lines that follow a request, until the server goes away. */
  follow(tell: (line: unknown) => void): Promise<void>;
  close(): void;
}

/** No server can be asked; the message says why. */
export class Unreachable extends Error {}

/** The server has answered that it will not; the message says why. */
export class ServerRefusal extends Error {}

/** A server that compiles a large configuration answers nothing else meanwhile. */
const REPLY_MS = 30_000;

/** Connects to the server of this configuration. Throws Unreachable. */
export async function connectControl(path: string, replyMs: number = REPLY_MS): Promise<ControlClient> {
  const socket = await open(path);
  const waiting: ((line: string | null) => void)[] = [];
  let received = "";
  let tellLine: ((line: unknown) => void) | null = null;
  const gone = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const give = (line: string): void => {
    const next = waiting.shift();
    if (next !== undefined) next(line);
    else tellLine?.(JSON.parse(line));
  };
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    for (const next of waiting.splice(0)) next(null);
  });
  socket.on("data", (text: string) => {
    let rest = text;
    for (let at = rest.indexOf("\n"); at >= 0; at = rest.indexOf("\n")) {
      give(received + rest.slice(0, at));
      received = "";
      rest = rest.slice(at + 1);
    }
    received += rest;
  });
  return {
    path,
    ask: async (op, request = {}) => {
      const reply = new Promise<string | null>((resolve) => waiting.push(resolve));
      const timer = setTimeout(() => socket.destroy(), replyMs);
      socket.write(`${JSON.stringify({ op, ...request })}\n`);
      const line = await reply;
      clearTimeout(timer);
      if (line === null) throw new Unreachable(`the server on ${path} went away, or took too long to answer`);
      const { ok, error, ...rest } = JSON.parse(line) as { ok: boolean; error?: string };
      if (!ok) throw new ServerRefusal(error ?? "the server refuses");
      return rest as never;
    },
    follow: async (tell) => {
      tellLine = tell;
      await gone;
    },
    close: () => socket.destroy(),
  };
}

function open(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(socket));
    socket.once("error", ({ code = "", message }: NodeJS.ErrnoException) => {
      reject(new Unreachable(REASONS[code]?.(path) ?? `the server on ${path} cannot be asked: ${message}`));
    });
  });
}

const REASONS: Record<string, (path: string) => string> = {
  ENOENT: (path) => `no server listens on ${path}: start it, or name its steerd.yaml with --config`,
  ECONNREFUSED: (path) => `no server listens on ${path}: the one that did is gone`,
  EACCES: (path) => `this user may not ask the server on ${path}: only the user that it runs as may`,
  ENOTSOCK: (path) => `${path} is no socket`,
};

/** The server, or null, with the reason told, where it cannot be asked. */
export async function requireServer(path: string, terminal: Terminal): Promise<ControlClient | null> {
  try {
    return await connectControl(path);
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    terminal.err(`steerd: ${error.message}`);
    return null;
  }
}
