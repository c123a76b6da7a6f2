import type { Buffer } from "node:buffer";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import type { SecureContext } from "node:tls";
import type { LoadReport } from "../load-report.ts";
import type { Http2Spec, ProbeTarget } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import { REASON_BODY_ENCODED, REASON_NONE, REASON_STATUS, type Reason } from "../reasons.ts";
import {
  hostOfAddress,
  isHeaderName,
  isHeaderValue,
  isHostHeader,
  isRequestTarget,
} from "../request-text.ts";
import { BodyJudge, type Expectation, expectationOf, isExpectedStatus, wantsBody } from "./expectation.ts";
import { openerOf, type StreamJudge, startStream } from "./h2.ts";
import { figuresOfHeader } from "./load-figures.ts";

/** As http and https, over HTTP/2: agreed on within TLS (ALPN), or with prior knowledge in the clear. */
export function prepareHttp2(
  target: ProbeTarget,
  check: Http2Spec,
  clock: HealthClock,
  secureContext: () => SecureContext,
): StartProbe | null {
  const expectation = expectationOf(check);
  const headers = requestHeaders(target, check);
  if (expectation === null || headers === null) return null;
  const open = openerOf(target, check, secureContext);
  return (done) =>
    startStream(
      { open, secure: check.tls, headers, body: null, judge: new ResponseJudge(expectation) },
      clock,
      done,
    );
}

function requestHeaders(target: ProbeTarget, check: Http2Spec): OutgoingHttpHeaders | null {
  const { address, family } = target;
  const host = check.host || hostOfAddress(address, family, check.port, check.tls ? 443 : 80);
  const own = check.headers ?? [];
  if (!isRequestTarget(check.path) || !isHostHeader(host)) return null;
  if (own.some(([name, value]) => !isHeaderName(name) || !isHeaderValue(value))) return null;
  return {
    ":method": check.method ?? "GET",
    ":scheme": check.tls ? "https" : "http",
    ":authority": host,
    ":path": check.path,
    "user-agent": "steerd-probe",
    accept: "*/*",
    "accept-encoding": "identity",
    ...Object.fromEntries(own.map(([name, value]) => [name.toLowerCase(), value])),
  };
}

class ResponseJudge implements StreamJudge {
  status = 0;
  private readonly expectation: Expectation;
  private readonly body: BodyJudge;
  private loadHeader = "";

  constructor(expectation: Expectation) {
    this.expectation = expectation;
    this.body = new BodyJudge(expectation);
  }

  get report(): LoadReport | null {
    return this.loadHeader === "" ? this.body.report : figuresOfHeader(this.loadHeader);
  }

  takeHeaders(headers: IncomingHttpHeaders): Reason {
    this.status = Number(headers[":status"]);
    if (!isExpectedStatus(this.expectation, this.status)) return REASON_STATUS + this.status;
    this.loadHeader = String(headers[this.expectation.load?.header ?? ""] ?? "");
    const coding = headers["content-encoding"] ?? "identity";
    return coding !== "identity" && wantsBody(this.expectation) ? REASON_BODY_ENCODED : REASON_NONE;
  }

  takeData(octets: Buffer): Reason {
    return this.body.take(octets.subarray(0, this.body.room));
  }

  takeTrailers(): Reason {
    return REASON_NONE;
  }

  end(): Reason {
    return this.body.judge();
  }
}
