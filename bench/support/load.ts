import { createSocket } from "node:dgram";

export interface LoadResult {
  sent: number;
  /** Without a reply after LOST_MS. */
  lost: number;
  /** Replies with another RCODE than NOERROR. */
  errors: number;
  medianMs: number;
  slowestMs: number;
}

export interface Load {
  /** Stops sending, waits for the last replies, and counts. */
  stop(): Promise<LoadResult>;
}

/** A resolver gives up after this long or later (RFC 1536 section 1 asks for five seconds). */
const LOST_MS = 2_000;
/** Ids in turn: 65,536 at 5,000 a second come round after 13 s, long after a query is lost or answered. */
const IDS = 65_536;

/** Sends `rate` queries a second to a loopback port, `packets` in turn, each with an id of its own. */
export async function startLoad(port: number, packets: readonly Uint8Array[], rate: number): Promise<Load> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 2 ** 20 });
  await new Promise<void>((resolve) => socket.connect(port, "127.0.0.1", resolve));
  /** When the query of an id was sent; 0: answered or never sent. */
  const sentAt = new Float64Array(IDS);
  const latencies: number[] = [];
  const result: LoadResult = { sent: 0, lost: 0, errors: 0, medianMs: 0, slowestMs: 0 };
  socket.on("message", (reply) => {
    const id = (reply[0]! << 8) | reply[1]!;
    if (sentAt[id] === 0) return;
    if ((reply[3]! & 15) !== 0) result.errors++;
    latencies.push(performance.now() - sentAt[id]!);
    sentAt[id] = 0;
  });
  const begin = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const due = Math.floor(((nowMs - begin) / 1000) * rate);
    // What a pause of this process has held up is not sent all at once: that would measure the socket's buffer.
    for (let burst = 0; result.sent < due && burst < 64; burst++) {
      const id = result.sent % IDS;
      if (sentAt[id] !== 0) result.lost++;
      const packet = Buffer.from(packets[result.sent % packets.length]!);
      packet.writeUInt16BE(id, 0);
      sentAt[id] = nowMs;
      socket.send(packet);
      result.sent++;
    }
  }, 1);
  return {
    stop: async () => {
      clearInterval(timer);
      await new Promise((resolve) => setTimeout(resolve, LOST_MS));
      socket.close();
      result.lost += sentAt.reduce((sum, at) => sum + (at === 0 ? 0 : 1), 0);
      latencies.sort((left, right) => left - right);
      result.medianMs = latencies[latencies.length >> 1] ?? Number.NaN;
      result.slowestMs = latencies.at(-1) ?? Number.NaN;
      return result;
    },
  };
}
