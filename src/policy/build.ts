import { identifyTable, type TableModel } from "../geo/table.ts";
import type { ServiceModel } from "../zone/zone-data.ts";
import {
  FAMILY_NAME,
  LAST_RESORT_ADDRESSES,
  LAST_RESORT_ALL,
  LAST_RESORT_NODATA,
  LAST_RESORT_NONE,
  LAST_RESORT_POOL,
  LAST_RESORT_SERVFAIL,
  NODE_FIRST,
  NODE_KIND,
  NODE_KIND_ADAPTIVE,
  NODE_KIND_ALL,
  NODE_KIND_ASN,
  NODE_KIND_FAILOVER,
  NODE_KIND_GEO,
  NODE_KIND_HASH,
  NODE_KIND_LATENCY,
  NODE_KIND_LEAST_CONNECTIONS,
  NODE_KIND_LEAST_RESPONSE_TIME,
  NODE_KIND_NEAREST,
  NODE_KIND_P2C,
  NODE_KIND_POOL,
  NODE_KIND_ROUND_ROBIN,
  NODE_KIND_SUBNETS,
  NODE_KIND_WEIGHTED,
  NODE_SEED,
  NODE_TABLE,
  NODE_WORDS,
  POOL_ROW,
  POOL_WORDS,
  type PolicyData,
} from "./data.ts";
import { appendHashCells } from "./hash-cells.ts";
import { endpointIdentity, identityOf } from "./identity.ts";
import { figurePools, goesByLoad, partsWord } from "./load-words.ts";
import type { AddressModel, LastResortModel, NodeKind, NodeModel, PoolModel, RecordModel } from "./model.ts";
import { addressText, type PolicyNames } from "./names.ts";
import { reachableTables, reachesHash, tableModelOf, tableNodeEntries } from "./node-table.ts";
import { apartWord, selectWord } from "./pool-words.ts";
import { type SeedChild, seedOf } from "./seed.ts";

/** Flattened policies, the tables that they need, and what people call all of it. */
export interface BuiltPolicy {
  policy: PolicyData;
  /** Element i is what the table must be compiled from that the nodes call i. */
  tableModels: TableModel[];
  /** Names that answers are aliases of, wire form: element i is what an address of FAMILY_NAME calls i. */
  targets: Uint8Array[];
  /** HTTPS and SVCB records: element i is what a record calls i. */
  services: (readonly ServiceModel[])[];
  names: PolicyNames;
}

/** Rows under construction, and where each part of the model went. */
interface Draft {
  records: number[];
  recordTables: number[];
  entryPools: number[];
  nodes: number[];
  entries: number[];
  pools: number[];
  endpoints: number[];
  addresses: number[];
  targets: Uint8Array[];
  /** Number in `targets` by presentation form. */
  targetIndexes: Map<string, number>;
  services: (readonly ServiceModel[])[];
  /** Number in `services` by content. */
  serviceIndexes: Map<string, number>;
  hashCells: number[];
  names: PolicyNames;
  nodeIndexes: Map<NodeModel, number>;
  poolIndexes: Map<PoolModel, number>;
  /** Table by its content. */
  tableIndexes: Map<string, number>;
  /** Run in `recordTables` by root. */
  tableRuns: Map<NodeModel, { first: number; count: number }>;
}

const NODE_KIND_WORDS: Record<NodeKind, number> = {
  pool: NODE_KIND_POOL,
  failover: NODE_KIND_FAILOVER,
  weighted: NODE_KIND_WEIGHTED,
  geo: NODE_KIND_GEO,
  subnets: NODE_KIND_SUBNETS,
  nearest: NODE_KIND_NEAREST,
  round_robin: NODE_KIND_ROUND_ROBIN,
  all: NODE_KIND_ALL,
  asn: NODE_KIND_ASN,
  latency: NODE_KIND_LATENCY,
  hash: NODE_KIND_HASH,
  least_response_time: NODE_KIND_LEAST_RESPONSE_TIME,
  least_connections: NODE_KIND_LEAST_CONNECTIONS,
  p2c: NODE_KIND_P2C,
  adaptive: NODE_KIND_ADAPTIVE,
};

/** Largest sum that a word of PolicyData holds. */
const MAX_WORD = 0x7fffffff;

/**
 * Flattens records into words of shared memory; record i of the list becomes record i of PolicyData. Nodes and pools
 * that several records share are laid down once, tables once per content.
 */
