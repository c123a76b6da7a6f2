import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isMainThread } from "node:worker_threads";
import { type Child, startChild } from "../test/support/child.ts";
import { askUdp } from "../test/support/dns-client.ts";
import { makeCityMmdb } from "../test/support/geo-fixtures.ts";
import { type Latencies, runLoadThread, startLoad } from "./support/load.ts";
import { alignColumns, format, publish } from "./support/report.ts";
import { queryPacket } from "./support/server.ts";
import { writeLargeZone, writeSmallZone, writeSmallZones } from "./support/zone-files.ts";

/**
 * Reloads under load: each changes a zone and the geo database of a server with many zones that answers 5,000 queries a
 * second. Counts the queries that got no reply, compares their latency with that of times without a reload in between,
 * and shows the memory that a reload takes, and that is resident after many.
 */
const { values: options } = parseArgs({
  options: {
    zones: { type: "string", default: "100000" },
    /** Records of one more zone, so that a snapshot weighs more than what the heaps grow by. */
    records: { type: "string", default: "600000" },
    networks: { type: "string", default: "100000" },
    rate: { type: "string", default: "5000" },
    reloads: { type: "string", default: "100" },
    "under-load": { type: "string", default: "20" },
    write: { type: "boolean", default: false },
  },
});
const zones = Number(options.zones);
const reloads = Number(options.reloads);
const underLoad = Number(options["under-load"]);
/** This file once more, for the thread of the load. */
const ENTRY = fileURLToPath(import.meta.url);
const TYPE_A = 1;
const TYPE_SOA = 6;
/** By then the server has handed back what its start or a reload left behind: see src/control/trim.ts. */
const SETTLE_MS = 8_000;

const folder = isMainThread ? mkdtempSync(join(tmpdir(), "steerd-bench-")) : "";
if (isMainThread) process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
// Without this a run that is broken off leaves its zones behind: a hundred thousand files.
if (isMainThread)
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => process.exit(1));
const databases = isMainThread ? [1, 2].map((seed) => makeCityMmdb(Number(options.networks), seed)) : [];

/** Whole files by rename, as whoever updates a database should. */
function replaceDatabase(turn: number): void {
  writeFileSync(join(folder, "city.new"), databases[turn & 1]!);
  renameSync(join(folder, "city.new"), join(folder, "city.mmdb"));
}

async function start(): Promise<{ child: Child; port: number; api: string }> {
  writeSmallZones(join(folder, "zones"), zones, Math.floor(zones / 12));
  writeLargeZone(join(folder, "zones"), Number(options.records));
  replaceDatabase(0);
  writeFileSync(
    join(folder, "steerd.yaml"),
    'listen: ["127.0.0.1:0"]\nzones: ./zones\ngeo: {city: ./city.mmdb}\napi: {listen: "127.0.0.1:0"}\n',
  );
  const child = startChild(
    process.execPath,
    ["bin/steerd", "serve", "--config", join(folder, "steerd.yaml")],
    {
      lifetimeMs: 3_600_000,
    },
  );
  const [, port] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/, 600_000);
  const [, api] = await child.waitFor(/metrics and health on (http:\/\/[\d.]+:\d+)/, 600_000);
  return { child, port: Number(port), api: api! };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** A line of proc(5)'s status, in MB of 1,000,000 octets: VmRSS what is resident, VmHWM the most that was. */
