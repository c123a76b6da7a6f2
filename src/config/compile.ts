import { resolve } from "node:path";
import { type CompiledTables, compileTables } from "../geo/compile-tables.ts";
import type { GeoSources } from "../geo/databases.ts";
import { decidingPlan } from "../health/deciders.ts";
import type { CheckSpec, HealthPlan } from "../health/plan.ts";
import { buildPolicy } from "../policy/build.ts";
import type { FileSource, NodeModel, PoolModel, RecordModel } from "../policy/model.ts";
import type { PolicyNames } from "../policy/names.ts";
import type { Snapshot } from "../snapshot.ts";
import { buildZones, type ZoneSource } from "../zone/tree.ts";
import { CalculatedPlanner } from "./calculated-plan.ts";
import { asksNetwork, checkProbes, checkTargets } from "./check-probes.ts";
import { checkLoadedZone } from "./check-zone.ts";
import { type KnownOfClients, knownOfClients, wantDatabases } from "./database-uses.ts";
import { type Discovered, type DiscoveredPool, fillFromFile } from "./discovered.ts";
import { discoveredKey } from "./discovered-key.ts";
import { planDoubt } from "./doubt-plan.ts";
import { NO_NAMES, namedFiles } from "./file-names.ts";
import { type Finding, formatPlace } from "./findings.ts";
import { fineTiles } from "./fine-tiles.ts";
import { ALWAYS_UP, checkSpec, planPool } from "./health-plan.ts";
import { joinImports, type ResolvedFragment } from "./imports.ts";
import type { LoadedFragment } from "./includes.ts";
import { checkIndexMemory, type IndexSize, indexSizes } from "./index-memory.ts";
import { fillPool, type KnownNames, type WantedName, wantedNames } from "./known-names.ts";
import { planLatches } from "./latch-plan.ts";
import type { LoadedConfig } from "./load.ts";
import type { LoadedOverrides } from "./load-overrides.ts";
import { type LoadedYaml, releasePlaces, reporterOn } from "./load-yaml.ts";
import { matchesPool } from "./override-match.ts";
import { type Basis, isSame, resolveFragment } from "./resolve-fragment.ts";
import { Operands } from "./resolve-operands.ts";
import {
  forcedPlan,
  overrideFindings,
  type ResolvedOverrides,
  resolveOverrides,
} from "./resolve-overrides.ts";
import { type DynamicOwner, type ResolvedZone, resolveZone } from "./resolve-zone.ts";
import { noRows, openGeneration, type RowRegistry } from "./rows.ts";
import { type AnyCheckInput, probingChecks } from "./schema-calculated.ts";
import type { CheckInput } from "./schema-checks.ts";
import type { OverrideInput } from "./schema-overrides.ts";
import type { ZoneInput } from "./schema-zone.ts";
import { columnsOf } from "./zone-columns.ts";
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
  /** Forced states; absent: those that were loaded. */
  overrides?: LoadedOverrides;
  /** Endpoints from files that were in use before there is a `previous`. */
  discovered?: Discovered | undefined;
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
  server: LoadedConfig["server"];
  geo: GeoSources;
  overrides: LoadedOverrides;
  /** What the entries of `overrides` come to when this was compiled. */
  forced: ResolvedOverrides;
  tables: CompiledTables;
  report: CompileReport;
  /** Names that have to be looked up. */
  wanted: WantedName[];
  /** Endpoints from files. */
  discovered: Discovered;
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
  const overrides = options.overrides ?? loaded.overrides;
  const findings = [...loaded.findings, ...overrides.findings];
  openGeneration(options.rows, options.generation);
  const draft: ConfigDraft = {
    records: [],
    plan: { targets: [], pools: [] },
    sources: [],
    checks: [],
    operands: new Operands([]),
    planned: new Map(),
    discovered: new Map(),
    specs: new Map(),
    visited: new Set(),
    fragments: new Map(),
    hasRows: true,
    entries: overrides.entries ?? [],
    knows: knownOfClients(loaded),
  };
  for (const fragment of loaded.fragments) {
    const resolved = resolveFragment(fragment, draft.fragments);
    findings.push(...resolved.findings);
    wantDatabases(fragment.yaml, resolved.databaseUses, draft.knows, findings);
  }
  addZones(draft, loaded, options, findings);
  addChecks(draft, options, loaded, findings);
  const doubt = planDoubt(loaded.server, options.rows);
  if (doubt === null) draft.hasRows = false;
  else draft.plan.doubt = doubt;
  if (!draft.hasRows) findings.push(noRows(loaded.configFile));
  releasePlaces();
  if (hasErrors(findings)) return { findings: inOrder(findings) };
  const { policy, tableModels, targets, services, names: built } = buildPolicy(draft.records);
  const names: PolicyNames = { ...built, ...decidingPlan(draft.plan) };
  const tables = compileTables(
    tableModels,
    loaded.geo,
    options.previous?.tables ?? null,
    loaded.server.index_memory,
  );
  const sizes = indexSizes(tables.reports, policy, names);
  const excess = checkIndexMemory(sizes, loaded.server.index_memory, loaded.configFile);
  if (excess !== null) findings.push(excess);
  findings.push(...fineTiles(sizes, loaded));
  for (const { code, what, expected } of tables.problems)
    findings.push({ severity: "error", code, file: loaded.configFile, line: 0, column: 0, what, expected });
  if (hasErrors(findings)) return { findings: inOrder(findings) };
  const ground = { policy, tables: tables.data, names };
  const forced = resolveOverrides(overrides.entries ?? [], ground, Date.now());
  findings.push(...overrideFindings(overrides, forced, ground));
  const said = forcedPlan(overrides.entries ?? [], forced, policy);
  if (said.length > 0) draft.plan.forced = said;
  const { allow } = loaded.server.explain;
  return {
    snapshot: {
      generation: options.generation,
      zones: buildZones(draft.sources, targets, services),
      policy,
      tables: tables.data,
      ...(allow.length === 0 ? {} : { explain: { allow, names: explainingNames(names) } }),
    },
    plan: draft.plan,
    checks: draft.checks,
    names: { zones: loaded.zones.map((zone) => zone.name), policy: names },
    server: loaded.server,
    geo: loaded.geo,
    overrides,
    forced,
    tables,
    report: {
      zones: draft.sources.length,
      staticRecords: draft.sources.reduce((sum, source) => sum + source.columns.count, 0),
      dynamicRecords: draft.records.length,
      pools: names.pools.length,
      targets: draft.plan.targets.filter(({ check }) => check !== ALWAYS_UP).length,
      tables: sizes,
    },
    wanted: wantedNames([...draft.planned.keys()]),
    discovered: draft.discovered,
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
  checks: CompiledConfig["checks"];
  /** Pools that have their rows, those of included files once for all zones, and their checks. */
  planned: Map<PoolModel, AnyCheckInput | null>;
  operands: Operands;
  discovered: Map<string, DiscoveredPool>;
  specs: Map<CheckInput, CheckSpec>;
  /** Nodes that were searched for latches. */
  visited: Set<NodeModel>;
  fragments: Map<LoadedFragment, ResolvedFragment>;
  /** False: there were not enough rows in shared memory. */
  hasRows: boolean;
  /** Forced states. */
  entries: readonly OverrideInput[];
  knows: KnownOfClients;
}

