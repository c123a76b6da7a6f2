/**
 * The dynamic half of a snapshot: policy trees, pools and addresses as words in shared memory, shared by the records
 * that use them. Written once by build.ts on the control worker, then only read. A reference is an index; a word that
 * may be absent holds the index plus one, and 0 says none.
 */
export interface PolicyData {
  /** RECORD_WORDS words a dynamic record. */
  records: Int32Array;
  /** Tables that a record's tree can reach: runs of table indexes into TableData. */
  recordTables: Int32Array;
  /** Pools whose figures stand for an entry: runs of pool indexes. */
  entryPools: Int32Array;
  /** NODE_WORDS words a policy node. */
  nodes: Int32Array;
  /** ENTRY_WORDS words a child of a node; the children of one node are adjacent. */
  entries: Int32Array;
  /** POOL_WORDS words a pool. */
  pools: Int32Array;
  /** ENDPOINT_WORDS words an endpoint; the endpoints of one pool are adjacent. */
  endpoints: Int32Array;
  /** ADDRESS_WORDS words an address; the addresses of one endpoint, or of one last resort, are adjacent. */
  addresses: Int32Array;
  /** Cells of large pools under `select: hash`: see hash-cells.ts. */
  hashCells: Int32Array;
}

export const RECORD_WORDS = 15;
export const RECORD_ROOT = 0;
export const RECORD_TTL_MAX = 1;
export const RECORD_TTL_MIN = 2;
/** First of three words: LAST_RESORT_KIND, LAST_RESORT_REF, LAST_RESORT_COUNT. */
export const RECORD_LAST_RESORT = 3;
/** 1: the client subnet option is heeded. */
export const RECORD_ECS = 6;
export const RECORD_TABLES = 7;
export const RECORD_TABLE_COUNT = 8;
/** 1: every address that the tree reaches is a name, and the record answers CNAME. */
export const RECORD_GIVES_TARGET = 9;
/** Table of the special-purpose blocks where the tree can reach a hash of the client's prefix, else -1. See sticky.ts. */
export const RECORD_STICKY_TABLE = 10;
/** Length of the prefix that is hashed, in each family. */
export const RECORD_STICKY_IPV4 = 11;
export const RECORD_STICKY_IPV6 = 12;
/** What the name's HTTPS and SVCB records begin with, before the hints: number among ZoneData.services, or -1: none. */
export const RECORD_HTTPS = 13;
export const RECORD_SVCB = 14;

/** One of the kinds below. */
export const LAST_RESORT_KIND = 0;
/** LAST_RESORT_POOL: the pool. LAST_RESORT_ADDRESSES: index of the first address. */
export const LAST_RESORT_REF = 1;
/** LAST_RESORT_ADDRESSES: number of addresses. */
export const LAST_RESORT_COUNT = 2;

export const LAST_RESORT_NONE = 0;
export const LAST_RESORT_ALL = 1;
export const LAST_RESORT_POOL = 2;
export const LAST_RESORT_ADDRESSES = 3;
export const LAST_RESORT_NODATA = 4;
export const LAST_RESORT_SERVFAIL = 5;

export type LastResortWord =
  | typeof LAST_RESORT_NONE
  | typeof LAST_RESORT_ALL
  | typeof LAST_RESORT_POOL
  | typeof LAST_RESORT_ADDRESSES
  | typeof LAST_RESORT_NODATA
  | typeof LAST_RESORT_SERVFAIL;

export const NODE_WORDS = 12;
/** One of NODE_KIND_*. */
export const NODE_KIND = 0;
/** Index of the pool, or of the first entry. */
export const NODE_FIRST = 1;
export const NODE_COUNT = 2;
/** Table whose chain orders the entries (geo, subnets, asn, nearest). */
export const NODE_TABLE = 3;
/** The node's share of the dice: a hash of its keys, weights and children down to the pools' names, so that servers agree. */
export const NODE_SEED = 4;
/** As in a record; LAST_RESORT_NONE: the node fails outward. */
export const NODE_LAST_RESORT = 5;
/** Most addresses that `all` answers; 0 in other kinds. */
export const NODE_MAX_ANSWERS = 8;
/** Row in HealthRows.latches of a `failover` that does not simply follow health, or -1. */
export const NODE_LATCH = 9;
/** What an entry of `hash` is known by, whatever its place: see identity.ts. */
export const NODE_IDENTITY = 10;
/** What the parts of `adaptive` weigh: PARTS_BITS each, connections lowest, then p99, then errors; 0 in other kinds. */
export const NODE_PARTS = 11;

export const NODE_KIND_POOL = 0;
export const NODE_KIND_FAILOVER = 1;
export const NODE_KIND_WEIGHTED = 2;
/** Entries in the order of a chain that the client's class names: geo, subnets, asn and nearest. */
export const NODE_KIND_GEO = 3;
export const NODE_KIND_SUBNETS = 4;
export const NODE_KIND_NEAREST = 5;
export const NODE_KIND_ROUND_ROBIN = 6;
export const NODE_KIND_ALL = 7;
export const NODE_KIND_ASN = 8;
/** Like geo, but entries that are tied in the chain are drawn. */
export const NODE_KIND_LATENCY = 9;
export const NODE_KIND_HASH = 10;
/** By what is measured and reported of the entries, see load.ts. */
export const NODE_KIND_LEAST_RESPONSE_TIME = 11;
export const NODE_KIND_LEAST_CONNECTIONS = 12;
export const NODE_KIND_P2C = 13;
export const NODE_KIND_ADAPTIVE = 14;

