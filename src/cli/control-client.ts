import { connect, type Socket } from "node:net";
import * as z from "zod";
import { shown } from "../config/problem.ts";
import type { ControlEvent } from "../serve/messages.ts";
import { ServerRefusal, Unreachable } from "./command.ts";
import { eventReply, REPLIES } from "./replies.ts";
import { packageVersion } from "./version.ts";

/** A running server, asked on its control socket. */
export interface ControlClient {
  path: string;
  /** Throws ServerRefusal for what the server refuses, Unreachable when it is gone, Nonsense for what is no reply. */
  ask<T>(op: string, request?: Record<string, unknown>): Promise<T>;
  /** Events that follow a request, until the server goes away. Throws Nonsense. */
  follow(tell: (event: ControlEvent) => void): Promise<void>;
  close(): void;
}

/** What listens there has said something that no server of this version says. */
export class Nonsense extends Unreachable {}

/** A server that compiles a large configuration answers nothing else meanwhile. */
const REPLY_MS = 30_000;
/** Far more than the rows of the largest configuration take. */
const MAX_LINE_LENGTH = 2 ** 28;

/** Connects to the server of this configuration. Throws Unreachable. */
export async function connectControl(path: string, replyMs: number = REPLY_MS): Promise<ControlClient> {
  const socket = await open(path);
  const waiting: ((line: string | null) => void)[] = [];
  let received = "";
  let tellLine: ((line: string) => void) | null = null;
  let isGone = false;
  const gone = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  const give = (line: string): void => {
    const next = waiting.shift();
    if (next !== undefined) next(line);
    else tellLine?.(line);
  };
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    isGone = true;
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
    if (received.length > MAX_LINE_LENGTH) socket.destroy();
  });
  return {
    path,
    ask: async (op, request = {}) => {
      const reply = new Promise<string | null>((resolve) => {
        if (isGone) resolve(null);
        else waiting.push(resolve);
      });
      const timer = setTimeout(() => socket.destroy(), replyMs);
      socket.write(`${JSON.stringify({ op, ...request })}\n`);
      const line = await reply;
      clearTimeout(timer);
      if (line === null) throw new Unreachable(`the server on ${path} went away, or took too long to answer`);
      const { ok, error, ...rest } = readLine(line, replyLine, path);
      if (!ok) throw new ServerRefusal(error ?? "the server refuses");
      const shape = Object.hasOwn(REPLIES, op) ? REPLIES[op] : undefined;
      return (shape === undefined ? rest : checked(rest, shape, path)) as never;
    },
    follow: async (tell) => {
      let fault: unknown = null;
      tellLine = (line) => {
        try {
          if (fault === null) tell(readLine(line, eventLine, path).event);
        } catch (error) {
          fault = error;
          socket.destroy();
        }
      };
      await gone;
      if (fault !== null) throw fault;
    },
    close: () => socket.destroy(),
  };
}

const replyLine = z.looseObject({ ok: z.boolean(), error: z.string().optional() });
const eventLine = z.looseObject({ event: eventReply });

/** Throws Nonsense. */
function readLine<T>(line: string, shape: z.ZodType<T>, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new Nonsense(`what listens on ${path} is no steerd: it answers ${shown(line)}`);
  }
  return checked(value, shape, path);
}

/** Throws Nonsense. */
function checked<T>(value: unknown, shape: z.ZodType<T>, path: string): T {
  const { success, data, error } = shape.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  const place = issue!.path.length === 0 ? "" : `${issue!.path.join(".")}: `;
  throw new Nonsense(
    `what listens on ${path} is no steerd ${packageVersion()}: its answer cannot be understood (${place}${issue!.message})`,
  );
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
