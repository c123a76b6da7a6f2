import {
  type Answer,
  ITEM_ADDRESSES,
  ITEM_COUNT,
  ITEM_DATA,
  ITEM_HINFO,
  ITEM_HINTS,
  ITEM_KIND,
  ITEM_OPTIONAL,
  ITEM_OWNER,
  ITEM_OWNER_KIND,
  ITEM_RRSET,
  ITEM_SECTION,
  ITEM_TTL,
  ITEM_TYPE,
  ITEM_WORDS,
  OWNER_OCTETS,
  OWNER_QNAME,
} from "./answer.ts";
import { createCompression, resetCompression, writeName } from "./compression.ts";
import {
  CLASS_IN,
  EDE_NONE,
  OPTION_ECS,
  OPTION_EDE,
  RCODE_FORMERR,
  TRANSPORT_UDP,
  TYPE_AAAA,
  TYPE_CNAME,
  TYPE_MX,
  TYPE_NS,
  TYPE_OPT,
  TYPE_PTR,
  TYPE_SOA,
} from "./constants.ts";
import { nameLength } from "./name.ts";
import { copyOctets, viewOf } from "./octets.ts";
import { HEADER_OCTETS, type Query } from "./query.ts";

/**
 * The largest UDP payload that we send or announce: what IPv6 carries without fragments on every path (1,280 octets less
 * headers; RFC 9715 section 3.1, DNS flag day 2020).
 */
export const MAX_UDP_PAYLOAD = 1232;
/** RFC 1035 section 4.2.1: without EDNS. */
const PLAIN_UDP_PAYLOAD = 512;
/** RFC 1035 section 4.2.2: two octets of length. */
const MAX_TCP_PAYLOAD = 65_535;
/**
 * Octets that `out` must have behind the limit of the transport: an owner name and fixed fields, so that one check
 * before each RR covers every write of it.
 */
export const OUT_SLACK = 300;
/** An output buffer that serves any transport. */
export const OUT_OCTETS = MAX_TCP_PAYLOAD + OUT_SLACK;

/** Offsets of the header's counts (RFC 1035 section 4.1.1). */
const QDCOUNT = 4;
const ANCOUNT = 6;
const ARCOUNT = 10;
/** A pointer to QNAME. */
const QNAME_POINTER = 0xc000 | HEADER_OCTETS;

const FLAG_QR = 0x80;
const FLAG_AA = 0x04;
const FLAG_TC = 0x02;
/** Opcode and RD are echoed, everything else in the first flag octet is ours. */
const ECHOED_FLAGS = 0x79;

/** CPU and OS of the HINFO that answers ANY (RFC 8482 section 4.2). */
const ANY_RDATA = viewOf(Uint8Array.of(7, 0x52, 0x46, 0x43, 0x38, 0x34, 0x38, 0x32, 0));

/** A snapshot's octets: names and RR blocks. */
export interface Heap {
  octets: Uint8Array;
  /** The same octets, four at a time. */
  view: DataView;
}

/** SvcParamKeys (RFC 9460 section 14.3.2), which are written in ascending order (section 2.2). */
const PARAM_IPV4_HINT = 4;
const PARAM_IPV6_HINT = 6;

const compression = createCompression();

/**
 * Turns facts into octets: header, question, the answer's items with compression, OPT.
 *
 * An RRset that does not fit sets TC and ends the reply at its boundary (RFC 2181 section 9), unless it may be left out;
 * OPT is always kept.
 *
 * @param heap - what items of kind ITEM_RRSET and owners refer to.
 * @param out - at least the transport's limit and OUT_SLACK octets.
 * @returns the length of the reply.
 */
