/** Which address a table's class was found for. */
export const ORIGIN_CLIENT = 0;
/** The client's address lies in a special-purpose block: the resolver's address was looked up instead. */
export const ORIGIN_RESOLVER = 1;
/** Both lie in special-purpose blocks: the chain for clients without a known place. */
export const ORIGIN_UNKNOWN = 2;

/**
 * Receives what a decision looked at, in the order in which it did; only explain passes one, the query path passes null.
 * Every number is an index into PolicyData or TableData; calls between `enter` and `leave` concern that node.
 */
export interface Trace {
  /** The class and the tile that a table gave; `origin`: ORIGIN_*. Called for every table of the record, before any walk. */
  table(table: number, classOffset: number, tileBits: number, origin: number): void;
  /** A walk below `node` begins (the root, or a node with a last resort of its own); `pass`: PASS_*. */
  pass(node: number, pass: number): void;
  enter(node: number): void;
  /** Dice between the entries that are left: `roll` of `totalWeight` names the entry that follows. */
  draw(node: number, roll: number, totalWeight: number): void;
  /** `p2c` drew two: this entry, and the one that follows, which is less loaded or was drawn first. */
  outdone(entry: number): void;
  /** The next alternative of the node: an index into PolicyData.entries. */
  entry(entry: number): void;
  /** The node has failed before in this pass, or in one after it, and is not walked again. */
  again(node: number): void;
  /** An entry whose pool takes only a part of its clients, and not this one. */
  leftOut(entry: number): void;
  /** `decision`: DECIDED_*; DECIDED_NOTHING says that the node has failed. */
  leave(node: number, decision: number): void;
  /** The latch of a `failover` was read; `horizonMs`: until it can go back by itself, 0: it does not. */
  latch(node: number, horizonMs: number): void;
  /** A pool's verdict was read: the words of its row, all 0 for a pool without one. */
  pool(pool: number, pass: number, failed: number, up: number, horizonMs: number): void;
  /** Every pass over `node` has failed; `kind`: LAST_RESORT_*, which decides now. */
  lastResort(node: number, kind: number): void;
  /** An address of the answer, and the horizon of its row. */
  picked(address: number, horizonMs: number): void;
  /** `leastMs`: the least horizon of everything that was read; NO_HORIZON: all settled. */
  ttl(leastMs: number, ttlSeconds: number): void;
}
