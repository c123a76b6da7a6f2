import { createServer as createHttp, type Server as HttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startChild } from "../support/child.ts";
import { askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery, ecsOption } from "../support/packet.ts";
import { ROOT, type Steerd, startSteerd } from "../support/steerd.ts";

/** What moves clients away by and by, from the probe to the answer: real origins on loopback, and questions over UDP. */

const closers: (() => void)[] = [];
let steerd: Steerd | null = null;

afterEach(async () => {
  await steerd?.stop();
  steerd = null;
  for (const close of closers.splice(0)) close();
});

async function listen(server: Server | HttpServer, address: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, address, resolve));
  closers.push(() => server.close());
  return (server.address() as { port: number }).port;
}

const accepting = (): Server => createServer((socket) => void socket.on("error", () => undefined).destroy());

async function answers(client?: string): Promise<string[]> {
  const edns = client === undefined ? {} : { edns: { options: [ecsOption(client)] } };
  const reply = await askUdp(steerd!, buildQuery({ name: "www.gslb.example.", ...edns }), 10_000);
  return readMessage(reply!)
    .answer.map(({ rdataOctets }) => [...rdataOctets].join("."))
    .sort();
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what: () => Promise<boolean>, withinMs: number): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await what())) {
    if (performance.now() > endMs) throw new Error(`not within ${withinMs} ms`);
    await pause(20);
  }
}

async function explain(): Promise<string> {
  const args = ["explain", "www.gslb.example", "A", "--client", "9.9.9.9"];
  const config = ["--config", join(steerd!.folder, "steerd.yaml")];
  const child = startChild(process.execPath, [join(ROOT, "bin/steerd"), ...args, ...config], {
    lifetimeMs: 60_000,
    env: { NO_COLOR: "1" },
  });
  await child.exited;
  return child.stdout();
}

describe("withdrawal budget", () => {
  const POOL = ["127.0.64.1", "127.0.64.2", "127.0.64.3", "127.0.64.4"];
  /** The shortest that can be configured. */
  const WITHIN_MS = 10_000;

  test("two of four die: one is withdrawn at once, the other when there is room", async () => {
    const servers = POOL.map(accepting);
    let port = 0;
    for (const [i, server] of servers.entries()) port = await listen(server, POOL[i]!, port);
    steerd = await startSteerd({
      "gslb.example.yaml": `
ttl: 1
checks: {web: {type: tcp, port: ${port}, interval: 200ms, timeout: 150ms, fall: 2, rise: 2}}
pools:
  eu: {check: web, endpoints: [${POOL.join(", ")}], withdrawal_budget: {share: 25%, within: ${WITHIN_MS}ms}}
records: {www: {policy: eu}}
`,
    });
    const count = async (): Promise<number> => (await answers()).length;
    await until(async () => (await count()) === 4, 5_000);
    for (const server of servers.slice(0, 2)) server.close();
    await until(async () => (await count()) === 3, 3_000);
    const firstMs = performance.now();
    const alive = await answers();
    expect(alive).toEqual(expect.arrayContaining(POOL.slice(2)));
    expect(await explain()).toMatch(/withdrawal budget is spent: the probes say refused/);
    while (performance.now() < firstMs + 0.6 * WITHIN_MS) {
      expect(await answers()).toEqual(alive);
      await pause(50);
    }
    await until(async () => (await count()) === 2, WITHIN_MS);
    expect(performance.now() - firstMs).toBeGreaterThan(0.8 * WITHIN_MS);
    expect(await answers()).toEqual(POOL.slice(2));
  });
});

describe("shed", () => {
  const EU = "127.0.65.1";
  const US = "127.0.65.2";
  const CLIENTS = Array.from({ length: 100 }, (_, i) => `198.51.${i}.0/24`);

  test("a loaded region loses clients by stable slices, and gets them back", async () => {
    let connections = 10;
    const origin = (load: () => number): HttpServer =>
      createHttp((_request, response) => {
        const body = { status: "healthy", active_connections: load(), capacity: 100 };
        response.setHeader("connection", "close").end(JSON.stringify(body));
      });
    const port = await listen(
      origin(() => connections),
      EU,
      0,
    );
    await listen(
      origin(() => 0),
      US,
      port,
    );
    steerd = await startSteerd(
      {
        "gslb.example.yaml": `
ttl: 1
checks:
  web: {type: http, port: ${port}, path: /, expect_json: true, load: true, window: 200ms, interval: 200ms, timeout: 150ms, fall: 5}
pools:
  eu: {check: web, endpoints: [${EU}], shed: {low: 50%, high: 100%}}
  us: {check: web, endpoints: [${US}]}
records: {www: {policy: {failover: [eu, us]}}}
`,
      },
      { lifetimeMs: 110_000 },
    );
    const away = async (): Promise<Set<string>> => {
      const found = new Set<string>();
      for (const client of CLIENTS) if ((await answers(client))[0] === US) found.add(client);
      return found;
    };
    await pause(1_000);
    expect((await away()).size).toBe(0);
    connections = 75;
    let before = new Set<string>();
    // Half of the way from low to high: about half of the clients, in about ten seconds.
    await until(async () => {
      const now = await away();
      expect([...before].filter((client) => !now.has(client))).toEqual([]);
      before = now;
      return now.size >= 35;
    }, 25_000);
    await pause(3_000);
    const settled = await away();
    expect(settled.size).toBeGreaterThan(35);
    expect(settled.size).toBeLessThan(65);
    await pause(1_000);
    expect(await away()).toEqual(settled);
    expect(await explain()).toMatch(/takes (4[5-9]|5[0-5])(\.\d)?% of its clients/);
    connections = 10;
    await until(async () => {
      const now = await away();
      expect([...now].filter((client) => !settled.has(client))).toEqual([]);
      return now.size < settled.size / 2;
    }, 40_000);
  });
});
