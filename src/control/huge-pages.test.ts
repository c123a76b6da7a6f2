import { describe, expect, it } from "vitest";
import { loadKernel, MADV_COLLAPSE } from "../serve/kernel.ts";
import { gather } from "./huge-pages.ts";

const HUGE = 2 * 1024 * 1024;
const kernel = await loadKernel();

/** Pretends that the array starts at `address`, and refuses what comes after `granted` pages. */
function pretend(address: number, granted = Number.POSITIVE_INFINITY) {
  const calls: number[][] = [];
  const pretended = {
    addressOf: () => address,
    madvise: (...call: [number, number, number]) => (calls.push(call) <= granted ? 0 : -1),
  };
  return { kernel: pretended, calls };
}

describe("gathering into huge pages", () => {
  it("takes the whole ones within an array, and none beyond its ends", async () => {
    const { kernel: pretended, calls } = pretend(5 * HUGE + 16);
    expect(await gather(pretended, new Uint8Array(3 * HUGE), () => true)).toBe(2);
    expect(calls).toEqual([
      [6 * HUGE, HUGE, MADV_COLLAPSE],
      [7 * HUGE, HUGE, MADV_COLLAPSE],
    ]);
    const aligned = pretend(4 * HUGE);
    expect(await gather(aligned.kernel, new Uint8Array(HUGE), () => true)).toBe(1);
    const within = pretend(4 * HUGE + 1);
    expect(await gather(within.kernel, new Uint8Array(HUGE), () => true)).toBe(0);
  });

  it("leaves small arrays alone, stops when it is refused, and when another snapshot has come", async () => {
    expect(await gather(pretend(0).kernel, new Uint8Array(HUGE - 1), () => true)).toBe(0);
    const refused = pretend(HUGE, 2);
    expect(await gather(refused.kernel, new Uint8Array(8 * HUGE), () => true)).toBe(2);
    expect(refused.calls).toHaveLength(3);
    let left = 3;
    expect(await gather(pretend(HUGE).kernel, new Uint8Array(8 * HUGE), () => left-- > 0)).toBe(3);
  });

  it.skipIf(typeof kernel === "string")("changes nothing of what the array holds", async () => {
    if (typeof kernel === "string") return;
    const array = new Uint8Array(new SharedArrayBuffer(6 * HUGE));
    for (let at = 0; at < array.length; at += 997) array[at] = at % 251;
    const before = kernel.addressOf(array);
    // Where the kernel is older than 6.1 it refuses, and the rest holds all the same.
    await gather(kernel, array, () => true);
    expect(kernel.addressOf(array)).toBe(before);
    expect(kernel.addressOf(array.subarray(4096))).toBe(before + 4096);
    for (let at = 0; at < array.length; at += 997)
      if (array[at] !== at % 251) expect(array[at]).toBe(at % 251);
  });
});
