import { type Prefix, parsePrefix } from "./prefix.ts";

/**
 * Blocks whose addresses are not found anywhere in particular: IANA's special-purpose address registries (RFC 6890), and
 * multicast, which is no client's address. Where a block lies in another one of the registry, the wider stands here.
 */
const SPECIAL_IPV4: readonly [string, string][] = [
  ["0.0.0.0/8", "RFC 791: this network"],
  ["10.0.0.0/8", "RFC 1918: private use"],
  ["100.64.0.0/10", "RFC 6598: shared address space"],
  ["127.0.0.0/8", "RFC 1122: loopback"],
  ["169.254.0.0/16", "RFC 3927: link local"],
  ["172.16.0.0/12", "RFC 1918: private use"],
  ["192.0.0.0/24", "RFC 6890: IETF protocol assignments"],
  ["192.0.2.0/24", "RFC 5737: documentation"],
  ["192.31.196.0/24", "RFC 7535: AS112"],
  ["192.52.193.0/24", "RFC 7450: AMT"],
  ["192.88.99.0/24", "RFC 7526: deprecated 6to4 relay anycast"],
  ["192.168.0.0/16", "RFC 1918: private use"],
  ["192.175.48.0/24", "RFC 7534: direct delegation AS112"],
  ["198.18.0.0/15", "RFC 2544: benchmarking"],
  ["198.51.100.0/24", "RFC 5737: documentation"],
  ["203.0.113.0/24", "RFC 5737: documentation"],
  ["224.0.0.0/4", "RFC 5771: multicast"],
  ["240.0.0.0/4", "RFC 1112: reserved, and RFC 919: limited broadcast"],
];

const SPECIAL_IPV6: readonly [string, string][] = [
  ["::/128", "RFC 4291: unspecified"],
  ["::1/128", "RFC 4291: loopback"],
  ["64:ff9b:1::/48", "RFC 8215: local-use translation"],
  ["100::/64", "RFC 6666: discard only"],
  ["100:0:0:1::/64", "RFC 9780: dummy prefix"],
  ["2001::/23", "RFC 2928: IETF protocol assignments, with Teredo, benchmarking and ORCHID"],
  ["2001:db8::/32", "RFC 3849: documentation"],
  ["2620:4f:8000::/48", "RFC 7534: direct delegation AS112"],
  ["3fff::/20", "RFC 9637: documentation"],
  ["5f00::/16", "RFC 9602: segment routing SIDs"],
  ["fc00::/7", "RFC 4193: unique local"],
  ["fe80::/10", "RFC 4291: link local"],
  ["ff00::/8", "RFC 4291: multicast"],
];

/** Blocks whose addresses embed an IPv4 address: looked up as that one, see embeddedIpv4Bits in prefix-index.ts. */
const EMBEDDED_IPV4: readonly [string, string][] = [
  ["::ffff:0:0/96", "RFC 4291 section 2.5.5.2: IPv4-mapped"],
  ["64:ff9b::/96", "RFC 6052 section 2.1: NAT64"],
  ["2002::/16", "RFC 3056 section 2: 6to4"],
];

export interface SpecialBlock extends Prefix {
  /** The RFC, and what it set the block aside for. */
  source: string;
}

function parseBlocks(rows: readonly [string, string][]): readonly SpecialBlock[] {
  return rows.map(([text, source]) => ({ ...parsePrefix(text)!, source }));
}

/** Special-purpose blocks of a family, in address order; none overlaps another. */
export const SPECIAL_BLOCKS: Readonly<Record<4 | 6, readonly SpecialBlock[]>> = {
  4: parseBlocks(SPECIAL_IPV4),
  6: parseBlocks(SPECIAL_IPV6),
};

export const EMBEDDED_BLOCKS: readonly SpecialBlock[] = parseBlocks(EMBEDDED_IPV4);

/** The block of `blocks` that an address of that family lies in, or null. */
export function findBlock(blocks: readonly SpecialBlock[], address: Uint8Array): SpecialBlock | null {
  return blocks.find((block) => isWithin(address, block)) ?? null;
}

/** Whether the address, of the prefix's family, starts with the prefix's bits. */
export function isWithin(address: Uint8Array, prefix: Prefix): boolean {
  const whole = prefix.bits >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== prefix.octets[at]) return false;
  const rest = prefix.bits & 7;
  return rest === 0 || (address[whole]! ^ prefix.octets[whole]!) >> (8 - rest) === 0;
}
