import { Buffer } from "node:buffer";
import type { LoadReport } from "../load-report.ts";
import { compilePattern, type Pattern } from "../pattern.ts";
import type { LoadSpec, ResponseSpec } from "../plan.ts";
import { REASON_BODY_MISMATCH, REASON_NONE, REASON_OK, type Reason } from "../reasons.ts";
import { type JsonExpectation, judgeJson, parseJson, valueAt } from "./json-health.ts";
import { figuresOf } from "./load-figures.ts";

/** Octets of a body that are looked at; the rest is never read, nor anything inflated. */
export const BODY_OCTETS_MAX = 5_120;

/** What a response must be like: made once for a target, used by each of its probes. */
export interface Expectation {
  /** Accepted status codes; empty: 200 to 299. */
  status: readonly number[];
  needle: Buffer;
  pattern: Pattern | null;
  json: JsonExpectation | null;
  /** Where figures of load are looked for; what is not there is no failure. */
  load: LoadSpec | null;
}

/** Null: the pattern is none, which configuration lets through nowhere. */
export function expectationOf(spec: ResponseSpec): Expectation | null {
  const pattern = spec.expectPattern === undefined ? null : compilePattern(spec.expectPattern);
  if (pattern !== null && typeof pattern !== "function") return null;
  return {
    status: spec.expectStatus,
    needle: Buffer.from(spec.expectBody, "utf8"),
    pattern,
    json: spec.expectJson ?? null,
    load: spec.load ?? null,
  };
}

export function isExpectedStatus({ status }: Expectation, code: number): boolean {
  return status.length === 0 ? code >= 200 && code <= 299 : status.includes(code);
}

/** Something is expected of the body, so that it has to be kept. */
export function wantsBody({ needle, pattern, json }: Expectation): boolean {
  return needle.length > 0 || pattern !== null || json !== null;
}

/** The first octets of one body, and what they mean. */
export class BodyJudge {
  private readonly expectation: Expectation;
  private readonly isKept: boolean;
  /** Load is looked for in the body. */
  private readonly isMeasured: boolean;
  private octets: Buffer | null = null;
  private length = 0;
  /** What the body says of the load, once it has been judged; null: nothing. */
  report: LoadReport | null = null;

  constructor(expectation: Expectation) {
    this.expectation = expectation;
    this.isMeasured = expectation.load !== null && expectation.load.header === "";
    this.isKept = wantsBody(expectation) || this.isMeasured;
  }

  /** Octets that it would still take. */
  get room(): number {
    return BODY_OCTETS_MAX - this.length;
  }

  /** Takes the octets of a range, at most `room`. REASON_NONE: more could change the verdict. */
  take(octets: Buffer, from = 0, to = octets.length): Reason {
    const searchedFrom = Math.max(0, this.length - this.expectation.needle.length + 1);
    if (this.isKept) {
      this.octets ??= Buffer.alloc(BODY_OCTETS_MAX);
      octets.copy(this.octets, this.length, from, to);
    }
    this.length += to - from;
    if (this.length >= BODY_OCTETS_MAX) return this.judge();
    const { needle, pattern, json } = this.expectation;
    const isNeedleAll = needle.length > 0 && pattern === null && json === null && !this.isMeasured;
    return isNeedleAll && this.holdsNeedle(searchedFrom) ? REASON_OK : REASON_NONE;
  }

  /** The verdict when nothing more comes, or is looked at. */
  judge(): Reason {
    const { needle, pattern, json, load } = this.expectation;
    if (needle.length > 0 && !this.holdsNeedle(0)) return REASON_BODY_MISMATCH;
    if (pattern === null && json === null && !this.isMeasured) return REASON_OK;
    const text = this.octets?.toString("utf8", 0, this.length) ?? "";
    if (pattern !== null && !pattern(text)) return REASON_BODY_MISMATCH;
    if (json === null && !this.isMeasured) return REASON_OK;
    const answer = parseJson(text);
    if (this.isMeasured) this.report = figuresOf(valueAt(answer, load?.path ?? []));
    return json === null ? REASON_OK : judgeJson(answer, json);
  }

  private holdsNeedle(from: number): boolean {
    return this.octets?.subarray(0, this.length).includes(this.expectation.needle, from) ?? false;
  }
}