function memory(pid: number, line: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return (Number(new RegExp(`${line}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024) / 1e6;
}

/** From here on VmHWM is the most since now. */
function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

async function metric(api: string, name: string): Promise<number> {
  const text = await (await fetch(`${api}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

/** Serial of a zone's SOA as it is answered. */
async function serialOf(port: number, zone: number): Promise<number> {
  const reply = await askUdp({ port }, queryPacket(`zone-${zone}.example.`, TYPE_SOA), 5_000);
  return reply === null ? -1 : new DataView(reply.buffer).getUint32(reply.length - 20);
}

/** Changes a zone and the database, and waits until the zone's new serial is answered. */
async function reload(server: { child: Child; port: number }, turn: number): Promise<number> {
  const zone = (turn * 97) % zones;
  const begin = performance.now();
  replaceDatabase(turn);
  writeSmallZone(join(folder, "zones"), zone, turn + 1);
  // Every other one is asked for; the others are left to the watch on the files.
  if (turn % 2 === 0) server.child.signal("SIGHUP");
  while ((await serialOf(server.port, zone)) !== turn + 1) {
    if (performance.now() - begin > 60_000)
      throw new Error(`reload ${turn} did not happen\n${server.child.stderr()}`);
    await sleep(20);
  }
  return (performance.now() - begin) / 1000;
}

async function run(): Promise<void> {
  const server = await start();
  const { pid } = server.child;
  const packets = Array.from({ length: 4096 }, (_, index) =>
    index % 2 === 0
      ? queryPacket(`www.zone-${(index * 31) % zones}.example.`, TYPE_A)
      : queryPacket(
          `gslb.zone-${index % Math.floor(zones / 12)}.example.`,
          TYPE_A,
          `${11 + (index % 80)}.${index & 255}.7.0/24`,
        ),
  );
  await sleep(SETTLE_MS);
  const init = { port: server.port, packets, rate: Number(options.rate), label: "warm-up" };
  const load = await startLoad(init, ENTRY);
  await sleep(1_000);
  const residentFirst = memory(pid, "VmRSS");
  const snapshotMegabytes = (await metric(server.api, "steerd_snapshot_bytes")) / 1e6;
  const seconds: number[] = [];
  const peaks: number[] = [];
  for (let turn = 1; turn <= underLoad; turn++) {
    // As long without a reload as the last one took.
    load.mark("without");
    await sleep(1000 * (seconds.at(-1) ?? 2));
    const before = memory(pid, "VmRSS");
    forgetPeak(pid);
    load.mark("during");
    seconds.push(await reload(server, turn));
    peaks.push(memory(pid, "VmHWM") - before);
  }
  const loaded = await load.stop();
  await sleep(SETTLE_MS);
  const residentSteady = memory(pid, "VmRSS");
  const slow = await startLoad({ ...init, rate: 200, label: "rest" }, ENTRY);
  for (let turn = underLoad + 1; turn <= underLoad + reloads; turn++)
    seconds.push(await reload(server, turn));
  const rest = await slow.stop();
  await sleep(SETTLE_MS);
  const residentLast = memory(pid, "VmRSS");
  const swaps = await metric(server.api, 'steerd_reloads_total\\{outcome="accepted"\\}');
  const workers = (await metric(server.api, 'steerd_workers_open\\{worker="udp"\\}')) + 1;
  await server.child.stop();

  seconds.sort((left, right) => left - right);
  const snapshots = (residentLast - residentFirst) / snapshotMegabytes + 1;
  const growth = (residentLast - residentSteady) / workers;
  const row = (name: string, latencies: Latencies | undefined): string[] => {
    const { count = 0, medianMs = 0, p99Ms = 0, p999Ms = 0, slowestMs = 0 } = latencies ?? {};
    return [name, String(count), ...[medianMs, p99Ms, p999Ms, slowestMs].map(format)];
  };
  const { without, during } = loaded.latencies;
  publish(
    "reload",
    [
      ...alignColumns([
        ["latency, ms", "replies", "median", "p99", "p99.9", "slowest"],
        row(`${options.rate} queries/s, no reload`, without),
        row(`${options.rate} queries/s, ${underLoad} reloads`, during),
        row(`200 queries/s, ${reloads} reloads`, rest.latencies.rest),
      ]),
      "",
      `queries: ${loaded.sent + rest.sent}, without a reply ${loaded.lost + rest.lost}, with an error ${loaded.errors + rest.errors}`,
      `p99.9 of a reload is ${format(during!.p999Ms / without!.p999Ms)} times that of no reload`,
      `${zones} zones and one of ${options.records} records, ${options.networks} networks, snapshot ${format(snapshotMegabytes)} MB, ${swaps} accepted`,
      `from the change to the answer: median ${format(seconds[seconds.length >> 1]!)} s, most ${format(seconds.at(-1)!)} s`,
      `resident: ${format(residentFirst)} MB before the first reload, ${format(residentSteady)} MB after ${underLoad}, ${format(residentLast)} MB after ${reloads} more`,
      `most memory that a reload took on top: ${format(Math.max(...peaks))} MB, ${format(Math.max(...peaks) / snapshotMegabytes)} snapshots`,
    ],
    [
      {
        name: `queries lost over ${underLoad + reloads} reloads`,
        measured: loaded.lost + loaded.errors + rest.lost + rest.errors,
        limit: 0,
        unit: "",
      },
      { name: "snapshots resident at the end", measured: snapshots, limit: 2.5, unit: "" },
      {
        name: `growth of each answering worker over ${reloads} reloads`,
        measured: growth,
        limit: 15,
        unit: "MB",
      },
    ],
    { loaded, rest, seconds, peaks, residentFirst, residentSteady, residentLast, snapshotMegabytes },
  );
}

if (isMainThread) await run();
else await runLoadThread();
