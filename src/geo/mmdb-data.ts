/**
 * Reads the data section of the MaxMind DB format, version 2.0: https://maxmind.github.io/MaxMind-DB/ ("Output Data
 * Section"). Offsets are absolute in the file; pointers inside it count from `start`. A value that is cut, overlong or
 * of an unexpected type throws DataFault, which never leaves the geo modules.
 */
export class DataFault extends Error {}

export const TYPE_STRING = 2;
export const TYPE_MAP = 7;
export const TYPE_ARRAY = 11;
const TYPE_POINTER = 1;
const TYPE_DOUBLE = 3;
const TYPE_BYTES = 4;
const TYPE_UINT16 = 5;
const TYPE_UINT32 = 6;
const TYPE_INT32 = 8;
const TYPE_UINT64 = 9;
const TYPE_UINT128 = 10;
const TYPE_BOOLEAN = 14;
const TYPE_FLOAT = 15;

/** Real records nest four deep; the limit stops a crafted file from exhausting the stack. */
const DEPTH_LIMIT = 32;

export type MmdbValue = string | number | bigint | boolean | Uint8Array | MmdbValue[] | MmdbMap;
export type MmdbMap = Map<string, MmdbValue>;

/** A section of a file and the control octet that was read last. */
export interface DataReader {
  octets: Uint8Array;
  view: DataView;
  /** First octet, and the one after the last, of the section. */
  start: number;
  end: number;
  /** Type and size of the value that `enter` found, and where its payload starts. */
  type: number;
  size: number;
  payload: number;
  /** Offset after the value's place in its container, known after `enter` for a pointer, else -1. */
  after: number;
  /** Values that may still be read: crafted sections can make containers share their parts without end. */
  budget: number;
  /** Strings by offset: keys repeat in every record. */
  strings: Map<number, string>;
}

export function createDataReader(octets: Uint8Array, start: number, end: number): DataReader {
  return {
    octets,
    view: new DataView(octets.buffer, octets.byteOffset, octets.byteLength),
    start,
    end,
    type: 0,
    size: 0,
    payload: 0,
    after: -1,
    // Each record reads its parts once; sixteen readings of every octet are far beyond any real file.
    budget: 4096 + (end - start) * 16,
    strings: new Map(),
  };
}

/** Reads the control octets at `offset` and follows a pointer: sets type, size, payload and after; returns the type. */
export function enter(reader: DataReader, offset: number): number {
  reader.after = -1;
  readControl(reader, offset);
  if (reader.type !== TYPE_POINTER) return reader.type;
  const after = reader.payload;
  const target = reader.start + reader.size;
  readControl(reader, target);
  if (reader.type === TYPE_POINTER) throw new DataFault(`a pointer to a pointer at offset ${offset}`);
  reader.after = after;
  return reader.type;
}

function readControl(reader: DataReader, offset: number): void {
  if (--reader.budget < 0) throw new DataFault("values that share their parts without end");
  const { octets, end } = reader;
  if (offset < reader.start || offset >= end) throw new DataFault(`a value outside the data at ${offset}`);
  const control = octets[offset]!;
  let at = offset + 1;
  let type = control >> 5;
  if (type === TYPE_POINTER) {
    readPointer(reader, control, at);
    return;
  }
  if (type === 0) {
    if (at >= end) throw new DataFault(`a cut value at offset ${offset}`);
    type = octets[at++]! + 7;
    if (type <= 7 || type > TYPE_FLOAT) throw new DataFault(`an unknown type ${type} at offset ${offset}`);
  }
  let size = control & 31;
  if (size >= 29) {
    const extra = size - 28;
    if (at + extra > end) throw new DataFault(`a cut value at offset ${offset}`);
    size = extra === 1 ? 29 : extra === 2 ? 285 : 65821;
    let more = 0;
    for (let octet = 0; octet < extra; octet++) more = more * 256 + octets[at++]!;
    size += more;
  }
  reader.type = type;
  reader.size = size;
  reader.payload = at;
  if (at + payloadOctets(type, size) > end) throw new DataFault(`a cut value at offset ${offset}`);
}

function readPointer(reader: DataReader, control: number, at: number): void {
  const { octets } = reader;
  const extra = ((control >> 3) & 3) + 1;
  if (at + extra > reader.end) throw new DataFault(`a cut pointer at offset ${at - 1}`);
  let target = extra === 4 ? 0 : control & 7;
  for (let octet = 0; octet < extra; octet++) target = target * 256 + octets[at + octet]!;
  if (extra === 2) target += 2048;
  else if (extra === 3) target += 526336;
  reader.type = TYPE_POINTER;
  reader.size = target;
  reader.payload = at + extra;
}

