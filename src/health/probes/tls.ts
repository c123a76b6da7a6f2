import type { SecureContext, TLSSocket } from "node:tls";
import type { ProbeTarget, TlsCheckSpec } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import { REASON_OK, REASON_TLS_EXPIRES_SOON, type Reason } from "../reasons.ts";
import { startExchange } from "./exchange.ts";
import { openSecure } from "./https.ts";

const DAY_MS = 86_400_000;

/** A TLS handshake with a valid certificate is a success; nothing is sent. */
export function prepareTls(
  target: ProbeTarget,
  check: TlsCheckSpec,
  clock: HealthClock,
  secureContext: SecureContext,
): StartProbe {
  // No protocol is asked for (ALPN): a server that knows another one would end the handshake.
  const where = openSecure(target, check, check.verify, secureContext, []);
  const judgeSession = expiryJudge(check.warnDays, clock);
  return (done) =>
    startExchange({ where, secure: true, request: null, reader: null, judgeSession }, clock, done);
}

/**
 * Warns when the server's own certificate ends within `days`. A warning is a success: an address is not withdrawn for a
 * certificate that clients still take, and once it has expired the handshake fails by itself.
 */
export function expiryJudge(days: number, clock: HealthClock): (socket: TLSSocket) => Reason {
  return (socket) => {
    const endMs = Date.parse(socket.getPeerCertificate().valid_to ?? "");
    return endMs - clock.wallMs() < days * DAY_MS ? REASON_TLS_EXPIRES_SOON : REASON_OK;
  };
}
