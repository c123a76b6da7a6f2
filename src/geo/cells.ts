import { allocateBlock } from "../wire/block.ts";
import {
  CELL_CLASS_MASK,
  CELL_LENGTH_SHIFT,
  CELL_OFFSET_SHIFT,
  CELL_PACKED,
  CLASS_SPECIAL,
} from "./table.ts";

/**
 * Cells of all indexes under construction. Equal blocks are stored once, whatever tables they are of. An inner cell has the
 * number of its block here, where a finished one has the block's offset: overlap.ts finds out where blocks will lie.
 */
export interface CellDraft {
  cells: Int32Array;
  /** How many of `cells` count. */
  length: number;
  /** Open addressing, two words each: number plus one of a block, and the hash of its words. */
  slots: Int32Array;
  /** Words of `slots` in use. */
  used: number;
  /** BLOCK_WORDS words for each block and root, by growing offset. */
  blocks: Int32Array;
  blockCount: number;
}

/** Offset and number of a block's words; how many of them, the first ones, are headers instead of cells. */
export const BLOCK_OFFSET = 0;
export const BLOCK_COUNT = 1;
export const BLOCK_HEADERS = 2;
export const BLOCK_WORDS = 3;

/** Slots of a block that share a header word when it is packed. */
const PACKED_SLOTS = 16;
/** A block of 256 slots that all differ, and its headers. */
const LONGEST_BLOCK = 256 + 256 / PACKED_SLOTS;
/** The block that is packed right now: nothing here is reentrant. */
const packed = new Int32Array(LONGEST_BLOCK);

/** Room for the index of a whole country database, so that nothing is copied. Small tables begin with little: pages cost time. */
const ROOM = { cells: 2 ** 22, blocks: 2 ** 16 };
const SMALL_ROOM = { cells: 2 ** 12, blocks: 2 ** 8 };
/** Networks of databases from which on an index is large. */
const MANY_NETWORKS = 10_000;

/** An empty draft. `networks`: of the databases that tables will be made from; more than it leaves room for are no error. */
export function draftCells(networks = 0): CellDraft {
  const { cells, blocks } = networks < MANY_NETWORKS ? SMALL_ROOM : ROOM;
  return {
    cells: new Int32Array(allocateBlock(cells * 4), 0, cells),
    length: 0,
    slots: new Int32Array(blocks * 4),
    used: 0,
    blocks: new Int32Array(blocks * BLOCK_WORDS),
    blockCount: 0,
  };
}

export function leafCell(tileBits: number, value: number): number {
  return (tileBits << CELL_LENGTH_SHIFT) | value;
}

/** Appends a block of words as they are, the first `headers` of which are no cells, and returns its number. */
export function appendCells(draft: CellDraft, words: Int32Array, count: number, headers = 0): number {
  const offset = draft.length;
  if (offset + count > draft.cells.length) {
    const words = Math.max(offset + count, draft.cells.length * 2);
    const wider = new Int32Array(allocateBlock(words * 4), 0, words);
    wider.set(draft.cells);
    draft.cells = wider;
  }
  const { cells } = draft;
  // A view of the first words would be an object for each of some ten thousand blocks.
  if (count === words.length) cells.set(words, offset);
  else for (let at = 0; at < count; at++) cells[offset + at] = words[at]!;
  draft.length += count;
  return noteBlock(draft, offset, count, headers);
}

function noteBlock(draft: CellDraft, offset: number, count: number, headers: number): number {
  const block = draft.blockCount++;
  const at = block * BLOCK_WORDS;
  if (at === draft.blocks.length) {
    const wider = new Int32Array(draft.blocks.length * 2);
    wider.set(draft.blocks);
    draft.blocks = wider;
  }
  draft.blocks[at + BLOCK_OFFSET] = offset;
  draft.blocks[at + BLOCK_COUNT] = count;
  draft.blocks[at + BLOCK_HEADERS] = headers;
  return block;
}

/**
 * Adds a block of 2^bits slots and returns the cell that refers to it. `mayPack`: it may take the packed form, which
 * costs one more read, when that is smaller.
 */
export function addBlock(draft: CellDraft, slots: Int32Array, bits: number, mayPack: boolean): number {
  const count = 1 << bits;
  const packedWords = mayPack ? packBlock(slots, count) : count;
  if (packedWords >= count) return blockCell(internWords(draft, slots, count, 0), bits, 0);
  return blockCell(internWords(draft, packed, packedWords, headersOf(count)), bits, CELL_PACKED);
}

function blockCell(block: number, bits: number, form: number): number {
  return ~((block << CELL_OFFSET_SHIFT) | form | (bits - 1));
}

/**
 * Packs runs of equal slots into `packed`: a header word for every 16 slots, with a mark for each slot that differs from
 * the one before and, in the upper half, the offset less one of the first run that begins in it; then the runs. Returns
 * the number of words, or `count` when packing is not shorter.
 */
