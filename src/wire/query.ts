import { MAX_LABELS, MAX_NAME_OCTETS } from "./constants.ts";

/** A parsed query: one object per worker, overwritten by every packet. Numbers stay small integers, so that storing them allocates nothing. */
export interface Query {
  id: number;
  /** Second and third 16-bit word of the header: opcode and RD are echoed. */
  flags: number;
  opcode: number;
  qtype: number;
  qclass: number;
  /** 1 when a question was parsed and can be echoed. */
  hasQuestion: number;
  /** QNAME as received, wire form, and in lower case beside it (RFC 4343). */
  name: Uint8Array;
  lowerName: Uint8Array;
  nameLength: number;
  /** Labels without the root; label i (0 is the leftmost) starts at labelOffsets[i]. */
  labelCount: number;
  labelOffsets: Uint8Array;
  /** suffixHashes[i]: hash of the name from label i to the root; [labelCount] is the root's. */
  suffixHashes: Int32Array;
  /** 1 when the query carried an OPT record (RFC 6891). */
  hasEdns: number;
  ednsVersion: number;
  /** Requestor's UDP payload size, at least 512. */
  udpSize: number;
  /** 1 when the DO bit was set. */
  dnssecOk: number;
  /** 1 when a client subnet option (RFC 7871) was present. */
  hasEcs: number;
  /** FAMILY_IPV4, FAMILY_IPV6 or 0. */
  ecsFamily: number;
  ecsSourceBits: number;
  /** ADDRESS, padded with zeros to 16 octets. */
  ecsAddress: Uint8Array;
  /** 1 when a COOKIE option of a valid length was present. */
  hasCookie: number;
}

export function createQuery(): Query {
  return {
    id: 0,
    flags: 0,
    opcode: 0,
    qtype: 0,
    qclass: 0,
    hasQuestion: 0,
    name: new Uint8Array(MAX_NAME_OCTETS + 1),
    lowerName: new Uint8Array(MAX_NAME_OCTETS + 1),
    nameLength: 0,
    labelCount: 0,
    labelOffsets: new Uint8Array(MAX_LABELS),
    suffixHashes: new Int32Array(MAX_LABELS + 1),
    hasEdns: 0,
    ednsVersion: 0,
    udpSize: 512,
    dnssecOk: 0,
    hasEcs: 0,
    ecsFamily: 0,
    ecsSourceBits: 0,
    ecsAddress: new Uint8Array(16),
    hasCookie: 0,
  };
}
