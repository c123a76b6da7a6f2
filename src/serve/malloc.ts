import { loadKernel, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD } from "./kernel.ts";

/** As many octets make a block large: see wire/block.ts. */
const LARGE_OCTETS = 256 * 1024;

/**
 * Has malloc map large blocks each by itself, so that they go back to the system when they are freed. glibc otherwise raises
 * the limit to the size of whatever was freed, and keeps twice as much at the end of every arena: 18 MB after a start. Twice
 * the limit is kept still: with less, buffers that come and go would be given back and asked for at every turn.
 */
export async function mapLargeBlocks(load: typeof loadKernel = loadKernel): Promise<void> {
  const kernel = await load();
  if (typeof kernel === "string") return;
  kernel.mallopt?.(M_MMAP_THRESHOLD, LARGE_OCTETS);
  kernel.mallopt?.(M_TRIM_THRESHOLD, 2 * LARGE_OCTETS);
}
