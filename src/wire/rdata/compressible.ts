/**
 * Names in RDATA that a response may compress: only those of RFC 1035's own types (RFC 3597 section 4). Everything else,
 * SRV and DNAME included, goes out as it is.
 */

/** Types up to 16 can have compressible names; both tables end there. */
export const COMPRESSIBLE_TYPES = 16;

/** By type: octets of RDATA in front of the first name, or -1 where nothing is compressed. */
export const NAME_PREFIX: Int8Array = new Int8Array(COMPRESSIBLE_TYPES).fill(-1);

/** By type: how many names follow one another there. What comes after them is copied. */
export const NAME_COUNT: Uint8Array = new Uint8Array(COMPRESSIBLE_TYPES);

/** Type, octets in front, names: MX has its preference in front, SOA and MINFO have two names. */
for (const [type, prefix, names] of [
  [2, 0, 1],
  [3, 0, 1],
  [4, 0, 1],
  [5, 0, 1],
  [6, 0, 2],
  [7, 0, 1],
  [8, 0, 1],
  [9, 0, 1],
  [12, 0, 1],
  [14, 0, 2],
  [15, 2, 1],
] as const) {
  NAME_PREFIX[type] = prefix;
  NAME_COUNT[type] = names;
}
