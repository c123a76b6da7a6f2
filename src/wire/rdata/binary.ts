/** Hexadecimal and base64 (RFC 4648), from and to octets. */

const HEX = "0123456789ABCDEF";

/** Value of a hexadecimal digit, or -1. */
export function hexDigit(octet: number): number {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const lower = octet | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Upper-case hexadecimal. */
export function formatHex(octets: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += HEX[octets[i]! >> 4]! + HEX[octets[i]! & 15]!;
  return text;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SEXTETS = new Int8Array(256).fill(-1);
for (let i = 0; i < 64; i++) SEXTETS[ALPHABET.charCodeAt(i)] = i;

/** Value of a base64 digit, or -1. */
function base64Digit(octet: number): number {
  return SEXTETS[octet]!;
}

/** Base64 with padding. */
export function formatBase64(octets: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i += 3) {
    const rest = end - i;
    const word = (octets[i]! << 16) | (rest > 1 ? octets[i + 1]! << 8 : 0) | (rest > 2 ? octets[i + 2]! : 0);
    text += ALPHABET[word >> 18]! + ALPHABET[(word >> 12) & 63]!;
    text += rest > 1 ? ALPHABET[(word >> 6) & 63]! : "=";
    text += rest > 2 ? ALPHABET[word & 63]! : "=";
  }
  return text;
}

/** base64 of padding 0x3d. */
const PADDING = 0x3d;

/**
 * Decodes base64 digits that may be spread over several pieces: feed each piece, then ask whether it ended well.
 * `bits` holds what is not a whole octet yet, `digits` counts all characters, padding included.
 */
export interface Base64State {
  bits: number;
  digits: number;
  padding: number;
}

/** Decodes one piece to `out`; returns the new write offset, or -1 for a character that does not belong there. */
export function decodeBase64Piece(
  state: Base64State,
  text: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  at: number,
): number {
  let write = at;
  for (let i = start; i < end; i++) {
    const octet = text[i]!;
    state.digits++;
    if (octet === PADDING) {
      state.padding++;
      continue;
    }
    const sextet = base64Digit(octet);
    if (sextet < 0 || state.padding > 0) return -1;
    state.bits = ((state.bits << 6) | sextet) & 0xfff;
    const phase = state.digits & 3;
    if (phase !== 1) out[write++] = state.bits >> (((4 - phase) & 3) * 2);
  }
  return write;
}

/** Whether all pieces together are whole: groups of four, at most two of padding, no bits left over (RFC 4648 section 3.5). */
export function isBase64Whole(state: Base64State): boolean {
  if ((state.digits & 3) !== 0 || state.padding > 2) return false;
  const spare = state.padding * 2;
  return (state.bits & ((1 << spare) - 1)) === 0;
}
