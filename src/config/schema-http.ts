import * as z from "zod";
import { compilePattern } from "../health/pattern.ts";
import { HEADER_NAME, HEADER_VALUE, HOST_HEADER, REQUEST_TARGET } from "../health/request-text.ts";
import { chosen, mapping } from "./chosen.ts";
import { integerRow } from "./schema-rows.ts";

/** What a check over HTTP asks for, and what it expects. */

const PATH = 'a path that begins with "/", without spaces, line breaks or other control characters';
/** Text that goes into a request's head must not be able to end a line of it. */
const pathRow = z.string({ error: PATH }).regex(REQUEST_TARGET, { error: PATH }).max(2000, { error: PATH });
const HOST = "a host name, with a port if need be, without spaces or line breaks";
export const hostRow = z
  .string({ error: HOST })
  .regex(HOST_HEADER, { error: HOST })
  .max(255, { error: HOST });

const METHODS = ["GET", "HEAD", "OPTIONS", "POST"] as const;
const METHOD = `one of ${METHODS.join(", ")}`;

const HEADERS = "a mapping of header names to texts, as {X-Probe: steerd}";
const HEADER = "a text without line breaks or other control characters";
/** What the exchange itself depends on. */
const OWN_HEADERS = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "accept-encoding",
  "te",
  "upgrade",
];
const MAX_HEADERS = 32;
const HEADER_NAMES = `the name of a header, other than ${OWN_HEADERS.join(", ")}`;
const headerName = z
  .string()
  .regex(HEADER_NAME, { error: HEADER_NAMES })
  .refine((name) => !OWN_HEADERS.includes(name.toLowerCase()), { error: HEADER_NAMES });
const headerText = z
  .string({ error: HEADER })
  .regex(HEADER_VALUE, { error: HEADER })
  .max(4096, { error: HEADER });
export const headersRow = z
  .record(headerName, headerText, { error: HEADERS })
  .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, {
    error: `at most ${MAX_HEADERS} headers`,
  });

const STATUS = "a status code from 100 to 599, a range as 200-299, or a list of them";
const statusCode = z
  .int({ error: STATUS })
  .min(100, { error: STATUS })
  .max(599, { error: STATUS })
  .transform((code) => [code]);
const statusRange = z
  .string({ error: STATUS })
  .regex(/^[1-5]\d\d-[1-5]\d\d$/, { error: STATUS, abort: true })
  .refine((text) => Number(text.slice(0, 3)) <= Number(text.slice(4)), { error: STATUS })
  .meta({ title: "range" })
  .transform((text) => {
    const first = Number(text.slice(0, 3));
    return Array.from({ length: Number(text.slice(4)) - first + 1 }, (_, i) => first + i);
  });
const statusOne = chosen<number[]>([statusCode, statusRange], (value) =>
  typeof value === "string" ? statusRange : statusCode,
);
const statusList = z
  .array(statusOne, { error: STATUS })
  .min(1, { error: STATUS })
  .transform((codes) => [...new Set(codes.flat())]);

/** The first 5,120 octets of a body are looked at, so that an endless one costs nothing. */
const MAX_BODY_TEXT = 1024;
const BODY = `a text of at most ${MAX_BODY_TEXT} characters`;

const PATTERN = "a regular expression";
const patternRow = z.string({ error: PATTERN }).superRefine((text, context) => {
  const compiled = compilePattern(text);
  if (typeof compiled === "function") return;
  context.addIssue({ code: "custom", message: `${PATTERN}: ${compiled.what}: ${compiled.expected}` });
});

const KEYS = "keys with dots between them, as data.status";
export const keysRow = z
  .string({ error: KEYS })
  .regex(/^[^.]{1,64}(?:\.[^.]{1,64}){0,7}$/, { error: KEYS })
  .meta({ title: "keys" })
  .transform((text) => text.split("."));
const HEALTHY = "a list of values, as [healthy, ok]";
const healthyValue = z.union([z.string(), z.boolean(), z.number()], { error: HEALTHY });

