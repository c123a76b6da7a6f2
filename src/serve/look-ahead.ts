import {
  CELL_BITS_MASK,
  CELL_OFFSET_SHIFT,
  CELL_PACKED,
  TABLE_BITS4,
  TABLE_ROOT4,
  TABLE_WORDS,
  type TableData,
} from "../geo/table.ts";
import type { DecideContext } from "../policy/context.ts";
import { RECORD_TABLE_COUNT, RECORD_TABLES, RECORD_WORDS } from "../policy/data.ts";
import { type MessageBlock, receivedLength, SLOTS } from "./message-block.ts";

/** FAMILY 1, SOURCE PREFIX-LENGTH 24, SCOPE PREFIX-LENGTH 0: what stands before the address in most client subnet options. */
const IPV4_24 = 0x0001_1800;
const IPV4_24_OCTETS = 7;
/** Shorter messages hold no such option: header, a name, type and class, OPT. */
const LEAST_OCTETS = 12 + 5 + 11 + 4 + IPV4_24_OCTETS;

/** The first 24 bits of each slot's client, or -1. */
const clients = new Int32Array(SLOTS);
/** Keeps V8 from leaving out reads whose result nobody wants. */
const sink = new Int32Array(1);

/**
 * Reads the cells that the queries of a batch will be looked up in, without waiting for any one of them: the indexes of
 * databases are larger than the processor's caches, and a query that waits for memory by itself waits 0.1 us, a quarter of
 * what answering it takes; sixty-four wait together. All are taken to ask for the record that was decided last, and the
 * client to be a /24 at the end of the message, which is where resolvers put it; a wrong guess costs what a right one does,
 * 5 ns a table, and changes nothing.
 */
export function lookAhead(
  block: MessageBlock,
  count: number,
  { lastRecord, policy, tables }: Pick<DecideContext, "lastRecord" | "policy" | "tables">,
): void {
  const at = lastRecord * RECORD_WORDS;
  if (at >= policy.records.length || policy.records[at + RECORD_TABLE_COUNT] === 0) return;
  for (let slot = 0; slot < count; slot++) {
    const packet = block.messages[slot]!;
    const end = receivedLength(block, slot);
    const isLikely = end >= LEAST_OCTETS && packet.getInt32(end - IPV4_24_OCTETS) === IPV4_24;
    clients[slot] = isLikely ? (packet.getUint16(end - 3) << 8) | packet.getUint8(end - 1) : -1;
  }
  const first = policy.records[at + RECORD_TABLES]!;
  const last = first + policy.records[at + RECORD_TABLE_COUNT]!;
  for (let i = first; i < last; i++) readCells(tables, policy.recordTables[i]!, count);
}

/** Reads the first two cells of each of the first `count` clients in `table`. */
function readCells({ cells, tables }: TableData, table: number, count: number): void {
  const root = tables[table * TABLE_WORDS + TABLE_ROOT4]!;
  const bits = tables[table * TABLE_WORDS + TABLE_BITS4]!;
  let read = 0;
  for (let slot = 0; slot < count; slot++) {
    const client = clients[slot]!;
    if (client >= 0) read ^= cells[root + (client >> (24 - bits))]!;
  }
  for (let slot = 0; slot < count; slot++) {
    const client = clients[slot]!;
    if (client < 0) continue;
    const block = ~cells[root + (client >> (24 - bits))]!;
    // A packed block's run follows within a line or two of its header.
    if (block < 0) continue;
    const next = (block & CELL_BITS_MASK) + 1;
    const within = (client >> (24 - bits - next)) & ((1 << next) - 1);
    const offset = block >> CELL_OFFSET_SHIFT;
    read ^= cells[(block & CELL_PACKED) === 0 ? offset + within : offset + (within >> 4)]!;
  }
  sink[0] = read;
}
