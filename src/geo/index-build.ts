import { addBlock, appendCells, type CellDraft, isPacked, leafCell } from "./cells.ts";
import type { Steps } from "./steps.ts";
import { CLASS_SPECIAL } from "./table.ts";

/** How many address bits the blocks of an index consume. */
interface IndexShape {
  rootBits: 8 | 16 | 19;
  /** Bits of a block at a depth of less than WIDE_BITS; deeper ones take DEEP_BITS. */
  blockBits: 4 | 8;
}

/** For the tables of a few prefixes that every zone may have: a path of blocks takes 64 bytes for 4 bits. */
const SMALL: IndexShape = { rootBits: 8, blockBits: 4 };
/** Two dependent reads for an IPv4 /24, six for an IPv6 /56. */
const LARGE: IndexShape = { rootBits: 16, blockBits: 8 };
/**
 * The same for whole databases of IPv4. A /19 is often still one country's: with three bits more in the root (2 MiB)
 * the index of a country database takes 6 MB instead of 10.
 */
const DENSE: IndexShape = { rootBits: 19, blockBits: 8 };
/** More runs than these make an index large, or dense. As many as the former fill most of a small one's root. */
const SMALL_RUNS = 2_000;
const LARGE_RUNS = 65_536;

function shapeFor(steps: Steps): IndexShape {
  if (steps.count <= SMALL_RUNS) return SMALL;
  return steps.words === 1 && steps.count > LARGE_RUNS ? DENSE : LARGE;
}

/** Dependent reads that a lookup may take for a tile of at most so many bits; longer ones take what they take. */
const READS: Readonly<Record<1 | 4, { limit: number; tileBits: number }>> = {
  1: { limit: 2, tileBits: 24 },
  4: { limit: 6, tileBits: 56 },
};

/** Beyond a /56 tiles are rare, and paths to them long: narrow blocks keep them from costing a KiB an octet. */
const WIDE_BITS = 56;
const DEEP_BITS = 4;

/** Where an index lies, and what it is like. */
export interface BuiltIndex {
  /** Number of the root's block in the draft, and the bits that it takes: 0 when the function is constant. */
  root: number;
  bits: number;
  tiles: number;
  /** Length of the longest tile outside of special-purpose blocks and of what is nobody's, see isNobodys. */
  longestBits: number;
  /** Tiles longer than READS has limits for, other than those of clients of whom nothing is known. */
  fine: number;
}

interface Build {
  /** Class of clients of whom nothing is known. */
  unknown: number;
  built: BuiltIndex;
  draft: CellDraft;
  steps: Steps;
  shape: IndexShape;
  /** First word of the addresses in the block that is being built, below the root. */
  firstWord: number;
  /** One block per level; it moves to the draft when it is whole. */
  levels: Level[];
}

/**
 * Appends the index of a step function. Values are classes; a negative one is a special-purpose block, which gets CLASS_SPECIAL and a tile of its own.
 *
 * Each leaf's tile is the shortest prefix on which the function is constant: the largest aligned block within a run.
 */
export function buildIndex(draft: CellDraft, steps: Steps, unknown: number): BuiltIndex {
  const shape = shapeFor(steps);
  if (steps.count === 1) {
    const root = appendCells(draft, Int32Array.of(leafCell(0, steps.values[0]!)), 1);
    return { root, bits: 0, tiles: 1, longestBits: 0, fine: 0 };
  }
  const built = { root: 0, bits: shape.rootBits, tiles: 0, longestBits: 0, fine: 0 };
  const build: Build = { unknown, built, draft, steps, shape, firstWord: 0, levels: [] };
  const root = createLevel(1 << shape.rootBits);
  fillBlock(build, root, 0, shape.rootBits, 1, steps.count, steps.values[0]!, 0);
  built.root = appendCells(draft, root.slots, root.slots.length);
  return built;
}

/** A block under construction. */
interface Level {
  slots: Int32Array;
  /** Bits that tell its slots apart: fewer than it has when no tile within is as long as it allows. */
  needed: number;
  /** Most dependent reads below it on the way to a tile that has a limit; -1: there is no such tile. */
  reads: number;
}

function createLevel(slots: number): Level {
  return { slots: new Int32Array(slots), needed: 1, reads: -1 };
}

