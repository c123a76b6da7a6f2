import { allocateCounters } from "../counters.ts";
import { createClient } from "../policy/client.ts";
import { exchangeBatch } from "./batch.ts";
import { type Kernel, lastErrorName, loadKernel, MSG_DONTWAIT, MSG_WAITFORONE } from "./kernel.ts";
import type { Listener } from "./listener.ts";
import {
  createMessageBlock,
  type MessageBlock,
  makeRoom,
  nameAt,
  receivedLength,
  setReplyLength,
} from "./message-block.ts";
import type { Plane } from "./plane.ts";
import { addressLength, readSocketAddress, writeSocketAddress } from "./socket-address.ts";
import { createOptionBlock, openUdpSocket, type UdpSocket } from "./udp-sockets.ts";

const LOOPBACK: Listener = { host: "127.0.0.1", port: 0, family: 4 };
const ANY: Listener = { host: "0.0.0.0", port: 0, family: 4 };
const BUFFER_OCTETS = 65_536;
/** Lengths of the datagrams that are sent: different ones, so that a wrong offset shows. */
const LENGTHS = [17, 400, 33];

/**
 * Whether batched UDP works on this host: null, or why not. Asks an echo server of its own on loopback, bound to one
 * address and to any: what comes back has gone through every structure that message-block.ts lays out.
 */
export async function checkBatch(): Promise<string | null> {
  const kernel = await loadKernel();
  return typeof kernel === "string" ? kernel : (checkSocket(kernel, LOOPBACK) ?? checkSocket(kernel, ANY));
}

function checkSocket(kernel: Kernel, listener: Listener): string | null {
  const options = createOptionBlock(kernel);
  const opened: UdpSocket[] = [];
  try {
    for (const each of [listener, LOOPBACK]) {
      const socket = openUdpSocket(kernel, options, each, false, BUFFER_OCTETS);
      if (!("fd" in socket)) return `a socket cannot be had: ${socket.code}`;
      opened.push(socket);
    }
    return echo(kernel, opened[0]!, opened[1]!);
  } finally {
    for (const { fd } of opened) kernel.close(fd);
  }
}

function echo(kernel: Kernel, server: UdpSocket, client: UdpSocket): string | null {
  const asking = createMessageBlock(kernel, addressLength(4), false);
  const serving = createMessageBlock(kernel, addressLength(4), server.wildcard);
  const target = { ...LOOPBACK, port: server.listener.port };
  for (const [slot, length] of LENGTHS.entries()) writeQuestion(asking, slot, length, target);
  if (kernel.sendmmsg(client.fd, asking.headers[0]!, LENGTHS.length, 0) !== LENGTHS.length)
    return `sendmmsg failed: ${lastErrorName(kernel)}`;
  makeRoom(asking, LENGTHS.length, false);
  const plane = echoPlane();
  let answered = 0;
  for (let round = 0; round < LENGTHS.length && answered < LENGTHS.length; round++)
    answered += exchangeBatch(kernel, serving, server.fd, 4, server.wildcard, MSG_WAITFORONE, plane);
  if (answered !== LENGTHS.length) return `recvmmsg failed: ${lastErrorName(kernel)}`;
  const asked = readSocketAddress(new DataView(serving.octets.buffer, nameAt(0)));
  if (asked.port !== client.listener.port) return "recvmmsg does not tell who asks";
  const received = kernel.recvmmsg(client.fd, asking.headers[0]!, LENGTHS.length, MSG_DONTWAIT, null);
  if (received !== LENGTHS.length) return "replies do not come back";
  return LENGTHS.every((length, slot) => isEcho(asking, slot, length, target))
    ? null
    : "recvmmsg and sendmmsg lay out their structures in another way";
}

function writeQuestion(block: MessageBlock, slot: number, length: number, target: Listener): void {
  writeSocketAddress(target, new DataView(block.octets.buffer, nameAt(slot)));
  const packet = block.messages[slot]!;
  for (let at = 0; at < length; at++) packet.setUint8(at, (slot * 31 + at) & 255);
  setReplyLength(block, slot, length);
}

function isEcho(block: MessageBlock, slot: number, length: number, from: Listener): boolean {
  const { host, port } = readSocketAddress(new DataView(block.octets.buffer, nameAt(slot)));
  if (host !== from.host || port !== from.port || receivedLength(block, slot) !== length) return false;
  const packet = block.messages[slot]!;
  for (let at = 0; at < length; at++) if (packet.getUint8(at) !== ((slot * 31 + at) & 255)) return false;
  return true;
}

function echoPlane(): Plane {
  return {
    client: createClient(),
    clockS: new Uint32Array(1),
    counters: allocateCounters(),
    log: () => undefined,
    answer: (packet, length, out) => {
      for (let at = 0; at < length; at++) out.setUint8(at, packet.getUint8(at));
      return length;
    },
  };
}
