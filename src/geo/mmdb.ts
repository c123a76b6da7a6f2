import { allocateBlock } from "../wire/block.ts";
import {
  createDataReader,
  DataFault,
  type DataReader,
  type MmdbMap,
  type MmdbValue,
  readValue,
} from "./mmdb-data.ts";
import type { GeoProblem } from "./problem.ts";
import type { Steps } from "./steps.ts";

/** A database in memory: https://maxmind.github.io/MaxMind-DB/, format 2. Its search tree is walked, never copied. */
export interface Mmdb {
  octets: Uint8Array;
  /** `database_type` of the metadata, as `GeoLite2-City`. */
  type: string;
  /** Seconds since 1970; 0 when the metadata does not say. */
  buildEpochS: number;
  /** 4 or 6: an IPv6 tree holds the IPv4 networks at ::/96. */
  ipVersion: 4 | 6;
  nodeCount: number;
  /** Bits of one of the two records of a node. */
  recordBits: 24 | 28 | 32;
  /** Record at which every IPv4 walk starts, and the depth at which it was met: 96, unless the tree ends above. */
  ipv4Record: number;
  ipv4Depth: number;
  data: DataReader;
}

/** What a walk to an address ends at. */
export interface MmdbNetwork {
  /** Offset of the data in the file; -1: the database says nothing. */
  offset: number;
  /** Length of the network's prefix in the address's own family. */
  prefixBits: number;
}

/** Separates search tree and data section. */
const SEPARATOR_OCTETS = 16;
/** "\xab\xcd\xefMaxMind.com" stands before the metadata, which is in the last 128 KiB. */
const MARKER = [0xab, 0xcd, 0xef, 0x4d, 0x61, 0x78, 0x4d, 0x69, 0x6e, 0x64, 0x2e, 0x63, 0x6f, 0x6d];
const METADATA_LIMIT_OCTETS = 128 * 1024;

/** Opens a database after checking its frame: metadata, version, and that the sections fit. Never throws. */
export function openMmdb(octets: Uint8Array): { mmdb: Mmdb } | { problem: GeoProblem } {
  const marker = findMarker(octets);
  if (marker < 0)
    return { problem: formatProblem("the metadata is missing: no MaxMind DB file, or a cut one") };
  const metadata = readMetadata(octets, marker + MARKER.length);
  if (typeof metadata === "string") return { problem: formatProblem(metadata) };
  const number = (key: string) => {
    const value = metadata.get(key);
    return typeof value === "number" ? value : Number.NaN;
  };
  const major = number("binary_format_major_version");
  if (major !== 2) return { problem: versionProblem(`format version ${major}`, "version 2") };
  const ipVersion = number("ip_version");
  if (ipVersion !== 4 && ipVersion !== 6)
    return { problem: versionProblem(`ip_version ${ipVersion}`, "4 or 6") };
  const recordBits = number("record_size");
  if (recordBits !== 24 && recordBits !== 28 && recordBits !== 32) {
    return { problem: versionProblem(`record_size ${recordBits}`, "24, 28 or 32") };
  }
  const nodeCount = number("node_count");
  const treeOctets = (nodeCount * recordBits) / 4;
  if (!(nodeCount >= 0) || treeOctets + SEPARATOR_OCTETS > marker) {
    return {
      problem: formatProblem(`the search tree of ${nodeCount} nodes does not fit in ${marker} octets`),
    };
  }
  for (let at = treeOctets; at < treeOctets + SEPARATOR_OCTETS; at++) {
    if (octets[at] !== 0) return { problem: formatProblem("no separator follows the search tree") };
  }
  const type = metadata.get("database_type");
  const mmdb: Mmdb = {
    octets,
    type: typeof type === "string" ? type : "",
    buildEpochS: Math.max(0, number("build_epoch") || 0),
    ipVersion,
    nodeCount,
    recordBits,
    ipv4Record: 0,
    ipv4Depth: 0,
    data: createDataReader(octets, treeOctets + SEPARATOR_OCTETS, marker),
  };
  if (ipVersion === 6) findIpv4Record(mmdb);
  return { mmdb };
}

function formatProblem(what: string): GeoProblem {
  return { code: "GEO_DB_FORMAT", what, expected: "a whole MaxMind DB file" };
}

function versionProblem(what: string, expected: string): GeoProblem {
  return { code: "GEO_DB_VERSION", what, expected };
}

