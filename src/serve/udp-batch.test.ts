import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { askUdp } from "../../test/support/dns-client.ts";
import { onOctets } from "../../test/support/plane.ts";
import { allocateCounters, COUNTER_DROPPED_LONG, COUNTER_KERNEL_DROPS } from "../counters.ts";
import { createClient } from "../policy/client.ts";
import { checkBatch } from "./batch-check.ts";
import { allocateWords, WORD_BELL } from "./blocks.ts";
import { type Kernel, loadKernel } from "./kernel.ts";
import type { Listener } from "./listener.ts";
import type { Plane } from "./plane.ts";
import { openUdpBatch, type UdpBatchServer } from "./udp-batch.ts";

const kernel = await loadKernel();
const four: Listener = { host: "127.0.0.1", port: 0, family: 4 };
const six: Listener = { host: "::1", port: 0, family: 6 };
const opened: UdpBatchServer[] = [];
/** Asks 30 times, 20 ms apart, and says how many replies came. */
const ONE_BY_ONE = `
  const socket = require("node:dgram").createSocket("udp4");
  let replies = 0, asked = 0;
  socket.on("message", () => replies++);
  const timer = setInterval(() => {
    if (asked++ < 30) return socket.send("x", Number(process.argv[1]), "127.0.0.1");
    clearInterval(timer);
    socket.close();
    process.stdout.write(String(replies));
  }, 20);
`;
let descriptors: Int32Array;
let words: Int32Array;

beforeEach(() => {
  words = allocateWords();
  descriptors = new Int32Array(new SharedArrayBuffer(64));
});
afterEach(() => {
  for (const server of opened.splice(0)) server.close();
});

/** Echoes, and notes who asked; a message that starts with 0 gets no reply. */
function echoPlane(mark = 0): Plane & { asked: string[] } {
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
      out[0] = packet[0]! | mark;
      return length;
    }),
  };
}

async function open(listeners: Listener[], plane: Plane, own = descriptors, reusePort = false) {
  const server = await openUdpBatch(listeners, plane, {
    kernel: kernel as Kernel,
    reusePort,
    descriptors: own,
    words,
  });
  if ("failures" in server) throw new Error(JSON.stringify(server.failures));
  opened.push(server);
  return server;
}

/** Sends datagrams of one octet from one socket; resolves to the first octets of what came back within `waitMs`. */
async function burst(to: Listener, octets: number[], waitMs = 400): Promise<number[]> {
  const socket = createSocket(to.family === 4 ? "udp4" : "udp6");
  const replies: number[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      const timer = setTimeout(resolve, waitMs);
      socket.on("message", (reply, from) => {
        expect(from.address).toBe(to.host);
        if (replies.push(reply[0]!) === octets.filter((octet) => octet !== 0).length) {
          clearTimeout(timer);
          resolve();
        }
      });
      for (const octet of octets) socket.send(Uint8Array.of(octet), to.port, to.host);
    });
  } finally {
    socket.close();
  }
  return replies.sort((left, right) => left - right);
}

