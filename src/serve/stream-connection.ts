import type { Socket } from "node:net";
import {
  COUNTER_STREAMS_CLOSED_BY_PEER,
  COUNTER_STREAMS_CLOSED_ERROR,
  COUNTER_STREAMS_CLOSED_IDLE,
  COUNTER_STREAMS_CLOSED_LENGTH,
  COUNTER_STREAMS_CLOSED_SLOW_MESSAGE,
  COUNTER_STREAMS_CLOSED_STALLED,
  countBatch,
  countLatency,
} from "../counters.ts";
import { viewOf } from "../wire/octets.ts";
import { OUT_OCTETS } from "../wire/response.ts";
import { createFrameReader, FRAME_BAD, type FrameReader, feed, hasPartial, nextFrame } from "./frames.ts";
import { setResolver } from "./peer.ts";
import type { Plane } from "./plane.ts";

/** How long a peer may take, in milliseconds. */
export interface StreamTimeouts {
  /** Without a whole query, and with nothing left to send (RFC 7766 section 6.2.3 asks for a few seconds). */
  idleMs: number;
  /** From a message's first octet to its last: one octet a second holds a connection no longer than this. */
  messageMs: number;
  /** Without any octets of replies accepted while some wait. */
  stallMs: number;
}

export const STREAM_TIMEOUTS: StreamTimeouts = { idleMs: 10_000, messageMs: 2_000, stallMs: 10_000 };

/** Replies that wait for one peer: with this much unsent, nothing more is read from it (RFC 7766 section 6.2.1.1). */
const HIGH_WATER_OCTETS = 128 * 1024;

/** A DNS connection over a byte stream. Its owner calls `tick`; everything else follows the socket. */
export interface StreamConnection {
  socket: Socket;
  /** What the cap per address counts by. */
  key: string;
  address: string;
  family: string;
  reader: FrameReader;
  /** When it was accepted, or its last query was whole. */
  lastQueryMs: number;
  /** First octet of the incomplete message, or -1. */
  messageSinceMs: number;
  /** Since when no waiting octet was accepted, or -1: none waits. */
  waitingSinceMs: number;
  /** Reading rests until the peer has taken its replies. */
  held: boolean;
  /** The peer has sent its last octet. */
  ended: boolean;
  /** COUNTER_STREAMS_CLOSED_* slot, once it is decided that the connection goes; -1 until then. */
  reason: number;
  onWritten: () => void;
}

/** What connections share: one reply buffer, since a reply leaves it before the next query is read. */
export interface StreamContext {
  plane: Plane;
  /** Length field and reply. */
  frame: Uint8Array;
  /** `frame` after the length field. */
  out: DataView;
  now: () => number;
  /** Called for every whole query: the connection is no longer the longest idle one. */
  onActive: (connection: StreamConnection) => void;
}

export function createStreamContext(
  plane: Plane,
  now: () => number,
  onActive: (connection: StreamConnection) => void,
): StreamContext {
  const frame = new Uint8Array(2 + OUT_OCTETS);
  return { plane, frame, out: viewOf(frame.subarray(2)), now, onActive };
}

/** Takes over an accepted socket. `onClosed` is called once, when it is gone, with the counter slot of the reason. */
export function createConnection(
  context: StreamContext,
  socket: Socket,
  key: string,
  onClosed: (connection: StreamConnection) => void,
): StreamConnection {
  const connection: StreamConnection = {
    socket,
    key,
    address: socket.remoteAddress ?? "",
    family: socket.remoteFamily ?? "IPv4",
    reader: createFrameReader(),
    lastQueryMs: context.now(),
    messageSinceMs: -1,
    waitingSinceMs: -1,
    held: false,
    ended: false,
    reason: -1,
    onWritten: () => {
      connection.waitingSinceMs = socket.writableLength > 0 ? context.now() : -1;
    },
  };
  socket.on("data", (chunk: Buffer) => {
    if (connection.reason >= 0) return;
    feed(connection.reader, chunk);
    pump(context, connection);
  });
  socket.on("drain", () => {
    if (connection.held && connection.reason < 0) pump(context, connection);
  });
  socket.on("end", () => {
    connection.ended = true;
    if (!connection.held) finish(connection, COUNTER_STREAMS_CLOSED_BY_PEER);
  });
  // A reset, a broken pipe: that connection only. `close` follows.
  socket.on("error", () => {
    if (connection.reason < 0) connection.reason = COUNTER_STREAMS_CLOSED_ERROR;
  });
  socket.on("close", () => {
    if (connection.reason < 0) connection.reason = COUNTER_STREAMS_CLOSED_BY_PEER;
    onClosed(connection);
  });
  return connection;
}

