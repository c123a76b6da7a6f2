import { describeNameFault, formatName, parseName } from "../name-text.ts";
import {
  formatQuoted,
  MAX_STRING_OCTETS,
  readNumber,
  readText,
  readTime,
  TEXT_MALFORMED,
  TEXT_TOO_LARGE,
} from "../text.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address.ts";
import { type Base64State, decodeBase64Piece, formatBase64, hexDigit, isBase64Whole } from "./binary.ts";
import {
  type Field,
  fits,
  hasWord,
  type RdataCursor,
  type RdataReader,
  refuse,
  refuseWord,
  takeName,
  takeNumber,
} from "./reader.ts";

const ESCAPE_EXPECTED = "\\DDD with three digits up to 255, or \\ and a character";

/** Appends a number of `size` octets, most significant first. */
export function putNumber(reader: RdataReader, value: number, size: number): void {
  for (let shift = size - 1; shift >= 0; shift--)
    reader.out[reader.at++] = Math.floor(value / 256 ** shift) & 0xff;
}

/** A decimal number of `size` octets. */
export function number(name: string, size: 1 | 2 | 4): Field {
  const max = 256 ** size - 1;
  return {
    parse: (reader) => {
      if (!hasWord(reader, name)) return false;
      const { octets, starts, ends } = reader.tokens;
      const value = readNumber(octets, starts[reader.next]!, ends[reader.next]!, max);
      if (value < 0) return refuseWord(reader, "value", `is no ${name}`, `a number from 0 to ${max}`);
      putNumber(reader, value, size);
      reader.next++;
      return true;
    },
    format: (cursor) => takeNumber(cursor, size).toString(),
  };
}

/** A number of one octet that also has names, as the algorithms of DNSSEC have. */
export function mnemonic(name: string, values: Record<string, number>): Field {
  return {
    parse: (reader) => {
      if (!hasWord(reader, name)) return false;
      const { octets, starts, ends } = reader.tokens;
      const [start, end] = [starts[reader.next]!, ends[reader.next]!];
      const value = readNumber(octets, start, end, 255);
      const known =
        values[String.fromCharCode(...octets.subarray(start, Math.min(end, start + 20))).toUpperCase()];
      if (value < 0 && known === undefined) {
        const names = Object.keys(values).join(", ");
        return refuseWord(reader, "value", `is no ${name}`, `a number from 0 to 255, or one of ${names}`);
      }
      putNumber(reader, known ?? value, 1);
      reader.next++;
      return true;
    },
    format: (cursor) => takeNumber(cursor, 1).toString(),
  };
}

/** Seconds in four octets, at most `max`: a number, or with units as BIND has them. */
export function time(name: string, max: number): Field {
  return {
    parse: (reader) => {
      if (!hasWord(reader, name)) return false;
      const { octets, starts, ends } = reader.tokens;
      const seconds = readTime(octets, starts[reader.next]!, ends[reader.next]!, max);
      if (seconds < 0) {
        return refuseWord(reader, "value", `is no ${name}`, `seconds up to ${max}, or a time as 1h30m`);
      }
      putNumber(reader, seconds, 4);
      reader.next++;
      return true;
    },
    format: (cursor) => {
      const seconds = takeNumber(cursor, 4);
      cursor.ok &&= seconds <= max;
      return seconds.toString();
    },
  };
}

/** A domain name, uncompressed, in the case it was written. */
export function domainName(name: string): Field {
  return {
    parse: (reader) => {
      if (!hasWord(reader, name)) return false;
      const { octets, starts, ends } = reader.tokens;
      const { next, origin, out, at } = reader;
      const length = parseName(octets, starts[next]!, ends[next]!, origin, out, at);
      if (length < 0) {
        const { what, expected } = describeNameFault(length);
        return refuseWord(reader, "name", `is no ${name}: it ${what}`, expected);
      }
      reader.at += length;
      reader.next++;
      return true;
    },
    format: (cursor) => {
      const at = takeName(cursor);
      return at < 0 ? "" : formatName(cursor.octets, at);
    },
  };
}

/** An IPv4 address: four octets. */
export const ipv4Address: Field = {
  parse: (reader) => {
    if (!hasWord(reader, "IPv4 address")) return false;
    const { octets, starts, ends } = reader.tokens;
    const [start, end] = [starts[reader.next]!, ends[reader.next]!];
    if (!parseIpv4(octets, start, end, reader.out, reader.at)) {
      return parseIpv6(octets, start, end, reader.out, reader.at)
        ? refuseWord(reader, "family", "is an IPv6 address", "an IPv4 address (IPv6 addresses go into AAAA)")
        : refuseWord(reader, "value", "is not an IPv4 address", "four numbers from 0 to 255 as 192.0.2.1");
    }
    reader.at += 4;
    reader.next++;
    return true;
  },
  format: (cursor) => formatIpv4(cursor.octets, takeOctets(cursor, 4)),
};

/** An IPv6 address: sixteen octets. */
export const ipv6Address: Field = {
  parse: (reader) => {
    if (!hasWord(reader, "IPv6 address")) return false;
    const { octets, starts, ends } = reader.tokens;
    const [start, end] = [starts[reader.next]!, ends[reader.next]!];
    if (!parseIpv6(octets, start, end, reader.out, reader.at)) {
      return parseIpv4(octets, start, end, reader.out, reader.at)
        ? refuseWord(reader, "family", "is an IPv4 address", "an IPv6 address (IPv4 addresses go into A)")
        : refuseWord(reader, "value", "is not an IPv6 address", "an address as 2001:db8::1");
    }
    reader.at += 16;
    reader.next++;
    return true;
  },
  format: (cursor) => formatIpv6(cursor.octets, takeOctets(cursor, 16)),
};

