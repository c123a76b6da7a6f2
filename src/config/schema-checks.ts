import * as z from "zod";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { shown } from "./problem.ts";
import { answersFit, dnsOptions } from "./schema-dns.ts";
import {
  bodyRows,
  hostRow,
  httpOptions,
  methodFits,
  REUSE_FITS,
  requestOptions,
  responseOptions,
  reuseFits,
} from "./schema-http.ts";
import { loadFits, loadOptions, loadRow } from "./schema-load.ts";
import { execOptions, fileOptions, icmpOptions, staticOptions } from "./schema-programs.ts";
import { integerRow, notAvailable, portRow } from "./schema-rows.ts";
import { timingFits, timingRows, warningWeightRow, withTimeout } from "./schema-timing.ts";
import { CHECK_TYPES, type CheckType, LATER_CHECK_TYPES } from "./vocabulary.ts";

/** How endpoints are probed: one schema for each type of check. */

const CHECK = "a mapping, as {type: http, path: /healthz}";

const verifyRow = z
  .boolean({ error: "true or false" })
  .default(true)
  .describe("Verify the certificate's chain, name and dates");
const sniRow = hostRow
  .optional()
  .describe("Name in SNI and in the certificate; absent: that of `host`, without one the address");

const tlsRow = z.boolean({ error: "true or false" }).default(true);
const warnDaysRow = integerRow(0, 365, "a number of days");
const SERVICE = "the name of a service, as package.Service";

const tcpCheck = mapping(
  {
    type: z.literal("tcp").describe("A connection that opens is a success"),
    port: portRow.describe("Port to connect to"),
    ...timingRows,
  },
  CHECK,
)
  .superRefine(timingFits)
  .transform(withTimeout);
const httpCheck = mapping(
  {
    type: z.literal("http").describe("A request that is answered as expected is a success"),
    port: portRow.default(80).describe("Port to connect to"),
    ...httpOptions,
    load: loadRow,
    ...timingRows,
  },
  CHECK,
)
  .superRefine(timingFits)
  .refine(reuseFits, REUSE_FITS)
  .superRefine(loadFits)
  .superRefine(methodFits)
  .transform(withTimeout);
const httpsCheck = mapping(
  {
    type: z.literal("https").describe("A request over TLS that is answered as expected is a success"),
    port: portRow.default(443).describe("Port to connect to"),
    ...httpOptions,
    sni: sniRow,
    verify: verifyRow,
    warn_days: warnDaysRow
      .default(0)
      .describe("Warn when the certificate ends within so many days; 0: never. A warning withdraws nothing"),
    load: loadRow,
    warning_weight: warningWeightRow,
    ...timingRows,
  },
  CHECK,
)
  .superRefine(timingFits)
  .refine(reuseFits, REUSE_FITS)
  .superRefine(loadFits)
  .superRefine(methodFits)
  .transform(withTimeout);
const http2Check = mapping(
  {
    type: z.literal("http2").describe("A request over HTTP/2 that is answered as expected is a success"),
    port: portRow.optional().describe("Port to connect to; absent: 443, without TLS 80"),
    ...requestOptions,
    ...responseOptions,
    tls: tlsRow.describe(
      "TLS, with HTTP/2 agreed on in the handshake; false: in the clear, with prior knowledge",
    ),
    sni: sniRow,
    verify: verifyRow,
    load: loadRow,
    ...timingRows,
  },
  CHECK,
)
  .superRefine(timingFits)
  .superRefine(loadFits)
  .superRefine(methodFits)
  .transform(withTimeout);
const grpcCheck = mapping(
  {
    type: z.literal("grpc").describe("A service that says SERVING (grpc.health.v1) is a success"),
    port: portRow.describe("Port to connect to"),
    service: z
      .string({ error: SERVICE })
      .max(1024, { error: SERVICE })
      .default("")
      .describe("Service to ask about; empty: the server as a whole"),
    host: hostRow
      .optional()
      .describe(
        "Authority of the call; with TLS also the name in SNI and in the certificate. Absent: the address",
      ),
    tls: tlsRow.describe("TLS; false: in the clear"),
    sni: sniRow,
    verify: verifyRow,
    ...timingRows,
  },
  CHECK,
)
  .superRefine(timingFits)
  .transform(withTimeout);
const tlsCheck = mapping(
  {
    type: z.literal("tls").describe("A TLS handshake with a valid certificate is a success"),
    port: portRow.default(443).describe("Port to connect to"),
    host: hostRow.optional().describe("Name in SNI and in the certificate; absent: the address"),
    verify: verifyRow,
    warn_days: warnDaysRow
      .default(14)
      .describe("Warn when the certificate ends within so many days; 0: never. A warning withdraws nothing"),
    warning_weight: warningWeightRow,
    ...timingRows,
  },
  CHECK,
)
  .superRefine(timingFits)
  .transform(withTimeout);
const dnsCheck = mapping({ ...dnsOptions, ...timingRows }, CHECK)
  .superRefine(timingFits)
  .superRefine(answersFit)
  .transform(withTimeout);

const icmpCheck = mapping({ ...icmpOptions, ...timingRows }, CHECK)
  .superRefine(timingFits)
  .transform(withTimeout);
const execCheck = mapping({ ...execOptions, warning_weight: warningWeightRow, ...timingRows }, CHECK)
  .superRefine(timingFits)
  .transform(withTimeout);
const fileCheck = mapping({ ...fileOptions, warning_weight: warningWeightRow, ...timingRows }, CHECK)
  .superRefine(timingFits)
  .transform(withTimeout);
const staticCheck = mapping({ ...staticOptions, ...timingRows }, CHECK)
  .superRefine(timingFits)
  .transform(withTimeout);

/** The options of a check, by its type. */
export const checkRows: Record<CheckType, z.ZodType> = {
  tcp: tcpCheck,
  http: httpCheck,
  https: httpsCheck,
  http2: http2Check,
  grpc: grpcCheck,
  dns: dnsCheck,
  tls: tlsCheck,
  icmp: icmpCheck,
  exec: execCheck,
  file: fileCheck,
  static: staticCheck,
};

/** Mappings within the options of a check. */
export const checkParts: Record<string, z.ZodType> = { expect_json: bodyRows.json, load: loadOptions };

export type HttpInput = z.output<typeof httpCheck> | z.output<typeof httpsCheck>;
export type Http2Input = z.output<typeof http2Check>;
export type DnsInput = z.output<typeof dnsCheck>;
export type CheckInput =
  | z.output<typeof tcpCheck>
  | HttpInput
  | Http2Input
  | z.output<typeof grpcCheck>
  | DnsInput
  | z.output<typeof tlsCheck>
  | z.output<typeof icmpCheck>
  | z.output<typeof execCheck>
  | z.output<typeof fileCheck>
  | z.output<typeof staticCheck>;

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
