import { isIP } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import type { ProbeTarget } from "../plan.ts";
import { failedResult, type HealthClock, type PrepareProbe, type StartProbe } from "../probe.ts";
import { REASON_REQUEST_INVALID } from "../reasons.ts";
import { prepareDns } from "./dns.ts";
import { prepareExec } from "./exec.ts";
import { prepareFile } from "./file.ts";
import { prepareGrpc } from "./grpc.ts";
import { prepareHttp } from "./http.ts";
import { prepareHttp2 } from "./http2.ts";
import { findPing, prepareIcmp } from "./icmp.ts";
import { prepareStatic } from "./static.ts";
import { prepareTcp } from "./tcp.ts";
import { prepareTls } from "./tls.ts";

/** Prepares a target's probe; certificates are verified against the roots that Node was built with. */
export const prepareProbe: PrepareProbe = prepareProbeTrusting(null);

/** As prepareProbe, with certificates in PEM form as the only trusted roots; null: those of Node. */
export function prepareProbeTrusting(ca: string | null): PrepareProbe {
  // One for all probes: loading the roots takes milliseconds.
  let made: SecureContext | null = null;
  const secureContext = (): SecureContext => {
    made ??= createSecureContext({ minVersion: "TLSv1.2", ...(ca === null ? {} : { ca }) });
    return made;
  };
  return (target, clock) => prepare({ ...target, ...target.probe }, clock, secureContext) ?? refuse;
}

/** Null for a target that no request can be made of; configuration lets none through. */
function prepare(
  target: ProbeTarget,
  clock: HealthClock,
  secureContext: () => SecureContext,
): StartProbe | null {
  const check = target.check;
  // An address is what it says, and nothing that would be resolved: the address probed is the address answered.
  if (isIP(target.address) !== target.family) return null;
  switch (check.type) {
    case "tcp":
      return prepareTcp(target, check, clock);
    case "http":
    case "https":
      return prepareHttp(target, check, clock, secureContext);
    case "http2":
      return prepareHttp2(target, check, clock, secureContext);
    case "grpc":
      return prepareGrpc(target, check, clock, secureContext);
    case "dns":
      return prepareDns(target, check, clock);
    case "tls":
      return prepareTls(target, check, clock, secureContext());
    case "exec":
      return prepareExec(target, check, clock);
    case "file":
      return prepareFile(target, check, clock);
    case "static":
      return prepareStatic(check);
    case "icmp":
      return prepareIcmp(target, clock, findPing());
    default:
      return check satisfies never;
  }
}

const refuse: StartProbe = (done) => {
  done(failedResult(REASON_REQUEST_INVALID));
  return { expire() {}, cancel() {} };
};
