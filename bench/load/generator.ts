import type * as Koffi from "koffi";
import {
  EAGAIN,
  EINTR,
  type Kernel,
  lastErrorName,
  loadKernel,
  MSG_DONTWAIT,
  MSG_WAITFORONE,
  type NativeBlock,
} from "../../src/serve/kernel.ts";
import {
  createMessageBlock,
  type MessageBlock,
  receivedLength,
  SLOTS,
  setReplyLength,
} from "../../src/serve/message-block.ts";
import { writeSocketAddress } from "../../src/serve/socket-address.ts";
import { createOptionBlock, type OptionBlock, openUdpSocket } from "../../src/serve/udp-sockets.ts";
import { BY_RESOLVER, IDS, QUERY_OCTETS, type Workload } from "./workloads.ts";

const BUFFER_OCTETS = 8 * 2 ** 20;
/** A socket that has heard nothing for this long asks anew; what it had asked before is lost. */
const SILENCE_MS = 100;
/** Replies are waited for this long after the last query. */
const DRAIN_MS = 100;
/** A run of queries of one length goes to the kernel as one message that it cuts up (UDP_SEGMENT, udp(7)) from this many on. */
const LEAST_SEGMENTS = 4;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** Offsets in struct msghdr. */
const VECTOR_AT = 16;
const VECTOR_COUNT_AT = 24;
/** struct msghdr, 56 octets and the length behind it; struct cmsghdr with 16 bits. */
const SEGMENT_CONTROL_AT = 64;
const SEGMENT_CONTROL_OCTETS = 24;
/** Room for latencies of up to 200 ms, by microseconds. */
const HISTOGRAM_US = 200_000;

export interface RunOptions {
  workload: Workload;
  /** What BY_RESOLVER stands for with this server. */
  resolverAddress: number;
  warmUpMs: number;
  durationMs: number;
  /** Sleep after each look for replies, at a fixed rate; absent: none, so that latencies are true. */
  restMs?: number;
  /** Called when the measured time begins and when it ends. */
  atBoundary(): void;
}

export interface RunResult {
  replies: number;
  seconds: number;
  lost: number;
  wrong: number;
  /** The first wrong reply, in hexadecimal. */
  firstWrong: string;
  /** Replies by microseconds since the query was due; fixed rate only. */
  histogram: Uint32Array;
}

/** Latency in milliseconds below which a share of the replies stay. */
export function percentile(histogram: Uint32Array, share: number): number {
  let rest = share * histogram.reduce((sum, count) => sum + count, 0);
  for (let us = 0; us < histogram.length; us++) {
    rest -= histogram[us]!;
    if (rest <= 0) return (us + 1) / 1000;
  }
  return Number.NaN;
}

/** Nobody wakes who waits for it. */
const NEVER_WOKEN = new Int32Array(new SharedArrayBuffer(4));

interface Socket {
  fd: number;
  inFlight: number;
  heardAtMs: number;
}

/**
 * Asks one server at a time over several connected sockets and checks every reply: id, question, flags, RCODE, and the
 * address. Works synchronously: nothing else of the process runs meanwhile.
 */
export class Generator {
  private readonly kernel: Kernel;
  private readonly connect: (fd: number, name: bigint, length: number) => number;
  private readonly options: OptionBlock;
  private readonly block: MessageBlock;
  private readonly queries: MessageBlock;
  /** One header over the vectors of all slots, and a control message that says where to cut. */
  private readonly segmented: NativeBlock;
  private readonly segmentedView: DataView;
  /** Where the vector of slot 0 is. */
  private readonly vectors: bigint;
  private canSegment = true;
  private readonly replyWords: Int32Array[];
  private readonly queryWords: Int32Array[];
  private readonly sockets: Socket[] = [];
  /** Socket + 1 that asked an id and has no reply yet. */
  private readonly askedBy = new Uint8Array(IDS);
  private readonly dueAtMs = new Float64Array(IDS);
  private nextId = 0;
  private result: RunResult = emptyResult();

