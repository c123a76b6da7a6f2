import { createServer, type Server, type Socket } from "node:net";
import {
  COUNTER_STREAMS_ACCEPTED,
  COUNTER_STREAMS_CLOSED_LIMIT,
  COUNTER_STREAMS_CLOSED_STOP,
} from "../counters.ts";
import { createClient } from "../policy/client.ts";
import { boundTo, judgeFailures, type Listener, type ListenFailure } from "./listener.ts";
import { setResolver } from "./peer.ts";
import type { Plane } from "./plane.ts";
import {
  abort,
  createConnection,
  createStreamContext,
  finish,
  STREAM_TIMEOUTS,
  type StreamConnection,
  type StreamContext,
  type StreamTimeouts,
  tick,
} from "./stream-connection.ts";

export interface StreamOptions {
  timeouts: StreamTimeouts;
  /** Beyond this many connections the longest idle one goes. */
  maxConnections: number;
  /** Beyond this many from one address (IPv6: one /64) its own longest idle one goes. */
  maxPerAddress: number;
  /** Monotonic milliseconds. */
  now: () => number;
}

/** 64 KiB of reassembly and 128 KiB of replies at most each: half a gigabyte when all of 2,048 misbehave. */
const MAX_CONNECTIONS = 2048;
const MAX_PER_ADDRESS = 256;

/** Connections overstay their time by at most this much. */
const TICK_MS = 250;

export const STREAM_DEFAULTS: StreamOptions = {
  timeouts: STREAM_TIMEOUTS,
  maxConnections: MAX_CONNECTIONS,
  maxPerAddress: MAX_PER_ADDRESS,
  now: () => performance.now(),
};

export interface StreamServer {
  /** As bound: with the port that the kernel picked where 0 was asked for. */
  listeners: Listener[];
  /** Left out, because this host has no IPv6. */
  skipped: ListenFailure[];
  /** Connections open now. */
  size(): number;
  /** Stops accepting, and closes each connection when its replies are sent. */
  close(): void;
}

/** Open connections, each set ordered by last query: the first one is the longest idle. */
interface Connections {
  all: Set<StreamConnection>;
  byKey: Map<string, Set<StreamConnection>>;
  options: StreamOptions;
  context: StreamContext;
}

/** Opens a server for every listener; resolves to the failures instead, with nothing left open, as openUdp does. */
export async function openStream(
  listeners: Listener[],
  plane: Plane,
  options: StreamOptions = STREAM_DEFAULTS,
): Promise<StreamServer | { failures: ListenFailure[] }> {
  const connections = createConnections(plane, options);
  const bound = await Promise.all(listeners.map((listener) => listen(listener, connections)));
  const servers = bound.filter((outcome) => "close" in outcome);
  const failures = bound.filter((outcome): outcome is ListenFailure => !("close" in outcome));
  const { fatal, skipped } = judgeFailures(failures, listeners.length);
  if (fatal.length > 0) {
    for (const server of servers) server.close();
    return { failures: fatal };
  }
  for (const server of servers)
    server.on("error", (error) => plane.log("warn", "accepting failed", { error: error.message }));
  const ticker = setInterval(() => {
    const nowMs = options.now();
    for (const connection of connections.all) tick(connection, options.timeouts, nowMs);
    if (!servers.some((server) => server.listening) && connections.all.size === 0) clearInterval(ticker);
  }, TICK_MS);
  return {
    listeners: servers.map((server) =>
      boundTo(server.address() as { address: string; family: string; port: number }),
    ),
    skipped,
    size: () => connections.all.size,
    close: () => {
      for (const server of servers) server.close();
      for (const connection of connections.all) finish(connection, COUNTER_STREAMS_CLOSED_STOP);
    },
  };
}

function createConnections(plane: Plane, options: StreamOptions): Connections {
  const all = new Set<StreamConnection>();
  const byKey = new Map<string, Set<StreamConnection>>();
  const context = createStreamContext(plane, options.now, (connection) => {
    moveToEnd(all, connection);
    const sameKey = byKey.get(connection.key);
    if (sameKey !== undefined) moveToEnd(sameKey, connection);
  });
  return { all, byKey, options, context };
}

function moveToEnd(set: Set<StreamConnection>, connection: StreamConnection): void {
  if (set.delete(connection)) set.add(connection);
}

function listen(listener: Listener, connections: Connections): Promise<Server | ListenFailure> {
  return new Promise((resolve) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      accept(socket, connections),
    );
    const fail = (error: NodeJS.ErrnoException): void =>
      resolve({ listener, transport: "tcp", code: error.code ?? error.message });
    server.once("error", fail);
    const { host, port } = listener;
    server.listen({ host, port, ipv6Only: true, exclusive: true, backlog: 1024 }, () => {
      server.off("error", fail);
      resolve(server);
    });
  });
}

function accept(socket: Socket, connections: Connections): void {
  const { all, byKey, options, context } = connections;
  context.plane.counters[COUNTER_STREAMS_ACCEPTED]! += 1;
  const key = addressKey(socket.remoteAddress ?? "", socket.remoteFamily ?? "");
  const sameKey = byKey.get(key) ?? new Set();
  if (sameKey.size >= options.maxPerAddress) drop(sameKey, connections);
  if (all.size >= options.maxConnections) drop(all, connections);
  const connection = createConnection(context, socket, key, (gone) => {
    context.plane.counters[gone.reason]! += 1;
    forget(gone, connections);
  });
  all.add(connection);
  sameKey.add(connection);
  byKey.set(key, sameKey);
}

/** Closes the first of the set; it leaves the sets at once, so that the next one accepted counts right. */
function drop(set: Set<StreamConnection>, connections: Connections): void {
  for (const longestIdle of set) {
    abort(longestIdle, COUNTER_STREAMS_CLOSED_LIMIT);
    forget(longestIdle, connections);
    return;
  }
}

function forget(connection: StreamConnection, connections: Connections): void {
  connections.all.delete(connection);
  const sameKey = connections.byKey.get(connection.key);
  if (sameKey === undefined) return;
  sameKey.delete(connection);
  if (sameKey.size === 0) connections.byKey.delete(connection.key);
}

/** An IPv6 host has a /64 to itself (RFC 4291 section 2.5.4), so that single addresses say nothing about it. */
export function addressKey(address: string, family: string): string {
  if (family !== "IPv6") return address;
  const client = createClient();
  setResolver(client, family, address);
  return Buffer.from(client.resolverAddress.subarray(0, 8)).toString("hex");
}
