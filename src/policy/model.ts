import type { LatencyTable } from "../geo/latency-table.ts";
import type { MinHealthy } from "../health/plan.ts";
import type { ServiceModel } from "../zone/zone-data.ts";

/**
 * Policies as the compiler hands them over: plain objects with every name resolved. `build.ts` flattens them into the
 * words of `data.ts`; nothing here reaches a worker. Nodes may be shared: the model is a graph without cycles.
 */

/** Of an address; 0: the name of a host that answers are an alias of. */
export type AddressFamily = 0 | 4 | 6;

export interface AddressModel {
  family: AddressFamily;
  /** 4 or 16 octets; of a name its wire form, lower case. */
  octets: Uint8Array;
  /** Row of this address in HealthRows, or -1: always up (a pool without a check, `last_resort: {addresses}`). */
  row: number;
  /** Address that is probed in its place, as behind a translation of addresses; absent: itself. */
  probe?: { family: 4 | 6; octets: Uint8Array };
}

export interface EndpointModel {
  name: string;
  /** Configured weight, 0 to 65535; 1 when none was given. */
  weight: number;
  addresses: AddressModel[];
  /** Prefixes of special-purpose blocks in which the addresses of its name may be probed. */
  allow?: readonly string[];
  /** A name whose addresses stand for it once they are known; `addresses` is empty. */
  lookup?: LookupModel;
}

/** A name to look up, and which of its addresses become endpoints. */
export interface LookupModel {
  /** Presentation form, lower case, with the final dot. */
  name: string;
  intervalMs: number;
  maxAddresses: number;
  /** Where the file asks for it, for people. */
  place: string;
}

/** Degrees, north and east positive. */
export interface LocationModel {
  latitude: number;
  longitude: number;
}

/** What each part of `adaptive` weighs, 0 to 100, at least one of them above 0. */
export interface PartsModel {
  connections: number;
  p99: number;
  errors: number;
}

/** A file with endpoints of a pool, and what keeps it from emptying the pool. */
export interface FileSource {
  /** As the configuration has it, relative to the zones folder. */
  file: string;
  /** Share of the endpoints in use, of 1, that a new version must have. */
  least: number;
  max: number;
  allow: readonly string[];
  /** Where the configuration names it. */
  place: { file: string; line: number; column: number };
  /** The pool does not say how it picks: weights in the file decide. */
  isSelectOpen: boolean;
  isWeighted: boolean;
  maxAnswers: number | undefined;
}

export interface PoolModel {
  zone: string;
  name: string;
  region: { name: string; location: LocationModel | null } | null;
  /** Name of the check, for people; null: always up. */
  check: string | null;
  /** The check reads what endpoints report of their load; absent: it does not. */
  hasReports?: boolean;
  endpoints: EndpointModel[];
  /** The endpoints as the file has them, where one of them is to be looked up: `endpoints` is made of these and what is known. */
  template?: readonly EndpointModel[];
  /** A file that brings more of them: discovered.ts adds those to `template`. */
  source?: FileSource;
  select:
    | "all"
    | "weighted"
    | "round_robin"
    | "hash"
    | "least_response_time"
    | "least_connections"
    | "p2c"
    | "adaptive";
  /** For `select: adaptive`; null: another one. */
  parts: PartsModel | null;
  maxAnswers: number;
  /** Below this many the pool has failed; a percentage is of the endpoints that are not drained, rounded up. */
  minHealthy: MinHealthy;
  /** How long what comes back takes to get its weight; absent: no time. */
  slowStartMs?: number;
  /** Loads between which clients are moved away, in 1/65536 of capacity; absent: never. */
  shed?: { low: number; high: number };
  /** How much of the pool may go down within a time; absent: all. */
  budget?: { percent: number; withinMs: number };
  /** `strict`: an endpoint is up only while all of its addresses are. */
  dualStack: "any" | "strict";
  /** Of a pool of names: the pool of their addresses, for records that give those in their place. */
  flat?: PoolModel;
  /** Row of the pool's verdict in HealthRows. */
  row: number;
}

