import type { Steps } from "./steps.ts";
import { CELL_LENGTH_SHIFT, CELL_OFFSET_SHIFT, CLASS_SPECIAL } from "./table.ts";

/** Cells under construction: `length` of them count. */
export interface CellDraft {
  cells: Int32Array;
  length: number;
}

/** How many address bits the blocks of an index consume. */
export interface IndexShape {
  rootBits: 8 | 16;
  /** Bits of a block at a depth of less than WIDE_BITS; deeper ones take DEEP_BITS. */
  blockBits: 4 | 8;
}

/** Two dependent reads for an IPv4 /24, six for an IPv6 /56; the root alone takes 256 KiB. */
export const LARGE_SHAPE: IndexShape = { rootBits: 16, blockBits: 8 };
/** For the tables of a few prefixes that every zone may have: a path of blocks takes 64 bytes for 4 bits. */
export const SMALL_SHAPE: IndexShape = { rootBits: 8, blockBits: 4 };

/** Beyond a /56 tiles are rare, and paths to them long: narrow blocks keep them from costing a KiB an octet. */
const WIDE_BITS = 56;
const DEEP_BITS = 4;

/** Where an index lies, and what it is like. */
export interface BuiltIndex {
  /** Offset of the root, and the bits that it takes: 0 when the function is constant. */
  root: number;
  bits: number;
  tiles: number;
  /** Length of the longest tile outside of special-purpose blocks. */
  longestBits: number;
}

interface Build {
  built: BuiltIndex;
  draft: CellDraft;
  steps: Steps;
  shape: IndexShape;
  /** One block under construction per level; a block moves to the draft when it is whole. */
  levels: Int32Array[];
}

/**
 * Appends the index of a step function. Values are classes; a negative one is a special-purpose block, which gets CLASS_SPECIAL and a tile of its own.
 *
 * Each leaf's tile is the shortest prefix on which the function is constant: the largest aligned block within a run.
 */
export function buildIndex(draft: CellDraft, steps: Steps, shape: IndexShape): BuiltIndex {
  const root = draft.length;
  if (steps.count === 1) {
    reserveCells(draft, 1);
    draft.cells[draft.length++] = leafCell(0, steps.values[0]!);
    return { root, bits: 0, tiles: 1, longestBits: 0 };
  }
  const size = 1 << shape.rootBits;
  reserveCells(draft, size);
  draft.length += size;
  const built = { root, bits: shape.rootBits, tiles: 0, longestBits: 0 };
  const build: Build = { built, draft, steps, shape, levels: [] };
  const cells = new Int32Array(size);
  fillBlock(build, cells, 0, shape.rootBits, 1, steps.count, steps.values[0]!, 0);
  draft.cells.set(cells, root);
  return built;
}

function leafCell(tileBits: number, value: number): number {
  return (tileBits << CELL_LENGTH_SHIFT) | (value < 0 ? CLASS_SPECIAL : value);
}

/** Makes room for `count` more cells. */
export function reserveCells(draft: CellDraft, count: number): void {
  if (draft.length + count <= draft.cells.length) return;
  const wider = new Int32Array(Math.max(draft.length + count, draft.cells.length * 2));
  wider.set(draft.cells);
  draft.cells = wider;
}

/**
 * Fills the 2^bits cells of the block at `depth` that runs `from` to `to` start in; `value` holds at its beginning.
 * Returns the bits that tell its cells apart: less than `bits` when no tile within is as long as the block allows.
 */
function fillBlock(
  build: Build,
  cells: Int32Array,
  depth: number,
  bits: number,
  from: number,
  to: number,
  value: number,
  level: number,
): number {
  const { steps } = build;
  const longest = depth + bits;
  let needed = 1;
  let start = 0;
  let run = from;
  let held = value;
  while (run < to) {
    const cell = extractBits(steps, run, depth, bits);
    needed = Math.max(needed, fillLeaves(build, cells, depth, bits, start, cell, held));
    if (isClean(steps, run, longest)) {
      held = steps.values[run++]!;
      start = cell;
      continue;
    }
    let end = run + 1;
    while (end < to && extractBits(steps, end, depth, bits) === cell) end++;
    cells[cell] = buildBlock(build, longest, run, end, held, level);
    needed = bits;
    held = steps.values[end - 1]!;
    start = cell + 1;
    run = end;
  }
  return Math.max(needed, fillLeaves(build, cells, depth, bits, start, 1 << bits, held));
}

/** Appends the block at `depth` and returns the cell that refers to it. */
function buildBlock(
  build: Build,
  depth: number,
  from: number,
  to: number,
  value: number,
  level: number,
): number {
  const bits = depth < WIDE_BITS ? build.shape.blockBits : DEEP_BITS;
  build.levels[level] ??= new Int32Array(256);
  const cells = build.levels[level];
  const needed = fillBlock(build, cells, depth, bits, from, to, value, level + 1);
  const { draft } = build;
  const offset = draft.length;
  reserveCells(draft, 1 << needed);
  const step = bits - needed;
  for (let cell = 0; cell < 1 << needed; cell++) draft.cells[offset + cell] = cells[cell << step]!;
  draft.length += 1 << needed;
  return ~((offset << CELL_OFFSET_SHIFT) | (needed - 1));
}

/** Covers cells `from` to `to` with the fewest aligned tiles; returns the bits that the longest of them needs. */
function fillLeaves(
  build: Build,
  cells: Int32Array,
  depth: number,
  bits: number,
  from: number,
  to: number,
  value: number,
): number {
  const { built } = build;
  let needed = 0;
  let at = from;
  while (at < to) {
    let free = at === 0 ? bits : Math.min(bits, 31 - Math.clz32(at & -at));
    while (at + (1 << free) > to) free--;
    cells.fill(leafCell(depth + bits - free, value), at, at + (1 << free));
    at += 1 << free;
    needed = Math.max(needed, bits - free);
    built.tiles++;
    if (value >= 0) built.longestBits = Math.max(built.longestBits, depth + bits - free);
  }
  return needed;
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
