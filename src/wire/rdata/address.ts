/** IPv4 and IPv6 addresses in text (RFC 1123 section 2.1, RFC 4291 section 2.2, RFC 5952), from and to octets. */

import { hexDigit } from "./binary.ts";

const DOT = 0x2e;
const COLON = 0x3a;

/** Writes four octets; false when the text is not four decimal numbers without leading zeros. */
export function parseIpv4(
  text: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): boolean {
  let parts = 0;
  let value = -1;
  for (let i = start; i <= end; i++) {
    const octet = i === end ? DOT : text[i]!;
    if (octet === DOT) {
      if (value < 0 || parts === 4) return false;
      out[at + parts++] = value;
      value = -1;
    } else if (octet < 0x30 || octet > 0x39 || value === 0) {
      return false;
    } else {
      value = (value < 0 ? 0 : value * 10) + octet - 0x30;
      if (value > 255) return false;
    }
  }
  return parts === 4;
}

/** Writes sixteen octets; false when the text is no IPv6 address. A zone index (`%eth0`) is none of an address. */
export function parseIpv6(
  text: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): boolean {
  let words = 0;
  let gapAt = -1;
  let i = start;
  if (i + 1 < end && text[i] === COLON && text[i + 1] === COLON) {
    gapAt = 0;
    i += 2;
  }
  while (i < end) {
    if (words === 8) return false;
    let value = 0;
    let digits = 0;
    const pieceAt = i;
    for (; i < end && hexDigit(text[i]!) >= 0; i++, digits++) value = (value << 4) | hexDigit(text[i]!);
    if (i < end && text[i] === DOT) {
      if (words > 6 || !parseIpv4(text, pieceAt, end, out, at + words * 2)) return false;
      words += 2;
      break;
    }
    if (digits === 0 || digits > 4) return false;
    out[at + words * 2] = value >> 8;
    out[at + words * 2 + 1] = value & 0xff;
    words++;
    if (i === end) break;
    if (text[i] !== COLON || ++i === end) return false;
    if (text[i] === COLON) {
      if (gapAt >= 0) return false;
      gapAt = words;
      i++;
    }
  }
  if (gapAt < 0) return words === 8;
  if (words > 7) return false;
  moveTail(out, at, gapAt, words);
  return true;
}

/** Moves the words behind `::` to the end and fills the gap with zeros. */
function moveTail(out: Uint8Array, at: number, gapAt: number, words: number): void {
  const tail = (words - gapAt) * 2;
  for (let i = 1; i <= tail; i++) out[at + 16 - i] = out[at + words * 2 - i]!;
  for (let i = gapAt * 2; i < 16 - tail; i++) out[at + i] = 0;
}

/** Four octets as dotted quad. */
export function formatIpv4(octets: Uint8Array, at: number): string {
  return `${octets[at]}.${octets[at + 1]}.${octets[at + 2]}.${octets[at + 3]}`;
}

/** Sixteen octets as RFC 5952 section 4 wants them: lower case, no leading zeros, `::` for the longest run of zeros. */
export function formatIpv6(octets: Uint8Array, at: number): string {
  const words: number[] = [];
  for (let i = 0; i < 16; i += 2) words.push((octets[at + i]! << 8) | octets[at + i + 1]!);
  if (words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff) {
    return `::ffff:${formatIpv4(octets, at + 12)}`;
  }
  let gapAt = -1;
  let gapLength = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (words[i + run] === 0) run++;
    if (run > gapLength) {
      gapAt = i;
      gapLength = run;
    }
  }
  const hex = words.map((word) => word.toString(16));
  if (gapAt < 0) return hex.join(":");
  return `${hex.slice(0, gapAt).join(":")}::${hex.slice(gapAt + gapLength).join(":")}`;
}
