import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { CheckSpec, HealthPlan, ProbeTarget } from "../src/health/plan.ts";
import type { HealthClock } from "../src/health/probe.ts";
import { createProber } from "../src/health/prober.ts";
import { prepareProbe } from "../src/health/probes/prepare.ts";
import { allocateHealthRows, ENDPOINT_ROW_WORDS, ROW_STATE, STATE_UP } from "../src/health/rows.ts";
import { YOUNG_MB as PROBE_YOUNG_MB } from "../src/serve/threads.ts";
import { makeCertificate } from "../test/support/certificates.ts";
import { hasNginx, startNginx } from "../test/support/nginx.ts";
import { quantile } from "./support/distribution.ts";
import { alignColumns, format, type Goal, publish } from "./support/report.ts";
import { taken, threadTimes } from "./support/threads.ts";
import { type Beside, type BesideRounds, measureBeside } from "./support/udp-beside.ts";

/**
 * Probes 10,000 addresses of loopback behind one nginx, each case in a process of its own that does nothing else: how late
 * probes start, and what they cost.
 */
const { values: options } = parseArgs({
  options: {
    endpoints: { type: "string", default: "10000" },
    /** Measured in each case, after as long as it takes that every address has been probed twice. */
    seconds: { type: "string", default: "20" },
    /** Cases whose name begins so; "udp": queries beside the probes. */
    only: { type: "string" },
    rate: { type: "string", default: "30000" },
    write: { type: "boolean", default: false },
    /** This process probes: a case as JSON. */
    case: { type: "string" },
  },
});

interface Case {
  name: string;
  check: CheckSpec;
  endpoints: number;
  seconds: number;
}

interface Outcome {
  probes: number;
  probesPerSecond: number;
  /** User and kernel time of the process, in percent of one core: the thread that probes, and those that V8 has for it. */
  corePercent: number;
  /** Of that, the thread that probes alone. */
  threadPercent: number;
  /** Of that, in the kernel. */
  kernelPercent: number;
  microsecondsPerProbe: number;
  lateMedianMs: number;
  lateP99Ms: number;
  lateMostMs: number;
  voided: number;
  down: number;
  residentMegabytes: number;
}

const clock: HealthClock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer: (fire, delayMs) => setTimeout(fire, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** 127.1.0.0 and what follows. */
const addressOf = (index: number): string => `127.1.${index >> 8}.${index & 255}`;

function planOf(check: CheckSpec, endpoints: number): HealthPlan {
  const targets = Array.from({ length: endpoints }, (_, row): ProbeTarget => {
    const address = addressOf(row);
    const names = { zone: "bench.example.", pool: `p${row % 100}`, endpoint: address };
    return { row, keyHigh: 1, keyLow: row + 1, address, family: 4, check, ...names };
  });
  const pools = Array.from({ length: 100 }, (_, row) => ({
    ...{ row, keyHigh: 2, keyLow: row + 1, zone: "bench.example.", pool: `p${row}` },
    endpoints: targets.filter((target) => target.row % 100 === row).map((target) => [target.row]),
    minHealthy: { count: 1 },
    dualStack: "any" as const,
  }));
  return { targets, pools };
}

/** The least number of milliseconds that `share` of the starts did not exceed. */
function lateness(counts: Uint32Array, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [ms, count] of counts.entries()) {
    seen += count;
    if (count > 0 && seen >= share * total) return ms + 1;
  }
  return 0;
}

