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
  ITEM_PREFIXES,
  ITEM_RRSET,
  ITEM_SECTION,
  ITEM_SHORT_SOA,
  ITEM_TTL,
  ITEM_TYPE,
  ITEM_WORDS,
  OWNER_OCTETS,
  OWNER_QNAME,
  SECTION_ANSWER,
  SECTION_AUTHORITY,
  SERVICE_LENGTH_MASK,
  SERVICE_NO_IPV4,
  SERVICE_NO_IPV6,
} from "./answer.ts";
import { createCompression, resetCompression, rewindCompression, writeName } from "./compression.ts";
import {
  CLASS_IN,
  EDE_NONE,
  MAX_NAME_OCTETS,
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
/** Octets behind an SOA's names (RFC 1035 section 3.3.13). */
const SOA_NUMBERS = 20;
/** The most RDATA whose names may shrink when they are written: an SOA's. Other RDATA takes at least its length. */
const MAX_SHRINKING_RDATA = 2 * MAX_NAME_OCTETS + SOA_NUMBERS;
/**
 * Octets that `out` must have behind the limit of the transport: an owner name, fixed fields and such RDATA, so that one
 * check before each RR covers every write of it.
 */
export const OUT_SLACK = MAX_SHRINKING_RDATA + MAX_NAME_OCTETS + 10;
/** An output buffer that serves any transport. */
export const OUT_OCTETS = MAX_TCP_PAYLOAD + OUT_SLACK;

/** Offsets of the header's counts (RFC 1035 section 4.1.1): ANCOUNT and ARCOUNT stand behind these. */
const QDCOUNT = 4;
const NSCOUNT = 8;
/** A pointer to QNAME. */
const QNAME_POINTER = 0xc000 | HEADER_OCTETS;

const FLAG_QR = 0x8000;
const FLAG_AA = 0x0400;
const FLAG_TC = 0x0200;
/** Opcode and RD are echoed, everything else is ours. */
const ECHOED_FLAGS = 0x7900;

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
 * @param out - at least the transport's limit and OUT_SLACK octets; it may be the query's own message.
 * @returns the length of the reply.
 */
export function encodeAnswer(
  query: Query,
  answer: Answer,
  heap: Heap,
  transport: number,
  out: DataView,
): number {
  const octetsOfOpt = query.hasEdns === 0 ? 0 : optLength(query, answer);
  const limit = payloadLimit(query, transport) - octetsOfOpt;
  resetCompression(compression, query.qname, query.hasQuestion);
  let at = writeQuestion(query, out);
  let truncated = answer.incomplete * FLAG_TC;
  let answers = 0;
  let authorities = 0;
  let additionals = query.hasEdns;
  const { items } = answer;
  for (let item = 0; item < answer.itemCount * ITEM_WORDS; item += ITEM_WORDS) {
    const known = compression.count;
    const end =
      items[item + ITEM_KIND] === ITEM_SHORT_SOA
        ? writeShortSoa(query.qname.length, answer, item, heap.view, out, at, limit)
        : writeItem(answer, item, heap, out, at, limit);
    if (end > 0) {
      const count = items[item + ITEM_COUNT]! & 0xffff;
      const section = items[item + ITEM_SECTION]!;
      if (section === SECTION_ANSWER) answers += count;
      else if (section === SECTION_AUTHORITY) authorities += count;
      else additionals += count;
      at = end;
    } else {
      rewindCompression(compression, known);
      if ((items[item + ITEM_COUNT]! & ITEM_OPTIONAL) !== 0) continue;
      truncated = FLAG_TC;
      break;
    }
  }
  const flags = FLAG_QR | (query.flags & ECHOED_FLAGS) | (answer.aa * FLAG_AA) | truncated;
  out.setInt32(0, (query.id << 16) | flags | (answer.rcode & 15));
  out.setInt32(QDCOUNT, (query.hasQuestion << 16) | answers);
  out.setInt32(NSCOUNT, (authorities << 16) | additionals);
  return query.hasEdns === 1 ? writeOpt(query, answer, out, at, octetsOfOpt - OPT_OCTETS) : at;
}

/** Whether a reply that encodeAnswer wrote has TC set. */
export function isTruncated(out: DataView): boolean {
  return (out.getUint16(2) & FLAG_TC) !== 0;
}

/** UDP: what the requestor takes, at most ours (RFC 6891 section 6.2.5); TCP: all that the length field can say. */
function payloadLimit(query: Query, transport: number): number {
  if (transport !== TRANSPORT_UDP) return MAX_TCP_PAYLOAD;
  if (query.hasEdns === 0) return PLAIN_UDP_PAYLOAD;
  return query.udpSize < MAX_UDP_PAYLOAD ? query.udpSize : MAX_UDP_PAYLOAD;
}

function writeQuestion(query: Query, out: DataView): number {
  if (query.hasQuestion === 0) return HEADER_OCTETS;
  // QNAME is not compressed: it stands here just as it came, or still stands here.
  const octets = query.qname.length + 4;
  if (query.packet === out) return HEADER_OCTETS + octets;
  return copyOctets(query.packet, HEADER_OCTETS, octets, out, HEADER_OCTETS);
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
  if (kind === ITEM_ADDRESSES && items[item + ITEM_OWNER_KIND] === OWNER_QNAME)
    return writeAddresses(answer, item, out, start, limit);
  const type = items[item + ITEM_TYPE]!;
  const count = items[item + ITEM_COUNT]! & 0xffff;
  const ownerKind = items[item + ITEM_OWNER_KIND]!;
  const names = ownerKind === OWNER_OCTETS ? heap.octets : answer.scratch;
  let data = items[item + ITEM_DATA]!;
  let at = start;
  for (let rr = 0; rr < count; rr++) {
    const length = kind === ITEM_RRSET || kind === ITEM_HINTS ? heap.view.getUint16(data) : 0;
    const rdlength = kind === ITEM_HINTS ? length & SERVICE_LENGTH_MASK : length;
    const more = kind === ITEM_HINTS ? rdlength + hintsLength(answer) : rdlength;
    if (at > limit || at + more > limit + MAX_SHRINKING_RDATA) return 0;
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
        at = writeHints(answer, length, out, copyOctets(heap.view, data + 2, rdlength, out, rdata));
        data += rdlength + 2;
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

/** A or AAAA RRs of QNAME: nearly every answer is made of them alone, and nothing in them has to be looked for. */
function writeAddresses(answer: Answer, item: number, out: DataView, start: number, limit: number): number {
  const { addressView, items } = answer;
  const count = items[item + ITEM_COUNT]! & 0xffff;
  const type = items[item + ITEM_TYPE]!;
  const ttlSeconds = items[item + ITEM_TTL]!;
  const size = type === TYPE_AAAA ? 16 : 4;
  if (start + count * (12 + size) > limit) return 0;
  let at = start;
  for (let from = 0; from < count * size; from += size) {
    out.setInt32(at, (QNAME_POINTER << 16) | type);
    out.setInt32(at + 4, (CLASS_IN << 16) | (ttlSeconds >>> 16));
    out.setInt32(at + 8, (ttlSeconds << 16) | size);
    out.setInt32(at + 12, addressView.getInt32(from));
    if (size === 16) {
      out.setInt32(at + 16, addressView.getInt32(from + 4));
      out.setInt32(at + 20, addressView.getInt32(from + 8));
      out.setInt32(at + 24, addressView.getInt32(from + 12));
    }
    at += 12 + size;
  }
  return at;
}

/** All three names of it end in what QNAME ends in: see ITEM_SHORT_SOA. */
function writeShortSoa(
  qnameOctets: number,
  { items }: Answer,
  item: number,
  heap: DataView,
  out: DataView,
  start: number,
  limit: number,
): number {
  const before = items[item + ITEM_PREFIXES]! >>> 16;
  const mname = (items[item + ITEM_PREFIXES]! >>> 8) & 0xff;
  const rname = items[item + ITEM_PREFIXES]! & 0xff;
  const apexOctets = qnameOctets - before;
  const pointer = QNAME_POINTER + before;
  const ttlSeconds = items[item + ITEM_TTL]!;
  const rdlength = mname + rname + 4 + SOA_NUMBERS;
  if (start + 12 + rdlength > limit) return 0;
  out.setInt32(start, (pointer << 16) | TYPE_SOA);
  out.setInt32(start + 4, (CLASS_IN << 16) | (ttlSeconds >>> 16));
  out.setInt32(start + 8, (ttlSeconds << 16) | rdlength);
  let from = items[item + ITEM_DATA]! + 2;
  let at = copyOctets(heap, from, mname, out, start + 12);
  out.setUint16(at, pointer);
  from += mname + apexOctets;
  at = copyOctets(heap, from, rname, out, at + 2);
  out.setUint16(at, pointer);
  return copyOctets(heap, from + rname + apexOctets, SOA_NUMBERS, out, at + 2);
}

function hintsLength({ addressCount, hintCount }: Answer): number {
  return 8 + hintCount * 4 + addressCount * 16;
}

/** The decided addresses as SvcParams, behind those of the RR block; a family without any, or not asked for, has no hint. */
function writeHints(answer: Answer, length: number, out: DataView, start: number): number {
  const { addressCount, addressView, hintCount, hintView } = answer;
  let at = start;
  if (hintCount > 0 && (length & SERVICE_NO_IPV4) === 0) {
    out.setInt32(at, (PARAM_IPV4_HINT << 16) | (hintCount * 4));
    at = copyOctets(hintView, 0, hintCount * 4, out, at + 4);
  }
  if (addressCount > 0 && (length & SERVICE_NO_IPV6) === 0) {
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
      return copyOctets(
        heap.view,
        numbers,
        SOA_NUMBERS,
        out,
        writeName(compression, octets, rname, out, middle),
      );
    }
    default:
      return copyOctets(heap.view, offset, rdlength, out, at);
  }
}

/** Whether a client subnet option is echoed: on every reply but FORMERR (RFC 7871 section 7.2.1). */
function echoesSubnet(query: Query, answer: Answer): boolean {
  return query.hasEcs === 1 && answer.rcode !== RCODE_FORMERR;
}

/** An OPT record without options: owner (root), TYPE, CLASS, TTL, RDLENGTH. */
const OPT_OCTETS = 11;

function optLength(query: Query, answer: Answer): number {
  const subnet = echoesSubnet(query, answer) ? 8 + ((query.ecsSourceBits + 7) >>> 3) : 0;
  return OPT_OCTETS + subnet + (answer.ede === EDE_NONE ? 0 : 6);
}

/** The OPT record (RFC 6891 section 6.1.2), with the client subnet and an extended error (RFC 8914) where there is one. */
function writeOpt(query: Query, answer: Answer, out: DataView, start: number, rdlength: number): number {
  // Owner, TYPE, and the upper half of CLASS; its lower half, and TTL but for an octet of zero; that one, and RDLENGTH.
  out.setInt32(start, (TYPE_OPT << 8) | (MAX_UDP_PAYLOAD >>> 8));
  const extended = ((answer.rcode >>> 4) << 16) | (query.dnssecOk << 7);
  out.setInt32(start + 4, ((MAX_UDP_PAYLOAD & 0xff) << 24) | extended);
  out.setInt32(start + 8, rdlength << 8);
  let at = start + OPT_OCTETS;
  if (echoesSubnet(query, answer)) {
    const octets = (query.ecsSourceBits + 7) >>> 3;
    out.setInt32(at, (OPTION_ECS << 16) | (4 + octets));
    out.setInt32(at + 4, (query.ecsFamily << 16) | (query.ecsSourceBits << 8) | answer.scopeBits);
    // In whole words: what follows the address is written afterwards, or is no part of the message.
    for (let i = 0; i < octets; i += 4) out.setInt32(at + 8 + i, query.ecsView.getInt32(i));
    at += 8 + octets;
  }
  if (answer.ede !== EDE_NONE) {
    out.setInt32(at, (OPTION_EDE << 16) | 2);
    out.setUint16(at + 4, answer.ede);
    at += 6;
  }
  return at;
}
