import { createServer as createH2Server } from "node:http2";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { listenOn, runProbe, targetOf } from "../../../test/support/probing.ts";
import type { LoadSpec } from "../plan.ts";
import { figuresOf, figuresOfHeader } from "./load-figures.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

describe("figures", () => {
  it.each([
    [
      { active_connections: 40, capacity: 200, p99_ms: 12.5, error_rate: 0.01 },
      { connections: 40, capacity: 200, p99Ms: 12.5, errorRate: 0.01 },
    ],
    [
      { active_connections: 0, other: "x" },
      { connections: 0, capacity: -1, p99Ms: -1, errorRate: -1 },
    ],
    [{ active_connections: "40", capacity: 0, p99_ms: -1, error_rate: 1.5 }, null],
    [{ active_connections: Number.NaN }, null],
    [{ p99_ms: Number.POSITIVE_INFINITY }, null],
    [{}, null],
    [[40], null],
    ["active_connections", null],
    [undefined, null],
  ])("in %j", (mapping, report) => {
    expect(figuresOf(mapping)).toEqual(report);
  });

  it("are not inherited", () => {
    expect(figuresOf(Object.create({ capacity: 5 }))).toBeNull();
  });

  it.each([
    ["active_connections=40, capacity=200", { connections: 40, capacity: 200, p99Ms: -1, errorRate: -1 }],
    ["p99_ms=3.25;unit=ms,error_rate=0.5", { connections: -1, capacity: -1, p99Ms: 3.25, errorRate: 0.5 }],
    ["active_connections=-1, capacity=1e9, p99_ms=", null],
    ["__proto__=1, constructor=2", null],
    ["", null],
    [`${"x=1,".repeat(200)}capacity=9`, null],
  ])("in a header %.40s", (text, report) => {
    expect(figuresOfHeader(text)).toEqual(report);
  });
});

describe("a probe", () => {
  const LOAD: LoadSpec = { path: [], header: "", expireMs: 30_000 };
  const BODY = '{"status":"ok","active_connections":40,"capacity":200}';
  const REPORT = { connections: 40, capacity: 200, p99Ms: -1, errorRate: -1 };

  async function probe(body: string, more: object, head = ""): Promise<unknown> {
    const server = createServer((socket) => {
      socket.once("data", () =>
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${head}\r\n${body}`),
      );
    });
    const port = await listenOn(server, closers);
    const check = { type: "http", port, path: "/", host: "", verify: true, expectStatus: [], expectBody: "" };
    const { ok, report } = await runProbe(targetOf({ ...check, load: LOAD, ...more } as never));
    return ok ? report : "down";
  }

  it("brings what the body says, at its top or deeper", async () => {
    expect(await probe(BODY, {})).toEqual(REPORT);
    expect(await probe(`{"a":{"b":${BODY}}}`, { load: { ...LOAD, path: ["a", "b"] } })).toEqual(REPORT);
    expect(await probe(BODY, { expectBody: "ok" })).toEqual(REPORT);
    const expectJson = { statusPath: ["status"], checksPath: ["checks"], healthy: ["ok"] };
    expect(await probe(BODY, { expectJson })).toEqual(REPORT);
  });

  it("brings what a header says", async () => {
    const load = { ...LOAD, header: "x-load" };
    expect(await probe("ok", { load }, "X-Load: active_connections=40, capacity=200\r\n")).toEqual(REPORT);
    expect(await probe(BODY, { load })).toBeUndefined();
  });

  it("is up all the same where nothing is said, and brings nothing when it fails", async () => {
    expect(await probe("no JSON", {})).toBeUndefined();
    expect(await probe(BODY.padStart(6_000), {})).toBeUndefined();
    expect(await probe(BODY, {}, "Content-Encoding: br\r\n")).toEqual(REPORT);
    expect(await probe(BODY, { expectStatus: [204] })).toBe("down");
    expect(await probe(BODY, { load: undefined })).toBeUndefined();
  });

  it("over HTTP/2 does the same", async () => {
    const server = createH2Server();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "x-load": "capacity=7" });
      stream.end(BODY);
    });
    const port = await listenOn(server as never, closers);
    const check = { type: "http2", port, path: "/", host: "", verify: true, tls: false, expectStatus: [] };
    const run = (load: LoadSpec) => runProbe(targetOf({ ...check, expectBody: "", load } as never));
    expect((await run(LOAD)).report).toEqual(REPORT);
    expect((await run({ ...LOAD, header: "x-load" })).report).toMatchObject({ capacity: 7 });
  });
});
