import { formatHex } from "./binary.ts";
import type { RdataCursor } from "./reader.ts";
import { rdataTypeOf } from "./types.ts";

/** Presentation form by the type's fields; undefined when the type has none, or the octets are malformed. */
function formatFields(octets: Uint8Array, type: number, start: number, end: number): string | undefined {
  const fields = rdataTypeOf(type);
  if (fields === undefined) return undefined;
  const cursor: RdataCursor = { octets, at: start, end, ok: true };
  const texts: string[] = [];
  for (const field of fields) {
    texts.push(field.format(cursor));
    if (!cursor.ok) return undefined;
  }
  return cursor.at === end ? texts.filter((text) => text !== "").join(" ") : undefined;
}

/**
 * Presentation form of uncompressed RDATA; where the type has none, or the octets are malformed, that of RFC 3597:
 * `\# 4 C0000201`. Untrusted octets are welcome.
 */
export function formatRdata(type: number, octets: Uint8Array, start: number, length: number): string {
  const end = Math.min(start + length, octets.length);
  const text = formatFields(octets, type, start, end);
  if (text !== undefined) return text;
  return end === start ? "\\# 0" : `\\# ${end - start} ${formatHex(octets, start, end)}`;
}

/** Whether uncompressed RDATA is well formed for its type; any octets are, where the type is not known. */
export function isRdataValid(type: number, octets: Uint8Array, start: number, length: number): boolean {
  if (start + length > octets.length) return false;
  return rdataTypeOf(type) === undefined || formatFields(octets, type, start, start + length) !== undefined;
}
