import { createSocket, type Socket } from "node:dgram";
import { afterEach, describe, expect, it } from "vitest";
import { askUdp } from "../../test/support/dns-client.ts";
import { onOctets } from "../../test/support/plane.ts";
import { allocateCounters, COUNTER_DROPPED_PORT, COUNTER_DROPPED_SEND } from "../counters.ts";
import { createClient } from "../policy/client.ts";
import { viewOf } from "../wire/octets.ts";
import type { Listener } from "./listener.ts";
import type { Plane } from "./plane.ts";
import { bufferAdvice, openUdp, receive, supportsReusePort, type UdpServer } from "./udp.ts";

const four: Listener = { host: "127.0.0.1", port: 0, family: 4 };
const six: Listener = { host: "::1", port: 0, family: 6 };
const opened: UdpServer[] = [];

afterEach(() => {
  for (const server of opened.splice(0)) server.close();
});

/** Echoes, and notes who asked. */
function echoPlane(): Plane & { asked: string[] } {
  const asked: string[] = [];
  const client = createClient();
  return {
    asked,
    client,
    clockS: new Uint32Array(1),
    counters: allocateCounters(),
    log: () => undefined,
    answer: onOctets((packet, length, out) => {
      asked.push(`${client.resolverFamily} ${Buffer.from(client.resolverAddress).toString("hex")}`);
      if (packet[0] === 0) return 0;
      out.set(packet.subarray(0, length));
      return length;
    }),
  };
}

async function open(listeners: Listener[], plane: Plane): Promise<UdpServer> {
  const server = await openUdp(listeners, plane, false);
  if ("failures" in server) throw new Error(JSON.stringify(server.failures));
  opened.push(server);
  return server;
}

