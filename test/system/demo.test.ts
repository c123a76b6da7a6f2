import { spawnSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { parsePrefix } from "../../src/cli/arguments.ts";
import { DEMO_CLIENTS, DEMO_NAME } from "../../src/cli/demo-screen.ts";
import { exchangeUdp } from "../../src/cli/exchange.ts";
import { subnetOf } from "../../src/cli/message-text.ts";
import { nameArgument } from "../../src/cli/names.ts";
import { TYPE_A } from "../../src/wire/constants.ts";
import { decodeMessage, encodeQuery } from "../../src/wire/message.ts";
import { type Child, hasCommand, startChild } from "../support/child.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const root = resolve(import.meta.dirname, "../..");
const [EUROPEAN, AMERICAN, ASIAN] = DEMO_CLIENTS.map((client) => client.prefix) as [string, string, string];
const [EUROPE, AMERICA, ASIA] = ["127.0.0.11", "127.0.0.12", "127.0.0.13"] as const;
const REGIONS = [
  [EUROPEAN, EUROPE],
  [AMERICAN, AMERICA],
  [ASIAN, ASIA],
] as const;

/** fall x interval + timeout of the example's check, and its jitter of a tenth; then a machine that is busy. */
const WITHDRAWAL_MS = 2 * 1000 + 500 + 100;
const SLACK_MS = 2_000;

interface Demo {
  child: Child;
  port: number;
  /** Process of each origin, by name. */
  origins: Map<string, number>;
}

/** A TCP port that was free on every address a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "0.0.0.0", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** The example zones and their tables, with another port for the origins, so that a demo that runs beside the tests is left alone. */
async function writeConfig(): Promise<string> {
  const folder = temporaryFolder("demo");
  const dynamic = join(folder, "zones/gslb.example.yaml");
  cpSync(join(root, "zones"), join(folder, "zones"), { recursive: true });
  cpSync(join(root, "geo"), join(folder, "geo"), { recursive: true });
  const port = await freePort();
  const text = readFileSync(dynamic, "utf8").replaceAll("port: 5380", `port: ${port}`);
  expect(text).toContain(`port: ${port}`);
  writeFileSync(dynamic, text);
  const listen = `listen: ["127.0.0.1:${await freePort()}"]`;
  writeFileSync(join(folder, "steerd.yaml"), `${listen}\napi: {listen: "127.0.0.1:0"}\n`);
  return join(folder, "steerd.yaml");
}

const running: Child[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((child) => child.stop()));
});

async function startDemo(): Promise<Demo> {
  const child = startChild(
    process.execPath,
    [join(root, "bin/steerd"), "demo", "--config", await writeConfig()],
    {
      cwd: root,
      env: { NO_COLOR: "1" },
    },
  );
  running.push(child);
  const [, port] = await child.waitFor(/^steerd demo: .* on 127\.0\.0\.1:(\d+)$/m, 20_000);
  await child.waitFor(/^Ctrl-C ends everything\.$/m);
  const origins = [...child.stdout().matchAll(/^ {2}\d {2}(\w+) +\S+ {2}process (\d+)$/gm)];
  return {
    child,
    port: Number(port),
    origins: new Map(origins.map(([, name, pid]) => [name!, Number(pid)])),
  };
}

/** What a client in a network is answered: the addresses, and the scope of the answer. */
async function ask(
  demo: Demo,
  prefix: string,
): Promise<{ addresses: string[]; scopeBits: number | undefined }> {
  const query = encodeQuery({
    id: 1,
    name: nameArgument(DEMO_NAME),
    type: TYPE_A,
    subnet: parsePrefix(prefix),
  });
  const reply = await exchangeUdp(query, { host: "127.0.0.1", port: demo.port });
  const message = decodeMessage(reply!)!;
  return {
    addresses: message.answer.map(({ rdata }) => rdata.join(".")),
    scopeBits: subnetOf(message)?.scopeBits,
  };
}