function addZones(
  draft: ConfigDraft,
  loaded: LoadedConfig,
  options: CompileOptions,
  findings: Finding[],
): void {
  const resolved = loaded.zones.map((zone) => resolveDynamic(zone, draft.fragments, findings));
  draft.operands = new Operands(namedFiles(loaded, draft.fragments, resolved));
  for (const [index, zone] of loaded.zones.entries())
    addZone(draft, zone, resolved[index]!, loaded, options, findings);
}

function addZone(
  draft: ConfigDraft,
  zone: LoadedZone,
  resolved: ResolvedZone,
  loaded: LoadedConfig,
  options: CompileOptions,
  findings: Finding[],
): void {
  if (zone.dynamic !== null) wantDatabases(zone.dynamic, resolved.databaseUses, draft.knows, findings);
  const columns = columnsOf(zone, loaded);
  if (columns !== null) {
    const place = (owner: DynamicOwner) => formatPlace(placeOf(zone, owner));
    const found = checkLoadedZone(zone, columns, resolved.owners, place);
    findings.push(
      ...(knowsNameservers(zone, loaded) ? found : found.filter(({ code }) => !ABOUT_APEX.has(code))),
    );
    const first = draft.records.length;
    const dynamic = resolved.records.map(({ owner, ownsName, model }, index) => ({
      owner,
      record: first + index,
      givesTarget: ownsName,
      givesHttps: model.services?.https !== undefined,
      givesSvcb: model.services?.svcb !== undefined,
    }));
    draft.sources.push({ columns, dynamic });
  }
  for (const { model } of resolved.records) draft.records.push(model);
  for (const pool of resolved.pools) addPool(draft, pool, loaded, options, findings);
  const roots = resolved.records.map(({ model }) => model.root);
  draft.hasRows &&= planLatches(draft.plan, roots, options.rows, draft.visited);
}

