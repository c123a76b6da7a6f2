import type { EndpointModel, LastResortModel, NodeModel, PoolModel } from "../policy/model.ts";
import { addressText } from "../policy/names.ts";
import { DEFAULT_MAX_ANSWERS, isOfTargets } from "./resolve-pools.ts";
import { DEFAULT_INTERVAL_MS, DEFAULT_MAX } from "./schema-endpoint.ts";
import type { ZoneInput } from "./schema-zone.ts";

/** The pools of one file whose targets are looked up, and the nodes that lead to them: shared by the records that flatten. */
export interface Flattening {
  input: ZoneInput;
  /** `file:line` of a pool. */
  placeOf: (pool: string) => string;
  pools: Map<PoolModel, PoolModel>;
  nodes: Map<NodeModel, NodeModel>;
}

/** A tree with the addresses of its targets in place of their names; the same node where it reaches none. */
export function flattenNode(flattening: Flattening, node: NodeModel): NodeModel {
  const known = flattening.nodes.get(node);
  if (known !== undefined) return known;
  const lastResort = node.lastResort === null ? null : flattenLastResort(flattening, node.lastResort);
  let flat: NodeModel;
  if (node.kind === "pool") {
    const pool = flattenPool(flattening, node.pool);
    flat = pool === node.pool ? node : { ...node, pool };
  } else {
    const children: { node: NodeModel }[] = "of" in node ? node.of : node.keys;
    const nodes = children.map((child) => flattenNode(flattening, child.node));
    const flatChildren = children.map((child, i) => ({ ...child, node: nodes[i]! }));
    const isSame = children.every((child, i) => child.node === nodes[i]);
    flat = isSame ? node : ({ ...node, ["of" in node ? "of" : "keys"]: flatChildren } as NodeModel);
  }
  if (lastResort !== node.lastResort) flat = { ...flat, lastResort };
  flattening.nodes.set(node, flat);
  return flat;
}

export function flattenLastResort(flattening: Flattening, lastResort: LastResortModel): LastResortModel {
  if (lastResort.kind !== "pool") return lastResort;
  const pool = flattenPool(flattening, lastResort.pool);
  return pool === lastResort.pool ? lastResort : { kind: "pool", pool };
}

/** A pool of its own beside the one of names, called NAME.flat: the probes of an address are not those of a name. */
function flattenPool(flattening: Flattening, pool: PoolModel): PoolModel {
  if (!isOfTargets(pool.endpoints)) return pool;
  const known = flattening.pools.get(pool);
  if (known !== undefined) return known;
  const place = flattening.placeOf(pool.name);
  const template = pool.endpoints.map((endpoint): EndpointModel => {
    const name = addressText(endpoint.addresses[0]!);
    const lookup = { name, intervalMs: DEFAULT_INTERVAL_MS, maxAddresses: DEFAULT_MAX, place };
    return { ...endpoint, addresses: [], lookup };
  });
  const asked = flattening.input.pools[pool.name]?.max_answers;
  const maxAnswers = asked ?? (pool.select === "all" ? DEFAULT_MAX_ANSWERS : 1);
  const flat: PoolModel = { ...pool, name: `${pool.name}.flat`, endpoints: [], template, maxAnswers };
  flattening.pools.set(pool, flat);
  return flat;
}
