/** Policies as the file has them, validated, with names not yet resolved. */

export type LastResortInput = "all" | "nodata" | "servfail" | { pool: string } | { addresses: string[] };

interface NodeOptions {
  last_resort?: LastResortInput | undefined;
  location?: { latitude: number; longitude: number } | undefined;
  label?: string | undefined;
}

export interface EntryInput {
  node: NodeInput;
  weight?: number | undefined;
  location?: { latitude: number; longitude: number } | undefined;
  bias?: number | undefined;
  region?: string | undefined;
}

export interface LatencyInput {
  table: string;
  of: (NodeInput | EntryInput)[];
  /** Milliseconds. */
  tolerance: number;
  min_samples: number;
}

/** A list policy's value: `[entries]` or `{of: [entries]}`. */
export type ListInput = (NodeInput | EntryInput)[] | { of: (NodeInput | EntryInput)[] };
/** Where weights are the point, also a map of node name to weight. */
export type SharesInput = ListInput | Record<string, number>;
/** What the parts of `adaptive` weigh; one that is not named weighs nothing. */
export interface PartsInput {
  connections?: number | undefined;
  p99?: number | undefined;
  errors?: number | undefined;
}
/** `parts` absent: each weighs the same. */
export type AdaptiveInput = SharesInput & { parts?: PartsInput | undefined };
/** The options of `all`, absent in its short form. */
export type UnionInput = ListInput & { max_answers?: number | undefined };

/** When a `failover` goes back to an earlier entry; `after` in milliseconds. */
export type FailbackInput = "auto" | "manual" | { after: number };
/** The options of `failover`, absent in its short form. */
export type FailoverInput = ListInput & { failback?: FailbackInput | undefined };

/** A policy node as the file has it, validated, with names not yet resolved. */
export type NodeInput =
  | string
  | (NodeOptions & { failover: FailoverInput })
  | (NodeOptions & { weighted: SharesInput })
  | (NodeOptions & { round_robin: SharesInput })
  | (NodeOptions & { hash: SharesInput })
  | (NodeOptions & { least_response_time: SharesInput })
  | (NodeOptions & { least_connections: SharesInput })
  | (NodeOptions & { p2c: SharesInput })
  | (NodeOptions & { adaptive: AdaptiveInput })
  | (NodeOptions & { all: UnionInput })
  | (NodeOptions & { geo: Record<string, NodeInput> })
  | (NodeOptions & { subnets: Record<string, NodeInput> })
  | (NodeOptions & { nearest: ListInput })
  | (NodeOptions & { asn: Record<string, NodeInput> })
  | (NodeOptions & { latency: LatencyInput });