  private constructor(kernel: Kernel, connect: Generator["connect"], sockets: number) {
    this.kernel = kernel;
    this.connect = connect;
    this.options = createOptionBlock(kernel);
    // Sockets are connected: no addresses in either direction.
    this.block = createMessageBlock(kernel, 0, false);
    this.queries = createMessageBlock(kernel, 0, false);
    this.segmented = kernel.allocate(SEGMENT_CONTROL_AT + SEGMENT_CONTROL_OCTETS);
    this.segmentedView = new DataView(this.segmented.buffer);
    this.vectors = new DataView(this.queries.octets.buffer).getBigUint64(VECTOR_AT, true);
    this.layOutSegmented();
    const words = (view: DataView): Int32Array =>
      new Int32Array(view.buffer, view.byteOffset, view.byteLength >> 2);
    this.replyWords = this.block.messages.map(words);
    this.queryWords = this.queries.messages.map(words);
    const listener = { host: "127.0.0.1", port: 0, family: 4 } as const;
    for (let index = 0; index < sockets; index++) {
      const opened = openUdpSocket(kernel, this.options, listener, false, BUFFER_OCTETS);
      if (!("fd" in opened)) throw new Error(`the generator cannot have a socket: ${opened.code}`);
      this.sockets.push({ fd: opened.fd, inFlight: 0, heardAtMs: 0 });
    }
  }

  private layOutSegmented(): void {
    const view = this.segmentedView;
    view.setBigUint64(32, this.segmented.address + BigInt(SEGMENT_CONTROL_AT), true);
    view.setBigUint64(40, BigInt(SEGMENT_CONTROL_OCTETS), true);
    view.setBigUint64(SEGMENT_CONTROL_AT, 18n, true);
    view.setInt32(SEGMENT_CONTROL_AT + 8, SOL_UDP, true);
    view.setInt32(SEGMENT_CONTROL_AT + 12, UDP_SEGMENT, true);
  }

  static async open(sockets: number): Promise<Generator> {
    const kernel = await loadKernel();
    if (typeof kernel === "string") throw new Error(kernel);
    const koffi = (await import("koffi")).default as unknown as typeof Koffi;
    return new Generator(kernel, koffi.load(null).func("int connect(int, void *, uint32_t)"), sockets);
  }

  /** Every later query goes to this port of loopback; what still comes from elsewhere is thrown away. */
  aim(port: number): void {
    const length = writeSocketAddress({ host: "127.0.0.1", port, family: 4 }, this.options.view);
    for (const socket of this.sockets) {
      if (this.connect(socket.fd, this.options.address, length) !== 0)
        throw new Error(`connect: ${lastErrorName(this.kernel)}`);
      for (let batch = 0; batch < 10_000 && this.receive(socket, MSG_DONTWAIT) > 0; batch++);
      socket.inFlight = 0;
    }
    this.askedBy.fill(0);
  }

  /** One exchange, unchecked but for the id, which it gives: the reply, or null when none comes within 100 ms. */
  ask(packet: Uint8Array): Uint8Array | null {
    const socket = this.sockets[0]!;
    const { block, kernel, queries } = this;
    const query = queries.messages[0]!;
    const id = this.nextId;
    this.nextId = (id + 1) % IDS;
    for (let at = 0; at < packet.length; at++) query.setUint8(at, packet[at]!);
    query.setUint16(0, id);
    setReplyLength(queries, 0, packet.length);
    if (kernel.sendmmsg(socket.fd, queries.headers[0]!, 1, 0) !== 1) return null;
    while (this.receive(socket, MSG_WAITFORONE) > 0) {
      const { buffer, byteOffset } = block.messages[0]!;
      const reply = new Uint8Array(buffer, byteOffset, receivedLength(block, 0)).slice();
      // Late replies to earlier queries may come first.
      if (reply.length >= 12 && (reply[0]! << 8) + reply[1]! === id) return reply;
    }
    return null;
  }

  /** As many queries as the server answers, `window` of them under way. */
  saturate(options: RunOptions, window: number): RunResult {
    const { sockets } = this;
    const share = Math.ceil(window / sockets.length);
    const begin = this.begin(options);
    const end = begin + options.durationMs;
    let measured = false;
    for (let now = performance.now(); now < end; now = performance.now()) {
      if (!measured && now >= begin) measured = this.startMeasuring(options);
      for (let index = 0; index < sockets.length; index++) {
        const socket = sockets[index]!;
        this.take(socket, options, now);
        if (socket.inFlight > 0 && now - socket.heardAtMs > SILENCE_MS) this.giveUp(socket, index);
        const room = share - socket.inFlight;
        // Small batches would be the generator's cost, not the server's: wait for half of the window.
        if (room >= share >> 1) this.send(socket, index, Math.min(room, SLOTS), options.workload);
      }
    }
    return this.finish(options, end - begin);
  }

