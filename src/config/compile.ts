import { type CompiledTables, compileTables } from "../geo/compile-tables.ts";
import type { GeoSources } from "../geo/databases.ts";
import type { CheckSpec, HealthPlan } from "../health/plan.ts";
import { buildPolicy } from "../policy/build.ts";
import type { PoolModel, RecordModel } from "../policy/model.ts";
import type { PolicyNames } from "../policy/names.ts";
import type { Snapshot } from "../snapshot.ts";
import type { RecordColumns } from "../zone/record-columns.ts";
import { buildZones, type ZoneSource } from "../zone/tree.ts";
import { checkProbes } from "./check-probes.ts";
import { checkLoadedZone } from "./check-zone.ts";
import { type Finding, formatPlace } from "./findings.ts";
import { withApexRecords } from "./generated-records.ts";
import { checkSpec, planPool } from "./health-plan.ts";
import { checkIndexMemory, type IndexSize, indexSizes } from "./index-memory.ts";
import { fillPool, type KnownNames, type WantedName, wantedNames } from "./known-names.ts";
import { planLatches } from "./latch-plan.ts";
import type { LoadedConfig } from "./load.ts";
import type { LatencyTables } from "./load-latency.ts";
import { type LoadedYaml, releasePlaces, reporterOn } from "./load-yaml.ts";
import { prefixFor } from "./problem.ts";
import { type DynamicOwner, type ResolvedZone, resolveZone } from "./resolve-zone.ts";
import { openGeneration, type RowRegistry } from "./rows.ts";
import type { ServerOptions } from "./schema-server.ts";
import type { ZoneInput } from "./schema-zone.ts";
import type { LoadedZone } from "./zones-folder.ts";

/** What people call what a snapshot has as numbers. */
export interface SnapshotNames {
  /** Origin of each zone of ZoneData, without the final dot. */
  zones: string[];
  policy: PolicyNames;
}

export interface CompileOptions {
  rows: RowRegistry;
  /** The configuration in use, whose tables are taken over where nothing changed. */
  previous: CompiledConfig | null;
  /** Number of the snapshot to be made. */
  generation: number;
  /** Addresses of names that are looked up; absent: none is known. */
  known?: KnownNames;
}

/** How large a configuration is, and what its tables cost. */
export interface CompileReport {
  zones: number;
  staticRecords: number;
  dynamicRecords: number;
  pools: number;
  targets: number;
  tables: IndexSize[];
}

/** A configuration that may be served. */
export interface CompiledConfig {
  snapshot: Snapshot;
  plan: HealthPlan;
  /** Every check, also those that no pool uses. */
  checks: { zone: string; check: CheckSpec }[];
  names: SnapshotNames;
  server: ServerOptions;
  geo: GeoSources;
  tables: CompiledTables;
  report: CompileReport;
  /** Names that have to be looked up. */
  wanted: WantedName[];
  /** Warnings, in the order of files, lines and columns. */
  findings: Finding[];
}

/** Why a configuration may not be served: every error of every file, and the warnings, in order. */
export interface RejectedConfig {
  findings: Finding[];
}

