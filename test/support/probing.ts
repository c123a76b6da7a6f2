import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import type { CheckSpec, ProbeTarget } from "../../src/health/plan.ts";
import type { HealthClock, PrepareProbe, ProbeResult, RunningProbe } from "../../src/health/probe.ts";
import { prepareProbe } from "../../src/health/probes/prepare.ts";

export const realClock: HealthClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: setTimeout,
  clearTimer: () => {},
};

type Untimed<T> = T extends CheckSpec
  ? Omit<T, "name" | "intervalMs" | "timeoutMs" | "fall" | "rise">
  : never;

/** A target with a check of ordinary timing. */
export function targetOf(check: Untimed<CheckSpec>, address = "127.0.0.1"): ProbeTarget {
  const timing = { name: "check", intervalMs: 1_000, timeoutMs: 500, fall: 3, rise: 2 };
  return {
    ...{ row: 0, keyHigh: 1, keyLow: 1, address, family: address.includes(":") ? 6 : 4 },
    check: { ...timing, ...check } as CheckSpec,
    ...{ zone: "z.example.", pool: "p", endpoint: "lb1" },
  };
}

/** Runs one probe to its result; fails when it reports twice. `started` gets it, to end it early. */
export async function runProbe(
  target: ProbeTarget,
  prepare: PrepareProbe = prepareProbe,
  started: (running: RunningProbe) => void = () => {},
): Promise<ProbeResult> {
  const results: ProbeResult[] = [];
  await new Promise<void>((resolve) => {
    const running = prepare(
      target,
      realClock,
    )((result) => {
      results.push(result);
      resolve();
    });
    started(running);
  });
  await new Promise((resolve) => setTimeout(resolve, 5));
  if (results.length !== 1) throw new Error(`${results.length} results`);
  return results[0]!;
}

/** Listens on a free port of loopback; `closers` gets what ends the server and its connections. */
export async function listenOn(server: Server, closers: (() => void)[]): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