export function encodeAnswer(
  query: Query,
  answer: Answer,
  heap: Heap,
  transport: number,
  out: DataView,
): number {
  const limit = payloadLimit(query, transport) - optLength(query, answer);
  resetCompression(compression, query.qname, query.hasQuestion);
  let at = writeQuestion(query, out);
  let truncated = answer.incomplete * FLAG_TC;
  out.setInt32(ANCOUNT, 0);
  out.setUint16(ARCOUNT, 0);
  const { items } = answer;
  for (let item = 0; item < answer.itemCount * ITEM_WORDS; item += ITEM_WORDS) {
    const known = compression.count;
    const end = writeItem(answer, item, heap, out, at, limit);
    if (end > 0) {
      const counter = ANCOUNT + items[item + ITEM_SECTION]! * 2;
      out.setUint16(counter, out.getUint16(counter) + (items[item + ITEM_COUNT]! & 0xffff));
      at = end;
    } else {
      compression.count = known;
      if ((items[item + ITEM_COUNT]! & ITEM_OPTIONAL) !== 0) continue;
      truncated = FLAG_TC;
      break;
    }
  }
  out.setUint16(0, query.id);
  out.setUint8(2, FLAG_QR | ((query.flags >>> 8) & ECHOED_FLAGS) | (answer.aa * FLAG_AA) | truncated);
  out.setUint8(3, answer.rcode & 15);
  return query.hasEdns === 1 ? writeOpt(query, answer, out, at) : at;
}

/** Whether a reply that encodeAnswer wrote has TC set. */
export function isTruncated(out: DataView): boolean {
  return (out.getUint8(2) & FLAG_TC) !== 0;
}

/** UDP: what the requestor takes, at most ours (RFC 6891 section 6.2.5); TCP: all that the length field can say. */
function payloadLimit(query: Query, transport: number): number {
  if (transport !== TRANSPORT_UDP) return MAX_TCP_PAYLOAD;
  if (query.hasEdns === 0) return PLAIN_UDP_PAYLOAD;
  return query.udpSize < MAX_UDP_PAYLOAD ? query.udpSize : MAX_UDP_PAYLOAD;
}

function writeQuestion(query: Query, out: DataView): number {
  out.setUint16(QDCOUNT, query.hasQuestion);
  if (query.hasQuestion === 0) return HEADER_OCTETS;
  // QNAME is not compressed: it stands here just as it came.
  return copyOctets(query.packet, HEADER_OCTETS, query.qname.length + 4, out, HEADER_OCTETS);
}

/** @returns the offset behind the item's RRs, or 0 when they do not end within `limit`. */
function writeItem(
  answer: Answer,
  item: number,
  heap: Heap,
  out: DataView,
  start: number,
  limit: number,
): number {
  const { items } = answer;
  const kind = items[item + ITEM_KIND]!;
  const type = items[item + ITEM_TYPE]!;
  const count = items[item + ITEM_COUNT]! & 0xffff;
  const ownerKind = items[item + ITEM_OWNER_KIND]!;
  const names = ownerKind === OWNER_OCTETS ? heap.octets : answer.scratch;
  let data = items[item + ITEM_DATA]!;
  let at = start;
  for (let rr = 0; rr < count; rr++) {
    const rdlength = kind === ITEM_RRSET || kind === ITEM_HINTS ? heap.view.getUint16(data) : 0;
    const more = kind === ITEM_HINTS ? rdlength + hintsLength(answer) : rdlength;
    if (at > limit || at + more + OUT_SLACK > out.byteLength) return 0;
    if (ownerKind === OWNER_QNAME) {
      out.setUint16(at, QNAME_POINTER);
      at += 2;
    } else {
      at = writeName(compression, names, items[item + ITEM_OWNER]!, out, at);
    }
    out.setInt32(at, (type << 16) | CLASS_IN);
    out.setInt32(at + 4, items[item + ITEM_TTL]!);
    const rdata = at + 10;
    switch (kind) {
      case ITEM_RRSET:
        at = writeRdata(type, heap, data + 2, rdlength, out, rdata);
        data += rdlength + 2;
        break;
      case ITEM_ADDRESSES: {
        const size = type === TYPE_AAAA ? 16 : 4;
        at = copyOctets(answer.addressView, rr * size, size, out, rdata);
        break;
      }
      case ITEM_HINTS:
        at = writeHints(answer, out, copyOctets(heap.view, data + 2, rdlength, out, rdata));
        break;
      case ITEM_HINFO:
        at = copyOctets(ANY_RDATA, 0, ANY_RDATA.byteLength, out, rdata);
        break;
      default:
        at = writeName(compression, answer.scratch, data, out, rdata);
    }
    out.setUint16(rdata - 2, at - rdata);
  }
  return at <= limit ? at : 0;
}

