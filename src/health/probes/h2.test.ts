import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createPlainServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Certificate, makeCertificate } from "../../../test/support/certificates.ts";
import { listenOn, runProbe, targetOf } from "../../../test/support/probing.ts";
import type { GrpcSpec, Http2Spec, TlsCheckSpec } from "../plan.ts";
import type { PrepareProbe, RunningProbe } from "../probe.ts";
import { reasonText } from "../reasons.ts";
import { decodeHealthResponse, encodeHealthRequest } from "./grpc.ts";
import { prepareProbeTrusting } from "./prepare.ts";

const closers: (() => void)[] = [];
let authority: Certificate;
let trusting: PrepareProbe;

beforeAll(() => {
  authority = makeCertificate({ name: "steerd test authority" });
  trusting = prepareProbeTrusting(authority.cert);
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type OnStream = (stream: ServerHttp2Stream, headers: Record<string, unknown>) => void;

function listen(server: Http2Server, onStream: OnStream): Promise<number> {
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    onStream(stream, headers);
  });
  server.on("sessionError", () => {});
  return listenOn(server, closers);
}

const plain = (onStream: OnStream): Promise<number> => listen(createServer(), onStream);

function secure(onStream: OnStream, hosts = ["127.0.0.1"], notAfter?: Date): Promise<number> {
  const { cert, key } = makeCertificate({
    name: "origin",
    issuer: authority,
    hosts,
    ...(notAfter === undefined ? {} : { notAfter }),
  });
  const server = createSecureServer({ cert, key });
  server.on("tlsClientError", () => {});
  return listen(server, onStream);
}

const reasonOf = async (...run: Parameters<typeof runProbe>) => reasonText((await runProbe(...run)).reason);

