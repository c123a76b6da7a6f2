import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createConfigCache } from "../../src/config/cache.ts";
import { type CompiledConfig, compileConfig } from "../../src/config/compile.ts";
import { formatFinding } from "../../src/config/findings.ts";
import { judgeLast } from "../../src/config/judge-overrides.ts";
import { type LoadedConfig, loadConfig } from "../../src/config/load.ts";
import { createRowRegistry } from "../../src/config/rows.ts";
import type { OverrideInput } from "../../src/config/schema-overrides.ts";
import { createLatches } from "../../src/health/latches.ts";
import { applyOffline, judgeOffline } from "../../src/health/offline.ts";
import { type CalculatedTarget, everyTarget, type ProbeTarget } from "../../src/health/plan.ts";
import { poolVerdict } from "../../src/health/pool.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  ROW_HORIZON_MS,
  ROW_STATE,
  ROW_WEIGHT_SCALE,
  STATE_DRAINED,
  STATE_FORCED_DOWN,
  STATE_KNOWN,
  STATE_UP,
} from "../../src/health/rows.ts";
import { clearReport } from "../../src/health/rows-writer.ts";
import { ADDRESS_ROW, ADDRESS_WORDS } from "../../src/policy/data.ts";
import { cityRecord, makeMmdb } from "../support/geo-fixtures.ts";
import { type InProcess, serveSnapshot } from "../support/in-process.ts";
import { type MmdbInput, uint32 } from "../support/mmdb-writer.ts";
import { writeFigures } from "../support/policy.ts";
import { removeFolder, temporaryFolder } from "../support/temporary-folder.ts";
import type { GoldenFile, Health, Load, Past } from "./case-file.ts";

/** The server of a golden file, from its files to its octets, without sockets. */
export interface GoldenServer extends InProcess {
  compiled: CompiledConfig;
  /**
   * Everything up but what is named, at a second and in the past before it. Throws for a name that no pool, endpoint or
   * address has.
   */
  setHealth(health: Health[], load: Load[], second: number, history: Past[]): void;
  /** Records that the last of the forced states would leave some client of without an address that is up. */
  judge(overrides: OverrideInput[]): string[];
}

const APEX = [
  "@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 120",
  "@ 300 IN NS ns1",
  "ns1 300 IN A 192.0.2.53",
];

const STATE_BITS: Record<Health["state"], number> = {
  up: STATE_UP | STATE_KNOWN,
  down: STATE_KNOWN,
  drained: STATE_DRAINED | STATE_KNOWN,
  "forced-down": STATE_FORCED_DOWN | STATE_KNOWN,
};

/**
 * Throws with the findings of a configuration that is refused. `previous`: the same configuration compiled before, for
 * the tables that did not change.
 */
