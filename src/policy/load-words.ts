import { PARTS_BITS } from "./data.ts";
import type { NodeKind, NodeModel, PartsModel, PoolModel } from "./model.ts";
import { tableNodeEntries } from "./node-table.ts";

/** True for policies and selects that go by what is measured and reported. */
export function goesByLoad(kind: NodeKind | PoolModel["select"]): boolean {
  return (
    kind === "least_response_time" || kind === "least_connections" || kind === "p2c" || kind === "adaptive"
  );
}

/** NODE_PARTS or POOL_PARTS. */
export function partsWord({ connections, p99, errors }: PartsModel): number {
  return connections | (p99 << PARTS_BITS) | (errors << (2 * PARTS_BITS));
}

/** A decision reads a line of shared memory for each of them until one has an endpoint up. */
const MAX_FIGURE_POOLS = 8;

/**
 * The pools of a node that goes by load's child, in the order of lists, and of keys by their names: the first of them that has an endpoint up
 * stands for the whole child. At most MAX_FIGURE_POOLS, each once.
 */
export function figurePools(child: NodeModel): PoolModel[] {
  const pools = new Set<PoolModel>();
  const visited = new Set<NodeModel>();
  const visit = (node: NodeModel): void => {
    if (pools.size === MAX_FIGURE_POOLS || visited.has(node)) return;
    visited.add(node);
    if (node.kind === "pool") pools.add(node.pool);
    else for (const entry of tableNodeEntries(node)) visit(entry.node);
  };
  visit(child);
  return [...pools];
}
