import { FAMILY_IPV4, FAMILY_IPV6 } from "./constants.ts";
import { copyOctets } from "./octets.ts";
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
  const family = packet.getUint16(at);
  const sourceBits = packet.getUint8(at + 2);
  const octets = size - FIXED_OCTETS;
  if (packet.getUint8(at + 3) !== 0 || octets !== (sourceBits + 7) >>> 3) return false;
  if (!familyHolds(family, sourceBits)) return false;

  const address = query.ecsAddress;
  const view = query.ecsView;
  view.setInt32(0, 0);
  view.setInt32(4, 0);
  view.setInt32(8, 0);
  view.setInt32(12, 0);
  copyOctets(packet, at + FIXED_OCTETS, octets, view, 0);
  const spareBits = octets * 8 - sourceBits;
  if (octets > 0 && (address[octets - 1]! & ((1 << spareBits) - 1)) !== 0) return false;
  query.hasEcs = 1;
  query.ecsFamily = family;
  query.ecsSourceBits = sourceBits;
  return true;
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
