import { createSocket, type Socket } from "node:dgram";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, expect, test } from "vitest";
import { exchangeTcp, exchangeUdp } from "./exchange.ts";

const QUERY = Uint8Array.of(0x12, 0x34, 1, 2, 3);
const REPLY = Buffer.from([0x12, 0x34, 9]);
const STRANGER = Buffer.from([0x12, 0x35, 9]);

const open: (Socket | Server)[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

async function udpServer(answer: (query: Buffer, times: number, reply: (octets: Buffer) => void) => void) {
  const socket = createSocket("udp4");
  open.push(socket);
  let times = 0;
  socket.on("message", (query, from) =>
    answer(query, ++times, (octets) => socket.send(octets, from.port, from.address)),
  );
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { host: "127.0.0.1", port: socket.address().port };
}

async function tcpServer(answer: (query: Buffer) => Buffer[] | null) {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (query) => {
      const chunks = answer(query);
      if (chunks === null) socket.end();
      else for (const chunk of chunks) socket.write(chunk);
    });
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

test("UDP: the reply with the query's id; another id is not it", async () => {
  const server = await udpServer((query, _times, reply) => {
    expect([...query]).toEqual([...QUERY]);
    reply(STRANGER);
    reply(REPLY);
  });
  expect(await exchangeUdp(QUERY, server)).toEqual(REPLY);
});

test("UDP: a lost datagram is asked again", async () => {
  const server = await udpServer((_query, times, reply) => times === 3 && reply(REPLY));
  expect(await exchangeUdp(QUERY, server, 20)).toEqual(REPLY);
});

test("UDP: null after three tries without a reply", async () => {
  let asked = 0;
  const server = await udpServer((_query, times) => {
    asked = times;
  });
  expect(await exchangeUdp(QUERY, server, 20)).toBeNull();
  expect(asked).toBe(3);
});

test("UDP: a closed port is an error, not silence", async () => {
  const server = await udpServer(() => undefined);
  await new Promise<void>((resolve) => (open.pop() as Socket).close(resolve));
  await expect(exchangeUdp(QUERY, server)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("TCP: a reply in pieces, behind one with another id", async () => {
  const server = await tcpServer((query) => {
    expect([...query]).toEqual([0, QUERY.length, ...QUERY]);
    return [Buffer.from([0]), Buffer.from([3, ...STRANGER, 0, 3, 0x12]), REPLY.subarray(1)];
  });
  expect(Buffer.from((await exchangeTcp(QUERY, server))!)).toEqual(REPLY);
});

test("TCP: null when the server closes, or stays silent", async () => {
  expect(await exchangeTcp(QUERY, await tcpServer(() => null))).toBeNull();
  expect(await exchangeTcp(QUERY, await tcpServer(() => []), 20)).toBeNull();
});
