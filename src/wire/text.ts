/**
 * Words of the presentation format (RFC 1035 section 5.1): escapes, character-strings, numbers, times. Texts are octets
 * from `start` up to `end`, so that a master file is never turned into strings.
 */

/** RFC 2181 section 8: a TTL is an unsigned number of at most 31 bits. */
export const MAX_TTL_SECONDS = 0x7fffffff;

/** RFC 1035 section 3.3: one length octet. */
export const MAX_STRING_OCTETS = 255;

/** Not in the form that was asked for. */
export const TEXT_MALFORMED = -1;
/** In the right form, but over the limit. */
export const TEXT_TOO_LARGE = -2;

const BACKSLASH = 0x5c;

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39;
}

/**
 * The octet that the escape means whose backslash is at `at - 1`: `\DDD` or `\X` (RFC 1035 section 5.1).
 * Low eight bits: the octet; above them how many octets of text follow the backslash. TEXT_MALFORMED when cut, or over 255.
 */
export function readEscape(text: Uint8Array, at: number, end: number): number {
  if (at >= end) return TEXT_MALFORMED;
  const first = text[at]!;
  if (!isDigit(first)) return (1 << 8) | first;
  if (at + 2 >= end || !isDigit(text[at + 1]!) || !isDigit(text[at + 2]!)) return TEXT_MALFORMED;
  const octet = (first - 0x30) * 100 + (text[at + 1]! - 0x30) * 10 + (text[at + 2]! - 0x30);
  return octet > 255 ? TEXT_MALFORMED : (3 << 8) | octet;
}

/**
 * Copies a text to `out` with its escapes resolved.
 * Returns the octets written, at most `max`; TEXT_MALFORMED for a bad escape, TEXT_TOO_LARGE when more than `max` are needed.
 */
export function readText(
  text: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
  max: number,
): number {
  let write = at;
  for (let i = start; i < end; ) {
    let octet = text[i++]!;
    if (octet === BACKSLASH) {
      const unescaped = readEscape(text, i, end);
      if (unescaped < 0) return TEXT_MALFORMED;
      octet = unescaped & 0xff;
      i += unescaped >>> 8;
    }
    if (write - at === max) return TEXT_TOO_LARGE;
    out[write++] = octet;
  }
  return write - at;
}

/** A decimal number of at most `max`; TEXT_MALFORMED without digits or with anything else, TEXT_TOO_LARGE above `max`. */
export function readNumber(text: Uint8Array, start: number, end: number, max: number): number {
  if (start >= end) return TEXT_MALFORMED;
  let value = 0;
  for (let i = start; i < end; i++) {
    const octet = text[i]!;
    if (!isDigit(octet)) return TEXT_MALFORMED;
    value = Math.min(value * 10 + (octet - 0x30), Number.MAX_SAFE_INTEGER / 16);
  }
  return value > max ? TEXT_TOO_LARGE : value;
}

function unitSeconds(octet: number): number {
  switch (octet | 0x20) {
    case 0x73:
      return 1;
    case 0x6d:
      return 60;
    case 0x68:
      return 3_600;
    case 0x64:
      return 86_400;
    case 0x77:
      return 604_800;
    default:
      return 0;
  }
}

/**
 * A time in seconds: `3600`, or numbers with units as `1h30m` (w, d, h, m, s in either case, as BIND has them).
 * TEXT_MALFORMED for anything else, TEXT_TOO_LARGE above `max`.
 */
export function readTime(text: Uint8Array, start: number, end: number, max: number): number {
  if (start >= end || !isDigit(text[start]!)) return TEXT_MALFORMED;
  let total = 0;
  let value = 0;
  let digits = 0;
  let units = 0;
  for (let i = start; i < end; i++) {
    const octet = text[i]!;
    if (isDigit(octet)) {
      value = Math.min(value * 10 + (octet - 0x30), 2 ** 40);
      digits++;
      continue;
    }
    const seconds = unitSeconds(octet);
    if (seconds === 0 || digits === 0) return TEXT_MALFORMED;
    total = Math.min(total + value * seconds, 2 ** 40);
    value = 0;
    digits = 0;
    units++;
  }
  if (digits > 0 && units > 0) return TEXT_MALFORMED;
  const time = total + value;
  return time > max ? TEXT_TOO_LARGE : time;
}

/** `\DDD` (RFC 1035 section 5.1). */
export function formatOctetEscape(octet: number): string {
  return `\\${octet.toString().padStart(3, "0")}`;
}

/** Octets as a quoted character-string; quotes and backslashes are escaped, and what is not printable ASCII as `\DDD`. */
export function formatQuoted(octets: Uint8Array, start: number, end: number): string {
  return `"${formatUnquoted(octets, start, end)}"`;
}

/** As formatQuoted, but without the quotes around. */
function formatUnquoted(octets: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) {
    const octet = octets[i]!;
    if (octet === 0x22 || octet === BACKSLASH) text += `\\${String.fromCharCode(octet)}`;
    else if (octet < 0x20 || octet > 0x7e) text += formatOctetEscape(octet);
    else text += String.fromCharCode(octet);
  }
  return text;
}

/** A message quotes at most this much of a value: a line of a terminal. */
const QUOTED_CHARACTERS = 60;

/** A piece of a file for a message: in quotes, cut after 60 characters, with control octets as `\DDD` (a terminal is not to obey them). */
export function quoteForMessage(octets: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) {
    if (text.length >= QUOTED_CHARACTERS) return `"${text}..."`;
    const octet = octets[i]!;
    text += octet < 0x20 || octet > 0x7e ? formatOctetEscape(octet) : String.fromCharCode(octet);
  }
  return `"${text}"`;
}

/** Whether the text is `word`, which is in upper case, in any mixture of cases. */
export function isWord(octets: Uint8Array, start: number, end: number, word: string): boolean {
  if (end - start !== word.length) return false;
  for (let i = 0; i < word.length; i++) {
    const octet = octets[start + i]!;
    const upper = octet >= 0x61 && octet <= 0x7a ? octet - 32 : octet;
    if (upper !== word.charCodeAt(i)) return false;
  }
  return true;
}
