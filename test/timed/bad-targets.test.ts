import { readdirSync, readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import type { HealthPlan, ProbeTarget } from "../../src/health/plan.ts";
import type { HealthClock } from "../../src/health/probe.ts";
import { createProber } from "../../src/health/prober.ts";
import { prepareProbe } from "../../src/health/probes/prepare.ts";
import { reasonText } from "../../src/health/reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  ROW_REASON,
  ROW_RESULTS,
  ROW_STATE,
  STATE_UP,
} from "../../src/health/rows.ts";
import { type Child, startChild } from "../support/child.ts";

const children: Child[] = [];

afterAll(async () => {
  for (const child of children) {
    child.signal("SIGCONT");
    await child.stop();
  }
});

/** Servers that misbehave, and one that does not; a line with their ports. */
const SERVERS = `
const { createServer } = require("node:net");
const kinds = {
  slow(socket) {
    socket.write("HTTP/1.1 200 OK\\r\\nContent-Length: 99999\\r\\n\\r\\n");
    const timer = setInterval(() => socket.write("x"), 400);
    socket.on("close", () => clearInterval(timer));
  },
  reset(socket) { socket.resetAndDestroy(); },
  endless(socket) {
    const more = () => { while (!socket.destroyed && socket.write("y".repeat(16384))); };
    socket.write("HTTP/1.1 200 OK\\r\\n\\r\\n");
    socket.on("drain", more);
    more();
  },
  good(socket) { socket.end("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"); },
};
const ports = {};
for (const [kind, answer] of Object.entries(kinds)) {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => answer(socket));
  });
  server.listen({ host: "0.0.0.0", port: 0, backlog: 4096 }, () => {
    ports[kind] = server.address().port;
    if (Object.keys(ports).length === 4) console.log("ports " + JSON.stringify(ports));
  });
}`;

/** Nobody accepts: once the queue of one is full, the kernel answers no more connections. */
const BLACK_HOLE = `
const server = require("node:net").createServer();
server.listen({ host: "0.0.0.0", port: 0, backlog: 1 }, () => console.log("ports " + server.address().port));`;

async function start(program: string): Promise<{ child: Child; ports: string }> {
  const child = startChild(process.execPath, ["-e", program], { lifetimeMs: 60_000, guarded: false });
  children.push(child);
  const [, ports] = await child.waitFor(/ports (.*)/);
  return { child, ports: ports! };
}

const clock: HealthClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (fire, delayMs) => setTimeout(fire, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

const BAD = 5_000;
const GOOD = 500;
/** Half of them are silent, a quarter slow; the rest reset the connection or never end. */
const KINDS = ["hole", "slow", "hole", "reset", "hole", "slow", "hole", "endless"] as const;
const REASONS = {
  // The first two connections find room in the queue.
  hole: /^timeout-(connect|headers)$/,
  slow: /^timeout-body$/,
  reset: /^reset$/,
  endless: /^body-mismatch$/,
};
const TEST_MS = 9_000;
const BAD_TIMING = { intervalMs: 4_000, timeoutMs: 1_000, fall: 3, rise: 2 };
const GOOD_TIMING = { intervalMs: 1_000, timeoutMs: 900, fall: 3, rise: 2 };

function planOf(ports: Record<string, number>): HealthPlan {
  const targets = Array.from({ length: BAD + GOOD }, (_, row): ProbeTarget => {
    const isGood = row >= BAD;
    const port = ports[isGood ? "good" : KINDS[row % KINDS.length]!]!;
    const address = `127.2.${row >> 8}.${row & 255}`;
    const http = { path: "/", host: "", verify: false, expectStatus: [], expectBody: "ok" };
    const timing = isGood ? GOOD_TIMING : BAD_TIMING;
    return {
      ...{ row, keyHigh: 1, keyLow: row + 1, address, family: 4, zone: "z.", pool: "p", endpoint: address },
      check: { type: "http", name: "web", port, ...http, ...timing },
    };
  });
  const endpoints = targets.map(({ row }) => [row]);
  const pool = { row: 0, keyHigh: 2, keyLow: 1, zone: "z.", pool: "p", endpoints };
  return { targets, pools: [{ ...pool, minHealthy: { count: 1 }, dualStack: "any" }] };
}

/** How long this thread was ready to run and had no processor (proc(5), schedstat). */
function waitedMs(): number {
  return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
}

const openFiles = (): number => readdirSync("/proc/self/fd").length;

it.skipIf(process.platform !== "linux")(
  "rows 59, 60 and 66: 5,000 bad targets leave the others on time, and sockets and memory bounded",
  { timeout: 60_000 },
  async () => {
    const [servers, hole] = await Promise.all([start(SERVERS), start(BLACK_HOLE)]);
    hole.child.signal("SIGSTOP");
    const plan = planOf({ ...JSON.parse(servers.ports), hole: Number(hole.ports) });
    const rows = allocateHealthRows(BAD + GOOD, 1);
    const falls: string[] = [];
    const filesBefore = openFiles();
    const prober = createProber({
      ...{ rows, clock, random: Math.random, prepare: prepareProbe },
      onTransition: ({ from, to, address, reason }) => {
        if (from === "up" && to === "down") falls.push(`${address} ${reasonText(reason)}`);
      },
      ...{ onPoolTransition: () => {}, onLatchMove: () => {}, onRoundDone: () => {} },
    });
    const waitedBefore = waitedMs();
    const residentBefore = process.memoryUsage.rss();
    prober.setPlan(plan);
    let inFlight = 0;
    let files = 0;
    const endMs = performance.now() + TEST_MS;
    while (performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      inFlight = Math.max(inFlight, prober.stats().inFlight);
      files = Math.max(files, openFiles() - filesBefore);
    }
    const { lateByMs, started } = prober.stats();
    const grown = process.memoryUsage.rss() - residentBefore;
    const waited = waitedMs() - waitedBefore;
    prober.stop();

    const word = (row: number, index: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!;
    const isUp = (row: number): boolean => (word(row, ROW_STATE) & STATE_UP) !== 0;
    const all = plan.targets.map(({ row }) => row);
    // Three quarters of the bad ones hold a socket until their deadline; at first they all start within half a second.
    expect(inFlight).toBeLessThanOrEqual(BAD + GOOD);
    expect(files).toBeLessThanOrEqual(BAD + GOOD + 100);
    expect(grown / 1e6).toBeLessThan(250);
    expect(all.slice(0, BAD).filter(isUp)).toEqual([]);
    // What follows is a matter of time: src/health/bad-targets.test.ts shows it on every machine, without sockets.
    if (waited > TEST_MS / 20) {
      console.warn(
        `the machine let the prober wait for ${Math.round(waited)} ms: only the bounds were checked`,
      );
      return;
    }
    // The others are up, never withdrawn, and asked in every round.
    expect(falls).toEqual([]);
    expect(all.filter(isUp)).toEqual(all.slice(BAD));
    expect(all.slice(BAD).filter((row) => word(row, ROW_RESULTS) < TEST_MS / 1_000 - 2)).toEqual([]);
    // Each of the bad ones is down for its own reason.
    for (const [row, kind] of KINDS.entries())
      expect(reasonText(word(row, ROW_REASON))).toMatch(REASONS[kind]);
    let late = 0;
    for (const [ms, count] of lateByMs.entries()) if (ms >= 100) late += count;
    expect(late / started).toBeLessThan(0.01 + waited / TEST_MS);
  },
);
