import {
  CLASS_IN,
  FAMILY_IPV4,
  FAMILY_IPV6,
  MAX_LABEL_OCTETS,
  MAX_NAME_OCTETS,
  OPTION_ECS,
  TYPE_CNAME,
  TYPE_MX,
  TYPE_NS,
  TYPE_OPT,
  TYPE_PTR,
  TYPE_SOA,
  TYPE_SRV,
} from "./constants.ts";

export interface Question {
  id: number;
  /** Wire form. */
  name: Uint8Array;
  type: number;
  /** Client subnet to ask for (RFC 7871). */
  subnet: { family: 4 | 6; octets: Uint8Array; bits: number } | null;
  /** The RD bit; absent: clear, as for servers that only know their own zones. */
  recursion?: boolean;
}

/** UDP payload that we take: what crosses the Internet unfragmented (RFC 9715 section 3.1). */
const UDP_SIZE = 1232;

/** A query as octets: one question, an OPT record. */
export function encodeQuery(question: Question): Uint8Array {
  const option = question.subnet === null ? [] : clientSubnetOption(question.subnet);
  const u16 = (value: number): number[] => [value >> 8, value & 0xff];
  return Uint8Array.from([
    ...u16(question.id),
    ...[question.recursion === true ? 1 : 0, 0, 0, 1, 0, 0, 0, 0, 0, 1],
    ...question.name,
    ...u16(question.type),
    ...u16(CLASS_IN),
    ...[0, ...u16(TYPE_OPT), ...u16(UDP_SIZE), 0, 0, 0, 0, ...u16(option.length), ...option],
  ]);
}

function clientSubnetOption(subnet: NonNullable<Question["subnet"]>): number[] {
  const octets = subnet.octets.subarray(0, (subnet.bits + 7) >> 3);
  const family = subnet.family === 4 ? FAMILY_IPV4 : FAMILY_IPV6;
  return [0, OPTION_ECS, 0, octets.length + 4, 0, family, subnet.bits, 0, ...octets];
}

export interface MessageRecord {
  /** Wire form, uncompressed. */
  owner: Uint8Array;
  type: number;
  class: number;
  ttlSeconds: number;
  /** Names within uncompressed for the types of RFC 1035, as RFC 3597 section 4 allows compression there only. */
  rdata: Uint8Array;
}

export interface Message {
  id: number;
  flags: number;
  /** With the upper bits of the OPT record (RFC 6891 section 6.1.3). */
  rcode: number;
  question: { name: Uint8Array; type: number; class: number } | null;
  answer: MessageRecord[];
  authority: MessageRecord[];
  /** Without the OPT record. */
  additional: MessageRecord[];
  edns: {
    version: number;
    udpSize: number;
    dnssecOk: boolean;
    options: { code: number; data: Uint8Array }[];
  } | null;
}

/** Octets before the first name in RDATA, and the number of names, for the types whose names may arrive compressed. */
const RDATA_NAMES: Record<number, { before: number; names: number }> = {
  [TYPE_NS]: { before: 0, names: 1 },
  [TYPE_CNAME]: { before: 0, names: 1 },
  [TYPE_SOA]: { before: 0, names: 2 },
  [TYPE_PTR]: { before: 0, names: 1 },
  [TYPE_MX]: { before: 2, names: 1 },
  // RFC 3597 section 4 asks receivers to decompress SRV as well.
  [TYPE_SRV]: { before: 6, names: 1 },
};

/**
 * Reads a whole response (RFC 1035 section 4.1).
 *
 * @returns null when the octets are not a message: cut off, or with a pointer that does not point backward.
 */
export function decodeMessage(octets: Uint8Array): Message | null {
  // A plain view: slices of a Buffer would show the memory behind them.
  const plain = new Uint8Array(octets.buffer, octets.byteOffset, octets.length);
  const cursor: Cursor = { octets: plain, at: 0, broken: octets.length < 12 };
  const [id, flags] = [readU16(cursor), readU16(cursor)];
  const counts = [readU16(cursor), readU16(cursor), readU16(cursor), readU16(cursor)];
  const message: Message = {
    id,
    flags,
    rcode: flags & 0xf,
    question: null,
    answer: [],
    authority: [],
    additional: [],
    edns: null,
  };
  for (let i = 0; i < counts[0]! && !cursor.broken; i++) {
    message.question = { name: readName(cursor), type: readU16(cursor), class: readU16(cursor) };
  }
  const sections = [message.answer, message.authority, message.additional];
  sections.forEach((section, i) => {
    for (let left = counts[i + 1]!; left > 0 && !cursor.broken; left--) section.push(readRecord(cursor));
  });
  if (cursor.broken) return null;
  takeOpt(message);
  return message;
}

