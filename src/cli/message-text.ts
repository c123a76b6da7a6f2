import { FAMILY_IPV4, OPTION_ECS, OPTION_EDE } from "../wire/constants.ts";
import type { Message, MessageRecord } from "../wire/message.ts";
import { formatName } from "../wire/name-text.ts";
import { formatRdata } from "../wire/rdata/format.ts";
import { formatClass, formatRcode, formatType } from "../wire/registry.ts";
import { formatAddress } from "./arguments.ts";
import { paint, type Terminal } from "./terminal.ts";

/** Names of the header's flag bits, from the left (RFC 1035 section 4.1.1, RFC 4035 section 3). */
const FLAGS: [bit: number, name: string][] = [
  [0x8000, "qr"],
  [0x0400, "aa"],
  [0x0200, "tc"],
  [0x0100, "rd"],
  [0x0080, "ra"],
  [0x0020, "ad"],
  [0x0010, "cd"],
];

/** A record in presentation form: owner, TTL, class, type, RDATA, with single blanks. */
export function recordAsText(record: MessageRecord): string {
  return [
    formatName(record.owner, 0),
    record.ttlSeconds,
    formatClass(record.class),
    formatType(record.type),
    formatRdata(record.type, record.rdata, 0, record.rdata.length),
  ].join(" ");
}

/** A response as dig shows it: header, OPT, question, sections. */
export function messageAsText(message: Message, terminal: Terminal): string[] {
  const rcode = formatRcode(message.rcode);
  const lines = [
    `;; ${paint(terminal, message.rcode === 0 ? "green" : "yellow", rcode)}, id ${message.id}, flags ${flagNames(message).join(" ")}`,
    ...ednsLines(message),
  ];
  if (message.question !== null) {
    lines.push(`;${formatName(message.question.name, 0)} IN ${formatType(message.question.type)}`);
  }
  for (const section of ["answer", "authority", "additional"] as const) {
    if (message[section].length === 0) continue;
    lines.push("", paint(terminal, "dim", `;; ${section}`), ...aligned(message[section].map(recordAsText)));
  }
  return lines;
}

function flagNames(message: Message): string[] {
  return FLAGS.filter(([bit]) => (message.flags & bit) !== 0).map(([, name]) => name);
}

/** Records in columns: owner, TTL, class and type padded to the widest. */
function aligned(lines: string[]): string[] {
  const rows = lines.map((line) => /^(\S+) (\S+) (\S+) (\S+) (.*)$/.exec(line)!.slice(1));
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" "));
}

/** Client subnet of a reply: `193.0.6.0/24`, and the scope that the answer is for (RFC 7871 section 6). */
interface RepliedSubnet {
  address: string;
  sourceBits: number;
  scopeBits: number;
}

/** The client subnet option of a reply; null without one, or when it is malformed. */
export function subnetOf(message: Message): RepliedSubnet | null {
  const data = message.edns?.options.find((option) => option.code === OPTION_ECS)?.data;
  if (data === undefined || data.length < 4) return null;
  const octets = new Uint8Array(data[1] === FAMILY_IPV4 ? 4 : 16);
  if (data.length - 4 > octets.length) return null;
  octets.set(data.subarray(4));
  return { address: formatAddress(octets), sourceBits: data[2]!, scopeBits: data[3]! };
}

/** The extended error of a reply (RFC 8914 section 2): its number and text; null without one. */
function extendedErrorOf(message: Message): { code: number; text: string } | null {
  const data = message.edns?.options.find((option) => option.code === OPTION_EDE)?.data;
  if (data === undefined || data.length < 2) return null;
  return { code: (data[0]! << 8) | data[1]!, text: new TextDecoder().decode(data.subarray(2)) };
}

function ednsLines(message: Message): string[] {
  if (message.edns === null) return [];
  const { version, udpSize, dnssecOk } = message.edns;
  const lines = [`;; EDNS version ${version}, udp ${udpSize}${dnssecOk ? ", do" : ""}`];
  const subnet = subnetOf(message);
  if (subnet !== null) {
    lines.push(`;; client subnet ${subnet.address}/${subnet.sourceBits}, scope /${subnet.scopeBits}`);
  }
  const error = extendedErrorOf(message);
  if (error !== null)
    lines.push(`;; extended error ${error.code}${error.text === "" ? "" : `: ${error.text}`}`);
  return lines;
}

/** The same for machines: what JSON.stringify is given. */
export function messageAsJson(message: Message): Record<string, unknown> {
  const record = (entry: MessageRecord): Record<string, unknown> => ({
    name: formatName(entry.owner, 0),
    type: formatType(entry.type),
    ttl: entry.ttlSeconds,
    data: formatRdata(entry.type, entry.rdata, 0, entry.rdata.length),
  });
  return {
    id: message.id,
    rcode: formatRcode(message.rcode),
    flags: flagNames(message),
    question:
      message.question === null
        ? null
        : { name: formatName(message.question.name, 0), type: formatType(message.question.type) },
    answer: message.answer.map(record),
    authority: message.authority.map(record),
    additional: message.additional.map(record),
    subnet: subnetOf(message),
    extendedError: extendedErrorOf(message),
  };
}
