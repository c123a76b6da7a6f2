import type { Kernel } from "./kernel.ts";

/**
 * Memory for one batch of datagrams, laid out once: recvmmsg fills `count` slots, the worker writes replies beside them,
 * and sendmmsg sends those. The structures are those of linux with 64-bit pointers, little-endian; musl's differ from
 * glibc's only in names for padding that stays zero.
 */
export interface MessageBlock {
  /** Pointer to the receive headers. */
  receiveHeaders: bigint;
  /** Pointer to each slot's send header: a run of replies starts at any of them. */
  sendHeaders: bigint[];
  /** Pointer to the time of the batch: a struct timespec. */
  time: bigint;
  /** Pointer to another one, for what is timed. */
  stopwatch: bigint;
  /** Each slot's datagram and reply. */
  packets: DataView[];
  replies: DataView[];
  octets: Uint8Array;
  words: Int32Array;
}

/** Datagrams a batch: the cost of a call is spread over them, and replies are still warm in the cache when they are sent. */
export const SLOTS = 64;

/**
 * A query: 1,232 octets are the most that resolvers send (RFC 9715). Odd multiples of a cache line, so that the slots do
 * not compete for the same sets of the cache.
 */
const PACKET_OCTETS = 33 * 64;
/** MAX_UDP_PAYLOAD and OUT_SLACK, rounded up likewise. */
const REPLY_OCTETS = 33 * 64;

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
/** struct sockaddr_in6 has 28. */
const NAME_OCTETS = 32;
/** One struct cmsghdr with in_pktinfo (28, aligned to 32) or in6_pktinfo (36, aligned to 40). */
const CONTROL_OCTETS = 64;

const RECEIVE_AT = 0;
const SEND_AT = RECEIVE_AT + SLOTS * HEADER_OCTETS;
const RECEIVE_VECTORS_AT = SEND_AT + SLOTS * HEADER_OCTETS;
const SEND_VECTORS_AT = RECEIVE_VECTORS_AT + SLOTS * VECTOR_OCTETS;
const NAMES_AT = SEND_VECTORS_AT + SLOTS * VECTOR_OCTETS;
const CONTROLS_AT = NAMES_AT + SLOTS * NAME_OCTETS;
const PACKETS_AT = CONTROLS_AT + SLOTS * CONTROL_OCTETS;
const REPLIES_AT = PACKETS_AT + SLOTS * PACKET_OCTETS;
const TIME_AT = REPLIES_AT + SLOTS * REPLY_OCTETS;
const STOPWATCH_AT = TIME_AT + 16;
const BLOCK_OCTETS = TIME_AT + 64;

/** `nameOctets`: length of the family's socket address; `control`: whether messages carry the address that was asked. */
export function createMessageBlock(kernel: Kernel, nameOctets: number, control: boolean): MessageBlock {
  const { address, buffer } = kernel.allocate(BLOCK_OCTETS);
  const view = new DataView(buffer);
  const point = (at: number, to: number): void => view.setBigUint64(at, address + BigInt(to), true);
  const fill = (header: number, vector: number, slot: number, data: number, dataOctets: number): void => {
    point(header + HEADER_NAME, NAMES_AT + slot * NAME_OCTETS);
    view.setUint32(header + HEADER_NAME_LENGTH, nameOctets, true);
    point(header + HEADER_VECTOR, vector);
    view.setUint32(header + HEADER_VECTOR_LENGTH, 1, true);
    if (control) {
      point(header + HEADER_CONTROL, CONTROLS_AT + slot * CONTROL_OCTETS);
      view.setUint32(header + HEADER_CONTROL_LENGTH, CONTROL_OCTETS, true);
    }
    point(vector, data);
    view.setUint32(vector + 8, dataOctets, true);
  };
  const block: MessageBlock = {
    receiveHeaders: address + BigInt(RECEIVE_AT),
    sendHeaders: [],
    time: address + BigInt(TIME_AT),
    stopwatch: address + BigInt(STOPWATCH_AT),
    packets: [],
    replies: [],
    octets: new Uint8Array(buffer),
    words: new Int32Array(buffer),
  };
  for (let slot = 0; slot < SLOTS; slot++) {
    const packet = PACKETS_AT + slot * PACKET_OCTETS;
    const reply = REPLIES_AT + slot * REPLY_OCTETS;
    fill(
      RECEIVE_AT + slot * HEADER_OCTETS,
      RECEIVE_VECTORS_AT + slot * VECTOR_OCTETS,
      slot,
      packet,
      PACKET_OCTETS,
    );
    fill(SEND_AT + slot * HEADER_OCTETS, SEND_VECTORS_AT + slot * VECTOR_OCTETS, slot, reply, REPLY_OCTETS);
    block.sendHeaders.push(address + BigInt(SEND_AT + slot * HEADER_OCTETS));
    block.packets.push(new DataView(buffer, packet, PACKET_OCTETS));
    block.replies.push(new DataView(buffer, reply, REPLY_OCTETS));
  }
  return block;
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
  return block.words[(RECEIVE_AT + slot * HEADER_OCTETS + HEADER_LENGTH) >> 2]!;
}

/** Says what the kernel says when it has received a datagram of this many octets. */
export function setReceivedLength(block: MessageBlock, slot: number, octets: number): void {
  block.words[(RECEIVE_AT + slot * HEADER_OCTETS + HEADER_LENGTH) >> 2] = octets;
}

/** MSG_* of the datagram in a slot. */
export function receivedFlags(block: MessageBlock, slot: number): number {
  return block.words[(RECEIVE_AT + slot * HEADER_OCTETS + HEADER_FLAGS) >> 2]!;
}

/** Offset in `octets` of the peer's struct sockaddr. */
export function nameAt(slot: number): number {
  return NAMES_AT + slot * NAME_OCTETS;
}

/** Offset in `octets` of the control message. */
export function controlAt(slot: number): number {
  return CONTROLS_AT + slot * CONTROL_OCTETS;
}

/** The reply of a slot has this many octets. */
export function setReplyLength(block: MessageBlock, slot: number, length: number): void {
  block.words[(SEND_VECTORS_AT + slot * VECTOR_OCTETS + 8) >> 2] = length;
}

/**
 * Makes the reply leave from the address that the datagram was sent to: hands the received control message back, and
 * gives the receive header its whole room again.
 */
export function returnControl(block: MessageBlock, slot: number): void {
  const received = (RECEIVE_AT + slot * HEADER_OCTETS + HEADER_CONTROL_LENGTH) >> 2;
  const { words } = block;
  words[(SEND_AT + slot * HEADER_OCTETS + HEADER_CONTROL_LENGTH) >> 2] = words[received]!;
  words[received] = CONTROL_OCTETS;
}
