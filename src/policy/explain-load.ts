import {
  ENDPOINT_ROW_WORDS,
  POOL_ROW_CAPACITY,
  POOL_ROW_CONNECTIONS,
  POOL_ROW_ERRORS,
  POOL_ROW_LOAD,
  POOL_ROW_P99_US,
  POOL_ROW_RESPONSE_US,
  POOL_ROW_WORDS,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_LOAD,
  ROW_P99_US,
  ROW_RESPONSE_US,
} from "../health/rows.ts";
import type { DecideContext } from "./context.ts";
import {
  NODE_KIND,
  NODE_KIND_ADAPTIVE,
  NODE_KIND_LEAST_CONNECTIONS,
  NODE_KIND_LEAST_RESPONSE_TIME,
  NODE_KIND_P2C,
  NODE_WORDS,
  POOL_ROW,
  POOL_SELECT,
  POOL_WORDS,
  SELECT_ADAPTIVE,
  SELECT_LEAST_CONNECTIONS,
  SELECT_LEAST_RESPONSE_TIME,
  SELECT_P2C,
} from "./data.ts";
import type { LoadExplanation } from "./explanation.ts";
import { entryPool } from "./load-node.ts";

const NODE_MEASURES = new Map<number, LoadExplanation["by"]>([
  [NODE_KIND_LEAST_RESPONSE_TIME, "least_response_time"],
  [NODE_KIND_LEAST_CONNECTIONS, "least_connections"],
  [NODE_KIND_P2C, "p2c"],
  [NODE_KIND_ADAPTIVE, "adaptive"],
]);
const SELECT_MEASURES = new Map<number, LoadExplanation["by"]>([
  [SELECT_LEAST_RESPONSE_TIME, "least_response_time"],
  [SELECT_LEAST_CONNECTIONS, "least_connections"],
  [SELECT_P2C, "p2c"],
  [SELECT_ADAPTIVE, "adaptive"],
]);

/** What the node's entry is compared by, as the rows show it now; null: the node does not go by load. */
export function explainEntryLoad(
  context: DecideContext,
  node: number,
  entry: number,
): LoadExplanation | null {
  const { policy, rows } = context;
  const by = NODE_MEASURES.get(policy.nodes[node * NODE_WORDS + NODE_KIND]!);
  if (by === undefined) return null;
  const pool = entryPool(policy, rows.pools, entry);
  const row = pool < 0 ? -1 : policy.pools[pool * POOL_WORDS + POOL_ROW]!;
  const word = (index: number): number => (row < 0 ? -1 : rows.pools[row * POOL_ROW_WORDS + index]!);
  return {
    by,
    responseMs: scaled(word(POOL_ROW_RESPONSE_US), 1000),
    load: scaled(word(POOL_ROW_LOAD), 65_536),
    connections: scaled(word(POOL_ROW_CONNECTIONS), 1),
    capacity: scaled(word(POOL_ROW_CAPACITY), 1),
    p99Ms: scaled(word(POOL_ROW_P99_US), 1000),
    errors: scaled(word(POOL_ROW_ERRORS), 65_536),
  };
}

/** What an address of the pool is compared by; `row`: its row, or -1. Null: the pool does not go by load. */
export function explainAddressLoad(
  context: DecideContext,
  pool: number,
  row: number,
): LoadExplanation | null {
  const { policy, rows } = context;
  const by = SELECT_MEASURES.get(policy.pools[pool * POOL_WORDS + POOL_SELECT]!);
  if (by === undefined) return null;
  const word = (index: number): number => (row < 0 ? -1 : rows.endpoints[row * ENDPOINT_ROW_WORDS + index]!);
  return {
    by,
    responseMs: scaled(word(ROW_RESPONSE_US), 1000),
    load: scaled(word(ROW_LOAD), 65_536),
    connections: scaled(word(ROW_CONNECTIONS), 1),
    capacity: scaled(word(ROW_CAPACITY), 1),
    p99Ms: scaled(word(ROW_P99_US), 1000),
    errors: scaled(word(ROW_ERRORS), 65_536),
  };
}

function scaled(word: number, unit: number): number | null {
  return word < 0 ? null : word / unit;
}
