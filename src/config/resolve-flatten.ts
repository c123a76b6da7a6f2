import type { EndpointModel, LastResortModel, NodeModel, PoolModel } from "../policy/model.ts";
import { addressText } from "../policy/names.ts";
import { DEFAULT_INTERVAL_MS, DEFAULT_MAX } from "./schema-endpoint.ts";

/**
 * A pool of its own beside the one of names, called NAME.flat: the probes of an address are not those of a name. `place`:
 * `file:line` of the endpoints.
 */
export function flatPool(pool: PoolModel, place: string): PoolModel {
  const template = pool.endpoints.map((endpoint): EndpointModel => {
    const name = addressText(endpoint.addresses[0]!);
    const lookup = { name, intervalMs: DEFAULT_INTERVAL_MS, maxAddresses: DEFAULT_MAX, place };
    return { ...endpoint, addresses: [], lookup };
  });
  return { ...pool, name: `${pool.name}.flat`, endpoints: [], template };
}

/** A node of an included file is one object for all zones, and so is what it is flattened to. */
const flatNodes = new WeakMap<NodeModel, NodeModel>();

/** A tree with the addresses of its targets in place of their names; the same node where it reaches none. */
export function flattenNode(node: NodeModel): NodeModel {
  const known = flatNodes.get(node);
  if (known !== undefined) return known;
  const lastResort = node.lastResort === null ? null : flattenLastResort(node.lastResort);
  let flat: NodeModel;
  if (node.kind === "pool") {
    flat = node.pool.flat === undefined ? node : { ...node, pool: node.pool.flat };
  } else {
    const children: { node: NodeModel }[] = "of" in node ? node.of : node.keys;
    const nodes = children.map((child) => flattenNode(child.node));
    const flatChildren = children.map((child, i) => ({ ...child, node: nodes[i]! }));
    const isSame = children.every((child, i) => child.node === nodes[i]);
    flat = isSame ? node : ({ ...node, ["of" in node ? "of" : "keys"]: flatChildren } as NodeModel);
  }
  if (lastResort !== node.lastResort) flat = { ...flat, lastResort };
  if (flat !== node && flat.kind === "failover" && flat.latch !== undefined)
    flat = { ...flat, latch: { ...flat.latch, policy: `${flat.latch.policy}.flat` } };
  flatNodes.set(node, flat);
  return flat;
}

export function flattenLastResort(lastResort: LastResortModel): LastResortModel {
  if (lastResort.kind !== "pool" || lastResort.pool.flat === undefined) return lastResort;
  return { kind: "pool", pool: lastResort.pool.flat };
}
