import { expect, test } from "vitest";
import { allocateBlock, allocateSharedBlock } from "./block.ts";

const MIB = 1024 * 1024;

test.each([
  ["alone", allocateBlock],
  ["shared", allocateSharedBlock],
])("%s: a large block is larger than anything that malloc keeps, a small one as asked", (_, allocate) => {
  expect(allocate(0).byteLength).toBe(0);
  expect(allocate(1000).byteLength).toBe(1000);
  expect(allocate(MIB).byteLength).toBeGreaterThan(32 * MIB);
  expect(allocate(40 * MIB).byteLength).toBe(40 * MIB);
  expect(new Uint8Array(allocate(MIB)).every((octet) => octet === 0)).toBe(true);
});

test("only a shared block is shared", () => {
  expect(allocateSharedBlock(MIB)).toBeInstanceOf(SharedArrayBuffer);
  expect(allocateBlock(MIB)).toBeInstanceOf(ArrayBuffer);
});
