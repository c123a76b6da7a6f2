import { getSystemErrorName } from "node:util";
import type * as Koffi from "koffi";

/**
 * The system calls of batched UDP, through koffi. All of them are synchronous and return -1 on failure, with the reason
 * in `errno`. Pointers are numbers of 64 bits: `address` of a block, plus an offset.
 */
export interface Kernel {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, name: bigint, nameLength: number): number;
  getsockname(fd: number, name: bigint, nameLength: bigint): number;
  setsockopt(fd: number, level: number, option: number, value: bigint, valueLength: number): number;
  getsockopt(fd: number, level: number, option: number, value: bigint, valueLength: bigint): number;
  recvmmsg(fd: number, headers: bigint, count: number, flags: number, timeout: null): number;
  sendmmsg(fd: number, headers: bigint, count: number, flags: number): number;
  poll(descriptors: bigint, count: number, timeoutMs: number): number;
  /** Fills a struct timespec: seconds and nanoseconds, 64 bits each. */
  clock_gettime(clock: number, time: bigint): number;
  madvise(address: number, octets: number, advice: number): number;
  /** Gives what all arenas of malloc hold and nobody uses back to the system (malloc_trim(3)); null: musl has no arenas. */
  malloc_trim: ((keep: number) => number) | null;
  /** Sets one of glibc's parameters of malloc (mallopt(3)); null: musl has none. */
  mallopt: ((parameter: number, value: number) => number) | null;
  /** Where an array's first octet is. */
  addressOf(array: Uint8Array): number;
  close(fd: number): number;
  /** Of the last call of this thread that failed. */
  errno(): number;
  /** Zeros outside of V8's heap; they live as long as the process. */
  allocate(octets: number): NativeBlock;
}

export interface NativeBlock {
  address: bigint;
  buffer: ArrayBuffer;
}

/** Numbers of linux on every architecture that `loadKernel` accepts (asm-generic, and x86-64 the same). */
export const AF_INET = 2;
export const AF_INET6 = 10;
export const SOCK_DGRAM = 2;
export const SOCK_CLOEXEC = 0x8_0000;
export const SOL_SOCKET = 1;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_REUSEPORT = 15;
export const SO_RCVTIMEO = 20;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_MEMINFO = 55;
export const IPPROTO_IP = 0;
export const IP_PKTINFO = 8;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
/** Waits for the first message only, then takes what is there (recvmmsg(2)). */
export const MSG_WAITFORONE = 0x1_0000;
export const POLLIN = 1;
/** Seconds since 1970 as of the kernel's last tick, 1 to 10 ms ago (clock_gettime(2)). */
export const CLOCK_REALTIME_COARSE = 5;
export const CLOCK_MONOTONIC = 1;
/** From how many octets on malloc gives out mappings of their own (mallopt(3)). */
export const M_MMAP_THRESHOLD = -3;
/** How many free octets at the end of an arena malloc keeps. */
export const M_TRIM_THRESHOLD = -1;
/** Gathers pages into a huge one, now (madvise(2), Linux 6.1). */
export const MADV_COLLAPSE = 25;
export const EINTR = 4;
export const EAGAIN = 11;

/** Architectures whose structures block.ts and this file lay out: 64 bits, little-endian. */
const ARCHITECTURES = ["x64", "arm64"];

let kernel: Promise<Kernel | string> | null = null;

/** The calls, or why this host cannot have them; loaded once in each thread. */
export function loadKernel(): Promise<Kernel | string> {
  kernel ??= findKernel();
  return kernel;
}

/** koffi is an optional dependency: it may not be installed. */
async function findKernel(): Promise<Kernel | string> {
  if (process.platform !== "linux" || !ARCHITECTURES.includes(process.arch))
    return `recvmmsg is not known on ${process.platform} ${process.arch}`;
  let koffi: typeof Koffi;
  try {
    koffi = (await import("koffi")).default as unknown as typeof Koffi;
  } catch (error) {
    return `koffi cannot be loaded: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`;
  }
  try {
    return bindCalls(koffi);
  } catch (error) {
    return `the C library has no ${(error as Error).message}`;
  }
}

/** The process's own C library, glibc or musl: both have all of these with the same signatures. */
function bindCalls(koffi: typeof Koffi): Kernel {
  const libc = koffi.load(null);
  const memset = libc.func("uintptr_t memset(void *, int, size_t)");
  return {
    socket: libc.func("int socket(int, int, int)"),
    bind: libc.func("int bind(int, void *, uint32_t)"),
    getsockname: libc.func("int getsockname(int, void *, void *)"),
    setsockopt: libc.func("int setsockopt(int, int, int, void *, uint32_t)"),
    getsockopt: libc.func("int getsockopt(int, int, int, void *, void *)"),
    recvmmsg: libc.func("int recvmmsg(int, void *, uint32_t, int, void *)"),
    sendmmsg: libc.func("int sendmmsg(int, void *, uint32_t, int)"),
    poll: libc.func("int poll(void *, unsigned long, int)"),
    clock_gettime: libc.func("int clock_gettime(int, void *)"),
    madvise: libc.func("int madvise(uintptr_t, size_t, int)"),
    malloc_trim: bindIfThere(libc, "int malloc_trim(size_t)"),
    mallopt: bindIfThere(libc, "int mallopt(int, int)"),
    // Nothing is set; what it returns is where.
    addressOf: (array) => Number(memset(array, 0, 0)),
    close: libc.func("int close(int)"),
    errno: () => koffi.errno(),
    allocate: (octets) => {
      const address = koffi.alloc("uint8_t", octets) as bigint;
      const buffer = koffi.view(address, octets);
      new Uint8Array(buffer).fill(0);
      return { address, buffer };
    },
  };
}

function bindIfThere<Call>(libc: Koffi.LibraryHandle, prototype: string): Call | null {
  try {
    return libc.func(prototype) as unknown as Call;
  } catch {
    return null;
  }
}

/** `EADDRINUSE` and the like, of the last call that failed. */
export function lastErrorName(kernel: Kernel): string {
  const errno = kernel.errno();
  return errno > 0 ? getSystemErrorName(-errno) : "unknown error";
}
