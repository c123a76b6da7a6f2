import {
  AF_INET,
  AF_INET6,
  IP_PKTINFO,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVPKTINFO,
  IPV6_V6ONLY,
  type Kernel,
  lastErrorName,
  type NativeBlock,
  SO_MEMINFO,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVTIMEO,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_SOCKET,
} from "./kernel.ts";
import type { Listener, ListenFailure } from "./listener.ts";
import { readSocketAddress, writeSocketAddress } from "./socket-address.ts";

/** A bound UDP socket of our own, by its descriptor. */
export interface UdpSocket {
  fd: number;
  /** As bound. */
  listener: Listener;
  /** Bound to any address: each datagram says which one was asked, and the reply leaves from that one. */
  wildcard: boolean;
}

/** How long a worker blocks before it looks at its messages and timers. */
export const RECEIVE_TIMEOUT_MS = 100;

/** Index of SK_MEMINFO_DROPS in what SO_MEMINFO gives (linux/sock_diag.h), and the number of its words. */
const MEMINFO_DROPS = 8;
const MEMINFO_WORDS = 9;

/** Where option values and addresses are written for a call: 64 octets of value, their length behind them. */
export interface OptionBlock extends NativeBlock {
  view: DataView;
}
const LENGTH_AT = 64;
const OPTION_OCTETS = 72;

export function createOptionBlock(kernel: Kernel): OptionBlock {
  const block = kernel.allocate(OPTION_OCTETS);
  return { ...block, view: new DataView(block.buffer) };
}

/** Opens and binds a socket for one listener. `bufferOctets`: what to ask the kernel for, in each direction. */
export function openUdpSocket(
  kernel: Kernel,
  block: OptionBlock,
  listener: Listener,
  reusePort: boolean,
  bufferOctets: number,
): UdpSocket | ListenFailure {
  const fail = (): ListenFailure => ({ listener, transport: "udp", code: lastErrorName(kernel) });
  const fd = kernel.socket(listener.family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail();
  const wildcard = listener.host === "0.0.0.0" || listener.host === "::";
  const set = (level: number, option: number, value: number): boolean =>
    setWord(kernel, block, fd, level, option, value);
  if (listener.family === 6) set(IPPROTO_IPV6, IPV6_V6ONLY, 1);
  if (reusePort) set(SOL_SOCKET, SO_REUSEPORT, 1);
  if (wildcard && listener.family === 4) set(IPPROTO_IP, IP_PKTINFO, 1);
  if (wildcard && listener.family === 6) set(IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  // With CAP_NET_ADMIN beyond the kernel's caps, else up to them.
  if (!set(SOL_SOCKET, SO_RCVBUFFORCE, bufferOctets)) set(SOL_SOCKET, SO_RCVBUF, bufferOctets);
  if (!set(SOL_SOCKET, SO_SNDBUFFORCE, bufferOctets)) set(SOL_SOCKET, SO_SNDBUF, bufferOctets);
  setReceiveTimeout(kernel, block, fd);
  const length = writeSocketAddress(listener, block.view);
  if (kernel.bind(fd, block.address, length) !== 0) {
    const failure = fail();
    kernel.close(fd);
    return failure;
  }
  return { fd, listener: boundListener(kernel, block, fd), wildcard };
}

/** The socket behind a descriptor that an earlier worker opened, or null: it is not bound to `listener`. */
export function adoptUdpSocket(
  kernel: Kernel,
  block: OptionBlock,
  listener: Listener,
  fd: number,
): UdpSocket | null {
  const bound = boundListener(kernel, block, fd);
  if (bound.family !== listener.family || bound.port !== listener.port) return null;
  return { fd, listener: bound, wildcard: bound.host === "0.0.0.0" || bound.host === "::" };
}

/** Octets of receive buffer that the kernel granted; it counts its own book-keeping in, which is as much again. */
export function receiveBuffer(kernel: Kernel, block: OptionBlock, fd: number): number {
  block.view.setUint32(LENGTH_AT, 4, true);
  const ok =
    kernel.getsockopt(fd, SOL_SOCKET, SO_RCVBUF, block.address, block.address + BigInt(LENGTH_AT)) === 0;
  return ok ? block.view.getInt32(0, true) / 2 : 0;
}

/** Datagrams that the kernel dropped because the receive buffer was full, since the socket was opened. */
export function kernelDrops(kernel: Kernel, block: OptionBlock, fd: number): number {
  block.view.setUint32(LENGTH_AT, MEMINFO_WORDS * 4, true);
  const ok =
    kernel.getsockopt(fd, SOL_SOCKET, SO_MEMINFO, block.address, block.address + BigInt(LENGTH_AT)) === 0;
  return ok ? block.view.getUint32(MEMINFO_DROPS * 4, true) : 0;
}

function boundListener(kernel: Kernel, block: OptionBlock, fd: number): Listener {
  block.view.setUint32(LENGTH_AT, LENGTH_AT, true);
  block.view.setUint16(0, 0);
  kernel.getsockname(fd, block.address, block.address + BigInt(LENGTH_AT));
  return readSocketAddress(block.view);
}

function setWord(
  kernel: Kernel,
  block: OptionBlock,
  fd: number,
  level: number,
  option: number,
  value: number,
): boolean {
  block.view.setInt32(0, value, true);
  return kernel.setsockopt(fd, level, option, block.address, 4) === 0;
}

function setReceiveTimeout(kernel: Kernel, block: OptionBlock, fd: number): void {
  // struct timeval: seconds, microseconds.
  block.view.setBigInt64(0, 0n, true);
  block.view.setBigInt64(8, BigInt(RECEIVE_TIMEOUT_MS * 1000), true);
  kernel.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, block.address, 16);
}
