import type { Prefix } from "./geo/prefix.ts";
import type { TableData } from "./geo/table.ts";
import type { PolicyData } from "./policy/data.ts";
import type { PolicyNames } from "./policy/names.ts";
import type { Tallies } from "./tallies.ts";
import type { ZoneData } from "./zone/zone-data.ts";

/**
 * Everything that answers depend on besides health and the clock: frozen typed arrays over SharedArrayBuffers, one copy
 * for all workers, replaced whole. Posting it to a worker shares the memory and copies nothing.
 */
export interface Snapshot {
  /** Counts up by one with every accepted configuration. */
  generation: number;
  zones: ZoneData;
  policy: PolicyData;
  tables: TableData;
  /** Where workers count what they answered from this snapshot; absent: nobody asks. */
  tallies?: Tallies;
  /** Who may ask why; absent, as it is by default: nobody. */
  explain?: ExplainAccess;
}

/** The access list of explanations over DNS, and the names that they need. Workers get a copy of these. */
export interface ExplainAccess {
  allow: Prefix[];
  names: PolicyNames;
}
