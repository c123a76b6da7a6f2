import { LOWER } from "../wire/name.ts";
import { describeNameFault, nameFromText } from "../wire/name-text.ts";

/** A domain name in wire form, lower case; or words for what is wrong with it, which follow the text in quotes. */
export function readName(text: string, origin?: Uint8Array): Uint8Array | { what: string; expected: string } {
  const name = nameFromText(text, origin);
  if (typeof name === "number") return describeNameFault(name);
  // Octets of length are below 64 and map to themselves.
  for (let i = 0; i < name.length; i++) name[i] = LOWER[name[i]!]!;
  return name;
}

/** Whether a name is the apex or lies below it; both in wire form and lower case. */
export function isWithinZone(name: Uint8Array, apex: Uint8Array): boolean {
  for (let at = 0; ; at += name[at]! + 1) {
    if (name.length - at === apex.length) return apex.every((octet, i) => octet === name[at + i]);
    if (name.length - at < apex.length) return false;
  }
}
