import { Buffer } from "node:buffer";
import { connect, type OnReadOpts, type Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { HttpSpec, ProbeTarget } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import {
  hostOfAddress,
  isHeaderName,
  isHeaderValue,
  isHostHeader,
  isRequestTarget,
} from "../request-text.ts";
import type { Connection } from "./connection.ts";
import { type ExchangePlan, startExchange } from "./exchange.ts";
import { type Expectation, expectationOf } from "./expectation.ts";
import { openSecure } from "./https.ts";
import { prepareKept } from "./kept.ts";
import { destination } from "./lookup.ts";
import { type HttpExchange, type RequestPlace, startFollowing } from "./redirects.ts";
import { ResponseReader } from "./response.ts";
import { expiryJudge } from "./tls.ts";

/**
 * One request, plain or within TLS, over a fresh connection or over one that `reuse` probes share; the status must be
 * expected, and the body as the check says. Null: no request can be made of the check.
 */
export function prepareHttp(
  target: ProbeTarget,
  check: HttpSpec,
  clock: HealthClock,
  secureContext: () => SecureContext,
): StartProbe | null {
  const expectation = expectationOf(check);
  const isSecure = check.type === "https";
  const host = check.host || hostOfAddress(target.address, target.family, check.port, isSecure ? 443 : 80);
  const first: RequestPlace = { isSecure, host, port: check.port, path: check.path };
  const request = requestOctets(check, first, first, false);
  const lasting = requestOctets(check, first, first, true);
  if (expectation === null || request === null || lasting === null) return null;
  const open = openerFor(target, check, first, first, secureContext);
  const { reuse = 1 } = check;
  if (reuse > 1) {
    const planFor = (kept: Connection | null, keep: ExchangePlan["keep"]) =>
      exchangeOf(
        check,
        isSecure,
        open,
        keep === undefined ? request : lasting,
        expectation,
        clock,
        kept,
        keep,
      );
    return prepareKept(planFor, reuse, target.row, clock);
  }
  const redirects = check.redirects ?? 0;
  if (redirects === 0)
    return (done) =>
      startExchange(exchangeOf(check, isSecure, open, request, expectation, clock), clock, done);
  const planFor = (place: RequestPlace): HttpExchange | null => {
    const octets = requestOctets(check, place, first, false);
    if (octets === null) return null;
    return exchangeOf(
      check,
      place.isSecure,
      openerFor(target, check, place, first, secureContext),
      octets,
      expectation,
      clock,
    );
  };
  return (done) => startFollowing(planFor, first, redirects, clock, done);
}

type Open = (onread: OnReadOpts) => Socket;

function exchangeOf(
  check: HttpSpec,
  secure: boolean,
  open: Open,
  request: Uint8Array,
  expectation: Expectation,
  clock: HealthClock,
  kept: Connection | null = null,
  keep: ExchangePlan["keep"] = undefined,
): HttpExchange {
  const response = new ResponseReader(expectation, check.method === "HEAD", keep !== undefined);
  const { warnDays = 0 } = check;
  const judgeSession = secure && warnDays > 0 ? expiryJudge(warnDays, clock) : undefined;
  return { open, secure, request, response, judgeSession, kept, keep };
}

/** Opens the connection to a place, which is always at the target's own address. */
function openerFor(
  target: ProbeTarget,
  check: HttpSpec,
  place: RequestPlace,
  first: RequestPlace,
  secureContext: () => SecureContext,
): Open {
  const { port } = place;
  const where = { ...destination(target), port };
  if (!place.isSecure)
    return (onread) => connect({ ...where, autoSelectFamily: false, noDelay: true, onread });
  const isOwnHost = place.host === first.host;
  return openSecure(
    target,
    { port, host: isOwnHost ? check.host : place.host, ...(isOwnHost ? { sni: check.sni } : {}) },
    check.verify,
    secureContext(),
  );
}

/**
 * The request of a check, or null when it cannot be sent. HTTP/1.1, with `Connection: close` unless the connection is to
 * be kept. Identity coding only: nothing is ever inflated. The check's own headers, which may be secrets, are not sent to
 * another host, nor in the clear after TLS.
 */
function requestOctets(
  check: HttpSpec,
  place: RequestPlace,
  first: RequestPlace,
  isKept: boolean,
): Uint8Array | null {
  if (!isRequestTarget(place.path) || !isHostHeader(place.host)) return null;
  const isTrusted = place.host === first.host && (place.isSecure || !first.isSecure);
  const own = isTrusted ? (check.headers ?? []) : [];
  if (own.some(([name, value]) => !isHeaderName(name) || !isHeaderValue(value))) return null;
  const has = (name: string): boolean => own.some(([key]) => key.toLowerCase() === name);
  const lines = [
    `${check.method ?? "GET"} ${place.path} HTTP/1.1`,
    `Host: ${place.host}`,
    ...(has("user-agent") ? [] : ["User-Agent: steerd-probe"]),
    ...(has("accept") ? [] : ["Accept: */*"]),
    ...own.map(([name, value]) => `${name}: ${value}`),
    "Accept-Encoding: identity",
    ...(check.method === "POST" ? ["Content-Length: 0"] : []),
    ...(isKept ? [] : ["Connection: close"]),
    "\r\n",
  ];
  return Buffer.from(lines.join("\r\n"), "latin1");
}
