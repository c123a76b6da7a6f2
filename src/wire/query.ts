import {
  CLASS_IN,
  MAX_LABEL_OCTETS,
  MAX_NAME_OCTETS,
  OPCODE_NOTIFY,
  OPCODE_QUERY,
  OPTION_COOKIE,
  OPTION_ECS,
  RCODE_BADVERS,
  RCODE_FORMERR,
  RCODE_NOERROR,
  RCODE_NOTIMP,
  RCODE_REFUSED,
  TYPE_AXFR,
  TYPE_IXFR,
  TYPE_MAILA,
  TYPE_MAILB,
  TYPE_OPT,
} from "./constants.ts";
import { parseClientSubnet } from "./ecs.ts";
import { createName, HASH_START, leadingOctets, lowerWord, mixOctets, type Name } from "./name.ts";
import { viewOf } from "./octets.ts";

/** A parsed query: one object a worker, overwritten by every packet. Numbers stay small integers, so that storing them allocates nothing. */
export interface Query {
  id: number;
  /** Second 16-bit word of the header. */
  flags: number;
  opcode: number;
  qtype: number;
  qclass: number;
  /** 1 when a question was parsed and can be echoed. */
  hasQuestion: number;
  /** The message itself: the question is echoed from it octet for octet. */
  packet: DataView;
  /** QNAME in lower case, taken apart. */
  qname: Name;
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
  /** The same octets, four at a time. */
  ecsView: DataView;
  /** 1 when a COOKIE option was present; its length was valid. */
  hasCookie: number;
}

export function createQuery(): Query {
  const ecsAddress = new Uint8Array(16);
  return {
    id: 0,
    flags: 0,
    opcode: 0,
    qtype: 0,
    qclass: 0,
    hasQuestion: 0,
    packet: new DataView(new ArrayBuffer(0)),
    qname: createName(),
    hasEdns: 0,
    ednsVersion: 0,
    udpSize: 512,
    dnssecOk: 0,
    hasEcs: 0,
    ecsFamily: 0,
    ecsSourceBits: 0,
    ecsAddress,
    ecsView: viewOf(ecsAddress),
    hasCookie: 0,
  };
}

/** No answer at all. Every other verdict is the RCODE that refuses the query, or RCODE_NOERROR: go on. */
export const VERDICT_DROP = -1;

export const HEADER_OCTETS = 12;
/** The root, QTYPE and QCLASS. */
const ROOT_AND_TYPE_OCTETS = 5;
/** Owner (root), TYPE, CLASS, TTL, RDLENGTH: no record is shorter. */
const MIN_RECORD_OCTETS = 11;
/** RFC 6891 section 6.2.3: values below 512 are treated as 512. */
const MIN_UDP_SIZE = 512;

const FLAG_QR = 0x8000;

/**
 * Parses one DNS message from anywhere into `query`.
 *
 * @returns VERDICT_DROP, RCODE_NOERROR, or the RCODE to answer with: FORMERR, NOTIMP, REFUSED or BADVERS. The question
 *   can be echoed when `query.hasQuestion` is 1.
 */
export function parseQuery(packet: DataView, length: number, query: Query): number {
  query.hasQuestion = 0;
  query.hasEdns = 0;
  query.hasEcs = 0;
  query.hasCookie = 0;
  query.ednsVersion = 0;
  query.dnssecOk = 0;
  query.udpSize = MIN_UDP_SIZE;
  if (length < HEADER_OCTETS) return VERDICT_DROP;
  const flags = packet.getUint16(2);
  // A response is never answered, or two servers could talk for ever (RFC 1035 section 4.1.1).
  if ((flags & FLAG_QR) !== 0) return VERDICT_DROP;
  if (query.packet !== packet) query.packet = packet;
  query.id = packet.getUint16(0);
  query.flags = flags;
  query.opcode = (flags >>> 11) & 15;

  const additionals = packet.getUint16(10);
  // RFC 9619: QDCOUNT is one. A count that the octets cannot hold is refused before any work.
  const counted = packet.getUint16(4) === 1 && additionals * MIN_RECORD_OCTETS <= length - HEADER_OCTETS;
  const end = counted ? parseQuestion(packet, length, query) : -1;
  const verdict = end < 0 ? RCODE_FORMERR : parseRecords(packet, length, end, additionals, query);
  // Whatever else such a message holds, an OPT that was read is answered with one (RFC 6891 section 6.1.1).
  if (query.opcode !== OPCODE_QUERY) return query.opcode === OPCODE_NOTIFY ? RCODE_REFUSED : RCODE_NOTIMP;
  return verdict !== RCODE_NOERROR ? verdict : refusal(query);
}

