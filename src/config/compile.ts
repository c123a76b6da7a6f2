import { type CompiledTables, compileTables } from "../geo/compile-tables.ts";
import type { GeoSources } from "../geo/databases.ts";
import { decidingPlan } from "../health/deciders.ts";
import type { CheckSpec, HealthPlan } from "../health/plan.ts";
import { buildPolicy } from "../policy/build.ts";
import type { PolicyNames } from "../policy/names.ts";
import type { Snapshot } from "../snapshot.ts";
import { buildZones } from "../zone/tree.ts";
import { addChecks, addZones, type ConfigDraft } from "./compile-files.ts";
import { knownOfClients, wantDatabases } from "./database-uses.ts";
import type { Discovered } from "./discovered.ts";
import { planDoubt } from "./doubt-plan.ts";
import type { Finding } from "./findings.ts";
import { fineTiles } from "./fine-tiles.ts";
import { ALWAYS_UP } from "./health-plan.ts";
import { checkIndexMemory, type IndexSize, indexSizes } from "./index-memory.ts";
import { type KnownNames, type WantedName, wantedNames } from "./known-names.ts";
import type { LoadedConfig } from "./load.ts";
import type { LoadedOverrides } from "./load-overrides.ts";
import { releasePlaces } from "./load-yaml.ts";
import { resolveFragment } from "./resolve-fragment.ts";
import { Operands } from "./resolve-operands.ts";
import {
  forcedPlan,
  overrideFindings,
  type ResolvedOverrides,
  resolveOverrides,
} from "./resolve-overrides.ts";
import { noRows, openGeneration, type RowRegistry } from "./rows.ts";

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
