import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConfigCache } from "../src/config/cache.ts";
import { compileConfig } from "../src/config/compile.ts";
import { formatFinding } from "../src/config/findings.ts";
import { loadConfig } from "../src/config/load.ts";
import { createRowRegistry } from "../src/config/rows.ts";
import { snapshotOctets } from "../src/control/status.ts";
import { allocateHealthRows } from "../src/health/rows.ts";
import { alignColumns, format, publish } from "./support/report.ts";
import { writeLargeZone, writeSmallZone, writeSmallZones } from "./support/zone-files.ts";

/**
 * Reading and compiling a folder of zones, each in a process of its own: seconds until the snapshot is there, and the
 * most memory that was resident on the way.
 */
interface Loaded {
  zones: number;
  records: number;
  seconds: number;
  /** Processor time of the same, which other processes do not lengthen. */
  cpuSeconds: number;
  /** The same folder once more with one zone changed: what a reload costs. */
  againSeconds: number;
  peakMegabytes: number;
  snapshotMegabytes: number;
}

function load(folder: string): Loaded {
  const options = { configFile: join(folder, "steerd.yaml"), cache: createConfigCache() };
  const rows = createRowRegistry(allocateHealthRows(), 1);
  const start = performance.now();
  const cpu = process.cpuUsage();
  const compiled = compileConfig(loadConfig(options), { rows, previous: null, generation: 1 });
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  if (!("snapshot" in compiled)) throw new Error(compiled.findings.slice(0, 5).map(formatFinding).join("\n"));
  const peakMegabytes = peakResident();
  if (compiled.report.zones > 1) writeSmallZone(join(folder, "zones"), 0, 2);
  const again = performance.now();
  compileConfig(loadConfig(options), { rows, previous: compiled, generation: 2 });
  return {
    zones: compiled.report.zones,
    records: compiled.report.staticRecords,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    againSeconds: (performance.now() - again) / 1000,
    peakMegabytes,
    snapshotMegabytes: snapshotOctets(compiled.snapshot) / 1e6,
  };
}

/** VmHWM (proc(5)): the largest resident set so far, in MB of 1,000,000 octets. */
function peakResident(): number {
  return (Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024) / 1e6;
}

/** Node starts the child with its own defaults, not with this process's flags. */
function measure(fill: (zones: string) => void): Loaded {
  const folder = mkdtempSync(join(tmpdir(), "steerd-bench-"));
  try {
    writeFileSync(join(folder, "steerd.yaml"), "zones: ./zones\n");
    fill(join(folder, "zones"));
    const child = spawnSync(process.execPath, [process.argv[1]!, "--child", folder], { encoding: "utf8" });
    if (child.status !== 0) throw new Error(child.stderr);
    return JSON.parse(child.stdout) as Loaded;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const childFolder = process.argv[process.argv.indexOf("--child") + 1];
if (process.argv.includes("--child") && childFolder !== undefined) {
  console.log(JSON.stringify(load(childFolder)));
} else {
  const rounds = 3;
  const median = (loads: Loaded[]): Loaded => loads.sort((a, b) => a.seconds - b.seconds)[loads.length >> 1]!;
  const repeat = (fill: (zones: string) => void): Loaded =>
    median(Array.from({ length: rounds }, () => measure(fill)));
  const small = repeat((zones) => writeSmallZones(zones, 12_000, 1_000));
  const large = repeat((zones) => writeLargeZone(zones, 1_000_000));
  const row = (
    name: string,
    { zones, records, seconds, cpuSeconds, againSeconds, peakMegabytes, snapshotMegabytes }: Loaded,
  ): string[] => [
    name,
    String(zones),
    String(records),
    format(seconds),
    format(cpuSeconds),
    format(againSeconds),
    format(peakMegabytes),
    format(snapshotMegabytes),
  ];
  const rows = [
    [`median of ${rounds}`, "zones", "records", "load s", "cpu s", "again s", "peak MB", "snapshot MB"],
    row("small zones, 1,000 with .yaml", small),
    row("one zone", large),
  ];
  publish(
    "load-zones",
    alignColumns(rows),
    [
      { name: "12,000 small zones", measured: small.seconds, limit: 5, unit: "s" },
      { name: "1,000,000 records", measured: large.seconds, limit: 5, unit: "s" },
      { name: "1,000,000 records, resident", measured: large.peakMegabytes, limit: 600, unit: "MB" },
    ],
    { small, large },
  );
}
