import { EDE_NONE, RCODE_NOERROR, TYPE_SOA } from "./constants.ts";
import { viewOf } from "./octets.ts";

/**
 * What is to be said, as facts: lookup and decide fill it, only wire/response.ts turns it into octets, and explain
 * prints it. One object per worker, reset by every query.
 */
export interface Answer {
  rcode: number;
  /** 1: authoritative. */
  aa: number;
  /** EDE_* info code, or EDE_NONE. */
  ede: number;
  /** SCOPE PREFIX-LENGTH of the client subnet option (RFC 7871 section 7.2.1). */
  scopeBits: number;
  /** ITEM_WORDS words each: RRsets in the order answer, authority, additional. */
  items: Int32Array;
  itemCount: number;
  /** 1 when an RRset found no room in `items`: the reply says TC. */
  incomplete: number;
  /** Synthesized names (a DNAME's new target), wire form, and the octets in use. */
  scratch: Uint8Array;
  scratchLength: number;
  /** What decide said: DECIDED_*. */
  decision: number;
  /** TTL of the decided RRset, or of the negative answer that stands for it. */
  decisionTtl: number;
  /**
   * Octets of the decided addresses, of the asked family, back to back: 4 or 16 each. Of a decided name its number in the
   * first four, big-endian.
   */
  addressOctets: Uint8Array;
  /** The same octets, four at a time. */
  addressView: DataView;
  /** Health rows of the decided addresses, or -1. */
  addressRows: Int32Array;
  addressCount: number;
  /** IPv4 addresses that become hints, beside IPv6 ones that were decided last: octets back to back, and how many. */
  hintOctets: Uint8Array;
  hintView: DataView;
  hintCount: number;
}

/** At most this many addresses in a decided RRset: 64 AAAA records fill a 1,232-octet reply (RFC 9715 section 3.1). */
export const MAX_ADDRESSES = 64;

export const DECIDED_NOTHING = 0;
/** `addressCount` addresses, at least one. */
export const DECIDED_ADDRESSES = 1;
/** NODATA: the picked region has no address of the asked family, or `nodata` was the last resort. */
export const DECIDED_NODATA = 2;
export const DECIDED_SERVFAIL = 3;

export const ITEM_WORDS = 9;
/** SECTION_*. */
export const ITEM_SECTION = 0;
/** ITEM_RRSET, ITEM_SYNTHESIZED_CNAME, ITEM_ADDRESSES, ITEM_HINFO, ITEM_HINTS or ITEM_SHORT_SOA. */
export const ITEM_KIND = 1;
/** OWNER_*, and where the owner name starts in what that names. */
export const ITEM_OWNER_KIND = 2;
export const ITEM_OWNER = 3;
export const ITEM_TYPE = 4;
export const ITEM_TTL = 5;
/**
 * ITEM_RRSET, ITEM_HINTS, ITEM_SHORT_SOA: offset in the snapshot's octets of the RR block. ITEM_SYNTHESIZED_CNAME: offset in
 * `scratch` of the target.
 */
export const ITEM_DATA = 6;
/** Number of RRs, from bit 0; bit 30 set: the RRset may be left out without TC (RFC 9471 section 2.2). */
export const ITEM_COUNT = 7;
export const ITEM_OPTIONAL = 1 << 30;
/** ITEM_SHORT_SOA: octets of QNAME, from bit 16, of MNAME, from bit 8, and of RNAME before the zone's apex. Else unset. */
export const ITEM_PREFIXES = 8;

export const SECTION_ANSWER = 0;
export const SECTION_AUTHORITY = 1;
export const SECTION_ADDITIONAL = 2;

