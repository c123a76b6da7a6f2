import type { TableModel } from "../geo/table.ts";
import type { Decider } from "../health/deciders.ts";
import type { NodeKind, PoolModel } from "./model.ts";

/** Why a dynamic record was answered as it was: plain data for `explain`, as sentences or as JSON. */
export interface Explanation {
  zone: string;
  /** Owner name, presentation form. */
  owner: string;
  /** Asked family; 0: the record gives names, whatever is asked. */
  family: 0 | 4 | 6;
  decision: "addresses" | "target" | "nodata" | "servfail";
  /** The answer's addresses in its order, or its one name. */
  addresses: PickedAddress[];
  ttl: TtlExplanation;
  scope: ScopeExplanation;
  /** What is hashed of the client, where the tree can reach `hash`; else null. */
  sticky: StickyExplanation | null;
  client: ClientExplanation;
  /** Tables that the record's tree can reach, whatever was read of them. */
  tables: TableExplanation[];
  /** The last walk of the tree: the one that decided, or failed last. */
  root: NodeExplanation;
  /** Set when every pass over a node had failed and its last resort decided. */
  lastResort: LastResortExplanation | null;
  /** Why there is nothing to answer, for `nodata`. */
  negative: NegativeExplanation | null;
}

export interface NegativeExplanation {
  /**
   * `no-key`: no key of the node is for this client, and it has no `default`; `no-family`: the picked pool has no address
   * of the asked family that is up; `last-resort`: that is what it says; `withheld`: all is drained or forced down.
   */
  reason: "no-key" | "no-family" | "last-resort" | "withheld";
  /** Label or kind of the node that has nothing; null: it is not about one. */
  node: string | null;
}

export interface PickedAddress {
  address: string;
  /** Null for an address of `last_resort: {addresses}`. */
  pool: string | null;
  endpoint: string | null;
}

export interface ClientExplanation {
  /** The address that the tables were asked for. */
  address: string;
  family: 4 | 6;
  /** `ecs`: from the client subnet option; `resolver`: there was none, it asked for /0, or the record does not heed it. */
  source: "ecs" | "resolver";
  /** SOURCE PREFIX-LENGTH; 0 for the resolver's address. */
  sourceBits: number;
  resolver: string;
}

export interface TableExplanation {
  /** Number of the table in the snapshot; NodeExplanation.table refers to it. */
  table: number;
  kind: TableModel["kind"];
  /** Whose place counted: a special-purpose block says nothing, and then the resolver's address is looked up. */
  place: "client" | "resolver" | "unknown";
  /** Widest prefix around the client's address in which this table says the same everywhere. */
  tile: string;
  tileBits: number;
  /** Keys that the client matches, the narrowest first; for nearest the entries by growing distance, for latency the regions. */
  matches: string[];
  /** For nearest: where those stand. */
  places: PlaceExplanation[] | null;
}

export interface PlaceExplanation {
  latitude: number;
  longitude: number;
  bias: number;
  /** Kilometres from the client, whatever the bias; null: where the client is is not known, and the list's order counts. */
  distanceKm: number | null;
}

export interface StickyExplanation {
  /** The prefix that is hashed. */
  prefix: string;
  /** `resolver`: the client subnet lies in a special-purpose block, and the resolver's address is hashed instead. */
  place: "client" | "resolver";
  /** Prefix around the client's address in which everybody has the same hash: part of the scope. */
  tile: string;
  tileBits: number;
}

export interface ScopeExplanation {
  bits: number;
  /**
   * `tile`: the longest tile of the tables; `sticky`: that of the hash, which is longer. Otherwise 0: `no-ecs` the query carried no client subnet, or asked for /0;
   * `ecs-off` the record does not heed it; `no-tables` every client gets the same; `negative` so do negative answers.
   */
  reason: "tile" | "sticky" | "no-ecs" | "ecs-off" | "no-tables" | "negative";
  /** The table with the longest tile, for `tile`. */
  table: number | null;
}

export interface TtlExplanation {
  seconds: number;
  minSeconds: number;
  maxSeconds: number;
  /** `settled`: nothing that was read can change soon; `horizon`: the limit below; `min`: the limit is nearer still. */
  reason: "settled" | "horizon" | "min";
  /** What can change first, whether or not that is soon enough to shorten the TTL. */
  limit: TtlLimit | null;
}

/** An address, or a pool; or a `failover` that goes back to an earlier entry. */
export interface TtlLimit {
  pool: string | null;
  endpoint: string | null;
  address: string | null;
  /** Label or kind of the node that goes back; null: it is not that. */
  failback: string | null;
  horizonMs: number;
  /** State of the address, and results in a row against it; null: it is not about one. */
  state: AddressExplanation["state"] | null;
  run: number | null;
  /** Results that are still missing until it changes, at least; null: it is not that, or the check is not at hand. */
  probes: { needed: number; good: boolean } | null;
}

/** What a walk takes for up: as the probes say; a pool with one endpoint up; all that are not withheld by hand. */
export type PassName = "normal" | "one-up" | "all";

export interface NodeExplanation {
  kind: NodeKind;
  label: string;
  /** `unvisited`: the decision did not look at it. */
  outcome: "addresses" | "nodata" | "servfail" | "failed" | "unvisited";
  pass: PassName;
  /** Number of the table that ordered the entries; null: the node looks nothing up. */
  table: number | null;
  /** Alternatives: those that were tried in the order in which they were, then the others in the node's order. */
  entries: EntryExplanation[];
  /** For a pool. */
  pool: PoolExplanation | null;
  /** For a `failover` that is latched on another entry than its first. */
  latch: LatchExplanation | null;
  /** Walks of the same node before this one, which failed: of the root, and of nodes with a last resort of their own. */
  earlier: NodeExplanation[];
}

