import { Buffer } from "node:buffer";
import type { LoadReport } from "../load-report.ts";
import {
  REASON_BODY_ENCODED,
  REASON_CLOSED,
  REASON_MALFORMED,
  REASON_NONE,
  REASON_OK,
  REASON_STATUS,
  type Reason,
} from "../reasons.ts";
import { BodyJudge, type Expectation, isExpectedStatus, wantsBody } from "./expectation.ts";
import { figuresOfHeader } from "./load-figures.ts";

/** Octets of all header sections together, interim responses included: twice what common servers send at most. */
const HEAD_OCTETS_MAX = 16_384;

/** Octets of a chunk-size line with its extensions, which nobody uses. */
const CHUNK_LINE_OCTETS_MAX = 256;

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const ZERO = 0x30;
/** What makes a capital letter a small one. */
const SMALL = 0x20;

/** Fields that nearly every answer has. */
const CONTENT_LENGTH = Buffer.from("content-length:");
const KEEP_ALIVE = Buffer.from("connection: keep-alive");
/** Digits of a length that is read as octets: what they say fits a small integer. */
const DIGITS_MAX = 9;

/** One bit for each length that a field name has (or has 32 times over). */
const lengthBits = (names: readonly string[]): number =>
  names.reduce((bits, { length }) => bits | (1 << length), 0);

/** Lengths of the names of all fields that are read; a line without name is malformed. */
const READ_LENGTHS = lengthBits([
  "",
  "content-length",
  "transfer-encoding",
  "content-encoding",
  "location",
  "connection",
]);

/** The end of an HTTP/1 status line's first part; the reason phrase is free (RFC 9112 section 4). */
const STATUS_LINE = /^HTTP\/1\.[01] [1-5][0-9][0-9](?: .*)?$/;
/** Where the minor version and the code stand in it. */
const STATUS_MINOR = 7;
const STATUS_CODE = 9;
const STATUS_END = 12;
const VERSION = Buffer.from("HTTP/1.");

type Part = "status-line" | "header" | "body" | "chunk-size" | "chunk-data" | "chunk-end" | "trailer";

/**
 * Reads one HTTP/1 response as it comes, in pieces of any size, and says as early as it can whether a check is
 * satisfied. Status first: an unexpected one ends it (redirects included). Then the body, to its end or 5,120 octets,
 * or until the expected text has come. The answer to a HEAD has no body (RFC 9110 section 9.3.2). A reader that is `toEnd`
 * goes on to the end of the response, so that its connection can serve another request.
 */
export class ResponseReader {
  /** Status of the final response, 0 before it is known. */
  status = 0;
  /** True once the header section has ended. */
  inBody = false;
  /** Where a redirect leads, as the response says; empty: nowhere. */
  location = "";
  /** The header with figures of load, as the response has it. */
  private loadHeader = "";
  /** Only the end of the response is awaited. */
  isSatisfied = false;
  private readonly expectation: Expectation;
  private readonly isHead: boolean;
  private readonly toEnd: boolean;
  private readonly readLengths: number;
  private readonly body: BodyJudge;
  private part: Part = "status-line";
  private line = "";
  private headOctets = 0;
  private contentLength = -1;
  private chunked = false;
  private untilClose = false;
  private encoded = false;
  /** The connection ends with this response (RFC 9112 section 9.3). */
  private closes = false;
  /** The response's last octet has come. */
  private isEnded = false;
  /** It was the last one that came. */
  private isAlone = false;
  /** Octets still to come of the body (or chunk). */
  private left = 0;

  constructor(expectation: Expectation, isHead = false, toEnd = false) {
    this.expectation = expectation;
    this.isHead = isHead;
    this.toEnd = toEnd;
    const { load } = expectation;
    this.readLengths = load === null ? READ_LENGTHS : READ_LENGTHS | lengthBits([load.header]);
    this.body = new BodyJudge(expectation);
  }

  /** The connection can serve another request. */
  get isReusable(): boolean {
    return this.isEnded && this.isAlone && !this.closes && !this.untilClose;
  }

  /** What the response says of the endpoint's load; null: nothing. */
  get report(): LoadReport | null {
    return this.loadHeader === "" ? this.body.report : figuresOfHeader(this.loadHeader);
  }

