/**
 * What a data worker counts: one block of 64-bit floats per worker in shared memory, written by that worker alone and
 * summed by whoever reads. Every slot is named once, in `counterFamilies`; metrics and golden cases derive from it.
 * Floats, because they count exactly to 2^53 and an increment in optimised code allocates nothing.
 */

/** Queries by transport and family of the sender: + transport (TRANSPORT_*) * 2 + 1 for IPv6. */
export const COUNTER_QUERIES = 0;
/** Questions by type: + countedTypeSlots[QTYPE], see countType. */
const COUNTER_TYPES = 4;
/** Responses by rcode: + 0 to 10, BADVERS at 11, any other at 12, see countRcode. */
export const COUNTER_RCODES = 20;
/** Queries that carried an OPT record (RFC 6891). */
export const COUNTER_EDNS = 33;
/** Queries that carried a client subnet option (RFC 7871). */
export const COUNTER_ECS = 34;
/** Responses with TC set (RFC 2181 section 9). */
export const COUNTER_TRUNCATED = 35;
/** Dynamic records by what was decided, addresses, NODATA or SERVFAIL: + DECIDED_* - 1. */
export const COUNTER_DECIDED_ADDRESSES = 36;
/** In place of addresses: a CNAME, or an HTTPS or SVCB record with hints. */
export const COUNTER_DECIDED_TARGET = 39;
export const COUNTER_DECIDED_HINTS = 40;
/** Datagrams and messages that got no reply, by reason. */
export const COUNTER_DROPPED_SHORT = 41;
export const COUNTER_DROPPED_RESPONSE = 42;
export const COUNTER_DROPPED_PORT = 43;
export const COUNTER_DROPPED_SEND = 44;
/** A defect of ours: answering threw. */
export const COUNTER_DROPPED_FAULT = 45;
/** Longer than any query is. */
export const COUNTER_DROPPED_LONG = 46;
/** Stream connections accepted, and closed by reason; open ones are the difference. */
export const COUNTER_STREAMS_ACCEPTED = 47;
export const COUNTER_STREAMS_CLOSED_BY_PEER = 48;
export const COUNTER_STREAMS_CLOSED_IDLE = 49;
export const COUNTER_STREAMS_CLOSED_SLOW_MESSAGE = 50;
export const COUNTER_STREAMS_CLOSED_STALLED = 51;
export const COUNTER_STREAMS_CLOSED_LENGTH = 52;
export const COUNTER_STREAMS_CLOSED_LIMIT = 53;
export const COUNTER_STREAMS_CLOSED_ERROR = 54;
export const COUNTER_STREAMS_CLOSED_STOP = 55;
/** Snapshots adopted. */
export const COUNTER_SWAPS = 56;
/** Datagrams that the kernel dropped since the worker's sockets were opened: set, not added to. */
export const COUNTER_KERNEL_DROPS = 57;
/** Batches: messages that were there together, and were answered in one go. */
const COUNTER_BATCHES = 58;
/** Batches whose time was taken, by that time: + bucket, up to LATENCY_BUCKETS_S[bucket]; the last takes all longer ones. */
export const COUNTER_LATENCIES = 59;
/** Seconds that they took together. */
export const COUNTER_LATENCY_SUM = 80;

/** Upper ends of the buckets in seconds: a microsecond, doubled 19 times. */
export const LATENCY_BUCKETS_S: readonly number[] = Array.from({ length: 20 }, (_, at) => 2 ** at / 1e6);

/** Slots in a block: a multiple of eight, so that whole cache lines belong to one worker. */
export const COUNTER_COUNT = 88;

/** Adjacent slots that are one metric with different label values. */
export interface CounterFamily {
  /** Prefix in golden cases (`rcode.noerror`), and the middle of the metric's name. */
  name: string;
  /** Metric name for Prometheus. */
  metric: string;
  help: string;
  labels: readonly string[];
  first: number;
  /** One row of label values per slot, from `first` on. */
  values: readonly (readonly string[])[];
}

const one = (value: string): string[] => [value];

const TYPE_NAMES = ["other", "a", "ns", "cname", "soa", "ptr", "mx", "txt"].concat([
  "aaaa",
  "srv",
  "naptr",
  "ds",
  "svcb",
  "https",
  "any",
  "caa",
]);
const TYPE_NUMBERS = [0, 1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 64, 65, 255, 257];

