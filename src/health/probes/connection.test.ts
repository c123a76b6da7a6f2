import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import { listenOn } from "../../../test/support/probing.ts";
import { type Connection, type ConnectionUser, closeIdle, openPlain } from "./connection.ts";

let closers: (() => void)[] = [];

afterEach(() => {
  for (const close of closers) close();
  closers = [];
});

/** Says what it hears. */
class Hearer implements ConnectionUser {
  readonly heard: string[] = [];
  onConnect(): void {
    this.heard.push("connect");
  }
  onSecure(): void {}
  onRead(octets: Buffer): boolean {
    this.heard.push(octets.toString());
    return true;
  }
  onError(error: NodeJS.ErrnoException): void {
    this.heard.push(`${error.code}`);
  }
  onEnd(): void {
    this.heard.push("end");
  }
  onClose(): void {
    this.heard.push("close");
  }
}

/** A server that answers each connection with its number, once it is asked. */
function numbering(): Promise<number> {
  let count = 0;
  const server: Server = createServer((socket) => {
    count += 1;
    const number = String(count);
    socket.on("error", () => {});
    socket.on("data", (octets) => (octets.toString() === "bye" ? socket.end() : socket.write(number)));
  });
  return listenOn(server, closers);
}

async function ask(connection: Connection, hearer: Hearer): Promise<void> {
  await once(connection.socket, "connect");
  connection.socket.write("?");
  while (hearer.heard.length < 2) await new Promise(setImmediate);
}

const closed = (connection: Connection): Promise<void> =>
  new Promise((resolve) => {
    connection.socket.once("close", () => resolve());
  });

it("a socket that is let go of opens the next connection, of which its last user hears nothing", async () => {
  const place = { host: "127.0.0.1", port: await numbering(), autoSelectFamily: false };
  const [first, second] = [new Hearer(), new Hearer()];
  const connection = openPlain(place, first);
  await ask(connection, first);
  connection.release();
  await closed(connection);
  const again = openPlain(place, second);
  closers.push(() => again.close());
  expect(again).toBe(connection);
  expect(again.isOpen).toBe(true);
  await ask(again, second);
  expect([first.heard, second.heard]).toEqual([
    ["connect", "1"],
    ["connect", "2"],
  ]);
});

it.each([
  ["is closed by its user", async (connection: Connection) => connection.close()],
  [
    "is closed while nobody uses it, and known to who kept it",
    async (connection: Connection) => {
      connection.keep();
      closeIdle();
    },
  ],
  [
    "has ended, and is let go of then",
    async (connection: Connection) => {
      connection.socket.write("bye");
      await once(connection.socket, "end");
      connection.release();
    },
  ],
])("a socket that %s opens no other", async (_what, end) => {
  const place = { host: "127.0.0.1", port: await numbering(), autoSelectFamily: false };
  const hearer = new Hearer();
  const connection = openPlain(place, hearer);
  await ask(connection, hearer);
  const isClosed = closed(connection);
  await end(connection);
  await isClosed;
  const next = openPlain(place, new Hearer());
  closers.push(() => next.close());
  expect(next).not.toBe(connection);
  expect(connection.isOpen).toBe(false);
});

it("a socket that could not connect opens no other", async () => {
  const hearer = new Hearer();
  const connection = openPlain({ host: "127.0.0.1", port: 1 }, hearer);
  await closed(connection);
  connection.release();
  expect(hearer.heard).toEqual(["ECONNREFUSED", "close"]);
  const next = openPlain({ host: "127.0.0.1", port: 1 }, new Hearer());
  closers.push(() => next.close());
  expect(next).not.toBe(connection);
});

it("a socket that was kept is kept again by its next user, and closed with the idle ones", async () => {
  const place = { host: "127.0.0.1", port: await numbering(), autoSelectFamily: false };
  const hearer = new Hearer();
  const connection = openPlain(place, hearer);
  await ask(connection, hearer);
  connection.keep();
  connection.takeUp(hearer);
  connection.release();
  await closed(connection);
  closeIdle();
  const next = new Hearer();
  const again = openPlain(place, next);
  expect(again).toBe(connection);
  await ask(again, next);
  closeIdle();
  expect(again.isOpen, "in use").toBe(true);
  again.keep();
  const isClosed = closed(again);
  closeIdle();
  expect(again.isOpen, "idle").toBe(false);
  await isClosed;
  expect(next.heard).toEqual(["connect", "2"]);
});
