/**
 * Health in shared memory: one row of words per endpoint address, one per pool, and one per
 * `failover` that does not simply follow health. One writer, the probe worker; every
 * other thread only reads. Rows survive reloads: a row is found again by the identity hash that it carries, even after
 * the control worker was replaced.
 *
 * Order of writes (all through Atomics): a pool's verdict turns to failed before its last row goes down, and back only
 * after a row came up, so that a reader never sees a healthy pool without a healthy address.
 */
export interface HealthRows {
  /** ENDPOINT_ROW_WORDS words an endpoint address. */
  endpoints: Int32Array;
  /** POOL_ROW_WORDS words a pool. */
  pools: Int32Array;
  /** LATCH_ROW_WORDS words a `failover` with a latch. */
  latches: Int32Array;
  /** PHASE_WORDS words an endpoint address, beside its row: for people alone, see phases.ts. */
  phases: Int32Array;
  /** One word an endpoint address, beside its row: for a prober that was restarted, see runs.ts. */
  runs: Int32Array;
}

/** 64 octets, one cache line. */
export const ENDPOINT_ROW_WORDS = 16;
/** STATE_* bits. */
export const ROW_STATE = 0;
/** Milliseconds until the state can next flip; 0 while settled. Feeds the TTL. */
export const ROW_HORIZON_MS = 1;
/** Factor on the configured weight, 0 to 65536 (1.0); slow start and load lower it. */
export const ROW_WEIGHT_SCALE = 2;
/** Load in 1/65536 of capacity, as the endpoint reports it. Like every word of a report -1: none reported. */
export const ROW_LOAD = 3;
/** Smoothed response time of the probe in microseconds, or -1: not measured. */
export const ROW_RESPONSE_US = 4;
/** When the published state last changed: seconds since 1970. */
export const ROW_SINCE_S = 5;
/** Why: index into the enumerated reasons of health/reasons.ts. */
export const ROW_REASON = 6;
/** Results against the published state: failures that count, or consecutive successes. */
export const ROW_RUN = 7;
/** Results observed, for people and for readiness. */
export const ROW_RESULTS = 8;
/** Connections that are open, as the endpoint reports them, or -1. */
export const ROW_CONNECTIONS = 9;
/** How many of them the endpoint says it can hold, or -1. */
export const ROW_CAPACITY = 10;
/** Reported 99th percentile of its response times, in microseconds, or -1. */
export const ROW_P99_US = 11;
/** Identity: 64 bits of a hash of zone, pool, address and check; both 0: the row is free. */
export const ROW_KEY_HIGH = 12;
export const ROW_KEY_LOW = 13;
/** Part of its requests that fail, reported in 1/65536, or -1. */
export const ROW_ERRORS = 14;
/** What a prober that was restarted must know besides: MEMORY_* of state-row.ts. */
export const ROW_MEMORY = 15;

/** The address may be answered. What a decision reads; the other bits are for people. */
export const STATE_UP = 1;
/** The probes alone say up. */
export const STATE_PROBED_UP = 2;
export const STATE_FORCED_UP = 4;
/** Never answered, not even as a last resort. */
export const STATE_FORCED_DOWN = 8;
/** Never answered, not even as a last resort, and left out of the pool's count. */
export const STATE_DRAINED = 16;
/** At least one verdict has been reached. */
export const STATE_KNOWN = 32;
/** Added to a live pool and not yet seen to succeed: the first success brings it up, whatever `rise` is. */
export const STATE_TRIAL = 64;
/** Up as it was last known: the probes say down, and they are in doubt. */
export const STATE_HELD = 128;
/** Published up although the probes say down, because its pool's withdrawal budget is spent. */
export const STATE_SPARED = 256;
/** Bits that keep an address out of a last resort. */
export const STATE_WITHHELD = STATE_FORCED_DOWN | STATE_DRAINED;

/** 64 octets too: a decision between pools reads one cache line for each. */
export const POOL_ROW_WORDS = 16;
/** 1: fewer than `min_healthy` endpoints are up. */
export const POOL_ROW_FAILED = 0;
/** Endpoints that are up. */
export const POOL_ROW_UP = 1;
/** Endpoints that are neither drained nor forced down. */
export const POOL_ROW_USABLE = 2;
/** Least horizon over the pool's endpoints in milliseconds; 0 while all are settled. */
export const POOL_ROW_HORIZON_MS = 3;
/** When the verdict last changed: seconds since 1970. */
export const POOL_ROW_SINCE_S = 4;
/** Of 65536, how much of its clients the pool does not take for now: what lacks to the greatest scale of those that are up. */
export const POOL_ROW_LACK = 5;
export const POOL_ROW_KEY_HIGH = 6;
export const POOL_ROW_KEY_LOW = 7;
/** Means over the endpoints that are up and have such a figure, in the units of their rows; -1: none has one. */
export const POOL_ROW_LOAD = 8;
export const POOL_ROW_RESPONSE_US = 9;
export const POOL_ROW_P99_US = 10;
export const POOL_ROW_ERRORS = 11;
/** Sums over the endpoints that are up and report one; -1: none does. */
export const POOL_ROW_CONNECTIONS = 12;
export const POOL_ROW_CAPACITY = 13;
/** Endpoints that the sum of the connections is of. */
export const POOL_ROW_REPORTING = 14;
/** 1: an endpoint that is up takes less than its weight. */
export const POOL_ROW_UNEVEN = 15;

/** A row's identity has the names of the entries, in their order: what CURRENT means never changes within a row. */
export const LATCH_ROW_WORDS = 8;
/** Place of the entry that is tried first; 0: the list's order. */
export const LATCH_ROW_CURRENT = 0;
/** Milliseconds that an earlier entry must have been up before the latch goes back to it; 0: until it is released. */
export const LATCH_ROW_AFTER_MS = 1;
/** When the latch went to CURRENT: seconds since 1970. */
export const LATCH_ROW_SINCE_S = 2;
/** Place, plus one, of the earlier entry that has been up longest; 0: all of them have failed. */
export const LATCH_ROW_HEALTHY = 3;
/** Since when that one has been up without interruption: seconds since 1970. */
export const LATCH_ROW_HEALTHY_SINCE_S = 4;
export const LATCH_ROW_KEY_HIGH = 6;
export const LATCH_ROW_KEY_LOW = 7;

/** How long a probe's connection, its TLS handshake and its wait for the first octet take. */
export const PHASE_WORDS = 3;

/**
 * Endpoint addresses of one server: 12 times the 10,000 that it is built for. Untouched pages of the block cost
 * nothing; configuration beyond the limit is an error (CFG_LIMIT_ENDPOINTS).
 */
export const MAX_ENDPOINT_ROWS = 131_072;
const MAX_POOL_ROWS = 65_536;

/** Rows of zeros: every key free, every state down until its writer says otherwise. */
export function allocateHealthRows(
  endpointRows = MAX_ENDPOINT_ROWS,
  poolRows = MAX_POOL_ROWS,
  latchRows = poolRows,
): HealthRows {
  return {
    endpoints: new Int32Array(new SharedArrayBuffer(endpointRows * ENDPOINT_ROW_WORDS * 4)),
    pools: new Int32Array(new SharedArrayBuffer(poolRows * POOL_ROW_WORDS * 4)),
    latches: new Int32Array(new SharedArrayBuffer(latchRows * LATCH_ROW_WORDS * 4)),
    phases: new Int32Array(new SharedArrayBuffer(endpointRows * PHASE_WORDS * 4)),
    runs: new Int32Array(new SharedArrayBuffer(endpointRows * 4)),
  };
}
