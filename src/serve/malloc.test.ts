import { expect, it } from "vitest";
import type { Kernel, loadKernel } from "./kernel.ts";
import { mapLargeBlocks } from "./malloc.ts";

const M_MMAP_THRESHOLD = -3;
const M_TRIM_THRESHOLD = -1;

it("blocks from 256 KiB on are mapped each by itself, and no less than twice that is kept", async () => {
  const calls: number[][] = [];
  const mallopt = (...call: number[]): number => calls.push(call);
  await mapLargeBlocks((async () => ({ mallopt })) as unknown as typeof loadKernel);
  expect(calls).toEqual([
    [M_MMAP_THRESHOLD, 262_144],
    [M_TRIM_THRESHOLD, 524_288],
  ]);
});

it("without mallopt, or without koffi, nothing happens", async () => {
  const without: (Pick<Kernel, "mallopt"> | string)[] = [{ mallopt: null }, "koffi cannot be loaded"];
  for (const kernel of without)
    await expect(
      mapLargeBlocks((async () => kernel) as unknown as typeof loadKernel),
    ).resolves.toBeUndefined();
});
