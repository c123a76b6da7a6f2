import { formatPrefix, type Prefix, parsePrefix } from "./prefix.ts";
import { EMBEDDED_BLOCKS, findBlock, isWithin } from "./special.ts";

/**
 * Blocks in which the addresses that a name leads to must not lie unless they are allowed: whoever holds the name could
 * otherwise point probes and answers at our own network, or at a cloud's metadata service (169.254.169.254,
 * fd00:ec2::254). Documentation blocks harm nobody.
 */
const REFUSED: readonly (readonly [string, string])[] = [
  ["0.0.0.0/8", "this network"],
  ["10.0.0.0/8", "private use"],
  ["100.64.0.0/10", "shared address space"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link local, with metadata services"],
  ["172.16.0.0/12", "private use"],
  ["192.0.0.0/24", "IETF protocol assignments"],
  ["192.168.0.0/16", "private use"],
  ["198.18.0.0/15", "benchmarking"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "reserved, with limited broadcast"],
  ["::/128", "unspecified"],
  ["::1/128", "loopback"],
  ["::ffff:0:0/96", "IPv4-mapped"],
  ["64:ff9b:1::/48", "local-use translation"],
  ["100::/64", "discard only"],
  ["fc00::/7", "unique local, with metadata services"],
  ["fe80::/10", "link local"],
  ["ff00::/8", "multicast"],
];

const BLOCKS = REFUSED.map(([text, source]) => ({ ...parsePrefix(text)!, source }));

/** No host can be reached there, whatever is allowed. */
const NEVER = new Set(["0.0.0.0/8", "::/128", "::ffff:0:0/96", "224.0.0.0/4", "240.0.0.0/4", "ff00::/8"]);

type Address = Omit<Prefix, "bits">;

/** The IPv4 address that NAT64 and 6to4 lead to; any other address as it is. */
export function unwrapped(address: Address): Address {
  const block = address.family === 6 ? findBlock(EMBEDDED_BLOCKS, address.octets) : null;
  if (block === null || (block.bits === 96 && block.octets[0] === 0 && block.octets[1] === 0)) return address;
  const at = block.bits / 8;
  return { family: 4, octets: address.octets.slice(at, at + 4) };
}

/** Why an address that a name leads to may not be used: `10.0.0.0/8, private use`; null: it may. */
export function refusedBlock({ family, octets }: Address, allow: readonly string[]): string | null {
  const address = unwrapped({ family, octets });
  const ofFamily = BLOCKS.filter(({ family }) => family === address.family);
  const block = findBlock(ofFamily, address.octets);
  if (block === null) return null;
  const text = formatPrefix(block);
  const isAllowed =
    !NEVER.has(text) &&
    allow.some((prefix) => {
      const parsed = parsePrefix(prefix);
      return parsed !== null && parsed.family === address.family && isWithin(address.octets, parsed);
    });
  return isAllowed ? null : `${text}, ${block.source}`;
}
