import { formatAddress } from "../geo/prefix.ts";
import type { TableModel } from "../geo/table.ts";
import type { DecidingPlan } from "../health/deciders.ts";
import { formatName } from "../wire/name-text.ts";
import type { AddressModel, NodeKind, PoolModel } from "./model.ts";

/**
 * What the numbers of a PolicyData are called by people: parallel to its arrays, one element a row. Kept by the control
 * worker and the command line; no worker that answers ever sees it.
 */
export interface PolicyNames {
  records: RecordName[];
  nodes: NodeName[];
  /** Per entry: the geo or subnets key; empty for entries of lists. */
  entryKeys: string[];
  pools: PoolName[];
  /** Per endpoint: its pool, and its name. */
  endpoints: { pool: number; name: string }[];
  /** Per address: presentation form, and its endpoint; -1: an address of a last resort. */
  addresses: { text: string; endpoint: number }[];
  /** Per table: what it was compiled from. */
  tables: TableModel[];
  /** What calculated states come from; absent: none is calculated. */
  deciding?: DecidingPlan;
}

/** An address, or a name with its final dot. */
export function addressText({ family, octets }: AddressModel): string {
  return family === 0 ? formatName(octets, 0) : formatAddress(family, octets);
}

export interface RecordName {
  zone: string;
  owner: string;
}

export interface NodeName {
  kind: NodeKind;
  /** A pool's or policy's name, or a `label:`; empty: it has none. */
  label: string;
}

export interface PoolName {
  zone: string;
  name: string;
  region: string | null;
  check: string | null;
  minHealthy: PoolModel["minHealthy"];
  dualStack: PoolModel["dualStack"];
  /** Row in HealthRows.pools, or -1. */
  row: number;
}

/** Finds pools by their health row, for metrics and logs; pools without a row are left out. */
export function poolsByRow(names: PolicyNames): Map<number, PoolName> {
  return new Map(names.pools.filter((pool) => pool.row >= 0).map((pool) => [pool.row, pool]));
}
