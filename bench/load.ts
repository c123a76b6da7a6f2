import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { Reader } from "maxmind";
import { makeCityMmdb } from "../test/support/geo-fixtures.ts";
import { measureAllocation } from "./load/allocation.ts";
import { runDnsperf } from "./load/dnsperf.ts";
import { Generator } from "./load/generator.ts";
import { latencyLines, measureLatency } from "./load/latency.ts";
import { measureMemory } from "./load/memory.ts";
import { measureNames } from "./load/names.ts";
import { PEERS, type Setting, startSteerd } from "./load/peers.ts";
import { pin } from "./load/processor.ts";
import { learnTarget, measureRun, median, spread, type Target } from "./load/target.ts";
import {
  measureThroughput,
  perQuery,
  perSecond,
  ratios,
  throughputLines,
  WINDOW,
} from "./load/throughput.ts";
import { makeWorkloads } from "./load/workloads.ts";
import { alignColumns, type Goal, publish } from "./support/report.ts";

/**
 * steerd beside its peers, in one run, over sockets: each server on one core, the generator on the other, rounds in turn.
 * bench/README.md says how it is measured.
 */
const SECTIONS = ["throughput", "latency", "dnsperf", "names", "memory", "allocation"];
const { values: options } = parseArgs({
  options: {
    /** Of SECTIONS, with commas between. */
    only: { type: "string", default: SECTIONS.join(",") },
    /** Of the peers, with commas between. */
    peers: { type: "string", default: Object.keys(PEERS).join(",") },
    /** Checkouts of steerd to compare with, built, with commas between. */
    against: { type: "string", default: "" },
    /** Workloads whose names contain this. */
    workload: { type: "string", default: "" },
    "duration-ms": { type: "string", default: "1200" },
    rounds: { type: "string", default: "7" },
    /** Short rounds, fewer of them. */
    quick: { type: "boolean", default: false },
    /** Least share of its core that a server has to have had for a round to count. */
    busy: { type: "string", default: "0.95" },
    "server-core": { type: "string", default: "0" },
    "generator-core": { type: "string", default: "1" },
    /** Flags of Node for steerd, with spaces between: --perf-basic-prof, --cpu-prof. */
    "node-flags": { type: "string", default: "" },
    networks: { type: "string", default: "500000" },
    names: { type: "string", default: "1000000" },
    write: { type: "boolean", default: false },
  },
});
const listed = (text: string, separator = ","): string[] =>
  text.split(separator).filter((part) => part !== "");
