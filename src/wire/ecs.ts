import { FAMILY_IPV4, FAMILY_IPV6 } from "./constants.ts";
import type { Query } from "./query.ts";

/** FAMILY, SOURCE PREFIX-LENGTH, SCOPE PREFIX-LENGTH (RFC 7871 section 6). */
const FIXED_OCTETS = 4;

/**
 * Reads a client subnet option (RFC 7871 sections 6 and 7.1.2) of `size` octets at `at` into `query`.
 *
 * @returns false when it must be answered with FORMERR: too short, a second one, an unknown family, SOURCE beyond the
 *   family's bits, SCOPE not zero, an ADDRESS of another length than SOURCE asks for, or bits set behind SOURCE.
 */
export function parseClientSubnet(packet: DataView, at: number, size: number, query: Query): boolean {
  if (size < FIXED_OCTETS || query.hasEcs === 1) return false;
  const fixed = packet.getInt32(at);
  const family = fixed >>> 16;
  const sourceBits = (fixed >>> 8) & 0xff;
  const octets = size - FIXED_OCTETS;
  if ((fixed & 0xff) !== 0 || octets !== (sourceBits + 7) >>> 3) return false;
  if (!familyHolds(family, sourceBits)) return false;

  const view = query.ecsView;
  for (let i = 0; i < 16; i += 4) view.setInt32(i, addressWord(packet, at + FIXED_OCTETS, octets, i));
  const spareBits = octets * 8 - sourceBits;
  if (octets > 0 && (packet.getUint8(at + size - 1) & ((1 << spareBits) - 1)) !== 0) return false;
  query.hasEcs = 1;
  query.ecsFamily = family;
  query.ecsSourceBits = sourceBits;
  return true;
}

/** Four octets from `i` on of the `octets` at `at`, followed by zeros. */
function addressWord(packet: DataView, at: number, octets: number, i: number): number {
  switch (octets - i) {
    case 3:
      return (packet.getUint16(at + i) << 16) | (packet.getUint8(at + i + 2) << 8);
    case 2:
      return packet.getUint16(at + i) << 16;
    case 1:
      return packet.getUint8(at + i) << 24;
    default:
      return i < octets ? packet.getInt32(at + i) : 0;
  }
}

/** Family 0 with no address at all is sent by some clients to opt out; it does no harm (RFC 7871 section 7.1.2). */
function familyHolds(family: number, sourceBits: number): boolean {
  switch (family) {
    case FAMILY_IPV4:
      return sourceBits <= 32;
    case FAMILY_IPV6:
      return sourceBits <= 128;
    default:
      return family === 0 && sourceBits === 0;
  }
}