/** Questions that are well formed and not for us: other classes and zone transfers. */
function refusal(query: Query): number {
  if (query.qclass !== CLASS_IN) return RCODE_REFUSED;
  switch (query.qtype) {
    case TYPE_AXFR:
    case TYPE_IXFR:
    case TYPE_MAILA:
    case TYPE_MAILB:
      return RCODE_REFUSED;
    default:
      return RCODE_NOERROR;
  }
}

/** @returns the offset behind the question, or -1 when it is malformed. */
function parseQuestion(packet: DataView, length: number, query: Query): number {
  const { qname } = query;
  const { labelOffsets } = qname;
  let at = HEADER_OCTETS;
  let labels = 0;
  for (;;) {
    // Behind every label stand at least the root, QTYPE and QCLASS, so that whole words can be read to the name's end.
    if (at + ROOT_AND_TYPE_OCTETS > length || at >= HEADER_OCTETS + MAX_NAME_OCTETS) return -1;
    const size = packet.getUint8(at);
    labelOffsets[labels] = at - HEADER_OCTETS;
    if (size === 0) break;
    // No name stands before the first one, so that a pointer here is never strictly backward to a name (RFC 9267
    // section 2); 0x40 and 0x80 were never assigned for use (RFC 6891 section 5).
    if (size > MAX_LABEL_OCTETS) return -1;
    labels++;
    at += size + 1;
  }
  qname.length = at + 1 - HEADER_OCTETS;
  qname.labelCount = labels;
  lowerName(packet, qname);
  query.qtype = packet.getUint16(at + 1);
  query.qclass = packet.getUint16(at + 3);
  query.hasQuestion = 1;
  return at + 5;
}

/** Reads the octets of QNAME, whose labels are known: lower case, and the hash of all of it. */
function lowerName(packet: DataView, qname: Name): void {
  const { view } = qname;
  let hash = HASH_START;
  let at = qname.length - 4;
  for (; at >= 0; at -= 4) {
    const word = lowerWord(packet.getInt32(HEADER_OCTETS + at, true));
    view.setInt32(at, word, true);
    hash = mixOctets(hash, word);
  }
  if (at > -4) {
    const word = lowerWord(packet.getInt32(HEADER_OCTETS, true));
    view.setInt32(0, word, true);
    hash = mixOctets(hash, leadingOctets(word, at + 4));
  }
  qname.hashes[0] = hash;
  qname.hasSuffixes = 0;
}

