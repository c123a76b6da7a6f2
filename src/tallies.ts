import { ADDRESS_WORDS, type PolicyData, RECORD_WORDS } from "./policy/data.ts";
import { allocateSharedBlock } from "./wire/block.ts";
import { ZONE_WORDS, type ZoneData } from "./zone/zone-data.ts";

/**
 * How often each zone, dynamic record, pool and address of one snapshot was asked for or answered: a run of floats for
 * every data worker, written by that worker alone and summed by whoever reads. They come and go with their snapshot, so
 * that a slot's number is that of the thing itself; control/tally-book.ts carries the sums over to the next one.
 */
export interface Tallies {
  /** One run of `slots` for each worker, by its index. */
  words: Float64Array;
  slots: number;
}

/** Where what is counted begins within a run, behind the queries by the zone of QNAME: those of zone i in slot i + 1, others in 0. */
export interface TallyLayout {
  /** Decisions by dynamic record. */
  records: number;
  /** Answers in which the address is. */
  addresses: number;
  /** Answers in which it is the first: those of a pool are the sum over its addresses, which costs less than its own slot. */
  leads: number;
  /** Slots of a run: whole cache lines of 64 octets, so that none is two workers'. */
  slots: number;
}

/** The parts of a snapshot that are counted. */
interface Counted {
  zones: ZoneData;
  policy: PolicyData;
}

/** The layout follows from what the snapshot has. */
export function layTallies({ zones, policy }: Counted): TallyLayout {
  const records = 1 + zones.zones.length / ZONE_WORDS;
  const addresses = records + policy.records.length / RECORD_WORDS;
  const leads = addresses + policy.addresses.length / ADDRESS_WORDS;
  const end = leads + policy.addresses.length / ADDRESS_WORDS;
  return { records, addresses, leads, slots: (end + 7) & ~7 };
}

/** Zeros in memory that other threads can read. Pages that no worker touches cost nothing. */
export function allocateTallies(snapshot: Counted, workers: number): Tallies {
  const { slots } = layTallies(snapshot);
  const count = workers * slots;
  return { words: new Float64Array(allocateSharedBlock(count * 8), 0, count), slots };
}

/** The run of one worker. */
export function tallyRun({ words, slots }: Tallies, worker: number): Float64Array {
  return words.subarray(worker * slots, (worker + 1) * slots);
}
