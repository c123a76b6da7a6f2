import {
  CELL_BITS_MASK,
  CELL_LENGTH_SHIFT,
  CELL_OFFSET_SHIFT,
  CELL_PACKED,
  TABLE_BITS4,
  TABLE_BITS6,
  TABLE_ROOT4,
  TABLE_ROOT6,
  TABLE_WORDS,
  type TableData,
} from "./table.ts";

/** Bits of 2002:v4address::/48 that stand before the IPv4 address (RFC 3056 section 2). */
const BITS_BEFORE_6TO4 = 16;
/** Bits of ::ffff:0:0/96 (RFC 4291 section 2.5.5.2) and 64:ff9b::/96 (RFC 6052 section 2.1). */
const BITS_BEFORE_MAPPED = 96;

/**
 * Looks up one address: two dependent reads for an IPv4 /24 of a large table, six for an IPv6 /56. An IPv6 address that
 * embeds an IPv4 one is looked up as the latter, and its tile is as much longer as the address stands deeper.
 * `address`: octets in network order, 4 or 16 of them read. Returns a leaf: tile length << CELL_LENGTH_SHIFT | class.
 */
export function locate(tables: TableData, table: number, family: number, address: Uint8Array): number {
  const row = table * TABLE_WORDS;
  const words = tables.tables;
  if (family === 4) {
    return descend(tables.cells, words[row + TABLE_ROOT4]!, words[row + TABLE_BITS4]!, address, 0);
  }
  const bits = words[row + TABLE_BITS6]!;
  // A root of no bits says the same for every address there is, embedded ones included.
  if (bits !== 0) {
    const skip = embeddedIpv4Bits(address);
    if (skip !== 0) {
      const leaf = descend(tables.cells, words[row + TABLE_ROOT4]!, words[row + TABLE_BITS4]!, address, skip);
      return leaf + (skip << CELL_LENGTH_SHIFT);
    }
  }
  return descend(tables.cells, words[row + TABLE_ROOT6]!, bits, address, 0);
}

/** `skip`: bits of `address` before its first one that counts, a multiple of 8. */
function descend(
  cells: Int32Array,
  root: number,
  rootBits: number,
  address: Uint8Array,
  skip: number,
): number {
  const first = skip >> 3;
  const top = (address[first]! << 16) | (address[first + 1]! << 8) | address[first + 2]!;
  let cell = cells[root + (top >> (24 - rootBits))]!;
  let depth = skip + rootBits;
  while (cell < 0) {
    const block = ~cell;
    const bits = (block & CELL_BITS_MASK) + 1;
    const slot = (address[depth >> 3]! >> (8 - (depth & 7) - bits)) & ((1 << bits) - 1);
    const offset = block >> CELL_OFFSET_SHIFT;
    cell = (block & CELL_PACKED) === 0 ? cells[offset + slot]! : readPacked(cells, offset, slot);
    depth += bits;
  }
  return cell;
}

/** Counts the runs that begin at or before a slot of a packed block, and reads the last of them. */
function readPacked(cells: Int32Array, offset: number, slot: number): number {
  const header = cells[offset + (slot >> 4)]!;
  let marks = header & (0xffff >> (15 - (slot & 15)));
  marks -= (marks >> 1) & 0x5555;
  marks = (marks & 0x3333) + ((marks >> 2) & 0x3333);
  marks = (marks + (marks >> 4)) & 0x0f0f;
  return cells[offset + (header >>> 16) + ((marks + (marks >> 8)) & 31)]!;
}

/** Number of bits before the IPv4 address that an IPv6 address embeds (IPv4-mapped, NAT64, 6to4); 0: it embeds none. */
export function embeddedIpv4Bits(address: Uint8Array): number {
  if (address[0] === 0x20 && address[1] === 0x02) return BITS_BEFORE_6TO4;
  if (address[0] !== 0) return 0;
  for (let at = 4; at < 10; at++) if (address[at] !== 0) return 0;
  const head = (address[1]! << 16) | (address[2]! << 8) | address[3]!;
  const tail = (address[10]! << 8) | address[11]!;
  return (head === 0 && tail === 0xffff) || (head === 0x64ff9b && tail === 0) ? BITS_BEFORE_MAPPED : 0;
}
