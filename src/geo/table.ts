import type { LatencyTable } from "./latency-table.ts";

/**
 * A table maps every client address to a chain: the entries of one policy node in the order in which this client should
 * try them. The `geo`, `subnets` and `nearest` policies differ only in how their chains are made, and that is decided
 * when the configuration is compiled. Nodes with the same keys share a table, whatever their children are.
 *
 * Each table is a prefix index over IPv4 and one over IPv6. The class of an address is the offset of its chain; the
 * tile is the shortest prefix around the address in which every address has the same class. Tiles of one table never
 * overlap, and the tile of several tables together is the longest of theirs.
 */
export interface TableData {
  /** Cells of all prefix indexes: see prefix-index.ts. */
  cells: Int32Array;
  /** TABLE_WORDS words a table. */
  tables: Int32Array;
  /** At a chain's offset its length, then entry indexes relative to the node's first entry, perhaps with CHAIN_TIED. */
  chains: Int32Array;
}

export const TABLE_WORDS = 5;
/** Offset in `cells` of the IPv4 root, and the number of address bits that it consumes: 0 (one cell) to 19. */
export const TABLE_ROOT4 = 0;
export const TABLE_BITS4 = 1;
export const TABLE_ROOT6 = 2;
export const TABLE_BITS6 = 3;
/** Class of a client without a place of its own: the resolver's address was looked up, and is CLASS_SPECIAL too. */
export const TABLE_UNKNOWN = 4;

/**
 * A cell is a leaf (tile length from bit CELL_LENGTH_SHIFT on, class below) or an inner one (negative: the bitwise
 * complement of a block's offset << CELL_OFFSET_SHIFT | CELL_PACKED or 0 | bits - 1). A block tells 2^bits slots apart by
 * the next 1 to 8 bits of the address, and is 2^bits cells; a packed one stores runs of equal slots once, see cells.ts.
 */
export const CELL_LENGTH_SHIFT = 23;
export const CELL_CLASS_MASK = (1 << CELL_LENGTH_SHIFT) - 1;
export const CELL_OFFSET_SHIFT = 4;
export const CELL_PACKED = 8;
export const CELL_BITS_MASK = 7;

/**
 * Class of addresses in special-purpose blocks (RFC 6890, see special.ts) to which the table says nothing of its
 * own: the resolver's address is looked up instead, and the tile never reaches beyond the block.
 */
export const CLASS_SPECIAL = 0;
/** Offset of the empty chain: no entry is for this client. */
export const CLASS_NOTHING = 1;

/** Set in a word of a chain: the entry is as good as the one before it, and the dice choose among such neighbours. */
export const CHAIN_TIED = 1 << 30;
export const CHAIN_ENTRY_MASK = CHAIN_TIED - 1;

export type TableModel =
  /**
   * Keys as in geo-key.ts, sorted, `default` last where there is one; a chain runs from the narrowest key outward.
   * `groups`: those among the keys that are not built in, with their countries.
   */
  | { kind: "geo"; keys: string[]; groups?: Record<string, readonly string[]> }
  /** Canonical prefixes, sorted, `default` last where there is one; a chain runs from the longest match outward. */
  | { kind: "subnets"; keys: string[] }
  /** Numbers of autonomous systems, sorted, `default` last where there is one: a chain is the client's own, then `default`. */
  | { kind: "asn"; keys: string[] }
  /** A chain is every entry by growing biased great-circle distance; without a location the list's order. */
  | { kind: "nearest"; locations: BiasedLocation[] }
  /** A chain is every entry by growing round trip in `table`, see latency.ts; `places` are null where nothing is known. */
  | {
      kind: "latency";
      table: LatencyTable;
      regions: string[];
      places: (BiasedLocation | null)[];
      toleranceMs: number;
      minSamples: number;
    }
  /** No chains: CLASS_SPECIAL in special-purpose blocks, CLASS_NOTHING elsewhere, with the tiles that this makes. */
  | { kind: "sticky" };

/** What a table is made from besides the databases, as text; equal texts make equal tables. */
export function identifyTable(model: TableModel): string {
  return JSON.stringify(model.kind === "latency" ? { ...model, table: model.table.id } : model);
}

/** Degrees, north and east positive. `bias`, -99 to 99: how much nearer than it is the place counts, see nearest.ts. */
export interface BiasedLocation {
  latitude: number;
  longitude: number;
  bias?: number;
}