function packBlock(slots: Int32Array, count: number): number {
  const headers = headersOf(count);
  let words = headers;
  for (let first = 0; first < count; first += PACKED_SLOTS) {
    const header = (words - 1) << 16;
    let marks = 0;
    const end = Math.min(count, first + PACKED_SLOTS);
    for (let slot = first; slot < end; slot++) {
      if (slot > 0 && slots[slot] === slots[slot - 1]) continue;
      marks |= 1 << (slot - first);
      packed[words++] = slots[slot]!;
      if (words >= count) return count;
    }
    packed[first / PACKED_SLOTS] = header | marks;
  }
  return words;
}

/** Header words of a packed block of so many slots. */
function headersOf(slots: number): number {
  return Math.max(1, slots / PACKED_SLOTS);
}

/** Number of a block of `count` words that equal these: a known one, else appended now. */
function internWords(draft: CellDraft, words: Int32Array, count: number, headers: number): number {
  if (draft.used * 2 >= draft.slots.length) growSlots(draft);
  const mask = draft.slots.length - 1;
  const hash = hashWords(words, 0, count);
  for (let at = hash & mask; ; at = (at + 2) & mask) {
    const held = draft.slots[at]!;
    if (held === 0) {
      const block = appendCells(draft, words, count, headers);
      draft.slots[at] = block + 1;
      draft.slots[at + 1] = hash;
      draft.used += 2;
      return block;
    }
    if (draft.slots[at + 1] === hash && equalsBlock(draft, held - 1, words, count, headers)) return held - 1;
  }
}

function equalsBlock(
  draft: CellDraft,
  block: number,
  words: Int32Array,
  count: number,
  headers: number,
): boolean {
  const row = block * BLOCK_WORDS;
  if (draft.blocks[row + BLOCK_COUNT] !== count || draft.blocks[row + BLOCK_HEADERS] !== headers)
    return false;
  const offset = draft.blocks[row + BLOCK_OFFSET]!;
  for (let at = 0; at < count; at++) if (draft.cells[offset + at] !== words[at]) return false;
  return true;
}

/** An even number: slots come in pairs of offset and hash. */
function hashWords(words: Int32Array, from: number, count: number): number {
  let hash = count;
  for (let at = 0; at < count; at++) {
    hash = Math.imul(hash ^ words[from + at]!, 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash & 0x7ffffffe;
}

function growSlots(draft: CellDraft): void {
  const old = draft.slots;
  const wider = new Int32Array(old.length * 4);
  const mask = wider.length - 1;
  for (let from = 0; from < old.length; from += 2) {
    if (old[from] === 0) continue;
    let at = old[from + 1]! & mask;
    while (wider[at] !== 0) at = (at + 2) & mask;
    wider[at] = old[from]!;
    wider[at + 1] = old[from + 1]!;
  }
  draft.slots = wider;
}

/** Whether an inner cell refers to a packed block. */
export function isPacked(cell: number): boolean {
  return (~cell & CELL_PACKED) !== 0;
}

/** Reads a block into `slots`: its 2^bits cells. */
function unpackBlock(cells: Int32Array, cell: number, slots: Int32Array): number {
  const block = ~cell;
  const bits = (block & 7) + 1;
  const offset = block >> CELL_OFFSET_SHIFT;
  const count = 1 << bits;
  if ((block & CELL_PACKED) === 0) {
    for (let slot = 0; slot < count; slot++) slots[slot] = cells[offset + slot]!;
    return bits;
  }
  let run = offset + headersOf(count) - 1;
  for (let slot = 0; slot < count; slot++) {
    if ((cells[offset + (slot >> 4)]! >> (slot & 15)) & 1) run++;
    slots[slot] = cells[run]!;
  }
  return bits;
}

/** Copies an index from finished cells, with every class but CLASS_SPECIAL mapped. Returns the number of its root. */
export function copyIndex(
  draft: CellDraft,
  from: Int32Array,
  root: number,
  rootBits: number,
  mapClass: (offset: number) => number,
): number {
  const known = new Map<number, number>();
  const mapCell = (cell: number, level: number): number => {
    if (cell >= 0) {
      const value = cell & CELL_CLASS_MASK;
      return value === CLASS_SPECIAL ? cell : cell - value + mapClass(value);
    }
    let copy = known.get(cell);
    if (copy === undefined) {
      copy = copyBlock(cell, level);
      known.set(cell, copy);
    }
    return copy;
  };
  const levels: Int32Array[] = [];
  const copyBlock = (cell: number, level: number): number => {
    levels[level] ??= new Int32Array(256);
    const slots = levels[level];
    const bits = unpackBlock(from, cell, slots);
    for (let slot = 0; slot < 1 << bits; slot++) slots[slot] = mapCell(slots[slot]!, level + 1);
    return addBlock(draft, slots, bits, isPacked(cell));
  };
  const size = 1 << rootBits;
  const cells = new Int32Array(size);
  for (let slot = 0; slot < size; slot++) cells[slot] = mapCell(from[root + slot]!, 0);
  return appendCells(draft, cells, size);
}
