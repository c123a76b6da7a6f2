import { longText, number, takeOctets } from "./fields.ts";
import { type Field, hasWord, type RdataType, refuseWord, takeNumber } from "./reader.ts";

function isTagOctet(octet: number): boolean {
  const lower = octet | 0x20;
  return (octet >= 0x30 && octet <= 0x39) || (lower >= 0x61 && lower <= 0x7a);
}

/** Tag: ASCII letters and digits behind a length octet that is not zero (RFC 8659 section 4.1). */
const tag: Field = {
  parse: (reader) => {
    if (!hasWord(reader, "tag")) return false;
    const { octets, starts, ends } = reader.tokens;
    const [start, end] = [starts[reader.next]!, ends[reader.next]!];
    const size = end - start;
    if (size === 0 || size > 255 || !octets.subarray(start, end).every(isTagOctet)) {
      return refuseWord(reader, "value", "is not a tag", "1 to 255 letters and digits, as issue or iodef");
    }
    reader.out[reader.at] = size;
    reader.out.set(octets.subarray(start, end), reader.at + 1);
    reader.at += size + 1;
    reader.next++;
    return true;
  },
  format: (cursor) => {
    const size = takeNumber(cursor, 1);
    const at = takeOctets(cursor, size);
    const octets = cursor.octets.subarray(at, at + size);
    if (size === 0 || !octets.every(isTagOctet)) cursor.ok = false;
    return cursor.ok ? String.fromCharCode(...octets) : "";
  },
};

/** RFC 8659 section 4. */
export const CAA: RdataType = [number("flags", 1), tag, longText("value", 0)];