/** Least number of octets that the payload takes: containers need one for each element. */
function payloadOctets(type: number, size: number): number {
  if (type === TYPE_BOOLEAN) return 0;
  return type === TYPE_MAP ? size * 2 : size;
}

/** Offset after the value at `offset`, with all that it contains. */
export function skipValue(reader: DataReader, offset: number, depth = 0): number {
  if (depth > DEPTH_LIMIT) throw new DataFault(`values nested deeper than ${DEPTH_LIMIT}`);
  readControl(reader, offset);
  const { type, size, payload } = reader;
  if (type === TYPE_POINTER || type === TYPE_BOOLEAN) return payload;
  if (type !== TYPE_MAP && type !== TYPE_ARRAY) return payload + size;
  let at = payload;
  const elements = type === TYPE_MAP ? size * 2 : size;
  for (let element = 0; element < elements; element++) at = skipValue(reader, at, depth + 1);
  return at;
}

/** The string at `offset`, remembered by its place; sets `after` to the offset behind it. */
export function readString(reader: DataReader, offset: number): string {
  if (enter(reader, offset) !== TYPE_STRING) throw new DataFault(`no string at offset ${offset}`);
  if (reader.after < 0) reader.after = reader.payload + reader.size;
  return textAt(reader);
}

/** The string whose control octets were just entered. */
export function textAt(reader: DataReader): string {
  const known = reader.strings.get(reader.payload);
  if (known !== undefined) return known;
  const text = utf8.decode(reader.octets.subarray(reader.payload, reader.payload + reader.size));
  reader.strings.set(reader.payload, text);
  return text;
}

const utf8 = new TextDecoder();

/** The number whose control octets were just entered; NaN when it is none. */
export function numberAt(reader: DataReader): number {
  const { type, size, payload } = reader;
  if (type === TYPE_DOUBLE) return size === 8 ? reader.view.getFloat64(payload) : Number.NaN;
  if (type === TYPE_FLOAT) return size === 4 ? reader.view.getFloat32(payload) : Number.NaN;
  if (type !== TYPE_UINT16 && type !== TYPE_UINT32 && type !== TYPE_UINT64 && type !== TYPE_INT32) {
    return Number.NaN;
  }
  if (size > 8) return Number.NaN;
  let value = 0;
  for (let octet = 0; octet < size; octet++) value = value * 256 + reader.octets[payload + octet]!;
  return type === TYPE_INT32 && size === 4 ? value | 0 : value;
}

/** The whole value at `offset`. */
export function readValue(reader: DataReader, offset: number): MmdbValue {
  return decode(reader, offset, 0);
}

/** Leaves in `reader.after` the offset behind the value's place. */
function decode(reader: DataReader, offset: number, depth: number): MmdbValue {
  if (depth > DEPTH_LIMIT) throw new DataFault(`values nested deeper than ${DEPTH_LIMIT}`);
  const type = enter(reader, offset);
  const { size, payload, after } = reader;
  let value: MmdbValue;
  let next = payload + (type === TYPE_BOOLEAN ? 0 : size);
  if (type === TYPE_MAP) {
    value = new Map();
    next = payload;
    for (let pair = 0; pair < size; pair++) {
      const key = readString(reader, next);
      value.set(key, decode(reader, reader.after, depth + 1));
      next = reader.after;
    }
  } else if (type === TYPE_ARRAY) {
    value = [];
    next = payload;
    for (let element = 0; element < size; element++) {
      value.push(decode(reader, next, depth + 1));
      next = reader.after;
    }
  } else value = scalarAt(reader);
  reader.after = after >= 0 ? after : next;
  return value;
}

function scalarAt(reader: DataReader): MmdbValue {
  const { type, size, payload } = reader;
  if (type === TYPE_STRING) return textAt(reader);
  if (type === TYPE_BOOLEAN) return size !== 0;
  if (type === TYPE_BYTES) return reader.octets.slice(payload, payload + size);
  if (size <= 16 && (type === TYPE_UINT128 || (type === TYPE_UINT64 && size > 6))) {
    let value = 0n;
    for (let octet = 0; octet < size; octet++) value = value * 256n + BigInt(reader.octets[payload + octet]!);
    return value;
  }
  const value = numberAt(reader);
  if (Number.isNaN(value)) throw new DataFault(`a value of type ${type} with ${size} octets`);
  return value;
}
