import * as z from "zod";
import type { Least, MinHealthy } from "../health/plan.ts";
import { readAddress } from "./addresses.ts";
import { chosen, cuttable, isMapping, mapping } from "./chosen.ts";
import type { NodeInput, PartsInput } from "./policy-input.ts";
import { type AnyCheckInput, anyCheckRow } from "./schema-calculated.ts";
import { endpointRow } from "./schema-endpoint.ts";
import { endpointsFileRow } from "./schema-endpoints-file.ts";
import { lastResortRow } from "./schema-node-options.ts";
import { nodeRow, partsRow } from "./schema-policy.ts";
import { recoveryRows } from "./schema-recovery.ts";
import { integerRow, locationRow, nameRow, sectionOf, ttlRow } from "./schema-rows.ts";
import { servicesRow } from "./schema-service.ts";
import { SELECTS } from "./vocabulary.ts";

/** zones/<origin>.yaml: the dynamic names of a zone. */

const ADDRESS = "the IPv4 or IPv6 address of one host";
const addressText = z
  .string({ error: ADDRESS })
  .refine((text) => "octets" in readAddress(text), { error: ADDRESS })
  .meta({ title: "address" });
const regionAddress = addressText.transform((text) => [text]);
const regionAddresses = z
  .array(addressText, { error: "a list of addresses" })
  .min(1, { error: "at least one address" });

export const regionRow = mapping(
  {
    location: locationRow
      .optional()
      .describe("Where the region stands, for `nearest`: degrees north, degrees east"),
    check: nameRow
      .optional()
      .describe("Check of the region as a whole, one of `checks`: while it is down, so are all of its pools"),
    address: chosen<string[]>([regionAddress, regionAddresses], (value) =>
      Array.isArray(value) ? regionAddresses : regionAddress,
    )
      .optional()
      .describe("Address that the region's check probes, or the list of them, of which one has to be up"),
  },
  "a mapping, as {location: [53.3, -6.3]}",
).refine(({ check, address }) => check !== undefined || address === undefined, {
  path: ["address"],
  error: "a check beside it",
});

const GROUP = "a list of ISO 3166-1 codes, as [DE, AT, CH]";
/** What the codes are is checked when the groups are resolved. */
const groupRow = z
  .array(z.string({ error: "an ISO 3166-1 code, as DE" }), { error: GROUP })
  .min(1, { error: "at least one country" });

const selectWord = z.enum(SELECTS, { error: `one of ${SELECTS.join(", ")}` });
const selectAdaptive = mapping(
  {
    adaptive: mapping(
      { parts: partsRow.optional().describe("What each part weighs; absent: all weigh the same") },
      "a mapping, as {parts: {connections: 1, p99: 1, errors: 2}}",
    ).describe("`adaptive` with weights of its parts"),
  },
  `one of ${SELECTS.join(", ")}`,
).transform(({ adaptive }): SelectInput => ({ word: "adaptive", parts: adaptive.parts }));
const selectPlain = selectWord.transform((word): SelectInput => ({ word, parts: undefined }));

interface SelectInput {
  word: (typeof SELECTS)[number];
  parts: PartsInput | undefined;
}

const selectRow = chosen<SelectInput>([selectPlain, selectAdaptive], (value) =>
  isMapping(value) ? selectAdaptive : selectPlain,
);

const MIN_HEALTHY = 'a number of endpoints from 1, or a percentage from "1%" to "100%"';
const healthyCount = z
  .int({ error: MIN_HEALTHY })
  .min(1, { error: MIN_HEALTHY })
  .transform((count) => ({ count }));
const healthyPercent = z
  .string({ error: MIN_HEALTHY })
  .regex(/^(?:[1-9]\d?|100)%$/, { error: MIN_HEALTHY })
  .meta({ title: "percentage" })
  .transform((text) => ({ percent: Number.parseInt(text, 10) }));

const leastOf = (value: unknown) => (typeof value === "string" ? healthyPercent : healthyCount);
const healthyRow = chosen<Least>([healthyCount, healthyPercent], leastOf);
const healthyByFamily = mapping(
  {
    ipv4: healthyRow.optional().describe("Endpoints with an IPv4 address that is up, of those that have one"),
    ipv6: healthyRow.optional().describe("The same for IPv6"),
  },
  `${MIN_HEALTHY}, or {ipv4: 2, ipv6: 1}`,
);
const healthyFamilies = healthyByFamily.transform(
  ({ ipv4, ipv6 }): MinHealthy => ({
    families: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
  }),
);

const ENDPOINTS_FILE = "File with more endpoints, which a registry or a script writes: a path, or a mapping";