export type LastResortModel =
  | { kind: "all" }
  | { kind: "pool"; pool: PoolModel }
  | { kind: "addresses"; addresses: AddressModel[] }
  | { kind: "nodata" }
  | { kind: "servfail" };

/** What every node may carry besides its kind. */
interface NodeBase {
  /** What a person called it: a pool's or policy's name, a `label:`, else empty. */
  label: string;
  /** Its own last resort: such a node never fails outward. */
  lastResort: LastResortModel | null;
  /** `location:` of the node, else null. */
  location: LocationModel | null;
}

export interface EntryModel {
  node: NodeModel;
  /** For `weighted`, `round_robin`, `hash` and policies by load; 1 when none was given. */
  weight: number;
}

/** `failback` of a `failover`, where it is not `auto`. */
export interface LatchModel {
  /** How long an earlier entry must have been up before it is gone back to; null: until an operator says so. */
  afterMs: number | null;
  /** Whose it is: a zone, or an included file. */
  zone: string;
  /** Where the node stands, as findings name it; with the zone, who it is. */
  policy: string;
  /** Row in HealthRows.latches. */
  row: number;
}

export interface KeyModel {
  key: string;
  node: NodeModel;
}

/** Entries by round trip to their regions in a table; `location` null: the entry stands nowhere. */
interface LatencyNode {
  of: (EntryModel & { region: string; location: LocationModel | null; bias: number })[];
  table: LatencyTable;
  toleranceMs: number;
  /** Rows with fewer measurements do not count; those that do not say how many do. */
  minSamples: number;
}

export type NodeModel =
  | (NodeBase & { kind: "pool"; pool: PoolModel })
  /** `latch` absent: it follows health in both directions. */
  | (NodeBase & { kind: "failover"; of: EntryModel[]; latch?: LatchModel })
  | (NodeBase & { kind: "weighted"; of: EntryModel[] })
  | (NodeBase & { kind: "round_robin"; of: EntryModel[] })
  /** No two entries have the same identity, see identity.ts. */
  | (NodeBase & { kind: "hash"; of: EntryModel[] })
  | (NodeBase & { kind: "least_response_time" | "least_connections" | "p2c"; of: EntryModel[] })
  | (NodeBase & { kind: "adaptive"; of: EntryModel[]; parts: PartsModel })
  | (NodeBase & { kind: "all"; of: EntryModel[]; maxAnswers: number })
  /**
   * Keys in the order of the file; each is valid for geo/geo-key.ts with `groups`, or `default`. `groups`: those among
   * the keys that are not built in, with the codes of their countries.
   */
  | (NodeBase & { kind: "geo"; keys: KeyModel[]; groups?: Record<string, readonly string[]> })
  /** Prefixes as `198.51.100.0/24`, canonical, without duplicates, or `default`. */
  | (NodeBase & { kind: "subnets"; keys: KeyModel[] })
  /** Numbers of autonomous systems, without leading zeros or duplicates, or `default`. */
  | (NodeBase & { kind: "asn"; keys: KeyModel[] })
  /** Every entry has a location: its own, else that of its pool's region. `bias`: -99 to 99, absent: 0. */
  | (NodeBase & { kind: "nearest"; of: (EntryModel & { location: LocationModel; bias?: number })[] })
  | (NodeBase & LatencyNode & { kind: "latency" });

export type NodeKind = NodeModel["kind"];

/** A dynamic record: owns A and AAAA of its name, or all of it where its tree reaches `target` endpoints. */
export interface RecordModel {
  zone: string;
  /** Presentation form with the final dot, lower case. */
  owner: string;
  root: NodeModel;
  ttlMaxSeconds: number;
  ttlMinSeconds: number;
  lastResort: LastResortModel;
  /** `ecs: false` makes the resolver's address the client, always. */
  ecs: boolean;
  /** What every pool of the tree holds; absent: addresses. */
  gives?: "addresses" | "target";
  /** How much of the client's address a hash looks at, in bits. */
  sticky: { ipv4: number; ipv6: number };
  /** HTTPS and SVCB records that go with the addresses. */
  services?: { https?: readonly ServiceModel[]; svcb?: readonly ServiceModel[] };
}