/** Answer and authority must be empty but for an IXFR's one SOA (RFC 1995 section 3); then the additional section. */
function parseRecords(
  packet: DataView,
  length: number,
  start: number,
  additionals: number,
  query: Query,
): number {
  const authorities = packet.getUint16(8);
  if (packet.getUint16(6) !== 0) return RCODE_FORMERR;
  if (authorities !== 0 && !(authorities === 1 && query.qtype === TYPE_IXFR)) return RCODE_FORMERR;
  let at = start;
  // Following names may touch each octet once over the whole message: the work stays linear whatever the pointers say.
  let steps = length;
  for (let record = authorities + additionals; record > 0; record--) {
    const owner = at;
    if (owner >= length) return RCODE_FORMERR;
    // The root in full owns every OPT; only other owners need following.
    if (packet.getUint8(owner) === 0) {
      at = owner + 1;
    } else {
      steps = followName(packet, length, owner, steps);
      at = skipName(packet, length, owner);
    }
    if (steps < 0 || at < 0 || at + MIN_RECORD_OCTETS - 1 > length) return RCODE_FORMERR;
    const rdata = at + 10;
    const rdlength = packet.getUint16(at + 8);
    if (rdata + rdlength > length) return RCODE_FORMERR;
    if (packet.getUint16(at) === TYPE_OPT && record <= additionals) {
      // RFC 6891 section 6.1.1: one OPT, owned by the root.
      if (query.hasEdns === 1 || packet.getUint8(owner) !== 0) return RCODE_FORMERR;
      const verdict = parseOpt(packet, at, rdata, rdlength, query);
      if (verdict !== RCODE_NOERROR) return verdict;
    }
    at = rdata + rdlength;
  }
  return RCODE_NOERROR;
}

/** Reads the OPT record whose TYPE is at `at` (RFC 6891 section 6.1.2). */
function parseOpt(packet: DataView, at: number, rdata: number, rdlength: number, query: Query): number {
  query.hasEdns = 1;
  const size = packet.getUint16(at + 2);
  query.udpSize = size < MIN_UDP_SIZE ? MIN_UDP_SIZE : size;
  query.ednsVersion = packet.getUint8(at + 5);
  query.dnssecOk = packet.getUint8(at + 6) >>> 7;
  // What a later version means by its options is unknown: no further parsing (RFC 6891 section 6.1.3).
  if (query.ednsVersion !== 0) return RCODE_BADVERS;
  const end = rdata + rdlength;
  let option = rdata;
  while (option < end) {
    if (option + 4 > end) return RCODE_FORMERR;
    const code = packet.getUint16(option);
    const size = packet.getUint16(option + 2);
    const data = option + 4;
    if (data + size > end) return RCODE_FORMERR;
    if (code === OPTION_ECS) {
      if (!parseClientSubnet(packet, data, size, query)) return RCODE_FORMERR;
    } else if (code === OPTION_COOKIE) {
      // RFC 7873 section 5.2.2: 8 octets of client cookie, alone or with 8 to 32 of server cookie.
      if (size !== 8 && (size < 16 || size > 40)) return RCODE_FORMERR;
      query.hasCookie = 1;
    }
    option = data + size;
  }
  return RCODE_NOERROR;
}

/** @returns the offset behind the name at `at`, a pointer taken as its end, or -1 when it runs out of the message. */
function skipName(packet: DataView, length: number, start: number): number {
  let at = start;
  while (at < length) {
    const size = packet.getUint8(at);
    if (size === 0) return at + 1;
    if (size > MAX_LABEL_OCTETS) return at + 2;
    at += size + 1;
  }
  return -1;
}

/**
 * Follows a name to its root: pointers lead strictly backward (RFC 9267 section 2), label types are known, 255 octets
 * at most.
 *
 * @returns the steps that are left of `budget`, or -1 when the name is malformed or the budget is spent.
 */
function followName(packet: DataView, length: number, start: number, budget: number): number {
  let at = start;
  let segment = start;
  let octets = 1;
  for (let steps = budget; steps >= 0; steps--) {
    if (at >= length) return -1;
    const size = packet.getUint8(at);
    if (size === 0) return steps;
    if (size >= 0xc0) {
      if (at + 1 >= length) return -1;
      const target = ((size & 0x3f) << 8) | packet.getUint8(at + 1);
      if (target >= segment || target < HEADER_OCTETS) return -1;
      at = target;
      segment = target;
    } else {
      octets += size + 1;
      if (size > MAX_LABEL_OCTETS || octets > MAX_NAME_OCTETS) return -1;
      at += size + 1;
    }
  }
  return -1;
}