/** Resolves, checks and builds what was loaded: all of it, or nothing but the findings. */
export function compileConfig(
  loaded: LoadedConfig,
  options: CompileOptions,
): CompiledConfig | RejectedConfig {
  const findings = [...loaded.findings];
  openGeneration(options.rows, options.generation);
  const draft: ConfigDraft = {
    records: [],
    plan: { targets: [], pools: [] },
    sources: [],
    pools: [],
    checks: [],
    hasRows: true,
  };
  for (const zone of loaded.zones) addZone(draft, zone, loaded, options, findings);
  if (!draft.hasRows) findings.push(noRows(loaded.configFile));
  releasePlaces();
  if (hasErrors(findings)) return { findings: inOrder(findings) };
  const { policy, tableModels, targets, names } = buildPolicy(draft.records);
  const tables = compileTables(
    tableModels,
    loaded.geo,
    options.previous?.tables ?? null,
    loaded.server.index_memory,
  );
  const sizes = indexSizes(tables.reports, policy, names);
  const excess = checkIndexMemory(sizes, loaded.server.index_memory, loaded.configFile);
  if (excess !== null) findings.push(excess);
  for (const { code, what, expected } of tables.problems)
    findings.push({ severity: "error", code, file: loaded.configFile, line: 0, column: 0, what, expected });
  if (hasErrors(findings)) return { findings: inOrder(findings) };
  const zones = buildZones(draft.sources, targets);
  const { allow } = loaded.server.explain;
  return {
    snapshot: {
      generation: options.generation,
      zones,
      policy,
      tables: tables.data,
      ...(allow.length === 0 ? {} : { explain: { allow, names: explainingNames(names) } }),
    },
    plan: draft.plan,
    checks: draft.checks,
    names: { zones: loaded.zones.map((zone) => zone.name), policy: names },
    server: loaded.server,
    geo: loaded.geo,
    tables,
    report: {
      zones: draft.sources.length,
      staticRecords: draft.sources.reduce((sum, source) => sum + source.columns.count, 0),
      dynamicRecords: draft.records.length,
      pools: names.pools.length,
      targets: draft.plan.targets.length,
      tables: sizes,
    },
    wanted: wantedNames(draft.pools),
    findings: inOrder(findings),
  };
}

/** What workers need of the names to explain: measurements stay here. */
function explainingNames(names: PolicyNames): PolicyNames {
  const tables = names.tables.map((model) =>
    model.kind === "latency" ? { ...model, table: { ...model.table, clients: [] } } : model,
  );
  return { ...names, tables };
}

export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some((finding) => finding.severity === "error");
}

/** By file, line and column; what stands at one place stays in the order in which it was found. */
function inOrder(findings: Finding[]): Finding[] {
  const compare = (a: Finding, b: Finding) => a.line - b.line || a.column - b.column;
  return findings.sort((a, b) => (a.file === b.file ? compare(a, b) : a.file < b.file ? -1 : 1));
}

/** The parts of a configuration while its zones are added. */
interface ConfigDraft {
  records: RecordModel[];
  plan: HealthPlan;
  sources: ZoneSource[];
  pools: PoolModel[];
  checks: CompiledConfig["checks"];
  /** False: there were not enough rows in shared memory. */
  hasRows: boolean;
}

function addZone(
  draft: ConfigDraft,
  zone: LoadedZone,
  loaded: LoadedConfig,
  { rows, known = new Map() }: CompileOptions,
  findings: Finding[],
): void {
  const resolved = resolveDynamic(zone, findings);
  if (loaded.isServerSound && loaded.server.geo.asn === undefined) wantAsn(zone, resolved, findings);
  const columns = columnsOf(zone, loaded);
  if (columns !== null) {
    const place = (owner: DynamicOwner) => formatPlace(placeOf(zone, owner));
    const found = checkLoadedZone(zone, columns, resolved.owners, place);
    findings.push(
      ...(knowsNameservers(zone, loaded) ? found : found.filter(({ code }) => !ABOUT_APEX.has(code))),
    );
    const first = draft.records.length;
    const dynamic = resolved.records.map(({ owner, ownsName }, index) => ({
      owner,
      record: first + index,
      givesTarget: ownsName,
    }));
    draft.sources.push({ columns, dynamic });
  }
  for (const { model } of resolved.records) draft.records.push(model);
  if (loaded.isServerSound && zone.dynamic?.input)
    checkProbes(
      zone.dynamic.input.checks,
      resolved.pools,
      loaded.server.probes,
      reporterOn(zone.dynamic, findings),
    );
  const checks = new Map<string, CheckSpec>();
  for (const [name, check] of Object.entries(zone.dynamic?.input?.checks ?? {}))
    checks.set(name, checkSpec(name, check));
  for (const check of checks.values()) draft.checks.push({ zone: zone.name, check });
  for (const pool of resolved.pools) {
    fillPool(pool, known, findings);
    draft.pools.push(pool);
    const check = pool.check === null ? null : checks.get(pool.check)!;
    draft.hasRows &&= planPool(draft.plan, pool, check, rows);
  }
  const roots = resolved.records.map(({ model }) => model.root);
  draft.hasRows &&= planLatches(draft.plan, zone.name, roots, rows);
}

