/**
 * What a data worker counts: one block of 64-bit floats per worker in shared memory, written by that worker alone and
 * summed by whoever reads. Floats, because they count exactly to 2^53 and an increment in optimised code allocates
 * nothing.
 *
 * A reply is counted once, in the slot for all that is told apart of it together (transport, type, EDNS, TC, rcode): one
 * increment a query where one for each of these would cost a tenth of the answer. Their sums are made by readCounters.
 * Every slot of what that returns is named once, in `counterFamilies`; metrics and golden cases derive from it.
 */

/** Dynamic records by what was decided, addresses, NODATA or SERVFAIL: + DECIDED_* - 1. */
export const COUNTER_DECIDED_ADDRESSES = 0;
/** In place of addresses: a CNAME, or an HTTPS or SVCB record with hints. */
export const COUNTER_DECIDED_TARGET = 3;
export const COUNTER_DECIDED_HINTS = 4;
/** Datagrams and messages that got no reply, by reason. */
export const COUNTER_DROPPED_SHORT = 5;
export const COUNTER_DROPPED_RESPONSE = 6;
export const COUNTER_DROPPED_PORT = 7;
export const COUNTER_DROPPED_SEND = 8;
/** A defect of ours: answering threw. */
export const COUNTER_DROPPED_FAULT = 9;
/** Longer than any query is. */
export const COUNTER_DROPPED_LONG = 10;
/** Stream connections accepted, and closed by reason; open ones are the difference. */
export const COUNTER_STREAMS_ACCEPTED = 11;
export const COUNTER_STREAMS_CLOSED_BY_PEER = 12;
export const COUNTER_STREAMS_CLOSED_IDLE = 13;
export const COUNTER_STREAMS_CLOSED_SLOW_MESSAGE = 14;
export const COUNTER_STREAMS_CLOSED_STALLED = 15;
export const COUNTER_STREAMS_CLOSED_LENGTH = 16;
export const COUNTER_STREAMS_CLOSED_LIMIT = 17;
export const COUNTER_STREAMS_CLOSED_ERROR = 18;
export const COUNTER_STREAMS_CLOSED_STOP = 19;
/** Snapshots adopted. */
export const COUNTER_SWAPS = 20;
/** Datagrams that the kernel dropped since the worker's sockets were opened: set, not added to. */
export const COUNTER_KERNEL_DROPS = 21;
/** Batches: messages that were there together, and were answered in one go. */
const COUNTER_BATCHES = 22;
/** Batches whose time was taken, by that time: + bucket, up to LATENCY_BUCKETS_S[bucket]; the last takes all longer ones. */
export const COUNTER_LATENCIES = 23;
/** Seconds that they took together. */
export const COUNTER_LATENCY_SUM = 44;

/** Slots of a block that are counted one by one; those of replies follow, and in what is read, the sums over them. */
export const COUNTER_COUNT = 48;

/** Queries by transport and family of the sender: + transport (TRANSPORT_*) * 2 + 1 for IPv6. */
const COUNTER_QUERIES = 48;
/** Questions by type: + countedTypeSlots[QTYPE]. */
const COUNTER_TYPES = 52;
/** Responses by rcode: + 0 to 10, BADVERS at 11, any other at 12. */
const COUNTER_RCODES = 68;
/** Queries that carried an OPT record (RFC 6891). */
const COUNTER_EDNS = 81;
/** Queries that carried a client subnet option (RFC 7871). */
const COUNTER_ECS = 82;
/** Responses with TC set (RFC 2181 section 9). */
const COUNTER_TRUNCATED = 83;
/** Slots of what readCounters returns. */
const READ_COUNT = 84;

/** Upper ends of the buckets in seconds: a microsecond, doubled 19 times. */
export const LATENCY_BUCKETS_S: readonly number[] = Array.from({ length: 20 }, (_, at) => 2 ** at / 1e6);

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
  const names: string[] = new Array<string>(READ_COUNT).fill("");
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

/** Senders (transport and family), types and no question at all, EDNS (none, some, with a client subnet), TC, rcodes. */
const SENDERS = 4;
const TYPES = 17;
const NO_QUESTION = 16;
const OPTIONS = 3;
const TRUNCATIONS = 2;
const RCODES = 13;
const REPLY_SLOTS = SENDERS * TYPES * OPTIONS * TRUNCATIONS * RCODES;

/** Slots of a block: whole cache lines of 64 octets, so that none is two workers'. */
const BLOCK_SLOTS = (COUNTER_COUNT + REPLY_SLOTS + 7) & ~7;

/** Zeros in memory that other threads can read. */
export function allocateCounters(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(BLOCK_SLOTS * 8));
}

/**
 * Counts one reply.
 *
 * @param sender - transport (TRANSPORT_*) * 2, and 1 more for IPv6.
 * @param qtype - of the question; -1: there was none.
 * @param options - 0: no EDNS, 1: an OPT record, 2: a client subnet in it.
 * @param truncated - 1 when TC is set.
 * @param rcode - with its extended bits (RFC 6891 section 6.1.3).
 */
export function countReply(
  counters: Float64Array,
  sender: number,
  qtype: number,
  options: number,
  truncated: number,
  rcode: number,
): void {
  const type = qtype < 0 ? NO_QUESTION : qtype < 512 ? countedTypeSlots[qtype]! : 0;
  const result = rcode <= 10 ? rcode : rcode === 16 ? 11 : 12;
  const slot = (((sender * TYPES + type) * OPTIONS + options) * TRUNCATIONS + truncated) * RCODES + result;
  counters[COUNTER_COUNT + slot]! += 1;
}

/** Sums the blocks of several workers. The result's slots are the COUNTER_*, by counterNames. */
export function readCounters(blocks: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(READ_COUNT);
  for (const block of blocks) {
    for (let slot = 0; slot < COUNTER_COUNT; slot++) sums[slot]! += block[slot]!;
    for (let slot = 0; slot < REPLY_SLOTS; slot++) {
      const replies = block[COUNTER_COUNT + slot]!;
      if (replies !== 0) addReplies(sums, slot, replies);
    }
  }
  return sums;
}

/** The other way round than countReply: from a slot to what is told apart by it. */
function addReplies(sums: Float64Array, slot: number, replies: number): void {
  let rest = slot;
  const next = (values: number): number => {
    const value = rest % values;
    rest = (rest - value) / values;
    return value;
  };
  const result = next(RCODES);
  const truncated = next(TRUNCATIONS);
  const options = next(OPTIONS);
  const type = next(TYPES);
  sums[COUNTER_QUERIES + rest]! += replies;
  if (type !== NO_QUESTION) sums[COUNTER_TYPES + type]! += replies;
  if (options >= 1) sums[COUNTER_EDNS]! += replies;
  if (options === 2) sums[COUNTER_ECS]! += replies;
  if (truncated === 1) sums[COUNTER_TRUNCATED]! += replies;
  sums[COUNTER_RCODES + result]! += replies;
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
