/**
 * Two UDP workers behind one port: a socket for each (SO_REUSEPORT), or one socket that both read. Throughput, processor
 * time a query, how evenly the workers share, and what becomes of queries that wait when a worker dies.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { answerMessage } from "../src/answer.ts";
import { exchangeBatch } from "../src/serve/batch.ts";
import { type Kernel, loadKernel, MSG_DONTWAIT, MSG_WAITFORONE } from "../src/serve/kernel.ts";
import { createMessageBlock } from "../src/serve/message-block.ts";
import type { Plane } from "../src/serve/plane.ts";
import { createOptionBlock, openUdpSocket } from "../src/serve/udp-sockets.ts";
import { Generator } from "./load/generator.ts";
import type { Server } from "./load/peers.ts";
import { pin } from "./load/processor.ts";
import { type Measured, measureRun, median, spread } from "./load/target.ts";
import { makeNamesWorkload, ORIGIN, staticAddress, staticName } from "./load/workloads.ts";
import { alignColumns, publish } from "./support/report.ts";
import { contextOf } from "./support/server.ts";

const NAMES = 1_000;
const WORKERS = 2;
/** Words shared with the workers: whether each is to stand still, and the queries that it has had. */
const HELD = 0;
const COUNTS = WORKERS;

interface Work {
  index: number;
  fds: number[];
  words: Int32Array;
}

async function kernelOrThrow(): Promise<Kernel> {
  const kernel = await loadKernel();
  if (typeof kernel === "string") throw new Error(kernel);
  return kernel;
}

/** Answers on its descriptors without an end; stands still while its word says so. */
async function work({ index, fds, words }: Work): Promise<void> {
  const kernel = await kernelOrThrow();
  const lines = ["@ 300 SOA ns1 hostmaster 1 3600 600 86400 60", "@ 300 NS ns1", "ns1 300 A 192.0.2.53"];
  for (let name = 0; name < NAMES; name++) lines.push(`${staticName(name)} 300 A ${staticAddress(name)}`);
  const context = contextOf({ [`${ORIGIN}zone`]: `${lines.join("\n")}\n` });
  const block = createMessageBlock(kernel, 16, false);
  const plane: Plane = {
    client: context.client,
    clockS: context.clockS,
    counters: context.counters,
    answer: (packet, length, out) => answerMessage(packet, length, context, out),
    log: () => undefined,
  };
  parentPort!.postMessage("ready");
  for (;;) {
    if (Atomics.load(words, HELD + index) !== 0) Atomics.wait(words, HELD + index, 1);
    for (const fd of fds) {
      const flags = fds.length === 1 ? MSG_WAITFORONE : MSG_DONTWAIT;
      const received = exchangeBatch(kernel, block, fd, 4, false, flags, plane);
      if (received > 0) Atomics.add(words, COUNTS + index, received);
    }
  }
}

/** The process with the workers. `own-covered`: the first worker also reads the other's socket, as one whose neighbour died. */
async function serve(mode: string): Promise<void> {
  const kernel = await kernelOrThrow();
  const options = createOptionBlock(kernel);
  const opened: number[] = [];
  let port = 0;
  while (opened.length < (mode === "shared" ? 1 : WORKERS)) {
    const listener = { host: "127.0.0.1", port, family: 4 } as const;
    const socket = openUdpSocket(kernel, options, listener, mode !== "shared", 4 * 2 ** 20);
    if (!("fd" in socket)) throw new Error(socket.code);
    port = socket.listener.port;
    opened.push(socket.fd);
  }
  const words = new Int32Array(new SharedArrayBuffer(64));
  for (let index = 0; index < WORKERS; index++) {
    const fds = mode === "own-covered" && index === 0 ? opened : [opened[index % opened.length]!];
    const worker = new Worker(process.argv[1]!, { workerData: { index, fds, words } satisfies Work });
    await new Promise((resolve) => worker.once("message", resolve));
  }
  createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "counts") console.log(`counts ${words[COUNTS]} ${words[COUNTS + 1]}`);
    if (line === "hold") {
      words.fill(1, HELD, HELD + WORKERS);
      // Longer than a worker blocks in recvmmsg.
      setTimeout(() => console.log("held"), 150);
    }
    // The second one is dead.
    if (line === "release") {
      setTimeout(() => {
        Atomics.store(words, HELD, 0);
        Atomics.notify(words, HELD);
      }, 60);
      console.log("releasing");
    }
  });
  console.log(`ready ${port}`);
}

interface Host {
  server: Server;
  child: ChildProcess;
  /** Sends a line and waits for the one that answers it. */
  tell(line: string, answer: RegExp): Promise<RegExpMatchArray>;
}

