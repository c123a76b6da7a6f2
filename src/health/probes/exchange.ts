import type { Buffer } from "node:buffer";
import type { OnReadOpts, Socket, TcpSocketConnectOpts } from "node:net";
import type { TLSSocket } from "node:tls";
import type { LoadReport } from "../load-report.ts";
import type { HealthClock, ProbeResult, RunningProbe } from "../probe.ts";
import {
  isSuccess,
  REASON_CLOSED,
  REASON_FD_LIMIT,
  REASON_NAME_FORBIDDEN,
  REASON_NAME_UNRESOLVED,
  REASON_NONE,
  REASON_OK,
  REASON_REFUSED,
  REASON_REQUEST_INVALID,
  REASON_RESET,
  REASON_TIMEOUT_BODY,
  REASON_TIMEOUT_CONNECT,
  REASON_TIMEOUT_HEADERS,
  REASON_TIMEOUT_TLS,
  REASON_TLS_EXPIRED,
  REASON_TLS_HANDSHAKE,
  REASON_TLS_NAME,
  REASON_TLS_NOT_YET_VALID,
  REASON_TLS_SELF_SIGNED,
  REASON_TLS_UNTRUSTED,
  REASON_UNREACHABLE,
  type Reason,
} from "../reasons.ts";
import { type Connection, type ConnectionUser, closeIdle, openPlain, openWith } from "./connection.ts";
import { NAME_FORBIDDEN } from "./lookup.ts";

/** Reads what comes in answer, in pieces of any size. */
export interface AnswerReader {
  /** HTTP status, or 0. */
  readonly status: number;
  /** The deadline would cut a body. */
  readonly inBody: boolean;
  /** Reason of a deadline after the request, where it is not one of HTTP's phases. */
  readonly timeout?: Reason;
  /** What is awaited besides can change the verdict no more: at the deadline it is a success. */
  readonly isSatisfied?: boolean;
  /** What the answer says of the endpoint's load; absent or null: nothing. */
  readonly report?: LoadReport | null;
  /** The answer has come to its end, and the connection can serve another request. */
  readonly isReusable?: boolean;
  /** Takes the next octets. REASON_NONE: more is needed; REASON_OK: satisfied; else why not. */
  feed(octets: Buffer): Reason;
  /** The connection has ended in order: a verdict when that ends the answer, else REASON_CLOSED. */
  end(): Reason;
}

/** What to open, and what to say and to read on it: the same for all probes of a target. */
export interface ExchangePlan {
  /** Where a plain connection leads, or what opens another kind of socket, which reads into `onread`. */
  where: TcpSocketConnectOpts | ((onread: OnReadOpts) => Socket);
  /** A TLS handshake follows the connection. */
  secure: boolean;
  /** Octets to send; null: the connection alone is the probe. */
  request: Uint8Array | null;
  /** The same, where the connection is to serve another request. */
  lastingRequest?: Uint8Array;
  /** Makes what reads one answer, to its end where the connection is to serve another request; null: none comes. */
  reader: ((toEnd: boolean) => AnswerReader) | null;
  /** Looks at the session once the handshake has ended: REASON_OK, or a warning that a success then carries. */
  judgeSession?: ((socket: TLSSocket) => Reason) | undefined;
}

/** The connection that is kept between the probes of one target. */
export interface Keeper {
  /** True when the connection is to serve another request after this one. */
  readonly isLasting: boolean;
  /** Null: a fresh one is needed, and counts from now on. */
  take(): Connection | null;
  /** Takes the connection after a success that left it fit for another request. */
  keep(connection: Connection): void;
  /** Whatever was kept, the next connection is a fresh one. */
  renew(): void;
}

