import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Kernel, loadKernel, MADV_COLLAPSE } from "../serve/kernel.ts";
import type { Snapshot } from "../snapshot.ts";

/** Octets of a huge page where others have 4 KiB: x64, and most of arm64. */
const HUGE_OCTETS = 2 * 1024 * 1024;
const SETTING = "/sys/kernel/mm/transparent_hugepage/enabled";
/** One huge page takes up to a millisecond, in which a worker that reads it waits. So many milliseconds between two. */
const PAUSE_MS = 1;
/** The start of a server is over by then: its first answers do not wait for koffi to be loaded here. */
const SETTLE_MS = 500;

/**
 * Gathers the memory of a snapshot that is read at random into huge pages, beside the answers. A query for one of a
 * million names otherwise misses the processor's table of pages several times, which costs most in a virtual machine: see
 * docs/performance.md. Where the kernel does not do it, or its administrator said never, all stays as it is.
 */
export async function gatherSnapshot({ zones, tables, generation }: Snapshot): Promise<void> {
  latest = generation;
  await sleep(SETTLE_MS, undefined, { ref: false });
  if (!isAllowed()) return;
  const kernel = await loadKernel();
  if (typeof kernel === "string") return;
  for (const { buffer, byteOffset, byteLength } of [
    tables.cells,
    zones.words,
    zones.nodeTable,
    zones.zoneTable,
  ])
    await gather(kernel, new Uint8Array(buffer, byteOffset, byteLength), () => latest === generation);
}

/** Of the newest snapshot: an older one is about to go. */
let latest = 0;

function isAllowed(): boolean {
  try {
    return !readFileSync(SETTING, "utf8").includes("[never]");
  } catch {
    return false;
  }
}

/** Gathers the whole huge pages within an array. Returns how many there are now; stops at the first that the kernel refuses. */
export async function gather(
  kernel: Pick<Kernel, "addressOf" | "madvise">,
  array: Uint8Array,
  goesOn: () => boolean,
): Promise<number> {
  if (array.length < HUGE_OCTETS) return 0;
  const start = kernel.addressOf(array);
  const end = start + array.length - HUGE_OCTETS;
  let count = 0;
  for (let at = Math.ceil(start / HUGE_OCTETS) * HUGE_OCTETS; at <= end && goesOn(); at += HUGE_OCTETS) {
    if (kernel.madvise(at, HUGE_OCTETS, MADV_COLLAPSE) !== 0) return count;
    count++;
    await sleep(PAUSE_MS, undefined, { ref: false });
  }
  return count;
}