const poolShape = {
  region: nameRow.optional().describe("Region that the pool stands in, one of `regions`"),
  check: nameRow
    .optional()
    .describe("Check that decides which addresses are up, one of `checks`; absent: always up"),
  endpoints: z
    .array(endpointRow, { error: "a list of addresses or endpoints, as [192.0.2.10]" })
    .describe("Hosts that answer for the pool: addresses, or mappings with a name, addresses and a weight"),
  select: selectRow
    .optional()
    .describe(
      "How the pool's own addresses are picked; absent: weighted where an endpoint has a weight, else all",
    ),
  max_answers: integerRow(1, 64, "a number of answers")
    .optional()
    .describe(
      "Most addresses in one answer, of different subnets (IPv4 /24, IPv6 /48) first; absent: 8 with `all`, else 1",
    ),
  min_healthy: chosen<MinHealthy>([healthyCount, healthyPercent, healthyFamilies], (value) =>
    isMapping(value) ? healthyFamilies : leastOf(value),
  )
    .prefault(1)
    .describe(
      "Endpoints that must be up, as a count or as a percentage; below it the pool has failed. By family: {ipv4: 2, ipv6: 50%}",
    ),
  dual_stack: z
    .enum(["any", "strict"], { error: "any or strict" })
    .default("any")
    .describe("any: an endpoint is up while one of its addresses is; strict: while all of them are"),
  ...recoveryRows,
};
const POOL = "a mapping, as {endpoints: [192.0.2.10]}";
/** A pool that lists its endpoints. */
export const poolRow = mapping(
  { ...poolShape, endpoints_file: endpointsFileRow.optional().describe(ENDPOINTS_FILE) },
  POOL,
);
/** One that has a file with endpoints may list none of its own. */
const poolOfFile = mapping(
  { ...poolShape, endpoints: poolShape.endpoints.prefault([]), endpoints_file: endpointsFileRow },
  POOL,
);
export type PoolInput = z.output<typeof poolRow>;
const anyPoolRow = chosen<PoolInput>([poolRow, poolOfFile], (value) =>
  isMapping(value) && value.endpoints_file !== undefined ? poolOfFile : poolRow,
);

export const stickyOptions = mapping(
  {
    ipv4: integerRow(1, 32, "a prefix length")
      .default(24)
      .describe("Bits of an IPv4 address that a hash looks at, and at least the scope of such answers"),
    ipv6: integerRow(1, 128, "a prefix length").default(56).describe("The same for IPv6"),
  },
  "a mapping, as {ipv4: 24, ipv6: 56}",
);

export const recordRow = mapping(
  {
    policy: nodeRow.describe("What to answer: a pool's or policy's name, or a policy"),
    ttl: ttlRow.optional().describe("TTL of the answers; absent: the file's `ttl`"),
    last_resort: lastResortRow.prefault("all").describe("What to answer when everything has failed"),
    ecs: z
      .boolean({ error: "true or false" })
      .default(true)
      .describe("Heed the client subnet option (RFC 7871); false: the resolver's address is the client"),
    sticky: stickyOptions
      .prefault({})
      .describe("How much of the client's address `hash` looks at, as a policy and as a pool's `select`"),
    flatten: z
      .boolean({ error: "true or false" })
      .default(false)
      .describe(
        "Answer the addresses of `target` endpoints, looked up as with `resolve`, in place of their names",
      ),
    https: servicesRow
      .optional()
      .describe(
        "An HTTPS record (RFC 9460) whose hints are what A and AAAA are answered, or the list of them; absent: none",
      ),
    svcb: servicesRow.optional().describe("The same as an SVCB record"),
  },
  "a mapping, as {policy: eu}",
);
export type RecordInput = z.output<typeof recordRow>;

function named<T>(row: z.ZodType<T>, words: string) {
  return sectionOf<Record<string, T>>(z.record(nameRow, row, { error: words })).prefault({});
}

const INCLUDE = "the name of a file in the folder include of the zones folder, as common.yaml";
const includeName = z
  .string({ error: INCLUDE })
  .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*\.yaml$/, { error: INCLUDE })
  .max(100, { error: INCLUDE })
  .meta({ title: "file name" });
const MAX_INCLUDES = 100;
const INCLUDES = "a list of file names, as [common.yaml]";

/** What zones and the files that they include have in common. */
const common = {
  include: z
    .array(cuttable<string>(includeName), { error: INCLUDES })
    .max(MAX_INCLUDES, { error: `at most ${MAX_INCLUDES} files` })
    .optional()
    .describe(
      "Files of the folder `include`, whose checks, groups, regions, pools and policies can be named here",
    ),
  checks: named<AnyCheckInput>(anyCheckRow, "a mapping of names to checks").describe(
    "How endpoints are probed, or what their state is calculated from, by name",
  ),
  groups: named<string[]>(groupRow, "a mapping of names to lists of countries").describe(
    "Sets of countries that `geo` keys can name; `eu-union` is built in",
  ),
  regions: named(regionRow, "a mapping of names to regions").describe("Places that pools stand in, by name"),
  pools: named<PoolInput>(anyPoolRow, "a mapping of names to pools").describe(
    "Endpoints that answer together, by name; pools and policies share one namespace",
  ),
  policies: named<NodeInput>(nodeRow, "a mapping of names to policies").describe(
    "Policies that several records use, by name",
  ),
};

export const fragmentSchema = mapping(
  common,
  "a mapping with any of include, checks, groups, regions, pools, policies",
).describe("What several zones have in common: zones/include/NAME.yaml");

/** What zones/include/<name> says: validated, names not yet resolved. */
export type FragmentInput = z.output<typeof fragmentSchema>;

export const zoneSchema = mapping(
  {
    ttl: ttlRow
      .prefault(30)
      .describe("TTL of every record that has none of its own: seconds, a duration, or {max, min}"),
    ...common,
    records: sectionOf<Record<string, RecordInput>>(
      z.record(z.string(), recordRow, { error: "a mapping of owner names to records" }),
    )
      .prefault({})
      .describe(
        'Dynamic names: relative to the zone, "@" for the zone itself, "*" as the first label for a wildcard',
      ),
  },
  "a mapping with any of ttl, include, checks, groups, regions, pools, policies, records",
).describe("Dynamic names of one zone: zones/<origin>.yaml");

/** What zones/<origin>.yaml says: validated, names not yet resolved. */
export type ZoneInput = z.output<typeof zoneSchema>;
