import * as z from "zod";
import { readAddress } from "./addresses.ts";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { shown } from "./problem.ts";
import { type CheckInput, checkRow, checkRows } from "./schema-checks.ts";
import { durationRow, nameRow } from "./schema-rows.ts";
import type { CheckType } from "./vocabulary.ts";

/** How the server tells a failure of its own network from failures elsewhere: parts of steerd.yaml. */

/** Checks that say something about the network between here and there, and need no leave to run programs. */
const CANARY_TYPES: readonly CheckType[] = ["tcp", "http", "https", "http2", "grpc", "dns", "tls"];

const ofNetwork = chosen<CheckInput>(
  CANARY_TYPES.map((type) => checkRows[type]),
  (value) => {
    const type = isMapping(value) ? value.type : undefined;
    const isCheck = typeof type === "string" && type in checkRows;
    if (!isCheck || CANARY_TYPES.includes(type as CheckType)) return checkRow;
    const expected = `one of ${CANARY_TYPES.join(", ")}: checks of a network`;
    return {
      code: "CFG_VALUE_INVALID",
      what: `type is ${shown(type)}`,
      expected,
      key: "type",
      part: "value",
    };
  },
);

const ADDRESS = "the IPv4 or IPv6 address of one host";
const addressRow = z
  .string({ error: ADDRESS })
  .refine((text) => "octets" in readAddress(text), { error: ADDRESS, abort: true })
  .meta({ title: "address" });

export const canaryRow = mapping(
  {
    name: nameRow.optional().describe("What people call it; absent: its address"),
    address: addressRow.describe(
      "A host that is up whenever the network is: outside, of other operators than the endpoints",
    ),
    check: ofNetwork.describe("How it is probed: one of the checks below that go over a network"),
  },
  "a mapping, as {address: 192.0.2.53, check: {type: dns, query: example.com}}",
).transform(({ name, address, check }) => ({ name: name ?? address, address, check }));
export type CanaryInput = z.output<typeof canaryRow>;

export const canariesRow = z
  .array(canaryRow, { error: "a list of canaries, as [{address: 192.0.2.53, check: {type: tcp, port: 53}}]" })
  .max(16, { error: "at most 16 canaries" })
  .refine((canaries) => new Set(canaries.map(({ name }) => name)).size === canaries.length, {
    error: "names that differ",
  });

const SHARE = 'a percentage from "1%" to "100%"';

export const freezeSchema = mapping(
  {
    share: z
      .string({ error: SHARE })
      .regex(/^(?:[1-9]\d?|100)%$/, { error: SHARE })
      .meta({ title: "percentage" })
      .transform((text) => Number.parseInt(text, 10) / 100)
      .optional()
      .describe(
        "Part of the addresses that were up that has to fail at once; absent: 50% with canaries, which must all fail too, else 90%, across at least two regions",
      ),
    within: durationRow("1s", "10m")
      .prefault("30s")
      .describe(
        "How long ago the first of these failures may lie; what was withdrawn since then is answered again",
      ),
  },
  "a mapping, as {share: 90%, within: 30s}",
);
export type FreezeOptions = z.output<typeof freezeSchema>;

/** Unless `share` says so: canaries that fail too are a sign of their own. */
export const SHARE_WITH_CANARIES = 0.5;