describe.skipIf(typeof kernel === "string")("openUdpBatch", () => {
  it("works here", async () => {
    expect(await checkBatch()).toBeNull();
  });

  it("answers on several listeners, IPv4 and IPv6, and tells who asks", async () => {
    const plane = echoPlane();
    const server = await open([four, six, four], plane);
    for (const { host, port } of server.listeners) {
      expect(port).toBeGreaterThan(0);
      expect(await askUdp({ host, port }, new Uint8Array([1, 2, 3]))).toEqual(new Uint8Array([1, 2, 3]));
    }
    const ipv4 = `4 7f000001${"0".repeat(24)}`;
    expect(plane.asked).toEqual([ipv4, `6 ${"1".padStart(32, "0")}`, ipv4]);
    expect(Math.abs(plane.clockS[0]! - Date.now() / 1000)).toBeLessThan(5);
  });

  it.each([
    ["one address", [four]],
    ["several sockets", [four, four]],
  ])(
    "answers bursts of more than a batch, and leaves out what gets no reply: %s",
    async (_what, listeners) => {
      const server = await open(listeners, echoPlane());
      const octets = Array.from({ length: 200 }, (_, index) => (index % 7 === 0 ? 0 : 1 + (index % 200)));
      const expected = octets.filter((octet) => octet !== 0).sort((left, right) => left - right);
      expect(await burst(server.listeners[0]!, octets, 5_000)).toEqual(expected);
    },
  );

  it.each<[string, Listener, string[]]>([
    ["IPv4", { ...four, host: "0.0.0.0" }, ["127.0.0.1", "127.1.2.3", "127.0.0.9"]],
    ["IPv6", { ...six, host: "::" }, ["::1"]],
  ])("bound to any address it answers from the one that was asked: %s", async (_what, any, hosts) => {
    const server = await open([any], echoPlane());
    for (const host of hosts) {
      const asked = { ...any, host, port: server.listeners[0]!.port };
      expect(await burst(asked, [5, 6, 7], 5_000)).toEqual([5, 6, 7]);
    }
  });

  it("drops and counts what is longer than any query", async () => {
    const plane = echoPlane();
    const server = await open([four], plane);
    expect(await askUdp(server.listeners[0]!, new Uint8Array(4_000).fill(1), 300)).toBeNull();
    expect(plane.counters[COUNTER_DROPPED_LONG]).toBe(1);
    expect(plane.asked).toEqual([]);
  });

  it("hands its sockets on: the next worker answers what waited meanwhile", async () => {
    const first = await open([four], echoPlane());
    const [{ port }] = first.listeners as [Listener];
    const before = [...descriptors];
    // As if the worker had died: nothing is closed, and nobody reads.
    (first as unknown as { closed: boolean }).closed = true;
    opened.pop();
    await new Promise((resolve) => setTimeout(resolve, 150));
    const waiting = burst({ ...four, port }, [1, 2, 3], 5_000);
    await open([{ ...four, port }], echoPlane(64));
    expect(await waiting).toEqual([65, 66, 67]);
    expect([...descriptors]).toEqual(before);
  });

  it("answers on the sockets of a worker that is being replaced, until told otherwise", async () => {
    const others = new Int32Array(new SharedArrayBuffer(64));
    const dead = await open([four], echoPlane(), others, true);
    const [{ port }] = dead.listeners as [Listener];
    const survivor = await open([{ ...four, port }], echoPlane(64), descriptors, true);
    (dead as unknown as { closed: boolean }).closed = true;
    await new Promise((resolve) => setTimeout(resolve, 150));
    survivor.cover([others[0]! - 1]);
    // Each from a port of its own: about half of them go to the dead worker's socket.
    const replies = await Promise.all(
      Array.from({ length: 32 }, (_, index) => burst({ ...four, port }, [1 + index], 5_000)),
    );
    expect(replies.flat()).toEqual(Array.from({ length: 32 }, (_, index) => 65 + index));
    survivor.cover([]);
    (kernel as Kernel).close(others[0]! - 1);
    opened.shift();
  });

  it("says why a socket cannot be had, and leaves nothing open", async () => {
    const first = await open([four], echoPlane());
    const [listener] = first.listeners as [Listener];
    const own = new Int32Array(16);
    const failed = await openUdpBatch([four, listener], echoPlane(), {
      kernel: kernel as Kernel,
      reusePort: false,
      descriptors: own,
      words,
    });
    expect(failed).toEqual({ failures: [{ listener, transport: "udp", code: "EADDRINUSE" }] });
    expect([...own].every((word) => word === 0)).toBe(true);
  });

  it("takes a port that is free over TCP as well, where the kernel picks", async () => {
    const ports: number[] = [];
    const server = await openUdpBatch([four], echoPlane(), {
      kernel: kernel as Kernel,
      reusePort: false,
      descriptors,
      words,
      isFreeForTcp: async ({ port }) => ports.push(port) > 2,
    });
    if ("failures" in server) throw new Error("failed");
    opened.push(server);
    expect(server.listeners[0]!.port).toBe(ports[2]);
  });

  it("counts what the kernel drops", async () => {
    const dead = await open([four], echoPlane());
    (dead as unknown as { closed: boolean }).closed = true;
    opened.pop();
    const [listener] = dead.listeners as [Listener];
    const socket = createSocket("udp4");
    // More than the buffer holds: 4 MiB, doubled by the kernel, at no less than 512 octets each.
    for (let sent = 0; sent < 20_000; sent++)
      await new Promise((resolve) => socket.send(Uint8Array.of(0), listener.port, listener.host, resolve));
    socket.close();
    const plane = echoPlane();
    await open([listener], plane);
    await expect.poll(() => plane.counters[COUNTER_KERNEL_DROPS]!, { timeout: 5_000 }).toBeGreaterThan(1_000);
    await expect.poll(() => plane.asked.length + plane.counters[COUNTER_KERNEL_DROPS]!).toBe(20_000);
  });

  it("lets its event loop turn between queries that come one by one", async () => {
    const server = await open([four], echoPlane());
    const { port } = server.listeners[0]!;
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const child = spawn(process.execPath, ["-e", ONE_BY_ONE, String(port)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [answered] = (await once(child.stdout, "data")) as [Buffer];
    clearInterval(timer);
    expect(Number(answered)).toBe(30);
    // Without an end after 100 ms: two or three, when no query comes any more.
    expect(turns).toBeGreaterThan(4);
  });

  it.each([
    ["ends its turn after the batch in which the bell rings", true, 1, 64],
    ["answers batch after batch in one turn otherwise", false, 65, 300],
  ])("%s", async (_what, rings, least, most) => {
    const dead = await open([four], echoPlane());
    (dead as unknown as { closed: boolean }).closed = true;
    opened.pop();
    const [listener] = dead.listeners as [Listener];
    const socket = createSocket("udp4");
    for (let sent = 0; sent < 300; sent++)
      await new Promise((resolve) => socket.send(Uint8Array.of(0), listener.port, listener.host, resolve));
    socket.close();
    const plane = echoPlane();
    const { answer } = plane;
    let answeredByTurn = 0;
    plane.answer = (...message) => {
      if (plane.asked.length === 0) {
        setImmediate(() => {
          answeredByTurn = plane.asked.length;
        });
        if (rings) Atomics.add(words, WORD_BELL, 1);
      }
      return answer(...message);
    };
    await open([listener], plane);
    await expect.poll(() => answeredByTurn).toBeGreaterThan(0);
    expect(answeredByTurn).toBeGreaterThanOrEqual(least);
    expect(answeredByTurn).toBeLessThanOrEqual(most);
  });

  it("closes its sockets", async () => {
    const server = await open([four], echoPlane());
    server.close();
    expect([...descriptors].every((word) => word === 0)).toBe(true);
    await expect(askUdp(server.listeners[0]!, new Uint8Array([1]), 200)).resolves.toBeNull();
  });
});
