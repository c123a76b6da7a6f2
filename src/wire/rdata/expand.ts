import { MAX_NAME_OCTETS } from "../constants.ts";
import { MAX_RDATA_OCTETS } from "./reader.ts";

/**
 * RDATA as it arrives in a message, with its names uncompressed. A receiver has to expand the names of RFC 1035's types
 * and of some later ones (RFC 3597 section 4): octets in front of the first name, and number of names.
 */
const LAYOUTS: ReadonlyMap<number, { prefix: number; names: number }> = new Map([
  ...[2, 3, 4, 5, 7, 8, 9, 12].map((type) => [type, { prefix: 0, names: 1 }] as const),
  ...[6, 14, 17].map((type) => [type, { prefix: 0, names: 2 }] as const),
  ...[15, 18, 21].map((type) => [type, { prefix: 2, names: 1 }] as const),
  [26, { prefix: 2, names: 2 }],
  [33, { prefix: 6, names: 1 }],
]);

/**
 * RDATA of `rdlength` octets at `offset` in a message of `length` octets, uncompressed, in octets of its own; undefined
 * when it is cut, or a pointer does not point strictly backward (RFC 9267 section 2).
 */
export function expandRdata(
  message: Uint8Array,
  length: number,
  type: number,
  offset: number,
  rdlength: number,
): Uint8Array | undefined {
  const end = offset + rdlength;
  if (end > length) return undefined;
  const layout = LAYOUTS.get(type);
  if (layout === undefined) return message.slice(offset, end);
  if (layout.prefix > rdlength) return undefined;
  const out: number[] = Array.from(message.subarray(offset, offset + layout.prefix));
  let at = offset + layout.prefix;
  for (let i = 0; i < layout.names; i++) {
    const next = expandName(message, at, end, out);
    if (next < 0) return undefined;
    at = next;
  }
  for (; at < end; at++) out.push(message[at]!);
  return out.length > MAX_RDATA_OCTETS ? undefined : Uint8Array.from(out);
}

/**
 * Appends the name at `at`, uncompressed, to `out`. Returns where the name ends in place, which is not beyond `end`;
 * -1 when it is cut, too long, has an unknown label type, or a pointer that does not point strictly backward.
 */
export function expandName(message: Uint8Array, at: number, end: number, out: number[]): number {
  const first = out.length;
  let after = -1;
  let limit = end;
  let pieceAt = at;
  let from = at;
  while (from < limit) {
    const octet = message[from]!;
    if (octet === 0) {
      out.push(0);
      return after < 0 ? from + 1 : after;
    }
    if (octet >= 0xc0) {
      if (from + 1 >= limit) return -1;
      const target = ((octet & 0x3f) << 8) | message[from + 1]!;
      if (after < 0) after = from + 2;
      if (target >= pieceAt) return -1;
      limit = pieceAt;
      pieceAt = target;
      from = target;
    } else {
      if (octet > 63 || from + octet >= limit || out.length - first + octet + 2 > MAX_NAME_OCTETS) return -1;
      for (const labelEnd = from + octet; from <= labelEnd; from++) out.push(message[from]!);
    }
  }
  return -1;
}
