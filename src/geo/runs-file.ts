import type { Steps } from "./steps.ts";

/**
 * What a walk over a database finds, as octets: the build makes them for the database that comes with the package, so that
 * no start has to walk it. Words of 32 bits in the order of the machine: the header, the offsets of the records, the starts
 * of the IPv4 runs, the upper halves of those of the IPv6 runs, what is not 0 of the lower halves with the number of its
 * run, then 16 bits for the value of each run. Five megabytes for a database of eight.
 */
export interface Runs {
  /** Where in the data section the record of each location is, from row 1 on. */
  offsets: Uint32Array;
  /** Row of every address. */
  steps: Readonly<Record<4 | 6, Steps>>;
}

/** Another number in another layout, or read in another order of octets. */
const MAGIC = 0x73_75_6e_01;
const HEADER_WORDS = 5;
/** Upper half of an IPv6 address, and how many words say where a run starts within one. */
const HALF = 2;
const FAR_WORDS = 3;
const MAX_ROWS = 2 ** 16;

/** Null: more locations than the form has room for. */
export function encodeRuns({ offsets, steps }: Runs): Uint8Array | null {
  if (offsets.length >= MAX_ROWS) return null;
  const { 4: ipv4, 6: ipv6 } = steps;
  const far: number[] = [];
  const halves = new Uint32Array(ipv6.count * HALF);
  for (let run = 0; run < ipv6.count; run++) {
    const [first, second, third, fourth] = ipv6.starts.subarray(run * 4, run * 4 + 4) as unknown as number[];
    halves.set([first!, second!], run * HALF);
    if (third !== 0 || fourth !== 0) far.push(run, third!, fourth!);
  }
  const parts = [
    Uint32Array.of(MAGIC, offsets.length, ipv4.count, ipv6.count, far.length / FAR_WORDS),
    offsets,
    ipv4.starts.subarray(0, ipv4.count),
    halves,
    Uint32Array.from(far),
    Uint16Array.from(ipv4.values.subarray(0, ipv4.count)),
    Uint16Array.from(ipv6.values.subarray(0, ipv6.count)),
  ];
  const octets = new Uint8Array(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let at = 0;
  for (const { buffer, byteOffset, byteLength } of parts) {
    octets.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += byteLength;
  }
  return octets;
}

/** Null: made by another version, or on another kind of machine. `octets`: as they were encoded, from a multiple of 4 on. */
export function decodeRuns({ buffer, byteOffset, byteLength }: Uint8Array): Runs | null {
  let at = byteOffset;
  const words = (count: number) => {
    at += count * 4;
    return new Uint32Array(buffer, at - count * 4, count);
  };
  const values = (count: number) => {
    at += count * 2;
    return Int32Array.from(new Uint16Array(buffer, at - count * 2, count));
  };
  if (byteLength < HEADER_WORDS * 4) return null;
  const [magic, rows, count4, count6, far] = words(HEADER_WORDS) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  const needed = HEADER_WORDS + rows + count4 + count6 * HALF + far * FAR_WORDS;
  if (magic !== MAGIC || byteLength !== needed * 4 + (count4 + count6) * 2) return null;
  const offsets = words(rows);
  const starts4 = words(count4);
  const starts6 = widen(words(count6 * HALF), words(far * FAR_WORDS), count6);
  return {
    offsets,
    steps: {
      4: { words: 1, count: count4, starts: starts4, values: values(count4) },
      6: { words: 4, count: count6, starts: starts6, values: values(count6) },
    },
  };
}

function widen(halves: Uint32Array, far: Uint32Array, count: number): Uint32Array {
  const starts = new Uint32Array(count * 4);
  for (let run = 0; run < count; run++) {
    starts[run * 4] = halves[run * HALF]!;
    starts[run * 4 + 1] = halves[run * HALF + 1]!;
  }
  for (let at = 0; at < far.length; at += FAR_WORDS) {
    starts[far[at]! * 4 + 2] = far[at + 1]!;
    starts[far[at]! * 4 + 3] = far[at + 2]!;
  }
  return starts;
}