describe("http2", () => {
  const check = (port: number, more: Partial<Http2Spec> = {}) =>
    targetOf({
      ...{ type: "http2", port, path: "/up", host: "", expectStatus: [], expectBody: "" },
      ...{ tls: false, verify: true },
      ...more,
    });

  it("asks once, in the clear with prior knowledge, and judges the answer", async () => {
    let asked: Record<string, unknown> = {};
    const port = await plain((stream, headers) => {
      asked = headers;
      stream.respond({ ":status": 200 });
      stream.end('{"status":"ok"}');
    });
    const result = await runProbe(check(port, { host: "www.example", headers: [["X-A", "b"]] }));
    expect(result).toMatchObject({ ok: true, status: 200, tlsMs: -1 });
    expect(result.connectMs).toBeGreaterThan(0);
    expect(result.firstOctetMs).toBeGreaterThan(result.connectMs);
    expect(asked).toMatchObject({
      ":method": "GET",
      ":path": "/up",
      ":authority": "www.example",
      "accept-encoding": "identity",
      "x-a": "b",
    });
    const expectJson = { statusPath: ["status"], checksPath: ["checks"], healthy: ["ok"] };
    expect(await reasonOf(check(port, { expectJson }))).toBe("ok");
    expect(await reasonOf(check(port, { expectBody: "red" }))).toBe("body-mismatch");
    expect(await reasonOf(check(port, { path: "a b" }))).toBe("request-invalid");
  });

  it("agrees on HTTP/2 within TLS, and verifies the certificate", async () => {
    const port = await secure((stream) => {
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    const result = await runProbe(check(port, { tls: true }), trusting);
    expect(result).toMatchObject({ ok: true, status: 204 });
    expect(result.tlsMs).toBeGreaterThan(result.connectMs);
    expect(await reasonOf(check(port, { tls: true, host: "www.example" }), trusting)).toBe("tls-name");
    expect(await reasonOf(check(port, { tls: true }))).toBe("tls-untrusted");
  });

  it("fails where TLS offers no HTTP/2, and where HTTP/2 is not spoken", async () => {
    const { cert, key } = makeCertificate({ name: "o", issuer: authority, hosts: ["127.0.0.1"] });
    const silent = createTlsServer({ cert, key }, (socket) => socket.on("error", () => {}));
    const other = createTlsServer({ cert, key, ALPNProtocols: ["http/1.1"] });
    other.on("tlsClientError", () => {});
    expect(await reasonOf(check(await listenOn(silent, closers), { tls: true }), trusting)).toBe("tls-no-h2");
    expect(await reasonOf(check(await listenOn(other, closers), { tls: true }), trusting)).toBe("tls-no-h2");
    const http1 = createPlainServer((socket) => {
      socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    expect(await reasonOf(check(await listenOn(http1, closers)))).toBe("malformed");
  });

  it("fails by status and by coding", async () => {
    const port = await plain((stream, headers) => {
      stream.respond(headers[":path"] === "/up" ? { ":status": 503 } : { "content-encoding": "gzip" });
      stream.end("x");
    });
    expect(await reasonOf(check(port))).toBe("status-503");
    expect(await reasonOf(check(port, { path: "/", expectBody: "x" }))).toBe("body-encoded");
  });

  it("row 59: silence before the headers, or within the body, runs into the deadline", async () => {
    const soon = (running: RunningProbe): void => {
      setTimeout(() => running.expire(), 60);
    };
    const silent = await plain(() => {});
    expect(await reasonOf(check(silent), undefined, soon)).toBe("timeout-headers");
    const half = await plain((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("x");
    });
    expect(await reasonOf(check(half), undefined, soon)).toBe("timeout-body");
  });

  it("row 60: an endless body is read to 5,120 octets", async () => {
    let sent = 0;
    const port = await plain((stream) => {
      stream.respond({ ":status": 200 });
      const push = (): void => {
        while (!stream.destroyed && stream.write("y".repeat(10_000))) sent += 10_000;
      };
      stream.on("drain", push);
      push();
    });
    expect(await reasonOf(check(port, { expectBody: "never" }))).toBe("body-mismatch");
    expect(sent).toBeLessThan(20_000_000);
  });

  it("a stream or a session that is reset is a reset, a closed one closed", async () => {
    const reset = await plain((stream) => stream.close(8));
    expect(["reset", "closed"]).toContain(await reasonOf(check(reset)));
    const gone = await plain((stream) => stream.session?.destroy());
    expect(["reset", "closed"]).toContain(await reasonOf(check(gone)));
    const port = await plain(() => {});
    for (const close of closers.splice(0)) close();
    expect(await reasonOf(check(port))).toBe("refused");
  });

  it("reports nothing once cancelled", async () => {
    let count = 0;
    const port = await plain((stream) => stream.respond({ ":status": 200 }, { endStream: true }));
    const { prepareProbe } = await import("./prepare.ts");
    const { realClock } = await import("../../../test/support/probing.ts");
    const running = prepareProbe(check(port), realClock)(() => count++);
    setTimeout(() => running.cancel(), 1);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(count).toBeLessThanOrEqual(1);
  });
});

describe("grpc", () => {
  const check = (port: number, more: Partial<GrpcSpec> = {}) =>
    targetOf({ type: "grpc", port, host: "", service: "", tls: false, verify: true, ...more });

  /** A server that answers each call with a message and a status. */
  function answering(message: number[], status = "0", seen: Buffer[] = []): OnStream {
    return (stream) => {
      stream.on("data", (octets: Buffer) => seen.push(octets));
      stream.on("end", () => {
        stream.respond({ "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
        stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
      });
    };
  }

  it("sends the request that health.proto describes", async () => {
    // HealthCheckRequest { string service = 1; }: tag 1, wire type 2, as in the encoding guide of protocol buffers.
    expect([...encodeHealthRequest("")]).toEqual([0, 0, 0, 0, 0]);
    expect([...encodeHealthRequest("a.B")]).toEqual([0, 0, 0, 0, 5, 0x0a, 3, 0x61, 0x2e, 0x42]);
    expect([...encodeHealthRequest("s".repeat(300)).subarray(0, 8)]).toEqual([
      0, 0, 0, 1, 0x2f, 0x0a, 0xac, 2,
    ]);
    const seen: Buffer[] = [];
    let asked: Record<string, unknown> = {};
    const port = await plain((stream, headers) => {
      asked = headers;
      answering([8, 1], "0", seen)(stream, headers);
    });
    expect(await reasonOf(check(port, { service: "a.B" }))).toBe("ok");
    expect([...Buffer.concat(seen)]).toEqual([...encodeHealthRequest("a.B")]);
    expect(asked).toMatchObject({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
    });
  });

  it.each([
    [[8, 1], "0", "ok"],
    [[8, 2], "0", "grpc-not-serving"],
    [[8, 3], "0", "grpc-service-unknown"],
    [[], "0", "grpc-unknown"],
    [[8, 0], "0", "grpc-unknown"],
    [[8, 200, 1], "0", "grpc-unknown"],
    [[8], "0", "malformed"],
    [[8, 1], "5", "grpc-status-5"],
    [[8, 1], "x", "malformed"],
  ])("message %j with status %s is %s", async (message, status, reason) => {
    expect(await reasonOf(check(await plain(answering(message, status))))).toBe(reason);
  });

  it("reads a status in the headers, and knows what is no gRPC", async () => {
    const absent = await plain((stream) =>
      stream.respond({ "content-type": "application/grpc", "grpc-status": "12" }, { endStream: true }),
    );
    expect(await reasonOf(check(absent))).toBe("grpc-status-12");
    const page = await plain((stream) => {
      stream.respond({ "content-type": "text/html" });
      stream.end("hello");
    });
    expect(await reasonOf(check(page))).toBe("malformed");
    const proxy = await plain((stream) => stream.respond({ ":status": 502 }, { endStream: true }));
    expect(await reasonOf(check(proxy))).toBe("status-502");
    const endless = await plain((stream) => {
      stream.respond({ "content-type": "application/grpc" });
      stream.write(Buffer.alloc(100_000));
    });
    expect(await reasonOf(check(endless))).toBe("malformed");
    const bare = await plain((stream) => {
      stream.respond({ "content-type": "application/grpc" });
      stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
    });
    expect(await reasonOf(check(bare))).toBe("closed");
  });

  it("works within TLS", async () => {
    const port = await secure(answering([8, 1]));
    expect(await reasonOf(check(port, { tls: true }), trusting)).toBe("ok");
    expect(await reasonOf(check(port, { tls: true }))).toBe("tls-untrusted");
  });

  it("skips fields that it does not know", () => {
    expect(decodeHealthResponse(Uint8Array.from([0x12, 2, 9, 9, 8, 1]))).toBe(1);
    expect(
      decodeHealthResponse(Uint8Array.from([0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x1d, 0, 0, 0, 0, 8, 2])),
    ).toBe(2);
    expect(decodeHealthResponse(Uint8Array.from([0x12, 9, 9]))).toBe(-1);
    expect(decodeHealthResponse(Uint8Array.from([0x0b]))).toBe(-1);
    expect(decodeHealthResponse(Uint8Array.from([0]))).toBe(-1);
    expect(decodeHealthResponse(new Uint8Array(20).fill(0xff))).toBe(-1);
  });
});

describe("tls", () => {
  const DAY_MS = 86_400_000;
  const check = (port: number, more: Partial<TlsCheckSpec> = {}) =>
    targetOf({ type: "tls", port, host: "", verify: true, warnDays: 14, ...more });

  function server(daysLeft: number, hosts = ["127.0.0.1"]): Promise<number> {
    const notAfter = new Date(Date.now() + daysLeft * DAY_MS);
    const { cert, key } = makeCertificate({ name: "o", issuer: authority, hosts, notAfter });
    const tls = createTlsServer({ cert, key }, (socket) => socket.on("error", () => {}));
    tls.on("tlsClientError", () => {});
    return listenOn(tls, closers);
  }

  it("warns before the certificate expires, and fails only then", async () => {
    expect(await reasonOf(check(await server(20)), trusting)).toBe("ok");
    const soon = await runProbe(check(await server(13)), trusting);
    expect([soon.ok, reasonText(soon.reason)]).toEqual([true, "tls-expires-soon"]);
    expect(soon.tlsMs).toBeGreaterThan(0);
    expect(await reasonOf(check(await server(13), { warnDays: 0 }), trusting)).toBe("ok");
    const expired = await runProbe(check(await server(-0.01)), trusting);
    expect([expired.ok, reasonText(expired.reason)]).toEqual([false, "tls-expired"]);
  });

  it("https warns too when asked to, and a failure outweighs the warning", async () => {
    const { cert, key } = makeCertificate({ name: "o", issuer: authority, hosts: ["127.0.0.1"] });
    const tls = createTlsServer({ cert, key }, (socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
    });
    const port = await listenOn(tls, closers);
    const https = (more: object) =>
      targetOf({
        ...{ type: "https", port, path: "/", host: "", verify: true, expectStatus: [], expectBody: "" },
        ...more,
      });
    // The certificate has a day to go.
    const soon = await runProbe(https({ warnDays: 2 }), trusting);
    expect([soon.ok, reasonText(soon.reason), soon.status]).toEqual([true, "tls-expires-soon", 200]);
    expect(await reasonOf(https({}), trusting)).toBe("ok");
    expect(await reasonOf(https({ warnDays: 2, expectBody: "red" }), trusting)).toBe("body-mismatch");
  });

  it("row 62: another name, another authority, and no TLS at all: each its own reason", async () => {
    const port = await server(20, ["www.example"]);
    expect(await reasonOf(check(port, { host: "www.example" }), trusting)).toBe("ok");
    expect(await reasonOf(check(port), trusting)).toBe("tls-name");
    expect(await reasonOf(check(port, { host: "www.example" }))).toBe("tls-untrusted");
    expect(await reasonOf(check(port, { verify: false }))).toBe("ok");
    const smtp = createPlainServer((socket) => socket.write("220 smtp ready\r\n"));
    expect(await reasonOf(check(await listenOn(smtp, closers)), trusting)).toBe("tls-handshake");
    const hanging = await listenOn(createPlainServer(), closers);
    const soon = (running: RunningProbe): void => {
      setTimeout(() => running.expire(), 60);
    };
    expect(await reasonOf(check(hanging), trusting, soon)).toBe("timeout-tls");
  });
});