/** Milliseconds until a client is answered with the address. */
async function untilAnswered(demo: Demo, prefix: string, address: string): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const { addresses } = await ask(demo, prefix);
    const tookMs = performance.now() - startMs;
    if (addresses.includes(address)) return tookMs;
    if (tookMs > 15_000) throw new Error(`still ${addresses} after ${tookMs} ms\n${demo.child.stdout()}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function untilGone(pids: Iterable<number>): Promise<void> {
  for (const pid of pids) await expect.poll(() => isAlive(pid), { timeout: 5_000 }).toBe(false);
}

beforeAll(() => {
  expect(process.platform, "the demo's addresses 127.0.0.11 to .13 are there on Linux only").toBe("linux");
});

describe("steerd demo", () => {
  test("three networks get three regions, and an origin that is killed moves its clients until it is back", async () => {
    const demo = await startDemo();
    expect([...demo.origins.keys()]).toEqual(["europe", "america", "asia"]);
    // On a busy machine the sockets open before every origin has had its first probe.
    for (const [prefix, address] of REGIONS) await untilAnswered(demo, prefix, address);
    const answers = await Promise.all(REGIONS.map(([prefix]) => ask(demo, prefix)));
    expect(answers.map(({ addresses }) => addresses)).toEqual([[EUROPE], [AMERICA], [ASIA]]);
    for (const { scopeBits } of answers) expect(scopeBits).toBeGreaterThan(0);

    process.kill(demo.origins.get("europe")!, "SIGTERM");
    expect(await untilAnswered(demo, EUROPEAN, AMERICA)).toBeLessThan(WITHDRAWAL_MS + SLACK_MS);
    expect((await ask(demo, ASIAN)).addresses).toEqual([ASIA]);
    await demo.child.waitFor(/europe\/127\.0\.0\.11 127\.0\.0\.11 is down: refused/);

    const [, command] = demo.child.stdout().match(/^ {2}node (\S+origin-entry\.js europe .*)$/m)!;
    const again = startChild(process.execPath, command!.split(" "), { cwd: root });
    running.push(again);
    await again.waitFor(/europe: 127\.0\.0\.11:\d+/);
    await untilAnswered(demo, EUROPEAN, EUROPE);
  });

  test("Ctrl-C ends the server and the origins", async () => {
    const { child, origins } = await startDemo();
    child.signal("SIGINT");
    expect(await child.exited).toBe(0);
    expect(origins.size).toBe(3);
    await untilGone(origins.values());
  });

  test("origins do not outlive a demo that is killed", async () => {
    const { child, origins } = await startDemo();
    child.signal("SIGKILL");
    await child.exited;
    expect(origins.size).toBe(3);
    await untilGone(origins.values());
  });

  test("a port in use is told in a sentence, and nothing is left behind", async () => {
    const config = await writeConfig();
    const text = readFileSync(join(config, "../zones/gslb.example.yaml"), "utf8");
    const server = createServer();
    await new Promise<void>((done) => server.listen(Number(text.match(/port: (\d+)/)![1]), EUROPE, done));
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, "bin/steerd"), "demo", "--config", config],
      {
        encoding: "utf8",
        timeout: 20_000,
      },
    );
    server.close();
    expect(status).toBe(1);
    expect(stderr).toMatch(/^origin europe: 127\.0\.0\.11:\d+ is in use: stop what listens there/);
  });

  test("a DNS port in use is told as well", async () => {
    const demo = await startDemo();
    const config = await writeConfig();
    writeFileSync(config, `listen: ["127.0.0.1:${demo.port}"]\napi: {listen: "127.0.0.1:0"}\n`);
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, "bin/steerd"), "demo", "--config", config],
      {
        encoding: "utf8",
        timeout: 20_000,
      },
    );
    expect(status).toBe(1);
    expect(stderr).toContain(`listen 127.0.0.1:${demo.port}/udp: address in use`);
  });

  test.skipIf(!hasCommand("dig"))("dig sees the scope (RFC 7871)", async () => {
    const demo = await startDemo();
    for (const [prefix, address] of REGIONS) {
      await untilAnswered(demo, prefix, address);
      const args = ["@127.0.0.1", "-p", String(demo.port), DEMO_NAME, "A", `+subnet=${prefix}`];
      const { stdout } = spawnSync("dig", args, { encoding: "utf8" });
      expect(stdout).toMatch(new RegExp(`^${DEMO_NAME}\\.\\s+30\\s+IN\\s+A\\s+${address}$`, "m"));
      const [, scope] = stdout.match(new RegExp(`^; CLIENT-SUBNET: ${prefix}/(\\d+)$`, "m"))!;
      expect(Number(scope)).toBeGreaterThan(0);
    }
  });
});