export function buildPolicy(records: RecordModel[]): BuiltPolicy {
  const draft: Draft = {
    records: [],
    recordTables: [],
    entryPools: [],
    nodes: [],
    entries: [],
    pools: [],
    endpoints: [],
    addresses: [],
    targets: [],
    targetIndexes: new Map(),
    services: [],
    serviceIndexes: new Map(),
    hashCells: [],
    names: { records: [], nodes: [], entryKeys: [], pools: [], endpoints: [], addresses: [], tables: [] },
    nodeIndexes: new Map(),
    poolIndexes: new Map(),
    tableIndexes: new Map(),
    tableRuns: new Map(),
  };
  for (const record of records) addRecord(draft, record);
  return {
    policy: {
      records: shared(draft.records),
      recordTables: shared(draft.recordTables),
      entryPools: shared(draft.entryPools),
      nodes: shared(draft.nodes),
      entries: shared(draft.entries),
      pools: shared(draft.pools),
      endpoints: shared(draft.endpoints),
      addresses: shared(draft.addresses),
      hashCells: shared(draft.hashCells),
    },
    tableModels: draft.names.tables,
    targets: draft.targets,
    services: draft.services,
    names: draft.names,
  };
}

function shared(words: number[]): Int32Array {
  const array = new Int32Array(new SharedArrayBuffer(words.length * 4));
  array.set(words);
  return array;
}

function addRecord(draft: Draft, record: RecordModel): void {
  const root = addNode(draft, record.root);
  const lastResort = addLastResort(draft, record.lastResort);
  const tables = addTableRun(draft, record.root);
  draft.names.records.push({ zone: record.zone, owner: record.owner });
  draft.records.push(
    root,
    record.ttlMaxSeconds,
    record.ttlMinSeconds,
    ...lastResort,
    record.ecs ? 1 : 0,
    tables.first,
    tables.count,
    record.gives === "target" ? 1 : 0,
    reachesHash(record.root, record.lastResort) ? addTable(draft, { kind: "sticky" }) : -1,
    record.sticky.ipv4,
    record.sticky.ipv6,
    addService(draft, record.services?.https),
    addService(draft, record.services?.svcb),
  );
}

function poolRow({ nodes, pools }: Draft, node: number): number {
  if (nodes[node * NODE_WORDS + NODE_KIND] !== NODE_KIND_POOL) return -1;
  return pools[nodes[node * NODE_WORDS + NODE_FIRST]! * POOL_WORDS + POOL_ROW]!;
}

/** Children first, so that the entries of one node are adjacent; the model has no cycles. */
function addNode(draft: Draft, node: NodeModel): number {
  const known = draft.nodeIndexes.get(node);
  if (known !== undefined) return known;
  const lastResort = addLastResort(draft, node.lastResort);
  let first: number;
  let count: number;
  let table = -1;
  const seeds: SeedChild[] = [];
  if (node.kind === "pool") {
    first = addPool(draft, node.pool);
    count = 1;
  } else {
    const entries = tableNodeEntries(node);
    const indexes = entries.map((entry) => addNode(draft, entry.node));
    first = draft.names.entryKeys.length;
    count = entries.length;
    for (const [i, entry] of entries.entries()) {
      const pools = addEntryPools(draft, node, entry.node);
      draft.entries.push(indexes[i]!, entry.weight, pools.first, pools.count, poolRow(draft, indexes[i]!));
      draft.names.entryKeys.push(entry.key);
      const seed = draft.nodes[indexes[i]! * NODE_WORDS + NODE_SEED]!;
      seeds.push({ key: entry.key, weight: entry.weight, seed });
    }
    const model = tableModelOf(node);
    if (model !== null) table = addTable(draft, model);
  }
  const index = draft.names.nodes.length;
  draft.nodeIndexes.set(node, index);
  draft.names.nodes.push({ kind: node.kind, label: node.label });
  const maxAnswers = node.kind === "all" ? node.maxAnswers : 0;
  const seed = seedOf(node, seeds);
  const latch = node.kind === "failover" ? (node.latch?.row ?? -1) : -1;
  const parts = node.kind === "adaptive" ? partsWord(node.parts) : 0;
  const identity = identityOf(node);
  draft.nodes.push(
    NODE_KIND_WORDS[node.kind],
    first,
    count,
    table,
    seed,
    ...lastResort,
    maxAnswers,
    latch,
    identity,
    parts,
  );
  return index;
}

/** The pools whose figures stand for a child of a node that goes by load; they are laid down already. */
function addEntryPools(draft: Draft, node: NodeModel, child: NodeModel): { first: number; count: number } {
  const first = draft.entryPools.length;
  if (!goesByLoad(node.kind)) return { first, count: 0 };
  for (const pool of figurePools(child)) draft.entryPools.push(draft.poolIndexes.get(pool)!);
  return { first, count: draft.entryPools.length - first };
}

function addTable(draft: Draft, model: TableModel): number {
  const content = identifyTable(model);
  const known = draft.tableIndexes.get(content);
  if (known !== undefined) return known;
  const index = draft.names.tables.length;
  draft.names.tables.push(model);
  draft.tableIndexes.set(content, index);
  return index;
}

