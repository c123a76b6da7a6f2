import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasCommand } from "../support/child.ts";
import { askTcp, askUdp } from "../support/dns-client.ts";
import { type Message, readMessage } from "../support/message.ts";
import { buildQuery, ecsOption } from "../support/packet.ts";
import { type Steerd, startSteerd } from "../support/steerd.ts";

/** The story of the README: three regions, one dies and comes back. */
const INTERVAL_MS = 200;
const TIMEOUT_MS = 150;
const FALL = 3;
const RISE = 2;
/** What polling, timers and a busy machine may add. */
const SLACK_MS = 700;

const REGIONS = {
  eu: { address: "127.0.11.1", subnet: "81.2.69.0/24" },
  us: { address: "127.0.11.2", subnet: "8.8.8.0/24" },
  asia: { address: "127.0.11.3", subnet: "133.11.1.0/24" },
} as const;

type Region = keyof typeof REGIONS;

interface Origin {
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** An HTTP server with a health page, on a loopback address of its own. */
function createOrigin(address: string, port: number): Origin {
  let server: Server;
  return {
    start: () =>
      new Promise((resolve, reject) => {
        server = createServer((_, response) => response.end("ok\n"));
        server.once("error", reject);
        server.listen(port, address, resolve);
      }),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** A port that is free on every region's address. */
async function commonPort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, REGIONS.eu.address, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  return port;
}

describe("three regions", () => {
  let server: Steerd;
  const origins = new Map<Region, Origin>();

  beforeAll(async () => {
    const port = await commonPort();
    for (const region of Object.keys(REGIONS) as Region[]) {
      const origin = createOrigin(REGIONS[region].address, port);
      await origin.start();
      origins.set(region, origin);
    }
    server = await startSteerd({
      "gslb.example.yaml": `
ttl: {max: 30, min: 1}
checks:
  web: {type: http, port: ${port}, path: /healthz, interval: ${INTERVAL_MS}ms, timeout: ${TIMEOUT_MS}ms, fall: ${FALL}, rise: ${RISE}}
pools:
  eu: {check: web, endpoints: [${REGIONS.eu.address}]}
  us: {check: web, endpoints: [${REGIONS.us.address}]}
  asia: {check: web, endpoints: [${REGIONS.asia.address}]}
records:
  www:
    policy:
      geo:
        EU: {failover: [eu, us, asia]}
        NA: {failover: [us, eu, asia]}
        AS: {failover: [asia, us, eu]}
        default: us
    https: {alpn: [h3, h2], port: 8443}
`,
    });
  });

  afterAll(async () => {
    await server?.stop();
    for (const origin of origins.values()) await origin.stop();
  });

  async function ask(region: Region): Promise<Message> {
    const packet = buildQuery({
      name: "www.gslb.example.",
      edns: { options: [ecsOption(REGIONS[region].subnet)] },
    });
    return readMessage((await askUdp(server, packet))!);
  }

  const addressOf = (message: Message): string => [...message.answer[0]!.rdataOctets].join(".");

  /** Milliseconds until clients of `from` are sent to `to`. */
  async function untilServed(from: Region, to: Region, sinceMs: number, limitMs: number): Promise<number> {
    for (;;) {
      const took = performance.now() - sinceMs;
      if (addressOf(await ask(from)) === REGIONS[to].address) return took;
      if (took > limitMs) throw new Error(`clients of ${from} do not get ${to} after ${took.toFixed(0)} ms`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  test.each(Object.keys(REGIONS) as Region[])(
    "clients of %s get their region, with a scope",
    async (region) => {
      const message = await ask(region);
      expect(addressOf(message)).toBe(REGIONS[region].address);
      const octets = REGIONS[region].subnet.split(/[./]/).map(Number).slice(0, 3);
      const option = message.opt!.options.find(({ code }) => code === 8)!;
      expect([...option.data.subarray(0, 3)]).toEqual([0, 1, 24]);
      expect([...option.data.subarray(4)]).toEqual(octets);
      expect(option.data[3]).toBeGreaterThan(0);
      expect(option.data[3]).toBeLessThanOrEqual(32);
    },
  );

  /** What dig prints. It must not hold this process up: the origins live in it, and are probed meanwhile. */
  async function dig(type: string, subnet: string): Promise<string> {
    const args = ["@127.0.0.1", "-p", String(server.port), "www.gslb.example", type, `+subnet=${subnet}`];
    const run = promisify(execFile)("dig", [...args, "+norecurse", "+tries=1"], { timeout: 10_000 });
    const { stdout } = await run;
    expect(stdout).toMatch(/status: NOERROR/);
    expect(stdout).not.toMatch(/WARNING|malformed/i);
    return stdout;
  }

  test.skipIf(!hasCommand("dig"))("dig +subnet shows the same", async () => {
    for (const region of Object.keys(REGIONS) as Region[]) {
      const { address, subnet } = REGIONS[region];
      const shown = await dig("A", subnet);
      expect(shown).toMatch(
        new RegExp(`^www\\.gslb\\.example\\.\\s+\\d+\\s+IN\\s+A\\s+${address.replaceAll(".", "\\.")}$`, "m"),
      );
      expect(shown).toMatch(new RegExp(`CLIENT-SUBNET: ${subnet.replaceAll(".", "\\.")}/[1-9]\\d?$`, "m"));
    }
  });

  test.skipIf(!hasCommand("dig"))(
    "dig reads HTTPS, with the hint of the same region and the same scope",
    async () => {
      const scopeIn = (text: string) => /CLIENT-SUBNET: .*$/m.exec(text)?.[0];
      for (const region of Object.keys(REGIONS) as Region[]) {
        const { address, subnet } = REGIONS[region];
        const https = await dig("HTTPS", subnet);
        const [, ttl, rdata] = /^www\.gslb\.example\.\s+(\d+)\s+IN\s+HTTPS\s+(.*)$/m.exec(https)!;
        expect(rdata).toBe(`1 . alpn="h3,h2" port=8443 ipv4hint=${address}`);
        const a = await dig("A", subnet);
        expect(a).toMatch(new RegExp(`\\s${ttl}\\s+IN\\s+A\\s+${address.replaceAll(".", "\\.")}$`, "m"));
        expect(scopeIn(https)).toBe(scopeIn(a));
      }
    },
  );

  test("every address of the announced scope gets the same region", async () => {
    for (const region of Object.keys(REGIONS) as Region[]) {
      const message = await ask(region);
      const bits = message.opt!.options.find(({ code }) => code === 8)!.data[3]!;
      const octets = REGIONS[region].subnet.split(/[./]/).map(Number);
      const start = ((octets[0]! << 24) | (octets[1]! << 16) | (octets[2]! << 8)) >>> 0;
      const size = 2 ** (32 - bits);
      const first = Math.floor(start / size) * size;
      for (const place of [0, 0.25, 0.5, 0.75, 0.999]) {
        const at = first + Math.floor(size * place);
        const prefix = `${[24, 16, 8, 0].map((shift) => Math.floor(at / 2 ** shift) % 256).join(".")}/32`;
        const packet = buildQuery({ name: "www.gslb.example.", edns: { options: [ecsOption(prefix)] } });
        const other = readMessage((await askTcp(server, packet))!);
        expect(addressOf(other), `${prefix}, in the /${bits} of ${region}`).toBe(addressOf(message));
        expect(other.opt!.options[0]!.data[3]).toBe(bits);
      }
    }
  });

  test("a region dies: its clients get the next one in time; it returns: they do too", async () => {
    await origins.get("eu")!.stop();
    const stoppedMs = performance.now();
    const limitMs = FALL * INTERVAL_MS + TIMEOUT_MS + INTERVAL_MS + SLACK_MS;
    const awayMs = await untilServed("eu", "us", stoppedMs, limitMs);
    expect(addressOf(await ask("us"))).toBe(REGIONS.us.address);
    expect(addressOf(await ask("asia"))).toBe(REGIONS.asia.address);

    await origins.get("eu")!.start();
    const startedMs = performance.now();
    const backMs = await untilServed(
      "eu",
      "eu",
      startedMs,
      RISE * INTERVAL_MS + TIMEOUT_MS + INTERVAL_MS + SLACK_MS,
    );
    console.log(`away after ${awayMs.toFixed(0)} ms, back after ${backMs.toFixed(0)} ms`);
    expect(awayMs).toBeGreaterThan((FALL - 1) * INTERVAL_MS - 50);
  });

  test("all regions die: the clients are answered all the same", async () => {
    for (const origin of origins.values()) await origin.stop();
    await new Promise((resolve) =>
      setTimeout(resolve, FALL * INTERVAL_MS + TIMEOUT_MS + INTERVAL_MS + SLACK_MS),
    );
    for (const region of Object.keys(REGIONS) as Region[]) {
      expect(addressOf(await ask(region)), region).toBe(REGIONS[region].address);
    }
    for (const origin of origins.values()) await origin.start();
  });
});