export type NodeKindWord =
  | typeof NODE_KIND_POOL
  | typeof NODE_KIND_FAILOVER
  | typeof NODE_KIND_WEIGHTED
  | typeof NODE_KIND_GEO
  | typeof NODE_KIND_SUBNETS
  | typeof NODE_KIND_NEAREST
  | typeof NODE_KIND_ROUND_ROBIN
  | typeof NODE_KIND_ALL
  | typeof NODE_KIND_ASN
  | typeof NODE_KIND_LATENCY
  | typeof NODE_KIND_HASH
  | typeof NODE_KIND_LEAST_RESPONSE_TIME
  | typeof NODE_KIND_LEAST_CONNECTIONS
  | typeof NODE_KIND_P2C
  | typeof NODE_KIND_ADAPTIVE;

export const ENTRY_WORDS = 5;
export const ENTRY_NODE = 0;
export const ENTRY_WEIGHT = 1;
/** Run in `entryPools`; empty in nodes that do not go by load. */
export const ENTRY_POOLS = 2;
export const ENTRY_POOL_COUNT = 3;
/** The row of the pool that the entry leads to, or -1: no pool, or one without checks. */
export const ENTRY_ROW = 4;

/** What a walk of a tree takes for up. */
export const PASS_NORMAL = 0;
/** The root had failed: a pool has failed only when none of its endpoints is up. */
export const PASS_ONE_UP = 1;
/** That failed too: as if every endpoint were up, except those that are forced down or drained. */
export const PASS_ALL = 2;

export const POOL_WORDS = 15;
export const POOL_FIRST_ENDPOINT = 0;
export const POOL_ENDPOINT_COUNT = 1;
/** One of SELECT_*. */
export const POOL_SELECT = 2;
export const POOL_MAX_ANSWERS = 3;
/** Row in HealthRows.pools, or -1: never failed. */
export const POOL_ROW = 4;
/** 1: an endpoint is up only while all of its addresses are. */
export const POOL_STRICT = 5;
/** Sum of the configured weights; 0 when it would not fit a word: choices then weigh one endpoint after the other. */
export const POOL_WEIGHT_TOTAL = 6;
/** 1: an endpoint has the weight 0, drained unless nothing else is left. */
export const POOL_HAS_ZERO_WEIGHT = 7;
/** Addresses of each family in all endpoints. The addresses of one pool are adjacent, POOL_FIRST_ADDRESS the first. */
export const POOL_IPV4_COUNT = 8;
/** In a pool of names their number. */
export const POOL_IPV6_COUNT = 9;
export const POOL_FIRST_ADDRESS = 10;
/** 1: the family's addresses lie in more than one subnet, see subnet.ts. */
export const POOL_IPV4_APART = 11;
export const POOL_IPV6_APART = 12;
/** Offset in `hashCells`, or -1: a small pool, or another `select`. */
export const POOL_HASH_CELLS = 13;
/** As NODE_PARTS, for SELECT_ADAPTIVE. */
export const POOL_PARTS = 14;

export const PARTS_BITS = 8;
export const PARTS_MASK = 0xff;

export const SELECT_ALL = 0;
export const SELECT_WEIGHTED = 1;
/** Endpoints that weigh the same, in turn. */
export const SELECT_ROUND_ROBIN = 2;
/** Smooth weighted round robin. */
export const SELECT_SMOOTH_ROUND_ROBIN = 3;
/** Weighted rendezvous hash of the client's prefix. */
export const SELECT_HASH = 4;
export const SELECT_LEAST_RESPONSE_TIME = 5;
export const SELECT_LEAST_CONNECTIONS = 6;
export const SELECT_P2C = 7;
export const SELECT_ADAPTIVE = 8;

export const ENDPOINT_WORDS = 6;
export const ENDPOINT_FIRST_ADDRESS = 0;
export const ENDPOINT_ADDRESS_COUNT = 1;
export const ENDPOINT_WEIGHT = 2;
/** Sum of the weights of this endpoint and of those before it in the pool; meaningless where POOL_WEIGHT_TOTAL is 0. */
export const ENDPOINT_WEIGHT_SUM = 3;
/** Two words that the endpoint is known by, whatever its place: see identity.ts. */
export const ENDPOINT_IDENTITY_HIGH = 4;
export const ENDPOINT_IDENTITY_LOW = 5;

export const ADDRESS_WORDS = 6;
/** 4 or 6, or FAMILY_NAME. */
export const ADDRESS_FAMILY = 0;
/** Row in HealthRows.endpoints, or -1: always up. */
export const ADDRESS_ROW = 1;
/**
 * Octets in network order, four to a word, most significant first; IPv4 uses the first word. Of a name the first word is
 * its number among ZoneData.targets.
 */
export const ADDRESS_OCTETS = 2;

/** Family of a name among addresses, and asked of records that give one, whatever QTYPE is. */
export const FAMILY_NAME = 0;
