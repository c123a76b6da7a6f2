import { MAX_LABELS, MAX_NAME_OCTETS } from "./constants.ts";
import { viewOf } from "./octets.ts";

/** Labels are written four octets at a time: the last word may reach three octets behind the name. */
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
  /** hashes[i]: hash of the suffix that starts at label i; [labelCount] is the root's. */
  hashes: Int32Array;
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

/** Hash of the root: any odd number; this is FNV's offset basis. */
const ROOT_HASH = 0x811c9dc5 | 0;

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
 * Mixes four octets of a label, in lower case, into its hash; the hash starts as the label's length. A multiplication
 * carries upwards only: the upper half is folded into the lower before it, or names that count in their last digits share
 * hashes by the thousand.
 */
export function mixLabel(hash: number, word: number): number {
  const mixed = hash ^ word;
  return Math.imul(mixed ^ (mixed >>> 16), 0x9e3779b1);
}

/**
 * Turns the hash of each label, found in hashes[0] to hashes[labelCount - 1], into the hash of the suffix that starts
 * there. From the root leftwards, so that a name and its ancestors share their work.
 */
export function hashSuffixes(name: Name): void {
  const { hashes } = name;
  let hash = ROOT_HASH;
  hashes[name.labelCount] = hash;
  for (let label = name.labelCount - 1; label >= 0; label--) {
    hash ^= hashes[label]!;
    hash = Math.imul(hash ^ (hash >>> 16), 0x2c1b3c6d);
    hashes[label] = hash;
  }
}

/** Takes an uncompressed name apart that is known to be valid: from a snapshot, or put together by us. */
export function setName(name: Name, octets: Uint8Array, offset: number): void {
  const { lower, view, labelOffsets, hashes } = name;
  let at = 0;
  let labels = 0;
  for (let size = octets[offset]!; size !== 0; size = octets[offset + at]!) {
    labelOffsets[labels] = at;
    lower[at++] = size;
    const end = at + size;
    let hash = size;
    for (; at < end; at += 4) {
      let word = octets[offset + at]!;
      if (at + 1 < end) word |= octets[offset + at + 1]! << 8;
      if (at + 2 < end) word |= octets[offset + at + 2]! << 16;
      if (at + 3 < end) word |= octets[offset + at + 3]! << 24;
      word = lowerWord(word);
      view.setInt32(at, word, true);
      hash = mixLabel(hash, word);
    }
    at = end;
    hashes[labels++] = hash;
  }
  labelOffsets[labels] = at;
  lower[at] = 0;
  name.length = at + 1;
  name.labelCount = labels;
  hashSuffixes(name);
}

/** Octets of the uncompressed, valid name at `offset`, with the root's. */
export function nameLength(octets: Uint8Array, offset: number): number {
  let at = offset;
  while (octets[at] !== 0) at += octets[at]! + 1;
  return at - offset + 1;
}
