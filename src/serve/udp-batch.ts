import { COUNTER_KERNEL_DROPS } from "../counters.ts";
import { exchangeBatch } from "./batch.ts";
import { WORD_BELL } from "./blocks.ts";
import {
  type Kernel,
  lastErrorName,
  MSG_DONTWAIT,
  MSG_WAITFORONE,
  type NativeBlock,
  POLLIN,
} from "./kernel.ts";
import { judgeFailures, type Listener, type ListenFailure } from "./listener.ts";
import { centisecondOf, createMessageBlock, type MessageBlock } from "./message-block.ts";
import type { Plane } from "./plane.ts";
import { addressLength } from "./socket-address.ts";
import { bufferAdvice, canListenTcp, MAX_PICKS, SOCKET_BUFFER_OCTETS } from "./udp.ts";
import {
  adoptUdpSocket,
  createOptionBlock,
  kernelDrops,
  type OptionBlock,
  openUdpSocket,
  RECEIVE_TIMEOUT_MS,
  receiveBuffer,
  type UdpSocket,
} from "./udp-sockets.ts";

export interface UdpBatchOptions {
  kernel: Kernel;
  /** Several workers share each port, with a socket each (SO_REUSEPORT). */
  reusePort: boolean;
  /**
   * Where descriptors outlive the worker: descriptor + 1 of each listener, 0 for none. A worker that takes the place of
   * a dead one answers on the same sockets, and what waits in them.
   */
  descriptors: Int32Array;
  /** The worker's control words: see blocks.ts. */
  words: Int32Array;
  isFreeForTcp?: (listener: Listener) => Promise<boolean>;
}

export interface UdpBatchServer {
  listeners: Listener[];
  skipped: ListenFailure[];
  /** Answers also on the sockets of workers that are being replaced; these and no others. */
  cover(descriptors: readonly number[]): void;
  close(): void;
}

const DROPS_MS = 1000;
/**
 * The event loop of a busy worker turns this often, as that of an idle one does: its timers, the heart among them, want no
 * more, and each turn leaves an object or two on the heap. Messages do not wait for it: the bell ends a turn.
 */
const TURN_CENTISECONDS = 10;
/** struct pollfd { fd, events, revents }. */
const POLL_OCTETS = 8;
const MAX_POLLED = 256;

/**
 * Answers on sockets of its own with recvmmsg and sendmmsg. The thread blocks in the kernel, 100 ms at most, and lets
 * its event loop turn in between: see `turn`. Resolves to the failures instead, with nothing left open, as openUdp does.
 */
export async function openUdpBatch(
  listeners: Listener[],
  plane: Plane,
  options: UdpBatchOptions,
): Promise<UdpBatchServer | { failures: ListenFailure[] }> {
  const { kernel, descriptors } = options;
  const block = createOptionBlock(kernel);
  const bound: (UdpSocket | ListenFailure)[] = [];
  for (const [index, listener] of listeners.entries()) {
    const known = descriptors[index] ?? 0;
    const adopted = known === 0 ? null : adoptUdpSocket(kernel, block, listener, known - 1);
    bound.push(adopted ?? (await bindForBoth(block, listener, options)));
  }
  const sockets = bound.filter((outcome) => "fd" in outcome);
  const { fatal, skipped } = judgeFailures(
    bound.filter((outcome): outcome is ListenFailure => !("fd" in outcome)),
    listeners.length,
  );
  if (fatal.length > 0) {
    for (const { fd } of sockets) kernel.close(fd);
    descriptors.fill(0);
    return { failures: fatal };
  }
  for (const [index, outcome] of bound.entries())
    if (index < descriptors.length) Atomics.store(descriptors, index, "fd" in outcome ? outcome.fd + 1 : 0);
  const advice = bufferAdvice(Math.min(...sockets.map(({ fd }) => receiveBuffer(kernel, block, fd))));
  if (advice !== null) plane.log("info", advice);
  return new BatchServer(sockets, skipped, plane, options, block);
}

/** As bindForBoth of udp.ts, on sockets of our own. */
async function bindForBoth(
  block: OptionBlock,
  listener: Listener,
  { kernel, reusePort, isFreeForTcp = canListenTcp }: UdpBatchOptions,
): Promise<UdpSocket | ListenFailure> {
  const rejected: UdpSocket[] = [];
  try {
    for (;;) {
      const outcome = openUdpSocket(kernel, block, listener, reusePort, SOCKET_BUFFER_OCTETS);
      if (!("fd" in outcome) || listener.port !== 0 || (await isFreeForTcp(outcome.listener))) return outcome;
      rejected.push(outcome);
      if (rejected.length === MAX_PICKS) return { listener, transport: "tcp", code: "EADDRINUSE" };
    }
  } finally {
    for (const { fd } of rejected) kernel.close(fd);
  }
}

