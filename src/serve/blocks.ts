import { allocateCounters } from "../counters.ts";
import { allocateHealthRows, type HealthRows, MAX_ENDPOINT_ROWS } from "../health/rows.ts";

/**
 * Memory that threads share, allocated once by the supervisor before any worker starts, and kept when a worker is
 * replaced. Every word has one writer, named beside it.
 */
export interface SharedBlocks {
  rows: HealthRows;
  control: Int32Array;
  probe: Int32Array;
  stream: DataBlock;
  /** One per UDP worker that could be started. */
  udp: DataBlock[];
}

/** What one data worker writes, and its control words. */
export interface DataBlock {
  /** COUNTER_* slots of counters.ts; written by the worker. */
  counters: Float64Array;
  /**
   * For each row of HealthRows.endpoints the latest second (since 1970) at which an answer that this worker gave for
   * it expires: after the greatest one over all workers, resolvers that honour TTLs have let go. Written by the worker.
   */
  expiries: Uint32Array;
  words: Int32Array;
  /**
   * Descriptors of the worker's UDP sockets, plus 1, in the order of its listeners; 0: none. They outlive the worker, so
   * that nothing is lost of what waits in them. Written by the worker.
   */
  descriptors: Int32Array;
}

/** Listeners whose sockets are handed on when a worker is replaced. */
const MAX_DESCRIPTORS = 64;

/** Counts up while the event loop of the worker turns; written by the worker. */
export const WORD_HEARTBEAT = 0;
/** 1: finish and exit; written by the supervisor. */
export const WORD_STOP = 1;
/** CRASH_*: how the worker is to die, for tests to see; written by tests, cleared by the worker. */
export const WORD_CRASH = 2;
/** Generation of the snapshot in use (control: last one published); written by the worker. */
export const WORD_GENERATION = 3;
/** 1 while the worker's sockets are open (control: the API's); written by the worker, cleared by the supervisor. */
export const WORD_OPEN = 4;
/** Times that the worker was replaced; written by the supervisor. */
export const WORD_RESTARTS = 5;
/** Second (since 1970) at which the worker was last started; written by the supervisor. */
export const WORD_STARTED_S = 6;
/** 1 while states are kept although probes fail (probe worker only); written by the worker. */
export const WORD_FROZEN = 7;
/** 1 while the file that outlives the process cannot be written (probe worker only); written by the worker. */
export const WORD_UNWRITTEN = 8;
/** Messages that the worker was sent: one that answers looks here whether something waits; written by the supervisor. */
export const WORD_BELL = 9;
/** Number of the last event that the worker was handed (control worker only); written by the worker, for the one that takes over. */
export const WORD_HEARD = 10;
/** Receivers have been told of every event up to this number, or it was given up (control worker only); written likewise. */
export const WORD_TOLD = 11;

export const CRASH_THROW = 1;
/** A loop that does not end. */
export const CRASH_HANG = 2;
/** Takes memory until there is no more. */
export const CRASH_MEMORY = 3;

/** One cache line of 64 octets. */
const WORD_COUNT = 16;

/** More answering threads than any machine has sockets' worth of work for; bounds `workers:`. */
export const MAX_UDP_WORKERS = 64;

/** Zeros for one worker's control words. */
export function allocateWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(WORD_COUNT * 4));
}

/** Zeros for one data worker. */
export function allocateDataBlock(endpointRows = MAX_ENDPOINT_ROWS): DataBlock {
  return {
    counters: allocateCounters(),
    expiries: new Uint32Array(new SharedArrayBuffer(endpointRows * 4)),
    words: allocateWords(),
    descriptors: new Int32Array(new SharedArrayBuffer(MAX_DESCRIPTORS * 4)),
  };
}

/** Everything shared, for up to `udpWorkers` UDP workers. Untouched pages cost nothing. */
export function allocateBlocks(udpWorkers = MAX_UDP_WORKERS): SharedBlocks {
  return {
    rows: allocateHealthRows(),
    control: allocateWords(),
    probe: allocateWords(),
    stream: allocateDataBlock(),
    udp: Array.from({ length: udpWorkers }, () => allocateDataBlock()),
  };
}

/** The blocks of all data workers: whoever sums over workers walks these. */
export function dataBlocks(blocks: SharedBlocks): DataBlock[] {
  return [blocks.stream, ...blocks.udp];
}
