import type { LastResortModel, NodeModel, PoolModel } from "../policy/model.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import { isOfTargets, TARGETS_ONLY } from "./resolve-pools.ts";
import type { YamlPath } from "./yaml-text.ts";

/** What can be answered below a node. */
interface Reach {
  pools: Set<PoolModel>;
  /** A last resort with addresses of its own. */
  hasAddresses: boolean;
  /** An `all` stands somewhere. */
  hasUnion: boolean;
}

/** The way out of most of it. */
const FLATTENED = "flatten: true on the record, which answers the addresses of its targets";

/**
 * What a record gives: addresses, or the CNAME of `target` endpoints. Null: its tree reaches both, or a target where no
 * CNAME can stand, and that has been reported. `path`: the record's.
 */
export function resolveGives(
  root: NodeModel,
  lastResort: LastResortModel,
  isApex: boolean,
  path: YamlPath,
  reporter: Reporter,
): "addresses" | "target" | null {
  const reach: Reach = { pools: new Set(), hasAddresses: false, hasUnion: false };
  visit(reach, root, new Set());
  visitLastResort(reach, lastResort);
  const first = [...reach.pools].find(({ endpoints }) => isOfTargets(endpoints));
  if (first === undefined) return "addresses";
  const refuse = (code: string, what: string, expected: string): null => {
    reporter.error([...path, "policy"], "key", code, `${prefixFor(path)}${what}`, expected);
    return null;
  };
  const pool = `the pool ${first.name} has targets`;
  const other = [...reach.pools].find(({ endpoints }) => !isOfTargets(endpoints));
  if (other !== undefined)
    return refuse(
      "CFG_TARGET_MIXED",
      `${pool}, and the pool ${other.name} has addresses`,
      `${TARGETS_ONLY}, or ${FLATTENED}`,
    );
  if (reach.hasAddresses)
    return refuse(
      "CFG_TARGET_MIXED",
      `${pool}, and a last resort has addresses`,
      `${TARGETS_ONLY}, or ${FLATTENED}`,
    );
  // RFC 1034 section 3.6.2: a CNAME stands alone, and the apex has SOA and NS.
  if (isApex)
    return refuse("CFG_TARGET_APEX", `${pool}, and a zone's own name cannot be an alias`, FLATTENED);
  if (reach.hasUnion)
    return refuse("CFG_TARGET_ONE", `${pool}, and all gives several`, "a policy that picks one");
  return "target";
}

/** Nodes may be shared, and are looked at once. */
function visit(reach: Reach, node: NodeModel, seen: Set<NodeModel>): void {
  if (seen.has(node)) return;
  seen.add(node);
  if (node.lastResort !== null) visitLastResort(reach, node.lastResort);
  if (node.kind === "all") reach.hasUnion = true;
  if (node.kind === "pool") reach.pools.add(node.pool);
  else for (const child of "of" in node ? node.of : node.keys) visit(reach, child.node, seen);
}

function visitLastResort(reach: Reach, lastResort: LastResortModel): void {
  if (lastResort.kind === "pool") reach.pools.add(lastResort.pool);
  if (lastResort.kind === "addresses") reach.hasAddresses = true;
}