const jsonMapping = mapping(
  {
    status: keysRow.prefault("status").describe("Where the status stands: keys with dots between them"),
    checks: keysRow
      .prefault("checks")
      .describe(
        "Where single checks stand: each must be healthy too, as a value or as a mapping with a status; none are needed",
      ),
    healthy: z
      .array(healthyValue, { error: HEALTHY })
      .min(1, { error: HEALTHY })
      .prefault(["healthy", "ok", "pass", "up", true])
      .describe("Values that mean healthy, in any case"),
  },
  "true, or a mapping, as {status: data.health, healthy: [green]}",
).transform(({ status, checks, healthy }) => ({
  statusPath: status,
  checksPath: checks,
  healthy: healthy.map((value) => String(value).toLowerCase()),
}));
export type JsonInput = z.output<typeof jsonMapping>;
const jsonTrue = z
  .literal(true, { error: "true, or a mapping" })
  .transform((): JsonInput => jsonMapping.parse({}));

/** What is expected of a response, over any version of HTTP. */
export const responseOptions = {
  expect_status: chosen<number[]>([statusCode, statusRange, statusList], (value) =>
    Array.isArray(value) ? statusList : typeof value === "string" ? statusRange : statusCode,
  )
    .optional()
    .describe("Status codes that count as success, and ranges of them; absent: 200-299"),
  expect_body: z
    .string({ error: BODY })
    .min(1, { error: BODY })
    .max(MAX_BODY_TEXT, { error: BODY })
    .optional()
    .describe("Text that the first 5,120 octets of the body must contain; absent: any body will do"),
  expect_body_regex: patternRow
    .optional()
    .describe("Regular expression that they must match; (?i), (?m), (?s) at its beginning are its flags"),
  expect_json: chosen<JsonInput>([jsonTrue, jsonMapping], (value) =>
    value === true ? jsonTrue : jsonMapping,
  )
    .optional()
    .describe(
      'The body must be JSON that says that all is well, as {"status": "healthy", "checks": {"database": "ok"}}: true, or where it says so',
    ),
};

/** What is asked for, over any version of HTTP. */
export const requestOptions = {
  path: pathRow.default("/").describe("Path of the request, with its query"),
  host: hostRow
    .optional()
    .describe(
      "Host header; with TLS also the name in SNI and in the certificate. Absent: the address that is probed",
    ),
  method: z
    .enum(METHODS, { error: METHOD })
    .default("GET")
    .describe("Method of the request; none has a body"),
  headers: headersRow.prefault({}).describe("Headers to send besides those of every probe"),
};

export const httpOptions = {
  ...requestOptions,
  ...responseOptions,
  redirects: integerRow(0, 3, "a number of redirects")
    .default(0)
    .describe("Redirects to follow, always at the probed address; 0: a redirect is a failure"),
  reuse: integerRow(1, 1000, "a number of probes")
    .default(1)
    .describe(
      "Probes that share a connection; 1: each opens its own. A kept connection costs less, and hides a listener that accepts nobody for as many probes",
    ),
};

/** Parts that the reference lists by themselves. */
export const bodyRows = { json: jsonMapping };

/** Redirects are followed on connections of their own. */
export const reuseFits = (check: { redirects: number; reuse: number }): boolean =>
  check.reuse === 1 || check.redirects === 0;
export const REUSE_FITS = { path: ["reuse"], error: "1, because redirects are followed" };

interface Answered {
  method: string;
  expect_body?: string | undefined;
  expect_body_regex?: string | undefined;
  expect_json?: unknown;
}

/** The answer to a HEAD has no body that anything could be expected of (RFC 9110 section 9.3.2). */
export function methodFits(check: Answered, context: z.RefinementCtx): void {
  if (check.method !== "HEAD") return;
  for (const key of ["expect_body", "expect_body_regex", "expect_json"] as const) {
    if (check[key] === undefined) continue;
    context.addIssue({ code: "custom", path: ["method"], message: `GET, because ${key} wants a body` });
    return;
  }
}
