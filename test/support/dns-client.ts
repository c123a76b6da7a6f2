import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";

export interface ServerAddress {
  host?: string;
  port: number;
}

/** Sends one datagram and resolves with the first reply, or null when none came within `timeoutMs`. */
export function askUdp(
  server: ServerAddress,
  packet: Uint8Array,
  timeoutMs = 2_000,
): Promise<Uint8Array | null> {
  const host = server.host ?? "127.0.0.1";
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    const finish = (reply: Uint8Array | null): void => {
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    const timer = setTimeout(() => finish(null), timeoutMs);
    socket.once("message", (reply) => finish(new Uint8Array(reply)));
    socket.once("error", (error) => {
      clearTimeout(timer);
      socket.close();
      reject(error);
    });
    socket.send(packet, server.port, host);
  });
}

/** A TCP connection that frames messages (RFC 7766 section 8). */
export interface StreamClient {
  socket: Socket;
  send(packet: Uint8Array): void;
  /** The next message in order of arrival; rejects when the connection ends first. */
  receive(): Promise<Uint8Array>;
  closed: Promise<void>;
  close(): void;
}

export function frame(packet: Uint8Array): Uint8Array {
  const framed = new Uint8Array(packet.length + 2);
  framed[0] = packet.length >>> 8;
  framed[1] = packet.length & 0xff;
  framed.set(packet, 2);
  return framed;
}

export function openStream(server: ServerAddress, timeoutMs = 5_000): Promise<StreamClient> {
  const socket = connect({ host: server.host ?? "127.0.0.1", port: server.port, noDelay: true });
  socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no octet for ${timeoutMs} ms`)));
  let pending: Buffer = Buffer.alloc(0);
  let failure: Error | null = null;
  const arrived: Uint8Array[] = [];
  const waiting: { resolve: (packet: Uint8Array) => void; reject: (error: Error) => void }[] = [];
  socket.on("data", (chunk: Buffer) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    let at = 0;
    while (pending.length - at >= 2) {
      const end = at + 2 + pending.readUInt16BE(at);
      if (pending.length < end) break;
      const message = new Uint8Array(pending.subarray(at + 2, end));
      const waiter = waiting.shift();
      if (waiter === undefined) arrived.push(message);
      else waiter.resolve(message);
      at = end;
    }
    pending = pending.subarray(at);
  });
  const closed = new Promise<void>((resolve) => {
    socket.once("close", () => {
      failure ??= new Error("connection closed");
      for (const waiter of waiting.splice(0)) waiter.reject(failure);
      resolve();
    });
  });
  const client: StreamClient = {
    socket,
    closed,
    send: (packet) => {
      socket.write(frame(packet));
    },
    receive: () => {
      const message = arrived.shift();
      if (message !== undefined) return Promise.resolve(message);
      if (failure !== null) return Promise.reject(failure);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    close: () => socket.destroy(),
  };
  return new Promise((resolve, reject) => {
    socket.once("connect", () => resolve(client));
    socket.on("error", (error) => {
      failure = error;
      reject(error);
    });
  });
}

/** One query over its own connection. */
export async function askTcp(
  server: ServerAddress,
  packet: Uint8Array,
  timeoutMs = 5_000,
): Promise<Uint8Array> {
  const stream = await openStream(server, timeoutMs);
  try {
    stream.send(packet);
    return await stream.receive();
  } finally {
    stream.close();
  }
}

/**
 * Many queries over one connection, `window` of them under way, answers in the order of the queries. For servers that
 * answer a connection in order, or whose packets carry their index as the id.
 */
export async function askAll(
  server: ServerAddress,
  packets: Uint8Array[],
  window = 64,
): Promise<Uint8Array[]> {
  const stream = await openStream(server, 20_000);
  const answers: Uint8Array[] = [];
  try {
    let sent = 0;
    while (answers.length < packets.length) {
      while (sent < packets.length && sent - answers.length < window) stream.send(packets[sent++]!);
      answers.push(await stream.receive());
    }
  } finally {
    stream.close();
  }
  return answers;
}

/** A UDP port of the loopback address that was free a moment ago, for servers that cannot bind port 0. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  await new Promise<void>((resolve) => socket.bind(0, host, resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}