/** Steps over `size` octets and returns where they start; 0 and not ok past the end. */
export function takeOctets(cursor: RdataCursor, size: number): number {
  if (cursor.at + size > cursor.end) {
    cursor.ok = false;
    return 0;
  }
  cursor.at += size;
  return cursor.at - size;
}

/** Appends the next word as a character-string: a length octet and at most 255 octets (RFC 1035 section 3.3). */
function putString(reader: RdataReader, name: string): boolean {
  const { octets, starts, ends } = reader.tokens;
  const { next, out, at } = reader;
  const length = readText(octets, starts[next]!, ends[next]!, out, at + 1, MAX_STRING_OCTETS);
  if (length === TEXT_MALFORMED) return refuseWord(reader, "value", "has a bad escape", ESCAPE_EXPECTED);
  if (length === TEXT_TOO_LARGE) {
    const expected = "at most 255 octets, or several strings";
    return refuseWord(reader, "string-too-long", `is a ${name} of more than 255 octets`, expected);
  }
  out[at] = length;
  reader.at += length + 1;
  reader.next++;
  return true;
}

function formatString(cursor: RdataCursor): string {
  const length = takeNumber(cursor, 1);
  const at = takeOctets(cursor, length);
  return cursor.ok ? formatQuoted(cursor.octets, at, at + length) : "";
}

/** One character-string. */
export function characterString(name: string): Field {
  return {
    parse: (reader) => hasWord(reader, name) && putString(reader, name),
    format: formatString,
  };
}

/** One or more character-strings, to the end. */
export const characterStrings: Field = {
  parse: (reader) => {
    if (!hasWord(reader, "string")) return false;
    while (reader.next < reader.tokens.count) {
      if (!putString(reader, "string") || !fits(reader)) return false;
    }
    return true;
  },
  format: (cursor) => {
    const strings = [formatString(cursor)];
    while (cursor.ok && cursor.at < cursor.end) strings.push(formatString(cursor));
    return strings.join(" ");
  },
};

/** All that is left as one text without a length octet, at least `min` octets (CAA, URI). */
export function longText(name: string, min: number): Field {
  return {
    parse: (reader) => {
      if (!hasWord(reader, name)) return false;
      const { octets, starts, ends } = reader.tokens;
      const { next, out, at } = reader;
      const length = readText(octets, starts[next]!, ends[next]!, out, at, 0xffff);
      if (length === TEXT_MALFORMED) return refuseWord(reader, "value", "has a bad escape", ESCAPE_EXPECTED);
      if (length !== TEXT_TOO_LARGE && length < min) {
        return refuseWord(reader, "value", `is an empty ${name}`, name);
      }
      reader.at += length === TEXT_TOO_LARGE ? 0x10000 : length;
      reader.next++;
      return fits(reader);
    },
    format: (cursor) => {
      const at = takeOctets(cursor, Math.max(cursor.end - cursor.at, min));
      return cursor.ok ? formatQuoted(cursor.octets, at, cursor.at) : "";
    },
  };
}

/** Appends hexadecimal digits from `from` to the entry's last word; they may be in several words, cut anywhere. */
export function putHex(reader: RdataReader, name: string): boolean {
  const { octets, starts, ends, count } = reader.tokens;
  let high = -1;
  for (; reader.next < count; reader.next++) {
    for (let i = starts[reader.next]!; i < ends[reader.next]!; i++) {
      const digit = hexDigit(octets[i]!);
      if (digit < 0) return refuseWord(reader, "value", `is no ${name}`, "hexadecimal digits");
      if (high >= 0) reader.out[reader.at++] = (high << 4) | digit;
      high = high >= 0 ? -1 : digit;
      if (reader.at - reader.start > 0xffff) return fits(reader);
    }
  }
  if (high < 0) return true;
  reader.next--;
  return refuseWord(reader, "value", `is no ${name}`, "an even number of hexadecimal digits");
}

/** All that is left in base64, at least one octet. */
export function base64(name: string): Field {
  return {
    parse: (reader) => {
      if (!hasWord(reader, name)) return false;
      const { octets, starts, ends, count } = reader.tokens;
      const state: Base64State = { bits: 0, digits: 0, padding: 0 };
      for (; reader.next < count; reader.next++) {
        const [start, end] = [starts[reader.next]!, ends[reader.next]!];
        const at = decodeBase64Piece(state, octets, start, end, reader.out, reader.at);
        if (at < 0) return refuseWord(reader, "value", `is no ${name}`, "base64 digits");
        reader.at = at;
        if (!fits(reader)) return false;
      }
      if (state.digits > 0 && isBase64Whole(state)) return true;
      const expected = "base64 in groups of four digits";
      return refuse(reader, count - 1, "value", `the ${name} is incomplete`, expected);
    },
    format: (cursor) => {
      const at = takeOctets(cursor, Math.max(cursor.end - cursor.at, 1));
      return cursor.ok ? formatBase64(cursor.octets, at, cursor.at) : "";
    },
  };
}
