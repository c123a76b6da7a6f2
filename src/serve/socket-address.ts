import { createClient } from "../policy/client.ts";
import { formatIpv4, formatIpv6 } from "../wire/rdata/address.ts";
import { AF_INET, AF_INET6 } from "./kernel.ts";
import type { Listener } from "./listener.ts";
import { setResolver } from "./peer.ts";

/** Lengths of struct sockaddr_in and sockaddr_in6. */
const IPV4_OCTETS = 16;
const IPV6_OCTETS = 28;
/** Offsets: family (of the host's order), port (network order), then the address; IPv6 has its flow label between. */
export const PORT_AT = 2;
export const IPV4_AT = 4;
export const IPV6_AT = 8;

export function addressLength(family: 4 | 6): number {
  return family === 4 ? IPV4_OCTETS : IPV6_OCTETS;
}

/** Writes a listener as struct sockaddr_in or sockaddr_in6; returns its length. The host is an address without a zone. */
export function writeSocketAddress(listener: Listener, out: DataView): number {
  const { host, port, family } = listener;
  const client = createClient();
  setResolver(client, family === 6 ? "IPv6" : "IPv4", host);
  const length = addressLength(family);
  for (let at = 0; at < length; at++) out.setUint8(at, 0);
  out.setUint16(0, family === 4 ? AF_INET : AF_INET6, true);
  out.setUint16(PORT_AT, port);
  const octets = family === 4 ? 4 : 16;
  const start = family === 4 ? IPV4_AT : IPV6_AT;
  for (let at = 0; at < octets; at++) out.setUint8(start + at, client.resolverAddress[at]!);
  return length;
}

/** The listener that a struct sockaddr_in or sockaddr_in6 describes. */
export function readSocketAddress(address: DataView): Listener {
  const octets = new Uint8Array(address.buffer, address.byteOffset);
  const port = address.getUint16(PORT_AT);
  if (address.getUint16(0, true) === AF_INET6) return { host: formatIpv6(octets, IPV6_AT), port, family: 6 };
  return { host: formatIpv4(octets, IPV4_AT), port, family: 4 };
}
