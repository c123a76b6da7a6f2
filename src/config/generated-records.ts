import { MAX_NAME_OCTETS, TYPE_NS, TYPE_SOA } from "../wire/constants.ts";
import { nameFromText } from "../wire/name-text.ts";
import { emptyColumns } from "../zone/column-builder.ts";
import type { RecordColumns } from "../zone/record-columns.ts";

/**
 * The SOA and NS records of a zone that brings none of its own. They are the same on every node that has the same
 * files, since nothing but the files goes into them.
 */

/** Nobody transfers such a zone, so that these timers only have to be plausible (RFC 1912 section 2.2). */
const REFRESH_SECONDS = 7200;
const RETRY_SECONDS = 900;
const EXPIRE_SECONDS = 1_209_600;
const RECORD_TTL_SECONDS = 3600;
/** A name that does not exist now may exist after the next reload: nobody should remember its absence for long. */
const MAX_NEGATIVE_SECONDS = 60;

const HOSTMASTER = Uint8Array.from([10, ...new TextEncoder().encode("hostmaster")]);

export interface GeneratedFrom {
  apex: Uint8Array;
  /** Absolute names; none: nothing is generated. */
  nameservers: readonly string[];
  /** Line of each in `file`. */
  lines: readonly number[];
  /** Greatest TTL of the zone's dynamic records: negative answers live no longer. */
  ttlMaxSeconds: number;
  /** The zone's YAML text, for the serial. */
  text: string;
  /** File that findings about these records name. */
  file: string;
}

interface NewRecord {
  type: number;
  rdata: Uint8Array;
  line: number;
}

/** The columns with an SOA and NS records at the apex where there are none; the given columns are not changed. */
export function withApexRecords(columns: RecordColumns | null, from: GeneratedFrom): RecordColumns {
  const base = columns ?? emptyColumns(from.apex);
  if (from.nameservers.length === 0) return base;
  const added: NewRecord[] = [];
  const names = from.nameservers.map((name) => nameFromText(name) as Uint8Array);
  if (!hasApexRecord(base, TYPE_SOA))
    added.push({
      type: TYPE_SOA,
      rdata: soaRdata(names[0]!, serialOf(base, from.text), from),
      line: from.lines[0] ?? 0,
    });
  if (!hasApexRecord(base, TYPE_NS))
    for (const [at, rdata] of names.entries())
      added.push({ type: TYPE_NS, rdata, line: from.lines[at] ?? 0 });
  return added.length === 0 ? base : append(base, added, from);
}

function hasApexRecord(columns: RecordColumns, type: number): boolean {
  for (let record = 0; record < columns.count; record++)
    if (columns.type[record] === type && isApex(columns, columns.owner[record]!)) return true;
  return false;
}

function isApex({ origin, octets }: RecordColumns, at: number): boolean {
  // Shorter names cannot lie within the zone, so that equal octets are the same name.
  return origin.every((octet, i) => octet === octets[at + i]);
}

/** RFC 1035 section 3.3.13. */
function soaRdata(primary: Uint8Array, serial: number, from: GeneratedFrom): Uint8Array {
  const fits = HOSTMASTER.length + from.apex.length <= MAX_NAME_OCTETS;
  const mailbox = fits ? Uint8Array.from([...HOSTMASTER, ...from.apex]) : from.apex;
  const rdata = new Uint8Array(primary.length + mailbox.length + 20);
  rdata.set(primary);
  rdata.set(mailbox, primary.length);
  const numbers = new DataView(rdata.buffer, primary.length + mailbox.length);
  const negative = Math.min(from.ttlMaxSeconds, MAX_NEGATIVE_SECONDS);
  for (const [index, value] of [serial, REFRESH_SECONDS, RETRY_SECONDS, EXPIRE_SECONDS, negative].entries())
    numbers.setUint32(index * 4, value);
  return rdata;
}

/**
 * A hash of what the zone's files say: two nodes with the same serial serve the same zone. It does not count up, which
 * only a transfer would need. Never 0.
 */
function serialOf(columns: RecordColumns, text: string): number {
  let hash = 0x811c9dc5;
  const mix = (value: number) => {
    hash = Math.imul(hash ^ value, 0x01000193);
  };
  for (let i = 0; i < text.length; i++) mix(text.charCodeAt(i));
  for (let record = 0; record < columns.count; record++) {
    mix(columns.type[record]!);
    mix(columns.ttl[record]!);
    mix(columns.owner[record]!);
    const end = columns.rdata[record]! + columns.rdlength[record]!;
    for (let at = columns.rdata[record]!; at < end; at++) mix(columns.octets[at]!);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0 || 1;
}

function append(base: RecordColumns, added: NewRecord[], from: GeneratedFrom): RecordColumns {
  const count = base.count + added.length;
  const used = base.octets.length;
  const size = used + base.origin.length + added.reduce((sum, { rdata }) => sum + rdata.length, 0);
  const grown: RecordColumns = {
    origin: base.origin,
    count,
    owner: grow(base.owner, new Int32Array(count), base.count),
    type: grow(base.type, new Uint16Array(count), base.count),
    ttl: grow(base.ttl, new Int32Array(count), base.count),
    rdata: grow(base.rdata, new Int32Array(count), base.count),
    rdlength: grow(base.rdlength, new Uint16Array(count), base.count),
    line: grow(base.line, new Int32Array(count), base.count),
    file: grow(base.file, new Uint16Array(count), base.count),
    octets: grow(base.octets, new Uint8Array(size), used),
    files: [...base.files, from.file],
  };
  grown.octets.set(base.origin, used);
  let at = used + base.origin.length;
  for (const [index, { type, rdata, line }] of added.entries()) {
    const record = base.count + index;
    grown.octets.set(rdata, at);
    grown.owner[record] = used;
    grown.type[record] = type;
    grown.line[record] = line;
    grown.ttl[record] = RECORD_TTL_SECONDS;
    grown.rdata[record] = at;
    grown.rdlength[record] = rdata.length;
    grown.file[record] = base.files.length;
    at += rdata.length;
  }
  return grown;
}

function grow<T extends Int32Array | Uint16Array | Uint8Array>(from: T, into: T, used: number): T {
  into.set(from.subarray(0, used));
  return into;
}
