import * as z from "zod";
import { parsePrefix } from "../geo/prefix.ts";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { weightRow } from "./schema-node-options.ts";
import { durationRow, integerRow, nameRow } from "./schema-rows.ts";

/** Endpoints of a pool: the shape is chosen by the key that is found. */

const ADDRESS = "an IPv4 or IPv6 address";
const addressText = z.string({ error: ADDRESS }).meta({ title: "address" });
const addressList = z
  .array(addressText, { error: "a list of addresses" })
  .min(1, { error: "at least one address" });
const addressOne = addressText.transform((text) => [text]);

/** As written: what addresses and names are is checked when the pool is resolved. */
export interface EndpointInput {
  name?: string | undefined;
  /** Empty where `target` or `resolve` is given. */
  address: string[];
  /** As many as there are addresses. */
  probe_address?: string[] | undefined;
  target?: string | undefined;
  resolve?: string | undefined;
  interval?: number | undefined;
  max?: number | undefined;
  allow?: string[] | undefined;
  weight?: number | undefined;
}

const endpointShort = addressText.transform((text): EndpointInput => ({ address: [text] }));
const endpointCommon = {
  name: nameRow.optional().describe("What people call the endpoint; absent: its first address, or its name"),
  weight: weightRow
    .optional()
    .describe("Share of the answers beside the other endpoints' weights; 1 when none is given"),
};
export const endpointOptions = mapping(
  {
    name: endpointCommon.name,
    address: chosen<string[]>([addressOne, addressList], (value) =>
      Array.isArray(value) ? addressList : addressOne,
    ).describe("Its address, or the list of them: one host, whatever the family"),
    probe_address: chosen<string[]>([addressOne, addressList], (value) =>
      Array.isArray(value) ? addressList : addressOne,
    )
      .optional()
      .describe("Address to probe in place of each one that is answered, as behind NAT; absent: the same"),
    weight: endpointCommon.weight,
  },
  "an address, or {name: NAME, address: ADDRESS, weight: N}",
);

const PREFIXES = "a list of IPv4 or IPv6 prefixes, as [10.0.0.0/8]";
export const allowRow = z
  .array(
    z.string({ error: PREFIXES }).refine((text) => parsePrefix(text) !== null, { error: PREFIXES }),
    {
      error: PREFIXES,
    },
  )
  .optional()
  .describe(
    "Private, loopback, link-local and other special-purpose prefixes in which its addresses may lie; others there are refused",
  );
const hostName = z
  .string({ error: "a host's full name, as cdn.provider.example." })
  .meta({ title: "host name" });

/** An endpoint that answers are an alias of. */
export const targetOptions = mapping(
  {
    name: endpointCommon.name,
    target: hostName.describe("Name that answers are an alias of (CNAME), with its final dot"),
    allow: allowRow,
    weight: endpointCommon.weight,
  },
  "{target: cdn.provider.example., weight: N}",
);
const targetEndpoint = targetOptions.transform((input): EndpointInput => ({ ...input, address: [] }));

/** How often a name is looked up, and how many of its addresses become endpoints, unless the endpoint says otherwise. */
export const DEFAULT_INTERVAL_MS = 30_000;
export const DEFAULT_MAX = 16;

/** An endpoint whose addresses are looked up. */
export const resolveOptions = mapping(
  {
    name: endpointCommon.name,
    resolve: hostName.describe("Name whose A and AAAA records become endpoints, each called NAME@ADDRESS"),
    interval: durationRow("1s", "1h").default(DEFAULT_INTERVAL_MS).describe("Time between two lookups"),
    max: integerRow(1, 64, "a number of addresses")
      .default(DEFAULT_MAX)
      .describe("Most addresses that are used: the lowest ones, IPv4 first"),
    allow: allowRow,
    weight: endpointCommon.weight,
  },
  "{resolve: origin.example., interval: 30s, max: 16}",
);
const resolveEndpoint = resolveOptions.transform((input): EndpointInput => ({ ...input, address: [] }));

const endpointAlternatives = [endpointShort, endpointOptions, targetEndpoint, resolveEndpoint];
export const endpointRow = chosen<EndpointInput>(
  endpointAlternatives,
  (value) => {
    if (typeof value === "string") return endpointShort;
    if (!isMapping(value)) return endpointOptions;
    return "target" in value ? targetEndpoint : "resolve" in value ? resolveEndpoint : endpointOptions;
  },
  true,
);
