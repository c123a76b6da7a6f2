import { createSocket, type RemoteInfo, Socket } from "node:dgram";
import { createServer } from "node:net";
import { COUNTER_DROPPED_PORT, COUNTER_DROPPED_SEND, countBatch, countLatency } from "../counters.ts";
import { viewOf } from "../wire/octets.ts";
import { MAX_UDP_PAYLOAD, OUT_SLACK } from "../wire/response.ts";
import { boundTo, judgeFailures, type Listener, type ListenFailure } from "./listener.ts";
import { isReflectorPort, setResolver } from "./peer.ts";
import type { Plane } from "./plane.ts";

const OUT_OCTETS = MAX_UDP_PAYLOAD + OUT_SLACK;

/** Two seconds of 5,000 queries a second at the kernel's 800 octets each: what a collection or a busy core may cost. */
export const SOCKET_BUFFER_OCTETS = 4 * 1024 * 1024;

/** Ports that the kernel picks before one that TCP holds is taken for a failure. */
export const MAX_PICKS = 16;

/** Replies that wait because the kernel's buffer is full; beyond them, replies are dropped and counted. */
const MAX_QUEUED_REPLIES = 1024;

export interface UdpServer {
  /** As bound: with the port that the kernel picked where 0 was asked for. */
  listeners: Listener[];
  /** Left out, because this host has no IPv6. */
  skipped: ListenFailure[];
  close(): void;
}

/** What the handler of one socket keeps between datagrams. */
interface Receiver {
  plane: Plane;
  socket: Socket;
  out: Uint8Array;
  outView: DataView;
  afterSend: (error: Error | null) => void;
}

/**
 * Opens a socket for every listener and answers on it. Resolves to the failures instead, with nothing left open, when
 * one cannot be had that is not merely IPv6 on a host without it. Where port 0 was asked for, the port is one that
 * `isFreeForTcp` allows: the stream worker opens it next.
 */
export async function openUdp(
  listeners: Listener[],
  plane: Plane,
  reusePort: boolean,
  isFreeForTcp: (listener: Listener) => Promise<boolean> = canListenTcp,
): Promise<UdpServer | { failures: ListenFailure[] }> {
  const bound = await Promise.all(
    listeners.map((listener) => bindForBoth(listener, reusePort, isFreeForTcp)),
  );
  const sockets = bound.filter((outcome) => outcome instanceof Socket);
  const failures = bound.filter((outcome): outcome is ListenFailure => !(outcome instanceof Socket));
  const { fatal, skipped } = judgeFailures(failures, listeners.length);
  const close = (): void => {
    for (const socket of sockets) socket.close();
  };
  if (fatal.length > 0) {
    close();
    return { failures: fatal };
  }
  for (const socket of sockets) attach(socket, plane);
  const advice = bufferAdvice(Math.min(...sockets.map((socket) => socket.getRecvBufferSize())));
  if (advice !== null) plane.log("info", advice);
  return {
    listeners: sockets.map((socket) => boundTo(socket.address())),
    skipped,
    close,
  };
}

/** What to do about the receive buffer that the kernel granted; null: it is as large as was asked for. */
export function bufferAdvice(grantedOctets: number): string | null {
  if (grantedOctets >= SOCKET_BUFFER_OCTETS) return null;
  return `the kernel grants ${grantedOctets} octets of receive buffer: sysctl -w net.core.rmem_max=${SOCKET_BUFFER_OCTETS} lets bursts wait instead of being dropped`;
}

function createUdpSocket(listener: Listener, reusePort: boolean): Socket {
  const options = {
    type: listener.family === 6 ? ("udp6" as const) : ("udp4" as const),
    ipv6Only: listener.family === 6,
    recvBufferSize: SOCKET_BUFFER_OCTETS,
    sendBufferSize: SOCKET_BUFFER_OCTETS,
    // Peers are always addresses. Without this, dgram asks dns.lookup, which answers in a later tick: 1 us a reply,
    // and the reply would leave `out` only after the handler has returned.
    lookup: (
      address: string,
      _options: unknown,
      done: (error: null, address: string, family: number) => void,
    ) => done(null, address, listener.family),
    reusePort,
  };
  return createSocket(options);
}

