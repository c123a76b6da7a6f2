import {
  SELECT_ADAPTIVE,
  SELECT_ALL,
  SELECT_HASH,
  SELECT_LEAST_CONNECTIONS,
  SELECT_LEAST_RESPONSE_TIME,
  SELECT_P2C,
  SELECT_ROUND_ROBIN,
  SELECT_SMOOTH_ROUND_ROBIN,
  SELECT_WEIGHTED,
} from "./data.ts";
import type { PoolModel } from "./model.ts";

/** The pool's `select` as a word, one of SELECT_*. */
export function selectWord(pool: PoolModel): number {
  switch (pool.select) {
    case "all":
      return SELECT_ALL;
    case "weighted":
      return SELECT_WEIGHTED;
    case "round_robin": {
      const isPlain = pool.endpoints.every((endpoint) => endpoint.weight === pool.endpoints[0]!.weight);
      return isPlain ? SELECT_ROUND_ROBIN : SELECT_SMOOTH_ROUND_ROBIN;
    }
    case "hash":
      return SELECT_HASH;
    case "least_response_time":
      return SELECT_LEAST_RESPONSE_TIME;
    case "least_connections":
      return SELECT_LEAST_CONNECTIONS;
    case "p2c":
      return SELECT_P2C;
    case "adaptive":
      return SELECT_ADAPTIVE;
    default:
      return pool.select satisfies never;
  }
}

/** Octets of an address that name its subnet: an IPv4 /24, an IPv6 /48, as in subnet.ts. */
const SUBNET_OCTETS = { 4: 3, 6: 6 } as const;

/** POOL_IPV4_APART or POOL_IPV6_APART: 1 when the family's addresses lie in more than one subnet. */
export function apartWord(pool: PoolModel, family: 4 | 6): 0 | 1 {
  const subnets = new Set<string>();
  for (const address of pool.endpoints.flatMap((endpoint) => endpoint.addresses)) {
    if (address.family === family) subnets.add(address.octets.subarray(0, SUBNET_OCTETS[family]).join("."));
  }
  return subnets.size > 1 ? 1 : 0;
}
