import { expect, it } from "vitest";
import { buildQuery, ecsOption } from "../../test/support/packet.ts";
import { createWorld } from "../../test/support/policy.ts";
import { seededRandom } from "../../test/support/random.ts";
import { compileTables } from "../geo/compile-tables.ts";
import { joinDatabases } from "../geo/databases.ts";
import { locate } from "../geo/prefix-index.ts";
import { TABLE_WORDS, type TableData } from "../geo/table.ts";
import { RECORD_TABLE_COUNT, RECORD_WORDS } from "../policy/data.ts";
import type { Kernel } from "./kernel.ts";
import { lookAhead } from "./look-ahead.ts";
import { createMessageBlock, type MessageBlock, SLOTS, setReceivedLength } from "./message-block.ts";

const allocator = {
  allocate: (octets: number) => ({ address: 0n, buffer: new ArrayBuffer(octets) }),
} as unknown as Kernel;

const asking = (prefix: string): Uint8Array => buildQuery({ edns: { options: [ecsOption(prefix)] } });

/** A block in which each slot holds the octets of `packets`. */
function blockOf(packets: Uint8Array[]): MessageBlock {
  const block = createMessageBlock(allocator, 16, false);
  for (const [slot, packet] of packets.entries()) {
    for (const [at, octet] of packet.entries()) block.messages[slot]!.setUint8(at, octet);
    setReceivedLength(block, slot, packet.length);
  }
  return block;
}

/** The same tables, and the offsets of the cells that were read. */
function watched(tables: TableData): { tables: TableData; reads: number[] } {
  const reads: number[] = [];
  const cells = new Proxy(tables.cells, {
    get: (target, key) => {
      if (typeof key === "string" && /^-?\d+$/.test(key)) reads.push(Number(key));
      return Reflect.get(target, key);
    },
  });
  return { tables: { ...tables, cells }, reads };
}

/** `count` keys with a /24 among them for every client. */
function tablesOf(clients: string[], others: number): TableData {
  const random = seededRandom(3);
  const keys = new Set(clients.map((client) => `${client}/24`));
  while (keys.size < clients.length + others)
    keys.add(`${11 + random.below(80)}.${random.below(256)}.${random.below(256)}.0/24`);
  const model = { kind: "subnets" as const, keys: [...keys].sort().concat("default") };
  return compileTables([model], joinDatabases(null, null, null)).data;
}

/** The context of a worker with one record, which reaches every table. */
function within(tables: TableData): Parameters<typeof lookAhead>[2] {
  const count = tables.tables.length / TABLE_WORDS;
  const { policy } = createWorld([]).context;
  const records = new Int32Array(RECORD_WORDS);
  records[RECORD_TABLE_COUNT] = count;
  const recordTables = Int32Array.from({ length: count }, (_, table) => table);
  return { lastRecord: 0, policy: { ...policy, records, recordTables }, tables };
}

it.each([
  ["small", 50],
  ["large", 3_000],
  ["dense", 70_000],
])("reads the first cells that a %s index will be asked for", (_, others) => {
  const clients = ["81.2.69.0", "93.184.216.0", "12.0.0.0", "90.255.255.0"];
  const tables = tablesOf(clients, others);
  const asked = watched(tables);
  for (const client of clients) {
    const address = Uint8Array.from(client.split(".").map(Number));
    const expected = watched(tables);
    locate(expected.tables, 0, 4, address);
    const block = blockOf([asking(`${client}/24`)]);
    asked.reads.length = 0;
    lookAhead(block, 1, within(asked.tables));
    expect(expected.reads.length).toBeGreaterThan(1);
    expect(asked.reads).toEqual(expect.arrayContaining(expected.reads.slice(0, 2)));
    expect(asked.reads.every((offset) => offset >= 0 && offset < tables.cells.length)).toBe(true);
  }
});

it("reads nothing for queries without a client subnet, or with another one", () => {
  const { tables, reads } = watched(tablesOf(["81.2.69.0"], 50));
  const packets = [
    buildQuery(),
    buildQuery({ edns: {} }),
    asking("81.2.0.0/16"),
    new Uint8Array(0),
    Uint8Array.of(0, 1, 0x18, 0, 81, 2, 69),
  ];
  lookAhead(blockOf(packets), packets.length, within(tables));
  expect(reads).toEqual([]);
});

it("stays within the cells whatever the messages hold, and without tables", () => {
  const random = seededRandom(11);
  const { tables, reads } = watched(tablesOf(["81.2.69.0"], 5_000));
  const packets = Array.from({ length: SLOTS }, () => {
    const packet = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
    if (packet.length >= 7 && random.chance(0.7)) packet.set([0, 1, 24, 0], packet.length - 7);
    return packet;
  });
  const block = blockOf(packets);
  lookAhead(block, SLOTS, within(tables));
  expect(reads.length).toBeGreaterThan(SLOTS / 2);
  expect(reads.every((offset) => offset >= 0 && offset < tables.cells.length)).toBe(true);
  const { policy } = within(tables);
  reads.length = 0;
  lookAhead(block, SLOTS, { lastRecord: 1, policy, tables });
  lookAhead(block, SLOTS, {
    lastRecord: 0,
    policy: { ...policy, records: new Int32Array(RECORD_WORDS) },
    tables,
  });
  expect(reads).toEqual([]);
});
