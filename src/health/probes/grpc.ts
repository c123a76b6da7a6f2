import { Buffer } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http2";
import type { SecureContext } from "node:tls";
import type { GrpcSpec, ProbeTarget } from "../plan.ts";
import type { HealthClock, StartProbe } from "../probe.ts";
import {
  REASON_BODY_ENCODED,
  REASON_CLOSED,
  REASON_GRPC_NOT_SERVING,
  REASON_GRPC_SERVICE_UNKNOWN,
  REASON_GRPC_STATUS,
  REASON_GRPC_UNKNOWN,
  REASON_MALFORMED,
  REASON_NONE,
  REASON_OK,
  REASON_STATUS,
  type Reason,
} from "../reasons.ts";
import { hostOfAddress, isHostHeader } from "../request-text.ts";
import { openerOf, type StreamJudge, startStream } from "./h2.ts";

/** The method of grpc.health.v1, as its health.proto names it. */
const CHECK_METHOD = "/grpc.health.v1.Health/Check";

/** Octets of a message that are read: the answer has two. */
const MESSAGE_OCTETS_MAX = 5_120;

/** Octets before each message: whether it is compressed, and its length. */
const PREFIX_OCTETS = 5;

const STATUS_SERVING = 1;
const STATUS_NOT_SERVING = 2;
const STATUS_SERVICE_UNKNOWN = 3;

/** A call of grpc.health.v1.Health/Check that answers SERVING is a success. Null: the host is none. */
export function prepareGrpc(
  target: ProbeTarget,
  check: GrpcSpec,
  clock: HealthClock,
  secureContext: () => SecureContext,
): StartProbe | null {
  const { address, family } = target;
  const host = check.host || hostOfAddress(address, family, check.port, check.tls ? 443 : 80);
  if (!isHostHeader(host)) return null;
  const headers = {
    ":method": "POST",
    ":scheme": check.tls ? "https" : "http",
    ":authority": host,
    ":path": CHECK_METHOD,
    te: "trailers",
    "content-type": "application/grpc",
    "user-agent": "steerd-probe",
  };
  const body = encodeHealthRequest(check.service);
  const open = openerOf(target, check, secureContext);
  return (done) =>
    startStream({ open, secure: check.tls, headers, body, judge: new HealthJudge() }, clock, done);
}

/** `HealthCheckRequest { string service = 1; }` with its prefix; an empty string is not encoded (proto3). */
export function encodeHealthRequest(service: string): Uint8Array {
  const name = Buffer.from(service, "utf8");
  const field = name.length === 0 ? [] : [0x0a, ...varint(name.length), ...name];
  const prefix = Buffer.alloc(PREFIX_OCTETS);
  prefix.writeUInt32BE(field.length, 1);
  return Buffer.concat([prefix, Buffer.from(field)]);
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

/** The `status` of a HealthCheckResponse, 0 (UNKNOWN) where it is absent; -1: the octets are no message. */
export function decodeHealthResponse(octets: Uint8Array): number {
  let status = 0;
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const octet = octets[at++];
      if (octet === undefined) return -1;
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
    }
    return -1;
  };
  while (at < octets.length) {
    const tag = readVarint();
    const field = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (tag < 0 || field === 0) return -1;
    if (wireType === 0) {
      const value = readVarint();
      if (value < 0) return -1;
      if (field === 1) status = value;
    } else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = readVarint();
      if (length < 0) return -1;
      at += length;
    } else return -1;
  }
  return at === octets.length ? status : -1;
}

/** One message, and the status of the call in the trailers, or in the headers when there is no message. */
class HealthJudge implements StreamJudge {
  status = 0;
  private octets: Buffer = Buffer.alloc(0);
  private trailers: IncomingHttpHeaders | null = null;

  takeHeaders(headers: IncomingHttpHeaders): Reason {
    this.status = Number(headers[":status"]);
    if (this.status !== 200) return REASON_STATUS + this.status;
    if (!/^application\/grpc(?:$|[+;])/.test(headers["content-type"] ?? "")) return REASON_MALFORMED;
    return headers["grpc-status"] === undefined ? REASON_NONE : this.judge(headers);
  }

  takeData(octets: Buffer): Reason {
    this.octets = Buffer.concat([this.octets, octets]);
    return this.octets.length > MESSAGE_OCTETS_MAX ? REASON_MALFORMED : REASON_NONE;
  }

  takeTrailers(headers: IncomingHttpHeaders): Reason {
    // The last data may still be on its way to us.
    this.trailers = headers;
    return REASON_NONE;
  }

  end(): Reason {
    // Without trailers a call has no status, whatever came before.
    return this.trailers === null ? REASON_CLOSED : this.judge(this.trailers);
  }

  private judge(headers: IncomingHttpHeaders): Reason {
    const text = String(headers["grpc-status"] ?? "");
    if (!/^\d{1,2}$/.test(text)) return REASON_MALFORMED;
    if (text !== "0") return REASON_GRPC_STATUS + Number(text);
    if (this.octets.length < PREFIX_OCTETS) return REASON_MALFORMED;
    if (this.octets[0] !== 0) return REASON_BODY_ENCODED;
    if (this.octets.readUInt32BE(1) !== this.octets.length - PREFIX_OCTETS) return REASON_MALFORMED;
    switch (decodeHealthResponse(this.octets.subarray(PREFIX_OCTETS))) {
      case -1:
        return REASON_MALFORMED;
      case STATUS_SERVING:
        return REASON_OK;
      case STATUS_NOT_SERVING:
        return REASON_GRPC_NOT_SERVING;
      case STATUS_SERVICE_UNKNOWN:
        return REASON_GRPC_SERVICE_UNKNOWN;
      default:
        return REASON_GRPC_UNKNOWN;
    }
  }
}