class BatchServer implements UdpBatchServer {
  readonly listeners: Listener[];
  readonly skipped: ListenFailure[];
  private readonly kernel: Kernel;
  private readonly plane: Plane;
  private readonly own: UdpSocket[];
  private readonly descriptors: Int32Array;
  private readonly words: Int32Array;
  private readonly block: OptionBlock;
  /** Own sockets, and those of dead workers. */
  private sockets: UdpSocket[];
  /** One of each kind: by family, with and without control messages. */
  private readonly messages = new Map<string, MessageBlock>();
  private blocks: MessageBlock[] = [];
  private readonly polled: NativeBlock;
  private readonly pollView: DataView;
  private readonly dropsTimer: NodeJS.Timeout;
  private closed = false;
  private failing = false;
  private readonly again = (): void => this.turn();
  /** When the last batch came. */
  private centisecond = 0;

  constructor(
    sockets: UdpSocket[],
    skipped: ListenFailure[],
    plane: Plane,
    { kernel, descriptors, words }: UdpBatchOptions,
    block: OptionBlock,
  ) {
    this.kernel = kernel;
    this.plane = plane;
    this.own = sockets;
    this.descriptors = descriptors;
    this.words = words;
    this.block = block;
    this.listeners = sockets.map(({ listener }) => listener);
    this.skipped = skipped;
    this.polled = kernel.allocate(MAX_POLLED * POLL_OCTETS);
    this.pollView = new DataView(this.polled.buffer);
    this.sockets = sockets;
    this.use(sockets);
    this.dropsTimer = setInterval(() => this.countDrops(), DROPS_MS);
    setImmediate(this.again);
  }

  cover(descriptors: readonly number[]): void {
    const others = descriptors
      .map((fd) =>
        this.own.flatMap(({ listener }) => adoptUdpSocket(this.kernel, this.block, listener, fd) ?? []),
      )
      .flatMap((found) => found.slice(0, 1));
    this.use([...this.own, ...others].slice(0, MAX_POLLED));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.dropsTimer);
    for (const { fd } of this.own) this.kernel.close(fd);
    this.descriptors.fill(0);
  }

  private use(sockets: UdpSocket[]): void {
    this.sockets = sockets;
    this.blocks = sockets.map(({ listener: { family }, wildcard }) => {
      const kind = `${family} ${wildcard}`;
      const block =
        this.messages.get(kind) ?? createMessageBlock(this.kernel, addressLength(family), wildcard);
      this.messages.set(kind, block);
      return block;
    });
    for (const [index, { fd }] of sockets.entries()) {
      this.pollView.setInt32(index * POLL_OCTETS, fd, true);
      this.pollView.setInt16(index * POLL_OCTETS + 4, POLLIN, true);
    }
  }

  /**
   * Answers until nothing has come for 100 ms, a message waits, or 100 ms are over; messages, timers and the end of the
   * worker have their turn before the next one.
   */
  private turn(): void {
    if (this.closed) return;
    this.failing = false;
    const { words } = this;
    const bell = Atomics.load(words, WORD_BELL);
    const single = this.sockets.length === 1;
    let received = 0;
    let elapsed = 0;
    let first = -1;
    do {
      received = single ? this.exchange(0, MSG_WAITFORONE) : this.exchangeAll();
      if (first < 0) first = this.centisecond;
      elapsed = this.centisecond - first;
      // A clock that was set back ends the turn too.
    } while (
      received > 0 &&
      elapsed >= 0 &&
      elapsed < TURN_CENTISECONDS &&
      Atomics.load(words, WORD_BELL) === bell
    );
    // A socket that fails at once would turn the loop without end.
    if (this.failing) setTimeout(this.again, RECEIVE_TIMEOUT_MS);
    else setImmediate(this.again);
  }

  /** One batch from every socket that has something. Returns the number of datagrams. */
  private exchangeAll(): number {
    const { pollView, sockets } = this;
    if (this.kernel.poll(this.polled.address, sockets.length, RECEIVE_TIMEOUT_MS) <= 0) return 0;
    let received = 0;
    for (let index = 0; index < sockets.length; index++) {
      if (pollView.getInt16(index * POLL_OCTETS + 6, true) !== 0)
        received += this.exchange(index, MSG_DONTWAIT);
    }
    return received;
  }

  private exchange(index: number, flags: number): number {
    const { fd, listener, wildcard } = this.sockets[index]!;
    const received = exchangeBatch(
      this.kernel,
      this.blocks[index]!,
      fd,
      listener.family,
      wildcard,
      flags,
      this.plane,
    );
    if (received > 0) this.centisecond = centisecondOf(this.blocks[index]!);
    if (received >= 0) return received;
    this.failing = true;
    this.plane.log("warn", "receiving failed", { error: lastErrorName(this.kernel) });
    return 0;
  }

  private countDrops(): void {
    let drops = 0;
    for (const { fd } of this.own) drops += kernelDrops(this.kernel, this.block, fd);
    this.plane.counters[COUNTER_KERNEL_DROPS] = drops;
  }
}
