import { typeName } from "./packet.ts";

/**
 * A second, slow reading of DNS messages for comparing servers: names and RDATA become canonical text. It shares no
 * code with src/wire, so that a mistake there is not repeated here.
 */
export interface Message {
  id: number;
  flags: number;
  opcode: number;
  /** With the upper bits of the OPT record, where there is one. */
  rcode: number;
  aa: boolean;
  tc: boolean;
  rd: boolean;
  ra: boolean;
  /** Question name as sent, not folded. */
  qname: string | null;
  qtype: number;
  qclass: number;
  answer: ResourceRecord[];
  authority: ResourceRecord[];
  /** Without OPT. */
  additional: ResourceRecord[];
  opt: Opt | null;
  /** Octets after the last record. */
  trailing: number;
}

export interface ResourceRecord {
  /** As sent. */
  owner: string;
  type: number;
  class: number;
  ttl: number;
  /** Canonical: names in lower case and uncompressed, the rest as hexadecimal. */
  rdata: string;
  rdataOctets: Uint8Array;
}

export interface Opt {
  udpSize: number;
  version: number;
  flags: number;
  options: { code: number; data: Uint8Array }[];
}

interface Name {
  text: string;
  end: number;
}

/** Presentation form; throws on anything RFC 1035 section 4.1.4 does not allow, forward pointers included. */
function readName(octets: Uint8Array, start: number): Name {
  let text = "";
  let end = -1;
  let at = start;
  let limit = start;
  let length = 0;
  for (;;) {
    const size = octets[at];
    if (size === undefined) throw new Error(`name at ${start} runs out of the packet`);
    if (size >= 0xc0) {
      const low = octets[at + 1];
      if (low === undefined) throw new Error(`pointer at ${at} is cut`);
      if (end < 0) end = at + 2;
      const target = ((size & 0x3f) << 8) | low;
      if (target >= limit) throw new Error(`pointer at ${at} to ${target} does not point backward`);
      limit = target;
      at = target;
      continue;
    }
    if (size > 63) throw new Error(`label type 0x${size.toString(16)} at ${at}`);
    length += size + 1;
    if (length > 255) throw new Error(`name at ${start} is longer than 255 octets`);
    if (size === 0) return { text: text === "" ? "." : text, end: end < 0 ? at + 1 : end };
    if (at + 1 + size > octets.length) throw new Error(`label at ${at} runs out of the packet`);
    for (let index = at + 1; index <= at + size; index++) text += escapeOctet(octets[index]!);
    text += ".";
    at += 1 + size;
  }
}

function escapeOctet(octet: number): string {
  const character = String.fromCharCode(octet);
  if (/[A-Za-z0-9_*/-]/.test(character)) return character;
  return octet > 32 && octet < 127 ? `\\${character}` : `\\${String(octet).padStart(3, "0")}`;
}

/** Number of octets in front of the names of an RDATA, and the number of names, for types whose names may be compressed. */
const NAMES_IN_RDATA = new Map([
  [2, [0, 1]],
  [5, [0, 1]],
  [6, [0, 2]],
  [12, [0, 1]],
  [15, [2, 1]],
  [33, [6, 1]],
  [39, [0, 1]],
]);

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

function readRdata(octets: Uint8Array, start: number, end: number, type: number): string {
  const shape = NAMES_IN_RDATA.get(type);
  if (shape === undefined) return hex(octets.subarray(start, end));
  let at = start + shape[0]!;
  const parts = at > start ? [hex(octets.subarray(start, at))] : [];
  for (let index = 0; index < shape[1]!; index++) {
    const name = readName(octets, at);
    parts.push(name.text.toLowerCase());
    at = name.end;
  }
  if (at > end) throw new Error(`RDATA at ${start} is shorter than its name`);
  if (at < end) parts.push(hex(octets.subarray(at, end)));
  return parts.join(" ");
}

