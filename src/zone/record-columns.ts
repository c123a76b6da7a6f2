/**
 * Records of one zone as columns: what the master-file parser writes and the zone builder reads. Columns, because one
 * million records as objects would need several times the memory and a long collection.
 */
export interface RecordColumns {
  /** Apex of the zone: wire form, lower case. */
  origin: Uint8Array;
  /** Number of records; every column has at least this many elements. */
  count: number;
  /** Offset in `octets` of the owner name: wire form, uncompressed, lower case. */
  owner: Int32Array;
  type: Uint16Array;
  /** Seconds, 0 to 2^31-1 (RFC 2181 section 8). */
  ttl: Int32Array;
  /** Offset in `octets` of the RDATA: wire form, names uncompressed and in the case of the file. */
  rdata: Int32Array;
  rdlength: Uint16Array;
  /** Line on which the record starts, counted from 1. */
  line: Int32Array;
  /** Index into `files`. */
  file: Uint16Array;
  octets: Uint8Array;
  files: string[];
}