function addPool(
  draft: ConfigDraft,
  pool: PoolModel,
  loaded: LoadedConfig,
  options: CompileOptions,
  findings: Finding[],
): void {
  if (draft.planned.has(pool)) return;
  const check = draft.operands.checkOf(pool);
  draft.planned.set(pool, check);
  fillPool(pool, options.known ?? new Map(), findings);
  if (pool.source !== undefined) discover(draft, pool, pool.source, loaded, options, findings);
  const spec = draft.operands.isCalculated(pool)
    ? "calculated"
    : check === null
      ? uncheckedSpec(pool, draft.entries)
      : specOf(draft, pool.check!, check as CheckInput);
  draft.hasRows &&= planPool(draft.plan, pool, spec, options.rows);
}

/** What calculated checks and regions lead to: pools that no record reaches, too. */
function addCalculated(
  draft: ConfigDraft,
  options: CompileOptions,
  loaded: LoadedConfig,
  findings: Finding[],
): void {
  const { operands, planned, plan } = draft;
  if (!operands.check(loaded.server.probes.allow, findings)) return;
  for (const pool of planned.keys()) {
    for (const needed of operands.neededBy(pool)) {
      if (planned.has(needed)) continue;
      addPool(draft, needed, loaded, options, findings);
      operands.retractUnused(needed, findings);
    }
  }
  const specs = (name: string, check: CheckInput) => specOf(draft, name, check);
  const planner = new CalculatedPlanner({ plan, rows: options.rows, operands, specOf: specs, findings });
  planner.plan([...planned.keys()].filter((pool) => operands.isCalculated(pool)));
  draft.hasRows &&= planner.hasRows;
}

/** A path that is not among the files was refused, which is an error already. */
function discover(
  draft: ConfigDraft,
  pool: PoolModel,
  source: FileSource,
  loaded: LoadedConfig,
  { previous, discovered }: CompileOptions,
  findings: Finding[],
): void {
  const file = loaded.endpointsFiles.get(resolve(loaded.server.zones, source.file)) ?? { why: "" };
  const key = discoveredKey(pool);
  const before = (previous?.discovered ?? discovered)?.get(key);
  draft.discovered.set(key, fillFromFile(pool, source, file, before, findings));
}

/** One object for all pools with the same check. */
function specOf({ specs }: ConfigDraft, name: string, check: CheckInput): CheckSpec {
  const spec = specs.get(check) ?? checkSpec(name, check);
  specs.set(check, spec);
  return spec;
}