/** Runs in the process that probes. */
async function runCase({ check, endpoints, seconds }: Case): Promise<Outcome> {
  const rows = allocateHealthRows(endpoints, 128);
  const nothing = (): void => {};
  const prober = createProber({
    ...{ rows, clock, random: () => 0.5, prepare: prepareProbe },
    ...{ onTransition: nothing, onPoolTransition: nothing, onLatchMove: nothing, onRoundDone: nothing },
  });
  prober.setPlan(planOf(check, endpoints));
  await sleep(1_000 + 2 * check.intervalMs);
  const before = prober.stats();
  const cpuBefore = process.cpuUsage();
  const threadsBefore = threadTimes(process.pid);
  const startMs = performance.now();
  await sleep(seconds * 1_000);
  const elapsedMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuBefore);
  const threadNs = taken(threadsBefore, threadTimes(process.pid)).get(String(process.pid))!;
  const after = prober.stats();
  prober.stop();
  const late = after.lateByMs.map((count, ms) => count - before.lateByMs[ms]!);
  const probes = after.started - before.started;
  const cpuMs = (cpu.user + cpu.system) / 1_000;
  let down = 0;
  for (let row = 0; row < endpoints; row++)
    if ((rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]! & STATE_UP) === 0) down += 1;
  return {
    probes,
    probesPerSecond: (probes * 1_000) / elapsedMs,
    corePercent: (cpuMs * 100) / elapsedMs,
    threadPercent: threadNs / 10_000 / elapsedMs,
    kernelPercent: cpu.system / 10 / elapsedMs,
    microsecondsPerProbe: (cpuMs * 1_000) / probes,
    lateMedianMs: lateness(late, 0.5),
    lateP99Ms: lateness(late, 0.99),
    lateMostMs: lateness(late, 1),
    voided: after.voided - before.voided,
    down,
    // In KiB, as the kernel counted its peak.
    residentMegabytes: (process.resourceUsage().maxRSS * 1024) / 1e6,
  };
}

function inProcess(one: Case): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = fork(process.argv[1]!, ["--case", JSON.stringify(one)], {
      // As the probe worker: three semi-spaces.
      execArgv: [`--max-semi-space-size=${PROBE_YOUNG_MB / 3}`],
    });
    child.once("message", (outcome) => resolve(outcome as Outcome));
    child.once("exit", (code) => reject(new Error(`${one.name} ended with ${code}`)));
  });
}

async function measure(): Promise<void> {
  if (!hasNginx()) {
    console.error("nginx is not installed: apt-get install nginx-light");
    process.exitCode = 2;
    return;
  }
  const seconds = Number(options.seconds);
  const endpoints = Number(options.endpoints);
  const answer = 'location / { default_type text/plain; return 200 "ok\\n"; }';
  const plain = (port: number): string => `listen 0.0.0.0:${port} backlog=4096; ${answer}`;
  const secure = (port: number, folder: string): string => {
    const { cert, key } = makeCertificate({ name: "bench", hosts: ["bench.example"] });
    writeFileSync(join(folder, "cert.pem"), cert);
    writeFileSync(join(folder, "key.pem"), key);
    return `listen 0.0.0.0:${port} ssl backlog=4096; ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem; ${answer}`;
  };
  const nginx = await startNginx([plain, secure], 600_000);
  const [port, securePort] = nginx.ports as [number, number];
  const timing = { name: "bench", intervalMs: 1_000, timeoutMs: 900, fall: 3, rise: 2 };
  const http = { path: "/", host: "", verify: false, expectStatus: [], expectBody: "" };
  const handshakes = { ...timing, intervalMs: 20_000, timeoutMs: 5_000 };
  const cases: Omit<Case, "endpoints" | "seconds">[] = [
    { name: "http, reuse 10", check: { type: "http", port, ...http, ...timing, reuse: 10 } },
    { name: "http, fresh", check: { type: "http", port, ...http, ...timing } },
    { name: "tcp, fresh", check: { type: "tcp", port, ...timing } },
    {
      name: "tls, fresh",
      check: { type: "tls", port: securePort, host: "", verify: false, warnDays: 0, ...handshakes },
    },
    { name: "https, fresh", check: { type: "https", port: securePort, ...http, ...handshakes } },
  ];
  const outcomes: (Outcome & { name: string; intervalMs: number })[] = [];
  for (const one of cases) {
    if (options.only !== undefined && !one.name.startsWith(options.only)) continue;
    const outcome = await inProcess({ ...one, endpoints, seconds });
    outcomes.push({ name: one.name, intervalMs: one.check.intervalMs, ...outcome });
  }
  const beside = "udp".startsWith(options.only ?? "udp") ? await measureUdp(port, endpoints, seconds) : null;
  await nginx.child.stop();
  report(outcomes, endpoints, beside);
}

/** Rounds of queries beside the probes, and as many without them. */
const UDP_ROUNDS = 8;

/** Queries at a fixed rate, without probes and beside them. */
function measureUdp(port: number, endpoints: number, seconds: number): Promise<BesideRounds> {
  const addresses = Array.from({ length: endpoints }, (_, index) => addressOf(index));
  return measureBeside(addresses, port, Number(options.rate), UDP_ROUNDS, (seconds * 1_000) / UDP_ROUNDS);
}