/** Answers every whole query that has come, until replies pile up; goes on when they have left. */
function pump(context: StreamContext, connection: StreamConnection): void {
  const { socket, reader } = connection;
  const startedMs = countBatch(context.plane.counters) ? performance.now() : -1;
  context.plane.clockS[0] = Date.now() / 1000;
  setResolver(context.plane.client, connection.family, connection.address);
  connection.held = false;
  socket.cork();
  let length = 0;
  let whole = false;
  while (!connection.held) {
    length = nextFrame(reader);
    if (length <= 0) break;
    whole = true;
    reply(context, connection, length);
    connection.held = socket.writableLength >= HIGH_WATER_OCTETS;
  }
  if (whole) {
    connection.lastQueryMs = context.now();
    context.onActive(connection);
  }
  if (!hasPartial(reader)) connection.messageSinceMs = -1;
  else if (whole || connection.messageSinceMs < 0) connection.messageSinceMs = context.now();
  socket.uncork();
  if (startedMs >= 0) countLatency(context.plane.counters, (performance.now() - startedMs) / 1000);
  settle(connection, length);
}

/** What follows from how far the queries could be answered. */
function settle(connection: StreamConnection, length: number): void {
  const { socket } = connection;
  if (length === FRAME_BAD) finish(connection, COUNTER_STREAMS_CLOSED_LENGTH);
  else if (connection.held) socket.pause();
  else if (connection.ended) finish(connection, COUNTER_STREAMS_CLOSED_BY_PEER);
  else if (socket.isPaused()) socket.resume();
}

function reply(context: StreamContext, connection: StreamConnection, length: number): void {
  const { plane, frame, out, now } = context;
  const replyLength = plane.answer(viewOf(connection.reader.message), length, out);
  if (replyLength === 0) return;
  frame[0] = replyLength >> 8;
  frame[1] = replyLength & 255;
  if (connection.waitingSinceMs < 0) connection.waitingSinceMs = now();
  connection.socket.write(Buffer.from(frame.subarray(0, replyLength + 2)), connection.onWritten);
}

/** Sends what waits, then closes; `tick` cuts it short for a peer that does not take it. */
export function finish(connection: StreamConnection, reason: number): void {
  if (connection.reason < 0) connection.reason = reason;
  connection.socket.destroySoon();
}

/** Closes at once. */
export function abort(connection: StreamConnection, reason: number): void {
  if (connection.reason < 0) connection.reason = reason;
  connection.socket.destroy();
}

/** Closes the connection when one of its times is up. */
export function tick(connection: StreamConnection, timeouts: StreamTimeouts, nowMs: number): void {
  const { messageSinceMs, waitingSinceMs, lastQueryMs } = connection;
  if (waitingSinceMs >= 0 && nowMs - waitingSinceMs >= timeouts.stallMs)
    abort(connection, COUNTER_STREAMS_CLOSED_STALLED);
  else if (messageSinceMs >= 0 && nowMs - messageSinceMs >= timeouts.messageMs)
    abort(connection, COUNTER_STREAMS_CLOSED_SLOW_MESSAGE);
  else if (waitingSinceMs < 0 && nowMs - lastQueryMs >= timeouts.idleMs)
    abort(connection, COUNTER_STREAMS_CLOSED_IDLE);
}
