import { EventEmitter } from "node:events";
import { connect, createServer, type OnReadOpts, type Socket } from "node:net";
import { expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import type { ProbeResult } from "../probe.ts";
import { reasonText } from "../reasons.ts";
import { startExchange } from "./exchange.ts";
import { expectationOf } from "./expectation.ts";
import { ResponseReader } from "./response.ts";

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

const anything = expectationOf({ expectStatus: [], expectBody: "" })!;

it.each([
  ["nothing is asked", null, null],
  ["what is asked comes back", Buffer.from("GET / HTTP/1.1\r\n\r\n"), () => new ResponseReader(anything)],
])("a connection to itself is nobody listening: %s", async (_what, request, reader) => {
  const port = await freePort();
  const result = await new Promise<ProbeResult>((resolve) => {
    // Both ends on one port: TCP's simultaneous open joins the socket with itself.
    const where = (onread: OnReadOpts) =>
      connect({ host: "127.0.0.1", port, localAddress: "127.0.0.1", localPort: port, onread });
    startExchange({ where, secure: false, request, reader }, new FakeClock(), resolve);
  });
  expect(reasonText(result.reason)).toBe("refused");
});

/** Runs an exchange on a socket that only says what it is told to. */
function withSocket(secure: boolean, act: (socket: EventEmitter) => void): string[] {
  const socket = Object.assign(new EventEmitter(), { destroy() {}, write() {} });
  const reasons: string[] = [];
  startExchange(
    { where: () => socket as unknown as Socket, secure, request: Buffer.from("x"), reader: null },
    new FakeClock(),
    (result) => reasons.push(reasonText(result.reason)),
  );
  act(socket);
  return reasons;
}

const failure = (code: string): Error => Object.assign(new Error(code), { code });
/** As far as the request being sent. */
const connected = (socket: EventEmitter): void => {
  Object.assign(socket, { localPort: 1, remotePort: 2 });
  socket.emit("connect");
};

it.each([
  ["ECONNREFUSED", "refused"],
  ["ECONNRESET", "refused"],
  ["EHOSTUNREACH", "unreachable"],
  ["ENETUNREACH", "unreachable"],
  ["ETIMEDOUT", "timeout-connect"],
  // Row 73: out of descriptors, ports or memory.
  ["EMFILE", "fd-limit"],
  ["ENFILE", "fd-limit"],
  ["ENOBUFS", "fd-limit"],
])("%s while connecting is %s", (code, reason) => {
  expect(withSocket(false, (socket) => socket.emit("error", failure(code)))).toEqual([reason]);
});

it.each([
  ["ECONNRESET", "reset"],
  ["EPIPE", "reset"],
  ["ETIMEDOUT", "timeout-headers"],
  ["", "reset"],
])("%j after the request is %s", (code, reason) => {
  const act = (socket: EventEmitter): void => {
    connected(socket);
    socket.emit("error", failure(code));
  };
  expect(withSocket(false, act)).toEqual([reason]);
});

it.each([
  ["CERT_HAS_EXPIRED", "tls-expired"],
  ["SELF_SIGNED_CERT_IN_CHAIN", "tls-untrusted"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "tls-handshake"],
  ["ECONNRESET", "reset"],
  ["ETIMEDOUT", "timeout-tls"],
])("%s within the handshake is %s", (code, reason) => {
  const act = (socket: EventEmitter): void => {
    connected(socket);
    socket.emit("error", failure(code));
  };
  expect(withSocket(true, act)).toEqual([reason]);
});

it("whatever the socket says after the result is nobody's concern", () => {
  const act = (socket: EventEmitter): void => {
    socket.emit("error", failure("ECONNREFUSED"));
    connected(socket);
    socket.emit("secureConnect");
    socket.emit("error", failure("EPIPE"));
    socket.emit("end");
    socket.emit("close");
  };
  expect(withSocket(true, act)).toEqual(["refused"]);
});

it("a socket that closes without a word is closed", () => {
  expect(withSocket(false, (socket) => socket.emit("end"))).toEqual(["closed"]);
  expect(withSocket(false, (socket) => socket.emit("close"))).toEqual(["closed"]);
});
