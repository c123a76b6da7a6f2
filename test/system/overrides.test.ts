import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { DrainStatus } from "../../src/control/commands.ts";
import type { PoolStatus } from "../../src/control/live-status.ts";
import { type Child, startChild } from "../support/child.ts";
import { askUdp } from "../support/dns-client.ts";
import { readMessage } from "../support/message.ts";
import { buildQuery } from "../support/packet.ts";
import { ROOT } from "../support/steerd.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** What resolvers may keep, in seconds. */
const TTL = 3;

const ZONE = `
ttl: ${TTL}
checks: {web: {type: static, state: up}, dead: {type: static, state: down}}
regions: {dublin: {}, virginia: {}}
pools:
  eu: {region: dublin, check: web, endpoints: [{name: lb1, address: 192.0.2.1}, {name: lb2, address: 192.0.2.2}]}
  us: {region: virginia, check: web, endpoints: [{name: lb1, address: 198.51.100.1}]}
  dead: {check: dead, endpoints: [{name: old, address: 198.51.100.9}]}
  fixed: {region: dublin, endpoints: [{name: f1, address: 203.0.113.1}, {name: f2, address: 203.0.113.2}]}
records:
  www: {policy: {failover: [eu, us]}}
  latched: {policy: {failover: {of: [eu, us], failback: manual}}}
  fixed: {policy: fixed}
  old: {policy: {failover: [dead, us, eu]}}
`;

let folder: string;
let server: Child;
let port: number;

const config = (): string => join(folder, "steerd.yaml");
const overrides = (): string => join(folder, "overrides.yaml");

async function start(): Promise<void> {
  server = startChild(process.execPath, [join(ROOT, "bin/steerd"), "serve", "--config", config()], {
    lifetimeMs: 110_000,
    env: { NO_COLOR: "1" },
  });
  const [, found] = await server.waitFor(/answering on 127\.0\.0\.1:(\d+)/, 40_000);
  port = Number(found);
  for (let i = 0; i < 200 && !existsSync(join(folder, "steerd.sock")); i++)
    await new Promise((resolve) => setTimeout(resolve, 100));
}

interface Result {
  code: number;
  out: string;
  err: string;
}

async function steerd(...args: string[]): Promise<Result> {
  const child = startChild(process.execPath, [join(ROOT, "bin/steerd"), ...args, "--config", config()], {
    lifetimeMs: 60_000,
    env: { NO_COLOR: "1" },
  });
  const code = await child.exited;
  return { code, out: child.stdout(), err: child.stderr() };
}

async function ask(name: string): Promise<string[]> {
  const reply = await askUdp({ port }, buildQuery({ name: `${name}.gslb.example.` }), 10_000);
  return readMessage(reply!)
    .answer.map(({ rdataOctets }) => rdataOctets.join("."))
    .sort();
}

async function pools(): Promise<Map<string, PoolStatus>> {
  const { out } = await steerd("status", "--json");
  const { pools: list } = JSON.parse(out) as { pools: PoolStatus[] };
  return new Map(list.map((pool) => [pool.pool, pool]));
}

beforeAll(async () => {
  folder = temporaryFolder("forced");
  mkdirSync(join(folder, "zones"));
  writeFileSync(
    config(),
    'listen: ["127.0.0.1:0"]\napi: {listen: "127.0.0.1:0"}\nnameservers: [ns.example.net.]\nworkers: 2\n',
  );
  writeFileSync(join(folder, "zones/gslb.example.yaml"), ZONE);
  await start();
});
afterAll(() => server.stop());

