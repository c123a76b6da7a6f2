import { MAX_LABELS, MAX_NAME_OCTETS } from "./constants.ts";
import { viewOf } from "./octets.ts";

/** Names are written four octets at a time: the first word of the shortest one reaches three octets behind it. */
const WORD_SLACK = 5;

/** A name taken apart: one reused struct wherever a name is looked up. */
export interface Name {
  /** Wire form in lower case (RFC 4343), uncompressed. */
  lower: Uint8Array;
  /** The same octets, four at a time. */
  view: DataView;
  /** Octets in use, with the root's. */
  length: number;
  /** Labels without the root; label i (0 is the leftmost) starts at labelOffsets[i], the root at [labelCount]. */
  labelCount: number;
  labelOffsets: Uint8Array;
  /** hashes[0]: hash of the name. The others are there once `hasSuffixes` says so: ask suffixHash. */
  hashes: Int32Array;
  /** 1 when hashes[i] is the hash of the suffix that starts at label i; [labelCount] is the root's. */
  hasSuffixes: number;
}

export function createName(): Name {
  const lower = new Uint8Array(MAX_NAME_OCTETS + WORD_SLACK);
  return {
    lower,
    view: viewOf(lower),
    length: 0,
    labelCount: 0,
    labelOffsets: new Uint8Array(MAX_LABELS),
    hashes: new Int32Array(MAX_LABELS),
    hasSuffixes: 0,
  };
}

/** ASCII lower case per octet; length octets of labels (0 to 63) map to themselves. */
export const LOWER: Uint8Array = makeLower();

function makeLower(): Uint8Array {
  const table = new Uint8Array(256);
  for (let octet = 0; octet < 256; octet++)
    table[octet] = octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet;
  return table;
}

/** What hashes start from: any odd number; this is FNV's offset basis. */
export const HASH_START = 0x811c9dc5 | 0;

/**
 * Lower case of four octets at once (RFC 4343 section 3). Bit 7 of each octet of `fromA` says whether its lower seven bits
 * are at least those of "A", in `behindZ` whether they are beyond "Z"; no sum carries into the next octet.
 */
export function lowerWord(word: number): number {
  const sevenBits = word & 0x7f7f7f7f;
  const fromA = sevenBits + 0x3f3f3f3f;
  const behindZ = sevenBits + 0x25252525;
  return word | (((fromA ^ behindZ) & ~word & 0x80808080) >>> 2);
}

/**
 * Mixes four octets of a name, in lower case, into its hash: names are taken from their end, so that those of all suffixes
 * are found on the way, and the first word has zeros for the octets that are none of the name's. This is a round of
 * MurmurHash3_x86_32 (Appleby, public domain) with one of its two multiplications of the word, which is enough to keep
 * names apart that count in single digits, as reverse zones do.
 */
export function mixOctets(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  const mixed = hash ^ ((scrambled << 15) | (scrambled >>> 17));
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

/** The first `count` octets of a little-endian word, 1 to 3. */
export function leadingOctets(word: number, count: number): number {
  return word & ((1 << (count * 8)) - 1);
}

/** Hash of the suffix of a name that starts at `label`. Most queries are answered without any but the whole name's. */
export function suffixHash(name: Name, label: number): number {
  if (label !== 0 && name.hasSuffixes === 0) hashSuffixes(name);
  return name.hashes[label]!;
}

function hashSuffixes(name: Name): void {
  const { hashes, labelCount, labelOffsets, view } = name;
  let hash = HASH_START;
  let from = name.length;
  for (let label = labelCount; label > 0; label--) {
    const start = labelOffsets[label]!;
    for (; from - 4 >= start; from -= 4) hash = mixOctets(hash, view.getInt32(from - 4, true));
    const rest = from - start;
    hashes[label] = rest === 0 ? hash : mixOctets(hash, leadingOctets(view.getInt32(start, true), rest));
  }
  name.hasSuffixes = 1;
}

/** Takes an uncompressed name apart that is known to be valid: from a snapshot, or put together by us. */
export function setName(name: Name, octets: Uint8Array, offset: number): void {
  const { lower, view, labelOffsets } = name;
  let end = 0;
  let labels = 0;
  for (let size = octets[offset]!; size !== 0; size = octets[offset + end]!) {
    labelOffsets[labels++] = end;
    end += size + 1;
  }
  labelOffsets[labels] = end;
  name.length = end + 1;
  name.labelCount = labels;
  name.hasSuffixes = 0;
  let hash = HASH_START;
  let at = end - 3;
  for (; at >= 0; at -= 4) {
    const i = offset + at;
    const word = octets[i]! | (octets[i + 1]! << 8) | (octets[i + 2]! << 16) | (octets[i + 3]! << 24);
    const lowered = lowerWord(word);
    view.setInt32(at, lowered, true);
    hash = mixOctets(hash, lowered);
  }
  let first = 0;
  for (let i = 0; i < at + 4; i++) {
    const octet = LOWER[octets[offset + i]!]!;
    lower[i] = octet;
    first |= octet << (8 * i);
  }
  name.hashes[0] = at > -4 ? mixOctets(hash, first) : hash;
}

/** Octets of the uncompressed, valid name at `offset`, with the root's. */
export function nameLength(octets: Uint8Array, offset: number): number {
  let at = offset;
  while (octets[at] !== 0) at += octets[at]! + 1;
  return at - offset + 1;
}