  /** Takes the next octets. REASON_NONE: more is needed; REASON_OK: satisfied; else why not. */
  feed(octets: Buffer): Reason {
    let at = 0;
    this.isAlone = false;
    while (at < octets.length) {
      if (this.part === "body" || this.part === "chunk-data") {
        const taken = Math.min(octets.length - at, this.left, this.body.room);
        const reason = this.takeBody(octets, at, at + taken);
        at += taken;
        this.isAlone = at === octets.length;
        if (reason !== REASON_NONE) return reason;
        continue;
      }
      const end = lineEnd(octets, at);
      const stop = end < 0 ? octets.length : end;
      if (end >= 0 && this.line === "" && this.takesOctets(octets, at, end)) {
        if (this.lineTooLong(stop - at + 1)) return REASON_MALFORMED;
        at = end + 1;
        continue;
      }
      this.line += octets.toString("latin1", at, stop);
      if (this.lineTooLong(stop - at + 1)) return REASON_MALFORMED;
      if (end < 0) return REASON_NONE;
      at = end + 1;
      const line = withoutCarriageReturn(this.line);
      this.line = "";
      const reason = this.takeLine(line);
      this.isAlone = at === octets.length;
      if (reason !== REASON_NONE) return reason;
    }
    return REASON_NONE;
  }

  /** The connection has ended in order: a verdict when that ends the body, else REASON_CLOSED. */
  end(): Reason {
    if (this.isSatisfied) return REASON_OK;
    return this.inBody && this.untilClose ? this.body.judge() : REASON_CLOSED;
  }

  /**
   * Takes the whole lines of which nearly all answers consist without making text of them. False: it has to be read as
   * text, whatever it is.
   */
  private takesOctets(octets: Buffer, from: number, lineEnd: number): boolean {
    const to = octets[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (this.part === "status-line") return this.takesStatus(octets, from, to);
    if (this.part !== "header" || to <= from) return false;
    return this.isForeign(octets, from, to) || this.takesField(octets, from, to);
  }

  private takesStatus(octets: Buffer, from: number, to: number): boolean {
    if (to - from < STATUS_END || (to > from + STATUS_END && octets[from + STATUS_END] !== SPACE))
      return false;
    if (!startsWith(octets, from, VERSION) || octets[from + STATUS_CODE - 1] !== SPACE) return false;
    const minor = octets[from + STATUS_MINOR]! - ZERO;
    const status = decimal(octets, from + STATUS_CODE, from + STATUS_END);
    if ((minor !== 0 && minor !== 1) || status < 100 || status > 599) return false;
    for (let at = from + STATUS_END; at < to; at++) if (octets[at]! < SPACE) return false;
    this.closes = minor === 0;
    this.status = status;
    this.part = "header";
    return true;
  }

  /** The first Content-Length, and a connection that stays. */
  private takesField(octets: Buffer, from: number, to: number): boolean {
    if (to - from === KEEP_ALIVE.length && startsWith(octets, from, KEEP_ALIVE)) return true;
    if (this.contentLength >= 0 || !startsWith(octets, from, CONTENT_LENGTH)) return false;
    let first = from + CONTENT_LENGTH.length;
    while (octets[first] === SPACE) first += 1;
    if (to <= first || to - first > DIGITS_MAX) return false;
    const length = decimal(octets, first, to);
    if (length < 0) return false;
    this.contentLength = length;
    return true;
  }

  /** A whole header field that says nothing here, by the length of its name: most are, and need not become text. */
  private isForeign(octets: Buffer, from: number, to: number): boolean {
    for (let at = from; at < to; at++)
      if (octets[at] === COLON) return (this.readLengths & (1 << (at - from))) === 0;
    return false;
  }

  private lineTooLong(octets: number): boolean {
    if (this.inBody && this.part !== "trailer") return this.line.length > CHUNK_LINE_OCTETS_MAX;
    this.headOctets += octets;
    return this.headOctets > HEAD_OCTETS_MAX;
  }

  private takeLine(line: string): Reason {
    switch (this.part) {
      case "status-line":
        return this.takeStatusLine(line);
      case "header":
        return line === "" ? this.endHead() : this.takeHeader(line);
      case "chunk-size":
        return this.takeChunkSize(line);
      case "trailer":
        return line === "" ? this.endMessage() : REASON_NONE;
      default:
        // The line end behind a chunk's data.
        this.part = "chunk-size";
        return line === "" ? REASON_NONE : REASON_MALFORMED;
    }
  }

  private takeStatusLine(line: string): Reason {
    if (!STATUS_LINE.test(line)) return REASON_MALFORMED;
    this.closes = line.charCodeAt(STATUS_MINOR) === ZERO;
    this.status = Number(line.slice(STATUS_CODE, STATUS_CODE + 3));
    this.part = "header";
    return REASON_NONE;
  }

  private takeHeader(line: string): Reason {
    // A folded line continues the one before (RFC 9112 section 5.2): none that matters here is ever folded.
    if (line.startsWith(" ") || line.startsWith("\t")) return REASON_NONE;
    const colon = line.indexOf(":");
    if (colon <= 0) return REASON_MALFORMED;
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "content-length") return this.takeContentLength(value);
    if (name === "transfer-encoding") {
      this.chunked = /(?:^|,)\s*chunked$/i.test(value);
      this.untilClose = !this.chunked;
    } else if (name === "content-encoding") {
      this.encoded = value !== "" && value.toLowerCase() !== "identity";
    } else if (name === "location") {
      this.location = value;
    } else if (name === this.expectation.load?.header) {
      this.loadHeader = value;
    } else if (name === "connection") {
      this.closes ||= /(?:^|,)\s*close\s*(?:,|$)/i.test(value);
    }
    return REASON_NONE;
  }

