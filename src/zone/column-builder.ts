import type { RecordColumns } from "./record-columns.ts";

/** RecordColumns while they grow. */
export interface ColumnBuilder {
  count: number;
  owner: Int32Array;
  type: Uint16Array;
  ttl: Int32Array;
  rdata: Int32Array;
  rdlength: Uint16Array;
  line: Int32Array;
  file: Uint16Array;
  octets: Uint8Array;
  /** Octets in use. */
  length: number;
  files: string[];
}

/** A zone of a few records fits without growing. */
const FIRST_RECORDS = 1024;
const FIRST_OCTETS = 256 * 1024;

/** Up to this size the arrays are kept for the next zone and the zone gets copies of what it uses: 12,000 small zones then share one set. */
const KEPT_OCTETS = 1024 * 1024;

function createBuilder(): ColumnBuilder {
  return {
    count: 0,
    owner: new Int32Array(FIRST_RECORDS),
    type: new Uint16Array(FIRST_RECORDS),
    ttl: new Int32Array(FIRST_RECORDS),
    rdata: new Int32Array(FIRST_RECORDS),
    rdlength: new Uint16Array(FIRST_RECORDS),
    line: new Int32Array(FIRST_RECORDS),
    file: new Uint16Array(FIRST_RECORDS),
    octets: new Uint8Array(FIRST_OCTETS),
    length: 0,
    files: [],
  };
}

let spare: ColumnBuilder | undefined;

/** An empty builder. finishColumns takes it back. */
export function startColumns(): ColumnBuilder {
  const builder = spare ?? createBuilder();
  spare = undefined;
  builder.count = 0;
  builder.length = 0;
  builder.files = [];
  return builder;
}

/** The columns, of the size in use. The builder must not be used afterwards. */
export function finishColumns(builder: ColumnBuilder, origin: Uint8Array): RecordColumns {
  const { count, length, files } = builder;
  if (builder.octets.length > KEPT_OCTETS) {
    const octets = builder.octets.subarray(0, length);
    const { owner, type, ttl, rdata, rdlength, line, file } = builder;
    return { origin, count, owner, type, ttl, rdata, rdlength, line, file, octets, files };
  }
  spare = builder;
  return {
    origin,
    count,
    owner: builder.owner.slice(0, count),
    type: builder.type.slice(0, count),
    ttl: builder.ttl.slice(0, count),
    rdata: builder.rdata.slice(0, count),
    rdlength: builder.rdlength.slice(0, count),
    line: builder.line.slice(0, count),
    file: builder.file.slice(0, count),
    octets: builder.octets.slice(0, length),
    files,
  };
}

/** Columns without a record: for a zone that has no master file. */
export function emptyColumns(origin: Uint8Array): RecordColumns {
  return finishColumns(startColumns(), origin);
}

/** Makes room for `size` more octets; half as much again, so that copying costs a constant per octet. */
export function reserveOctets(builder: ColumnBuilder, size: number): void {
  const needed = builder.length + size;
  if (needed <= builder.octets.length) return;
  const grown = new Uint8Array(Math.max(needed, Math.ceil(builder.octets.length * 1.5)));
  grown.set(builder.octets.subarray(0, builder.length));
  builder.octets = grown;
}

/** Makes room for one more record. */
export function reserveRecord(builder: ColumnBuilder): void {
  const { count } = builder;
  if (count < builder.owner.length) return;
  const size = Math.ceil(count * 1.5);
  builder.owner = growWords(builder.owner, size);
  builder.ttl = growWords(builder.ttl, size);
  builder.rdata = growWords(builder.rdata, size);
  builder.line = growWords(builder.line, size);
  builder.type = growHalves(builder.type, size);
  builder.rdlength = growHalves(builder.rdlength, size);
  builder.file = growHalves(builder.file, size);
}

function growWords(words: Int32Array, size: number): Int32Array {
  const grown = new Int32Array(size);
  grown.set(words);
  return grown;
}

function growHalves(halves: Uint16Array, size: number): Uint16Array {
  const grown = new Uint16Array(size);
  grown.set(halves);
  return grown;
}
