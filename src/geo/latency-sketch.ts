/**
 * Counts round trips by client prefix, region and bucket in bounded memory, however long the log is. Buckets grow by 2%
 * from FIRST_MS on, so that the middle of one is within 1% of everything in it.
 */
export interface LatencySketch {
  /** Open addressing, ENTRY_WORDS words a slot; a slot without a count is free. */
  slots: Uint32Array;
  /** Slots in use, by family. */
  used: Record<4 | 6, number>;
  maxSlots: number;
  /** Bits of a client's address that are kept: fewer once the slots ran out. */
  leafBits: Record<4 | 6, number>;
}

/** Bits 0 to 31 and 32 to 63 of the prefix; family, region and bucket; count. */
const ENTRY_WORDS = 4;
const FAMILY_6 = 0x8000_0000;
const REGION_SHIFT = 16;
const BUCKET_MASK = 0xffff;

const FIRST_MS = 0.01;
const GROWTH = 1.02;
/** Buckets up to 60 s, beyond which nothing counts as a round trip. */
const BUCKETS = Math.ceil(Math.log(60_000 / FIRST_MS) / Math.log(GROWTH)) + 1;

/** More regions than this make no table that somebody can read; the number has 8 bits in a slot. */
export const MAX_LOG_REGIONS = 256;

/** 64 MiB of slots, three quarters of them in use; twice as much while they are filled anew. */
const MAX_SLOTS = 2 ** 22;
const FIRST_SLOTS = 2 ** 12;

/**
 * Lengths of prefixes, longest first. Of IPv4 a /24 is the longest that is routed, and a /8 the shortest that one
 * registry gave out. Of IPv6 a /56 is a home and a /20 the largest block of one provider; between them prefixes are cut
 * at whole digits, as they are assigned.
 */
export const PREFIX_STEPS: Readonly<Record<4 | 6, { longest: number; shortest: number; step: number }>> = {
  4: { longest: 24, shortest: 8, step: 1 },
  6: { longest: 56, shortest: 20, step: 4 },
};

export function createSketch(maxSlots = MAX_SLOTS): LatencySketch {
  return {
    slots: new Uint32Array(Math.min(maxSlots, FIRST_SLOTS) * ENTRY_WORDS),
    used: { 4: 0, 6: 0 },
    maxSlots,
    leafBits: { 4: PREFIX_STEPS[4].longest, 6: PREFIX_STEPS[6].longest },
  };
}

/**
 * Counts one round trip of an address of 4 or 16 octets. False: there is no room, even with the shortest prefixes.
 * `region` is below MAX_LOG_REGIONS.
 */
export function addSample(
  sketch: LatencySketch,
  family: 4 | 6,
  address: Uint8Array,
  region: number,
  rttMs: number,
): boolean {
  const kept = sketch.leafBits[family];
  const high = wordAt(address, 0) & maskOf(kept);
  const low = family === 4 ? 0 : wordAt(address, 4) & maskOf(kept - 32);
  const what = (family === 4 ? 0 : FAMILY_6) | (region << REGION_SHIFT) | bucketOf(rttMs);
  addTo(sketch, high >>> 0, low >>> 0, what >>> 0, 1);
  const count = sketch.used[4] + sketch.used[6];
  return count * 4 <= (sketch.slots.length / ENTRY_WORDS) * 3 || makeRoom(sketch);
}

function wordAt(octets: Uint8Array, at: number): number {
  return (octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!;
}

/** The first `bits` of a word; none for a negative number. */
function maskOf(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : ~((1 << (32 - bits)) - 1);
}

function bucketOf(rttMs: number): number {
  return Math.min(BUCKETS - 1, Math.max(0, Math.floor(Math.log(rttMs / FIRST_MS) / Math.log(GROWTH))));
}

/** The geometric middle of a bucket. */
function bucketMs(bucket: number): number {
  return FIRST_MS * GROWTH ** (bucket + 0.5);
}

function addTo(sketch: LatencySketch, high: number, low: number, what: number, count: number): void {
  const { slots } = sketch;
  const mask = slots.length / ENTRY_WORDS - 1;
  let hash = Math.imul(high ^ Math.imul(low, 0x85ebca6b) ^ Math.imul(what, 0xc2b2ae35), 0x9e3779b1);
  hash ^= hash >>> 15;
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const at = slot * ENTRY_WORDS;
    if (slots[at + 3] === 0) {
      slots[at] = high;
      slots[at + 1] = low;
      slots[at + 2] = what;
      slots[at + 3] = count;
      sketch.used[what >= FAMILY_6 ? 6 : 4]++;
      return;
    }
    if (slots[at] === high && slots[at + 1] === low && slots[at + 2] === what) {
      slots[at + 3] = Math.min(0xffff_ffff, slots[at + 3]! + count);
      return;
    }
  }
}

/** More slots, or shorter prefixes of the family that takes more of them. False: neither is left. */
function makeRoom(sketch: LatencySketch): boolean {
  const size = sketch.slots.length / ENTRY_WORDS;
  if (size < sketch.maxSlots) {
    refill(sketch, size * 2);
    return true;
  }
  while ((sketch.used[4] + sketch.used[6]) * 4 > size * 3) {
    const families: (4 | 6)[] = sketch.used[4] >= sketch.used[6] ? [4, 6] : [6, 4];
    const family = families.find((one) => sketch.leafBits[one] > PREFIX_STEPS[one].shortest);
    if (family === undefined) return false;
    sketch.leafBits[family] -= PREFIX_STEPS[family].step;
    refill(sketch, size);
  }
  return true;
}

