import { embeddedIpv4Bits, locate } from "../geo/prefix-index.ts";
import { CELL_CLASS_MASK, CELL_LENGTH_SHIFT, CLASS_SPECIAL } from "../geo/table.ts";
import type { DecideContext } from "./context.ts";
import { RECORD_STICKY_IPV4, RECORD_STICKY_IPV6, RECORD_STICKY_TABLE, RECORD_WORDS } from "./data.ts";
import { mixWord } from "./dice.ts";
import { ORIGIN_CLIENT, ORIGIN_RESOLVER } from "./trace.ts";

/**
 * Finds what hashes read of the client, its sticky prefix, and leaves it in `context`. Returns the tile in which
 * everybody has the same: the sticky prefix, or what the special-purpose blocks leave of it; in such a block all of it,
 * since the resolver's prefix is hashed there. 0: the record's tree cannot reach a hash.
 *
 * Tiles never overlap: those of the table are a partition, and the longer of two prefixes that share an address lies
 * within the other.
 */
export function locateSticky(context: DecideContext, record: number, heedsEcs: boolean): number {
  const { client, policy, tables } = context;
  const at = record * RECORD_WORDS;
  const table = policy.records[at + RECORD_STICKY_TABLE]!;
  context.hashBits = 0;
  context.slicesByHash = 0;
  if (table < 0) return 0;
  let family = heedsEcs ? client.family : client.resolverFamily;
  let address = heedsEcs ? client.address : client.resolverAddress;
  const leaf = locate(tables, table, family, address);
  let tileBits = leaf >>> CELL_LENGTH_SHIFT;
  const useResolver = heedsEcs && (leaf & CELL_CLASS_MASK) === CLASS_SPECIAL;
  if (useResolver) {
    family = client.resolverFamily;
    address = client.resolverAddress;
  }
  const skip = family === 4 ? 0 : embeddedIpv4Bits(address);
  const isIpv4 = family === 4 || skip > 0;
  const bits = policy.records[at + (isIpv4 ? RECORD_STICKY_IPV4 : RECORD_STICKY_IPV6)]!;
  context.hashKey = isIpv4 ? prefixKey(address, skip >> 3, 1, bits, 4) : prefixKey(address, 0, 4, bits, 6);
  context.hashBits = skip + bits;
  context.hashFamily = family;
  context.hashAddress = address;
  if (!useResolver && skip + bits > tileBits) tileBits = skip + bits;
  context.hashTileBits = tileBits;
  context.slicesByHash = heedsEcs ? 1 : 0;
  context.hashOrigin = useResolver ? ORIGIN_RESOLVER : ORIGIN_CLIENT;
  return tileBits;
}

/** A hash of the first `bits` bits of `words` words of an address; an IPv4 address has the same wherever it stands. */
function prefixKey(address: Uint8Array, first: number, words: number, bits: number, seed: number): number {
  let hash = seed;
  for (let word = 0; word < words; word++) {
    const i = first + 4 * word;
    const octets = (address[i]! << 24) | (address[i + 1]! << 16) | (address[i + 2]! << 8) | address[i + 3]!;
    const kept = bits - 32 * word;
    hash = mixWord(hash, kept >= 32 ? octets : kept <= 0 ? 0 : octets & (-1 << (32 - kept)));
  }
  return hash;
}
