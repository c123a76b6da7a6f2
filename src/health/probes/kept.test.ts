import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeCertificate } from "../../../test/support/certificates.ts";
import { listenOn, realClock, targetOf } from "../../../test/support/probing.ts";
import type { ProbeResult, RunningProbe, StartProbe } from "../probe.ts";
import { reasonText } from "../reasons.ts";
import { closeIdle } from "./connection.ts";
import { prepareProbeTrusting } from "./prepare.ts";

const authority = makeCertificate({ name: "authority" });
const prepare = prepareProbeTrusting(authority.cert);
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

let closers: (() => void)[];
/** For each connection, in their order: the requests that came on it. */
let connections: string[][];
let sockets: Socket[];
/** What is answered to a request; undefined: the connection is closed without a word. */
let answer: (connection: number, request: number) => string | undefined;

beforeEach(() => {
  closers = [];
  connections = [];
  sockets = [];
  answer = () => OK;
});

afterEach(() => {
  for (const close of closers) close();
});

function onConnection(socket: Socket): void {
  const number = connections.push([]) - 1;
  sockets.push(socket);
  socket.on("error", () => {});
  socket.on("data", (octets) => {
    const requests = connections[number]!;
    requests.push(octets.toString("latin1"));
    const text = answer(number, requests.length - 1);
    if (text === undefined) socket.destroy();
    else if (/^Connection: close/im.test(requests.at(-1)!)) socket.end(text);
    else socket.write(text);
  });
}

const listen = (server: Server = createServer(onConnection)): Promise<number> => listenOn(server, closers);

function probe(port: number, more: object = {}, row = 2): StartProbe {
  const check = { type: "http", port, path: "/", host: "", verify: true, expectStatus: [], expectBody: "" };
  const start = prepare({ ...targetOf({ ...check, reuse: 3, ...more } as never), row }, realClock);
  closers.push(() => start.release?.());
  return start;
}

function run(start: StartProbe, act: (running: RunningProbe) => void = () => {}): Promise<ProbeResult> {
  return new Promise((resolve) => act(start(resolve)));
}

async function runs(start: StartProbe, count: number): Promise<string[]> {
  const reasons: string[] = [];
  for (let i = 0; i < count; i++) reasons.push(reasonText((await run(start)).reason));
  return reasons;
}

const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
const perConnection = (): number[] => connections.map((requests) => requests.length);