/** Offset of the last marker, or -1. */
function findMarker(octets: Uint8Array): number {
  const lowest = Math.max(0, octets.length - METADATA_LIMIT_OCTETS);
  for (let at = octets.length - MARKER.length; at >= lowest; at--) {
    let matched = 0;
    while (matched < MARKER.length && octets[at + matched] === MARKER[matched]) matched++;
    if (matched === MARKER.length) return at;
  }
  return -1;
}

function readMetadata(octets: Uint8Array, start: number): MmdbMap | string {
  try {
    const value = readValue(createDataReader(octets, start, octets.length), start);
    return value instanceof Map ? value : "the metadata is no map";
  } catch (fault) {
    return `the metadata is cut or corrupt: ${faultText(fault)}`;
  }
}

/** The text of a DataFault; anything else is a defect of ours and goes on. */
function faultText(fault: unknown): string {
  if (fault instanceof DataFault) return fault.message;
  throw fault;
}

/** ::/96 is 96 left turns from the root, or less when the tree says the same for all that follows. */
function findIpv4Record(mmdb: Mmdb): void {
  let record = 0;
  let depth = 0;
  while (depth < 96 && record < mmdb.nodeCount) {
    record = readRecord(mmdb, record, 0);
    depth++;
  }
  mmdb.ipv4Record = record;
  mmdb.ipv4Depth = depth;
}

/** Left (0) or right (1) record of a node: a node below nodeCount, nothing at nodeCount, data above. */
function readRecord(mmdb: Mmdb, node: number, side: number): number {
  const { octets, recordBits } = mmdb;
  if (recordBits === 24) {
    const at = node * 6 + side * 3;
    return (octets[at]! << 16) | (octets[at + 1]! << 8) | octets[at + 2]!;
  }
  if (recordBits === 28) {
    const at = node * 7 + side * 4;
    const middle = octets[node * 7 + 3]!;
    const high = side === 0 ? middle >> 4 : middle & 15;
    return (high << 24) | (octets[at]! << 16) | (octets[at + 1]! << 8) | octets[at + 2]!;
  }
  const at = node * 8 + side * 4;
  return ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0;
}

/**
 * Walks to an address of 4 or 16 octets. An IPv6 address in an IPv4 database is in no network of it. A corrupt tree
 * cannot make the walk long: it ends with the address's last bit, and says nothing.
 */
export function lookupMmdb(mmdb: Mmdb, family: 4 | 6, address: Uint8Array): MmdbNetwork {
  if (family === 6 && mmdb.ipVersion === 4) return { offset: -1, prefixBits: 0 };
  let record = family === 4 ? mmdb.ipv4Record : 0;
  const bits = family === 4 ? 32 : 128;
  let depth = 0;
  while (record < mmdb.nodeCount && depth < bits) {
    record = readRecord(mmdb, record, (address[depth >> 3]! >> (7 - (depth & 7))) & 1);
    depth++;
  }
  return { offset: record > mmdb.nodeCount ? dataOffset(mmdb, record) : -1, prefixBits: depth };
}

/** Offset in the file of what a record above nodeCount points to. */
function dataOffset(mmdb: Mmdb, record: number): number {
  return record - mmdb.nodeCount - SEPARATOR_OCTETS + mmdb.data.start;
}

/** The data at an offset that a lookup gave; null when it is corrupt. */
export function readData(mmdb: Mmdb, offset: number): MmdbValue | null {
  try {
    // A record is small; its own budget keeps the ones that verification spent out of it.
    return readValue({ ...mmdb.data, budget: 65_536 }, offset);
  } catch (fault) {
    faultText(fault);
    return null;
  }
}

/**
 * Walks over all networks of one family in address order and makes a step function of what `toValue` says about each
 * network's data offset; 0 where the database says nothing. `toValue` may throw DataFault. Where an IPv6 tree points
 * back to its IPv4 part (::ffff:0:0/96, 2002::/16, 2001::/32 in MaxMind's files), and at ::/96 itself, it says nothing:
 * those addresses are looked up as IPv4 or are special. The walk checks the tree: pointers out of the file, loops, and
 * paths longer than an address are a problem.
 */
