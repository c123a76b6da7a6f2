import type { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect, type Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import type { LoadReport } from "../load-report.ts";
import type { ProbeTarget, TlsSpec } from "../plan.ts";
import type { HealthClock, ProbeResult, RunningProbe } from "../probe.ts";
import {
  isSuccess,
  REASON_CLOSED,
  REASON_MALFORMED,
  REASON_NONE,
  REASON_REFUSED,
  REASON_REQUEST_INVALID,
  REASON_RESET,
  REASON_TIMEOUT_BODY,
  REASON_TIMEOUT_CONNECT,
  REASON_TIMEOUT_HEADERS,
  REASON_TIMEOUT_TLS,
  REASON_TLS_HANDSHAKE,
  REASON_TLS_NO_H2,
  type Reason,
} from "../reasons.ts";
import { reasonOfCode } from "./exchange.ts";
import { openSecure } from "./https.ts";
import { destination } from "./lookup.ts";

/** Reads one response of HTTP/2. Each method returns REASON_NONE while more is needed. */
export interface StreamJudge {
  /** HTTP status, or 0. */
  readonly status: number;
  /** What the response says of the endpoint's load; absent or null: nothing. */
  readonly report?: LoadReport | null;
  takeHeaders(headers: IncomingHttpHeaders): Reason;
  takeData(octets: Buffer): Reason;
  takeTrailers(headers: IncomingHttpHeaders): Reason;
  /** The stream has ended in order: the verdict. */
  end(): Reason;
}

export interface StreamPlan {
  open(): Socket;
  secure: boolean;
  headers: OutgoingHttpHeaders;
  /** Octets to send after the headers; null: none. */
  body: Uint8Array | null;
  judge: StreamJudge;
}

/** What opens the connection of a check over HTTP/2. */
export function openerOf(
  target: ProbeTarget,
  check: TlsSpec & { port: number; host: string; tls: boolean },
  secureContext: () => SecureContext,
): () => Socket {
  if (check.tls) return openSecure(target, check, check.verify, secureContext(), ["h2"]);
  const where = { ...destination(target), port: check.port };
  return () => connect({ ...where, autoSelectFamily: false, noDelay: true });
}

/** One request over HTTP/2 on a connection of its own. Reports once; at most 1 MB is ever held for it. */
export function startStream(
  plan: StreamPlan,
  clock: HealthClock,
  done: (result: ProbeResult) => void,
): RunningProbe {
  return new StreamExchange(plan, clock, done);
}

type Phase = "connect" | "tls" | "headers" | "body";

const TIMEOUT_OF_PHASE: Readonly<Record<Phase, Reason>> = {
  connect: REASON_TIMEOUT_CONNECT,
  tls: REASON_TIMEOUT_TLS,
  headers: REASON_TIMEOUT_HEADERS,
  body: REASON_TIMEOUT_BODY,
};

/** A session may hold that many megabytes, and that many header fields: a health answer needs neither. */
const SESSION_LIMITS = { maxSessionMemory: 1, maxHeaderListPairs: 64, settings: { enablePush: false } };

class StreamExchange implements RunningProbe {
  private readonly plan: StreamPlan;
  private readonly clock: HealthClock;
  private readonly startMs: number;
  private done: ((result: ProbeResult) => void) | null;
  private socket: Socket | null = null;
  private session: ClientHttp2Session | null = null;
  private phase: Phase = "connect";
  private connectMs = -1;
  private tlsMs = -1;
  private firstOctetMs = -1;

  constructor(plan: StreamPlan, clock: HealthClock, done: (result: ProbeResult) => void) {
    this.plan = plan;
    this.clock = clock;
    this.done = done;
    this.startMs = clock.nowMs();
    try {
      this.socket = plan.open();
    } catch {
      this.finish(REASON_REQUEST_INVALID);
      return;
    }
    this.socket.on("connect", () => this.onConnect());
    if (plan.secure) this.socket.on("secureConnect", () => this.onSecure());
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.finish(this.reasonOf(error)));
    this.socket.on("close", () => this.finish(REASON_CLOSED));
  }

  expire(): void {
    this.finish(TIMEOUT_OF_PHASE[this.phase]);
  }

  cancel(): void {
    this.done = null;
    this.destroy();
  }

  private elapsedMs(): number {
    return this.clock.nowMs() - this.startMs;
  }

  private onConnect(): void {
    if (this.done === null || this.socket === null) return;
    const { localPort, remotePort, localAddress, remoteAddress } = this.socket;
    // See exchange.ts: TCP connected to itself.
    if (localPort === remotePort && localAddress === remoteAddress) {
      this.finish(REASON_REFUSED);
      return;
    }
    this.connectMs = this.elapsedMs();
    if (this.plan.secure) this.phase = "tls";
    else this.send();
  }

  private onSecure(): void {
    if (this.done === null) return;
    this.tlsMs = this.elapsedMs();
    if ((this.socket as TLSSocket).alpnProtocol === "h2") this.send();
    else this.finish(REASON_TLS_NO_H2);
  }

  private send(): void {
    const { secure, headers, body } = this.plan;
    this.phase = "headers";
    try {
      const session = connectHttp2(`${secure ? "https" : "http"}://probe.invalid`, {
        ...SESSION_LIMITS,
        createConnection: () => this.socket!,
      });
      this.session = session;
      session.on("error", (error: NodeJS.ErrnoException) => this.finish(this.reasonOf(error)));
      session.on("close", () => this.finish(REASON_CLOSED));
      const stream = session.request(headers, { endStream: body === null });
      this.listen(stream);
      if (body !== null) stream.end(body);
    } catch {
      this.finish(REASON_REQUEST_INVALID);
    }
  }

  private listen(stream: ClientHttp2Stream): void {
    const { judge } = this.plan;
    stream.on("response", (headers) => {
      if (this.firstOctetMs < 0) this.firstOctetMs = this.elapsedMs();
      this.phase = "body";
      this.take(judge.takeHeaders(headers));
    });
    stream.on("data", (octets: Buffer) => this.take(judge.takeData(octets)));
    stream.on("trailers", (headers) => this.take(judge.takeTrailers(headers)));
    stream.on("end", () => this.take(this.phase === "body" ? judge.end() : REASON_CLOSED));
    stream.on("error", (error: NodeJS.ErrnoException) => this.finish(this.reasonOf(error)));
    stream.on("close", () => this.finish(REASON_CLOSED));
  }

  private take(reason: Reason): void {
    if (reason !== REASON_NONE) this.finish(reason);
  }

  private reasonOf(error: NodeJS.ErrnoException): Reason {
    const code = error.code ?? "";
    const known = reasonOfCode(code);
    if (known !== undefined) return known;
    if (code === "ETIMEDOUT") return TIMEOUT_OF_PHASE[this.phase];
    // What the peer says is no HTTP/2, or it says that we do not speak it.
    if (code === "ERR_HTTP2_ERROR" || code === "ERR_HTTP2_SESSION_ERROR") return REASON_MALFORMED;
    if (code.startsWith("ERR_HTTP2_")) return REASON_RESET;
    if (this.phase === "tls" && code === "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL")
      return REASON_TLS_NO_H2;
    if (this.phase === "tls" && code !== "ECONNRESET" && code !== "EPIPE") return REASON_TLS_HANDSHAKE;
    return this.phase === "connect" ? REASON_REFUSED : REASON_RESET;
  }

  private destroy(): void {
    this.session?.destroy();
    this.socket?.destroy();
  }

  private finish(reason: Reason): void {
    const done = this.done;
    if (done === null) return;
    this.done = null;
    this.destroy();
    const ok = isSuccess(reason);
    const report = ok ? (this.plan.judge.report ?? null) : null;
    done({
      ok,
      reason,
      status: this.plan.judge.status,
      connectMs: this.connectMs,
      tlsMs: this.tlsMs,
      firstOctetMs: this.firstOctetMs,
      totalMs: this.elapsedMs(),
      ...(report === null ? {} : { report }),
    });
  }
}
