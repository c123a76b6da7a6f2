import { isIP, type OnReadOpts, type Socket } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect, type SecureContext } from "node:tls";
import type { ProbeTarget } from "../plan.ts";
import { hostName } from "../request-text.ts";
import { destination } from "./lookup.ts";

/** Where TLS is spoken, and with whom. */
export interface SecurePlace {
  port: number;
  /** Host header; empty: the address. */
  host: string;
  /** Name to ask for and to find in the certificate, where it is not the host. */
  sni?: string | undefined;
}

/**
 * What opens a TLS connection. The certificate must be valid and for the host, which is also the name that is asked for
 * (SNI), or without one for the address or name itself (RFC 9525 section 6.4); `verify` false takes any certificate.
 */
export function openSecure(
  target: ProbeTarget,
  place: SecurePlace,
  verify: boolean,
  secureContext: SecureContext,
  protocols = ["http/1.1"],
): (onread?: OnReadOpts) => Socket {
  const { address } = target;
  const name = place.sni || hostName(place.host) || address.replace(/\.$/, "");
  const options: ConnectionOptions = {
    ...destination(target),
    port: place.port,
    // An address literal is never sent as a server name (RFC 6066 section 3).
    servername: isIP(name) === 0 ? name : "",
    checkServerIdentity: (_servername, certificate) => checkServerIdentity(name, certificate),
    secureContext,
    rejectUnauthorized: verify,
    ALPNProtocols: protocols,
  };
  // The types know `onread` for plain sockets only; tls.connect documents and takes it too.
  return (onread) => connect(onread === undefined ? options : ({ ...options, onread } as ConnectionOptions));
}
