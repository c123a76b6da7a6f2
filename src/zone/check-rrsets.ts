import { LOWER } from "../wire/name.ts";
import { formatName } from "../wire/name-text.ts";
import { formatType } from "../wire/registry.ts";
import { type Check, report } from "./check-report.ts";
import type { RecordColumns } from "./record-columns.ts";
import type { RecordIndex } from "./record-index.ts";

/** Where names start in RDATA that ends with them, by type: names are compared without regard to case (RFC 4343). */
const NAMES_FROM: Record<number, number> = {
  2: 0,
  3: 0,
  4: 0,
  5: 0,
  7: 0,
  8: 0,
  9: 0,
  12: 0,
  14: 0,
  15: 2,
  17: 0,
  18: 2,
  21: 2,
  33: 6,
  36: 2,
  39: 0,
};

/** Up to here each pair of an owner's records is compared; beyond, a hash finds the equal ones. */
const PAIRED_RECORDS = 16;

/**
 * Marks records that say what an earlier one of their RRset says, and gives all records of an RRset the TTL of its first
 * (RFC 2181 sections 5 and 5.2), as named does it, with a warning each.
 */
export function settleRrsets(check: Check): void {
  const { index } = check;
  const records: number[] = [];
  for (let owner = 0; owner < index.ownerCount; owner++) {
    if (index.first[owner] === index.last[owner]) continue;
    records.length = 0;
    for (let record = index.first[owner]!; record >= 0; record = index.next[record]!) records.push(record);
    if (records.length <= PAIRED_RECORDS) settlePairs(check, records);
    else settleMany(check, records);
  }
}

function settlePairs(check: Check, records: readonly number[]): void {
  const { columns } = check.index;
  for (let i = 1; i < records.length; i++) {
    const record = records[i]!;
    let first = -1;
    let same = -1;
    for (let j = i - 1; j >= 0; j--) {
      if (columns.type[records[j]!] !== columns.type[record]) continue;
      first = records[j]!;
      if (isSameRdata(columns, first, record)) same = first;
    }
    settle(check, record, first, same);
  }
}

function settleMany(check: Check, records: readonly number[]): void {
  const { columns } = check.index;
  const firsts = new Map<number, number>();
  let size = 64;
  while (size < records.length * 2) size *= 2;
  const table = new Int32Array(size);
  for (const record of records) {
    const first = firsts.get(columns.type[record]!) ?? -1;
    if (first < 0) firsts.set(columns.type[record]!, record);
    let slot = hashRdata(columns, record) & (size - 1);
    while (table[slot] !== 0 && !isSameRecord(columns, table[slot]! - 1, record))
      slot = (slot + 1) & (size - 1);
    const same = table[slot]! - 1;
    if (same < 0) table[slot] = record + 1;
    settle(check, record, first, same);
  }
}

/** `first`: the first record of the same RRset, or -1; `same`: one with the same RDATA, or -1. */
function settle(check: Check, record: number, first: number, same: number): void {
  const { columns } = check.index;
  if (first < 0) return;
  const owner = formatNameOf(columns, record);
  if (columns.ttl[record] !== columns.ttl[first]) {
    const what = `${owner}: TTL ${columns.ttl[record]} differs from that of the RRset's first record`;
    report(check, "warning", "ZONE_TTL_DIFFERS", record, what, `${columns.ttl[first]}, which is used`, first);
    columns.ttl[record] = columns.ttl[first]!;
  }
  if (same < 0) return;
  if (check.index.dropped.length === 0) check.index.dropped = new Uint8Array(columns.count);
  check.index.dropped[record] = 1;
  report(
    check,
    "warning",
    "ZONE_DUPLICATE",
    record,
    `${owner}: the record is there twice`,
    "each record once",
    same,
  );
}

function formatNameOf(columns: RecordColumns, record: number): string {
  return `${formatName(columns.octets, columns.owner[record]!)} ${formatType(columns.type[record]!)}`;
}

function isSameRecord(columns: RecordColumns, a: number, b: number): boolean {
  return columns.type[a] === columns.type[b] && isSameRdata(columns, a, b);
}

function isSameRdata(columns: RecordColumns, a: number, b: number): boolean {
  const { octets } = columns;
  const length = columns.rdlength[a]!;
  if (columns.rdlength[b] !== length) return false;
  const namesFrom = NAMES_FROM[columns.type[a]!] ?? length;
  const [atA, atB] = [columns.rdata[a]!, columns.rdata[b]!];
  for (let i = 0; i < namesFrom; i++) if (octets[atA + i] !== octets[atB + i]) return false;
  for (let i = namesFrom; i < length; i++) {
    if (LOWER[octets[atA + i]!] !== LOWER[octets[atB + i]!]) return false;
  }
  return true;
}

/** In lower case throughout: what differs elsewhere only shares a slot. */
function hashRdata(columns: RecordColumns, record: number): number {
  const at = columns.rdata[record]!;
  let hash = columns.type[record]!;
  for (let i = at; i < at + columns.rdlength[record]!; i++) {
    hash = Math.imul(hash ^ LOWER[columns.octets[i]!]!, 0x01000193);
  }
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 1;
}

/** Takes the dropped records out of the columns; the index is of no use afterwards. */
export function dropRecords(index: RecordIndex): void {
  const { columns, dropped } = index;
  if (dropped.length === 0) return;
  let kept = 0;
  for (let record = 0; record < columns.count; record++) {
    if (dropped[record] === 1) continue;
    for (const column of [
      columns.owner,
      columns.type,
      columns.ttl,
      columns.rdata,
      columns.rdlength,
      columns.line,
      columns.file,
    ]) {
      column[kept] = column[record]!;
    }
    kept++;
  }
  columns.count = kept;
}
