import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Child, startChild } from "../test/support/child.ts";
import { askUdp } from "../test/support/dns-client.ts";
import { makeCityMmdb } from "../test/support/geo-fixtures.ts";
import { startLoad } from "./support/load.ts";
import { alignColumns, format, publish } from "./support/report.ts";
import { queryPacket } from "./support/server.ts";
import { writeLargeZone, writeSmallZone, writeSmallZones } from "./support/zone-files.ts";

/**
 * Reloads under load: each changes a zone and the geo database of a server with 12,000 zones that answers 5,000 queries
 * a second. Counts the queries that got no reply, and the memory that is resident after many reloads.
 */
const { values: options } = parseArgs({
  options: {
    zones: { type: "string", default: "12000" },
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
const TYPE_A = 1;
const TYPE_SOA = 6;

const folder = mkdtempSync(join(tmpdir(), "steerd-bench-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const databases = [1, 2].map((seed) => makeCityMmdb(Number(options.networks), seed));

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
  const [, port] = await child.waitFor(/answering on 127\.0\.0\.1:(\d+)/, 120_000);
  const [, api] = await child.waitFor(/metrics and health on (http:\/\/[\d.]+:\d+)/, 120_000);
  return { child, port: Number(port), api: api! };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Resident set in MB of 1,000,000 octets (proc(5)). */
function resident(pid: number): number {
  return (Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024) / 1e6;
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

const server = await start();
const packets = Array.from({ length: 4096 }, (_, index) =>
  index % 2 === 0
    ? queryPacket(`www.zone-${(index * 31) % zones}.example.`, TYPE_A)
    : queryPacket(
        `gslb.zone-${index % Math.floor(zones / 12)}.example.`,
        TYPE_A,
        `${11 + (index % 80)}.${index & 255}.7.0/24`,
      ),
);
await sleep(2_000);
const load = await startLoad(server.port, packets, Number(options.rate));
await sleep(1_000);
const residentFirst = resident(server.child.pid);
const snapshotMegabytes = (await metric(server.api, "steerd_snapshot_bytes")) / 1e6;
const seconds: number[] = [];
for (let turn = 1; turn <= underLoad; turn++) seconds.push(await reload(server, turn));
const loaded = await load.stop();
const slow = await startLoad(server.port, packets, 200);
for (let turn = underLoad + 1; turn <= reloads; turn++) seconds.push(await reload(server, turn));
await sleep(3_000);
const rest = await slow.stop();
const residentLast = resident(server.child.pid);
const swaps = await metric(server.api, 'steerd_reloads_total\\{outcome="accepted"\\}');
await server.child.stop();

seconds.sort((left, right) => left - right);
const snapshots = (residentLast - residentFirst) / snapshotMegabytes + 1;
const rows = [
  ["", "queries", "lost", "errors", "median ms", "slowest ms"],
  ...(
    [
      [`${underLoad} reloads at ${options.rate} queries/s`, loaded],
      [`${reloads - underLoad} reloads at 200 queries/s`, rest],
    ] as const
  ).map(([name, result]) => [
    name,
    String(result.sent),
    String(result.lost),
    String(result.errors),
    format(result.medianMs),
    format(result.slowestMs),
  ]),
];
publish(
  "reload",
  [
    ...alignColumns(rows),
    "",
    `${zones} zones and one of ${options.records} records, ${options.networks} networks, snapshot ${format(snapshotMegabytes)} MB, ${swaps} accepted`,
    `from the change to the answer: median ${format(seconds[seconds.length >> 1]!)} s, most ${format(seconds.at(-1)!)} s`,
    `resident: ${format(residentFirst)} MB before the first, ${format(residentLast)} MB after the last reload`,
  ],
  [
    {
      name: `queries lost over ${underLoad} reloads`,
      measured: loaded.lost + loaded.errors,
      limit: 0,
      unit: "",
    },
    { name: `snapshots resident after ${reloads} reloads`, measured: snapshots, limit: 2.5, unit: "" },
  ],
  { loaded, rest, seconds, residentFirst, residentLast, snapshotMegabytes },
);
