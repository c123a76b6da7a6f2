import { resolve } from "node:path";
import type { CheckSpec, HealthPlan } from "../health/plan.ts";
import type { FileSource, NodeModel, PoolModel, RecordModel } from "../policy/model.ts";
import type { ZoneSource } from "../zone/tree.ts";
import { CalculatedPlanner } from "./calculated-plan.ts";
import { asksNetwork, checkProbes, checkTargets } from "./check-probes.ts";
import { checkLoadedZone } from "./check-zone.ts";
import type { CompiledConfig, CompileOptions } from "./compile.ts";
import { type KnownOfClients, wantDatabases } from "./database-uses.ts";
import { type DiscoveredPool, fillFromFile } from "./discovered.ts";
import { discoveredKey } from "./discovered-key.ts";
import { namedFiles } from "./file-names.ts";
import { type Finding, formatPlace } from "./findings.ts";
import { ALWAYS_UP, checkSpec, planPool } from "./health-plan.ts";
import type { ResolvedFragment } from "./imports.ts";
import type { LoadedFragment } from "./includes.ts";
import { fillPool } from "./known-names.ts";
import { planLatches } from "./latch-plan.ts";
import type { LoadedConfig } from "./load.ts";
import { type LoadedYaml, reporterOn } from "./load-yaml.ts";
import { matchesPool } from "./override-match.ts";
import { resolveDynamic } from "./resolve-dynamic.ts";
import { Operands } from "./resolve-operands.ts";
import type { DynamicOwner, ResolvedZone } from "./resolve-zone.ts";
import { type AnyCheckInput, probingChecks } from "./schema-calculated.ts";
import type { CheckInput } from "./schema-checks.ts";
import type { OverrideInput } from "./schema-overrides.ts";
import type { ZoneInput } from "./schema-zone.ts";
import { columnsOf } from "./zone-columns.ts";
import type { LoadedZone } from "./zones-folder.ts";

/** The parts of a configuration while its zones are added. */
export interface ConfigDraft {
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

export function addZones(
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
    const place = (owner: DynamicOwner) =>
      formatPlace(reporterOn(zone.dynamic!, []).placeOf(owner.path, "key"));
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
export function addChecks(
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
    if (yaml === null || yaml.rest === null) continue;
    const checks = probingChecks(yaml.rest.checks);
    for (const [name, check] of Object.entries(checks))
      draft.checks.push({ zone, check: specOf(draft, name, check) });
    if (!loaded.isServerSound("probes")) continue;
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
  const isUnread = master === null && dynamic?.rest === null && dynamic.text === "";
  return isServerSound("nameservers") && !isUnread;
}
