import { MAX_LABEL_OCTETS, MAX_NAME_OCTETS } from "./constants.ts";
import { nameLength } from "./name.ts";
import { formatOctetEscape, readEscape } from "./text.ts";

/** What parseName returns in place of a length. */
export const NAME_EMPTY = -1;
export const NAME_EMPTY_LABEL = -2;
export const NAME_LABEL_TOO_LONG = -3;
export const NAME_TOO_LONG = -4;
export const NAME_BAD_ESCAPE = -5;
/** Relative, and no origin was given. */
export const NAME_RELATIVE = -6;
/** Only from nameFromText: a file of octets may hold any. */
export const NAME_NOT_ASCII = -7;

const FAULTS: Record<number, { what: string; expected: string }> = {
  [NAME_EMPTY]: { what: "is empty", expected: "a domain name" },
  [NAME_EMPTY_LABEL]: { what: "has an empty label", expected: "one dot between labels" },
  [NAME_LABEL_TOO_LONG]: {
    what: "has a label of more than 63 octets",
    expected: "labels of at most 63 octets",
  },
  [NAME_TOO_LONG]: { what: "is longer than 255 octets", expected: "at most 255 octets in wire form" },
  [NAME_BAD_ESCAPE]: {
    what: "has a bad escape",
    expected: "\\DDD with three digits up to 255, or \\ and a character",
  },
  [NAME_RELATIVE]: { what: "is relative", expected: "a name that ends with a dot" },
  [NAME_NOT_ASCII]: {
    what: "is not ASCII",
    expected: "an internationalized name in its A-label form (xn--...), other octets as \\DDD",
  },
};

/** Words for a NAME_* fault: `what` follows the quoted name. */
export function describeNameFault(fault: number): { what: string; expected: string } {
  return FAULTS[fault]!;
}

const DOT = 0x2e;
const AT_SIGN = 0x40;
const BACKSLASH = 0x5c;

/**
 * Writes a name in presentation form as wire form, uncompressed and in its own case (RFC 1035 section 5.1).
 * A name without a final dot is completed with `origin` (wire form), and `@` is the origin.
 * Returns the octets written at `at` (at most 255, with the root's), or a NAME_* fault.
 */
export function parseName(
  text: Uint8Array,
  start: number,
  end: number,
  origin: Uint8Array | undefined,
  out: Uint8Array,
  at: number,
): number {
  if (start >= end) return NAME_EMPTY;
  if (end - start === 1) {
    if (text[start] === AT_SIGN) return appendOrigin(origin, out, at, 0);
    if (text[start] === DOT) {
      out[at] = 0;
      return 1;
    }
  }
  // The last octet is the root's, so that a label may reach to the one before.
  const last = at + MAX_NAME_OCTETS - 2;
  let lengthAt = at;
  let write = at + 1;
  for (let i = start; i < end; ) {
    let octet = text[i++]!;
    if (octet === DOT) {
      if (write === lengthAt + 1) return NAME_EMPTY_LABEL;
      out[lengthAt] = write - lengthAt - 1;
      lengthAt = write++;
      continue;
    }
    if (octet === BACKSLASH) {
      const unescaped = readEscape(text, i, end);
      if (unescaped < 0) return NAME_BAD_ESCAPE;
      octet = unescaped & 0xff;
      i += unescaped >>> 8;
    }
    if (write - lengthAt > MAX_LABEL_OCTETS) return NAME_LABEL_TOO_LONG;
    if (write > last) return NAME_TOO_LONG;
    out[write++] = octet;
  }
  const size = write - lengthAt - 1;
  out[lengthAt] = size;
  return size === 0 ? write - at : appendOrigin(origin, out, at, write - at);
}

function appendOrigin(origin: Uint8Array | undefined, out: Uint8Array, at: number, used: number): number {
  if (origin === undefined) return NAME_RELATIVE;
  const length = nameLength(origin, 0);
  if (used + length > MAX_NAME_OCTETS) return NAME_TOO_LONG;
  for (let i = 0; i < length; i++) out[at + used + i] = origin[i]!;
  return used + length;
}

/** parseName for a string, into octets of its own: the wire form, or a NAME_* fault. */
export function nameFromText(text: string, origin?: Uint8Array): Uint8Array | number {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return NAME_NOT_ASCII;
    octets[i] = unit;
  }
  const out = new Uint8Array(MAX_NAME_OCTETS);
  const length = parseName(octets, 0, octets.length, origin, out, 0);
  return length < 0 ? length : out.slice(0, length);
}

/** Octets that mean something in a master file or to its readers: `" $ ( ) . ; @ \`. */
const ESCAPED = '"$().;@\\';

/** Presentation form, absolute, of the valid, uncompressed name at `offset`: `www.example.com.`, the root as `.`. */
export function formatName(octets: Uint8Array, offset: number): string {
  if (octets[offset] === 0) return ".";
  let text = "";
  for (let at = offset; octets[at] !== 0; ) {
    const end = at + octets[at]!;
    for (at++; at <= end; at++) text += formatNameOctet(octets[at]!);
    text += ".";
  }
  return text;
}

function formatNameOctet(octet: number): string {
  if (octet <= 0x20 || octet > 0x7e) return formatOctetEscape(octet);
  const character = String.fromCharCode(octet);
  return ESCAPED.includes(character) ? `\\${character}` : character;
}