  /** Several equal lengths are one; different ones are an attack or a defect (RFC 9110 section 8.6). */
  private takeContentLength(value: string): Reason {
    for (const item of value.includes(",") ? value.split(",") : [value]) {
      const digits = item.trim();
      if (!/^[0-9]{1,15}$/.test(digits)) return REASON_MALFORMED;
      const length = Number(digits);
      if (this.contentLength >= 0 && this.contentLength !== length) return REASON_MALFORMED;
      this.contentLength = length;
    }
    return REASON_NONE;
  }

  private endHead(): Reason {
    if (this.status < 200 && this.status !== 101) {
      this.part = "status-line";
      this.status = 0;
      this.contentLength = -1;
      this.chunked = false;
      this.untilClose = false;
      this.location = "";
      this.loadHeader = "";
      return REASON_NONE;
    }
    this.inBody = true;
    if (!isExpectedStatus(this.expectation, this.status)) return REASON_STATUS + this.status;
    if (this.encoded && wantsBody(this.expectation)) return REASON_BODY_ENCODED;
    if (this.status === 101) this.closes = true;
    if (this.isHead || this.status === 204 || this.status === 304) return this.endMessage();
    // Transfer-Encoding wins over Content-Length (RFC 9112 section 6.3).
    if (this.chunked) {
      this.part = "chunk-size";
      return REASON_NONE;
    }
    this.part = "body";
    this.untilClose ||= this.contentLength < 0;
    this.left = this.untilClose ? Number.POSITIVE_INFINITY : this.contentLength;
    return this.left === 0 ? this.endMessage() : REASON_NONE;
  }

  private takeChunkSize(line: string): Reason {
    const match = /^([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?$/.exec(line);
    if (match === null) return REASON_MALFORMED;
    this.left = Number.parseInt(match[1]!, 16);
    if (this.left > 0) {
      this.part = "chunk-data";
      return REASON_NONE;
    }
    this.part = "trailer";
    return this.hold(this.body.judge());
  }

  private takeBody(octets: Buffer, from: number, to: number): Reason {
    this.left -= to - from;
    const reason = this.body.take(octets, from, to);
    if (this.left === 0 && this.part === "body") return this.endMessage();
    if (reason !== REASON_NONE) return this.body.room > 0 ? this.hold(reason) : reason;
    if (this.left === 0) this.part = "chunk-end";
    return REASON_NONE;
  }

  /** The verdict now, or at the end of the response where that is wanted. */
  private hold(reason: Reason): Reason {
    if (!this.toEnd || reason !== REASON_OK) return reason;
    this.isSatisfied = true;
    return REASON_NONE;
  }

  private endMessage(): Reason {
    this.isEnded = true;
    return this.body.judge();
  }
}

/** Where the line from `at` on ends; -1: not here. Lines are so short that a call of Buffer.indexOf costs more. */
function lineEnd(octets: Buffer, at: number): number {
  for (let end = at; end < octets.length; end++) if (octets[end] === LF) return end;
  return -1;
}

/** True when the octets at a place are these, whatever the case of their letters; `small`: without capitals, or none at all. */
function startsWith(octets: Buffer, from: number, small: Buffer): boolean {
  for (let at = 0; at < small.length; at++) {
    const octet = octets[from + at]!;
    const wanted = small[at]!;
    if (octet !== wanted && (wanted < 0x61 || (octet | SMALL) !== wanted)) return false;
  }
  return true;
}

/** The number that digits say; -1: there is another character. */
function decimal(octets: Buffer, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = octets[at]! - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function withoutCarriageReturn(line: string): string {
  return line.charCodeAt(line.length - 1) === CR ? line.slice(0, -1) : line;
}
