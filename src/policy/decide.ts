import type { TableData } from "../geo/table.ts";
import type { HealthRows } from "../health/rows.ts";
import type { Answer } from "../wire/answer.ts";
import type { Client } from "./client.ts";
import type { PolicyData } from "./data.ts";
import type { Trace } from "./trace.ts";

/** What a decision reads besides the record and the client. One object per worker; `policy` and `tables` change with the snapshot. */
export interface DecideContext {
  policy: PolicyData;
  tables: TableData;
  rows: HealthRows;
  /** [0]: whole seconds since 1970, for the dice between nodes. */
  clockS: Int32Array;
  /** State of the free dice (xorshift32), never 0. Only choices within a pool read it. */
  dice: Int32Array;
  /** Class of the client per table, for the tables of the record under decision: at least as long as there are tables. */
  classes: Int32Array;
}

/**
 * Decides a dynamic record for one client: fills `answer.decision`, `decisionTtl`, the addresses and `scopeBits`.
 * Allocates nothing and never throws. `family` is the asked one, 4 or 6; `ownerHash` the hash of the owner name.
 */
export type Decide = (
  context: DecideContext,
  record: number,
  ownerHash: number,
  family: number,
  client: Client,
  answer: Answer,
  trace: Trace | null,
) => void;
