import * as z from "zod";
import { mapping } from "./chosen.ts";
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
  },
  "a mapping, as {alpn: [h3, h2]}",
);
export type ServiceInput = z.output<typeof serviceRow>;