  /** `rate` queries a second, whether or not replies come; latency counts from when a query was due. */
  pace(options: RunOptions, rate: number): RunResult {
    const { sockets } = this;
    const begin = this.begin(options);
    const start = begin - options.warmUpMs;
    const end = begin + options.durationMs;
    let measured = false;
    let sent = 0;
    let turn = 0;
    for (let now = performance.now(); now < end; now = performance.now()) {
      if (!measured && now >= begin) measured = this.startMeasuring(options);
      const due = Math.min(SLOTS, Math.floor(((now - start) * rate) / 1000) - sent);
      if (due > 0) {
        turn = (turn + 1) % sockets.length;
        for (let index = 0; index < due; index++)
          this.dueAtMs[(this.nextId + index) % IDS] = start + ((sent + index) * 1000) / rate;
        sent += this.send(sockets[turn]!, turn, due, options.workload);
      }
      for (let index = 0; index < sockets.length; index++)
        this.take(sockets[index]!, options, performance.now());
      if (options.restMs !== undefined) Atomics.wait(NEVER_WOKEN, 0, 0, options.restMs);
    }
    return this.finish(options, end - begin);
  }

  close(): void {
    for (const { fd } of this.sockets) this.kernel.close(fd);
  }

  /** When the measured time begins. */
  private begin(options: RunOptions): number {
    this.result = emptyResult();
    this.askedBy.fill(0);
    const now = performance.now();
    for (const socket of this.sockets) {
      socket.inFlight = 0;
      socket.heardAtMs = now;
    }
    return now + options.warmUpMs;
  }

  private startMeasuring(options: RunOptions): true {
    // What was wrong or lost before counts as well.
    this.result.replies = 0;
    this.result.histogram.fill(0);
    options.atBoundary();
    return true;
  }

  private finish(options: RunOptions, durationMs: number): RunResult {
    options.atBoundary();
    const { result } = this;
    const { replies } = result;
    const histogram = result.histogram.slice();
    const end = performance.now() + DRAIN_MS;
    while (performance.now() < end) {
      for (const socket of this.sockets) this.take(socket, options, performance.now());
    }
    const open = this.askedBy.reduce((sum, by) => sum + (by === 0 ? 0 : 1), 0);
    return { ...result, replies, histogram, seconds: durationMs / 1000, lost: result.lost + open };
  }

  private receive(socket: Socket, flags: number): number {
    const received = this.kernel.recvmmsg(socket.fd, this.block.headers[0]!, SLOTS, flags, null);
    if (received >= 0) return received;
    const errno = this.kernel.errno();
    // A refused datagram is reported to the next call (ICMP): the server is not there, which shows as a loss.
    if (errno !== EAGAIN && errno !== EINTR && lastErrorName(this.kernel) !== "ECONNREFUSED")
      throw new Error(`recvmmsg: ${lastErrorName(this.kernel)}`);
    return 0;
  }

  private take(socket: Socket, options: RunOptions, nowMs: number): void {
    const received = this.receive(socket, MSG_DONTWAIT);
    if (received > 0) socket.heardAtMs = nowMs;
    for (let slot = 0; slot < received; slot++) this.check(socket, slot, options, nowMs);
  }

  private check(
    socket: Socket,
    slot: number,
    { workload, resolverAddress }: RunOptions,
    nowMs: number,
  ): void {
    const { result } = this;
    const reply = this.block.messages[slot]!;
    const length = receivedLength(this.block, slot);
    const id = length < 12 ? 0 : reply.getUint16(0);
    // Late: it was given up as lost.
    if (length >= 12 && this.askedBy[id] === 0) return;
    this.askedBy[id] = 0;
    socket.inFlight--;
    result.replies++;
    const us = Math.max(0, Math.floor((nowMs - this.dueAtMs[id]!) * 1000));
    result.histogram[us < HISTOGRAM_US ? us : HISTOGRAM_US - 1]!++;
    if (isExpected(reply, this.replyWords[slot]!, length, id, workload, resolverAddress)) return;
    if (result.wrong++ === 0)
      result.firstWrong = Buffer.from(reply.buffer, reply.byteOffset, length).toString("hex");
  }