/** Error codes that mean the same in every phase. */
const REASON_OF_CODE: Readonly<Record<string, Reason>> = {
  ECONNREFUSED: REASON_REFUSED,
  EHOSTUNREACH: REASON_UNREACHABLE,
  ENETUNREACH: REASON_UNREACHABLE,
  EHOSTDOWN: REASON_UNREACHABLE,
  ENETDOWN: REASON_UNREACHABLE,
  EADDRNOTAVAIL: REASON_UNREACHABLE,
  EACCES: REASON_UNREACHABLE,
  EPERM: REASON_UNREACHABLE,
  EINVAL: REASON_UNREACHABLE,
  ENOTFOUND: REASON_NAME_UNRESOLVED,
  EAI_AGAIN: REASON_NAME_UNRESOLVED,
  EAI_FAIL: REASON_NAME_UNRESOLVED,
  [NAME_FORBIDDEN]: REASON_NAME_FORBIDDEN,
  EMFILE: REASON_FD_LIMIT,
  ENFILE: REASON_FD_LIMIT,
  ENOBUFS: REASON_FD_LIMIT,
  ENOMEM: REASON_FD_LIMIT,
  ERR_TLS_CERT_ALTNAME_INVALID: REASON_TLS_NAME,
  CERT_HAS_EXPIRED: REASON_TLS_EXPIRED,
  CERT_NOT_YET_VALID: REASON_TLS_NOT_YET_VALID,
  DEPTH_ZERO_SELF_SIGNED_CERT: REASON_TLS_SELF_SIGNED,
  SELF_SIGNED_CERT_IN_CHAIN: REASON_TLS_UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: REASON_TLS_UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: REASON_TLS_UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: REASON_TLS_UNTRUSTED,
  CERT_UNTRUSTED: REASON_TLS_UNTRUSTED,
  CERT_REVOKED: REASON_TLS_UNTRUSTED,
  CERT_REJECTED: REASON_TLS_UNTRUSTED,
  CERT_SIGNATURE_FAILURE: REASON_TLS_UNTRUSTED,
  CERT_CHAIN_TOO_LONG: REASON_TLS_UNTRUSTED,
  INVALID_CA: REASON_TLS_UNTRUSTED,
  INVALID_PURPOSE: REASON_TLS_UNTRUSTED,
  PATH_LENGTH_EXCEEDED: REASON_TLS_UNTRUSTED,
};

type Phase = "connect" | "tls" | "headers" | "body";

const TIMEOUT_OF_PHASE: Readonly<Record<Phase, Reason>> = {
  connect: REASON_TIMEOUT_CONNECT,
  tls: REASON_TIMEOUT_TLS,
  headers: REASON_TIMEOUT_HEADERS,
  body: REASON_TIMEOUT_BODY,
};

/** What an error of a socket means where every phase agrees; undefined: it depends on the phase. */
export function reasonOfCode(code: string): Reason | undefined {
  return REASON_OF_CODE[code];
}

/**
 * Starts an exchange. Reports once, and whatever happens on its socket afterwards is nobody's concern. What fails on a
 * connection that `keeper` kept may be the connection's fault: it is asked again at once on a fresh one, within the same
 * deadline.
 */
export function startExchange(
  plan: ExchangePlan,
  clock: HealthClock,
  done: (result: ProbeResult) => void,
  keeper: Keeper | null = null,
): RunningProbe {
  return new Exchange(plan, clock, done, keeper);
}

class Exchange implements RunningProbe, ConnectionUser {
  private readonly plan: ExchangePlan;
  private readonly clock: HealthClock;
  private readonly keeper: Keeper | null;
  private readonly startMs: number;
  private done: ((result: ProbeResult) => void) | null;
  private connection: Connection | null = null;
  private response: AnswerReader | null = null;
  private isLasting = false;
  private mayRetry = false;
  private phase: Phase = "connect";
  private connectMs = -1;
  private tlsMs = -1;
  private firstOctetMs = -1;
  private success: Reason = REASON_OK;

  constructor(
    plan: ExchangePlan,
    clock: HealthClock,
    done: (result: ProbeResult) => void,
    keeper: Keeper | null,
  ) {
    this.plan = plan;
    this.clock = clock;
    this.done = done;
    this.keeper = keeper;
    this.startMs = clock.nowMs();
    const kept = keeper === null ? null : keeper.take();
    this.mayRetry = kept !== null;
    this.begin(kept);
  }

  private begin(kept: Connection | null): void {
    const { keeper, plan } = this;
    this.isLasting = keeper?.isLasting === true;
    this.response = plan.reader === null ? null : plan.reader(this.isLasting);
    if (kept !== null) {
      this.connection = kept;
      kept.takeUp(this);
      this.send();
      return;
    }
    try {
      const { where } = plan;
      this.connection =
        typeof where === "function" ? openWith(where, plan.secure, this) : openPlain(where, this);
    } catch {
      // The address or the port is none: no probe of this target can ever start.
      this.finish(REASON_REQUEST_INVALID);
    }
  }

  expire(): void {
    this.mayRetry = false;
    this.finish(this.response?.isSatisfied === true ? REASON_OK : this.timeoutReason());
  }

