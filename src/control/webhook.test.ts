import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { retryAfterMs, sendWebhook, type WebhookRequest } from "./webhook.ts";

let server: Server;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let got: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[];
let request: WebhookRequest;

beforeEach(async () => {
  got = [];
  answer = (_request, response) => response.end();
  server = createServer((incoming, response) => {
    let body = "";
    incoming.on("data", (octets: Buffer) => {
      body += octets.toString();
    });
    incoming.on("end", () => {
      const { method = "", url = "", headers } = incoming;
      got.push({ method, url, headers, body });
      answer(incoming, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const headers = { authorization: "Bearer x" };
  request = {
    url: `http://127.0.0.1:${port}/api/v2/alerts?a=b`,
    headers,
    body: '{"text":"für"}',
    timeoutMs: 2000,
  };
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

describe("sendWebhook, against a real server", () => {
  test("posts JSON with its headers", async () => {
    expect(await sendWebhook(request)).toEqual({ outcome: "sent" });
    expect(got).toMatchObject([
      {
        method: "POST",
        url: "/api/v2/alerts?a=b",
        body: '{"text":"für"}',
        headers: { authorization: "Bearer x", "content-type": "application/json", "content-length": "15" },
      },
    ]);
  });

  test.each([
    [204, "sent"],
    [301, "refused"],
    [400, "refused"],
    [401, "refused"],
    [408, "again"],
    [429, "again"],
    [500, "again"],
    [503, "again"],
  ])("status %i: %s", async (status, outcome) => {
    answer = (_request, response) => response.writeHead(status, { location: "http://127.0.0.1:1/" }).end();
    expect(await sendWebhook(request)).toMatchObject({ outcome });
    expect(got.length).toBe(1);
  });

  test("a receiver that says when it can be asked again is heeded", async () => {
    answer = (_request, response) => response.writeHead(429, { "retry-after": "120" }).end();
    expect(await sendWebhook(request)).toEqual({ outcome: "again", why: "status 429", afterMs: 120_000 });
    answer = (_request, response) => response.writeHead(503, { "retry-after": "soon" }).end();
    expect(await sendWebhook(request)).toEqual({ outcome: "again", why: "status 503" });
    answer = (_request, response) => response.writeHead(400, { "retry-after": "120" }).end();
    expect(await sendWebhook(request)).toEqual({ outcome: "refused", why: "status 400" });
  });

  test("that hangs: the deadline ends it; that recovers: it is taken", async () => {
    answer = () => undefined;
    const begin = performance.now();
    const quick = { ...request, timeoutMs: 150 };
    expect(await sendWebhook(quick)).toEqual({ outcome: "again", why: "no response within 150 ms" });
    expect(performance.now() - begin).toBeLessThan(1900);
    answer = (_request, response) => response.end();
    expect(await sendWebhook(request)).toEqual({ outcome: "sent" });
  });

  test("a body without end is not read", async () => {
    answer = (_request, response) => {
      const more = (): void => {
        while (response.write("x".repeat(65_536)));
        response.once("drain", more);
      };
      more();
    };
    expect(await sendWebhook(request)).toEqual({ outcome: "sent" });
  });

  test("resets, garbage and nobody there: again, and why", async () => {
    answer = (_request, response) => void response.destroy();
    expect(await sendWebhook(request)).toMatchObject({ outcome: "again", why: "ECONNRESET" });
    const garbage = createTcpServer((socket) => {
      socket.on("error", () => undefined).resume();
      socket.end("garbage\r\n\r\n");
    });
    await new Promise<void>((resolve) => garbage.listen(0, "127.0.0.1", resolve));
    const { port } = garbage.address() as AddressInfo;
    expect(await sendWebhook({ ...request, url: `http://127.0.0.1:${port}/` })).toMatchObject({
      outcome: "again",
    });
    await new Promise((resolve) => garbage.close(resolve));
    expect(await sendWebhook({ ...request, url: `http://127.0.0.1:${port}/` })).toMatchObject({
      outcome: "again",
      why: "ECONNREFUSED",
    });
  });

  test("https to a server without TLS: again, and why", async () => {
    const url = request.url.replace("http:", "https:");
    expect(await sendWebhook({ ...request, url })).toMatchObject({
      outcome: "again",
      why: expect.stringMatching(/SSL|EPROTO/),
    });
  });
});

test("Retry-After is seconds, or a date that may have passed", () => {
  const nowMs = Date.UTC(2026, 10, 21, 12, 0, 0);
  const after = (text: string | undefined): number | null => retryAfterMs(text, nowMs);
  expect(["0", "120", "Sat, 21 Nov 2026 12:01:30 GMT", "Sat, 21 Nov 2026 11:00:00 GMT"].map(after)).toEqual([
    0, 120_000, 90_000, 0,
  ]);
  expect(["", "-5", "1.5e3", "soon", undefined].map(after)).toEqual([null, null, null, null, null]);
});
