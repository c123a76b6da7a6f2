import { locate } from "../geo/prefix-index.ts";
import {
  CELL_CLASS_MASK,
  CELL_LENGTH_SHIFT,
  CLASS_SPECIAL,
  TABLE_UNKNOWN,
  TABLE_WORDS,
} from "../geo/table.ts";
import type { DecideContext } from "./context.ts";
import { RECORD_ECS, RECORD_TABLE_COUNT, RECORD_TABLES, RECORD_WORDS } from "./data.ts";
import { locateSticky } from "./sticky.ts";
import { ORIGIN_CLIENT, ORIGIN_RESOLVER, ORIGIN_UNKNOWN } from "./trace.ts";

/**
 * Looks the client up in every table that the record's tree can reach and leaves the classes in `context.classes`.
 * Returns SCOPE PREFIX-LENGTH: the longest tile of them and of hashing, whatever the tree will read of them and whatever the health;
 * 0 when the client subnet option had no part in it (RFC 7871 section 7.2.1).
 */
export function locateClient(context: DecideContext, record: number): number {
  const { client, policy, tables } = context;
  const at = record * RECORD_WORDS;
  const heedsEcs = client.fromEcs !== 0 && policy.records[at + RECORD_ECS]! !== 0;
  const family = heedsEcs ? client.family : client.resolverFamily;
  const address = heedsEcs ? client.address : client.resolverAddress;
  const first = policy.records[at + RECORD_TABLES]!;
  const end = first + policy.records[at + RECORD_TABLE_COUNT]!;
  context.lastRecord = record;
  let scopeBits = 0;
  for (let i = first; i < end; i++) {
    const table = policy.recordTables[i]!;
    const leaf = locate(tables, table, family, address);
    const tileBits = leaf >>> CELL_LENGTH_SHIFT;
    let classOffset = leaf & CELL_CLASS_MASK;
    let origin = ORIGIN_CLIENT;
    if (classOffset === CLASS_SPECIAL && heedsEcs) {
      classOffset = locate(tables, table, client.resolverFamily, client.resolverAddress) & CELL_CLASS_MASK;
      origin = ORIGIN_RESOLVER;
    }
    if (classOffset === CLASS_SPECIAL) {
      classOffset = tables.tables[table * TABLE_WORDS + TABLE_UNKNOWN]!;
      origin = ORIGIN_UNKNOWN;
    }
    context.classes[table] = classOffset;
    if (tileBits > scopeBits) scopeBits = tileBits;
    if (context.trace !== null) context.trace.table(table, classOffset, tileBits, origin);
  }
  const stickyBits = locateSticky(context, record, heedsEcs);
  if (stickyBits > scopeBits) scopeBits = stickyBits;
  return heedsEcs ? scopeBits : 0;
}
