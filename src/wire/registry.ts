import { TYPE_OPT } from "./constants.ts";
import { isWord, readNumber } from "./text.ts";

/** Types by number (IANA "Resource Record (RR) TYPEs"); those absent here are written TYPEnnn (RFC 3597 section 5). */
const TYPE_NAMES: readonly (readonly [number, string])[] = [
  [1, "A"],
  [2, "NS"],
  [3, "MD"],
  [4, "MF"],
  [5, "CNAME"],
  [6, "SOA"],
  [7, "MB"],
  [8, "MG"],
  [9, "MR"],
  [10, "NULL"],
  [11, "WKS"],
  [12, "PTR"],
  [13, "HINFO"],
  [14, "MINFO"],
  [15, "MX"],
  [16, "TXT"],
  [17, "RP"],
  [18, "AFSDB"],
  [19, "X25"],
  [20, "ISDN"],
  [21, "RT"],
  [22, "NSAP"],
  [23, "NSAP-PTR"],
  [24, "SIG"],
  [25, "KEY"],
  [26, "PX"],
  [27, "GPOS"],
  [28, "AAAA"],
  [29, "LOC"],
  [30, "NXT"],
  [31, "EID"],
  [32, "NIMLOC"],
  [33, "SRV"],
  [34, "ATMA"],
  [35, "NAPTR"],
  [36, "KX"],
  [37, "CERT"],
  [38, "A6"],
  [39, "DNAME"],
  [40, "SINK"],
  [41, "OPT"],
  [42, "APL"],
  [43, "DS"],
  [44, "SSHFP"],
  [45, "IPSECKEY"],
  [46, "RRSIG"],
  [47, "NSEC"],
  [48, "DNSKEY"],
  [49, "DHCID"],
  [50, "NSEC3"],
  [51, "NSEC3PARAM"],
  [52, "TLSA"],
  [53, "SMIMEA"],
  [55, "HIP"],
  [56, "NINFO"],
  [57, "RKEY"],
  [58, "TALINK"],
  [59, "CDS"],
  [60, "CDNSKEY"],
  [61, "OPENPGPKEY"],
  [62, "CSYNC"],
  [63, "ZONEMD"],
  [64, "SVCB"],
  [65, "HTTPS"],
  [66, "DSYNC"],
  [67, "HHIT"],
  [68, "BRID"],
  [99, "SPF"],
  [104, "NID"],
  [105, "L32"],
  [106, "L64"],
  [107, "LP"],
  [108, "EUI48"],
  [109, "EUI64"],
  [128, "NXNAME"],
  [249, "TKEY"],
  [250, "TSIG"],
  [251, "IXFR"],
  [252, "AXFR"],
  [253, "MAILB"],
  [254, "MAILA"],
  [255, "ANY"],
  [256, "URI"],
  [257, "CAA"],
  [258, "AVC"],
  [259, "DOA"],
  [260, "AMTRELAY"],
  [261, "RESINFO"],
  [262, "WALLET"],
  [263, "CLA"],
  [264, "IPN"],
  [32768, "TA"],
  [32769, "DLV"],
];

const CLASS_NAMES: readonly (readonly [number, string])[] = [
  [1, "IN"],
  [3, "CH"],
  [4, "HS"],
  [254, "NONE"],
  [255, "ANY"],
];

/** Response codes, those of EDNS and TSIG included (IANA "DNS RCODEs"). 16 is BADVERS in an OPT record, BADSIG in TSIG. */
const RCODE_NAMES: readonly (readonly [number, string])[] = [
  [0, "NOERROR"],
  [1, "FORMERR"],
  [2, "SERVFAIL"],
  [3, "NXDOMAIN"],
  [4, "NOTIMP"],
  [5, "REFUSED"],
  [6, "YXDOMAIN"],
  [7, "YXRRSET"],
  [8, "NXRRSET"],
  [9, "NOTAUTH"],
  [10, "NOTZONE"],
  [11, "DSOTYPENI"],
  [16, "BADVERS"],
  [17, "BADKEY"],
  [18, "BADTIME"],
  [19, "BADMODE"],
  [20, "BADNAME"],
  [21, "BADALG"],
  [22, "BADTRUNC"],
  [23, "BADCOOKIE"],
];

const OPCODE_NAMES: readonly (readonly [number, string])[] = [
  [0, "QUERY"],
  [1, "IQUERY"],
  [2, "STATUS"],
  [4, "NOTIFY"],
  [5, "UPDATE"],
  [6, "DSO"],
];

