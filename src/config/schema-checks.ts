import * as z from "zod";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { shown } from "./problem.ts";
import { bodyRows, hostRow, httpOptions, methodFits } from "./schema-http.ts";
import { durationRow, integerRow, notAvailable, portRow } from "./schema-rows.ts";
import { CHECK_TYPES, type CheckType, LATER_CHECK_TYPES } from "./vocabulary.ts";

/** How endpoints are probed: one schema for each type of check. */

const timing = {
  interval: durationRow("100ms", "1h")
    .prefault("2s")
    .describe("Time between the starts of two probes of one address"),
  timeout: durationRow("10ms", "1m")
    .optional()
    .describe(
      "One deadline for the whole probe; at most the interval. Absent: 1s, or the interval where that is shorter",
    ),
  fall: integerRow(1, 100, "a number of probes")
    .default(3)
    .describe("Consecutive failures that take an address down"),
  rise: integerRow(1, 100, "a number of probes")
    .default(2)
    .describe("Consecutive successes that bring it back"),
};
const DEFAULT_TIMEOUT_MS = 1000;

interface Timing {
  interval: number;
  timeout?: number | undefined;
}

function withTimeout<T extends Timing>(check: T): T & { timeout: number } {
  return { ...check, timeout: check.timeout ?? Math.min(DEFAULT_TIMEOUT_MS, check.interval) };
}

/** A probe never overlaps the next one of the same address. */
const timeoutFits = (check: Timing) => check.timeout === undefined || check.timeout <= check.interval;
const TIMEOUT_FITS = { path: ["timeout"], error: "at most what interval says" };

const CHECK = "a mapping, as {type: http, path: /healthz}";

const verifyRow = z
  .boolean({ error: "true or false" })
  .default(true)
  .describe("Verify the certificate's chain, name and dates");
const sniRow = hostRow
  .optional()
  .describe("Name in SNI and in the certificate; absent: that of `host`, without one the address");

const tcpCheck = mapping(
  {
    type: z.literal("tcp").describe("A connection that opens is a success"),
    port: portRow.describe("Port to connect to"),
    ...timing,
  },
  CHECK,
)
  .refine(timeoutFits, TIMEOUT_FITS)
  .transform(withTimeout);
const httpCheck = mapping(
  {
    type: z.literal("http").describe("A request that is answered as expected is a success"),
    port: portRow.default(80).describe("Port to connect to"),
    ...httpOptions,
    ...timing,
  },
  CHECK,
)
  .refine(timeoutFits, TIMEOUT_FITS)
  .superRefine(methodFits)
  .transform(withTimeout);
const httpsCheck = mapping(
  {
    type: z.literal("https").describe("A request over TLS that is answered as expected is a success"),
    port: portRow.default(443).describe("Port to connect to"),
    ...httpOptions,
    sni: sniRow,
    verify: verifyRow,
    ...timing,
  },
  CHECK,
)
  .refine(timeoutFits, TIMEOUT_FITS)
  .superRefine(methodFits)
  .transform(withTimeout);

/** The options of a check, by its type. */
export const checkRows: Record<CheckType, z.ZodType> = { tcp: tcpCheck, http: httpCheck, https: httpsCheck };

/** Mappings within the options of a check. */
export const checkParts: Record<string, z.ZodType> = { expect_json: bodyRows.json };

export type HttpInput = z.output<typeof httpCheck> | z.output<typeof httpsCheck>;
export type CheckInput = z.output<typeof tcpCheck> | HttpInput;

const noMapping = mapping({}, CHECK);

export const checkRow = chosen<CheckInput>(Object.values(checkRows), (value) => {
  if (!isMapping(value)) return noMapping;
  const among = CHECK_TYPES.join(", ");
  const { type } = value;
  if (type === undefined)
    return { code: "CFG_KEY_MISSING", what: "type is missing", expected: `one of ${among}`, part: "key" };
  const known = CHECK_TYPES.find((name) => name === type);
  if (known !== undefined) return checkRows[known];
  if (LATER_CHECK_TYPES.includes(String(type)))
    return { ...notAvailable(String(type), CHECK_TYPES, "type"), part: "value" };
  return {
    code: "CFG_VALUE_INVALID",
    what: `type is ${shown(type)}`,
    expected: `one of ${among}`,
    key: "type",
    part: "value",
  };
});
