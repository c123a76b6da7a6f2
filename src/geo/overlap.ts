import { BLOCK_COUNT, BLOCK_HEADERS, BLOCK_OFFSET, BLOCK_WORDS, type CellDraft } from "./cells.ts";
import { CELL_OFFSET_SHIFT, TABLE_ROOT4, TABLE_ROOT6, TABLE_WORDS } from "./table.ts";

/**
 * Runs at both ends of blocks are long, and aligned as tiles are: a block often ends with the words that another one
 * begins with. Longer overlaps are looked for first; shorter ones than four words save less than they cost to find.
 */
const OVERLAPS = [128, 64, 32, 16, 8, 4];

/** Blocks as they will lie: chains of them, each overlapping the one before. */
interface Layout {
  draft: CellDraft;
  count: number;
  /** Block that follows in its chain, or -1. */
  next: Int32Array;
  /** Words that a block shares with the one before it; 0: it begins a chain. */
  shared: Int32Array;
  /** Of a block that begins a chain, the last one of it; of a last one, the first. */
  lastOf: Int32Array;
  firstOf: Int32Array;
}

/**
 * Lays all blocks down so that they overlap where they can, and turns the roots of `tables` from blocks into offsets.
 * `allocate` makes the cells. Returns them, and for each block of the draft the words that it alone takes.
 */
export function overlapCells(
  draft: CellDraft,
  tables: Int32Array,
  allocate: (words: number) => Int32Array,
): { cells: Int32Array; own: Int32Array } {
  const count = draft.blockCount;
  const layout: Layout = {
    draft,
    count,
    next: new Int32Array(count).fill(-1),
    shared: new Int32Array(count),
    lastOf: new Int32Array(count),
    firstOf: new Int32Array(count),
  };
  for (let block = 0; block < count; block++) layout.lastOf[block] = layout.firstOf[block] = block;
  for (const words of OVERLAPS) joinChains(layout, words);
  /** Where each block will lie. */
  const offsets = new Int32Array(count);
  let length = 0;
  for (let first = 0; first < count; first++) {
    if (layout.shared[first] !== 0) continue;
    for (let block = first; block >= 0; block = layout.next[block]!) {
      length -= layout.shared[block]!;
      offsets[block] = length;
      length += draft.blocks[block * BLOCK_WORDS + BLOCK_COUNT]!;
    }
  }
  const cells = allocate(length);
  const own = new Int32Array(count);
  for (let block = 0; block < count; block++) {
    const at = block * BLOCK_WORDS;
    own[block] = draft.blocks[at + BLOCK_COUNT]! - layout.shared[block]!;
    moveBlock(draft, block, offsets, cells);
  }
  for (let row = 0; row < tables.length; row += TABLE_WORDS) {
    tables[row + TABLE_ROOT4] = offsets[tables[row + TABLE_ROOT4]!]!;
    tables[row + TABLE_ROOT6] = offsets[tables[row + TABLE_ROOT6]!]!;
  }
  return { cells, own };
}

/** Words that begin or end a block tell it from others; those of packed ones and roots are not compared. */
function mayOverlap({ draft }: Layout, block: number, words: number): boolean {
  const at = block * BLOCK_WORDS;
  const count = draft.blocks[at + BLOCK_COUNT]!;
  return draft.blocks[at + BLOCK_HEADERS] === 0 && count > words && count <= 256;
}

/** Joins each chain whose last block ends with the `words` words that another chain's first block begins with. */
function joinChains(layout: Layout, words: number): void {
  const { draft, count, next, shared, lastOf, firstOf } = layout;
  const buckets = new Int32Array(2 ** Math.ceil(Math.log2(count + 2))).fill(-1);
  const mask = buckets.length - 1;
  const following = new Int32Array(count);
  for (let block = count - 1; block >= 0; block--) {
    if (shared[block] !== 0 || !mayOverlap(layout, block, words)) continue;
    const bucket = hashWords(draft.cells, draft.blocks[block * BLOCK_WORDS + BLOCK_OFFSET]!, words) & mask;
    following[block] = buckets[bucket]!;
    buckets[bucket] = block;
  }
  for (let block = 0; block < count; block++) {
    if (next[block] !== -1 || !mayOverlap(layout, block, words)) continue;
    const at = block * BLOCK_WORDS;
    const tail = draft.blocks[at + BLOCK_OFFSET]! + draft.blocks[at + BLOCK_COUNT]! - words;
    const bucket = hashWords(draft.cells, tail, words) & mask;
    let before = -1;
    for (let other = buckets[bucket]!; other >= 0; other = following[other]!) {
      const head = draft.blocks[other * BLOCK_WORDS + BLOCK_OFFSET]!;
      if (firstOf[block] !== other && equalWords(draft.cells, tail, head, words)) {
        if (before < 0) buckets[bucket] = following[other]!;
        else following[before] = following[other]!;
        next[block] = other;
        shared[other] = words;
        const first = firstOf[block]!;
        const last = lastOf[other]!;
        lastOf[first] = last;
        firstOf[last] = first;
        break;
      }
      before = other;
    }
  }
}

function hashWords(cells: Int32Array, from: number, words: number): number {
  let hash = 0;
  for (let at = from; at < from + words; at++) {
    hash = Math.imul(hash ^ cells[at]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function equalWords(cells: Int32Array, a: number, b: number, words: number): boolean {
  for (let at = 0; at < words; at++) if (cells[a + at] !== cells[b + at]) return false;
  return true;
}

/** Copies a block to where it lies, inner cells with where theirs lie; the headers of a packed one are no cells. */
function moveBlock({ blocks, cells }: CellDraft, block: number, offsets: Int32Array, to: Int32Array): void {
  const at = block * BLOCK_WORDS;
  const from = blocks[at + BLOCK_OFFSET]!;
  const start = offsets[block]!;
  const headers = blocks[at + BLOCK_HEADERS]!;
  const count = blocks[at + BLOCK_COUNT]!;
  for (let word = 0; word < headers; word++) to[start + word] = cells[from + word]!;
  for (let word = headers; word < count; word++) {
    const cell = cells[from + word]!;
    to[start + word] = cell >= 0 ? cell : moveCell(cell, offsets);
  }
}

function moveCell(cell: number, offsets: Int32Array): number {
  const block = ~cell;
  const form = block & ((1 << CELL_OFFSET_SHIFT) - 1);
  return ~((offsets[block >> CELL_OFFSET_SHIFT]! << CELL_OFFSET_SHIFT) | form);
}