export const counterFamilies: readonly CounterFamily[] = [
  {
    name: "queries",
    metric: "steerd_queries_total",
    help: "Queries received, by transport and by the address family of the sender",
    labels: ["transport", "family"],
    first: COUNTER_QUERIES,
    values: [
      ["udp", "ipv4"],
      ["udp", "ipv6"],
      ["tcp", "ipv4"],
      ["tcp", "ipv6"],
    ],
  },
  {
    name: "qtype",
    metric: "steerd_query_types_total",
    help: "Questions, by type",
    labels: ["type"],
    first: COUNTER_TYPES,
    values: TYPE_NAMES.map(one),
  },
  {
    name: "rcode",
    metric: "steerd_responses_total",
    help: "Responses, by response code",
    labels: ["rcode"],
    first: COUNTER_RCODES,
    values: ["noerror", "formerr", "servfail", "nxdomain", "notimp", "refused", "yxdomain"]
      .concat(["yxrrset", "nxrrset", "notauth", "notzone", "badvers", "other"])
      .map(one),
  },
  {
    name: "edns",
    metric: "steerd_edns_queries_total",
    help: "Queries with an OPT record, and with a client subnet option",
    labels: ["option"],
    first: COUNTER_EDNS,
    values: ["any", "ecs"].map(one),
  },
  {
    name: "truncated",
    metric: "steerd_truncated_responses_total",
    help: "Responses with TC set",
    labels: [],
    first: COUNTER_TRUNCATED,
    values: [[]],
  },
  {
    name: "decided",
    metric: "steerd_decisions_total",
    help: "Dynamic records, by what was decided: addresses, a CNAME target, HTTPS or SVCB hints, or neither",
    labels: ["outcome"],
    first: COUNTER_DECIDED_ADDRESSES,
    values: ["addresses", "nodata", "servfail", "target", "hints"].map(one),
  },
  {
    name: "dropped",
    metric: "steerd_dropped_total",
    help: "Messages without a reply: under 12 octets, responses, source ports of reflectors, replies that could not be sent, faults, longer than any query",
    labels: ["reason"],
    first: COUNTER_DROPPED_SHORT,
    values: ["short", "response", "port", "send", "fault", "long"].map(one),
  },
  {
    name: "streams_accepted",
    metric: "steerd_stream_connections_accepted_total",
    help: "Stream connections accepted",
    labels: [],
    first: COUNTER_STREAMS_ACCEPTED,
    values: [[]],
  },
  {
    name: "streams_closed",
    metric: "steerd_stream_connections_closed_total",
    help: "Stream connections closed, by reason",
    labels: ["reason"],
    first: COUNTER_STREAMS_CLOSED_BY_PEER,
    values: ["peer", "idle", "slow_message", "stalled", "length", "limit", "error", "stop"].map(one),
  },
  {
    name: "kernel_drops",
    metric: "steerd_kernel_drops_total",
    help: "Datagrams that the kernel dropped because a socket's receive buffer was full (batched UDP only)",
    labels: [],
    first: COUNTER_KERNEL_DROPS,
    values: [[]],
  },
  {
    name: "swaps",
    metric: "steerd_snapshot_swaps_total",
    help: "Snapshots adopted, summed over the workers",
    labels: [],
    first: COUNTER_SWAPS,
    values: [[]],
  },
  {
    name: "batches",
    metric: "steerd_batches_total",
    help: "Batches of messages that were there together; without batched UDP each datagram is one",
    labels: [],
    first: COUNTER_BATCHES,
    values: [[]],
  },
];

/** Name of each slot by index, as `rcode.noerror`; empty: the slot is spare. */
export const counterNames: readonly string[] = nameSlots();

function nameSlots(): string[] {
  const names: string[] = new Array<string>(COUNTER_COUNT).fill("");
  for (const family of counterFamilies) {
    for (const [i, values] of family.values.entries()) {
      names[family.first + i] = [family.name, ...values].join(".");
    }
  }
  return names;
}

/** QTYPE below 512 to its offset from COUNTER_TYPES; 0 stands for all others. */
const countedTypeSlots = new Uint8Array(512);
for (const [slot, type] of TYPE_NUMBERS.entries()) countedTypeSlots[type] = slot;

/** Zeros in memory that other threads can read. */
export function allocateCounters(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(COUNTER_COUNT * 8));
}

/** Counts one question of a type. */
export function countType(counters: Float64Array, qtype: number): void {
  counters[COUNTER_TYPES + (qtype < 512 ? countedTypeSlots[qtype]! : 0)]! += 1;
}

/** Counts one response; `rcode` with its extended bits (RFC 6891 section 6.1.3). */
export function countRcode(counters: Float64Array, rcode: number): void {
  const slot = rcode <= 10 ? rcode : rcode === 16 ? 11 : 12;
  counters[COUNTER_RCODES + slot]! += 1;
}

/** Taking the time of every batch would cost an idle server's queries more than the counters do. */
const SAMPLED_OF = 64;

/** Counts one batch. True: of this one the time is to be taken, and given to countLatency. */
export function countBatch(counters: Float64Array): boolean {
  const batches = counters[COUNTER_BATCHES]!;
  counters[COUNTER_BATCHES] = batches + 1;
  return batches % SAMPLED_OF === 0;
}

/** Counts how long a batch took, from its receipt to its last reply's departure: the longest that one of its queries did. */
export function countLatency(counters: Float64Array, seconds: number): void {
  let bucket = 0;
  while (bucket < LATENCY_BUCKETS_S.length && seconds > LATENCY_BUCKETS_S[bucket]!) bucket++;
  counters[COUNTER_LATENCIES + bucket]! += 1;
  counters[COUNTER_LATENCY_SUM]! += seconds;
}