export function serveGoldenFile(
  file: GoldenFile,
  loaded: LoadedConfig = loadGoldenFile(file),
  previous: CompiledConfig | null = null,
): GoldenServer {
  const rows = allocateHealthRows(4096, 64);
  const known = new Map(Object.entries(file.known));
  const options = { rows: createRowRegistry(rows, 0), previous, generation: 1, known };
  const compiled = compileConfig(loaded, options);
  if (!("snapshot" in compiled)) throw new Error(compiled.findings.map(formatFinding).join("\n"));
  const { plan, snapshot, names } = compiled;
  const server = serveSnapshot(snapshot, rows);
  /** Calculated addresses of which a case says what they are. */
  const fixed = new Set<number>();
  const apply = ({ target: name, state, horizonMs, weightPercent }: Health): void => {
    const targets = everyTarget(plan).filter((target) => answersTo(target, name));
    if (targets.length === 0) throw new Error(`no checked address is called "${name}"`);
    for (const { row, check } of targets) {
      if (check.type === "calculated") fixed.add(row);
      const natural = state === "down" ? check.intervalMs * check.rise : 0;
      rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE] = STATE_BITS[state];
      rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_HORIZON_MS] = horizonMs ?? natural;
      rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_WEIGHT_SCALE] = Math.round(
        (65_536 * weightPercent) / 100,
      );
    }
  };
  const applyLoad = ({ target: name, figures }: Load): void => {
    const targets = plan.targets.filter((target) => answersTo(target, name));
    if (targets.length === 0) throw new Error(`no checked address is called "${name}"`);
    for (const { row } of targets) writeFigures(rows, row, figures);
  };
  const setNow = (health: Health[], load: Load[]): void => {
    for (const { row } of everyTarget(plan)) clearReport(rows, row);
    const { calculated = [] } = plan;
    applyOffline(rows, { targets: plan.targets, calculated, pools: plan.pools }, () => false);
    fixed.clear();
    health.forEach(apply);
    load.forEach(applyLoad);
    judgeOffline(rows, plan.pools, { calculated }, (row) => fixed.has(row));
  };
  const setHealth: GoldenServer["setHealth"] = (health, load, second, history) => {
    rows.latches.fill(0);
    const latches = createLatches(rows, () => undefined);
    const at = (clock: number) => ({ nowMs: clock * 1000, wallMs: clock * 1000 });
    const steps = [...history, { secondsAgo: 0, health, isRelease: false }];
    for (const [index, { secondsAgo, health: then, isRelease }] of steps.entries()) {
      const begin = second - secondsAgo;
      if (!isRelease) setNow(then, load);
      if (index === 0) latches.adopt(plan.failback, at(begin));
      const verdictOf = (row: number) => poolVerdict(rows, row);
      latches.fold(verdictOf, at(begin));
      if (isRelease)
        for (const { zone, policy } of plan.failback?.latches ?? []) latches.release(zone, policy, at(begin));
      const end = second - (steps[index + 1]?.secondsAgo ?? 0);
      for (let clock = begin; clock <= end; clock++)
        if (latches.isDue(clock * 1000)) latches.fold(verdictOf, at(clock));
    }
  };
  const judge: GoldenServer["judge"] = (overrides) => {
    const { policy, tables } = snapshot;
    const isUp = (address: number): boolean => {
      const row = policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!;
      return row < 0 || (rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE]! & STATE_UP) !== 0;
    };
    const ground = { policy, tables, names: names.policy };
    return judgeLast(overrides.slice(0, -1), overrides, ground, 0, isUp).losses;
  };
  return { ...server, compiled, setHealth, judge };
}

/** What only a calculated check asks is called by that check, too: `cache@192.0.2.1`. */
function answersTo(
  { pool, endpoint, address, isPart, check }: ProbeTarget | CalculatedTarget,
  name: string,
): boolean {
  if (isPart === true) return name === `${check.name}@${address}`;
  return name === pool || name === `${pool}/${endpoint}` || name === address;
}

/** Networks by the option of `geo` that names their database. */
function databasesOf({ countries, systems, places }: GoldenFile): Record<string, Record<string, MmdbInput>> {
  const map = <T>(from: Record<string, T>, record: (value: T) => MmdbInput) =>
    Object.fromEntries(Object.entries(from).map(([prefix, value]) => [prefix, record(value)]));
  return {
    country: map(countries, (code) => ({ country_code: code })),
    asn: map(systems, (asn) => ({ autonomous_system_number: uint32(asn) })),
    city: map(places, ([country, latitude, longitude]) => cityRecord({ country, latitude, longitude })),
  };
}

export function loadGoldenFile(file: GoldenFile): LoadedConfig {
  const folder = temporaryFolder("golden");
  try {
    mkdirSync(join(folder, "zones"));
    const geo = Object.entries(databasesOf(file)).filter(([, networks]) => Object.keys(networks).length > 0);
    for (const [role, networks] of geo) writeFileSync(join(folder, `${role}.mmdb`), makeMmdb(networks));
    const roles = geo.map(([role]) => `${role}: ${role}.mmdb`).join(", ");
    writeFileSync(join(folder, "steerd.yaml"), `geo: {${roles}}\n`);
    writeFileSync(join(folder, `zones/${file.zone}.zone`), `${[...APEX, ...file.master].join("\n")}\n`);
    const table = ["client,region,rtt_ms,samples", ...file.latency];
    writeFileSync(join(folder, "zones/latency.csv"), `${table.join("\n")}\n`);
    writeFileSync(join(folder, `zones/${file.zone}.yaml`), file.yaml);
    return loadConfig({ configFile: join(folder, "steerd.yaml"), cache: createConfigCache() });
  } finally {
    removeFolder(folder);
  }
}