const sumOf = (rounds: readonly Beside[], key: "replies" | "lost" | "wrong"): number =>
  rounds.reduce((sum, round) => sum + round[key], 0);

const middle = (values: readonly number[]): string =>
  [quantile(values, 0.5), quantile(values, 0), quantile(values, 1)].map(format).join(" / ");

/** What a query beside probes costs, as a multiple of what it cost in the round before without them. */
function costRatios({ alone, probing }: BesideRounds): number[] {
  return probing.map((one, round) => one.microsecondsPerQuery / alone[round]!.microsecondsPerQuery);
}

function besideLines(beside: BesideRounds): string[] {
  const head = [
    "",
    "queries",
    "lost",
    "wrong",
    "us/query: median / least / most",
    "probe worker, % of a core",
  ];
  const rows = (["alone", "probing"] as const).map((name) => {
    const rounds = beside[name];
    return [
      name === "alone" ? "no probes" : "beside probes, http, reuse 10",
      String(sumOf(rounds, "replies") + sumOf(rounds, "lost")),
      String(sumOf(rounds, "lost")),
      String(sumOf(rounds, "wrong")),
      middle(rounds.map((round) => round.microsecondsPerQuery)),
      name === "alone" ? "" : middle(rounds.map((round) => round.probePercent)),
    ];
  });
  return [
    "",
    `UDP at ${options.rate} queries/s, one worker, in ${beside.alone.length} rounds each, in turn`,
    "",
    ...alignColumns([head, ...rows]),
    `cost of a query beside probes, of that without: ${middle(costRatios(beside))}`,
  ];
}

function besideGoals(beside: BesideRounds): Goal[] {
  const { alone, probing } = beside;
  const share = (rounds: readonly Beside[]): number =>
    (sumOf(rounds, "lost") * 1e6) / (sumOf(rounds, "lost") + sumOf(rounds, "replies"));
  return [
    {
      name: "udp beside probes: extra loss",
      measured: Math.max(0, share(probing) - share(alone)),
      limit: 100,
      unit: "in a million",
    },
    {
      name: "udp beside probes: processor per query, median of the rounds",
      measured: quantile(costRatios(beside), 0.5),
      limit: 1.1,
      unit: "times that without",
    },
  ];
}

function report(
  outcomes: (Outcome & { name: string; intervalMs: number })[],
  endpoints: number,
  beside: BesideRounds | null,
): void {
  const head = [
    "",
    "interval s",
    "probes/s",
    "core %",
    "its thread",
    "kernel",
    "us/probe",
    "late ms: median",
    "p99",
    "most",
    "down",
    "MB",
  ];
  const lines = outcomes.map((one) => [
    one.name,
    format(one.intervalMs / 1_000),
    format(one.probesPerSecond),
    format(one.corePercent),
    format(one.threadPercent),
    format(one.kernelPercent),
    format(one.microsecondsPerProbe),
    String(one.lateMedianMs),
    String(one.lateP99Ms),
    String(one.lateMostMs),
    String(one.down),
    format(one.residentMegabytes),
  ]);
  const first = outcomes[0];
  const goals: Goal[] =
    first === undefined
      ? []
      : [
          {
            name: `${first.name}: lateness of starts, p99`,
            measured: first.lateP99Ms,
            limit: 100,
            unit: "ms",
          },
          { name: `${first.name}: processor`, measured: first.corePercent, limit: 40, unit: "% of a core" },
          {
            name: `${first.name}: resident memory`,
            measured: first.residentMegabytes,
            limit: 400,
            unit: "MB",
          },
          {
            name: `${first.name}: addresses wrongly down`,
            measured: first.down,
            limit: 0,
            unit: "addresses",
          },
        ];
  publish(
    "probes",
    [
      `${endpoints} addresses of loopback behind one nginx`,
      "",
      ...(lines.length === 0 ? [] : alignColumns([head, ...lines])),
      ...(beside === null ? [] : besideLines(beside)),
    ],
    [...goals, ...(beside === null ? [] : besideGoals(beside))],
    { outcomes, ...(beside === null ? {} : { beside }) },
  );
}

if (options.case === undefined) await measure();
else {
  const outcome = await runCase(JSON.parse(options.case) as Case);
  process.send?.(outcome, () => process.exit(0));
}
