/**
 * The static half of a snapshot: names, RRsets and zones in shared memory. Written once by layout.ts on the control worker,
 * then only read. References to nodes and RRsets are offsets in `words`; where a word may be absent it holds the reference
 * plus one, and 0 says none.
 *
 * A node's words, its name, its RRsets and their records stand side by side: with a million names every first touch of
 * another place in memory costs 0.15 to 0.2 us (bench/micro/memory), and a lookup touches the table and this one.
 */
export interface ZoneData {
  /** For each node: NODE_WORDS words, the owner name (wire form, lower case), its RRsets, and their RR blocks. */
  words: Int32Array;
  /** The same memory octet by octet. */
  octets: Uint8Array;
  /** The same memory, four octets at a time from anywhere. */
  view: DataView;
  /** ZONE_WORDS words a zone. */
  zones: Int32Array;
  /** Open-addressed hash of the nodes of all zones, by name: reference plus one; length a power of two. */
  nodeTable: Int32Array;
  /**
   * Open-addressed hash of zone apexes: APEX_WORDS words a slot, a power of two of slots. Most lookups ask it for a name
   * first that is no apex: the hash in the slot tells so without a read elsewhere.
   */
  zoneTable: Int32Array;
  /** Address RRsets that go with a referral: for each delegation a run of GLUE_WORDS words each, in-domain ones first. */
  glue: Int32Array;
  /**
   * Offset in `octets` of the RR block of each name that a dynamic record may answer as a CNAME: RDLENGTH (two octets)
   * and the name in wire form.
   */
  targets: Int32Array;
  /**
   * HTTPS and SVCB records of dynamic names, SERVICE_WORDS words each: offset in `octets` of their RR blocks, back to
   * back, and how many there are. In the two octets of RDLENGTH, SERVICE_LENGTH_MASK is how much of the RDATA stands
   * there, before the hints, and two bits say which of those do not follow.
   */
  services: Int32Array;
  /** Number of nodes, empty non-terminals included. */
  nodeCount: number;
}

/** What an HTTPS or SVCB record of a dynamic name begins with, and which hints follow. */
export interface ServiceModel {
  rdata: Uint8Array;
  ipv4: boolean;
  ipv6: boolean;
}

export const SERVICE_WORDS = 2;
export const SERVICE_OFFSET = 0;
export const SERVICE_COUNT = 1;

export const NODE_WORDS = 7;
/** Hash of the owner name. */
export const NODE_HASH = 0;
export const NODE_ZONE = 1;
/** Bits below; the number of RRsets from bit 8, and the octets of the owner name from bit 24 on. */
export const NODE_FLAGS = 2;
/** Child `*`, plus one (RFC 4592). */
export const NODE_WILDCARD = 3;
/** Topmost delegation at or above this node, plus one (RFC 1034 section 4.2). */
export const NODE_CUT = 4;
/** Topmost DNAME owner strictly above this node, plus one (RFC 6672 section 2.3). */
export const NODE_DNAME = 5;
/** Dynamic record of this name, plus one: index into PolicyData.records. */
export const NODE_RECORD = 6;

/** No zone that is served lies below the apex of this node's zone: whoever asks for this name asks for this node. */
export const NODE_UNDISPUTED = 1;
export const NODE_HAS_CNAME = 4;
export const NODE_HAS_DNAME = 8;
/** The dynamic record of this name answers every type, with a CNAME. */
export const NODE_GIVES_TARGET = 16;
/** It answers HTTPS, and SVCB, beside the addresses. */
export const NODE_GIVES_HTTPS = 32;
export const NODE_GIVES_SVCB = 64;
export const NODE_RRSETS_SHIFT = 8;
const NODE_RRSETS_MASK = 0xffff;
export const NODE_NAME_LENGTH_SHIFT = 24;

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

/** Offset in `octets` of a node's owner name. */
export function nodeName(node: number): number {
  return (node + NODE_WORDS) * 4;
}

/** A node's first RRset; the others follow, sorted by type. */
export function firstRrset(words: Int32Array, node: number): number {
  return node + NODE_WORDS + (((words[node + NODE_FLAGS]! >>> NODE_NAME_LENGTH_SHIFT) + 3) >>> 2);
}

/** How many RRsets a node owns. */
export function rrsetCount(words: Int32Array, node: number): number {
  return (words[node + NODE_FLAGS]! >>> NODE_RRSETS_SHIFT) & NODE_RRSETS_MASK;
}

export const ZONE_WORDS = 5;
export const ZONE_APEX = 0;
/** RRset index of the SOA. */
export const ZONE_SOA = 1;
/** TTL of negative answers: the lesser of the SOA's TTL and its MINIMUM (RFC 2308 section 5). */
export const ZONE_NEGATIVE_TTL = 2;
/** RRset index of the NS RRset at the apex. */
export const ZONE_NS = 3;
/**
 * Octets of the SOA's MNAME, from bit 8, and RNAME, from bit 0, that stand before the apex; -1: one of them does not end
 * in it.
 */
export const ZONE_SOA_PREFIXES = 4;

export const APEX_WORDS = 2;
/** Hash of the apex's name. */
export const APEX_HASH = 0;
/** Its node, plus one; 0: the slot is free. */
export const APEX_NODE = 1;

export const GLUE_WORDS = 3;
export const GLUE_RRSET = 0;
/** Node that owns it. */
export const GLUE_NODE = 1;
/** 1: not needed to reach the child zone, so it may be left out (RFC 9471 section 2.2: sibling glue). */
export const GLUE_OPTIONAL = 2;