describe("an operator and a running server", () => {
  test("drain --wait ends when resolvers have let go, and not before", async () => {
    // Whatever the server thinks of answers before its start is over by then.
    await new Promise((resolve) => setTimeout(resolve, (TTL + 3) * 1000));
    const answered = await ask("www");
    const lastMs = Date.now();
    expect(answered).toEqual(["192.0.2.1", "192.0.2.2"]);
    const { code, out } = await steerd(
      "drain",
      "eu/lb1",
      "--wait",
      "--reason",
      "kernel upgrade",
      "--author",
      "anna",
    );
    expect(Date.now()).toBeGreaterThanOrEqual(lastMs + TTL * 1000);
    expect([code, out.split("\n")[0]]).toEqual([0, "pool:eu/lb1 is drained: 1 address, until it is cleared"]);
    expect(out).toMatch(
      /No resolver that honours TTLs has 1 address of pool:eu\/lb1 any more, after \d+ s\.\n$/,
    );
    expect(await ask("www")).toEqual(["192.0.2.2"]);
    const eu = (await pools()).get("eu")!;
    expect(eu.endpoints[0]).toMatchObject({
      endpoint: "lb1",
      up: false,
      probed: "up",
      forced: "drain",
      entry: { match: "pool:eu/lb1", reason: "kernel upgrade", author: "anna" },
    });
    expect(eu).toMatchObject({ state: "healthy", up: 1, usable: 1 });
  });

  test("drain --wait --json, of addresses without a check", async () => {
    await ask("fixed");
    const { code, out } = await steerd("drain", "fixed/f1", "--wait", "--json");
    expect(code).toBe(0);
    const { drained, drains } = JSON.parse(out) as { drained: boolean; drains: DrainStatus[] };
    expect([drained, drains.map(({ address, withheld }) => [address, withheld])]).toEqual([
      true,
      [["203.0.113.1", true]],
    ]);
    for (let i = 0; i < 5; i++) expect(await ask("fixed")).toEqual(["203.0.113.2"]);
  });

  test("what would empty an answer is refused by live health, and forced on demand", async () => {
    const refused = await steerd("drain", "region:dublin");
    expect([refused.code, refused.err]).toEqual([
      1,
      "refused  CFG_OVERRIDE_EMPTIES  drain of region:dublin would leave some clients without a live address: fixed.gslb.example. (A): expected --force, if that is meant\nNothing was changed.\n",
    ]);
    expect((await steerd("force", "us", "down")).code).toBe(0);
    expect((await steerd("drain", "eu/lb2")).err).toContain("www.gslb.example. (A)");
    expect((await steerd("drain", "eu/lb2", "--force")).code).toBe(0);
    await expect.poll(() => ask("www")).toEqual([]);
    expect((await steerd("clear", "us")).code).toBe(0);
    await expect.poll(() => ask("www")).toEqual(["198.51.100.1"]);
  });

  test("failback releases the latch that followed", async () => {
    expect(await ask("latched")).toEqual(["198.51.100.1"]);
    expect((await steerd("clear", "eu/lb2")).code).toBe(0);
    await expect.poll(() => ask("www")).toEqual(["192.0.2.2"]);
    expect(await ask("latched")).toEqual(["198.51.100.1"]);
    const { code, out } = await steerd("failback", "latched.gslb.example");
    expect([code, out]).toEqual([
      0,
      "gslb.example/latched: policy is released from us: the first entry that is up is next\n",
    ]);
    await expect.poll(() => ask("latched")).toEqual(["192.0.2.2"]);
  });

  test("events and explain show the server's own", async () => {
    const { out } = await steerd("events", "--last", "100");
    expect(out).toContain("eu/lb1 192.0.2.1 is drained: its probes say up  (gslb.example)");
    expect(out).toMatch(/latched: policy goes from eu to us/);
    const follow = startChild(
      process.execPath,
      [join(ROOT, "bin/steerd"), "events", "--follow", "--last", "0", "--json", "--config", config()],
      { lifetimeMs: 30_000 },
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await steerd("force", "dead", "up", "--for", "1h");
    const [line] = await follow.waitFor(/\{.*"event":"forced".*\}/);
    expect(JSON.parse(line)).toMatchObject({
      fields: { pool: "dead", from: null, to: "up", probed: "down" },
    });
    await follow.stop();
    const explained = await steerd("explain", "www.gslb.example", "--client", "9.9.9.9");
    expect(explained.out).toMatch(/192\.0\.2\.1 +drained by hand/);
    expect(explained.out).toContain("as the running server has it");
  });

  test("a hand's edit is taken over within a second, and keeps its comments through the commands", async () => {
    const byHand = `# Ask anna first.\n${readFileSync(overrides(), "utf8")}  # For the holidays.\n  - {match: pool:us, weight: 50%}\n`;
    writeFileSync(overrides(), byHand);
    await expect
      .poll(async () => (await pools()).get("us")!.endpoints[0]!.weight, { timeout: 15_000 })
      .toBe(0.5);
    expect((await steerd("clear", "dead")).code).toBe(0);
    const after = readFileSync(overrides(), "utf8");
    expect(after).toContain("# Ask anna first.\n");
    expect(after).toContain("  # For the holidays.\n  - {match: pool:us, weight: 50%}\n");
    expect(after).not.toContain("pool:dead");
  });

  test("a bad edit changes nothing, and every mistake is told", async () => {
    const good = readFileSync(overrides(), "utf8");
    writeFileSync(overrides(), `${good}  - {match: us, state: drian}\n`);
    await server.waitFor(/overrides\.yaml rejected: forced states stay as they were/);
    expect(server.stdout()).toMatch(/overrides\.yaml:\d+:13 CFG_VALUE_INVALID/);
    expect(server.stdout()).toMatch(/overrides\.yaml:\d+:24 CFG_VALUE_INVALID/);
    expect(await ask("www")).toEqual(["192.0.2.2"]);
    expect((await steerd("status")).out).toContain("is wrong: what it said before holds");
    expect((await steerd("check")).code).toBe(1);
    writeFileSync(overrides(), good);
  });

  test("a short drain ends by itself", async () => {
    expect((await steerd("drain", "fixed/f2", "--for", "1s", "--force")).code).toBe(0);
    await expect.poll(() => ask("fixed"), { timeout: 15_000 }).toEqual(["203.0.113.2"]);
  });

  test("a restart keeps what was said, and the socket is this user's alone", async () => {
    expect(statSync(join(folder, "steerd.sock")).mode & 0o777).toBe(0o600);
    expect(await server.stop()).toBe(0);
    expect(existsSync(join(folder, "steerd.sock"))).toBe(false);
    const { code, err } = await steerd("status");
    expect([code, err]).toEqual([3, expect.stringContaining("no server listens on")]);
    await start();
    for (let i = 0; i < 5; i++) expect(await ask("www")).toEqual(["192.0.2.2"]);
    expect(await ask("fixed")).toEqual(["203.0.113.2"]);
  });

  test("a client that asks and never reads holds up neither answers nor other commands", async () => {
    const slow = connect(join(folder, "steerd.sock"));
    slow.on("error", () => undefined).pause();
    slow.write('{"op":"status"}\n'.repeat(10_000));
    const { code } = await steerd("status");
    expect(code).toBe(0);
    expect(await ask("www")).toEqual(["192.0.2.2"]);
    slow.destroy();
  });
});
