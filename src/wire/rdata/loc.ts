import { readNumber } from "../text.ts";
import { putNumber } from "./fields.ts";
import { type Field, hasWord, type RdataReader, type RdataType, refuseWord, takeNumber } from "./reader.ts";

/** RFC 1876 section 2: angles count thousandths of a second from 2^31. */
const ANGLE_ORIGIN = 2 ** 31;
const DEGREE = 3_600_000;
const MINUTE = 60_000;
/** Altitude counts centimetres from 100,000 m below the spheroid. */
const ALTITUDE_ORIGIN = 10_000_000;
/** Size, horizontal and vertical precision when they are left out: 1 m, 10,000 m, 10 m. */
const DEFAULT_SIZES = [0x12, 0x16, 0x13] as const;
/** 90,000,000.00 m: the greatest size (section 3). */
const MAX_SIZE_CENTIMETRES = 9e9;
const MAX_ALTITUDE_CENTIMETRES = 0xffffffff - ALTITUDE_ORIGIN;

/** `12.345` with at most `decimals` digits behind the dot, as a whole number of its last place; -1 for anything else. */
function readFixed(reader: RdataReader, start: number, end: number, decimals: number): number {
  const { octets } = reader.tokens;
  let dot = octets.subarray(start, end).indexOf(0x2e);
  dot = dot < 0 ? end : start + dot;
  const whole = readNumber(octets, start, dot, 1e9);
  const digits = end - dot - 1;
  if (whole < 0 || digits > decimals) return -1;
  const fraction = digits <= 0 ? 0 : readNumber(octets, dot + 1, end, 1e9);
  return fraction < 0 ? -1 : whole * 10 ** decimals + fraction * 10 ** (decimals - Math.max(digits, 0));
}

/** Which of two letters the next word is, in any case: 1, -1, or 0 for neither. */
function hemisphere(reader: RdataReader, positive: string, negative: string): number {
  const { octets, starts, ends, count } = reader.tokens;
  const { next } = reader;
  if (next === count || ends[next]! - starts[next]! !== 1) return 0;
  const letter = String.fromCharCode(octets[starts[next]!]!).toUpperCase();
  return letter === positive ? 1 : letter === negative ? -1 : 0;
}

/** `d [m [s[.sss]]] N|S`, or E|W. */
function angle(name: string, maxDegrees: number, positive: string, negative: string): Field {
  return {
    parse: (reader) => {
      const { starts, ends } = reader.tokens;
      let total = 0;
      for (let part = 0; ; part++) {
        const sign = part === 0 ? 0 : hemisphere(reader, positive, negative);
        if (sign !== 0) {
          putNumber(reader, ANGLE_ORIGIN + sign * total, 4);
          reader.next++;
          return true;
        }
        if (!hasWord(reader, name)) return false;
        const place = part === 2 ? 3 : 0;
        const value = part > 2 ? -1 : readFixed(reader, starts[reader.next]!, ends[reader.next]!, place);
        const max = [maxDegrees, 59, 59_999, -1][part]!;
        total += value * [DEGREE, MINUTE, 1, 0][part]!;
        if (value < 0 || value > max || total > maxDegrees * DEGREE) {
          const expected = `up to ${maxDegrees} degrees, then minutes, seconds, and ${positive} or ${negative}`;
          return refuseWord(reader, "value", `does not fit into a ${name}`, expected);
        }
        reader.next++;
      }
    },
    format: (cursor) => {
      const signed = takeNumber(cursor, 4) - ANGLE_ORIGIN;
      const value = Math.abs(signed);
      if (value > maxDegrees * DEGREE) cursor.ok = false;
      const degrees = Math.floor(value / DEGREE);
      const minutes = Math.floor((value % DEGREE) / MINUTE);
      const seconds = ((value % MINUTE) / 1000).toFixed(3);
      return `${degrees} ${minutes} ${seconds} ${signed < 0 ? negative : positive}`;
    },
  };
}

/** A length in metres with an optional `m`, as centimetres; -1 when it is none. */
function readCentimetres(reader: RdataReader, start: number): number {
  const { octets, ends } = reader.tokens;
  const end = ends[reader.next]!;
  const unit = (octets[end - 1]! | 0x20) === 0x6d ? 1 : 0;
  return readFixed(reader, start, end - unit, 2);
}

const altitude: Field = {
  parse: (reader) => {
    if (!hasWord(reader, "altitude")) return false;
    const { octets, starts } = reader.tokens;
    const start = starts[reader.next]!;
    const below = octets[start] === 0x2d;
    const size = readCentimetres(reader, below ? start + 1 : start);
    if (size < 0 || size > (below ? ALTITUDE_ORIGIN : MAX_ALTITUDE_CENTIMETRES)) {
      return refuseWord(reader, "value", "is not an altitude", "metres from -100000.00 to 42849672.95");
    }
    putNumber(reader, ALTITUDE_ORIGIN + (below ? -size : size), 4);
    reader.next++;
    return true;
  },
  format: (cursor) => `${((takeNumber(cursor, 4) - ALTITUDE_ORIGIN) / 100).toFixed(2)}m`,
};

/** One octet: a digit, and the power of ten to multiply it with; what does not fit is cut off (RFC 1876 section 2). */
function packSize(centimetres: number): number {
  let exponent = 0;
  while (centimetres >= 10 ** (exponent + 1)) exponent++;
  return (Math.floor(centimetres / 10 ** exponent) << 4) | exponent;
}

/** The three sizes stand in front of the angles in RDATA, and behind them in text. */
function formatSize(octet: number): string {
  const centimetres = (octet >> 4) * 10 ** (octet & 15);
  return centimetres % 100 === 0 ? `${centimetres / 100}m` : `${(centimetres / 100).toFixed(2)}m`;
}

const latitude = angle("latitude", 90, "N", "S");
const longitude = angle("longitude", 180, "E", "W");

function parseSizes(reader: RdataReader): boolean {
  for (let i = 0; i < 3 && reader.next < reader.tokens.count; i++) {
    const size = readCentimetres(reader, reader.tokens.starts[reader.next]!);
    if (size < 0 || size > MAX_SIZE_CENTIMETRES) {
      return refuseWord(reader, "value", "is not a size or precision", "metres from 0.00 to 90000000.00");
    }
    reader.out[reader.start + 1 + i] = packSize(size);
    reader.next++;
  }
  return true;
}

const location: Field = {
  parse: (reader) => {
    putNumber(reader, 0, 1);
    for (const size of DEFAULT_SIZES) putNumber(reader, size, 1);
    return latitude.parse(reader) && longitude.parse(reader) && altitude.parse(reader) && parseSizes(reader);
  },
  format: (cursor) => {
    if (takeNumber(cursor, 1) !== 0) cursor.ok = false;
    const sizes = [takeNumber(cursor, 1), takeNumber(cursor, 1), takeNumber(cursor, 1)];
    if (sizes.some((size) => size >> 4 > 9 || (size & 15) > 9)) cursor.ok = false;
    const place = [latitude, longitude, altitude].map((field) => field.format(cursor));
    return [...place, ...sizes.map(formatSize)].join(" ");
  },
};

/** RFC 1876. */
export const LOC: RdataType = [location];