  /** Returns the number of queries that were sent. */
  private send(socket: Socket, index: number, count: number, workload: Workload): number {
    const { queries } = this;
    const words = QUERY_OCTETS >> 2;
    for (let slot = 0; slot < count; slot++) {
      const id = (this.nextId + slot) % IDS;
      const to = this.queryWords[slot]!;
      const from = id * words;
      for (let word = 0; word < words; word++) to[word] = workload.words[from + word]!;
      setReplyLength(queries, slot, workload.lengths[id]!);
      const before = this.askedBy[id]!;
      if (before !== 0) {
        this.result.lost++;
        this.sockets[before - 1]!.inFlight--;
      }
      this.askedBy[id] = index + 1;
    }
    const sent = this.hand(socket.fd, count, workload);
    for (let slot = sent; slot < count; slot++) this.askedBy[(this.nextId + slot) % IDS] = 0;
    this.nextId = (this.nextId + sent) % IDS;
    socket.inFlight += sent;
    return sent;
  }

  /** Gives the first `count` slots to the kernel, in runs of one length; returns how many it took. */
  private hand(fd: number, count: number, workload: Workload): number {
    let next = 0;
    while (next < count) {
      const length = workload.lengths[(this.nextId + next) % IDS]!;
      let end = next + 1;
      while (end < count && workload.lengths[(this.nextId + end) % IDS] === length) end++;
      const taken = this.handRun(fd, next, end - next, length);
      if (taken > 0) next += taken;
      else if (this.canSegment && end - next >= LEAST_SEGMENTS && this.kernel.errno() !== EAGAIN)
        this.canSegment = false;
      else return next;
    }
    return next;
  }

  private handRun(fd: number, from: number, count: number, length: number): number {
    const { kernel, queries, segmented, segmentedView } = this;
    if (!this.canSegment || count < LEAST_SEGMENTS)
      return kernel.sendmmsg(fd, queries.headers[from]!, count, MSG_DONTWAIT);
    segmentedView.setBigUint64(VECTOR_AT, this.vectors + BigInt(from * 16), true);
    segmentedView.setUint32(VECTOR_COUNT_AT, count, true);
    segmentedView.setUint16(SEGMENT_CONTROL_AT + 16, length, true);
    return kernel.sendmmsg(fd, segmented.address, 1, MSG_DONTWAIT) === 1 ? count : 0;
  }

  private giveUp(socket: Socket, index: number): void {
    for (let id = 0; id < IDS; id++) if (this.askedBy[id] === index + 1) this.askedBy[id] = 0;
    this.result.lost += socket.inFlight;
    socket.inFlight = 0;
    socket.heardAtMs = performance.now();
  }
}

function emptyResult(): RunResult {
  return {
    replies: 0,
    seconds: 0,
    lost: 0,
    wrong: 0,
    firstWrong: "",
    histogram: new Uint32Array(HISTOGRAM_US),
  };
}

/** QR, OPCODE, AA and TC. */
const FLAGS_MASK = 0xfe00;
const FLAGS_EXPECTED = 0x8400;

function isExpected(
  reply: DataView,
  words: Int32Array,
  length: number,
  id: number,
  workload: Workload,
  resolverAddress: number,
): boolean {
  const end = workload.questionEnds[id]!;
  if (length < end) return false;
  const flags = reply.getUint16(2);
  if ((flags & FLAGS_MASK) !== FLAGS_EXPECTED || (flags & 15) !== workload.rcodes[id]) return false;
  if (reply.getUint16(4) !== 1) return false;
  // The question from octet 12 on, by words and then by octets.
  const start = id * QUERY_OCTETS;
  const whole = end >> 2;
  for (let word = 3; word < whole; word++)
    if (words[word] !== workload.words[(start >> 2) + word]) return false;
  for (let at = whole << 2; at < end; at++)
    if (reply.getUint8(at) !== workload.octets[start + at]) return false;
  const address = workload.addresses[id]!;
  if (address === 0) return reply.getUint16(6) === 0;
  // One record: a pointer to the question's name, A, IN, TTL, four octets.
  return (
    reply.getUint16(6) === 1 &&
    length >= end + 16 &&
    reply.getUint16(end) === 0xc00c &&
    reply.getUint32(end + 2) === 0x0001_0001 &&
    reply.getUint16(end + 10) === 4 &&
    reply.getUint32(end + 12) === (address === BY_RESOLVER ? resolverAddress : address)
  );
}
