import { viewOf } from "../wire/octets.ts";
import {
  NODE_FIRST_RRSET,
  NODE_RRSET_COUNT,
  NODE_WORDS,
  RRSET_COUNT,
  RRSET_OCTETS,
  RRSET_OFFSET,
  RRSET_TTL,
  RRSET_TYPE,
  RRSET_WORDS,
  type ZoneDraft,
} from "./draft.ts";
import { appendOctets, type GrowingWords, growingWords, reserveOctets, reserveWords } from "./growing.ts";
import type { RecordColumns } from "./record-columns.ts";

/** Records by owner: `heads` holds for each node since `firstNode` its first record plus one, `next` the following. */
export interface RecordLists {
  firstNode: number;
  heads: GrowingWords;
  next: Int32Array;
}

/** A message counts its records in 16 bits (RFC 1035 section 4.1.1). */
const MAX_RECORDS = 65_535;

/** Gathers each node's records into RRsets, sorted by type, the records of one in the order of the file. */
export function addRrsets(draft: ZoneDraft, columns: RecordColumns, lists: RecordLists): void {
  const run = growingWords(16);
  for (let list = 0; list < lists.heads.length; list++) {
    run.length = 0;
    for (let record = lists.heads.words[list]! - 1; record >= 0; record = lists.next[record]! - 1) {
      reserveWords(run, 1);
      run.words[run.length++] = record;
    }
    if (run.length === 0) continue;
    sortByType(columns, run);
    const at = (lists.firstNode + list) * NODE_WORDS;
    const first = draft.rrsets.length / RRSET_WORDS;
    for (let from = 0; from < run.length; ) {
      const type = columns.type[run.words[from]!]!;
      let to = from + 1;
      while (to < run.length && columns.type[run.words[to]!] === type) to++;
      addRrset(draft, columns, run.words, from, to);
      from = to;
    }
    draft.nodes.words[at + NODE_FIRST_RRSET] = first;
    draft.nodes.words[at + NODE_RRSET_COUNT] = draft.rrsets.length / RRSET_WORDS - first;
  }
  draft.view = viewOf(draft.octets.octets);
}

function sortByType(columns: RecordColumns, run: GrowingWords): void {
  if (run.length === 1) return;
  const { type } = columns;
  const sorted = Array.from(run.words.subarray(0, run.length)).sort((a, b) => type[a]! - type[b]! || a - b);
  run.words.set(sorted);
}

/** The records run[from..to) as one RRset: duplicates once, and with their least TTL (RFC 2181 sections 5 and 5.2). */
function addRrset(draft: ZoneDraft, columns: RecordColumns, run: Int32Array, from: number, to: number): void {
  const { rrsets, octets } = draft;
  reserveWords(rrsets, RRSET_WORDS);
  const at = rrsets.length;
  rrsets.length += RRSET_WORDS;
  const first = run[from]!;
  rrsets.words[at + RRSET_TYPE] = columns.type[first]!;
  rrsets.words[at + RRSET_OFFSET] = octets.length;
  const seen: Map<number, number[]> | null = to - from > 1 ? new Map() : null;
  let ttlSeconds = columns.ttl[first]!;
  let count = 0;
  for (let i = from; i < to && count < MAX_RECORDS; i++) {
    const record = run[i]!;
    ttlSeconds = Math.min(ttlSeconds, columns.ttl[record]!);
    if (seen !== null && isDuplicate(columns, record, seen)) continue;
    const rdlength = columns.rdlength[record]!;
    reserveOctets(octets, rdlength + 2);
    octets.octets[octets.length] = rdlength >>> 8;
    octets.octets[octets.length + 1] = rdlength;
    octets.length += 2;
    appendOctets(octets, columns.octets, columns.rdata[record]!, rdlength);
    count++;
  }
  rrsets.words[at + RRSET_TTL] = ttlSeconds;
  rrsets.words[at + RRSET_COUNT] = count;
  rrsets.words[at + RRSET_OCTETS] = octets.length - rrsets.words[at + RRSET_OFFSET]!;
}

/** Whether equal RDATA was seen; remembers it otherwise, by a hash of its octets. */
function isDuplicate(columns: RecordColumns, record: number, seen: Map<number, number[]>): boolean {
  const { octets } = columns;
  const offset = columns.rdata[record]!;
  const length = columns.rdlength[record]!;
  let hash = length;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ octets[offset + i]!, 0x01000193);
  const alike = seen.get(hash);
  if (alike === undefined) {
    seen.set(hash, [record]);
    return false;
  }
  for (const other of alike) {
    if (columns.rdlength[other] !== length) continue;
    let i = 0;
    while (i < length && octets[columns.rdata[other]! + i] === octets[offset + i]) i++;
    if (i === length) return true;
  }
  alike.push(record);
  return false;
}
