import { Buffer } from "node:buffer";
import { connect } from "node:net";
import type { CheckSpec, ProbeTarget } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import { hostOfAddress, isHostHeader, isRequestTarget } from "../request-text.ts";
import { startExchange } from "./exchange.ts";
import { destination } from "./lookup.ts";
import { ResponseReader } from "./response.ts";

export type HttpCheck = Extract<CheckSpec, { type: "http" | "https" }>;

/** A GET over one fresh connection; the status must be expected, and the body hold the expected text. */
export function prepareHttp(target: ProbeTarget, check: HttpCheck, clock: HealthClock): StartProbe | null {
  const request = requestOctets(target, check, 80);
  if (request === null) return null;
  const where = { ...destination(target), port: check.port };
  return (done) =>
    startExchange(
      {
        open: (onread) => connect({ ...where, autoSelectFamily: false, noDelay: true, onread }),
        secure: false,
        request,
        response: new ResponseReader(check.expectStatus, check.expectBody),
      },
      clock,
      done,
    );
}

/**
 * The request of a check, or null when its path or host cannot be sent. HTTP/1.1 with `Connection: close`: a kept
 * connection would hide a listener that accepts nobody. Identity coding only: nothing is ever inflated.
 */
export function requestOctets(target: ProbeTarget, check: HttpCheck, defaultPort: number): Uint8Array | null {
  const host = check.host || hostOfAddress(target.address, target.family, check.port, defaultPort);
  if (!isRequestTarget(check.path) || !isHostHeader(host)) return null;
  return Buffer.from(
    `GET ${check.path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: steerd-probe\r\nAccept: */*\r\n` +
      "Accept-Encoding: identity\r\nConnection: close\r\n\r\n",
    "latin1",
  );
}
