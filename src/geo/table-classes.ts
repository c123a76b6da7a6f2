import {
  CELL_BITS_MASK,
  CELL_CLASS_MASK,
  CELL_OFFSET_SHIFT,
  CELL_PACKED,
  CLASS_SPECIAL,
  TABLE_BITS4,
  TABLE_BITS6,
  TABLE_ROOT4,
  TABLE_ROOT6,
  TABLE_UNKNOWN,
  TABLE_WORDS,
  type TableData,
} from "./table.ts";

/** Slots that a header word of a packed block speaks of: see cells.ts. */
const PACKED_SLOTS = 16;

/**
 * Every class that some client has in a table, which is the offset of its chain. Each block is read once, however many
 * cells refer to it.
 */
export function tableClasses(tables: TableData, table: number): number[] {
  const row = table * TABLE_WORDS;
  const words = tables.tables;
  const classes = new Set([words[row + TABLE_UNKNOWN]! & CELL_CLASS_MASK]);
  const visited = new Set<number>();
  const waiting: number[] = [];
  const meet = (cell: number): void => {
    if (cell < 0) {
      if (visited.has(cell)) return;
      visited.add(cell);
      waiting.push(cell);
    } else classes.add(cell & CELL_CLASS_MASK);
  };
  for (const [root, bits] of [
    [words[row + TABLE_ROOT4]!, words[row + TABLE_BITS4]!],
    [words[row + TABLE_ROOT6]!, words[row + TABLE_BITS6]!],
  ] as const)
    for (let slot = 0; slot < 1 << bits; slot++) meet(tables.cells[root + slot]!);
  for (let cell = waiting.pop(); cell !== undefined; cell = waiting.pop())
    readBlock(tables.cells, ~cell, meet);
  // Who is in a special-purpose block has the class of the resolver's address.
  classes.delete(CLASS_SPECIAL);
  return [...classes].sort((a, b) => a - b);
}

function readBlock(cells: Int32Array, block: number, meet: (cell: number) => void): void {
  const slots = 1 << ((block & CELL_BITS_MASK) + 1);
  const offset = block >> CELL_OFFSET_SHIFT;
  let first = offset;
  let end = offset + slots;
  if ((block & CELL_PACKED) !== 0) {
    const headers = Math.max(1, slots / PACKED_SLOTS);
    first = offset + headers;
    const last = cells[offset + headers - 1]!;
    // The last header says where the last run of the slots before it is, and marks those that begin in its own.
    end = offset + (last >>> 16) + bitCount(last & 0xffff) + 1;
  }
  for (let at = first; at < end; at++) meet(cells[at]!);
}

function bitCount(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}
