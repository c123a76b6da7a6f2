import { Buffer } from "node:buffer";
import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { decodeMessage, encodeQuery, type Message } from "../../wire/message.ts";
import { nameFromText } from "../../wire/name-text.ts";
import { formatRdata } from "../../wire/rdata/format.ts";
import type { DnsSpec, ProbeTarget } from "../plan.ts";
import type { HealthClock, ProbeResult, RunningProbe, StartProbe } from "../probe.ts";
import {
  REASON_ANSWER_MISMATCH,
  REASON_CLOSED,
  REASON_MALFORMED,
  REASON_NONE,
  REASON_OK,
  REASON_RCODE,
  REASON_TIMEOUT,
  REASON_TRUNCATED,
  REASON_UNREACHABLE,
  type Reason,
} from "../reasons.ts";
import { type AnswerReader, reasonOfCode, startExchange } from "./exchange.ts";
import { destination } from "./lookup.ts";

const FLAG_QR = 0x8000;
const FLAG_TC = 0x0200;

/** A query over UDP or TCP; the response code and the answers must be those expected. Null: the name is none. */
export function prepareDns(target: ProbeTarget, check: DnsSpec, clock: HealthClock): StartProbe | null {
  const name = nameFromText(check.query);
  if (typeof name === "number") return null;
  const queryOf = (id: number): Uint8Array =>
    encodeQuery({ id, name, type: check.queryType, subnet: null, recursion: check.recursion });
  if (check.transport === "udp")
    return (done) => {
      const id = randomInt(0x10000);
      return new UdpQuery(target, check, queryOf(id), new Expected(check, id, name), clock, done);
    };
  const where = { ...destination(target), port: check.port, autoSelectFamily: false };
  return (done) => {
    const id = randomInt(0x10000);
    const query = queryOf(id);
    const plan = {
      where,
      secure: false,
      // RFC 1035 section 4.2.2: two octets of length first.
      request: Buffer.concat([Buffer.from([query.length >> 8, query.length & 0xff]), query]),
      reader: () => new StreamReader(new Expected(check, id, name)),
    };
    return startExchange(plan, clock, done);
  };
}

/** What the response to one query must be like. */
class Expected {
  private readonly check: DnsSpec;
  private readonly id: number;
  private readonly name: string;

  constructor(check: DnsSpec, id: number, name: Uint8Array) {
    this.check = check;
    this.id = id;
    this.name = lower(name);
  }

  /** REASON_NONE: these octets are not the response to this query. */
  judge(octets: Uint8Array): Reason {
    const message = decodeMessage(octets);
    if (message === null || !this.isOurs(message)) return REASON_NONE;
    const { expectRcode, expectAnswer, queryType } = this.check;
    if (message.rcode !== expectRcode) return REASON_RCODE + message.rcode;
    const found = new Set<string>();
    for (const { type, rdata } of message.answer)
      if (type === queryType) found.add(formatRdata(type, rdata, 0, rdata.length).toLowerCase());
    if (expectAnswer.every((text) => found.has(text))) return REASON_OK;
    return (message.flags & FLAG_TC) === 0 ? REASON_ANSWER_MISMATCH : REASON_TRUNCATED;
  }

  /** The ID, and the question where the response repeats it: servers may leave it out of errors. */
  private isOurs({ id, flags, question, rcode }: Message): boolean {
    if (id !== this.id || (flags & FLAG_QR) === 0) return false;
    if (question === null) return rcode !== 0;
    return question.type === this.check.queryType && lower(question.name) === this.name;
  }
}

function lower(name: Uint8Array): string {
  return Buffer.from(name).toString("latin1").toLowerCase();
}

/** Reads one message from a stream, of at most 65,535 octets. */
class StreamReader implements AnswerReader {
  readonly status = 0;
  readonly inBody = false;
  readonly timeout = REASON_TIMEOUT;
  private readonly expected: Expected;
  private readonly parts: Buffer[] = [];
  private length = 0;

  constructor(expected: Expected) {
    this.expected = expected;
  }

  feed(octets: Buffer): Reason {
    // A copy: the buffer that it was read into belongs to all probes.
    this.parts.push(Buffer.from(octets));
    this.length += octets.length;
    if (this.length < 2) return REASON_NONE;
    const whole = Buffer.concat(this.parts);
    const end = 2 + whole.readUInt16BE(0);
    if (this.length < end) return REASON_NONE;
    return this.expected.judge(whole.subarray(2, end)) || REASON_MALFORMED;
  }

  end(): Reason {
    return REASON_CLOSED;
  }
}

/**
 * One query over UDP, from a connected socket, so that the kernel drops what others send and an ICMP "port unreachable"
 * is seen. It is sent once: a lost datagram is a failure, and `fall` is there for those.
 */
class UdpQuery implements RunningProbe {
  private readonly expected: Expected;
  private readonly clock: HealthClock;
  private readonly startMs: number;
  private readonly socket: Socket;
  private done: ((result: ProbeResult) => void) | null;
  private firstOctetMs = -1;

  constructor(
    target: ProbeTarget,
    check: DnsSpec,
    query: Uint8Array,
    expected: Expected,
    clock: HealthClock,
    done: (result: ProbeResult) => void,
  ) {
    this.expected = expected;
    this.clock = clock;
    this.done = done;
    this.startMs = clock.nowMs();
    const { host, lookup } = destination(target);
    this.socket = createSocket({
      type: target.family === 6 ? "udp6" : "udp4",
      ...(lookup === undefined ? {} : { lookup: lookup as never }),
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => this.failed(error));
    this.socket.on("message", (octets) => this.onMessage(octets));
    try {
      this.socket.connect(check.port, host, (error?: NodeJS.ErrnoException) => {
        if (this.done === null) return;
        if (error !== undefined) this.failed(error);
        else this.socket.send(query, (failure) => failure !== null && this.failed(failure));
      });
    } catch (error) {
      this.failed(error as NodeJS.ErrnoException);
    }
  }

  expire(): void {
    this.finish(REASON_TIMEOUT);
  }

  cancel(): void {
    if (this.done === null) return;
    this.done = null;
    this.socket.close();
  }

  private onMessage(octets: Buffer): void {
    if (this.done === null) return;
    const reason = this.expected.judge(octets);
    if (reason === REASON_NONE) return;
    this.firstOctetMs = this.clock.nowMs() - this.startMs;
    this.finish(reason);
  }

  private failed(error: NodeJS.ErrnoException): void {
    this.finish(reasonOfCode(error.code ?? "") ?? REASON_UNREACHABLE);
  }

  private finish(reason: Reason): void {
    const done = this.done;
    if (done === null) return;
    this.done = null;
    this.socket.close();
    done({
      ok: reason === REASON_OK,
      reason,
      status: 0,
      connectMs: -1,
      tlsMs: -1,
      firstOctetMs: this.firstOctetMs,
      totalMs: this.clock.nowMs() - this.startMs,
    });
  }
}
