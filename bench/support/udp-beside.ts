import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Child, startChild } from "../../test/support/child.ts";
import { Generator, type RunResult } from "../load/generator.ts";
import { addressNumber, buildWorkload, ORIGIN, type Workload } from "../load/workloads.ts";
import { queryPacket } from "./server.ts";
import { type ThreadTimes, taken, threadTimes } from "./threads.ts";

/** What queries cost a server in one round. */
export interface Beside {
  replies: number;
  lost: number;
  wrong: number;
  /** Processor time of the thread that answers. */
  microsecondsPerQuery: number;
  /** Processor time of the thread that takes most without queries, in percent of a core. */
  probePercent: number;
}

/** Rounds in turn: the server that does not probe, and the one that does. */
export interface BesideRounds {
  alone: Beside[];
  probing: Beside[];
}

const TYPE_A = 1;
const NOERROR = 0;
const SOCKETS = 8;
/** Until every address has been probed twice. */
const START_MS = 4_000;
/** Until a server that stood still is back in its rhythm. */
const SETTLE_MS = 2_000;
const WARM_UP_MS = 500;
const LOOK_MS = 1_000;
/** Between bursts of queries the generator sleeps: server, probes, nginx and it share the cores of one machine. */
const REST_MS = 0.2;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The thread for which `weight` of its time is the largest. */
function foremost(times: ThreadTimes, weight: (ns: number, thread: string) => number): string {
  const [first] = [...times].sort(
    ([left, leftNs], [right, rightNs]) => weight(rightNs, right) - weight(leftNs, left),
  );
  return first![0];
}

/** A thread that takes less in a look does nothing. */
const IDLE_NS = 5e6;

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

/** Asks servers at one rate. */
class Asker {
  private readonly generator: Generator;
  private readonly workload: Workload;
  private readonly rate: number;

  constructor(generator: Generator, address: string, rate: number) {
    this.generator = generator;
    this.rate = rate;
    const query = {
      packet: queryPacket(`www.${ORIGIN}`, TYPE_A, null),
      rcode: NOERROR,
      address: addressNumber(address),
    };
    this.workload = buildWorkload("beside", () => query);
  }

  /** Nothing else of this process runs meanwhile. */
  ask(port: number, durationMs: number, atBoundary: () => void): RunResult {
    const { generator, workload, rate } = this;
    generator.aim(port);
    const times = { warmUpMs: WARM_UP_MS, durationMs, restMs: REST_MS };
    return generator.pace({ workload, resolverAddress: 0, ...times, atBoundary }, rate);
  }

  close(): void {
    this.generator.close();
  }
}

/** A server that stands still (SIGSTOP) but in its rounds. */
class Server {
  readonly child: Child;
  private readonly port: number;
  /** The thread that takes most without queries, and the one that takes many times more with them. */
  private probeThread = "";
  private answerThread = "";

  private constructor(child: Child, port: number) {
    this.child = child;
    this.port = port;
  }

  static async start(
    addresses: readonly string[],
    port: number,
    probes: boolean,
    asker: Asker,
  ): Promise<Server> {
    const file = writeConfiguration(addresses, port, probes);
    const args = ["bin/steerd", "serve", "--config", file];
    const child = startChild(process.execPath, args, { lifetimeMs: 600_000 });
    const [, answering] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/, 60_000);
    const server = new Server(child, Number(answering));
    await server.findThreads(asker);
    child.signal("SIGSTOP");
    return server;
  }

  async round(asker: Asker, durationMs: number): Promise<Beside> {
    this.child.signal("SIGCONT");
    await sleep(SETTLE_MS);
    const { run, times } = this.asked(asker, durationMs);
    this.child.signal("SIGSTOP");
    const { replies, lost, wrong } = run;
    return {
      ...{ replies, lost, wrong },
      microsecondsPerQuery: times.get(this.answerThread)! / 1_000 / replies,
      probePercent: times.get(this.probeThread)! / 10_000 / durationMs,
    };
  }

  async stop(): Promise<void> {
    this.child.signal("SIGCONT");
    await this.child.stop();
  }

  private async findThreads(asker: Asker): Promise<void> {
    await sleep(START_MS);
    const before = threadTimes(this.child.pid);
    await sleep(LOOK_MS);
    const idle = taken(before, threadTimes(this.child.pid));
    const { times } = this.asked(asker, LOOK_MS);
    this.probeThread = foremost(idle, (ns) => ns);
    // A thread that probes takes more time than one that answers, and not the same in every second.
    this.answerThread = foremost(times, (ns, thread) => ns / (IDLE_NS + (idle.get(thread) ?? 0)));
  }

  private asked(asker: Asker, durationMs: number): { run: RunResult; times: ThreadTimes } {
    const looks: ThreadTimes[] = [];
    const run = asker.ask(this.port, durationMs, () => {
      looks.push(threadTimes(this.child.pid));
    });
    return { run, times: taken(looks[0]!, looks[1]!) };
  }
}

/**
 * Two servers with these addresses, one that probes them every second and one that does not, answer `rate` queries a
 * second in turn: a machine that is busier in one minute than in the next changes no ratio within a round.
 */
export async function measureBeside(
  addresses: readonly string[],
  port: number,
  rate: number,
  rounds: number,
  roundMs: number,
): Promise<BesideRounds> {
  const asker = new Asker(await Generator.open(SOCKETS), addresses[0]!, rate);
  const alone = await Server.start(addresses, port, false, asker);
  const probing = await Server.start(addresses, port, true, asker);
  const result: BesideRounds = { alone: [], probing: [] };
  for (let round = 0; round < rounds; round++) {
    result.alone.push(await alone.round(asker, roundMs));
    result.probing.push(await probing.round(asker, roundMs));
  }
  asker.close();
  await Promise.all([alone.stop(), probing.stop()]);
  return result;
}
