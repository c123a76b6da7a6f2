import type { Kernel } from "./kernel.ts";

/**
 * Memory for one batch of datagrams, laid out once: recvmmsg fills slots, the worker writes each reply over its query, and
 * sendmmsg sends them back from where they came to. With one header and one buffer for both ways, what small messages touch
 * of all 64 slots fits into the processor's first cache. The structures are those of linux with 64-bit pointers, little-endian; musl's differ from
 * glibc's only in names for padding that stays zero.
 */
export interface MessageBlock {
  /** Pointer to each slot's header: datagrams are received from the first on, and a run of replies starts at any of them. */
  headers: bigint[];
  /** Pointer to the time of the batch: a struct timespec. */
  time: bigint;
  /** Pointer to another one, for what is timed. */
  stopwatch: bigint;
  /** Each slot's datagram, and then its reply. */
  messages: DataView[];
  octets: Uint8Array;
  words: Int32Array;
}

/** Datagrams a batch: the cost of a call is spread over them, and replies are still warm in the cache when they are sent. */
export const SLOTS = 64;

/**
 * MAX_UDP_PAYLOAD and OUT_SLACK, rounded up to an odd multiple of a cache line, so that the slots do not compete for the same
 * sets of the cache. Queries are shorter.
 */
const MESSAGE_OCTETS = 33 * 64;

/** struct mmsghdr { struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }; len }. */
const HEADER_OCTETS = 64;
const HEADER_NAME = 0;
const HEADER_NAME_LENGTH = 8;
const HEADER_VECTOR = 16;
const HEADER_VECTOR_LENGTH = 24;
const HEADER_CONTROL = 32;
const HEADER_CONTROL_LENGTH = 40;
const HEADER_FLAGS = 48;
const HEADER_LENGTH = 56;
/** struct iovec { base, len }. */
const VECTOR_OCTETS = 16;
const VECTOR_LENGTH = 8;
/** struct sockaddr_in6 has 28. */
const NAME_OCTETS = 32;
/** One struct cmsghdr with in_pktinfo (28, aligned to 32) or in6_pktinfo (36, aligned to 40). */
const CONTROL_OCTETS = 64;

const VECTORS_AT = SLOTS * HEADER_OCTETS;
const NAMES_AT = VECTORS_AT + SLOTS * VECTOR_OCTETS;
const CONTROLS_AT = NAMES_AT + SLOTS * NAME_OCTETS;
const MESSAGES_AT = CONTROLS_AT + SLOTS * CONTROL_OCTETS;
const TIME_AT = MESSAGES_AT + SLOTS * MESSAGE_OCTETS;
const STOPWATCH_AT = TIME_AT + 16;
const BLOCK_OCTETS = TIME_AT + 64;

/** `nameOctets`: length of the family's socket address; `control`: whether messages carry the address that was asked. */
export function createMessageBlock(kernel: Kernel, nameOctets: number, control: boolean): MessageBlock {
  const { address, buffer } = kernel.allocate(BLOCK_OCTETS);
  const view = new DataView(buffer);
  const point = (at: number, to: number): void => view.setBigUint64(at, address + BigInt(to), true);
  const block: MessageBlock = {
    headers: [],
    time: address + BigInt(TIME_AT),
    stopwatch: address + BigInt(STOPWATCH_AT),
    messages: [],
    octets: new Uint8Array(buffer),
    words: new Int32Array(buffer),
  };
  for (let slot = 0; slot < SLOTS; slot++) {
    const header = slot * HEADER_OCTETS;
    const vector = VECTORS_AT + slot * VECTOR_OCTETS;
    const message = MESSAGES_AT + slot * MESSAGE_OCTETS;
    point(header + HEADER_NAME, NAMES_AT + slot * NAME_OCTETS);
    view.setUint32(header + HEADER_NAME_LENGTH, nameOctets, true);
    point(header + HEADER_VECTOR, vector);
    view.setUint32(header + HEADER_VECTOR_LENGTH, 1, true);
    if (control) point(header + HEADER_CONTROL, CONTROLS_AT + slot * CONTROL_OCTETS);
    point(vector, message);
    block.headers.push(address + BigInt(header));
    block.messages.push(new DataView(buffer, message, MESSAGE_OCTETS));
  }
  makeRoom(block, SLOTS, control);
  return block;
}

/** Gives the first `count` slots their whole room again, for what is received next. */
export function makeRoom({ words }: MessageBlock, count: number, control: boolean): void {
  for (let slot = 0; slot < count; slot++) {
    words[(VECTORS_AT + slot * VECTOR_OCTETS + VECTOR_LENGTH) >> 2] = MESSAGE_OCTETS;
    if (control) words[(slot * HEADER_OCTETS + HEADER_CONTROL_LENGTH) >> 2] = CONTROL_OCTETS;
  }
}

/** Whole seconds of the time of the batch. */
export function secondsOf(block: MessageBlock): number {
  return block.words[TIME_AT >> 2]! >>> 0;
}

/** Seconds on the stopwatch. */
export function stopwatchOf(block: MessageBlock): number {
  const { words } = block;
  return (words[STOPWATCH_AT >> 2]! >>> 0) + words[(STOPWATCH_AT >> 2) + 2]! / 1e9;
}

/** A number that changes with every 10 ms of that time, within 31 bits. */
export function centisecondOf(block: MessageBlock): number {
  const { words } = block;
  return ((words[TIME_AT >> 2]! & 0xf_ffff) * 100 + words[(TIME_AT >> 2) + 2]! / 10_000_000) | 0;
}

/** Length of the datagram in a slot. */
export function receivedLength(block: MessageBlock, slot: number): number {
  return block.words[(slot * HEADER_OCTETS + HEADER_LENGTH) >> 2]!;
}

/** Says what the kernel says when it has received a datagram of this many octets. */
export function setReceivedLength(block: MessageBlock, slot: number, octets: number): void {
  block.words[(slot * HEADER_OCTETS + HEADER_LENGTH) >> 2] = octets;
}

/** MSG_* of the datagram in a slot. */
export function receivedFlags(block: MessageBlock, slot: number): number {
  return block.words[(slot * HEADER_OCTETS + HEADER_FLAGS) >> 2]!;
}

/** Offset in `octets` of the peer's struct sockaddr. */
export function nameAt(slot: number): number {
  return NAMES_AT + slot * NAME_OCTETS;
}

/** Offset in `octets` of the control message. */
export function controlAt(slot: number): number {
  return CONTROLS_AT + slot * CONTROL_OCTETS;
}

/** What a slot sends has this many octets. */
export function setReplyLength(block: MessageBlock, slot: number, length: number): void {
  block.words[(VECTORS_AT + slot * VECTOR_OCTETS + VECTOR_LENGTH) >> 2] = length;
}