export function readNetworks(
  mmdb: Mmdb,
  family: 4 | 6,
  toValue: (offset: number) => number,
): { steps: Steps } | { problem: GeoProblem } {
  const walk = createWalk(mmdb, family, toValue);
  try {
    if (family === 6 && mmdb.ipVersion === 4) appendRun(walk, 0, 0, 0);
    else visit(walk, family === 4 ? mmdb.ipv4Record : 0, 0, 0);
  } catch (fault) {
    const code = fault instanceof TreeFault ? "GEO_DB_TREE" : "GEO_DB_DATA";
    const section = fault instanceof TreeFault ? "search tree" : "data section";
    const what = `the ${section} is corrupt: ${faultText(fault)}`;
    return { problem: { code, what, expected: "an undamaged MaxMind DB file" } };
  }
  const { words, count, starts, values } = walk;
  // Not copied: what nobody wrote to takes no memory.
  return {
    steps: { words, count, starts: starts.subarray(0, count * words), values: values.subarray(0, count) },
  };
}

class TreeFault extends DataFault {}

interface Walk extends Steps {
  mmdb: Mmdb;
  family: 4 | 6;
  bits: number;
  /** Nodes that may still be visited: more than twice the tree means that it loops or shares its parts. */
  budget: number;
  /** The words of the address before the one that the walk is in. */
  cursor: Uint32Array;
  /** What `toValue` said, plus one, by offset in the data section; empty where that is large. */
  known: Int32Array;
  toValue: (offset: number) => number;
}

/** Countries are few, and named by hundreds of thousands of records. */
const MAX_KNOWN = 2 ** 22;

function createWalk(mmdb: Mmdb, family: 4 | 6, toValue: (offset: number) => number): Walk {
  const words = family === 4 ? 1 : 4;
  const budget = 2 * mmdb.nodeCount + 256;
  const { start, end } = mmdb.data;
  return {
    mmdb,
    family,
    bits: family === 4 ? 32 : 128,
    budget,
    count: 0,
    words,
    // A tree has one leaf more than nodes; memory that is not touched costs nothing.
    starts: new Uint32Array(allocateBlock((mmdb.nodeCount + 2) * words * 4), 0, (mmdb.nodeCount + 2) * words),
    values: new Int32Array(allocateBlock((mmdb.nodeCount + 2) * 4), 0, mmdb.nodeCount + 2),
    cursor: new Uint32Array(4),
    known: new Int32Array(end - start <= MAX_KNOWN ? end - start : 0),
    toValue,
  };
}

/** `word`: the bits of the path so far in the word of the address that `depth` lies in. */
function visit(walk: Walk, record: number, depth: number, word: number): void {
  const { mmdb } = walk;
  if (record >= mmdb.nodeCount) {
    appendRun(walk, record === mmdb.nodeCount ? 0 : valueOfRecord(walk, record), depth, word);
    return;
  }
  if (walk.family === 6 && depth > 0 && record === mmdb.ipv4Record) {
    appendRun(walk, 0, depth, word);
    return;
  }
  if (depth === walk.bits) throw new TreeFault(`node ${record} lies deeper than an address has bits`);
  if (--walk.budget < 0) throw new TreeFault("it loops");
  const left = readRecord(mmdb, record, 0);
  const right = readRecord(mmdb, record, 1);
  if ((depth & 31) === 0 && depth > 0) {
    walk.cursor[(depth >> 5) - 1] = word;
    word = 0;
  }
  visit(walk, left, depth + 1, word);
  visit(walk, right, depth + 1, word | (1 << (31 - (depth & 31))));
}

/** A network: it begins at the path that leads to it, and every bit behind `depth` is 0. */
function appendRun(walk: Walk, value: number, depth: number, word: number): void {
  if (walk.count > 0 && walk.values[walk.count - 1] === value) return;
  // More runs than nodes: the tree shares its parts.
  if (walk.count === walk.values.length) growRuns(walk);
  const { words, starts, cursor } = walk;
  const at = walk.count * words;
  const last = depth === 0 ? 0 : (depth - 1) >> 5;
  for (let i = 0; i < last; i++) starts[at + i] = cursor[i]!;
  starts[at + last] = word;
  walk.values[walk.count++] = value;
}

function growRuns(walk: Walk): void {
  const { starts, values } = walk;
  walk.starts = new Uint32Array(starts.length * 2);
  walk.starts.set(starts);
  walk.values = new Int32Array(values.length * 2);
  walk.values.set(values);
}

function valueOfRecord(walk: Walk, record: number): number {
  const offset = dataOffset(walk.mmdb, record);
  if (offset < walk.mmdb.data.start || offset >= walk.mmdb.data.end) {
    throw new TreeFault(`a record points to ${record}, outside of the data section`);
  }
  const at = offset - walk.mmdb.data.start;
  if (at >= walk.known.length) return walk.toValue(offset);
  if (walk.known[at] === 0) walk.known[at] = walk.toValue(offset) + 1;
  return walk.known[at]! - 1;
}
