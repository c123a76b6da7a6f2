/**
 * The static half of a snapshot: names, RRsets and zones as words in shared memory. Written once by zone/tree.ts on the
 * control worker, then only read. A reference to a node, RRset or zone is its index; where a word may be absent it
 * holds the index plus one, and 0 says none.
 */
export interface ZoneData {
  /** Names (wire form, owners in lower case), and the RR blocks of every RRset. */
  octets: Uint8Array;
  /** The same octets, four at a time. */
  view: DataView;
  /** NODE_WORDS words a node. */
  nodes: Int32Array;
  /** RRSET_WORDS words an RRset; the RRsets of one node are adjacent. */
  rrsets: Int32Array;
  /** ZONE_WORDS words a zone. */
  zones: Int32Array;
  /** Open-addressed hash of nodes: node index plus one; length a power of two. */
  nodeTable: Int32Array;
  /** Open-addressed hash of zone apexes: zone index plus one; length a power of two. */
  zoneTable: Int32Array;
  /** Address RRsets that go with a referral: for each delegation a run of GLUE_WORDS words each, in-domain ones first. */
  glue: Int32Array;
}

export const NODE_WORDS = 10;
/** Offset of the owner name in `octets`. */
export const NODE_NAME = 0;
export const NODE_ZONE = 1;
export const NODE_FIRST_RRSET = 2;
export const NODE_RRSET_COUNT = 3;
/** Bits below, and the octets of the owner name from bit 16 on. */
export const NODE_FLAGS = 4;
/** Child `*`, plus one (RFC 4592). */
export const NODE_WILDCARD = 5;
/** Topmost delegation at or above this node, plus one (RFC 1034 section 4.2). */
export const NODE_CUT = 6;
/** Topmost DNAME owner strictly above this node, plus one (RFC 6672 section 2.3). */
export const NODE_DNAME = 7;
/** Dynamic record of this name, plus one: index into PolicyData.records. */
export const NODE_RECORD = 8;
/** Hash of the owner name, mixed with the zone. */
export const NODE_HASH = 9;

export const NODE_IS_APEX = 1;
export const NODE_IS_CUT = 2;
export const NODE_HAS_CNAME = 4;
export const NODE_HAS_DNAME = 8;
export const NODE_NAME_LENGTH_SHIFT = 16;

export const RRSET_WORDS = 6;
export const RRSET_TYPE = 0;
export const RRSET_TTL = 1;
export const RRSET_COUNT = 2;
/** Offset in `octets` of the RR block: for each RR its RDLENGTH (two octets) and RDATA. */
export const RRSET_OFFSET = 3;
/** Index of the first address RRset in `glue`, for the NS RRset of a delegation. */
export const RRSET_GLUE = 4;
/** How many RRsets that is. */
export const RRSET_GLUE_COUNT = 5;

export const ZONE_WORDS = 4;
export const ZONE_APEX = 0;
/** RRset index of the SOA. */
export const ZONE_SOA = 1;
/** TTL of negative answers: the lesser of the SOA's TTL and its MINIMUM (RFC 2308 section 5). */
export const ZONE_NEGATIVE_TTL = 2;
/** RRset index of the NS RRset at the apex. */
export const ZONE_NS = 3;

export const GLUE_WORDS = 3;
export const GLUE_RRSET = 0;
/** Node that owns it. */
export const GLUE_NODE = 1;
/** 1: not needed to reach the child zone, so it may be left out (RFC 9471 section 2.2: sibling glue). */
export const GLUE_OPTIONAL = 2;
