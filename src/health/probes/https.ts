import { isIP } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect, type SecureContext } from "node:tls";
import type { ProbeTarget } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import { hostName } from "../request-text.ts";
import { startExchange } from "./exchange.ts";
import { type HttpCheck, requestOctets } from "./http.ts";
import { destination } from "./lookup.ts";
import { ResponseReader } from "./response.ts";

/**
 * As http, within TLS. The certificate must be valid and for the check's host, which is also the name that is asked
 * for (SNI), or without one for the address or name itself (RFC 9525 section 6.4); `verify: false` takes any certificate.
 */
export function prepareHttps(
  target: ProbeTarget,
  check: HttpCheck,
  clock: HealthClock,
  secureContext: SecureContext,
): StartProbe | null {
  const request = requestOctets(target, check, 443);
  if (request === null) return null;
  const { address } = target;
  const name = hostName(check.host) || address.replace(/\.$/, "");
  const options: ConnectionOptions = {
    ...destination(target),
    port: check.port,
    // An address literal is never sent as a server name (RFC 6066 section 3).
    servername: isIP(name) === 0 ? name : "",
    checkServerIdentity: (_servername, certificate) => checkServerIdentity(name, certificate),
    secureContext,
    rejectUnauthorized: check.verify,
    ALPNProtocols: ["http/1.1"],
  };
  return (done) =>
    startExchange(
      {
        // The types know `onread` for plain sockets only; tls.connect documents and takes it too.
        open: (onread) => connect({ ...options, onread } as ConnectionOptions),
        secure: true,
        request,
        response: new ResponseReader(check.expectStatus, check.expectBody),
      },
      clock,
      done,
    );
}
