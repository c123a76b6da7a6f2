import { createSocket } from "node:dgram";
import { parentPort, Worker, workerData } from "node:worker_threads";
import { quantile } from "./distribution.ts";

export interface LoadResult {
  sent: number;
  /** Without a reply after LOST_MS. */
  lost: number;
  /** Replies with another RCODE than NOERROR. */
  errors: number;
  /** Milliseconds from a query's departure to its reply, by the label of the time in which it left. */
  latencies: Record<string, Latencies>;
}

export interface Latencies {
  count: number;
  medianMs: number;
  p99Ms: number;
  p999Ms: number;
  slowestMs: number;
}

export interface Load {
  /** What leaves from now on counts under this label. */
  mark(label: string): void;
  /** Stops sending, waits for the last replies, and counts. */
  stop(): Promise<LoadResult>;
}

/** A resolver gives up after this long or later (RFC 1536 section 1 asks for five seconds). */
const LOST_MS = 2_000;
/** Ids in turn: 65,536 at 5,000 a second come round after 13 s, long after a query is lost or answered. */
const IDS = 65_536;

interface LoadInit {
  port: number;
  packets: Uint8Array[];
  rate: number;
  label: string;
}

/**
 * Sends `rate` queries a second to a loopback port, `packets` in turn, each with an id of its own. A thread of its own
 * sends them, so that what the benchmark does meanwhile delays none: the entry of the benchmark has to call runLoadThread.
 */
export async function startLoad(init: LoadInit, entry: string): Promise<Load> {
  const thread = new Worker(entry, { workerData: init });
  const failed = new Promise<never>((_, reject) => thread.once("error", reject));
  const told = (): Promise<LoadResult> => new Promise((resolve) => thread.once("message", resolve));
  await Promise.race([told(), failed]);
  return {
    mark: (label) => thread.postMessage({ label }),
    stop: async () => {
      const result = Promise.race([told(), failed]);
      thread.postMessage({ stop: true });
      const counted = await result;
      await thread.terminate();
      return counted;
    },
  };
}

/** Runs the thread that startLoad starts. */
export async function runLoadThread(): Promise<void> {
  const { port, packets, rate, label: first } = workerData as LoadInit;
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 2 ** 20 });
  await new Promise<void>((resolve) => socket.connect(port, "127.0.0.1", resolve));
  /** When the query of an id was sent; 0: answered or never sent. */
  const sentAt = new Float64Array(IDS);
  const labels: string[] = new Array<string>(IDS).fill("");
  const latencies = new Map<string, number[]>();
  let label = first;
  const counts = { sent: 0, lost: 0, errors: 0 };
  socket.on("message", (reply) => {
    const id = (reply[0]! << 8) | reply[1]!;
    if (sentAt[id] === 0) return;
    if ((reply[3]! & 15) !== 0) counts.errors++;
    const of = latencies.get(labels[id]!) ?? [];
    latencies.set(labels[id]!, of);
    of.push(performance.now() - sentAt[id]!);
    sentAt[id] = 0;
  });
  const begin = performance.now();
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - begin) / 1000) * rate);
    // What a pause of this process has held up is not sent all at once: that would measure the socket's buffer.
    for (let burst = 0; counts.sent < due && burst < 64; burst++) {
      const id = counts.sent % IDS;
      if (sentAt[id] !== 0) counts.lost++;
      const packet = Buffer.from(packets[counts.sent % packets.length]!);
      packet.writeUInt16BE(id, 0);
      labels[id] = label;
      sentAt[id] = performance.now();
      socket.send(packet);
      counts.sent++;
    }
  }, 1);
  parentPort!.on("message", (message: { label?: string; stop?: boolean }) => {
    if (message.label !== undefined) label = message.label;
    if (message.stop !== true) return;
    clearInterval(timer);
    setTimeout(() => {
      socket.close();
      counts.lost += sentAt.reduce((sum, at) => sum + (at === 0 ? 0 : 1), 0);
      const described = [...latencies].map(([name, ms]) => [name, describe(ms)] as const);
      parentPort!.postMessage({ ...counts, latencies: Object.fromEntries(described) } satisfies LoadResult);
    }, LOST_MS);
  });
  parentPort!.postMessage(null);
}

function describe(ms: number[]): Latencies {
  return {
    count: ms.length,
    medianMs: quantile(ms, 0.5),
    p99Ms: quantile(ms, 0.99),
    p999Ms: quantile(ms, 0.999),
    slowestMs: quantile(ms, 1),
  };
}
