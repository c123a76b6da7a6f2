import { createSocket } from "node:dgram";
import { buildQuery } from "./packet.ts";

export interface LoadResult {
  sent: number;
  answered: number;
  /** Queries without a reply two seconds after the last one was sent. */
  lost: number;
  /** Replies that are not NOERROR with an answer. */
  wrong: number;
  slowestMs: number;
}

/** Sends queries at a steady rate, whatever comes back, until it is stopped. */
export interface SteadyLoad {
  stop(): Promise<LoadResult>;
}

const TICK_MS = 2;
/** What this process could not send because it was busy itself is not made up for: the burst would be no steady load. */
const MAX_DEBT_MS = 100;
const WAIT_MS = 2000;

/** Asks for the A records of `names` in turn, `perSecond` queries a second. Each query has an id of its own while it waits. */
export function startLoad(port: number, names: string[], perSecond: number): SteadyLoad {
  const socket = createSocket({ type: "udp4", recvBufferSize: 8 << 20, sendBufferSize: 8 << 20 });
  const packets = names.map((name) => buildQuery({ name, type: "A" }));
  const sentMs = new Float64Array(65_536);
  const result: LoadResult = { sent: 0, answered: 0, lost: 0, wrong: 0, slowestMs: 0 };
  socket.on("message", (reply) => {
    const id = reply.readUInt16BE(0);
    if (sentMs[id] === 0) return;
    result.slowestMs = Math.max(result.slowestMs, performance.now() - sentMs[id]!);
    sentMs[id] = 0;
    result.answered++;
    if ((reply[3]! & 15) !== 0 || reply.readUInt16BE(6) === 0) result.wrong++;
  });
  let paidUntilMs = performance.now();
  const send = (): void => {
    const nowMs = performance.now();
    paidUntilMs = Math.max(paidUntilMs, nowMs - MAX_DEBT_MS);
    for (; paidUntilMs < nowMs; paidUntilMs += 1000 / perSecond) {
      const id = result.sent & 0xffff;
      // 65,536 queries later this one has no reply yet.
      if (sentMs[id] !== 0) result.lost++;
      const packet = Buffer.from(packets[result.sent % packets.length]!);
      packet.writeUInt16BE(id, 0);
      sentMs[id] = performance.now();
      socket.send(packet, port, "127.0.0.1");
      result.sent++;
    }
  };
  const timer = setInterval(send, TICK_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      for (const waiting of sentMs) if (waiting !== 0) result.lost++;
      socket.close();
      return result;
    },
  };
}
