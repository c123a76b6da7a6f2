import { expect, it } from "vitest";
import type { Kernel, loadKernel } from "./kernel.ts";
import { mapLargeBlocks } from "./malloc.ts";

const M_MMAP_THRESHOLD = -3;

it("blocks from 256 KiB on are mapped each by itself", async () => {
  const calls: number[][] = [];
  const mallopt = (...call: number[]): number => calls.push(call);
  await mapLargeBlocks((async () => ({ mallopt })) as unknown as typeof loadKernel);
  expect(calls).toEqual([[M_MMAP_THRESHOLD, 262_144]]);
});

it("without mallopt, or without koffi, nothing happens", async () => {
  const without: (Pick<Kernel, "mallopt"> | string)[] = [{ mallopt: null }, "koffi cannot be loaded"];
  for (const kernel of without)
    await expect(
      mapLargeBlocks((async () => kernel) as unknown as typeof loadKernel),
    ).resolves.toBeUndefined();
});
