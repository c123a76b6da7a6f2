import type { BiasedLocation, TableModel } from "../geo/table.ts";
import type { KeyModel, LastResortModel, LocationModel, NodeModel, PoolModel } from "./model.ts";

/** A child of a node, in the order in which the node's entries are laid down. */
interface OrderedEntry {
  /** The key of geo, subnets or asn; empty in lists. */
  key: string;
  node: NodeModel;
  weight: number;
}

/** The node's children; those with keys in the order of their table, so that a chain's numbers mean them. */
export function tableNodeEntries(node: Exclude<NodeModel, { kind: "pool" }>): OrderedEntry[] {
  if ("keys" in node) {
    return [...node.keys].sort(byKey).map(({ key, node: child }) => ({ key, node: child, weight: 1 }));
  }
  return node.of.map((entry) => ({ key: "", node: entry.node, weight: entry.weight }));
}

/** What the node's table must be compiled from, or null: nodes of this kind look nothing up. */
export function tableModelOf(node: NodeModel): TableModel | null {
  switch (node.kind) {
    case "geo": {
      const keys = sortedKeys(node.keys);
      return node.groups === undefined ? { kind: "geo", keys } : { kind: "geo", keys, groups: node.groups };
    }
    case "subnets":
    case "asn":
      return { kind: node.kind, keys: sortedKeys(node.keys) };
    case "nearest":
      return {
        kind: "nearest",
        locations: node.of.map(({ location, bias = 0 }) => biased(location, bias)),
      };
    case "latency":
      return {
        kind: "latency",
        table: node.table,
        regions: node.of.map(({ region }) => region),
        places: node.of.map(({ location, bias }) => (location === null ? null : biased(location, bias))),
        toleranceMs: node.toleranceMs,
        minSamples: node.minSamples,
      };
    case "pool":
    case "failover":
    case "weighted":
    case "round_robin":
    case "hash":
    case "all":
    case "least_response_time":
    case "least_connections":
    case "p2c":
    case "adaptive":
      return null;
    default:
      return node satisfies never;
  }
}

function biased({ latitude, longitude }: LocationModel, bias: number): BiasedLocation {
  return bias === 0 ? { latitude, longitude } : { latitude, longitude, bias };
}

function sortedKeys(keys: readonly KeyModel[]): string[] {
  return [...keys].sort(byKey).map(({ key }) => key);
}

/** By code units, `default` last. */
function byKey(a: { key: string }, b: { key: string }): number {
  if (a.key === "default" || b.key === "default") return a.key === b.key ? 0 : a.key === "default" ? 1 : -1;
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** True when a node, a pool or a last resort of the tree hashes the client's prefix, also where it is to take slices. */
export function reachesHash(root: NodeModel, lastResort: LastResortModel): boolean {
  const reads = ({ select, slowStartMs, shed }: PoolModel) =>
    select === "hash" || slowStartMs !== undefined || shed !== undefined;
  const hashes = (model: LastResortModel | null) => model?.kind === "pool" && reads(model.pool);
  const visited = new Set<NodeModel>();
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (visited.has(node)) continue;
    visited.add(node);
    if (node.kind === "hash" || hashes(node.lastResort)) return true;
    if (node.kind !== "pool") for (const entry of tableNodeEntries(node)) waiting.push(entry.node);
    else if (reads(node.pool)) return true;
  }
  return hashes(lastResort);
}

/** Indexes of the tables of a node and of all nodes below it, each once, in growing order; `tableOf` gives -1 for none. */
export function reachableTables(root: NodeModel, tableOf: (node: NodeModel) => number): number[] {
  const visited = new Set<NodeModel>();
  const tables = new Set<number>();
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (visited.has(node)) continue;
    visited.add(node);
    const table = tableOf(node);
    if (table >= 0) tables.add(table);
    if (node.kind !== "pool") for (const entry of tableNodeEntries(node)) waiting.push(entry.node);
  }
  return [...tables].sort((a, b) => a - b);
}
