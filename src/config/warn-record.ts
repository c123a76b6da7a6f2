import type { LastResortModel, NodeModel } from "../policy/model.ts";
import { prefixFor, type Reporter } from "./problem.ts";
import { childrenOf } from "./resolve-policy.ts";
import type { YamlPath } from "./yaml-text.ts";

/** What can be answered of both families, in bits. */
const IPV4 = 1;
const IPV6 = 2;

/** Warns of records that give some clients nothing, whatever the health. `path`: the record's. */
export function warnOfRecord(
  root: NodeModel,
  lastResort: LastResortModel,
  path: YamlPath,
  reporter: Reporter,
): void {
  const at = [...path, "policy"];
  if (
    root.lastResort === null &&
    leavesClientsOut(root) &&
    lastResort.kind !== "pool" &&
    lastResort.kind !== "addresses"
  ) {
    const what = `${prefixFor(path)}clients that no key of ${root.kind} matches get no address, and resolvers keep that for every client`;
    reporter.warning(at, "key", "CFG_DEFAULT_MISSING", what, "a default");
  }
  const masks = familiesOf(root, new Map());
  if (!masks.has(IPV4) || !masks.has(IPV6)) return;
  const what = `${prefixFor(path)}some clients get no A and others no AAAA: it chooses between IPv4 pools and IPv6 pools`;
  reporter.warning(at, "key", "CFG_FAMILY_MIXED", what, "pools with addresses of both families, or of one");
}

/** A table at the root without `default` that does not hold every address. */
function leavesClientsOut(root: NodeModel): boolean {
  if (root.kind !== "geo" && root.kind !== "subnets" && root.kind !== "asn") return false;
  const keys = root.keys.map(({ key }) => key);
  return !keys.includes("default") && !(keys.includes("0.0.0.0/0") && keys.includes("::/0"));
}

/** The sets of families that a client may be given, one for each way through the tree; none for names, and for what is looked up. */
function familiesOf(node: NodeModel, known: Map<NodeModel, Set<number>>): Set<number> {
  const before = known.get(node);
  if (before !== undefined) return before;
  const masks = new Set<number>();
  if (node.kind === "pool") {
    const { endpoints, template } = node.pool;
    const mask = (template === undefined ? endpoints : [])
      .flatMap(({ addresses }) => addresses)
      .reduce((sum, { family }) => sum | (family === 4 ? IPV4 : family === 6 ? IPV6 : 0), 0);
    if (mask !== 0) masks.add(mask);
  } else {
    const below = childrenOf(node).map((child) => familiesOf(child, known));
    const found = below.flatMap((child) => [...child]);
    if (node.kind !== "all") for (const mask of found) masks.add(mask);
    else if (found.length > 0) masks.add(found.reduce((sum, mask) => sum | mask, 0));
  }
  known.set(node, masks);
  return masks;
}
