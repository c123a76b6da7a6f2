import * as z from "zod";
import { chosen, isMapping, mapping } from "./chosen.ts";
import type { LastResortInput } from "./policy-input.ts";
import { integerRow, locationRow, nameRow } from "./schema-rows.ts";
import { POLICY_KINDS } from "./vocabulary.ts";

/** What nodes of every kind may carry. */

const MAX_WEIGHT = 65_535;
export const weightRow = integerRow(0, MAX_WEIGHT, "a weight");

export const NODE = `a pool's or policy's name, or a mapping with one of ${POLICY_KINDS.join(", ")}`;

const addressText = z.string({ error: "an IPv4 or IPv6 address" }).meta({ title: "address" });

const LAST_RESORT = "all, nodata, servfail, {pool: NAME} or {addresses: [ADDRESS, ...]}";
const lastResortWord = z.enum(["all", "nodata", "servfail"], { error: LAST_RESORT });
const lastResortPool = mapping(
  { pool: nameRow.describe("Pool to answer with, as if all of it were up") },
  LAST_RESORT,
);
const lastResortAddresses = mapping(
  {
    addresses: z
      .array(addressText, { error: "a list of addresses" })
      .min(1, { error: "at least one address" })
      .describe("Addresses to answer, never probed"),
  },
  LAST_RESORT,
);
/** What is answered when a whole tree, or the node that carries it, has failed. */
export const lastResortRow = chosen<LastResortInput>(
  [lastResortWord, lastResortPool, lastResortAddresses],
  (value) => {
    if (!isMapping(value)) return lastResortWord;
    return "addresses" in value ? lastResortAddresses : lastResortPool;
  },
);

const MAX_LABEL = 63;
const LABEL = `a text of at most ${MAX_LABEL} printable characters`;
export const nodeOptions = {
  last_resort: lastResortRow
    .optional()
    .describe("What this node answers when it has failed; a node with its own never fails outward"),
  location: locationRow
    .optional()
    .describe("Where the node stands, for `nearest`: degrees north, degrees east"),
  label: z
    .string({ error: LABEL })
    .regex(/^[^\p{Cc}]*$/u, { error: LABEL })
    .min(1, { error: LABEL })
    .max(MAX_LABEL, { error: LABEL })
    .optional()
    .describe("What people call the node; shown by explain"),
};