  cancel(): void {
    if (this.done === null) return;
    this.done = null;
    this.connection?.close();
  }

  private elapsedMs(): number {
    return this.clock.nowMs() - this.startMs;
  }

  onConnect(): void {
    if (this.done === null || this.connection === null) return;
    // Of plain requests only those that are not answered as expected are looked at: see onRead.
    if ((this.plan.secure || this.plan.request === null) && isJoinedToItself(this.connection.socket)) {
      this.finish(REASON_REFUSED);
      return;
    }
    this.connectMs = this.elapsedMs();
    if (this.plan.secure) this.phase = "tls";
    else this.send();
  }

  onSecure(): void {
    if (this.done === null) return;
    this.tlsMs = this.elapsedMs();
    this.send();
  }

  private send(): void {
    const { connection, plan } = this;
    if (connection === null) return;
    if (plan.secure) this.success = plan.judgeSession?.(connection.socket as TLSSocket) ?? REASON_OK;
    const request = this.isLasting ? (plan.lastingRequest ?? plan.request) : plan.request;
    if (request === null) {
      this.finish(REASON_OK);
      return;
    }
    this.phase = "headers";
    connection.socket.write(request);
  }

  onRead(octets: Buffer): boolean {
    const { response } = this;
    if (this.done === null || response === null) return false;
    if (this.firstOctetMs < 0) this.firstOctetMs = this.elapsedMs();
    const reason = response.feed(octets);
    if (response.inBody) this.phase = "body";
    if (reason === REASON_NONE) return true;
    const isEcho = !isSuccess(reason) && this.connection !== null && isJoinedToItself(this.connection.socket);
    this.finish(isEcho ? REASON_REFUSED : reason);
    // Who keeps the connection reads on, to notice its end.
    return this.connection?.isOpen === true;
  }

  onError(error: NodeJS.ErrnoException): void {
    this.finish(this.reasonOf(error));
  }

  onEnd(): void {
    this.finish(this.response?.end() ?? REASON_CLOSED);
  }

  onClose(): void {
    this.finish(REASON_CLOSED);
  }

  private reasonOf(error: NodeJS.ErrnoException): Reason {
    const code = error.code ?? "";
    const known = reasonOfCode(code);
    if (known !== undefined) return known;
    if (code === "ETIMEDOUT") return this.timeoutReason();
    if (this.phase === "tls" && code !== "ECONNRESET" && code !== "EPIPE") return REASON_TLS_HANDSHAKE;
    return this.phase === "connect" ? REASON_REFUSED : REASON_RESET;
  }

  private timeoutReason(): Reason {
    const isAsked = this.phase === "headers" || this.phase === "body";
    return (isAsked ? this.response?.timeout : undefined) ?? TIMEOUT_OF_PHASE[this.phase];
  }

  private finish(verdict: Reason): void {
    const done = this.done;
    if (done === null) return;
    const reason = verdict === REASON_OK ? this.success : verdict;
    if (reason === REASON_FD_LIMIT) closeIdle();
    const ok = isSuccess(reason);
    if (!ok && this.mayRetry) {
      this.retry();
      return;
    }
    this.done = null;
    this.leave(ok);
    const result: ProbeResult = {
      ok,
      reason,
      status: this.response?.status ?? 0,
      connectMs: this.connectMs,
      tlsMs: this.tlsMs,
      firstOctetMs: this.firstOctetMs,
      totalMs: this.elapsedMs(),
    };
    const report = ok ? (this.response?.report ?? null) : null;
    if (report !== null) result.report = report;
    done(result);
  }

  private retry(): void {
    this.mayRetry = false;
    this.connection?.close();
    this.keeper?.renew();
    this.phase = "connect";
    this.firstOctetMs = -1;
    this.begin(null);
  }

  /** Keeps the connection when it is fit for another request, else closes it. */
  private leave(isGood: boolean): void {
    const { connection, keeper } = this;
    if (connection === null) return;
    if (!isGood) connection.close();
    else if (this.isLasting && this.response?.isReusable === true) keeper?.keep(connection);
    else connection.release();
  }
}

/**
 * Both ends of a connection are one: on loopback the kernel may pick the probed port for our own end, and TCP then connects
 * to itself (RFC 9293 3.5). To ask costs two system calls.
 */
function isJoinedToItself({ localPort, remotePort, localAddress, remoteAddress }: Socket): boolean {
  return localPort === remotePort && localAddress === remoteAddress;
}
