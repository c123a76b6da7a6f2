import { expect, it } from "vitest";
import {
  addBlock,
  appendCells,
  BLOCK_COUNT,
  BLOCK_OFFSET,
  BLOCK_WORDS,
  draftCells,
  isPacked,
} from "./cells.ts";
import { overlapCells } from "./overlap.ts";
import { CELL_OFFSET_SHIFT, TABLE_ROOT4, TABLE_ROOT6, TABLE_WORDS } from "./table.ts";

const allocate = (words: number) => new Int32Array(words);
const offsetOf = (cell: number) => ~cell >> CELL_OFFSET_SHIFT;
const range = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at);

it("a block that begins as another one ends lies over it; roots and inner cells find both", () => {
  const draft = draftCells();
  const first = addBlock(draft, Int32Array.from([...range(1, 8), ...range(100, 8)]), 4, false);
  const second = addBlock(draft, Int32Array.from([...range(100, 8), first, ...range(200, 7)]), 4, false);
  const tables = new Int32Array(TABLE_WORDS);
  tables[TABLE_ROOT4] = appendCells(draft, Int32Array.of(second, 9), 2);
  tables[TABLE_ROOT6] = appendCells(draft, Int32Array.of(first), 1);
  expect(draft.length).toBe(35);
  const { cells, own } = overlapCells(draft, tables, allocate);
  expect([...own]).toEqual([16, 8, 2, 1]);
  expect(cells).toHaveLength(27);
  const at = offsetOf(cells[tables[TABLE_ROOT4]!]!);
  expect(cells[tables[TABLE_ROOT4]! + 1]).toBe(9);
  expect([...cells.subarray(at, at + 8)]).toEqual(range(100, 8));
  expect([...cells.subarray(at + 9, at + 16)]).toEqual(range(200, 7));
  const inner = offsetOf(cells[at + 8]!);
  expect(inner).toBe(offsetOf(cells[tables[TABLE_ROOT6]!]!));
  expect([...cells.subarray(inner, inner + 16)]).toEqual([...range(1, 8), ...range(100, 8)]);
  expect(at).toBe(inner + 8);
});

it("blocks whose ends are alike in a circle are cut open once", () => {
  const draft = draftCells();
  const [a, b, c] = [range(1, 8), range(11, 8), range(21, 8)] as const;
  for (const halves of [
    [a, b],
    [b, c],
    [c, a],
  ])
    addBlock(draft, Int32Array.from(halves.flat()), 4, false);
  // One that could only follow itself.
  addBlock(draft, new Int32Array(16).fill(7), 4, false);
  const { cells, own } = overlapCells(draft, new Int32Array(0), allocate);
  expect([...own].reduce((sum, words) => sum + words, 0)).toBe(cells.length);
  expect(cells).toHaveLength(16 + 8 + 8 + 16);
});

it("packed blocks keep their headers, however much these look like cells", () => {
  const draft = draftCells();
  const leaf = addBlock(draft, Int32Array.from(range(50, 16)), 4, false);
  const slots = new Int32Array(256).fill(3).fill(leaf, 128);
  const packed = addBlock(draft, slots, 8, true);
  expect(isPacked(packed)).toBe(true);
  const at = 1 * BLOCK_WORDS;
  const from = draft.blocks[at + BLOCK_OFFSET]!;
  const headers = [...draft.cells.subarray(from, from + 16)];
  const tables = new Int32Array(TABLE_WORDS);
  tables[TABLE_ROOT4] = appendCells(draft, Int32Array.of(packed), 1);
  const { cells } = overlapCells(draft, tables, allocate);
  const to = offsetOf(cells[tables[TABLE_ROOT4]!]!);
  expect(isPacked(cells[tables[TABLE_ROOT4]!]!)).toBe(true);
  expect([...cells.subarray(to, to + 16)]).toEqual(headers);
  expect(draft.blocks[at + BLOCK_COUNT]).toBe(18);
  expect(cells[to + 16]).toBe(3);
  expect([...cells.subarray(offsetOf(cells[to + 17]!)).subarray(0, 16)]).toEqual(range(50, 16));
});