/** Fills the 2^bits slots of the block at `depth`, in which runs `from` to `to` start; `value` holds at its beginning. */
function fillBlock(
  build: Build,
  level: Level,
  depth: number,
  bits: number,
  from: number,
  to: number,
  value: number,
  above: number,
): void {
  const { steps } = build;
  const longest = depth + bits;
  let start = 0;
  let run = from;
  let held = value;
  level.needed = 1;
  level.reads = -1;
  while (run < to) {
    const slot = extractBits(steps, run, depth, bits);
    if (slot > start) fillLeaves(build, level, depth, bits, start, slot, held);
    if (isClean(steps, run, longest)) {
      held = steps.values[run++]!;
      start = slot;
      continue;
    }
    let end = run + 1;
    while (end < to && extractBits(steps, end, depth, bits) === slot) end++;
    level.slots[slot] = buildBlock(build, level, longest, run, end, held, above + 1);
    level.needed = bits;
    held = steps.values[end - 1]!;
    start = slot + 1;
    run = end;
  }
  fillLeaves(build, level, depth, bits, start, 1 << bits, held);
}

/**
 * Appends the block at `depth`, with `above` reads before it, and returns the cell that refers to it. It is packed where
 * the reads allow it: deeper blocks come first, since there are more of them.
 */
function buildBlock(
  build: Build,
  parent: Level,
  depth: number,
  from: number,
  to: number,
  value: number,
  above: number,
): number {
  // A block ends with an octet, so that a lookup finds its bits in one.
  const bits = Math.min(depth < WIDE_BITS ? build.shape.blockBits : DEEP_BITS, 8 - (depth & 7));
  build.levels[above] ??= createLevel(256);
  const level = build.levels[above];
  build.firstWord = build.steps.starts[from * build.steps.words]!;
  fillBlock(build, level, depth, bits, from, to, value, above);
  const mayPack =
    level.reads < 0 || build.shape === SMALL || above + 2 + level.reads <= READS[build.steps.words].limit;
  const step = bits - level.needed;
  if (step > 0)
    for (let slot = 1; slot < 1 << level.needed; slot++) level.slots[slot] = level.slots[slot << step]!;
  const cell = addBlock(build.draft, level.slots, level.needed, mayPack);
  if (level.reads >= 0) parent.reads = Math.max(parent.reads, level.reads + (isPacked(cell) ? 2 : 1));
  return cell;
}

/** Covers slots `from` to `to` with the fewest aligned tiles. */
function fillLeaves(
  build: Build,
  level: Level,
  depth: number,
  bits: number,
  from: number,
  to: number,
  value: number,
): void {
  const { built } = build;
  const limited = READS[build.steps.words].tileBits;
  let at = from;
  while (at < to) {
    let free = at === 0 ? bits : Math.min(bits, 31 - Math.clz32(at & -at));
    while (at + (1 << free) > to) free--;
    const tileBits = depth + bits - free;
    const cell = leafCell(tileBits, value < 0 ? CLASS_SPECIAL : value);
    for (let end = at + (1 << free); at < end; at++) level.slots[at] = cell;
    if (level.needed < bits - free) level.needed = bits - free;
    if (tileBits <= limited) level.reads = Math.max(level.reads, 0);
    else if (value >= 0 && value !== build.unknown) built.fine++;
    const firstWord = depth === 0 ? (at - 1) << (32 - bits) : build.firstWord;
    if (value >= 0 && tileBits > built.longestBits && !isNobodys(build, firstWord))
      built.longestBits = tileBits;
    built.tiles++;
  }
}

/**
 * IPv6 addresses that begin with 000: reserved, and no client's (RFC 4291 section 2.4). Beside :: and ::1 stand tiles as
 * long as those, which say nothing of the scopes that clients get.
 */
function isNobodys({ steps }: Build, firstWord: number): boolean {
  return steps.words > 1 && firstWord >>> 29 === 0;
}

/** `bits` bits of a run's start from `depth` on; a block never straddles a word. */
function extractBits(steps: Steps, run: number, depth: number, bits: number): number {
  const word = steps.starts[run * steps.words + (depth >> 5)]!;
  return (word >>> (32 - (depth & 31) - bits)) & ((1 << bits) - 1);
}

/** Whether a run starts with a prefix of `depth` bits: all later ones are zero. */
function isClean(steps: Steps, run: number, depth: number): boolean {
  const first = run * steps.words;
  let word = depth >> 5;
  if ((depth & 31) !== 0) {
    if (steps.starts[first + word]! << (depth & 31) !== 0) return false;
    word++;
  }
  for (; word < steps.words; word++) if (steps.starts[first + word] !== 0) return false;
  return true;
}