/** Reads a whole message; throws when it is not well formed. */
export function readMessage(packet: Uint8Array): Message {
  if (packet.length < 12) throw new Error(`message of ${packet.length} octets`);
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const flags = view.getUint16(2);
  const message: Message = {
    id: view.getUint16(0),
    flags,
    opcode: (flags >> 11) & 15,
    rcode: flags & 15,
    aa: (flags & 0x400) !== 0,
    tc: (flags & 0x200) !== 0,
    rd: (flags & 0x100) !== 0,
    ra: (flags & 0x80) !== 0,
    qname: null,
    qtype: 0,
    qclass: 0,
    answer: [],
    authority: [],
    additional: [],
    opt: null,
    trailing: 0,
  };
  let at = 12;
  for (let index = 0; index < view.getUint16(4); index++) {
    const name = readName(packet, at);
    message.qname = name.text;
    message.qtype = view.getUint16(name.end);
    message.qclass = view.getUint16(name.end + 2);
    at = name.end + 4;
  }
  const sections = [message.answer, message.authority, message.additional];
  for (let section = 0; section < 3; section++) {
    for (let index = 0; index < view.getUint16(6 + 2 * section); index++) {
      at = readRecord(packet, view, at, sections[section]!, message);
    }
  }
  message.trailing = packet.length - at;
  return message;
}

function readRecord(
  packet: Uint8Array,
  view: DataView,
  start: number,
  section: ResourceRecord[],
  message: Message,
): number {
  const owner = readName(packet, start);
  const type = view.getUint16(owner.end);
  const recordClass = view.getUint16(owner.end + 2);
  const ttl = view.getUint32(owner.end + 4);
  const rdata = owner.end + 10;
  const end = rdata + view.getUint16(owner.end + 8);
  if (end > packet.length) throw new Error(`RDATA at ${rdata} runs out of the packet`);
  if (type === 41) {
    if (owner.text !== ".") throw new Error("OPT owner is not the root");
    if (message.opt !== null) throw new Error("two OPT records");
    message.rcode |= (ttl >>> 24) << 4;
    message.opt = {
      udpSize: recordClass,
      version: (ttl >>> 16) & 0xff,
      flags: ttl & 0xffff,
      options: readOptions(packet, view, rdata, end),
    };
  } else {
    section.push({
      owner: owner.text,
      type,
      class: recordClass,
      ttl,
      rdata: readRdata(packet, rdata, end, type),
      rdataOctets: packet.slice(rdata, end),
    });
  }
  return end;
}

function readOptions(packet: Uint8Array, view: DataView, start: number, end: number): Opt["options"] {
  const options: Opt["options"] = [];
  let at = start;
  while (at < end) {
    const length = view.getUint16(at + 2);
    if (at + 4 + length > end) throw new Error(`option at ${at} overruns its record`);
    options.push({ code: view.getUint16(at), data: packet.slice(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return options;
}

const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN"];

export function rcodeName(rcode: number): string {
  return RCODES[rcode] ?? (rcode === 16 ? "BADVERS" : `RCODE${rcode}`);
}

function formatRecord(record: ResourceRecord): string {
  return `${record.owner} ${record.ttl} ${record.class === 1 ? "IN" : `CLASS${record.class}`} ${typeName(record.type)} ${record.rdata}`;
}

/** Text in the manner of dig. */
export function formatMessage(message: Message): string {
  const flags = [message.aa ? "aa" : "", message.tc ? "tc" : ""].filter((flag) => flag !== "").join(" ");
  const lines = [`;; ${rcodeName(message.rcode)} flags: ${flags}`];
  lines.push(`;; QUESTION ${message.qname ?? "-"} ${typeName(message.qtype)}`);
  for (const section of ["answer", "authority", "additional"] as const) {
    if (message[section].length > 0) {
      lines.push(`;; ${section.toUpperCase()}`, ...message[section].map(formatRecord));
    }
  }
  return lines.join("\n");
}
