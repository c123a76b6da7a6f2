/** Who asks, as far as a decision looks: one object per worker, overwritten by every query. */
export interface Client {
  /** The resolver: 4 or 6, and its address; IPv4 in the first four octets, the rest zero. */
  resolverFamily: number;
  resolverAddress: Uint8Array;
  /** The address that the tables are asked for: the ECS ADDRESS where it counts, else the resolver's. */
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
