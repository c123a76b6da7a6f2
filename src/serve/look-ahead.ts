import {
  CELL_BITS_MASK,
  CELL_OFFSET_SHIFT,
  CELL_PACKED,
  TABLE_BITS4,
  TABLE_ROOT4,
  TABLE_WORDS,
  type TableData,
} from "../geo/table.ts";
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
 * Reads the cells of `table` that the queries of a batch will be looked up in, without waiting for any one of them: the
 * index of a whole database is larger than the processor's caches, and a query that waits for memory by itself waits
 * 0.1 us, a quarter of what answering it takes; sixty-four wait together. The client is taken to be a /24 at the end of
 * the message, which is where resolvers put it; a wrong guess costs what a right one does, 5 ns, and changes nothing.
 */
export function lookAhead(block: MessageBlock, count: number, tables: TableData, table: number): void {
  const { cells, tables: words } = tables;
  const row = table * TABLE_WORDS;
  if (row >= words.length) return;
  const root = words[row + TABLE_ROOT4]!;
  const bits = words[row + TABLE_BITS4]!;
  let read = 0;
  for (let slot = 0; slot < count; slot++) {
    const packet = block.messages[slot]!;
    const end = receivedLength(block, slot);
    let client = -1;
    if (end >= LEAST_OCTETS && packet.getInt32(end - IPV4_24_OCTETS) === IPV4_24) {
      client = (packet.getUint16(end - 3) << 8) | packet.getUint8(end - 1);
      read ^= cells[root + (client >> (24 - bits))]!;
    }
    clients[slot] = client;
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
