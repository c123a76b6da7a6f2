import type { TableData } from "../geo/table.ts";
import type { HealthRows } from "../health/rows.ts";
import { type Answer, createAnswer, MAX_ADDRESSES } from "../wire/answer.ts";
import { type Client, createClient } from "./client.ts";
import { ENTRY_WORDS, type PolicyData } from "./data.ts";
import type { Trace } from "./trace.ts";
import { NO_HORIZON } from "./ttl.ts";

/**
 * What a decision reads besides the record and the client, and what it works on. One object per worker; made by
 * createDecideContext, given another snapshot by adoptSnapshot.
 */
export interface DecideContext {
  policy: PolicyData;
  tables: TableData;
  rows: HealthRows;
  /** [0]: whole seconds since 1970, for the dice between nodes. */
  clockS: Int32Array;
  /** [0]: state of the free dice (xorshift32), never 0. Only choices within a pool read it. */
  dice: Int32Array;

  /** From here on the decision under way; nobody else reads it. Class of the client per table. */
  classes: Int32Array;
  /** Per entry: 1 when a weighted node has drawn it already. */
  drawn: Uint8Array;
  /** Addresses chosen so far: indexes into PolicyData.addresses. */
  picked: Int32Array;
  pickedCount: number;
  /** Endpoints that compete for a place in a weighted choice, best first, and their keys. */
  candidates: Int32Array;
  candidateKeys: Float64Array;
  /** Least horizon of what was read, in milliseconds; NO_HORIZON while all is settled. */
  leastMs: number;
  /** Asked family: 4 or 6. */
  family: number;
  ownerHash: number;
  client: Client;
  answer: Answer;
  trace: Trace | null;
}

/** `diceSeed`: any number; 0 stands for another one, because xorshift never leaves 0. */
export function createDecideContext(
  policy: PolicyData,
  tables: TableData,
  rows: HealthRows,
  diceSeed: number,
): DecideContext {
  const context: DecideContext = {
    policy,
    tables,
    rows,
    clockS: new Int32Array(1),
    dice: Int32Array.of(diceSeed | 0 || 0x9e3779b9),
    classes: new Int32Array(0),
    drawn: new Uint8Array(0),
    picked: new Int32Array(MAX_ADDRESSES),
    pickedCount: 0,
    candidates: new Int32Array(MAX_ADDRESSES),
    candidateKeys: new Float64Array(MAX_ADDRESSES),
    leastMs: NO_HORIZON,
    family: 4,
    ownerHash: 0,
    client: createClient(),
    answer: createAnswer(),
    trace: null,
  };
  adoptSnapshot(context, policy, tables);
  return context;
}

/** Makes the next decisions read another snapshot; the only place of the data path that allocates, and only here. */
export function adoptSnapshot(context: DecideContext, policy: PolicyData, tables: TableData): void {
  context.policy = policy;
  context.tables = tables;
  const entryCount = policy.entries.length / ENTRY_WORDS;
  if (context.drawn.length < entryCount) context.drawn = new Uint8Array(entryCount);
  if (context.classes.length < tables.tables.length) context.classes = new Int32Array(tables.tables.length);
}
