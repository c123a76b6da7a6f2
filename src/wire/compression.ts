import { createName, LOWER, type Name, setName, suffixHash } from "./name.ts";
import { HEADER_OCTETS } from "./query.ts";

/**
 * The names that a message already holds, for compression (RFC 1035 section 4.1.4). One a worker; reset by every
 * message, and filled only once a name other than QNAME is written.
 */
export interface Compression {
  hashes: Int32Array;
  /** Offsets in the message. */
  offsets: Int32Array;
  /** Entries in use, or UNSEEDED. */
  count: number;
  qname: Name;
  /** The name being written. */
  current: Name;
  /** The name that was written last, by where it came from, and its offset in the message; -1: none. */
  lastOctets: Uint8Array;
  lastOffset: number;
  lastAt: number;
}

/**
 * Suffixes remembered. The search is linear: beyond some dozens, longer replies gain little and cost would grow with the
 * square.
 */
const MAX_ENTRIES = 192;
const UNSEEDED = -1;
/** A pointer has 14 bits behind two that say so. */
const MAX_POINTER = 0x3fff;
const POINTER = 0xc000;

export function createCompression(): Compression {
  return {
    hashes: new Int32Array(MAX_ENTRIES),
    offsets: new Int32Array(MAX_ENTRIES),
    count: UNSEEDED,
    qname: createName(),
    current: createName(),
    lastOctets: new Uint8Array(0),
    lastOffset: 0,
    lastAt: -1,
  };
}

/** Begins a message whose only name so far is QNAME, behind the header; `withQuestion` is 0 when there is none. */
export function resetCompression(compression: Compression, qname: Name, withQuestion: number): void {
  // Storing what is there already would cost the collector's barrier.
  if (compression.qname !== qname) compression.qname = qname;
  compression.count = withQuestion === 1 ? UNSEEDED : 0;
  compression.lastAt = -1;
}

/** Forgets the names that were written since there were `count` of them: they have been taken back. */
export function rewindCompression(compression: Compression, count: number): void {
  compression.count = count;
  compression.lastAt = -1;
}

function seed(compression: Compression): void {
  const { qname } = compression;
  compression.count = 0;
  for (let label = 0; label < qname.labelCount; label++) {
    remember(compression, suffixHash(qname, label), HEADER_OCTETS + qname.labelOffsets[label]!);
  }
}

function remember(compression: Compression, hash: number, offset: number): void {
  if (compression.count >= MAX_ENTRIES || offset > MAX_POINTER) return;
  compression.hashes[compression.count] = hash;
  compression.offsets[compression.count] = offset;
  compression.count++;
}

/**
 * Writes the valid, uncompressed name at `offset` of `octets` into the message `out` at `at`, its longest known suffix
 * as a pointer. The message needs room for the whole name. An alias's target is the next RRset's owner, so that the same
 * name often comes twice in turn.
 *
 * @returns the offset behind it.
 */
export function writeName(
  compression: Compression,
  octets: Uint8Array,
  offset: number,
  out: DataView,
  at: number,
): number {
  if (compression.lastAt >= 0 && compression.lastOffset === offset && compression.lastOctets === octets) {
    out.setUint16(at, POINTER | compression.lastAt);
    return at + 2;
  }
  if (compression.count === UNSEEDED) seed(compression);
  const name = compression.current;
  setName(name, octets, offset);
  const known = compression.count;
  let label = 0;
  let pointer = -1;
  for (; label < name.labelCount; label++) {
    pointer = findSuffix(compression, known, name, label, out);
    if (pointer >= 0) break;
    remember(compression, suffixHash(name, label), at + name.labelOffsets[label]!);
  }
  const plain = name.labelOffsets[label]!;
  compression.lastOctets = octets;
  compression.lastOffset = offset;
  const whole = label === 0 ? pointer : at;
  compression.lastAt = whole <= MAX_POINTER ? whole : -1;
  for (let i = 0; i < plain; i++) out.setUint8(at + i, octets[offset + i]!);
  if (pointer < 0) {
    out.setUint8(at + plain, 0);
    return at + plain + 1;
  }
  out.setUint16(at + plain, POINTER | pointer);
  return at + plain + 2;
}

/** @returns the offset of an equal suffix in the message, or -1. */
function findSuffix(
  compression: Compression,
  known: number,
  name: Name,
  label: number,
  out: DataView,
): number {
  const hash = suffixHash(name, label);
  for (let entry = 0; entry < known; entry++) {
    if (compression.hashes[entry] !== hash) continue;
    const offset = compression.offsets[entry]!;
    if (equalSuffix(name, label, out, offset)) return offset;
  }
  return -1;
}

/** Equal hashes prove nothing: whoever asks chooses QNAME, so the octets are compared, pointers followed. */
function equalSuffix(name: Name, label: number, out: DataView, offset: number): boolean {
  const { lower } = name;
  let at = offset;
  let i = name.labelOffsets[label]!;
  for (;;) {
    while (out.getUint8(at) >= 0xc0) at = out.getUint16(at) & MAX_POINTER;
    const size = out.getUint8(at);
    if (size !== lower[i]) return false;
    if (size === 0) return true;
    for (let k = 1; k <= size; k++) if (LOWER[out.getUint8(at + k)] !== lower[i + k]) return false;
    at += size + 1;
    i += size + 1;
  }
}
