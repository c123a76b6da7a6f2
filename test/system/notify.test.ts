import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Steerd, startSteerd } from "../support/steerd.ts";

const POLL = { timeout: 20_000, interval: 50 };
const ADDRESS = "127.0.41.1";

interface Alert {
  labels: Record<string, string>;
  startsAt?: string;
  endsAt?: string;
}

let origin: Server;
let receiver: Server;
/** What the receiver was sent, and what it answers. */
let got: { url: string; body: unknown }[];
let mode: "takes" | "fails" | "hangs";
let server: Steerd;

async function listen(created: Server, address: string, port = 0): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    created.once("error", reject).listen(port, address, resolve);
  });
  return (created.address() as AddressInfo).port;
}

async function end(closing: Server): Promise<void> {
  closing.closeAllConnections();
  await new Promise((resolve) => closing.close(resolve));
}

const createOrigin = (): Server => createServer((_, response) => response.end("ok\n"));

const alerts = (): Alert[] =>
  got.filter(({ url }) => url === "/api/v2/alerts").flatMap(({ body }) => body as Alert[]);
const chats = (): unknown[] => got.filter(({ url }) => url === "/chat").map(({ body }) => body);

async function metric(line: RegExp): Promise<string | undefined> {
  return line.exec(await (await server.get("/metrics")).text())?.[1];
}

let originPort: number;

beforeAll(async () => {
  got = [];
  mode = "takes";
  origin = createOrigin();
  originPort = await listen(origin, ADDRESS);
  receiver = createServer((request, response) => {
    let body = "";
    request.on("data", (octets: Buffer) => {
      body += octets.toString();
    });
    request.on("end", () => {
      if (mode === "hangs") return;
      if (mode === "takes") got.push({ url: request.url!, body: JSON.parse(body) });
      response.writeHead(mode === "takes" ? 200 : 503).end();
    });
  });
  const url = `http://127.0.0.1:${await listen(receiver, "127.0.0.1")}`;
  server = await startSteerd(
    {
      "gslb.example.yaml": `
checks: {web: {type: http, port: ${originPort}, interval: 200ms, timeout: 150ms, fall: 2, rise: 1}}
pools: {eu: {check: web, endpoints: [${ADDRESS}]}}
records: {www: {policy: eu}}
`,
    },
    {
      server: `notify:
  - {name: alerts, type: alertmanager, url: "${url}", timeout: 500ms}
  - {name: chat, type: webhook, url: "${url}/chat", timeout: 500ms, on: [endpoint], template: {text: "{{pool}}: {{to}}"}}
`,
      lifetimeMs: 90_000,
    },
  );
});
afterAll(async () => {
  await server?.stop();
  await Promise.all([origin, receiver].map((each) => end(each)));
});

test("a server that fails, hangs and recovers is told what is true, and answers go on", async () => {
  await expect.poll(() => server.child.stdout(), POLL).toMatch(/127\.0\.41\.1 is up: ok/);
  await end(origin);
  await expect.poll(chats, POLL).toEqual([{ text: "eu: down" }]);
  await expect.poll(() => alerts().length, POLL).toBeGreaterThanOrEqual(2);
  const names = alerts().map(({ labels, startsAt }) => [
    labels.alertname,
    labels.pool,
    startsAt !== undefined,
  ]);
  expect(names).toContainEqual(["SteerdEndpointDown", "eu", true]);
  expect(names).toContainEqual(["SteerdPoolFailed", "eu", true]);

  mode = "fails";
  origin = createOrigin();
  await listen(origin, ADDRESS, originPort);
  await server.child.waitFor(
    /notify chat: http:\/\/127\.0\.0\.1:\d+ was not told \(status 503\); trying again/,
    20_000,
  );
  mode = "hangs";
  await new Promise((resolve) => setTimeout(resolve, 1500));
  expect(await metric(/^steerd_notifications_ok\{receiver="chat"\} (\d)$/m)).toBe("0");
  mode = "takes";
  await expect.poll(chats, POLL).toEqual([{ text: "eu: down" }, { text: "eu: up" }]);
  await expect
    .poll(() => alerts().filter(({ endsAt }) => endsAt !== undefined).length, POLL)
    .toBeGreaterThanOrEqual(2);
  await server.child.waitFor(/notify chat: .* is told again/);

  expect(
    await metric(
      /^steerd_transitions_total\{zone="gslb.example",pool="eu",endpoint="127.0.41.1",to="down",reason="refused"\} (\d+)$/m,
    ),
  ).toBe("1");
  expect(await metric(/^steerd_endpoint_reason\{.*endpoint="127.0.41.1".*reason="ok"\} (1)$/m)).toBe("1");
});