export const ITEM_RRSET = 0;
export const ITEM_SYNTHESIZED_CNAME = 1;
export const ITEM_ADDRESSES = 2;
/** The answer to ANY (RFC 8482 section 4.2). */
export const ITEM_HINFO = 3;
/** HTTPS or SVCB: the RR block, and then the decided addresses of both families (RFC 9460 section 7.3). */
export const ITEM_HINTS = 4;
/** Of the length of such an RR block: the octets that stand there, and which hints do not follow. */
export const SERVICE_LENGTH_MASK = 0x3fff;
export const SERVICE_NO_IPV4 = 0x8000;
export const SERVICE_NO_IPV6 = 0x4000;
/** An SOA whose owner is a suffix of QNAME, and of its own MNAME and RNAME: compression has nothing to search. */
export const ITEM_SHORT_SOA = 5;

export const OWNER_QNAME = 0;
export const OWNER_OCTETS = 1;
export const OWNER_SCRATCH = 2;

/** Most RRsets in one answer: a chain of 16 steps through DNAMEs, and a referral to 200 name servers with glue. */
export const MAX_ITEMS = 512;

export function createAnswer(): Answer {
  const addressOctets = new Uint8Array(MAX_ADDRESSES * 16);
  const hintOctets = new Uint8Array(MAX_ADDRESSES * 4);
  return {
    rcode: RCODE_NOERROR,
    aa: 0,
    ede: EDE_NONE,
    scopeBits: 0,
    items: new Int32Array(MAX_ITEMS * ITEM_WORDS),
    itemCount: 0,
    incomplete: 0,
    scratch: new Uint8Array(32 * 256),
    scratchLength: 0,
    decision: DECIDED_NOTHING,
    decisionTtl: 0,
    addressOctets,
    addressView: viewOf(addressOctets),
    addressRows: new Int32Array(MAX_ADDRESSES),
    addressCount: 0,
    hintOctets,
    hintView: viewOf(hintOctets),
    hintCount: 0,
  };
}

export function resetAnswer(answer: Answer): void {
  answer.rcode = RCODE_NOERROR;
  answer.aa = 0;
  answer.ede = EDE_NONE;
  answer.scopeBits = 0;
  answer.itemCount = 0;
  answer.incomplete = 0;
  answer.scratchLength = 0;
  answer.decision = DECIDED_NOTHING;
}

/** Keeps the decided IPv4 addresses as hints, and makes room for those of IPv6. */
export function keepHints(answer: Answer): void {
  const { addressCount, addressView, hintView } = answer;
  for (let i = 0; i < addressCount; i++) hintView.setInt32(i * 4, addressView.getInt32(i * 4));
  answer.hintCount = addressCount;
  answer.addressCount = 0;
}

/** Appends one RRset; when there is no room the answer is marked incomplete. */
export function addItem(
  answer: Answer,
  section: number,
  kind: number,
  ownerKind: number,
  owner: number,
  type: number,
  ttlSeconds: number,
  data: number,
  count: number,
): void {
  if (answer.itemCount >= MAX_ITEMS) {
    answer.incomplete = 1;
    return;
  }
  const { items } = answer;
  const at = answer.itemCount * ITEM_WORDS;
  items[at + ITEM_SECTION] = section;
  items[at + ITEM_KIND] = kind;
  items[at + ITEM_OWNER_KIND] = ownerKind;
  items[at + ITEM_OWNER] = owner;
  items[at + ITEM_TYPE] = type;
  items[at + ITEM_TTL] = ttlSeconds;
  items[at + ITEM_DATA] = data;
  items[at + ITEM_COUNT] = count;
  answer.itemCount++;
}

/** Appends the SOA of a zone that QNAME lies in, as ITEM_SHORT_SOA; `owner` and `data` as for ITEM_RRSET. */
export function addShortSoa(
  answer: Answer,
  owner: number,
  ttlSeconds: number,
  data: number,
  prefixes: number,
): void {
  addItem(answer, SECTION_AUTHORITY, ITEM_SHORT_SOA, OWNER_OCTETS, owner, TYPE_SOA, ttlSeconds, data, 1);
  // Where there was no room, it is the last item's, which does not look at it.
  answer.items[(answer.itemCount - 1) * ITEM_WORDS + ITEM_PREFIXES] = prefixes;
}