export interface LatchExplanation {
  /** Label or kind of the entry that it is latched on. */
  entry: string;
  /** Since when: seconds since 1970, and how long; null: unknown. */
  sinceS: number | null;
  forSeconds: number | null;
  /** How long an earlier entry must have been healthy; null: until an operator releases the latch. */
  afterSeconds: number | null;
  /** The earlier entry that has been healthy longest; null: all of them have failed. */
  healthy: { entry: string; forSeconds: number | null } | null;
  /** Seconds until the latch goes back to that one by itself; null: it does not, or none is healthy. */
  returnsInSeconds: number | null;
}

/** What a policy or `select` by load compares, in the units of people; null: nobody measured or reported it. */
export interface LoadExplanation {
  by: "least_response_time" | "least_connections" | "p2c" | "adaptive";
  responseMs: number | null;
  /** Part of the capacity, 0 to 1 and beyond. */
  load: number | null;
  connections: number | null;
  capacity: number | null;
  p99Ms: number | null;
  /** Part of the requests, 0 to 1. */
  errors: number | null;
}

export interface EntryExplanation {
  /** Geo or subnets key; empty in lists. */
  key: string;
  /** For `weighted`, `round_robin`, `hash` and policies by load. */
  weight: number | null;
  /** For these: part of the weights of all entries, 0 to 1. */
  share: number | null;
  /** Where dice, turns or load decide: how likely the entry is chosen, given that the decision comes to this node. */
  odds: Odds | null;
  /** The throw that drew it, `roll` of `total`. */
  draw: { roll: number; total: number } | null;
  /** For `hash`: the prefix whose hash chose it before the entries that follow. */
  hashOf: string | null;
  /** For policies by load: what was compared. */
  load: LoadExplanation | null;
  /**
   * `not-needed`: next in line; `not-matched`: the client is elsewhere; `not-drawn`: the dice fell otherwise;
   * `not-in-turn`: another one's turn; `passed-over`: others are less loaded; `left-out`: the pool takes only a part of its
   * clients for now, and not this one.
   */
  status:
    | "chosen"
    | "failed"
    | "not-needed"
    | "not-matched"
    | "not-drawn"
    | "not-in-turn"
    | "passed-over"
    | "left-out";
  node: NodeExplanation;
}

/**
 * A probability, 0 to 1, and where it comes from: `part` of `of`, weights of what is up, or hits of draws. Null: several
 * throws decide, or comparisons, and it is no such part.
 */
export interface Odds {
  chance: number;
  part: number | null;
  of: number | null;
}

export interface PoolExplanation {
  zone: string;
  name: string;
  region: string | null;
  check: string | null;
  /** For `select: hash`: the prefix whose hash orders the endpoints. */
  hashOf: string | null;
  minHealthy: PoolModel["minHealthy"];
  /** The pool's own verdict, whatever the pass made of it. */
  failed: boolean;
  /** Part of its clients that it takes for now, 0 to 1: what the best of its endpoints takes. */
  takes: number;
  /** Endpoints that are up. */
  up: number;
  /** Endpoints that are neither drained nor forced down. */
  usable: number;
  /** Milliseconds until an address of the pool can change; 0 while all are settled. */
  horizonMs: number;
  /** Draws that the odds of its addresses were counted in; null: they are exact, or there are none. */
  draws: number | null;
  endpoints: EndpointExplanation[];
}

export interface EndpointExplanation {
  name: string;
  weight: number;
  addresses: AddressExplanation[];
}

export interface AddressExplanation {
  address: string;
  /** True when the answer has it. */
  picked: boolean;
  /** Part of its weight, or of its clients, that it takes for now, 0 to 1: it comes back slowly, is loaded, or an operator says so. */
  takes: number;
  /** How likely the pool picks the address now, where dice, turns or load pick in a pool that the decision came to. */
  odds: Odds | null;
  /** In a pool that goes by load: what is compared. */
  load: LoadExplanation | null;
  /** `held`: up as it was last known, for the probes' failures are in doubt; `spared`: up, for its pool's withdrawal budget is spent; `unchecked`: no check, always up; `unknown`: down, for no probe has ended yet. */
  state:
    | "up"
    | "held"
    | "spared"
    | "down"
    | "unchecked"
    | "unknown"
    | "drained"
    | "forced-up"
    | "forced-down";
  /** Seconds since the state last changed; null: unknown. */
  forSeconds: number | null;
  /** Name of the reason as health/reasons.ts gives it; `none` without a result. */
  reason: string;
  /** Of a calculated state that is not up: the checks, pools and endpoints that decided; empty: it is none, or the plan is not at hand. */
  deciders: Decider[];
  /** What an operator says of it, where the entries are at hand. */
  said: OperatorWord | null;
  /** Consecutive results against the state. */
  run: number;
  /** How often it went down again soon after it came back: its downtime is longer by that. */
  flaps: number;
  horizonMs: number;
}

/** An entry of overrides.yaml, as it counts for one address. */
export interface OperatorWord {
  match: string;
  /** Part of the configured weight that it leaves, 0 to 1. */
  weight: number;
  author: string | null;
  reason: string | null;
  /** RFC 3339; null: until it is cleared. */
  until: string | null;
  /** What the probes say, whatever the operator does; null: nothing. */
  probed: "up" | "down" | null;
}

export interface LastResortExplanation {
  kind: "all" | "pool" | "addresses" | "nodata" | "servfail";
  /** The node whose last resort it is; null: the record's. */
  of: { kind: NodeKind; label: string } | null;
  /** For `pool`. */
  pool: PoolExplanation | null;
}
