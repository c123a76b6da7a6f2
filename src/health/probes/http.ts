import { Buffer } from "node:buffer";
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
  const where = whereOf(target, check, first, first, secureContext);
  const plan = planOf(check, isSecure, where, request, expectation, clock);
  const { reuse = 1, redirects = 0 } = check;
  if (reuse > 1) return prepareKept({ ...plan, lastingRequest: lasting }, reuse, target.row, clock);
  if (redirects === 0) return (done) => startExchange(plan, clock, done);
  const planFor = (place: RequestPlace): HttpExchange | null => {
    const octets = requestOctets(check, place, first, false);
    if (octets === null) return null;
    const there = whereOf(target, check, place, first, secureContext);
    const response = new ResponseReader(expectation, check.method === "HEAD");
    const following = planOf(check, place.isSecure, there, octets, expectation, clock);
    return { ...following, reader: () => response, response };
  };
  return (done) => startFollowing(planFor, first, redirects, clock, done);
}

type Where = ExchangePlan["where"];

function planOf(
  check: HttpSpec,
  secure: boolean,
  where: Where,
  request: Uint8Array,
  expectation: Expectation,
  clock: HealthClock,
): ExchangePlan {
  const { method, warnDays = 0 } = check;
  const reader = (toEnd: boolean) => new ResponseReader(expectation, method === "HEAD", toEnd);
  const judgeSession = secure && warnDays > 0 ? expiryJudge(warnDays, clock) : undefined;
  return { where, secure, request, reader, judgeSession };
}

/** Where a place is, which is always at the target's own address. */
function whereOf(
  target: ProbeTarget,
  check: HttpSpec,
  place: RequestPlace,
  first: RequestPlace,
  secureContext: () => SecureContext,
): Where {
  const { port } = place;
  if (!place.isSecure) return { ...destination(target), port, autoSelectFamily: false };
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
