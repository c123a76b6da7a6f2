import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../serve/messages.ts";
import { listenPrivately } from "./socket-place.ts";

/** What a command asks: one JSON object in one line. */
export type ControlRequest = { op: string } & Record<string, unknown>;

/** Lines that a client is sent, besides the reply to a request. */
export type Send = (line: unknown) => void;

/**
 * Answers a request, at once or later; throwing RequestRefused is an answer too. A handler that keeps `send` hands a
 * function to `onClose` that is called when the client has gone.
 */
export type Handler = (
  request: ControlRequest,
  send: Send,
  onClose: (end: () => void) => void,
) => unknown | Promise<unknown>;

/** The request cannot be answered; the message is for people. */
export class RequestRefused extends Error {}

/** The request is none that this server knows: replied with the code 400, as in HTTP. */
export class BadRequest extends RequestRefused {}

export interface SocketServer {
  /** False: somebody has taken the socket away, and nobody can connect any more. */
  isInPlace(): boolean;
  close(): Promise<void>;
}

/** Longest request: the entries of a whole file of forced states. */
const MAX_REQUEST_OCTETS = 2 * 2 ** 20;
/** Far more than people at keyboards. One more takes the place of whoever has been silent for longest. */
const MAX_CLIENTS = 64;
/** Of them those that follow events: what is asked and answered at once, as a drain, always finds a place. */
const MAX_FOLLOWERS = 48;
/** What may wait for a client that does not read; one reply may be longer. */
const MAX_WAITING_OCTETS = 2 ** 20;
/** A client has so long to send a request, and to take the reply. */
const PATIENCE_MS = 30_000;

/** Answers commands of this user on a unix socket: requests in lines, each with one line in reply, in their order. */
export async function openControlSocket(
  path: string,
  handlers: Readonly<Record<string, Handler>>,
  log: Log,
  patienceMs: number = PATIENCE_MS,
): Promise<SocketServer> {
  /** Of each, whether it may be let go: it waits for nothing, and follows nothing. In the order of their last requests. */
  const clients = new Map<Socket, () => boolean>();
  const followers = new Set<Socket>();
  const server: Server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    if (clients.size >= MAX_CLIENTS) letOneGo(clients);
    if (clients.size >= MAX_CLIENTS) {
      socket.end(`${JSON.stringify({ ok: false, error: `more than ${MAX_CLIENTS} clients at once` })}\n`);
      return;
    }
    const isIdle = serveClient(socket, handlers, log, patienceMs, followers, () => {
      if (clients.delete(socket)) clients.set(socket, isIdle);
    });
    clients.set(socket, isIdle);
    socket.on("close", () => {
      clients.delete(socket);
      followers.delete(socket);
    });
  });
  const { isInPlace, remove } = await listenPrivately(server, path);
  server.on("error", (error) => log("error", `the control socket failed: ${error.message}`));
  return {
    isInPlace,
    close: async () => {
      remove();
      for (const client of clients.keys()) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The client that has been silent for longest, of those that wait for nothing. */
function letOneGo(clients: Map<Socket, () => boolean>): void {
  for (const [socket, isIdle] of clients) {
    if (!isIdle()) continue;
    clients.delete(socket);
    socket.destroy();
    return;
  }
}

/** Returns whether the client waits for nothing; `onRequest` is called for each request. One that follows joins `followers`. */
function serveClient(
  socket: Socket,
  handlers: Readonly<Record<string, Handler>>,
  log: Log,
  patienceMs: number,
  followers: Set<Socket>,
  onRequest: () => void,
): () => boolean {
  let received = "";
  let isBusy = false;
  const ends: (() => void)[] = [];
  socket.setEncoding("utf8");
  socket.setTimeout(patienceMs, () => {
    if (!followers.has(socket) || socket.writableLength > 0) socket.destroy();
  });
  socket.on("close", () => {
    for (const end of ends) end();
  });
  const write = (line: unknown): void => {
    if (socket.destroyed) return;
    socket.write(`${JSON.stringify(line)}\n`);
  };
  /** Lines that nobody asked for one by one: who does not read them loses the connection, and holds nothing up. */
  const send = (line: unknown): void => {
    if (socket.writableLength > MAX_WAITING_OCTETS) socket.destroy();
    else write(line);
  };
  const onClose = (end: () => void): void => {
    if (!followers.has(socket) && followers.size >= MAX_FOLLOWERS) {
      end();
      throw new RequestRefused(`${MAX_FOLLOWERS} clients follow already`);
    }
    followers.add(socket);
    ends.push(end);
  };
  const next = async (): Promise<void> => {
    if (isBusy) return;
    isBusy = true;
    for (;;) {
      const at = received.indexOf("\n");
      if (at < 0) break;
      const line = received.slice(0, at);
      received = received.slice(at + 1);
      onRequest();
      write(await answer(line, handlers, send, onClose, log));
      // The next one is read when this reply has gone: a client that asks without reading piles nothing up.
      if (socket.writableLength > 0) await drained(socket);
      if (socket.destroyed) break;
    }
    isBusy = false;
  };
  socket.on("data", (text: string) => {
    received += text;
    if (received.length > MAX_REQUEST_OCTETS) {
      write({ ok: false, code: 400, error: `a request has at most ${MAX_REQUEST_OCTETS} octets` });
      socket.destroySoon();
      return;
    }
    void next();
  });
  return () => !isBusy && !followers.has(socket);
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
    if (socket.writableLength === 0 || socket.destroyed) done();
    else if (!socket.writableNeedDrain) socket.write("", done);
  });
}

async function answer(
  line: string,
  handlers: Readonly<Record<string, Handler>>,
  send: Send,
  onClose: (end: () => void) => void,
  log: Log,
): Promise<unknown> {
  const request = parseRequest(line);
  if (request === null)
    return { ok: false, code: 400, error: 'a request is one JSON object with a text "op" in one line' };
  const handler = Object.hasOwn(handlers, request.op) ? handlers[request.op] : undefined;
  if (handler === undefined) return { ok: false, code: 400, error: `this server knows no "${request.op}"` };
  try {
    return { ok: true, ...((await handler(request, send, onClose)) as object) };
  } catch (error) {
    if (error instanceof BadRequest) return { ok: false, code: 400, error: error.message };
    if (error instanceof RequestRefused) return { ok: false, error: error.message };
    log("error", `the control socket's ${request.op} failed`, {
      error: String((error as Error)?.stack ?? error),
    });
    return { ok: false, error: "the server failed to answer: its log says why" };
  }
}

function parseRequest(line: string): ControlRequest | null {
  try {
    const request = JSON.parse(line) as ControlRequest | null;
    return typeof request?.op === "string" ? request : null;
  } catch {
    return null;
  }
}
