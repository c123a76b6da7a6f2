import type { DecideContext } from "./context.ts";
import { ADDRESS_OCTETS, ADDRESS_WORDS } from "./data.ts";
import { appendEndpoint } from "./endpoint.ts";

/**
 * Anti-affinity: an IPv4 /24 and an IPv6 /48 are each the smallest block that networks announce to each other, so that
 * two addresses within one are likely to be lost together.
 */
const IPV4_HOST_BITS = 8;
/** Of the second word: /48 ends in its middle. */
const IPV6_HOST_BITS = 16;

/** More neighbours than an answer can hold: every endpoint is welcome, whatever its subnet. */
export const ANY_NEIGHBOURS = 0x3fffffff;

/** True when two addresses of the asked family lie in one subnet. Indexes into PolicyData.addresses. */
export function isSameSubnet(words: Int32Array, a: number, b: number, family: number): boolean {
  const at = a * ADDRESS_WORDS + ADDRESS_OCTETS;
  const other = b * ADDRESS_WORDS + ADDRESS_OCTETS;
  const difference = words[at]! ^ words[other]!;
  if (family === 4) return difference >>> IPV4_HOST_BITS === 0;
  return difference === 0 && (words[at + 1]! ^ words[other + 1]!) >>> IPV6_HOST_BITS === 0;
}

/**
 * Appends an endpoint's addresses, as appendEndpoint does, unless more than `neighbours` of those picked since `base`
 * lie in the subnet of one of them. False: it has to wait until more neighbours are welcome.
 */
export function appendApart(
  context: DecideContext,
  endpoint: number,
  strict: number,
  pass: number,
  base: number,
  limit: number,
  neighbours: number,
): boolean {
  const { family, picked } = context;
  const before = context.pickedCount;
  const appended = appendEndpoint(context, endpoint, strict, pass, limit);
  if (neighbours === ANY_NEIGHBOURS) return true;
  const words = context.policy.addresses;
  for (let i = before; i < before + appended; i++) {
    let found = 0;
    for (let j = base; j < before; j++) if (isSameSubnet(words, picked[i]!, picked[j]!, family)) found++;
    if (found <= neighbours) continue;
    context.pickedCount = before;
    return false;
  }
  return true;
}

/**
 * Appends the first `count` of `context.candidates` until `limit` addresses are there: first those of subnets that are
 * not in the answer, then those that have one neighbour there, and so on. Overwrites the candidates.
 */
export function appendSpread(
  context: DecideContext,
  count: number,
  strict: number,
  pass: number,
  base: number,
  limit: number,
  fewest: number,
): void {
  const { candidates } = context;
  let waiting = count;
  for (let neighbours = fewest; waiting > 0 && context.pickedCount < limit; neighbours++) {
    let left = 0;
    for (let i = 0; i < waiting && context.pickedCount < limit; i++) {
      const endpoint = candidates[i]!;
      if (!appendApart(context, endpoint, strict, pass, base, limit, neighbours))
        candidates[left++] = endpoint;
    }
    waiting = left;
  }
}
