import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { HealthPlan, ProbeTarget } from "../../src/health/plan.ts";
import type { HealthClock } from "../../src/health/probe.ts";
import { createProber, type Prober } from "../../src/health/prober.ts";
import { prepareProbe } from "../../src/health/probes/prepare.ts";
import { reasonText } from "../../src/health/reasons.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  POOL_ROW_FAILED,
  ROW_RESULTS,
  ROW_STATE,
  STATE_UP,
} from "../../src/health/rows.ts";
import type { EndpointTransition } from "../../src/health/transitions.ts";

const clock: HealthClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: setTimeout,
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const servers = new Map<Server, Set<Socket>>();
let prober: Prober | null = null;

afterEach(() => {
  prober?.stop();
  for (const server of servers.keys()) kill(server);
});

async function serve(onSocket: (socket: Socket) => void, host = "0.0.0.0", port = 0): Promise<Server> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    onSocket(socket);
  });
  servers.set(server, sockets);
  server.listen({ port, host, backlog: 1_024 });
  await once(server, "listening");
  return server;
}

function kill(server: Server): void {
  server.close();
  for (const socket of servers.get(server) ?? []) socket.destroy();
  servers.delete(server);
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
const healthy = (socket: Socket): void => {
  socket.once("data", () => socket.end(OK));
};

interface Timing {
  intervalMs: number;
  timeoutMs: number;
  fall: number;
  rise: number;
}

function target(row: number, address: string, port: number, timing: Timing): ProbeTarget {
  return {
    row,
    keyHigh: 1,
    keyLow: row + 1,
    address,
    family: 4,
    zone: "z.",
    pool: "p",
    endpoint: address,
    check: {
      type: "http",
      name: "web",
      port,
      path: "/",
      host: "",
      expectStatus: [],
      expectBody: "ok",
      verify: true,
      ...timing,
    },
  };
}

function planOf(targets: ProbeTarget[]): HealthPlan {
  const endpoints = targets.map(({ row }) => [row]);
  return {
    targets,
    pools: [
      {
        row: 0,
        keyHigh: 1,
        keyLow: 1,
        zone: "z.",
        pool: "p",
        endpoints,
        minHealthy: { count: 1 },
        dualStack: "any",
      },
    ],
  };
}

async function until(isSo: () => boolean, limitMs: number): Promise<number> {
  const startMs = performance.now();
  while (!isSo()) {
    if (performance.now() - startMs > limitMs) throw new Error(`not so after ${limitMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return performance.now() - startMs;
}

describe("the prober on real sockets", () => {
  it("withdraws a killed origin within fall x interval + timeout, and brings it back", async () => {
    const timing = { intervalMs: 200, timeoutMs: 150, fall: 3, rise: 2 };
    const rows = allocateHealthRows(4, 1);
    const transitions: EndpointTransition[] = [];
    let server = await serve(healthy, "127.0.0.1");
    const port = portOf(server);
    let rounds = 0;
    prober = createProber({
      rows,
      clock,
      random: Math.random,
      prepare: prepareProbe,
      onTransition: (transition) => transitions.push(transition),
      onPoolTransition: () => {},
      onLatchMove: () => {},
      onRoundDone: () => {
        rounds += 1;
      },
    });
    prober.setPlan(planOf([target(0, "127.0.0.1", port, timing)]));
    await until(() => rounds === 1, 5_000);
    const failed = (): boolean => rows.pools[POOL_ROW_FAILED] === 1;
    expect(failed()).toBe(false);
    kill(server);
    const downMs = await until(failed, 10_000);
    server = await serve(healthy, "127.0.0.1", port);
    const upMs = await until(() => !failed(), 10_000);
    console.log(`down after ${downMs.toFixed(0)} ms, up after ${upMs.toFixed(0)} ms`);
    // On a quiet machine 400 to 600 ms down and 200 to 400 ms up; the slack is for a busy one.
    expect(downMs).toBeGreaterThan((timing.fall - 1) * timing.intervalMs * 0.5);
    expect(downMs).toBeLessThan(timing.fall * timing.intervalMs + timing.timeoutMs + 1_000);
    expect(upMs).toBeLessThan((timing.rise + 1) * timing.intervalMs + timing.timeoutMs + 1_000);
    expect(transitions.map(({ from, to, reason }) => `${from} ${to} ${reasonText(reason)}`)).toEqual([
      "unknown up ok",
      "up down refused",
      "down up ok",
    ]);
  });

  it("row 66: targets that hang, drip, reset or never end do not touch the others", async () => {
    const timing = { intervalMs: 800, timeoutMs: 400, fall: 3, rise: 2 };
    const good = await serve(healthy);
    const hang = await serve(() => {});
    const drip = await serve((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n");
        const timer = setInterval(() => socket.write("x"), 50);
        socket.on("close", () => clearInterval(timer));
      });
    });
    const reset = await serve((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const endless = await serve((socket) => {
      socket.once("data", () => socket.write(`HTTP/1.1 200 OK\r\n\r\n${"y".repeat(100_000)}`));
    });
    const kinds = [hang, hang, drip, reset, endless, good, good, good];
    const targets = Array.from({ length: 400 }, (_, row) =>
      target(row, `127.0.${1 + (row >> 7)}.${1 + (row & 127)}`, portOf(kinds[row % kinds.length]!), timing),
    );
    const rows = allocateHealthRows(512, 1);
    const falls = new Set<string>();
    let rounds = 0;
    let most = 0;
    prober = createProber({
      rows,
      clock,
      random: Math.random,
      prepare: prepareProbe,
      onTransition: ({ from, to, reason }) => {
        if (to === "down") falls.add(`${from} ${reasonText(reason)}`);
      },
      onPoolTransition: () => {},
      onLatchMove: () => {},
      onRoundDone: () => {
        rounds += 1;
      },
    });
    prober.setPlan(planOf(targets));
    await until(() => {
      most = Math.max(most, prober!.stats().inFlight);
      return rounds === 1;
    }, 20_000);
    const results = (row: number): number => rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_RESULTS]!;
    await until(() => targets.every(({ row }) => results(row) >= 4), 30_000);
    for (const { row } of targets) {
      const up = (rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]! & STATE_UP) !== 0;
      expect(up).toBe(kinds[row % kinds.length] === good);
    }
    expect([...falls].filter((fall) => fall.startsWith("up"))).toEqual([]);
    for (const reason of ["timeout-headers", "timeout-body", "body-mismatch"])
      expect(falls).toContain(`unknown ${reason}`);
    // A probe holds a socket for its timeout at most: 150 that hang or drip, 400 of every 800 ms.
    expect(most).toBeLessThanOrEqual(400);
  });
});
