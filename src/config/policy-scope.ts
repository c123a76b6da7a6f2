import type { CountryGroups } from "../geo/country.ts";
import type { NodeModel } from "../policy/model.ts";
import type { Damage } from "./damage.ts";
import type { DatabaseUse } from "./database-uses.ts";
import type { Imports } from "./imports.ts";
import type { LatencyTables } from "./load-latency.ts";
import type { Reporter } from "./problem.ts";
import { resolveGroups } from "./resolve-groups.ts";
import type { ResolvedPool } from "./resolve-pools.ts";
import type { FragmentInput } from "./schema-zone.ts";

/** What the names of one file mean, while its trees are resolved. */
export interface PolicyScope {
  /** Whose policies they are: a zone, or an included file. */
  zone: string;
  /** What checks and regions can be named, included ones too. */
  checks: FragmentInput["checks"];
  imports: Imports;
  /** Policies of included files that are named here. */
  usedImports: Set<NodeModel>;
  /** Names of pools and policies that are not there: what they were meant to be is not reported as unused. */
  unknown: Set<string>;
  pools: Map<string, ResolvedPool>;
  policies: FragmentInput["policies"];
  /** Named policies that are done; null: wrong, and reported. */
  resolved: Map<string, NodeModel | null>;
  /** One node for each pool that is named, shared by whoever names it. */
  poolNodes: Map<string, NodeModel>;
  /** Named policies that are being resolved, outermost first. */
  open: string[];
  /** Policies that something other than themselves names. */
  used: Set<string>;
  /** Levels below and including each node. */
  heights: Map<NodeModel, number>;
  /** Country groups that `geo` keys can name, built-in ones too. */
  groups: CountryGroups;
  /** Groups that a key names. */
  usedGroups: Set<string>;
  /** Policies that are of less use, or of none, without a database. */
  databaseUses: DatabaseUse[];
  regions: FragmentInput["regions"];
  latency: LatencyTables;
  reporter: Reporter;
  /** What was taken out, and has been reported, by nameKey. */
  broken: ReadonlySet<string>;
  /** Of this file. */
  damage: Damage;
}

/** What a scope is made of. */
type ScopeParts = Pick<
  PolicyScope,
  "zone" | "checks" | "regions" | "pools" | "reporter" | "latency" | "imports" | "broken" | "damage"
> & { input: FragmentInput };

export function createScope({ input, ...parts }: ScopeParts): PolicyScope {
  return {
    ...parts,
    policies: input.policies,
    resolved: new Map(),
    poolNodes: new Map(),
    open: [],
    used: new Set(),
    usedImports: new Set(),
    unknown: new Set(),
    heights: new Map(),
    groups: resolveGroups(input.groups, parts.imports, parts.reporter),
    usedGroups: new Set(),
    databaseUses: [],
  };
}