/** Without a database every client's autonomous system would be unknown, and nobody would be told. */
function wantAsn(zone: LoadedZone, { asnUses }: ResolvedZone, findings: Finding[]): void {
  if (asnUses.length === 0) return;
  const reporter = reporterOn(zone.dynamic!, findings);
  for (const { path, isRequired } of asnUses) {
    const what = `${prefixFor(path)}no database knows the autonomous systems of clients`;
    const report = isRequired ? reporter.error : reporter.warning;
    report(path, "key", "CFG_ASN_DATABASE", what, "geo.asn in steerd.yaml, as {asn: ./GeoLite2-ASN.mmdb}");
  }
}

const ABOUT_APEX = new Set(["ZONE_SOA_MISSING", "ZONE_NS_MISSING"]);

/** False: whether the zone gets an SOA and NS from steerd.yaml, or is a zone at all, cannot be told. */
function knowsNameservers({ master, dynamic }: LoadedZone, { isServerSound }: LoadedConfig): boolean {
  const isUnread = master === null && dynamic?.input === null && dynamic.text === "";
  return isServerSound && !isUnread;
}

interface Resolution {
  latency: LatencyTables;
  zone: ResolvedZone;
  findings: Finding[];
}

/** What was made of a file that did not change is the same again; planPool gives its pools the rows that they had. */
const resolutions = new WeakMap<LoadedYaml<ZoneInput>, Resolution>();

function resolveDynamic({ name, apex, dynamic, latency }: LoadedZone, findings: Finding[]): ResolvedZone {
  if (dynamic === null || dynamic.input === null) return { owners: [], records: [], pools: [], asnUses: [] };
  let resolution = resolutions.get(dynamic);
  if (resolution === undefined || !isSame(resolution.latency, latency)) {
    const found: Finding[] = [];
    const zone = resolveZone(name, apex, dynamic.input, reporterOn(dynamic, found), latency);
    resolution = { latency, zone, findings: found };
    resolutions.set(dynamic, resolution);
  }
  findings.push(...resolution.findings);
  return resolution.zone;
}

function isSame(a: LatencyTables, b: LatencyTables): boolean {
  return a.size === b.size && [...a].every(([name, table]) => b.get(name) === table);
}

/** The records to check and build; null when the master file has errors, which have been reported. */
function columnsOf(zone: LoadedZone, loaded: LoadedConfig): RecordColumns | null {
  const { master, dynamic, apex } = zone;
  if (master !== null && (master.columns === null || hasErrors(master.findings))) return null;
  const { nameservers } = loaded.server;
  const from = {
    apex,
    nameservers,
    ttlMaxSeconds: dynamic?.input?.ttl.max ?? Number.POSITIVE_INFINITY,
    text: dynamic?.text ?? "",
    file: loaded.configFile,
  };
  return withApexRecords(master?.columns ?? null, from);
}

/** A finding without words at a dynamic name's key. */
function placeOf(zone: LoadedZone, owner: DynamicOwner): Finding {
  const place: Finding[] = [];
  reporterOn(zone.dynamic!, place).warning(owner.path, "key", "", "", "");
  return place[0]!;
}

function noRows(file: string): Finding {
  return {
    severity: "error",
    code: "CFG_LIMIT_ENDPOINTS",
    file,
    line: 0,
    column: 0,
    what: "the zones together have more checked addresses, pools or latches than there is shared memory for",
    expected: "at most 131072 checked addresses and 65536 pools, less those of the last two configurations",
  };
}
