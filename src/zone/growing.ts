import { allocateBlock, allocateSharedBlock } from "../wire/block.ts";

/** Typed arrays that grow while a snapshot is built, and go into shared memory at their final size. */

export interface GrowingWords {
  words: Int32Array;
  length: number;
}

export interface GrowingOctets {
  octets: Uint8Array;
  length: number;
}

export function growingWords(capacity: number): GrowingWords {
  return { words: zeroWords(capacity), length: 0 };
}

export function growingOctets(capacity: number): GrowingOctets {
  return { octets: zeroOctets(capacity), length: 0 };
}

/** Zeroes, for this thread only. */
export function zeroWords(length: number): Int32Array {
  return new Int32Array(allocateBlock(length * 4), 0, length);
}

function zeroOctets(length: number): Uint8Array {
  return new Uint8Array(allocateBlock(length), 0, length);
}

/** Zeroes in shared memory. */
export function sharedWords(length: number): Int32Array {
  return new Int32Array(allocateSharedBlock(length * 4), 0, length);
}

/** Makes room for `count` more words; new words are zero. */
export function reserveWords(target: GrowingWords, count: number): void {
  if (target.length + count <= target.words.length) return;
  const grown = zeroWords(Math.max(target.length + count, target.words.length * 2));
  grown.set(target.words.subarray(0, target.length));
  target.words = grown;
}

/** Appends octets and returns the offset at which they stand. */
export function appendOctets(
  target: GrowingOctets,
  source: Uint8Array,
  offset: number,
  length: number,
): number {
  reserveOctets(target, length);
  const at = target.length;
  for (let i = 0; i < length; i++) target.octets[at + i] = source[offset + i]!;
  target.length += length;
  return at;
}

/** Makes room for `count` more octets. */
export function reserveOctets(target: GrowingOctets, count: number): void {
  if (target.length + count <= target.octets.length) return;
  const grown = zeroOctets(Math.max(target.length + count, target.octets.length * 2));
  grown.set(target.octets.subarray(0, target.length));
  target.octets = grown;
}

/** Copy in shared memory, of the words in use and no more. */
export function shareWords(source: Int32Array, length = source.length): Int32Array {
  const shared = sharedWords(length);
  shared.set(source.subarray(0, length));
  return shared;
}
