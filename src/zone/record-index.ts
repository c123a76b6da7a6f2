import { TYPE_A, TYPE_AAAA, TYPE_CNAME, TYPE_DNAME, TYPE_NS } from "../wire/constants.ts";
import { LOWER, nameLength } from "../wire/name.ts";
import type { RecordColumns } from "./record-columns.ts";

/** What stands at an owner name. */
export const OWNS_ADDRESS = 1;
export const OWNS_CNAME = 2;
export const OWNS_DNAME = 4;
export const OWNS_NS = 8;
const OWNS_OTHER = 16;

/** Records by owner name. An owner is its index; its records are a chain in the order of the file. */
export interface RecordIndex {
  columns: RecordColumns;
  ownerCount: number;
  /** By owner: offset of the name in the columns' octets. */
  names: Int32Array;
  /** By owner: first and last record. */
  first: Int32Array;
  last: Int32Array;
  /** By owner: OWNS_* of all its records, and the union of all owners. */
  owns: Uint8Array;
  ownsAnywhere: number;
  /** By record: the next one of the same owner, or -1. */
  next: Int32Array;
  /** Open-addressed hash of owners: index plus one; length a power of two. */
  table: Int32Array;
  /** By record: 1 for one that says what another has said. Empty until there is one. */
  dropped: Uint8Array;
}

/** Indexes all records; the columns must not change while the index is in use, but for TTLs. */
export function indexRecords(columns: RecordColumns): RecordIndex {
  const { count } = columns;
  let tableLength = 16;
  while (tableLength < count * 2) tableLength *= 2;
  const index: RecordIndex = {
    columns,
    ownerCount: 0,
    names: new Int32Array(count),
    first: new Int32Array(count),
    last: new Int32Array(count),
    owns: new Uint8Array(count),
    ownsAnywhere: 0,
    next: new Int32Array(count).fill(-1),
    table: new Int32Array(tableLength),
    dropped: new Uint8Array(0),
  };
  let owner = -1;
  for (let record = 0; record < count; record++) {
    const nameAt = columns.owner[record]!;
    if (record === 0 || nameAt !== columns.owner[record - 1]) owner = addOwner(index, nameAt, record);
    if (index.first[owner] !== record) index.next[index.last[owner]!] = record;
    index.last[owner] = record;
    index.owns[owner]! |= ownsOf(columns.type[record]!);
    index.ownsAnywhere |= index.owns[owner]!;
  }
  return index;
}

function ownsOf(type: number): number {
  switch (type) {
    case TYPE_A:
    case TYPE_AAAA:
      return OWNS_ADDRESS;
    case TYPE_CNAME:
      return OWNS_CNAME;
    case TYPE_DNAME:
      return OWNS_DNAME;
    case TYPE_NS:
      return OWNS_NS;
    default:
      return OWNS_OTHER;
  }
}

function addOwner(index: RecordIndex, nameAt: number, record: number): number {
  const { octets } = index.columns;
  const slot = slotOf(index, octets, nameAt);
  const known = index.table[slot]! - 1;
  if (known >= 0) return known;
  const owner = index.ownerCount++;
  index.table[slot] = owner + 1;
  index.names[owner] = nameAt;
  index.first[owner] = record;
  return owner;
}

/** Slot of the table that holds the name, or would. */
function slotOf(index: RecordIndex, octets: Uint8Array, at: number): number {
  const { table, names, columns } = index;
  const mask = table.length - 1;
  const length = nameLength(octets, at);
  let hash = 0;
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ LOWER[octets[i]!]!, 0x01000193);
  hash ^= hash >>> 15;
  for (let slot = (Math.imul(hash, 0x2c1b3c6d) >>> 1) & mask; ; slot = (slot + 1) & mask) {
    const owner = table[slot]! - 1;
    if (owner < 0 || isOwner(columns.octets, names[owner]!, octets, at, length)) return slot;
  }
}

/** Owners are in lower case; the name compared may not be. */
function isOwner(
  owners: Uint8Array,
  ownerAt: number,
  octets: Uint8Array,
  at: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (owners[ownerAt + i] !== LOWER[octets[at + i]!]) return false;
  return true;
}

/** The owner with the name at `at` of `octets`, in any case, or -1. */
export function findOwner(index: RecordIndex, octets: Uint8Array, at: number): number {
  return index.table[slotOf(index, octets, at)]! - 1;
}

/** Whether the record is one that was dropped. */
export function isDropped(index: RecordIndex, record: number): boolean {
  return index.dropped.length > 0 && index.dropped[record] === 1;
}

/** The first record of the owner that has the type and was not dropped, or -1. */
export function firstOfType(index: RecordIndex, owner: number, type: number): number {
  for (let record = index.first[owner]!; record >= 0; record = index.next[record]!) {
    if (index.columns.type[record] === type && !isDropped(index, record)) return record;
  }
  return -1;
}

/** Octets of labels in front of the apex: how far the name at `at` reaches below it; -1 when it is not within the zone. */
export function depthInZone(origin: Uint8Array, octets: Uint8Array, at: number): number {
  const tail = at + nameLength(octets, at) - origin.length;
  let from = at;
  while (from < tail) from += octets[from]! + 1;
  if (from !== tail) return -1;
  for (let i = 0; i < origin.length; i++) if (LOWER[octets[from + i]!] !== origin[i]) return -1;
  return tail - at;
}
