/**
 * Writes databases in the MaxMind DB format, version 2, so that tests and benchmarks have ones of every schema, record
 * size and degree of damage. Independent of src/geo, which reads them.
 */

export type MmdbInput =
  | string
  | number
  | boolean
  | Uint8Array
  | Unsigned
  | readonly MmdbInput[]
  | { readonly [key: string]: MmdbInput };

/** Numbers are doubles unless they are wrapped. */
class Unsigned {
  /** Number of the type in the data section. */
  readonly type: number;
  readonly value: number;
  constructor(type: number, value: number) {
    this.type = type;
    this.value = value;
  }
}

export function uint32(value: number): Unsigned {
  return new Unsigned(6, value);
}

/** libmaxminddb takes metadata in the widths of the specification only. */
const uint16 = (value: number): Unsigned => new Unsigned(5, value);
const uint64 = (value: number): Unsigned => new Unsigned(9, value);

export interface MmdbOptions {
  ipVersion?: 4 | 6;
  recordBits?: 24 | 28 | 32;
  type?: string;
  /** Let ::ffff:0:0/96, 2002::/16 and 2001::/32 point to the IPv4 tree, as MaxMind's files do. */
  aliases?: boolean;
  /** Replaces or adds members of the metadata. */
  metadata?: Record<string, MmdbInput>;
}

/** A database under construction: a binary trie, and a data section in which equal values are stored once. */
export class MmdbWriter {
  readonly #options: Required<MmdbOptions>;
  /** Two records a node: 0 nothing, positive a node, negative the complement of a data offset. */
  #records = new Int32Array(2048);
  #nodeCount = 1;
  readonly #data = new OctetWriter();
  readonly #offsets = new Map<string, number>();
  readonly #objects = new Map<MmdbInput, number>();