function hintsLength({ addressCount, hintCount }: Answer): number {
  return 8 + hintCount * 4 + addressCount * 16;
}

/** The decided addresses as SvcParams, behind those of the RR block; a family without any has no hint. */
function writeHints(answer: Answer, out: DataView, start: number): number {
  const { addressCount, addressView, hintCount, hintView } = answer;
  let at = start;
  if (hintCount > 0) {
    out.setInt32(at, (PARAM_IPV4_HINT << 16) | (hintCount * 4));
    at = copyOctets(hintView, 0, hintCount * 4, out, at + 4);
  }
  if (addressCount > 0) {
    out.setInt32(at, (PARAM_IPV6_HINT << 16) | (addressCount * 16));
    at = copyOctets(addressView, 0, addressCount * 16, out, at + 4);
  }
  return at;
}

/** Names in RDATA are compressed only in the types of RFC 1035 (RFC 3597 section 4). */
function writeRdata(
  type: number,
  heap: Heap,
  offset: number,
  rdlength: number,
  out: DataView,
  at: number,
): number {
  const { octets } = heap;
  switch (type) {
    case TYPE_NS:
    case TYPE_CNAME:
    case TYPE_PTR:
      return writeName(compression, octets, offset, out, at);
    case TYPE_MX:
      out.setUint16(at, heap.view.getUint16(offset));
      return writeName(compression, octets, offset + 2, out, at + 2);
    case TYPE_SOA: {
      const rname = offset + nameLength(octets, offset);
      const numbers = rname + nameLength(octets, rname);
      const middle = writeName(compression, octets, offset, out, at);
      return copyOctets(heap.view, numbers, 20, out, writeName(compression, octets, rname, out, middle));
    }
    default:
      return copyOctets(heap.view, offset, rdlength, out, at);
  }
}

/** Whether a client subnet option is echoed: on every reply but FORMERR (RFC 7871 section 7.2.1). */
function echoesSubnet(query: Query, answer: Answer): boolean {
  return query.hasEcs === 1 && answer.rcode !== RCODE_FORMERR;
}

function optLength(query: Query, answer: Answer): number {
  if (query.hasEdns === 0) return 0;
  const subnet = echoesSubnet(query, answer) ? 8 + ((query.ecsSourceBits + 7) >>> 3) : 0;
  return 11 + subnet + (answer.ede === EDE_NONE ? 0 : 6);
}

/** The OPT record (RFC 6891 section 6.1.2), with the client subnet and an extended error (RFC 8914) where there is one. */
function writeOpt(query: Query, answer: Answer, out: DataView, start: number): number {
  out.setUint8(start, 0);
  out.setUint16(start + 1, TYPE_OPT);
  out.setUint16(start + 3, MAX_UDP_PAYLOAD);
  out.setInt32(start + 5, ((answer.rcode >>> 4) << 24) | (query.dnssecOk << 15));
  let at = start + 11;
  if (echoesSubnet(query, answer)) {
    const octets = (query.ecsSourceBits + 7) >>> 3;
    out.setInt32(at, (OPTION_ECS << 16) | (4 + octets));
    out.setInt32(at + 4, (query.ecsFamily << 16) | (query.ecsSourceBits << 8) | answer.scopeBits);
    at = copyOctets(query.ecsView, 0, octets, out, at + 8);
  }
  if (answer.ede !== EDE_NONE) {
    out.setInt32(at, (OPTION_EDE << 16) | 2);
    out.setUint16(at + 4, answer.ede);
    at += 6;
  }
  out.setUint16(start + 9, at - start - 11);
  out.setUint16(ARCOUNT, out.getUint16(ARCOUNT) + 1);
  return at;
}
