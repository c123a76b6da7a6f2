import { createSocket, type Socket } from "node:dgram";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Child, startChild } from "../test/support/child.ts";
import { histogram, quantile } from "./support/distribution.ts";
import { alignColumns, format, type Goal, publish } from "./support/report.ts";
import { queryPacket } from "./support/server.ts";

/**
 * Ends a target again and again while the server is asked every 10 ms, and measures how long its address is still
 * answered: from the end of the target, and from the verdict in the log.
 */
const { values: options } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    write: { type: "boolean", default: false },
    /** This process is a target: `address:port`. */
    target: { type: "string" },
  },
});

const INTERVAL_MS = 250;
const TIMEOUT_MS = 200;
const ASK_MS = 10;
/** Longest wait for anything: then something is wrong. */
const LIMIT_MS = 10_000;
/** A line of progress after so many of them: 300 take some eight minutes. */
const PROGRESS = 20;
const FIRST = "127.0.21.1";
const SECOND = "127.0.21.2";
const TYPE_A = 1;

interface Case {
  name: string;
  fall: number;
  /** SIGKILL: connections are refused. SIGSTOP: the kernel accepts them, and nobody answers. */
  signal: "SIGKILL" | "SIGSTOP";
  kills: number;
  limitMs: number;
}

interface Sample {
  /** From the end of the target to the first correct answer. */
  endToAnswerMs: number;
  /** From the verdict to the first correct answer. */
  verdictToAnswerMs: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** An HTTP server that answers every request, until it is ended. */
function serveTarget(place: string): void {
  const [address, port] = place.split(":");
  createServer((_, response) => response.end("ok\n")).listen(Number(port), address, () =>
    console.log("serving"),
  );
}

async function startTarget(address: string, port: number): Promise<Child> {
  const child = startChild(process.execPath, [process.argv[1]!, "--target", `${address}:${port}`], {
    lifetimeMs: 3_600_000,
  });
  await child.waitFor(/serving/);
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, FIRST, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startServer(
  folder: string,
  port: number,
  fall: number,
): Promise<{ child: Child; port: number }> {
  mkdirSync(join(folder, "zones"), { recursive: true });
  writeFileSync(
    join(folder, "steerd.yaml"),
    'listen: ["127.0.0.1:0"]\nzones: ./zones\nnameservers: [ns1.example.net.]\napi: {listen: "127.0.0.1:0"}\n',
  );
  writeFileSync(
    join(folder, "zones", "gslb.example.yaml"),
    `ttl: 1
checks:
  web: {type: http, port: ${port}, interval: ${INTERVAL_MS}ms, timeout: ${TIMEOUT_MS}ms, fall: ${fall}, rise: 1, damping: 0s}
pools:
  first: {check: web, endpoints: [${FIRST}]}
  second: {endpoints: [${SECOND}]}
records:
  www: {policy: {failover: [first, second]}}
`,
  );
  const args = ["bin/steerd", "serve", "--config", join(folder, "steerd.yaml")];
  const child = startChild(process.execPath, args, { lifetimeMs: 3_600_000 });
  const [, answering] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/);
  return { child, port: Number(answering) };
}

/** Asks every 10 ms, whatever becomes of earlier queries, and calls `onAnswer` with each address that comes back. */
async function startAsking(port: number, onAnswer: (address: string) => void): Promise<() => void> {
  const socket: Socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.connect(port, "127.0.0.1", resolve));
  const packet = queryPacket("www.gslb.example.", TYPE_A);
  // One answer of one A record: its address is the last four octets.
  socket.on("message", (reply) => onAnswer([...reply.subarray(-4)].join(".")));
  const timer = setInterval(() => socket.send(packet), ASK_MS);
  return () => {
    clearInterval(timer);
    socket.close();
  };
}

/** When the log says that the first address went down, in milliseconds since 1970. */
async function verdictMs(server: Child, offset: number): Promise<number> {
  const begin = performance.now();
  for (;;) {
    const lines = server.stdout().slice(offset).split("\n");
    const line = lines.find((each) => each.includes('"event":"endpoint"') && each.includes('"to":"down"'));
    if (line?.endsWith("}")) return Date.parse((JSON.parse(line) as { time: string }).time);
    if (performance.now() - begin > LIMIT_MS) throw new Error(`no verdict in the log\n${server.stdout()}`);
    await sleep(2);
  }
}