/** Counts everything again, with the prefixes as long as they are now. */
function refill(sketch: LatencySketch, size: number): void {
  const old = sketch.slots;
  sketch.slots = new Uint32Array(size * ENTRY_WORDS);
  sketch.used = { 4: 0, 6: 0 };
  for (let at = 0; at < old.length; at += ENTRY_WORDS) {
    const count = old[at + 3]!;
    if (count === 0) continue;
    const what = old[at + 2]!;
    const kept = sketch.leafBits[what >= FAMILY_6 ? 6 : 4];
    addTo(sketch, (old[at]! & maskOf(kept)) >>> 0, (old[at + 1]! & maskOf(kept - 32)) >>> 0, what, count);
  }
}

/** A prefix that has enough round trips to a region. */
export interface SketchRow {
  family: 4 | 6;
  /** Bits 0 to 31 and 32 to 63. */
  high: number;
  low: number;
  bits: number;
  region: number;
  medianMs: number;
  samples: number;
}

/** What there is too little of, even in the shortest prefixes. */
export interface SketchRest {
  samples: number;
  /** Pairs of such a prefix and a region. */
  pairs: number;
}

interface Aggregation {
  sketch: LatencySketch;
  /** Offsets of entries in use, by family, region and prefix. */
  order: Uint32Array;
  minSamples: number;
  /** Buckets and counts, in turns, that no row has taken yet; deeper prefixes' stand behind wider ones'. */
  rest: number[];
  histogram: Float64Array;
  emit: (row: SketchRow) => void;
}

/**
 * Gives each region's round trips to the longest prefix that has `minSamples` of them. Each counts in one row alone: what
 * a prefix has too few of goes to the next wider one, without those that narrower ones had enough of.
 */
export function aggregateSketch(
  sketch: LatencySketch,
  minSamples: number,
  emit: (row: SketchRow) => void,
): SketchRest {
  const order = sortedEntries(sketch);
  const histogram = new Float64Array(BUCKETS);
  const aggregation: Aggregation = { sketch, order, minSamples, rest: [], histogram, emit };
  const left: SketchRest = { samples: 0, pairs: 0 };
  for (let from = 0; from < order.length; ) {
    const family = sketch.slots[order[from]! + 2]! >= FAMILY_6 ? 6 : 4;
    const { shortest } = PREFIX_STEPS[family];
    const to = endOf(aggregation, from, order.length, shortest);
    aggregate(aggregation, from, to, family, shortest);
    const { rest } = aggregation;
    if (rest.length > 0) left.pairs++;
    for (let at = 1; at < rest.length; at += 2) left.samples += rest[at]!;
    rest.length = 0;
    from = to;
  }
  return left;
}

function sortedEntries({ slots, used }: LatencySketch): Uint32Array {
  const order = new Uint32Array(used[4] + used[6]);
  let count = 0;
  for (let at = 0; at < slots.length; at += ENTRY_WORDS) if (slots[at + 3] !== 0) order[count++] = at;
  return order.sort(
    (a, b) =>
      (slots[a + 2]! >>> REGION_SHIFT) - (slots[b + 2]! >>> REGION_SHIFT) ||
      slots[a]! - slots[b]! ||
      slots[a + 1]! - slots[b + 1]!,
  );
}

/** Behind the last entry from `from` on that has its family, region and first `bits` bits. */
function endOf({ sketch, order }: Aggregation, from: number, limit: number, bits: number): number {
  const { slots } = sketch;
  const first = order[from]!;
  let to = from + 1;
  for (; to < limit; to++) {
    const at = order[to]!;
    if (slots[at + 2]! >>> REGION_SHIFT !== slots[first + 2]! >>> REGION_SHIFT) break;
    if (((slots[at]! ^ slots[first]!) & maskOf(bits)) !== 0) break;
    if (((slots[at + 1]! ^ slots[first + 1]!) & maskOf(bits - 32)) !== 0) break;
  }
  return to;
}

/** Entries `from` to `to` share `bits` bits; what is too little for a row stays in `rest`. */
function aggregate(state: Aggregation, from: number, to: number, family: 4 | 6, bits: number): void {
  const { sketch, order, rest } = state;
  const { slots } = sketch;
  const start = rest.length;
  if (bits >= sketch.leafBits[family]) {
    for (let at = from; at < to; at++) {
      const entry = order[at]!;
      rest.push(slots[entry + 2]! & BUCKET_MASK, slots[entry + 3]!);
    }
  } else {
    const narrower = bits + PREFIX_STEPS[family].step;
    for (let at = from; at < to; ) {
      const end = endOf(state, at, to, narrower);
      aggregate(state, at, end, family, narrower);
      at = end;
    }
  }
  let samples = 0;
  for (let at = start + 1; at < rest.length; at += 2) samples += rest[at]!;
  if (samples === 0 || samples < state.minSamples) return;
  const entry = order[from]!;
  state.emit({
    family,
    high: (slots[entry]! & maskOf(bits)) >>> 0,
    low: (slots[entry + 1]! & maskOf(bits - 32)) >>> 0,
    bits,
    region: (slots[entry + 2]! >>> REGION_SHIFT) & (MAX_LOG_REGIONS - 1),
    medianMs: medianOf(state, start, samples),
    samples,
  });
  rest.length = start;
}

/** The lower median of what stands in `rest` from `start` on, within 1%. */
function medianOf({ rest, histogram }: Aggregation, start: number, samples: number): number {
  histogram.fill(0);
  for (let at = start; at < rest.length; at += 2) histogram[rest[at]!]! += rest[at + 1]!;
  let before = 0;
  let bucket = 0;
  while (before + histogram[bucket]! < samples / 2) before += histogram[bucket++]!;
  return bucketMs(bucket);
}