const sections = listed(options.only);
const unknown = sections.filter((section) => !SECTIONS.includes(section));
if (unknown.length > 0) throw new Error(`no section ${unknown}: expected some of ${SECTIONS}`);
const busy = Number(options.busy);
const rounds = options.quick ? 2 : Number(options.rounds);
const warmUpMs = 200;
const durationMs = options.quick ? 500 : Number(options["duration-ms"]);

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => process.exit(1));
const folder = mkdtempSync(join(tmpdir(), "steerd-load-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
pin(process.pid, options["generator-core"]);

const database = join(folder, "city.mmdb");
writeFileSync(database, makeCityMmdb(Number(options.networks), 1));
const reader = new Reader<never>(readFileSync(database));
const setting = (name: string): Setting => {
  mkdirSync(join(folder, name));
  return { folder: join(folder, name), database, cores: options["server-core"] };
};
const generator = await Generator.open(4);
const workloads = makeWorkloads(reader).filter(({ name }) => name.includes(options.workload));
const lines: string[] = [];
const goals: Goal[] = [];
const data: Record<string, unknown> = {};
const goal = (name: string, measured: number, limit: number, unit: string): void => {
  goals.push({ name, measured, limit, unit });
};

async function startAll(): Promise<Target[]> {
  const nodeFlags = listed(options["node-flags"], " ");
  const steerd = await startSteerd({ ...setting("steerd"), workers: 1, nodeFlags });
  const targets = [await learnTarget(generator, steerd, reader)];
  for (const root of listed(options.against)) {
    const other = await startSteerd({ ...setting(basename(root)), workers: 1, nodeFlags, root });
    targets.push(await learnTarget(generator, other, reader));
  }
  for (const name of listed(options.peers)) {
    const started = await PEERS[name]!(setting(name));
    if (typeof started === "string") lines.push(`${name} is left out: ${started}`);
    else targets.push(await learnTarget(generator, started, reader));
  }
  lines.push(`servers: ${targets.map(({ server }) => `${server.name} ${server.version}`).join(", ")}`);
  // Everything is asked and checked once before anything is measured; code is compiled meanwhile.
  const warmUp = Math.max(700, 3_500 / workloads.length);
  for (const target of targets) {
    for (const workload of workloads) {
      const run = measureRun(generator, target, workload, { warmUpMs: 0, durationMs: warmUp }, (each) =>
        generator.saturate(each, WINDOW),
      );
      if (run.wrong > 0)
        throw new Error(
          `${target.server.name}, ${workload.name}: ${run.wrong} wrong replies, the first ${run.firstWrong}`,
        );
    }
  }
  return targets;
}

function compareThroughput(targets: readonly Target[]): void {
  const rows = measureThroughput(generator, targets, workloads, {
    rounds,
    otherRounds: Math.min(rounds, 3),
    durationMs,
    warmUpMs,
    busy,
  });
  lines.push("", ...throughputLines(rows, "steerd"));
  data.throughput = rows.map((row) => ({
    ...row,
    rounds: row.rounds.map((run) => (run === null ? null : { ...run, histogram: undefined })),
  }));
  const geo = workloads[0]!.name;
  const own = rows[0]!.rounds.filter((run) => run !== null);
  const least: Record<string, number> = { gdnsd: 1, Knot: 1.3, PowerDNS: 4 };
  for (const { server } of targets.slice(1)) {
    const inverse = median(ratios(rows, geo, server.name, "steerd", perSecond));
    goal(`${geo}: queries/s of ${server.name} as a share of steerd's`, inverse, 1 / least[server.name]!, "x");
  }
  goal(
    `${geo}: processor time a query, against gdnsd`,
    median(ratios(rows, geo, "steerd", "gdnsd", perQuery)),
    1,
    "x",
  );
  goal(`${geo}: user time a query`, median(own.map((run) => run.userUs)), 0.4, "us");
}

function compareLatency(targets: readonly Target[]): void {
  const rows = measureLatency(generator, targets, workloads[0]!, {
    rate: 50_000,
    rounds: options.quick ? 1 : 3,
    durationMs: options.quick ? 1_000 : 3_000,
    warmUpMs,
  });
  data.latency = rows;
  lines.push("", ...latencyLines(rows));
  goal("p99 at 50,000 queries/s", median(rows[0]!.p99), 1, "ms");
}

function crossCheck(targets: readonly Target[]): void {
  const rows = runDnsperf(targets, folder, options["generator-core"], options.quick ? 1 : 2);
  data.dnsperf = rows;
  lines.push("");
  if (rows === null) lines.push("dnsperf is left out: it is not installed");
  else {
    const table = rows.map(({ server, queriesPerSecond, lost }) => [
      server,
      queriesPerSecond.toFixed(0),
      lost,
    ]);
    lines.push(...alignColumns([["dnsperf, one client subnet", "queries/s", "lost"], ...table]));
  }
}

if (sections.some((section) => ["throughput", "latency", "dnsperf"].includes(section))) {
  const targets = await startAll();
  if (sections.includes("throughput")) compareThroughput(targets);
  if (sections.includes("latency")) compareLatency(targets);
  if (sections.includes("dnsperf")) crossCheck(targets);
  await Promise.all(targets.map(({ server }) => server.child.stop()));
}
if (sections.includes("names")) {
  const many = Number(options.names);
  const result = await measureNames(generator, setting("names"), {
    rounds: options.quick ? 2 : 5,
    durationMs,
    warmUpMs,
    busy,
    many,
  });
  data.names = result;
  const of = (index: 0 | 1): string =>
    spread(
      result.perQueryUs.map((pair) => pair[index]),
      2,
    );
  lines.push("", `1 name: ${of(0)} us a query; ${many} names: ${of(1)} us; ${spread(result.ratios, 3)} x`);
  lines.push(...result.leftOut.slice(0, 1).map((why) => `left out: ${why}`));
  goal(`${many} names against one, processor time a query`, median(result.ratios), 1.15, "x");
}
if (sections.includes("memory")) {
  const result = await measureMemory(generator, setting("memory"));
  data.memory = result;
  const [idle, loaded, floor] = [result.idleMegabytes, result.loadedMegabytes, result.floorMegabytes].map(
    (value) => value.toFixed(0),
  );
  lines.push(
    "",
    `resident, 2 workers, embedded database, example zones: ${idle} MB idle, ${loaded} MB after ${result.queries} queries`,
    `a Node.js process with as many threads that do nothing: ${floor} MB`,
  );
  goal("resident memory, 2 workers", result.loadedMegabytes, 150, "MB");
}
if (sections.includes("allocation")) {
  const seconds = options.quick ? 10 : 62;
  const result = await measureAllocation(generator, setting("allocation"), workloads[0]!, {
    rate: 165_000,
    seconds,
  });
  data.allocation = result;
  lines.push(
    "",
    `${result.queries} queries in ${seconds} s: ${result.octetsPerQuery.toFixed(3)} octets a query on the worker's heap, ` +
      `${result.minorCollections} minor and ${result.majorCollections} major collections; ` +
      `idle, ${result.idleOctetsPerSecond.toFixed(0)} octets a second; ${result.lost} lost, ${result.wrong} wrong`,
  );
  goal("octets allocated by a query", result.octetsPerQuery, 0.5, "octets");
  goal("major collections in a steady minute", result.majorCollections, 0, "");
}
generator.close();
publish("load", lines, goals, data);