/**
 * Binds a listener; where the kernel picks the port, picks again while TCP cannot have it as well: a client's connection
 * may hold the same number.
 */
async function bindForBoth(
  listener: Listener,
  reusePort: boolean,
  isFreeForTcp: (listener: Listener) => Promise<boolean>,
): Promise<Socket | ListenFailure> {
  const rejected: Socket[] = [];
  try {
    for (;;) {
      const outcome = await bindUdpSocket(listener, reusePort);
      if (!(outcome instanceof Socket) || listener.port !== 0) return outcome;
      if (await isFreeForTcp(boundTo(outcome.address()))) return outcome;
      // Held until the end, so that the kernel does not pick it again.
      rejected.push(outcome);
      if (rejected.length === MAX_PICKS) return { listener, transport: "tcp", code: "EADDRINUSE" };
    }
  } finally {
    for (const socket of rejected) socket.close();
  }
}

/** Whether TCP can have an address and port at this moment. */
export function canListenTcp({ host, port }: Listener): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ host, port, ipv6Only: true, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

function bindUdpSocket(listener: Listener, reusePort: boolean): Promise<Socket | ListenFailure> {
  return new Promise((resolve) => {
    const socket = createUdpSocket(listener, reusePort);
    const fail = (error: NodeJS.ErrnoException): void => {
      socket.close();
      resolve({ listener, transport: "udp", code: error.code ?? error.message });
    };
    socket.once("error", fail);
    socket.bind({ address: listener.host, port: listener.port, exclusive: true }, () => {
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

function attach(socket: Socket, plane: Plane): void {
  const out = new Uint8Array(OUT_OCTETS);
  const receiver: Receiver = {
    plane,
    socket,
    out,
    outView: viewOf(out),
    afterSend: (error) => {
      if (error !== null) plane.counters[COUNTER_DROPPED_SEND]! += 1;
    },
  };
  socket.on("message", (message, peer) => receive(receiver, message, peer));
  socket.on("error", (error) => plane.log("warn", "udp socket failed", { error: error.message }));
}

/** Answers one datagram from the socket that it came in on. */
export function receive(receiver: Receiver, message: Uint8Array, peer: RemoteInfo): void {
  const { plane, socket } = receiver;
  if (isReflectorPort(peer.port)) {
    plane.counters[COUNTER_DROPPED_PORT]! += 1;
    return;
  }
  const startedMs = countBatch(plane.counters) ? performance.now() : -1;
  plane.clockS[0] = Date.now() / 1000;
  setResolver(plane.client, peer.family, peer.address);
  const length = plane.answer(viewOf(message), message.length, receiver.outView);
  if (length === 0) return;
  if (socket.getSendQueueCount() >= MAX_QUEUED_REPLIES) {
    plane.counters[COUNTER_DROPPED_SEND]! += 1;
    return;
  }
  socket.send(receiver.out, 0, length, peer.port, peer.address, receiver.afterSend);
  // libuv sends at once as long as the kernel takes it; otherwise it keeps a reference, and that buffer is its own.
  if (socket.getSendQueueCount() !== 0) {
    receiver.out = new Uint8Array(OUT_OCTETS);
    receiver.outView = viewOf(receiver.out);
  }
  if (startedMs >= 0) countLatency(plane.counters, (performance.now() - startedMs) / 1000);
}

/**
 * Whether several dgram sockets can share a port with the load spread over them. Asked of the runtime itself: Node
 * versions without it ignore the option silently.
 */
export async function supportsReusePort(): Promise<boolean> {
  const first = await bindUdpSocket({ host: "127.0.0.1", port: 0, family: 4 }, true);
  if (!(first instanceof Socket)) return false;
  const second = await bindUdpSocket(boundTo(first.address()), true);
  first.close();
  if (!(second instanceof Socket)) return false;
  second.close();
  return true;
}
