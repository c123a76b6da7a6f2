import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startChild } from "../support/child.ts";
import { askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery } from "../support/packet.ts";
import { ROOT, type Steerd, startSteerd } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const EU = "127.0.31.1";
const US = "127.0.31.2";
/** Three results in a row take so long that a busy machine has looked at the answers before. */
const INTERVAL_MS = 4000;

/** A first round takes longer than the server waits for it where the machine is busy. */
const POLL = { timeout: 5_000, interval: 50 };

/** An HTTP server on `address`. */
function serve(address: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((_, response) => response.end("ok\n"));
    server.once("error", reject);
    server.listen(port, address, () => resolve(server));
  });
}

function end(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function answered(server: Steerd): Promise<string> {
  const reply = await askUdp(server, buildQuery({ name: "www.gslb.example." }));
  return [...readMessage(reply!).answer[0]!.rdataOctets].join(".");
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe("a server that is started again", () => {
  let us: Server;
  let eu: Server;
  let port: number;
  let server: Steerd;

  const start = (state: string): Promise<Steerd> =>
    startSteerd(
      {
        "gslb.example.yaml": `
checks:
  web: {type: http, port: ${port}, interval: ${INTERVAL_MS}ms, timeout: 2s, fall: 3, rise: 3}
pools:
  eu: {check: web, endpoints: [${EU}]}
  us: {check: web, endpoints: [${US}]}
records:
  www: {policy: {failover: [eu, us]}}
`,
      },
      { server: `state: ${state}`, lifetimeMs: 60_000 },
    );

  beforeEach(async () => {
    us = await serve(US, 0);
    ({ port } = us.address() as AddressInfo);
    eu = await serve(EU, port);
  });
  afterEach(async () => {
    await server.stop();
    await Promise.all([us, eu].map(end));
  });

  test("neither forgets the dead nor buries the living", async () => {
    const state = `{file: ${join(temporaryFolder("state"), "kept.json")}}`;
    await end(eu);
    server = await start(state);
    await expect.poll(() => answered(server), POLL).toBe(US);
    // Written within a second, so that even a kill keeps it.
    await sleep(1500);
    server.child.signal("SIGKILL");
    await server.child.exited;
    // The dead one answers its first probe, the living one misses it: neither is a verdict.
    eu = await serve(EU, port);
    await end(us);
    server = await start(state);
    expect(server.child.stdout()).toContain("2 of 2 states are remembered: 1 up, 1 down");
    for (let look = 0; look < 12; look++) {
      expect(await answered(server)).toBe(US);
      await sleep(100);
    }
    us = await serve(US, port);
    await server.child.waitFor(/eu\/127\.0\.31\.1 127\.0\.31\.1 is up: ok, after/, 25_000);
    await expect.poll(() => answered(server), POLL).toBe(EU);
    expect(server.child.stdout()).not.toMatch(/first verdict/);
  });

  test("with nothing to remember with, the first results decide; nothing is written", async () => {
    await end(eu);
    server = await start("none");
    await expect.poll(() => answered(server), POLL).toBe(US);
    await server.stop();
    expect(existsSync(join(server.folder, "steerd.state.json"))).toBe(false);
    eu = await serve(EU, port);
    server = await start("none");
    // With one success where three in a row would be needed.
    await expect.poll(() => answered(server), POLL).toBe(EU);
    expect(server.child.stdout()).toMatch(/127\.0\.31\.1 is up: ok, first verdict/);
  });

  test("row 57: a folder that cannot be written costs one line of the log, and shows in status and metrics", async () => {
    server = await start("{file: no/such/folder/state.json}");
    await sleep(2500);
    expect(await answered(server)).toBe(EU);
    expect(server.child.stdout().match(/state\.json cannot be written \(ENOENT\)/g)).toHaveLength(1);
    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toMatch(/^steerd_state_file_ok 0$/m);
    // Answers go on as before.
    expect((await server.get("/readyz")).status).toBe(200);
    for (const phase of ["connect", "first_octet"])
      expect(metrics).toMatch(
        new RegExp(`^steerd_endpoint_phase_seconds\\{.*phase="${phase}"\\} 0\\.\\d+$`, "m"),
      );
    const status = startChild(
      process.execPath,
      [join(ROOT, "bin/steerd"), "status", "--config", join(server.folder, "steerd.yaml")],
      { lifetimeMs: 30_000, env: { NO_COLOR: "1" } },
    );
    expect(await status.exited).toBe(0);
    expect(status.stdout()).toMatch(/^The state file cannot be written: /m);
  });
});

test("row 58: kill -9 in the middle of a write: the old file or the new one, never mixed", async () => {
  const folder = temporaryFolder("state");
  const path = join(folder, "kept.json");
  const entry = join(folder, "writer.mjs");
  writeFileSync(
    entry,
    `import { replaceDurably } from ${JSON.stringify(join(ROOT, "dist/serve/state-file.js"))};
     console.log("writing");
     for (let turn = 0; ; turn++) await replaceDurably(process.argv[2], String(turn % 10).repeat(2_000_000));`,
  );
  for (let kill = 0; kill < 8; kill++) {
    const child = startChild(process.execPath, [entry, path], { lifetimeMs: 20_000 });
    await child.waitFor(/writing/);
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 1));
    await new Promise((resolve) => setTimeout(resolve, 3 * kill));
    child.signal("SIGKILL");
    await child.exited;
    const text = readFileSync(path, "utf8");
    expect(text.length).toBe(2_000_000);
    expect(new Set(text).size).toBe(1);
  }
});
