import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startChild } from "../../test/support/child.ts";
import { Generator } from "../load/generator.ts";
import { addressNumber, buildWorkload, ORIGIN } from "../load/workloads.ts";
import { queryPacket } from "./server.ts";

/** What queries cost a server that probes, or does not. */
export interface Beside {
  replies: number;
  lost: number;
  wrong: number;
  /** Processor time of the thread that answers. */
  microsecondsPerQuery: number;
}

const TYPE_A = 1;
const NOERROR = 0;
const SOCKETS = 8;
const SETTLE_MS = 4_000;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Processor time of each thread in nanoseconds (proc(5), schedstat). */
function threadTimes(pid: number): Map<string, number> {
  const times = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8");
    times.set(thread, Number(text.split(" ")[0]));
  }
  return times;
}

function writeConfiguration(addresses: readonly string[], port: number, probes: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), "steerd-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "zones"));
  writeFileSync(
    join(folder, "steerd.yaml"),
    'listen: ["127.0.0.1:0"]\nworkers: 1\nzones: ./zones\nnameservers: [ns1.example.net.]\n',
  );
  const check = probes ? "check: web, " : "";
  const [first, ...rest] = addresses;
  const lines = [
    `checks: {web: {type: http, port: ${port}, interval: 1s, timeout: 900ms, reuse: 10}}`,
    `pools: {first: {${check}endpoints: [${first}]}, rest: {${check}endpoints: [${rest.join(", ")}]}}`,
    "records: {www: {policy: first}, all: {policy: rest}}",
  ];
  writeFileSync(join(folder, "zones", `${ORIGIN.slice(0, -1)}.yaml`), `${lines.join("\n")}\n`);
  return join(folder, "steerd.yaml");
}

/**
 * A server with these addresses, probed every second or not at all, answers `rate` queries a second. The thread that
 * answers is the one whose share of a processor grows most with the queries.
 */
export async function measureBeside(
  addresses: readonly string[],
  port: number,
  probes: boolean,
  rate: number,
  durationMs: number,
): Promise<Beside> {
  const file = writeConfiguration(addresses, port, probes);
  const child = startChild(process.execPath, ["bin/steerd", "serve", "--config", file], {
    lifetimeMs: 300_000,
  });
  const [, udpPort] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/, 60_000);
  await sleep(SETTLE_MS);
  const idleBefore = threadTimes(child.pid);
  await sleep(durationMs / 2);
  const idleAfter = threadTimes(child.pid);
  const generator = await Generator.open(SOCKETS);
  generator.aim(Number(udpPort));
  const address = addressNumber(addresses[0]!);
  const workload = buildWorkload("beside", () => ({
    packet: queryPacket(`www.${ORIGIN}`, TYPE_A, null),
    rcode: NOERROR,
    address,
  }));
  const boundaries: Map<string, number>[] = [];
  const atBoundary = (): void => {
    boundaries.push(threadTimes(child.pid));
  };
  const run = generator.pace({ workload, resolverAddress: 0, warmUpMs: 1_000, durationMs, atBoundary }, rate);
  generator.close();
  await child.stop();
  const [before, after] = boundaries as [Map<string, number>, Map<string, number>];
  let grown = 0;
  let answeringNs = 0;
  for (const [thread, ns] of after) {
    const loadedNs = ns - (before.get(thread) ?? 0);
    const idleNs = ((idleAfter.get(thread) ?? 0) - (idleBefore.get(thread) ?? 0)) * 2;
    if (loadedNs - idleNs <= grown) continue;
    grown = loadedNs - idleNs;
    answeringNs = loadedNs;
  }
  const { replies, lost, wrong } = run;
  return { replies, lost, wrong, microsecondsPerQuery: answeringNs / 1_000 / replies };
}