const typeNames = new Map(TYPE_NAMES);
const typeNumbers = new Map(TYPE_NAMES.map(([type, name]) => [name, type]));
const classNames = new Map(CLASS_NAMES);
const classNumbers = new Map(CLASS_NAMES.map(([rrclass, name]) => [name, rrclass]));
const rcodeNames = new Map(RCODE_NAMES);
const rcodeNumbers = new Map(RCODE_NAMES.map(([rcode, name]) => [name, rcode]));
const opcodeNames = new Map(OPCODE_NAMES);
const opcodeNumbers = new Map(OPCODE_NAMES.map(([opcode, name]) => [name, opcode]));

/** `AAAA`, or `TYPE65280` where the type has no name (RFC 3597 section 5). */
export function formatType(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

/** `IN`, or `CLASS32`. */
export function formatClass(rrclass: number): string {
  return classNames.get(rrclass) ?? `CLASS${rrclass}`;
}

/** `NXDOMAIN`, or `RCODE12`. */
export function formatRcode(rcode: number): string {
  return rcodeNames.get(rcode) ?? `RCODE${rcode}`;
}

/** `NOTIFY`, or `OPCODE3`. */
export function formatOpcode(opcode: number): string {
  return opcodeNames.get(opcode) ?? `OPCODE${opcode}`;
}

/** Type by name, in any case, or as TYPEnnn; -1 when it is neither. */
export function parseType(text: string): number {
  return parseMnemonic(text, typeNumbers, "TYPE", 0xffff);
}

/** Class by name or as CLASSnnn; -1 when it is neither. */
export function parseClass(text: string): number {
  return parseMnemonic(text, classNumbers, "CLASS", 0xffff);
}

/** Response code by name or as RCODEnnn; -1 when it is neither. */
export function parseRcode(text: string): number {
  return parseMnemonic(text, rcodeNumbers, "RCODE", 0xfff);
}

/** Opcode by name or as OPCODEnn; -1 when it is neither. */
export function parseOpcode(text: string): number {
  return parseMnemonic(text, opcodeNumbers, "OPCODE", 15);
}

function parseMnemonic(text: string, numbers: Map<string, number>, prefix: string, max: number): number {
  const upper = text.toUpperCase();
  const known = numbers.get(upper);
  if (known !== undefined) return known;
  if (!upper.startsWith(prefix)) return -1;
  const digits = upper.slice(prefix.length);
  if (!/^\d{1,5}$/.test(digits)) return -1;
  return Number(digits) > max ? -1 : Number(digits);
}

/** Names of all types that have one: for suggestions. */
export function knownTypeNames(): string[] {
  return [...typeNumbers.keys()];
}

/** Types that stand in questions and messages only, never in a zone (RFC 6895 section 3.1): 0, OPT, 128 to 255. */
export function isMetaType(type: number): boolean {
  return type === 0 || type === TYPE_OPT || (type >= 128 && type <= 255);
}

/** 512 slots for some 100 names: most are found at once. */
const SLOT_BITS = 9;
const slots: ({ name: string; type: number } | undefined)[] = makeSlots();

function hashOctet(hash: number, octet: number): number {
  return Math.imul(hash, 31) + (octet & 0xdf);
}

function makeSlots(): ({ name: string; type: number } | undefined)[] {
  const table = new Array<{ name: string; type: number } | undefined>(1 << SLOT_BITS).fill(undefined);
  for (const [type, name] of TYPE_NAMES) {
    let hash = 0;
    for (let i = 0; i < name.length; i++) hash = hashOctet(hash, name.charCodeAt(i));
    let slot = hash & (table.length - 1);
    while (table[slot] !== undefined) slot = (slot + 1) & (table.length - 1);
    table[slot] = { name, type };
  }
  return table;
}

/** parseType on octets of a file, without a string: one hash and one comparison for a name. */
export function typeFromOctets(octets: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let i = start; i < end; i++) hash = hashOctet(hash, octets[i]!);
  for (let slot = hash & (slots.length - 1); ; slot = (slot + 1) & (slots.length - 1)) {
    const known = slots[slot];
    if (known === undefined) break;
    if (isWord(octets, start, end, known.name)) return known.type;
  }
  return numbered(octets, start, end, "TYPE");
}

/** parseClass on octets of a file. */
export function classFromOctets(octets: Uint8Array, start: number, end: number): number {
  if (end - start > 4) return numbered(octets, start, end, "CLASS");
  for (const [rrclass, name] of CLASS_NAMES) if (isWord(octets, start, end, name)) return rrclass;
  return -1;
}

function numbered(octets: Uint8Array, start: number, end: number, prefix: string): number {
  const digitsAt = start + prefix.length;
  if (end > digitsAt + 5 || !isWord(octets, start, Math.min(digitsAt, end), prefix)) return -1;
  return Math.max(-1, readNumber(octets, digitsAt, end, 0xffff));
}