describe("openUdp", () => {
  it("takes a port that is free over TCP as well, where the kernel picks", async () => {
    const refused: number[] = [];
    const server = await openUdp([four], echoPlane(), false, async ({ port }) => refused.push(port) > 2);
    if ("failures" in server) throw new Error(JSON.stringify(server.failures));
    opened.push(server);
    expect(new Set(refused).size).toBe(3);
    expect(server.listeners[0]!.port).toBe(refused[2]);
    // Those that were passed over are free again.
    await open([{ ...four, port: refused[0]! }], echoPlane());
  });

  it("gives up when TCP holds every port that the kernel picks, and leaves nothing open", async () => {
    let last: Listener = four;
    const server = await openUdp([four], echoPlane(), false, async (listener) => {
      last = listener;
      return false;
    });
    expect(server).toEqual({ failures: [{ listener: four, transport: "tcp", code: "EADDRINUSE" }] });
    await open([last], echoPlane());
  });

  it("does not ask about TCP where the port is given", async () => {
    const first = await open([four], echoPlane());
    const port = first.listeners[0]!.port;
    first.close();
    opened.pop();
    const server = await openUdp([{ ...four, port }], echoPlane(), false, () =>
      Promise.reject(new Error("asked")),
    );
    if ("failures" in server) throw new Error(JSON.stringify(server.failures));
    opened.push(server);
    expect(server.listeners[0]!.port).toBe(port);
  });

  it("answers on several listeners, IPv4 and IPv6, and tells who asks", async () => {
    const plane = echoPlane();
    const server = await open([four, six, four], plane);
    expect(server.listeners.map(({ host }) => host)).toEqual(["127.0.0.1", "::1", "127.0.0.1"]);
    for (const { host, port } of server.listeners) {
      expect(port).toBeGreaterThan(0);
      expect(await askUdp({ host, port }, new Uint8Array([1, 2, 3]))).toEqual(new Uint8Array([1, 2, 3]));
    }
    expect(plane.asked).toEqual([
      `4 7f000001${"0".repeat(24)}`,
      `6 ${"1".padStart(32, "0")}`,
      `4 7f000001${"0".repeat(24)}`,
    ]);
    expect(Math.abs(plane.clockS[0]! - Date.now() / 1000)).toBeLessThan(5);
    expect(server.skipped).toEqual([]);
  });

  it("says nothing where the answer is 0 octets", async () => {
    const plane = echoPlane();
    const { listeners } = await open([four], plane);
    expect(await askUdp(listeners[0]!, new Uint8Array([0, 2, 3]), 100)).toBeNull();
    expect(plane.asked).toHaveLength(1);
  });

  it("a port that is taken is a failure, and nothing stays open", async () => {
    const taken = (await open([four], echoPlane())).listeners[0]!;
    const outcome = await openUdp([six, taken], echoPlane(), false);
    expect(outcome).toEqual({ failures: [{ listener: taken, transport: "udp", code: "EADDRINUSE" }] });
  });

  it("a burst of 2,000 datagrams is answered whole, each with its own octets", async () => {
    const { listeners } = await open([four], echoPlane());
    const client = createSocket({ type: "udp4", recvBufferSize: 4 << 20 });
    const seen = new Set<number>();
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${seen.size} of 2000`)), 10_000);
      client.on("message", (reply) => {
        expect(reply.readUInt32BE(8)).toBe(reply.readUInt32BE(4));
        seen.add(reply.readUInt32BE(4));
        if (seen.size < 2000) return;
        clearTimeout(timer);
        resolve();
      });
      for (let i = 0; i < 2000; i++) {
        const packet = Buffer.alloc(100, 1);
        packet.writeUInt32BE(i, 4);
        packet.writeUInt32BE(i, 8);
        client.send(packet, listeners[0]!.port, "127.0.0.1");
      }
    });
    client.close();
    expect(seen.size).toBe(2000);
  });

  it("knows whether the runtime can share ports", async () => {
    const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
    const expected = process.platform === "linux" && (major > 23 || (major === 23 && minor >= 1));
    expect(await supportsReusePort()).toBe(expected);
  });
});

it("a small receive buffer is worth a line, a large one is not", () => {
  expect(bufferAdvice(425_984)).toMatch(/425984 octets.*net\.core\.rmem_max=4194304/);
  expect(bufferAdvice(4_194_304)).toBeNull();
  expect(bufferAdvice(8_388_608)).toBeNull();
});

describe("receive", () => {
  interface Sent {
    out: Uint8Array;
    port: number;
  }

  /** A socket whose kernel buffer can be full. */
  function fakeReceiver(
    plane: Plane,
    queued: { count: number },
  ): { receiver: Parameters<typeof receive>[0]; sent: Sent[] } {
    const sent: Sent[] = [];
    const socket = {
      getSendQueueCount: () => queued.count,
      send: (out: Uint8Array, _at: number, _length: number, port: number) => sent.push({ out, port }),
    } as unknown as Socket;
    const out = new Uint8Array(64);
    return { receiver: { plane, socket, out, outView: viewOf(out), afterSend: () => undefined }, sent };
  }
  const peer = (port: number) => ({ address: "192.0.2.1", family: "IPv4" as const, port, size: 3 });
  const packet = new Uint8Array([1, 2, 3]);

  it.each([0, 7, 13, 17, 19, 37])("drops what comes from port %i (bad input 23)", (port) => {
    const plane = echoPlane();
    const { receiver, sent } = fakeReceiver(plane, { count: 0 });
    receive(receiver, packet, peer(port));
    expect(sent).toEqual([]);
    expect(plane.asked).toEqual([]);
    expect(plane.counters[COUNTER_DROPPED_PORT]).toBe(1);
  });

  it.each([1, 36, 38, 53, 65535])("answers port %i", (port) => {
    const { receiver, sent } = fakeReceiver(echoPlane(), { count: 0 });
    receive(receiver, packet, peer(port));
    expect(sent.map((each) => each.port)).toEqual([port]);
  });

  it("uses one buffer while replies leave at once, and leaves it to the queue when they do not", () => {
    const queued = { count: 0 };
    const { receiver, sent } = fakeReceiver(echoPlane(), queued);
    receive(receiver, packet, peer(1000));
    receive(receiver, packet, peer(1000));
    expect(sent[1]!.out).toBe(sent[0]!.out);
    queued.count = 1;
    receive(receiver, packet, peer(1000));
    receive(receiver, packet, peer(1000));
    expect(sent[2]!.out).toBe(sent[0]!.out);
    expect(sent[3]!.out).not.toBe(sent[0]!.out);
  });

  it("drops and counts replies beyond the queue's limit", () => {
    const plane = echoPlane();
    const { receiver, sent } = fakeReceiver(plane, { count: 1024 });
    receive(receiver, packet, peer(1000));
    expect(sent).toEqual([]);
    expect(plane.counters[COUNTER_DROPPED_SEND]).toBe(1);
  });
});
