import ipaddr from "ipaddr.js";
import {
  clearHostBits,
  formatAddress,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from "../geo/prefix.ts";
import { EMBEDDED_BLOCKS, isWithin } from "../geo/special.ts";
import type { AddressModel } from "../policy/model.ts";

/** Words for an address or prefix that cannot be used: `what` follows the text in quotes. */
export interface AddressFault {
  what: string;
  expected: string;
}

export interface ParsedAddress {
  family: AddressModel["family"];
  octets: Uint8Array;
  /** Canonical presentation form. */
  text: string;
}

const ADDRESS_EXPECTED = "an IPv4 or IPv6 address";

/** Ranges (as ipaddr.js calls them) that no host can be reached at. */
const UNREACHABLE: Record<string, string> = {
  unspecified: "is the unspecified address",
  multicast: "is a multicast address",
  broadcast: "is the broadcast address",
};

/** An address that a host may have. */
export function readAddress(text: string): ParsedAddress | AddressFault {
  const parsed = parseAddress(text);
  if (parsed === null) return { what: "is not an address", expected: expectationFor(text) };
  const { family, octets } = parsed;
  if (family === 6 && isWithin(octets, EMBEDDED_BLOCKS[0]!))
    return {
      what: "is an IPv4-mapped address",
      expected: `the IPv4 address, ${formatAddress(4, octets.slice(12))}`,
    };
  const unreachable = UNREACHABLE[ipaddr.fromByteArray([...octets]).range()];
  if (unreachable !== undefined) return { what: unreachable, expected: "the address of one host" };
  return { family, octets, text: formatAddress(family, octets) };
}

function expectationFor(text: string): string {
  if (/^[a-z]+:\/\//i.test(text))
    return `${ADDRESS_EXPECTED} alone; the check has the protocol, the port and the path`;
  if (text.includes("/")) return `${ADDRESS_EXPECTED} without a prefix length`;
  if (text.includes("%")) return `${ADDRESS_EXPECTED} without a zone`;
  if (/^\[.*\]/.test(text) || /^[\d.]+:\d+$/.test(text))
    return `${ADDRESS_EXPECTED} without a port; the check has the port`;
  if (/^[\d.]*\b0\d/.test(text)) return `${ADDRESS_EXPECTED}; no leading zeros, which some read as octal`;
  if (/^[a-z][a-z0-9.-]*$/i.test(text)) return `${ADDRESS_EXPECTED}, not a name`;
  return ADDRESS_EXPECTED;
}

/** A key of `subnets` in its canonical form; a bare address is the prefix of that address alone. */
export function readSubnet(text: string): { prefix: Prefix; text: string } | AddressFault {
  const prefix = text.includes("/") ? parsePrefix(text) : parseAddress(text);
  if (prefix === null)
    return { what: "is not a prefix", expected: "an IPv4 or IPv6 prefix, as 192.0.2.0/24, or default" };
  const canonical = clearHostBits(prefix);
  const canonicalText = formatPrefix(canonical);
  const embedded = prefix.family === 6 ? EMBEDDED_BLOCKS.find((block) => covers(block, prefix)) : undefined;
  if (embedded !== undefined) return embeddedFault(prefix, embedded);
  if (formatPrefix(prefix) !== canonicalText)
    return { what: `has bits set beyond its ${prefix.bits}`, expected: canonicalText };
  return { prefix: canonical, text: canonicalText };
}

function covers(block: Prefix, prefix: Prefix): boolean {
  return prefix.bits >= block.bits && isWithin(prefix.octets, block);
}

/** Clients with such addresses are looked up by the IPv4 address within: the prefix would never match. */
function embeddedFault(prefix: Prefix, block: Prefix): AddressFault {
  const at = block.bits / 8;
  const bits = Math.min(32, prefix.bits - block.bits);
  const within = clearHostBits({ family: 4, octets: prefix.octets.slice(at, at + 4), bits });
  return {
    what: `lies in ${formatPrefix(block)}, whose addresses are read as the IPv4 address within`,
    expected: formatPrefix(within),
  };
}
