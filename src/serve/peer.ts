import type { Client } from "../policy/client.ts";

const DOT = 0x2e;
const COLON = 0x3a;
const PERCENT = 0x25;

/**
 * Reads the address of a peer, as the kernel's sockets print it (inet_ntop), into `client.resolverFamily` and
 * `client.resolverAddress`. A zone after `%` is skipped. Returns the family, or 0 for text that is no address; such
 * text leaves the client at 0.0.0.0. No allocation: this runs for every datagram.
 */
export function setResolver(client: Client, family: string, address: string): number {
  const octets = client.resolverAddress;
  octets.fill(0);
  const ok = family === "IPv6" ? parseIpv6(address, octets) : parseIpv4(address, 0, octets, 0);
  client.resolverFamily = ok && family === "IPv6" ? 6 : 4;
  if (!ok) octets.fill(0);
  return ok ? client.resolverFamily : 0;
}

/** Four decimal numbers from `at` to the end, or to `%`. */
function parseIpv4(text: string, at: number, octets: Uint8Array, first: number): boolean {
  let octet = 0;
  let digits = 0;
  let index = first;
  for (let i = at; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : PERCENT;
    if (code === DOT || code === PERCENT) {
      if (digits === 0 || index > first + 3) return false;
      octets[index++] = octet;
      octet = 0;
      digits = 0;
      if (code === PERCENT) break;
      continue;
    }
    if (code < 0x30 || code > 0x39) return false;
    octet = octet * 10 + code - 0x30;
    digits++;
    if (octet > 255) return false;
  }
  return index === first + 4;
}

/** RFC 4291 section 2.2, with one `::` and a dotted tail at most. */
function parseIpv6(text: string, octets: Uint8Array): boolean {
  let index = 0;
  let gap = -1;
  let i = 0;
  const end = zoneStart(text);
  if (text.charCodeAt(0) === COLON && text.charCodeAt(1) !== COLON) return false;
  while (i < end) {
    if (text.charCodeAt(i) === COLON) {
      if (text.charCodeAt(i + 1) === COLON) {
        if (gap >= 0) return false;
        gap = index;
        i += 2;
        continue;
      }
      i++;
      if (i === end) return false;
    }
    const from = i;
    let word = 0;
    let digit = hexDigit(text.charCodeAt(i));
    while (i < end && digit >= 0) {
      word = word * 16 + digit;
      i++;
      digit = i < end ? hexDigit(text.charCodeAt(i)) : -1;
    }
    if (i < end && text.charCodeAt(i) === DOT) {
      if (index > 12 || !parseIpv4(text, from, octets, index)) return false;
      index += 4;
      i = end;
      break;
    }
    if (i === from || i - from > 4 || index > 14) return false;
    octets[index++] = word >> 8;
    octets[index++] = word & 255;
  }
  return spread(octets, index, gap);
}

function zoneStart(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === PERCENT) return i;
  return text.length;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Moves what follows the gap to the end. */
function spread(octets: Uint8Array, length: number, gap: number): boolean {
  if (gap < 0) return length === 16;
  if (length > 14) return false;
  const shift = 16 - length;
  for (let i = length - 1; i >= gap; i--) {
    octets[i + shift] = octets[i]!;
    octets[i] = 0;
  }
  return true;
}

/** The same from octets in network order, those of `family` from `at` on. */
export function setResolverOctets(client: Client, family: 4 | 6, octets: Uint8Array, at: number): void {
  const { resolverAddress } = client;
  const count = family === 4 ? 4 : 16;
  for (let i = 0; i < count; i++) resolverAddress[i] = octets[at + i]!;
  // What follows an IPv4 address is zero already, unless the last one was longer.
  if (family !== client.resolverFamily) for (let i = count; i < 16; i++) resolverAddress[i] = 0;
  client.resolverFamily = family;
}

/**
 * Source ports whose services answer whatever is sent to them (echo, discard, daytime, quotd, chargen, time): a reply
 * would start a loop, or be somebody's reflection attack.
 */
export function isReflectorPort(port: number): boolean {
  return port <= 37 && (port === 0 || port === 7 || port === 13 || port === 17 || port === 19 || port === 37);
}
