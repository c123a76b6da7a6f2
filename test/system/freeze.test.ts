import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { startChild } from "../support/child.ts";
import { askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery } from "../support/packet.ts";
import { ROOT, type Steerd, startSteerd } from "../support/steerd.ts";

/** Loopback addresses play endpoints in two regions, and canaries; all of them die at once, or not all. */

const EU = ["127.0.61.1", "127.0.61.2"];
const US = ["127.0.62.1", "127.0.62.2"];
const CANARIES = ["127.0.63.1", "127.0.63.2"];
/** Answered when everything has been withdrawn. */
const SORRY = "203.0.113.99";
const CHECK = "interval: 200ms, timeout: 150ms, fall: 3, rise: 2";
/** Three intervals, a timeout, and what a busy machine adds. */
const VERDICT_MS = 1_500;

const listening = new Map<string, Server>();
let steerd: Steerd | null = null;

afterEach(async () => {
  await steerd?.stop();
  steerd = null;
  for (const address of [...listening.keys()]) await die(address);
});

async function live(address: string, port: number): Promise<void> {
  const server = createServer((socket) => void socket.on("error", () => undefined).destroy());
  listening.set(address, server);
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(port, address, resolve));
}

async function die(address: string): Promise<void> {
  await new Promise((resolve) => listening.get(address)?.close(resolve));
  listening.delete(address);
}

async function freePort(): Promise<number> {
  await live(EU[0]!, 0);
  const { port } = listening.get(EU[0]!)!.address() as { port: number };
  await die(EU[0]!);
  return port;
}

async function start(canaries: boolean): Promise<number> {
  const port = await freePort();
  for (const address of [...EU, ...US, ...CANARIES]) await live(address, port);
  const list = CANARIES.map(
    (address) => `{address: ${address}, check: {type: tcp, port: ${port}, ${CHECK}}}`,
  );
  steerd = await startSteerd(
    {
      "gslb.example.yaml": `
ttl: 1
checks: {web: {type: tcp, port: ${port}, ${CHECK}}}
regions: {dublin: {}, virginia: {}}
pools:
  eu: {region: dublin, check: web, endpoints: [${EU.join(", ")}]}
  us: {region: virginia, check: web, endpoints: [${US.join(", ")}]}
records:
  www: {policy: {failover: [eu, us]}, last_resort: {addresses: [${SORRY}]}}
`,
    },
    { server: canaries ? `canaries: [${list.join(", ")}]` : "" },
  );
  return port;
}

async function answers(): Promise<string[]> {
  const message = readMessage((await askUdp(steerd!, buildQuery({ name: "www.gslb.example." })))!);
  return message.answer.map(({ rdataOctets }) => [...rdataOctets].join(".")).sort();
}

async function until(wanted: readonly string[]): Promise<void> {
  const endMs = performance.now() + VERDICT_MS + 2_000;
  for (;;) {
    const found = await answers();
    if (JSON.stringify(found) === JSON.stringify(wanted)) return;
    if (performance.now() > endMs) throw new Error(`${found} answered, not ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Nothing else is answered for longer than a verdict takes. */
async function stays(wanted: readonly string[], forMs = VERDICT_MS): Promise<void> {
  const endMs = performance.now() + forMs;
  while (performance.now() < endMs) {
    expect(await answers()).toEqual(wanted);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function metric(name: string): Promise<string> {
  const text = await (await steerd!.get("/metrics")).text();
  return text.split("\n").find((line) => line.startsWith(`${name} `)) ?? "";
}

async function run(...args: string[]): Promise<string> {
  const config = join(steerd!.folder, "steerd.yaml");
  const child = startChild(process.execPath, [join(ROOT, "bin/steerd"), ...args, "--config", config], {
    lifetimeMs: 60_000,
    env: { NO_COLOR: "1" },
  });
  const code = await child.exited;
  return `${code} ${child.stdout()}${child.stderr()}`;
}

describe("row 67: everything fails at the same moment", () => {
  test("and the canaries too: last states are kept, with an alarm, until a canary passes", async () => {
    const port = await start(true);
    await until(EU);
    for (const address of [...EU, ...US, ...CANARIES]) await die(address);
    await steerd!.child.waitFor(/states are frozen: \d of 4 addresses fail, and so do all canaries/);
    await until(EU);
    await stays(EU);
    expect(await metric("steerd_health_frozen")).toBe("steerd_health_frozen 1");
    expect(await metric("steerd_endpoints_held")).toBe("steerd_endpoints_held 4");
    // The network is back, and one region with it: the other one is withdrawn by new failures.
    for (const address of [CANARIES[1]!, ...US]) await live(address, port);
    await steerd!.child.waitFor(
      /states follow the probes again, after .*: (a canary passes|endpoints answer again)/,
    );
    await until(US);
    expect(await metric("steerd_health_frozen")).toBe("steerd_health_frozen 0");
  });

  test("while one canary passes: all are withdrawn", async () => {
    await start(true);
    await until(EU);
    for (const address of [...EU, ...US, CANARIES[0]!]) await die(address);
    await until([SORRY]);
    await stays([SORRY], 500);
    expect(await metric("steerd_health_frozen")).toBe("steerd_health_frozen 0");
  });

  test("without canaries, in two regions: last states are kept, until endpoints answer", async () => {
    const port = await start(false);
    await until(EU);
    for (const address of [...EU, ...US]) await die(address);
    await steerd!.child.waitFor(/states are frozen: 4 of 4 addresses fail, in 2 regions at once/);
    await until(EU);
    await stays(EU);
    for (const address of US) await live(address, port);
    await steerd!.child.waitFor(/states follow the probes again, after .*: endpoints answer again/);
    await until(US);
  });

  test("one region of two is no such moment: it is withdrawn", async () => {
    await start(false);
    await until(EU);
    for (const address of EU) await die(address);
    await until(US);
    await stays(US, 500);
    expect(steerd!.child.stdout()).not.toMatch(/frozen/);
  });
});

describe("steerd thaw", () => {
  test("ends a freeze: what the probes found holds at once, and later states follow them", async () => {
    const port = await start(true);
    await until(EU);
    for (const address of [...EU, ...CANARIES]) await die(address);
    await steerd!.child.waitFor(/states are frozen: 2 of 4 addresses fail, and so do all canaries/);
    await stays(EU);
    expect(JSON.parse((await run("status", "--json")).slice(2))).toMatchObject({ frozen: true });
    expect(await run("thaw")).toMatch(/^0 /);
    await steerd!.child.waitFor(/states follow the probes again, after .*: an operator said so/);
    await until(US);
    // The same failures are no reason to freeze once more, though the canaries are still gone.
    await stays(US);
    expect(await metric("steerd_health_frozen")).toBe("steerd_health_frozen 0");
    expect(JSON.parse((await run("status", "--json")).slice(2))).toMatchObject({ frozen: false });
    for (const address of EU) await live(address, port);
    await until(EU);
  });

  test("without a freeze it changes nothing, and says so", async () => {
    await start(true);
    await until(EU);
    expect(await run("thaw")).toBe("0 Nothing is frozen.\n");
    await stays(EU, 300);
  });
});
