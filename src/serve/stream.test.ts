import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { askAll, askTcp, frame, openStream as openClient } from "../../test/support/dns-client.ts";
import { onOctets } from "../../test/support/plane.ts";
import { allocateCounters, counterNames, readCounters } from "../counters.ts";
import { createClient } from "../policy/client.ts";
import type { Listener } from "./listener.ts";
import type { Plane } from "./plane.ts";
import { addressKey, openStream, STREAM_DEFAULTS, type StreamOptions, type StreamServer } from "./stream.ts";

const four: Listener = { host: "127.0.0.1", port: 0, family: 4 };
const six: Listener = { host: "::1", port: 0, family: 6 };
const opened: StreamServer[] = [];
const clients: Socket[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  for (const server of opened.splice(0)) server.close();
});

interface Tested {
  server: StreamServer;
  port: number;
  asked: string[];
  counter: (name: string) => number;
  /** Resolves once the counter has reached the value. */
  reaches: (name: string, value: number) => Promise<void>;
}

/** Echoes; a message that starts with 0 gets no reply, one that starts with 255 gets the longest. */
async function serve(options: Partial<StreamOptions> = {}, listeners = [four]): Promise<Tested> {
  const asked: string[] = [];
  const client = createClient();
  const counters = allocateCounters();
  const plane: Plane = {
    client,
    clockS: new Uint32Array(1),
    counters,
    log: () => undefined,
    answer: onOctets((packet, length, out) => {
      asked.push(`${client.resolverFamily} ${Buffer.from(client.resolverAddress).toString("hex")}`);
      if (packet[0] === 0) return 0;
      out.set(packet.subarray(0, length));
      if (packet[0] !== 255) return length;
      out.fill(7, length, 65_535);
      return 65_535;
    }),
  };
  const server = await openStream(listeners, plane, { ...STREAM_DEFAULTS, ...options });
  if ("failures" in server) throw new Error(JSON.stringify(server.failures));
  opened.push(server);
  const counter = (name: string): number => readCounters([counters])[counterNames.indexOf(name)]!;
  return {
    server,
    port: server.listeners[0]!.port,
    asked,
    counter,
    reaches: async (name, value) => {
      const deadline = Date.now() + 5000;
      while (counter(name) < value) {
        if (Date.now() > deadline) throw new Error(`${name} is ${counter(name)}, not ${value}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

/** A socket that does with octets what the test wants. */
async function raw(port: number, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ port, host, noDelay: true, allowHalfOpen: true });
  socket.on("error", () => undefined);
  clients.push(socket);
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

const ended = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.resume();
    socket.once("close", () => resolve());
    socket.once("end", () => {
      socket.destroy();
    });
  });

const message = (length: number, first = 1): Uint8Array => {
  const octets = new Uint8Array(length).fill(5);
  octets[0] = first;
  return octets;
};

const SHORT = { idleMs: 100, messageMs: 100, stallMs: 100 };

describe("openStream", () => {
  it("answers on several listeners, IPv4 and IPv6, and tells who asks", async () => {
    const { server, asked, reaches } = await serve({}, [four, six]);
    for (const { host, port } of server.listeners)
      expect(await askTcp({ host, port }, message(20))).toEqual(message(20));
    expect(asked).toEqual([`4 7f000001${"0".repeat(24)}`, `6 ${"1".padStart(32, "0")}`]);
    await reaches("streams_closed.peer", 2);
  });

  it("a port that is taken is a failure, and nothing stays open", async () => {
    const { server } = await serve();
    const taken = server.listeners[0]!;
    const plane = { counters: allocateCounters() } as Plane;
    const outcome = await openStream([six, taken], plane);
    expect(outcome).toEqual({ failures: [{ listener: taken, transport: "tcp", code: "EADDRINUSE" }] });
  });

  it("1,000 pipelined queries are all answered, in order (bad input 42)", async () => {
    const { port, asked } = await serve();
    const packets = Array.from({ length: 1000 }, (_, i) => {
      const packet = message(30);
      packet[1] = i >> 8;
      packet[2] = i & 255;
      return packet;
    });
    expect(await askAll({ port }, packets, 1000)).toEqual(packets);
    expect(asked).toHaveLength(1000);
  });

  it("long replies to pipelined queries come whole, however slowly they are read", async () => {
    const { port } = await serve();
    const client = await raw(port);
    const queries = Buffer.concat(Array.from({ length: 100 }, () => frame(message(12, 255))));
    client.pause();
    client.write(queries);
    let octets = 0;
    const done = new Promise<void>((resolve) => {
      client.on("data", (chunk) => {
        octets += chunk.length;
        client.pause();
        setImmediate(() => client.resume());
        if (octets >= 100 * 65_537) resolve();
      });
    });
    client.resume();
    await done;
    expect(octets).toBe(100 * 65_537);
  });

  it("answers a message that comes octet by octet", async () => {
    const { port } = await serve();
    const client = await raw(port);
    const reply = new Promise<Buffer>((resolve) => client.once("data", resolve));
    for (const octet of frame(message(14))) {
      client.write(new Uint8Array([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(new Uint8Array(await reply)).toEqual(frame(message(14)));
  });

  it("answers what a peer asked before it sent FIN, then closes", async () => {
    const { port, reaches } = await serve();
    const client = await raw(port);
    const got: Buffer[] = [];
    client.on("data", (chunk) => got.push(chunk));
    const closed = ended(client);
    client.end(Buffer.concat([frame(message(20)), frame(message(21))]));
    await closed;
    expect(Buffer.concat(got).length).toBe(22 + 23);
    await reaches("streams_closed.peer", 1);
  });

  it.each([0, 1, 11])("length %i closes, after the replies before it (bad input 39)", async (length) => {
    const { port, reaches } = await serve();
    const client = await raw(port);
    const got: Buffer[] = [];
    client.on("data", (chunk) => got.push(chunk));
    const closed = ended(client);
    client.write(Buffer.concat([frame(message(20)), new Uint8Array([0, length])]));
    await closed;
    expect(new Uint8Array(Buffer.concat(got))).toEqual(frame(message(20)));
    await reaches("streams_closed.length", 1);
  });

  it("an octet now and then does not keep a connection (bad input 40)", async () => {
    const { port, reaches } = await serve({ timeouts: { ...SHORT, idleMs: 60_000 } });
    const client = await raw(port);
    const sender = setInterval(() => client.write(new Uint8Array([0])), 20);
    client.write(new Uint8Array([1, 0]));
    await ended(client);
    clearInterval(sender);
    await reaches("streams_closed.slow_message", 1);
  });

  it("a peer that never reads is no longer read from, and closed (bad input 41)", async () => {
    const { port, asked, reaches } = await serve({ timeouts: { ...SHORT, idleMs: 60_000 } });
    const client = await raw(port);
    client.pause();
    client.write(Buffer.concat(Array.from({ length: 2000 }, () => frame(message(12, 255)))));
    await reaches("streams_closed.stalled", 1);
    expect(asked.length).toBeLessThan(2000);
    expect(asked.length).toBeGreaterThan(1);
  });

  it("an idle connection is closed, also when its messages want no reply", async () => {
    const { port, reaches, counter } = await serve({ timeouts: { ...SHORT, messageMs: 60_000 } });
    const silent = await raw(port);
    const dropped = await raw(port);
    dropped.write(frame(message(12, 0)));
    await Promise.all([ended(silent), ended(dropped)]);
    await reaches("streams_closed.idle", 2);
    expect(counter("streams_accepted")).toBe(2);
  });

  it("over the limit the longest idle connection goes (bad input 43)", async () => {
    const { port, reaches, server } = await serve({ maxConnections: 3 });
    const [first, second, third] = [
      await openClient({ port }),
      await openClient({ port }),
      await openClient({ port }),
    ];
    for (const client of [second, first]) {
      client.send(message(20));
      await client.receive();
    }
    const fourth = await openClient({ port });
    await third.closed;
    await reaches("streams_closed.limit", 1);
    expect(server.size()).toBe(3);
    for (const client of [first, second, fourth]) {
      client.send(message(20));
      expect(await client.receive()).toEqual(message(20));
      client.close();
    }
  });

  it("an address over its share loses its own longest idle connection, nobody else's (bad input 43)", async () => {
    const { server, reaches } = await serve({ maxPerAddress: 2 }, [four, six]);
    const [v4, v6] = server.listeners as [Listener, Listener];
    const other = await openClient(v6);
    const own = [await openClient(v4), await openClient(v4), await openClient(v4)];
    await own[0]!.closed;
    await reaches("streams_closed.limit", 1);
    expect(server.size()).toBe(3);
    for (const client of [other, own[1]!, own[2]!]) {
      client.send(message(20));
      expect(await client.receive()).toEqual(message(20));
      client.close();
    }
  });

  it("a reset in the middle of replies ends that connection only (bad input 44)", async () => {
    const { port, reaches } = await serve();
    const victim = await raw(port);
    const other = await openClient({ port });
    victim.write(Buffer.concat(Array.from({ length: 500 }, () => frame(message(12, 255)))));
    victim.once("data", () => victim.resetAndDestroy());
    await reaches("streams_closed.error", 1);
    other.send(message(20));
    expect(await other.receive()).toEqual(message(20));
    other.close();
  });

  it("closing ends every connection and frees the port", async () => {
    const { server, port, reaches } = await serve();
    const client = await openClient({ port });
    client.send(message(20));
    await client.receive();
    server.close();
    await client.closed;
    await reaches("streams_closed.stop", 1);
    expect(server.size()).toBe(0);
    await expect(openClient({ port })).rejects.toThrow("ECONNREFUSED");
  });
});

it("IPv6 addresses of one /64 count as one", () => {
  expect(addressKey("192.0.2.1", "IPv4")).toBe("192.0.2.1");
  expect(addressKey("2001:db8:1:2:3::4", "IPv6")).toBe(addressKey("2001:db8:1:2::", "IPv6"));
  expect(addressKey("2001:db8:1:3::", "IPv6")).not.toBe(addressKey("2001:db8:1:2::", "IPv6"));
});
