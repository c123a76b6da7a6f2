import * as z from "zod";
import { chosen, mapping } from "./chosen.ts";
import { integerRow } from "./schema-rows.ts";

/** HTTPS and SVCB records that go with the addresses of a dynamic name. */

const ALPN = "an ALPN protocol id, as h2";
const ALPN_LIST = "a list of ALPN protocol ids, as [h3, h2]";
/** RFC 9460 section 7.1.1 allows any octets; the registered ids are these (IANA "TLS ALPN Protocol IDs"). */
const alpnId = z
  .string({ error: ALPN })
  .regex(/^[A-Za-z0-9._/-]{1,255}$/, { error: ALPN })
  .meta({ title: "protocol id" });

/** Enough for any client, few enough for one record in a small reply. */
const MAX_ALPN = 8;

const HINTS = ["both", "ipv4", "ipv6", "none"] as const;

export const serviceRow = mapping(
  {
    priority: integerRow(1, 65_535, "a priority")
      .default(1)
      .describe("SvcPriority: clients take the record with the lowest"),
    alpn: z
      .array(alpnId, { error: ALPN_LIST })
      .min(1, { error: "at least one protocol id" })
      .max(MAX_ALPN, { error: `at most ${MAX_ALPN} protocol ids` })
      .optional()
      .describe("Protocols that the endpoints speak besides the default, the preferred one first"),
    no_default_alpn: z
      .boolean({ error: "true or false" })
      .default(false)
      .describe("The endpoints speak none but those of `alpn`: not HTTP/1.1 with `https`"),
    port: integerRow(1, 65_535, "a port")
      .optional()
      .describe("Port to connect to; absent: that of the scheme"),
    hints: z
      .enum(HINTS, { error: `one of ${HINTS.join(", ")}` })
      .default("both")
      .describe("Families whose addresses are its hints: both, ipv4, ipv6 or none"),
  },
  "a mapping, as {alpn: [h3, h2]}",
);
export type ServiceInput = z.output<typeof serviceRow>;

/** The records of one type. */
export interface ServicesInput {
  records: ServiceInput[];
  /** They stand in a list, and not as one mapping. */
  isList: boolean;
}

const SERVICES = "a mapping, as {alpn: [h3, h2]}, or a list of them";
/** Clients try them in the order of their priorities; a reply over UDP holds as many. */
const MAX_SERVICES = 8;
const oneService = serviceRow.transform((record): ServicesInput => ({ records: [record], isList: false }));
const severalServices = z
  .array(serviceRow, { error: SERVICES })
  .min(1, { error: "at least one record" })
  .max(MAX_SERVICES, { error: `at most ${MAX_SERVICES} records` })
  .transform((records): ServicesInput => ({ records, isList: true }));

export const servicesRow = chosen<ServicesInput>([oneService, severalServices], (value) =>
  Array.isArray(value) ? severalServices : oneService,
);