  constructor(options: MmdbOptions = {}) {
    this.#options = {
      ipVersion: 6,
      recordBits: 28,
      type: "Test",
      aliases: false,
      metadata: {},
      ...options,
    };
  }

  /** Puts `data` on a prefix; a later, narrower prefix divides an earlier one. */
  insert(family: 4 | 6, octets: Uint8Array, bits: number, data: MmdbInput): void {
    const record = ~this.#store(data);
    if (family === this.#options.ipVersion) this.#put(octets, bits, record);
    else if (family === 4) {
      const mapped = new Uint8Array(16);
      mapped.set(octets, 12);
      this.#put(mapped, bits + 96, record);
    } else throw new Error("an IPv6 prefix in an IPv4 database");
  }

  #put(octets: Uint8Array, bits: number, record: number): void {
    let node = 0;
    if (bits === 0) {
      this.#records[0] = record;
      this.#records[1] = record;
      return;
    }
    for (let depth = 0; depth < bits - 1; depth++) node = this.#descend(node, sideAt(octets, depth));
    this.#records[node * 2 + sideAt(octets, bits - 1)] = record;
  }

  #descend(node: number, side: number): number {
    const held = this.#records[node * 2 + side]!;
    if (held > 0) return held;
    const child = this.#nodeCount++;
    if (child * 2 >= this.#records.length) {
      const wider = new Int32Array(this.#records.length * 2);
      wider.set(this.#records);
      this.#records = wider;
    }
    this.#records[child * 2] = held;
    this.#records[child * 2 + 1] = held;
    this.#records[node * 2 + side] = child;
    return child;
  }

  /** Offset of the value in the data section; equal values, and the same object, are found again. */
  #store(data: MmdbInput): number {
    const known = this.#objects.get(data);
    if (known !== undefined) return known;
    const text = JSON.stringify(data);
    let offset = this.#offsets.get(text);
    if (offset === undefined) {
      const encoded = new OctetWriter();
      this.#encode(encoded, data, true);
      offset = this.#data.length;
      this.#data.append(encoded.finish());
      this.#offsets.set(text, offset);
    }
    this.#objects.set(data, offset);
    return offset;
  }

  /** `inPlace`: the value itself; otherwise strings and maps become pointers to a stored one. */
  #encode(out: OctetWriter, data: MmdbInput, inPlace: boolean): void {
    if (!inPlace && (typeof data === "string" || isPlainMap(data))) {
      writePointer(out, this.#store(data));
      return;
    }
    if (typeof data === "string") {
      const octets = new TextEncoder().encode(data);
      writeControl(out, 2, octets.length);
      out.append(octets);
    } else if (typeof data === "number") {
      writeControl(out, 3, 8);
      out.append(new Uint8Array(new Float64Array([data]).buffer).reverse());
    } else if (typeof data === "boolean") writeControl(out, 14, data ? 1 : 0);
    else if (data instanceof Unsigned) {
      const octets = unsignedOctets(data.value);
      writeControl(out, data.type, octets.length);
      out.append(octets);
    } else if (data instanceof Uint8Array) {
      writeControl(out, 4, data.length);
      out.append(data);
    } else if (Array.isArray(data)) {
      writeControl(out, 11, data.length);
      for (const element of data) this.#encode(out, element, false);
    } else {
      const pairs = Object.entries(data as Record<string, MmdbInput>);
      writeControl(out, 7, pairs.length);
      for (const [key, value] of pairs) {
        this.#encode(out, key, false);
        this.#encode(out, value, false);
      }
    }
  }

  finish(): Uint8Array {
    const { ipVersion, recordBits, type, aliases, metadata } = this.#options;
    if (aliases && ipVersion === 6) this.#alias();
    const out = new OctetWriter();
    out.append(this.#encodeTree(recordBits));
    out.append(new Uint8Array(16));
    out.append(this.#data.finish());
    out.append(Uint8Array.of(0xab, 0xcd, 0xef));
    out.append(new TextEncoder().encode("MaxMind.com"));
    encodeMetadata(out, {
      binary_format_major_version: uint16(2),
      binary_format_minor_version: uint16(0),
      build_epoch: uint64(1_700_000_000),
      database_type: type,
      description: { en: "a test database" },
      ip_version: uint16(ipVersion),
      languages: ["en"],
      node_count: uint32(this.#nodeCount),
      record_size: uint16(recordBits),
      ...metadata,
    });
    return out.finish();
  }

  #alias(): void {
    let ipv4 = 0;
    for (let depth = 0; depth < 96; depth++) ipv4 = this.#descend(ipv4, 0);
    const mapped = new Uint8Array(16).fill(0xff, 10, 12);
    this.#put(mapped, 96, ipv4);
    this.#put(Uint8Array.of(0x20, 0x02), 16, ipv4);
    this.#put(Uint8Array.of(0x20, 0x01, 0, 0), 32, ipv4);
  }

  #encodeTree(recordBits: number): Uint8Array {
    const octets = new Uint8Array((this.#nodeCount * recordBits) / 4);
    for (let node = 0; node < this.#nodeCount; node++) {
      const left = this.#recordValue(this.#records[node * 2]!);
      const right = this.#recordValue(this.#records[node * 2 + 1]!);
      if (recordBits === 28) {
        const at = node * 7;
        writeUnsigned(octets, at, left, 3);
        octets[at + 3] = ((left >>> 24) << 4) | (right >>> 24);
        writeUnsigned(octets, at + 4, right, 3);
      } else {
        const width = recordBits / 8;
        writeUnsigned(octets, node * 2 * width, left, width);
        writeUnsigned(octets, node * 2 * width + width, right, width);
      }
    }
    return octets;
  }

  #recordValue(record: number): number {
    if (record > 0) return record;
    return record === 0 ? this.#nodeCount : this.#nodeCount + 16 + ~record;
  }
}

function sideAt(octets: Uint8Array, depth: number): number {
  return ((octets[depth >> 3] ?? 0) >> (7 - (depth & 7))) & 1;
}

function isPlainMap(data: MmdbInput): boolean {
  return typeof data === "object" && Object.getPrototypeOf(data) === Object.prototype;
}

function writeUnsigned(octets: Uint8Array, at: number, value: number, width: number): void {
  for (let octet = 0; octet < width; octet++) octets[at + octet] = value >>> (8 * (width - 1 - octet));
}

function unsignedOctets(value: number): Uint8Array {
  const octets: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.from(octets);
}

function writeControl(out: OctetWriter, type: number, size: number): void {
  const head = type > 7 ? 0 : type << 5;
  const long = size < 29 ? 0 : size < 285 ? 1 : size < 65_821 ? 2 : 3;
  out.push(head | (long === 0 ? size : 28 + long));
  if (type > 7) out.push(type - 7);
  const extra = size - [0, 29, 285, 65_821][long]!;
  for (let octet = long - 1; octet >= 0; octet--) out.push((extra >>> (8 * octet)) & 255);
}

function writePointer(out: OctetWriter, target: number): void {
  if (target < 2048) {
    out.push(0x20 | (target >> 8));
    out.push(target & 255);
  } else if (target < 526_336) {
    const rest = target - 2048;
    out.push(0x28 | (rest >> 16));
    out.push((rest >> 8) & 255);
    out.push(rest & 255);
  } else {
    const wide = target - 526_336 < 2 ** 27;
    const rest = wide ? target - 526_336 : target;
    out.push(wide ? 0x30 | (rest >>> 24) : 0x38);
    if (!wide) out.push(rest >>> 24);
    out.push((rest >>> 16) & 255);
    out.push((rest >>> 8) & 255);
    out.push(rest & 255);
  }
}

/** The metadata section has no pointers here: everything stands in place. */
function encodeMetadata(out: OctetWriter, data: MmdbInput): void {
  if (typeof data === "string") {
    const octets = new TextEncoder().encode(data);
    writeControl(out, 2, octets.length);
    out.append(octets);
  } else if (data instanceof Unsigned) {
    const octets = unsignedOctets(data.value);
    writeControl(out, data.type, octets.length);
    out.append(octets);
  } else if (Array.isArray(data)) {
    writeControl(out, 11, data.length);
    for (const element of data) encodeMetadata(out, element);
  } else {
    const pairs = Object.entries(data as Record<string, MmdbInput>);
    writeControl(out, 7, pairs.length);
    for (const [key, value] of pairs) {
      encodeMetadata(out, key);
      encodeMetadata(out, value);
    }
  }
}

class OctetWriter {
  #octets = new Uint8Array(256);
  length = 0;

  push(octet: number): void {
    this.#reserve(1);
    this.#octets[this.length++] = octet;
  }

  append(octets: Uint8Array): void {
    this.#reserve(octets.length);
    this.#octets.set(octets, this.length);
    this.length += octets.length;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#octets.length) return;
    const wider = new Uint8Array(Math.max(this.length + count, this.#octets.length * 2));
    wider.set(this.#octets);
    this.#octets = wider;
  }

  finish(): Uint8Array {
    return this.#octets.slice(0, this.length);
  }
}
