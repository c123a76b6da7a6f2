import type { Client } from "./client.ts";

export const TWO_32 = 0x1_0000_0000;
const TWO_53 = 0x20_0000_0000_0000;

/** Next state of the free dice, all 32 bits, never 0 (Marsaglia, "Xorshift RNGs", 2003). */
export function nextDie(dice: Int32Array): number {
  let x = dice[0]!;
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  dice[0] = x;
  return x;
}

/** A free die from 0 to `count` - 1. Above 65,536 sides 53 bits are thrown, so that no side is favoured visibly. */
export function rollBelow(dice: Int32Array, count: number): number {
  const high = nextDie(dice);
  if (count <= 65_536) return scaleWord(high, count);
  const low = nextDie(dice) >>> 11;
  return Math.floor((((high >>> 0) * 0x20_0000 + low) / TWO_53) * count);
}

/** Maps 32 bits to 0..`count` - 1 evenly, that is floor(word * count / 2^32), in integers; `count` is at most 65,536. */
function scaleWord(word: number, count: number): number {
  return (Math.imul(word >>> 16, count) + (Math.imul(word & 0xffff, count) >>> 16)) >>> 16;
}

/**
 * Dice between nodes: the owner name, the resolver and the whole second, so that A and AAAA asked together agree, and
 * the node's seed, so that nested nodes throw independently. `attempt` counts the draws of one node. All 32 bits.
 */
export function nodeHash(
  ownerHash: number,
  client: Client,
  second: number,
  seed: number,
  attempt: number,
): number {
  const address = client.resolverAddress;
  const octets = client.resolverFamily === 4 ? 4 : 16;
  let hash = mixWord(ownerHash, second);
  for (let i = 0; i < octets; i += 4) {
    const word = (address[i]! << 24) | (address[i + 1]! << 16) | (address[i + 2]! << 8) | address[i + 3]!;
    hash = mixWord(hash, word);
  }
  return finishHash(mixWord(mixWord(hash, seed), attempt));
}

/** Maps a 32-bit hash to 0..`count` - 1 evenly. */
export function scaleHash(hash: number, count: number): number {
  if (count <= 65_536) return scaleWord(hash, count);
  return Math.floor(((hash >>> 0) * count) / TWO_32);
}

/** One round of MurmurHash3_x86_32 (Appleby, public domain): mixes a 32-bit word into a hash. */
export function mixWord(hash: number, word: number): number {
  return mixScrambled(hash, scrambleWord(word));
}

/** The part of mixWord that looks at the word alone. */
export function scrambleWord(word: number): number {
  const k = Math.imul(word, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
}

/** The rest of it. */
export function mixScrambled(hash: number, scrambled: number): number {
  let h = hash ^ scrambled;
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

/** The final avalanche of MurmurHash3_x86_32: every input bit reaches every output bit. */
export function finishHash(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Mixes a text into a hash. The length comes first, so that "ab" and "c" differ from "a" and "bc". */
export function mixText(hash: number, text: string): number {
  let mixed = mixWord(hash, text.length);
  for (let i = 0; i < text.length; i++) mixed = mixWord(mixed, text.charCodeAt(i));
  return mixed;
}
