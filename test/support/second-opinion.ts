import { createRequire } from "node:module";

/** What dns-packet, a codec that shares nothing with ours, reads from a message. */
export interface DecodedPacket {
  id: number;
  rcode: string;
  flag_aa: boolean;
  flag_tc: boolean;
  questions: { name: string; type: string; class: string }[];
  answers: DecodedRecord[];
  authorities: DecodedRecord[];
  additionals: DecodedRecord[];
}

export interface DecodedRecord {
  name: string;
  type: string;
  ttl?: number;
  data?: unknown;
  udpPayloadSize?: number;
  ednsVersion?: number;
  extendedRcode?: number;
  options?: DecodedOption[];
}

export interface DecodedOption {
  code: number;
  type?: string;
  family?: number;
  sourcePrefixLength?: number;
  scopePrefixLength?: number;
  ip?: string;
  data?: Uint8Array;
}

interface Codec {
  decode: { (packet: Buffer): DecodedPacket; bytes: number };
}

const require = createRequire(import.meta.url);
const dnsPacket = require("dns-packet") as Codec;

/** Decodes a message with dns-packet; throws when that finds it malformed or reads past or short of its end. */
export function decodePacket(packet: Uint8Array): DecodedPacket {
  const octets = Buffer.from(packet);
  const decoded = dnsPacket.decode(octets);
  if (dnsPacket.decode.bytes !== octets.length) {
    throw new Error(`dns-packet read ${dnsPacket.decode.bytes} of ${octets.length} octets`);
  }
  return decoded;
}