async function host(mode: string, cores: string): Promise<Host> {
  // Ends by itself when this process is gone: nothing keeps its event loop but standard input.
  const command = ["-c", cores, process.execPath, process.argv[1]!, "--serve", mode];
  const child = spawn("taskset", command, { stdio: ["pipe", "pipe", "inherit"] });
  process.once("exit", () => child.kill("SIGKILL"));
  const lines: string[] = [];
  let wake = (): void => undefined;
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    wake();
  });
  const heard = async (answer: RegExp): Promise<RegExpMatchArray> => {
    for (;;) {
      const line = lines.shift();
      if (line === undefined) await new Promise<void>((resolve) => (wake = resolve));
      else if (answer.test(line)) return answer.exec(line)!;
    }
  };
  const port = Number((await heard(/^ready (\d+)/))[1]);
  const server = { name: mode, version: "", pid: child.pid!, port } as Server;
  return {
    server,
    child,
    tell: (line, answer) => {
      child.stdin.write(`${line}\n`);
      return heard(answer);
    },
  };
}

const WINDOW = 512;
const BURST = 400;
const workload = makeNamesWorkload(NAMES);

interface Row {
  mode: string;
  cores: string;
  runs: Measured[];
  /** Share of the queries that the first worker answered. */
  firstShare: number;
}

async function compare(generator: Generator, cores: string, rounds: number): Promise<Row[]> {
  const hosts = await Promise.all(["own", "shared"].map((mode) => host(mode, cores)));
  const rows: Row[] = hosts.map(({ server }) => ({ mode: server.name, cores, runs: [], firstShare: 0 }));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, { server }] of hosts.entries()) {
      const run = measureRun(
        generator,
        { server, resolverAddress: 0 },
        workload,
        { warmUpMs: 300, durationMs: 700 },
        (options) => generator.saturate(options, WINDOW),
      );
      if (run.wrong > 0) throw new Error(`${run.wrong} wrong replies: ${run.firstWrong}`);
      // The first round warms the code up.
      if (round > 0) rows[index]!.runs.push(run);
    }
  }
  for (const [index, { tell, child }] of hosts.entries()) {
    const [, first, second] = await tell("counts", /^counts (\d+) (\d+)/);
    rows[index]!.firstShare = Number(first) / (Number(first) + Number(second));
    child.kill("SIGKILL");
  }
  return rows;
}

/** Queries that arrive while no worker reads; then one worker goes on, and the other never does. How many get a reply? */
async function survive(generator: Generator, mode: string): Promise<number> {
  const { server, tell, child } = await host(mode, "0");
  generator.aim(server.port);
  await tell("hold", /^held/);
  await tell("release", /^releasing/);
  const options = {
    workload,
    resolverAddress: 0,
    warmUpMs: 0,
    durationMs: 20,
    atBoundary: () => undefined,
  };
  const { lost } = generator.pace(options, (BURST * 1000) / 20);
  child.kill("SIGKILL");
  return BURST - lost;
}

async function main(): Promise<void> {
  pin(process.pid, "1");
  const generator = await Generator.open(16);
  const rows = [...(await compare(generator, "0", 8)), ...(await compare(generator, "0,1", 8))];
  const head = ["two workers", "cores", "queries/s", "us/query", "first worker's share"];
  const table = rows.map(({ mode, cores, runs, firstShare }) => [
    mode === "own" ? "a socket each" : "one socket",
    cores,
    `${spread(
      runs.map((run) => run.queriesPerSecond / 1000),
      0,
    )}k`,
    spread(
      runs.map((run) => run.totalUs),
      2,
    ),
    `${(100 * firstShare).toFixed(0)}%`,
  ]);
  const survival: [string, number][] = [];
  for (const mode of ["own", "own-covered", "shared"]) survival.push([mode, await survive(generator, mode)]);
  generator.close();
  const lines = [
    ...alignColumns([head, ...table]),
    "",
    `replies to ${BURST} queries that waited when one of two workers died:`,
  ];
  const names: Record<string, string> = {
    own: "a socket each",
    "own-covered": "a socket each, the other worker reads both",
    shared: "one socket",
  };
  lines.push(...alignColumns(survival.map(([mode, replies]) => [names[mode]!, String(replies)])));
  const data = rows.map(({ runs, ...row }) => ({
    ...row,
    queriesPerSecond: median(runs.map((run) => run.queriesPerSecond)),
    usPerQuery: median(runs.map((run) => run.totalUs)),
  }));
  publish("sockets", lines, [], { rows: data, survival });
}

const { values } = parseArgs({
  options: { serve: { type: "string", default: "" }, write: { type: "boolean", default: false } },
});
if (!isMainThread) await work(workerData as Work);
else if (values.serve !== "") await serve(values.serve);
else await main();
