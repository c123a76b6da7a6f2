/** Receives what a decision looked at; only explain passes one, the query path passes null. */
export interface Trace {
  /** The tile and class that a table gave for the client. */
  table(table: number, classOffset: number, tileBits: number): void;
}