/** Where reading stands; `broken` once something did not fit, and then all that is read is zeros. */
interface Cursor {
  octets: Uint8Array;
  at: number;
  broken: boolean;
}

function readU16(cursor: Cursor): number {
  const bytes = readOctets(cursor, 2);
  return (bytes[0]! << 8) | bytes[1]!;
}

function readOctets(cursor: Cursor, count: number): Uint8Array {
  const end = cursor.at + count;
  if (cursor.broken || end > cursor.octets.length) {
    cursor.broken = true;
    return new Uint8Array(count);
  }
  const octets = cursor.octets.slice(cursor.at, end);
  cursor.at = end;
  return octets;
}

/** A name with its pointers followed; each must point before the one that led there (RFC 1035 section 4.1.4). */
function readName(cursor: Cursor): Uint8Array {
  const name: number[] = [];
  const { octets } = cursor;
  let at = cursor.at;
  let limit = at;
  let after = -1;
  while (!cursor.broken) {
    const size = octets[at];
    if (size === undefined || (size > MAX_LABEL_OCTETS && size < 0xc0) || name.length > MAX_NAME_OCTETS)
      break;
    if (size >= 0xc0) {
      const target = ((size & 0x3f) << 8) | octets[at + 1]!;
      if (after < 0) after = at + 2;
      if (target >= limit) break;
      at = limit = target;
      continue;
    }
    if (at + size >= octets.length) break;
    name.push(...octets.subarray(at, at + size + 1));
    at += size + 1;
    if (size > 0) continue;
    cursor.at = after < 0 ? at : after;
    return Uint8Array.from(name);
  }
  cursor.broken = true;
  return Uint8Array.of(0);
}

function readRecord(cursor: Cursor): MessageRecord {
  const owner = readName(cursor);
  const [type, recordClass] = [readU16(cursor), readU16(cursor)];
  const ttlSeconds = readU16(cursor) * 0x10000 + readU16(cursor);
  const length = readU16(cursor);
  const end = cursor.at + length;
  const layout = RDATA_NAMES[type];
  let rdata: Uint8Array;
  if (layout === undefined) rdata = readOctets(cursor, length);
  else {
    const parts = [readOctets(cursor, layout.before)];
    for (let i = 0; i < layout.names; i++) parts.push(readName(cursor));
    parts.push(readOctets(cursor, Math.max(0, end - cursor.at)));
    rdata = Uint8Array.from(parts.flatMap((part) => [...part]));
  }
  if (cursor.at !== end) cursor.broken = true;
  return { owner, type, class: recordClass, ttlSeconds, rdata };
}

/** Moves the OPT record out of the additional section (RFC 6891 section 6.1.2). */
function takeOpt(message: Message): void {
  const index = message.additional.findIndex((record) => record.type === TYPE_OPT);
  if (index < 0) return;
  const opt = message.additional.splice(index, 1)[0]!;
  const upper = Math.floor(opt.ttlSeconds / 0x1000000);
  const options: { code: number; data: Uint8Array }[] = [];
  for (let at = 0; at + 4 <= opt.rdata.length; ) {
    const [code, size] = [
      (opt.rdata[at]! << 8) | opt.rdata[at + 1]!,
      (opt.rdata[at + 2]! << 8) | opt.rdata[at + 3]!,
    ];
    options.push({ code, data: opt.rdata.subarray(at + 4, at + 4 + size) });
    at += 4 + size;
  }
  message.rcode |= upper << 4;
  message.edns = {
    version: Math.floor(opt.ttlSeconds / 0x10000) & 0xff,
    udpSize: opt.class,
    dnssecOk: (opt.ttlSeconds & 0x8000) !== 0,
    options,
  };
}
