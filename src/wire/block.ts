/**
 * Memory that goes back to the system as a whole. malloc gives large blocks a mapping of their own and keeps smaller ones
 * in arenas, which shrink only from their end; glibc counts up to 32 MiB as smaller once a block of that size was freed
 * (mallopt(3), M_MMAP_THRESHOLD). A server that reloads held three times the memory of its snapshots for that.
 */

/** Just more than glibc's greatest threshold. */
const MAPPED_OCTETS = 33 * 1024 * 1024;

/** Smaller blocks stay as they are: arenas find room for them again. */
const LARGE_OCTETS = 256 * 1024;

/**
 * Zeroed octets, at least as many as are asked for: a block that matters is rounded up to one that is mapped. What nobody
 * writes to has addresses and no memory.
 */
export function allocateBlock(octets: number): ArrayBuffer {
  return new ArrayBuffer(blockSize(octets));
}

/** The same, shared between threads. */
export function allocateSharedBlock(octets: number): SharedArrayBuffer {
  return new SharedArrayBuffer(blockSize(octets));
}

function blockSize(octets: number): number {
  return octets < LARGE_OCTETS ? octets : Math.max(octets, MAPPED_OCTETS);
}
