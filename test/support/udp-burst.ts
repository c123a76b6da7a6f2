import { createSocket } from "node:dgram";
import type { ServerAddress } from "./dns-client.ts";

/** Queries under way: fewer than a socket's buffer holds. */
const WINDOW = 64;
/** Silence after which what is under way counts as lost, and is asked again. */
const SILENCE_MS = 500;

/**
 * Sends a query again and again from one address, WINDOW at a time, and hands every reply to `onReply` until there were
 * `count` of them. Rejects when five silences came one after the other.
 */
export function askAgain(
  server: ServerAddress,
  packet: Uint8Array,
  count: number,
  onReply: (reply: Buffer) => void,
  from = "127.0.0.1",
): Promise<void> {
  const socket = createSocket("udp4");
  let replies = 0;
  let silences = 0;
  const send = (): void => socket.send(packet, server.port, server.host ?? "127.0.0.1");
  return new Promise((resolve, reject) => {
    const finish = (error: Error | null): void => {
      clearTimeout(timer);
      socket.close();
      if (error === null) resolve();
      else reject(error);
    };
    const start = (): void => {
      for (let i = 0; i < Math.min(WINDOW, count - replies); i++) send();
    };
    const timer = setInterval(() => {
      silences++;
      if (silences === 5) finish(new Error(`${replies} of ${count} replies`));
      else start();
    }, SILENCE_MS);
    socket.on("error", finish);
    socket.on("message", (reply) => {
      silences = 0;
      timer.refresh();
      onReply(reply);
      replies++;
      if (replies === count) finish(null);
      else if (replies + WINDOW <= count) send();
    });
    socket.bind(0, from, start);
  });
}
