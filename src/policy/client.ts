import { FAMILY_IPV4, FAMILY_IPV6 } from "../wire/constants.ts";
import type { Query } from "../wire/query.ts";

/** Who asks, as far as a decision looks: one object per worker, overwritten by every query. */
export interface Client {
  /** The resolver: 4 or 6, and its address; IPv4 in the first four octets, the rest zero. */
  resolverFamily: number;
  resolverAddress: Uint8Array;
  /** The address that the tables are asked for: the query's ECS ADDRESS itself where it counts, else the resolver's. */
  family: number;
  address: Uint8Array;
  /** SOURCE PREFIX-LENGTH when `address` came from ECS; 0 otherwise. */
  sourceBits: number;
  /** 1 when `address` came from ECS. */
  fromEcs: number;
}

export function createClient(): Client {
  return {
    resolverFamily: 4,
    resolverAddress: new Uint8Array(16),
    family: 4,
    address: new Uint8Array(16),
    sourceBits: 0,
    fromEcs: 0,
  };
}

/**
 * Says who the client of a query is, given that the resolver's family and address are set already: the ADDRESS of its
 * client subnet option when SOURCE PREFIX-LENGTH is not 0 (RFC 7871 section 7.1.2: 0 asks that it be left out of
 * account), else the resolver. Whether a record heeds the option is decide's business.
 */
export function prepareClient(client: Client, query: Query): void {
  const usable =
    query.hasEcs !== 0 &&
    query.ecsSourceBits !== 0 &&
    (query.ecsFamily === FAMILY_IPV4 || query.ecsFamily === FAMILY_IPV6);
  const address = usable ? query.ecsAddress : client.resolverAddress;
  if (client.address !== address) client.address = address;
  client.family = usable ? (query.ecsFamily === FAMILY_IPV4 ? 4 : 6) : client.resolverFamily;
  client.sourceBits = usable ? query.ecsSourceBits : 0;
  client.fromEcs = usable ? 1 : 0;
}