/** What one case found. */
interface Found {
  samples: Sample[];
  /** How often the target was withdrawn although it was there. */
  falseAlarms: number;
}

async function measure({ name, fall, signal, kills }: Case): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), "steerd-bench-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const targetPort = await freePort();
  let target = await startTarget(FIRST, targetPort);
  const server = await startServer(folder, targetPort, fall);
  let waiting: { address: string; done: (wallMs: number) => void } | null = null;
  let latest = "";
  const stopAsking = await startAsking(server.port, (address) => {
    latest = address;
    if (waiting?.address !== address) return;
    const { done } = waiting;
    waiting = null;
    done(performance.timeOrigin + performance.now());
  });
  /** When the address is answered first from now on, in milliseconds since 1970. */
  const answered = (address: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${address} is not answered`)), LIMIT_MS);
      waiting = {
        address,
        done: (wallMs) => {
          clearTimeout(timer);
          resolve(wallMs);
        },
      };
    });
  const samples: Sample[] = [];
  let falseAlarms = 0;
  while (samples.length < kills) {
    await answered(FIRST);
    // Anywhere between two probes, and the one under way may have been answered or not.
    await sleep(INTERVAL_MS + Math.random() * INTERVAL_MS);
    if (latest !== FIRST) {
      falseAlarms += 1;
      if (falseAlarms > kills) throw new Error(`${name}: the target is withdrawn again and again, alive`);
      continue;
    }
    const offset = server.child.stdout().length;
    const next = answered(SECOND);
    const endedMs = performance.timeOrigin + performance.now();
    target.signal(signal);
    const answeredMs = await next;
    samples.push({
      endToAnswerMs: answeredMs - endedMs,
      verdictToAnswerMs: answeredMs - (await verdictMs(server.child, offset)),
    });
    if (samples.length % PROGRESS === 0) console.error(`${name}: ${samples.length} of ${kills}`);
    if (signal === "SIGSTOP") target.signal("SIGCONT");
    else {
      await target.exited;
      target = await startTarget(FIRST, targetPort);
    }
  }
  stopAsking();
  target.signal("SIGCONT");
  await Promise.all([server.child.stop(), target.stop()]);
  return { samples, falseAlarms };
}

async function run(): Promise<void> {
  const kills = Number(options.kills);
  const fewer = Math.ceil(kills / 4);
  const cases: Case[] = [
    { name: "killed, fall 2", fall: 2, signal: "SIGKILL", kills, limitMs: 1000 },
    { name: "stopped, fall 2", fall: 2, signal: "SIGSTOP", kills: fewer, limitMs: 1000 },
    { name: "killed, fall 1", fall: 1, signal: "SIGKILL", kills: fewer, limitMs: 350 },
  ];
  const rows = [["end to answer, ms", "times", "least", "median", "p90", "p99", "most", "false alarms"]];
  const histograms: string[] = [];
  const goals: Goal[] = [];
  const data: Record<string, Sample[]> = {};
  const verdictToAnswer: number[] = [];
  for (const each of cases) {
    const { samples, falseAlarms } = await measure(each);
    data[each.name] = samples;
    const times = samples.map(({ endToAnswerMs }) => endToAnswerMs);
    verdictToAnswer.push(...samples.map(({ verdictToAnswerMs }) => verdictToAnswerMs));
    rows.push([each.name, String(times.length), ...summary(times), String(falseAlarms)]);
    histograms.push("", `${each.name}: end to answer`, ...histogram(times, 50));
    goals.push({
      name: `${each.name}, p99`,
      measured: quantile(times, 0.99),
      limit: each.limitMs,
      unit: "ms",
    });
  }
  rows.push(["verdict to answer", String(verdictToAnswer.length), ...summary(verdictToAnswer), ""]);
  histograms.push("", "verdict to answer", ...histogram(verdictToAnswer, 5));
  goals.push({ name: "verdict to answer", measured: Math.max(...verdictToAnswer), limit: 50, unit: "ms" });
  const settings = `interval ${INTERVAL_MS} ms, timeout ${TIMEOUT_MS} ms, a query every ${ASK_MS} ms`;
  publish("failover", [settings, "", ...alignColumns(rows), ...histograms], goals, data);
}

function summary(values: readonly number[]): string[] {
  return [0, 0.5, 0.9, 0.99, 1].map((share) => format(quantile(values, share)));
}

if (options.target === undefined) await run();
else serveTarget(options.target);
