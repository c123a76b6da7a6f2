import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { ServerAddress } from "./arguments.ts";

/** As dig: a lost datagram is asked again twice before giving up. */
const UDP_TRIES = 3;
const TRY_TIMEOUT_MS = 2_000;

/**
 * Sends a query over UDP and waits for the reply with its ID.
 *
 * @returns the reply, or null after three tries of `timeoutMs` each; rejects with the system's error where there is one.
 */
export async function exchangeUdp(
  query: Uint8Array,
  server: ServerAddress,
  timeoutMs = TRY_TIMEOUT_MS,
): Promise<Uint8Array | null> {
  const socket = createSocket(server.host.includes(":") ? "udp6" : "udp4");
  try {
    return await new Promise((resolve, reject) => {
      let tries = 0;
      let timer: NodeJS.Timeout;
      const send = (): void => {
        if (tries++ === UDP_TRIES) resolve(null);
        else {
          socket.send(query, (error) => error !== null && reject(error));
          timer = setTimeout(send, timeoutMs);
        }
      };
      socket.on("error", reject);
      socket.on("message", (reply) => {
        if (!sameId(reply, query)) return;
        clearTimeout(timer);
        resolve(reply);
      });
      // Connected, so that an ICMP "port unreachable" comes back as ECONNREFUSED instead of silence.
      socket.connect(server.port, server.host, send);
    });
  } finally {
    socket.close();
  }
}

/**
 * Sends a query over TCP (RFC 1035 section 4.2.2) and waits for the reply with its ID.
 *
 * @returns the reply, or null when the server closes without one or `timeoutMs` has passed.
 */
export function exchangeTcp(
  query: Uint8Array,
  server: ServerAddress,
  timeoutMs = TRY_TIMEOUT_MS,
): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    const socket = connect(server.port, server.host, () => {
      socket.write(Uint8Array.of(query.length >> 8, query.length & 0xff, ...query));
    });
    const deadline = setTimeout(() => socket.destroy(), timeoutMs);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
        const end = received.readUInt16BE(0) + 2;
        const reply = received.subarray(2, end);
        received = received.subarray(end);
        if (!sameId(reply, query)) continue;
        resolve(reply);
        socket.destroy();
        return;
      }
    });
    socket.on("error", reject);
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(deadline);
      resolve(null);
    });
  });
}

function sameId(reply: Uint8Array, query: Uint8Array): boolean {
  return reply[0] === query[0] && reply[1] === query[1];
}