/** The checks of all files, once it is known which pools use them. */
function addChecks(
  draft: ConfigDraft,
  options: CompileOptions,
  loaded: LoadedConfig,
  findings: Finding[],
): void {
  addCalculated(draft, options, loaded, findings);
  const users = new Map<CheckInput, PoolModel[]>();
  const ofFile = new Map<string, [PoolModel, CheckInput][]>();
  for (const [pool, check] of draft.planned) {
    if (check === null) continue;
    const leaves = draft.operands.leavesOf(check);
    for (const leaf of leaves) pushTo(users, leaf, pool);
    const asking = leaves.find(({ type }) => asksNetwork(type));
    if (asking !== undefined) pushTo(ofFile, pool.zone, [pool, asking]);
  }
  const { programs, allow } = loaded.server.probes;
  for (const { name: zone, yaml } of [...loaded.fragments, ...loaded.zones.map(asFile)]) {
    if (yaml === null || yaml.input === null) continue;
    const checks = probingChecks(yaml.input.checks);
    for (const [name, check] of Object.entries(checks))
      draft.checks.push({ zone, check: specOf(draft, name, check) });
    if (!loaded.isServerSound) continue;
    const reporter = reporterOn(yaml as LoadedYaml<unknown>, findings);
    checkProbes(checks, users, programs, reporter);
    for (const [pool, check] of ofFile.get(zone) ?? []) checkTargets(pool, check, allow, reporter);
  }
}

function asFile({ name, dynamic }: LoadedZone): { name: string; yaml: LoadedYaml<ZoneInput> | null } {
  return { name, yaml: dynamic };
}

function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}

/** A pool without a check is always up and has no rows, unless an operator has something to say of it. */
function uncheckedSpec(
  { zone, name, region }: PoolModel,
  entries: readonly OverrideInput[],
): CheckSpec | null {
  const place = { zone, pool: name, region: region?.name ?? null };
  return entries.some(({ match }) => matchesPool(match, place)) ? ALWAYS_UP : null;
}

const ABOUT_APEX = new Set(["ZONE_SOA_MISSING", "ZONE_NS_MISSING"]);

/** False: whether the zone gets an SOA and NS from steerd.yaml, or is a zone at all, cannot be told. */
function knowsNameservers({ master, dynamic }: LoadedZone, { isServerSound }: LoadedConfig): boolean {
  const isUnread = master === null && dynamic?.input === null && dynamic.text === "";
  return isServerSound && !isUnread;
}

interface Resolution extends Basis {
  zone: ResolvedZone;
  findings: Finding[];
}

/** What was made of a file that did not change is the same again; planPool gives its pools the rows that they had. */
const resolutions = new WeakMap<LoadedYaml<ZoneInput>, Resolution>();

function resolveDynamic(
  { name, apex, dynamic, latency, includes }: LoadedZone,
  fragments: Map<LoadedFragment, ResolvedFragment>,
  findings: Finding[],
): ResolvedZone {
  if (dynamic === null || dynamic.input === null) return NOTHING_RESOLVED;
  const files = includes.files.map((file) => resolveFragment(file, fragments));
  const { isComplete } = includes;
  let resolution = resolutions.get(dynamic);
  if (resolution === undefined || !isSame(resolution, { latency, imports: files, isComplete })) {
    const found: Finding[] = [];
    const reporter = reporterOn(dynamic, found);
    const imports = joinImports(files, isComplete, reporter);
    const zone = resolveZone(name, apex, dynamic.input, reporter, latency, imports);
    resolution = { latency, imports: files, isComplete, zone, findings: found };
    resolutions.set(dynamic, resolution);
  }
  findings.push(...resolution.findings);
  return resolution.zone;
}

const NOTHING_RESOLVED: ResolvedZone = {
  owners: [],
  records: [],
  pools: [],
  names: NO_NAMES,
  databaseUses: [],
};

/** A finding without words at a dynamic name's key. */
function placeOf(zone: LoadedZone, owner: DynamicOwner): Finding {
  const place: Finding[] = [];
  reporterOn(zone.dynamic!, place).warning(owner.path, "key", "", "", "");
  return place[0]!;
}