function addTableRun(draft: Draft, root: NodeModel): { first: number; count: number } {
  const known = draft.tableRuns.get(root);
  if (known !== undefined) return known;
  const tables = reachableTables(
    root,
    (node) => draft.nodes[draft.nodeIndexes.get(node)! * NODE_WORDS + NODE_TABLE]!,
  );
  const run = { first: draft.recordTables.length, count: tables.length };
  for (const table of tables) draft.recordTables.push(table);
  draft.tableRuns.set(root, run);
  return run;
}

/** The three words of a last resort: kind, reference, count. */
function addLastResort(draft: Draft, model: LastResortModel | null): [number, number, number] {
  switch (model?.kind) {
    case undefined:
      return [LAST_RESORT_NONE, 0, 0];
    case "all":
      return [LAST_RESORT_ALL, 0, 0];
    case "pool":
      return [LAST_RESORT_POOL, addPool(draft, model.pool), 0];
    case "addresses": {
      const first = draft.names.addresses.length;
      for (const address of model.addresses) addAddress(draft, address, -1);
      return [LAST_RESORT_ADDRESSES, first, model.addresses.length];
    }
    case "nodata":
      return [LAST_RESORT_NODATA, 0, 0];
    case "servfail":
      return [LAST_RESORT_SERVFAIL, 0, 0];
    default:
      return model satisfies never;
  }
}

function addPool(draft: Draft, pool: PoolModel): number {
  const known = draft.poolIndexes.get(pool);
  if (known !== undefined) return known;
  const index = draft.names.pools.length;
  draft.poolIndexes.set(pool, index);
  const first = draft.names.endpoints.length;
  const firstAddress = draft.names.addresses.length;
  const families = pool.endpoints.flatMap((endpoint) => endpoint.addresses.map((address) => address.family));
  const total = pool.endpoints.reduce((sum, endpoint) => sum + endpoint.weight, 0);
  const fits = total <= MAX_WORD;
  let sum = 0;
  for (const endpoint of pool.endpoints) {
    sum += endpoint.weight;
    const endpointIndex = draft.names.endpoints.length;
    draft.endpoints.push(
      draft.names.addresses.length,
      endpoint.addresses.length,
      endpoint.weight,
      fits ? sum : 0,
      ...endpointIdentity(pool, endpoint),
    );
    draft.names.endpoints.push({ pool: index, name: endpoint.name });
    for (const address of endpoint.addresses) addAddress(draft, address, endpointIndex);
  }
  draft.pools.push(
    first,
    pool.endpoints.length,
    selectWord(pool),
    pool.maxAnswers,
    pool.row,
    pool.dualStack === "strict" ? 1 : 0,
    fits ? total : 0,
    pool.endpoints.some((endpoint) => endpoint.weight === 0) ? 1 : 0,
    families.filter((family) => family === 4).length,
    families.filter((family) => family !== 4).length,
    firstAddress,
    apartWord(pool, 4),
    apartWord(pool, 6),
    pool.select === "hash"
      ? appendHashCells(draft.hashCells, draft.endpoints, first, pool.endpoints.length)
      : -1,
    pool.parts === null ? 0 : partsWord(pool.parts),
  );
  draft.names.pools.push({
    zone: pool.zone,
    name: pool.name,
    region: pool.region?.name ?? null,
    check: pool.check,
    minHealthy: pool.minHealthy,
    dualStack: pool.dualStack,
    row: pool.row,
  });
  return index;
}

function addAddress(draft: Draft, address: AddressModel, endpoint: number): void {
  const { family, octets, row } = address;
  const text = addressText(address);
  draft.names.addresses.push({ text, endpoint });
  draft.addresses.push(family, row);
  if (family === FAMILY_NAME) {
    draft.addresses.push(addTarget(draft, text, octets), 0, 0, 0);
    return;
  }
  for (let at = 0; at < 16; at += 4) {
    const word =
      at < octets.length
        ? (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!
        : 0;
    draft.addresses.push(word);
  }
}

/** Pools that lead to the same name share it. */
function addTarget(draft: Draft, text: string, name: Uint8Array): number {
  const known = draft.targetIndexes.get(text);
  if (known !== undefined) return known;
  draft.targetIndexes.set(text, draft.targets.length);
  return draft.targets.push(name) - 1;
}

/** Names with the same records share them; -1: there are none. */
function addService(draft: Draft, records: readonly ServiceModel[] | undefined): number {
  if (records === undefined) return -1;
  const content = records.map(({ rdata, ipv4, ipv6 }) => [ipv4, ipv6, ...rdata].join()).join(";");
  const known = draft.serviceIndexes.get(content);
  if (known !== undefined) return known;
  draft.serviceIndexes.set(content, draft.services.length);
  return draft.services.push(records) - 1;
}