describe("connections that are kept", () => {
  it("serve `reuse` probes, and say with the last one that they end", async () => {
    const start = probe(await listen());
    expect(await runs(start, 9)).toEqual(Array(9).fill("ok"));
    expect(perConnection()).toEqual([3, 3, 3]);
    for (const requests of connections)
      expect(requests.map((request) => /^Connection: (.*)/m.exec(request)?.[1])).toEqual([
        undefined,
        undefined,
        "close",
      ]);
  });

  it("end at different times for different targets", async () => {
    const port = await listen();
    for (const row of [0, 1, 2]) {
      connections = [];
      await runs(probe(port, {}, row), 4);
      expect(perConnection()[0]).toBe(row + 1);
    }
  });

  it("have no phases before the request: nothing was opened", async () => {
    const start = probe(await listen());
    const [first, second] = [await run(start), await run(start)];
    expect(first.connectMs).toBeGreaterThan(0);
    expect([second.connectMs, second.tlsMs]).toEqual([-1, -1]);
    expect(second.firstOctetMs).toBeGreaterThan(0);
  });

  it("within TLS too, with one handshake", async () => {
    const { cert, key } = makeCertificate({ name: "o", issuer: authority, hosts: ["127.0.0.1"] });
    const port = await listen(createTlsServer({ cert, key }, onConnection));
    const start = probe(port, { type: "https" });
    expect(await runs(start, 6)).toEqual(Array(6).fill("ok"));
    expect(perConnection()).toEqual([3, 3]);
  });

  it.each([
    [
      "chunks, the expected text before the last",
      "Transfer-Encoding: chunked\r\n\r\n3\r\nokk\r\n0\r\nX: y\r\n\r\n",
      1,
    ],
    ["a body of known length, the expected text first", "Content-Length: 5\r\n\r\nok...", 1],
    ["a body that ends with the connection", "\r\nok", 3],
    ["Connection: close", "Content-Length: 2\r\nConnection: Close\r\n\r\nok", 3],
    ["more than was asked for", "Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", 3],
  ])("after %s: %s connections", async (_what, rest, count) => {
    const isOpenEnd = !/-Length|chunked/.test(rest);
    answer = (number) => {
      if (isOpenEnd) setImmediate(() => sockets[number]!.end());
      return `HTTP/1.1 200 OK\r\n${rest}`;
    };
    const start = probe(await listen(), { expectBody: "ok" });
    expect(await runs(start, 3)).toEqual(["ok", "ok", "ok"]);
    expect(connections).toHaveLength(count as number);
  });

  it("HTTP/1.0 keeps none", async () => {
    answer = () => OK.replace("1.1", "1.0");
    await runs(probe(await listen()), 2);
    expect(connections).toHaveLength(2);
  });

  it("that fail are not the target's failure: asked again at once on a fresh one", async () => {
    answer = (_connection, request) => (request === 0 ? OK : undefined);
    const start = probe(await listen());
    expect(await runs(start, 3)).toEqual(["ok", "ok", "ok"]);
    expect(perConnection()).toEqual([2, 2, 1]);
  });

  it("a failure on the fresh one counts", async () => {
    answer = (connection) => (connection === 0 ? OK : undefined);
    const start = probe(await listen());
    expect(await run(start)).toMatchObject({ ok: true });
    // What answers well on the old connection goes on doing so; then it is renewed.
    answer = () => undefined;
    expect(reasonText((await run(start)).reason)).toBe("closed");
    expect(connections).toHaveLength(2);
  });

  it("an answer that is a failure is asked for again too, once", async () => {
    answer = (connection) =>
      connection === 0 && connections[0]!.length === 1 ? OK : OK.replace("200", "503");
    const start = probe(await listen());
    expect(await runs(start, 2)).toEqual(["ok", "status-503"]);
    expect(perConnection()).toEqual([2, 1]);
  });

  it("share one deadline with the second attempt, and are not asked again after it", async () => {
    answer = (_connection, request) => (request === 0 ? OK : "");
    const start = probe(await listen());
    await run(start);
    const result = await run(start, (running) => setTimeout(() => running.expire(), 30));
    expect(reasonText(result.reason)).toBe("timeout-headers");
    expect(perConnection()).toEqual([2]);
  });

  it("whose answer satisfies but does not end are up at the deadline, and closed", async () => {
    answer = () => OK.replace("2\r\n", "9\r\n");
    const start = probe(await listen(), { expectBody: "ok" });
    const result = await run(start, (running) => setTimeout(() => running.expire(), 30));
    expect(result.ok).toBe(true);
    await run(start, (running) => setTimeout(() => running.expire(), 30));
    expect(perConnection()).toEqual([1, 1]);
  });

  it("closed by the server in between cost nothing", async () => {
    const start = probe(await listen());
    await run(start);
    sockets[0]!.end();
    await soon();
    expect(await runs(start, 1)).toEqual(["ok"]);
    expect(perConnection()).toEqual([1, 1]);
  });

  it("that speak unasked are closed", async () => {
    const start = probe(await listen());
    await run(start);
    sockets[0]!.write(OK.replace("200", "500"));
    await soon();
    expect(await runs(start, 1)).toEqual(["ok"]);
    expect(perConnection()).toEqual([1, 1]);
  });

  it("are given back with their target, by a cancelled probe, and when descriptors run out", async () => {
    const port = await listen();
    const ended = (number: number): Promise<unknown> =>
      new Promise((resolve) => sockets[number]!.once("close", resolve));
    const start = probe(port);
    await run(start);
    const first = ended(0);
    start.release?.();
    await first;
    await run(start);
    const second = ended(1);
    answer = () => "";
    start(() => expect.unreachable()).cancel();
    await second;
    answer = () => OK;
    await run(start);
    const third = ended(2);
    closeIdle();
    await third;
  });
});
