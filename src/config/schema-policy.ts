import * as z from "zod";
import { suggest } from "../zone/suggest.ts";
import { chosen, isMapping, mapping, type Refusal } from "./chosen.ts";
import type {
  AdaptiveInput,
  EntryInput,
  FailbackInput,
  FailoverInput,
  ListInput,
  NodeInput,
  PartsInput,
  SharesInput,
  UnionInput,
} from "./policy-input.ts";
import { NODE, nodeOptions, weightRow } from "./schema-node-options.ts";
import { durationRow, integerRow, locationRow, NAME, nameRow, notAvailable } from "./schema-rows.ts";
import { LATER_POLICY_KINDS, NODE_OPTIONS, POLICY_KINDS, type PolicyKind } from "./vocabulary.ts";

/** Policy nodes: the shape is chosen by the key that is found, before anything is validated. */

/** Any text passes here: one that names nothing is told what there is when names are resolved. */
const nodeName = z.string({ error: NODE }).meta({ title: "name", pattern: NAME.source });

/** Deeper trees are no policy that anyone can read, and a stack is finite. */
export const MAX_NODE_DEPTH = 32;

export const nodeRow: z.ZodType<NodeInput> = z.lazy(() => anyNode).meta({ id: "policy" });

/** A schema of its own for every mapping that has it, so that the JSON Schema does not take the mappings for recursive. */
function entryNode(): z.ZodType<NodeInput> {
  return nodeRow.describe("The policy that the entry stands for");
}

/** All that an entry may carry; which of it, depends on the kind. */
export const entryOptions = mapping(
  {
    node: entryNode(),
    weight: weightRow
      .optional()
      .describe(
        "In `weighted`, `round_robin`, `hash` and policies by load: share of the answers beside the other entries' weights; 1 when none is given",
      ),
    location: locationRow
      .optional()
      .describe(
        "In `nearest` and `latency`: where the entry stands; goes before the node's own and its pool's region's",
      ),
    region: nameRow
      .optional()
      .describe("In `latency`: the region whose round trips count; goes before its pool's own"),
    bias: integerRow(-99, 99, "a bias")
      .optional()
      .describe(
        "In `nearest` and `latency`: 20 makes the entry count as 20% nearer than it is, -20 as if one were divided by 0.8; 0 when none is given",
      ),
  },
  NODE,
);

const failoverEntry = entryOf("node");
const unionEntry = entryOf("node");
const weightedEntry = entryOf("node", "weight");
const nearestEntry = entryOf("node", "location", "bias");

/** A node, or a mapping that carries it and these options. */
function entryOf(...keys: (keyof EntryInput)[]): z.ZodType<NodeInput | EntryInput> {
  const shape = Object.fromEntries(keys.map((key) => [key, entryOptions.shape[key]]));
  const entry = mapping({ ...shape, node: entryNode() }, NODE) as unknown as z.ZodType<EntryInput>;
  const marks = ["node", "weight", "bias", "location", "region"];
  const isEntry = (value: Record<string, unknown>) =>
    marks.some((key) => Object.hasOwn(value, key)) &&
    !POLICY_KINDS.some((kind) => Object.hasOwn(value, kind));
  return chosen<NodeInput | EntryInput>([nodeRow, entry], (value) => {
    return isMapping(value) && isEntry(value) ? entry : nodeRow;
  });
}

function listOf(
  entry: z.ZodType<NodeInput | EntryInput>,
  kind: string,
  options: z.core.$ZodLooseShape = {},
): z.ZodType<ListInput> {
  const list = z
    .array(entry, { error: `a list of pools and policies, as ${kind}: [eu, us]` })
    .min(1, { error: "at least one entry" });
  const shape = { of: list.describe("The entries"), ...options };
  const withOptions = mapping(shape, `a list, as ${kind}: [eu, us]`) as unknown as z.ZodType<ListInput>;
  return chosen<ListInput>([list, withOptions], (value) => {
    return isMapping(value) ? withOptions : list;
  });
}

const FAILBACK = "auto, manual or {after: 10m}";
const failbackWord = z.enum(["auto", "manual"], { error: FAILBACK });
const failbackWait = mapping(
  {
    after: durationRow("1s", "168h").describe(
      "How long an earlier entry must have been healthy without interruption",
    ),
  },
  FAILBACK,
);
const failoverShape = {
  failback: chosen<FailbackInput>([failbackWord, failbackWait], (value) =>
    isMapping(value) ? failbackWait : failbackWord,
  )
    .optional()
    .describe(
      "When to go back to an earlier entry: `auto` (absent: this) at once, `{after: 10m}` when it has been healthy that long, `manual` when an operator says so",
    ),
};
/** What `failover` takes beside `of`, for the reference. */
export const failoverOptions = mapping(failoverShape, FAILBACK);

const failover = mapping(
  {
    failover: (listOf(failoverEntry, "failover", failoverShape) as z.ZodType<FailoverInput>).describe(
      "The first entry that has not failed",
    ),
    ...nodeOptions,
  },
  NODE,
);

const weightMap = z
  .record(nameRow, weightRow)
  .refine((map) => Object.keys(map).length > 0, { error: "at least one entry" });

/** A list whose entries have weights, or a map of node name to weight. */
function sharesOf(kind: string, options: z.core.$ZodLooseShape = {}): z.ZodType<SharesInput> {
  const list = listOf(weightedEntry, kind, options);
  return chosen<SharesInput>([list, weightMap], (value) => {
    return isMapping(value) && !Array.isArray(value.of) ? weightMap : list;
  });
}

const weighted = mapping(
  {
    weighted: sharesOf("weighted").describe(
      "In proportion to weight among the entries that have not failed; a list, or a map of name to weight",
    ),
    ...nodeOptions,
  },
  NODE,
);

const roundRobin = mapping(
  {
    round_robin: sharesOf("round_robin").describe(
      "In turn among the entries that have not failed, by smooth weighted round robin where they have weights; a list, or a map of name to weight",
    ),
    ...nodeOptions,
  },
  NODE,
);

const hash = mapping(
  {
    hash: sharesOf("hash").describe(
      "By weighted rendezvous hash of the client's prefix among the entries that have not failed: the same client, the same entry; a list, or a map of name to weight",
    ),
    ...nodeOptions,
  },
  NODE,
);

const leastResponseTime = mapping(
  {
    least_response_time: sharesOf("least_response_time").describe(
      "The entry that answers its probes fastest; those within a tenth or 1 ms of it share the answers by weight",
    ),
    ...nodeOptions,
  },
  NODE,
);

const leastConnections = mapping(
  {
    least_connections: sharesOf("least_connections").describe(
      "The entry with the fewest reported connections for its weight, counted for each endpoint that is up",
    ),
    ...nodeOptions,
  },
  NODE,
);

const p2c = mapping(
  {
    p2c: sharesOf("p2c").describe("Of two entries drawn by weight the one that reports less load"),
    ...nodeOptions,
  },
  NODE,
);

const PART = "a weight from 0 to 100";
/** Negative ones pass: they are refused with those that are all 0. */
const partRow = z.int({ error: PART }).max(100, { error: PART }).optional();
/** Made anew for every use, so that the reference can show each where it stands. */
function partsMapping() {
  return mapping(
    {
      connections: partRow.describe("Weight of the reported connections, for the entry's weight"),
      p99: partRow.describe("Weight of the reported 99th percentile of response times"),
      errors: partRow.describe("Weight of the reported part of requests that fail"),
    },
    "a mapping, as {connections: 1, p99: 1, errors: 2}",
  ) as unknown as z.ZodType<PartsInput>;
}

/** What `adaptive` weighs its parts with, for pools and for the reference. */
export const partsRow = partsMapping();

const adaptiveOptions = {
  parts: partsMapping()
    .optional()
    .describe("What each part weighs; one that is not named weighs nothing. Absent: all weigh the same"),
};
const adaptive = mapping(
  {
    adaptive: (sharesOf("adaptive", adaptiveOptions) as z.ZodType<AdaptiveInput>).describe(
      "The entry with the least product of reported connections, 99th percentile and errors, each to the power of its part",
    ),
    ...nodeOptions,
  },
  NODE,
);

const unionOptions = {
  max_answers: integerRow(1, 64, "a number of answers")
    .optional()
    .describe("Most addresses in one answer, of different subnets (IPv4 /24, IPv6 /48) first; absent: 8"),
};
const all = mapping(
  {
    all: (listOf(unionEntry, "all", unionOptions) as z.ZodType<UnionInput>).describe(
      "The addresses of all entries that have not failed, each once",
    ),
    ...nodeOptions,
  },
  NODE,
);

/** A mapping of keys to nodes; the keys themselves are checked when names are resolved. */
function keyedNodes(example: string): z.ZodType<Record<string, NodeInput>> {
  return z
    .record(z.string(), nodeRow, { error: `a mapping of keys to nodes, as ${example}` })
    .refine((map) => Object.keys(map).length > 0, { error: "at least one key" });
}

const geo = mapping(
  {
    geo: keyedNodes("{EU: eu, default: us}").describe(
      "By the client's place: continent `EU`, country `EU-GB`, subdivision `NA-US-CA`, a lower-case group of countries, `city:GEONAMEID`, `default`; the narrowest that has not failed",
    ),
    ...nodeOptions,
  },
  NODE,
);

const subnets = mapping(
  {
    subnets: keyedNodes("{192.0.2.0/24: eu, default: us}").describe(
      "By the client's address: CIDR prefixes and `default`; the longest match that has not failed",
    ),
    ...nodeOptions,
  },
  NODE,
);

const nearest = mapping(
  {
    nearest: listOf(nearestEntry, "nearest").describe(
      "The shortest great circle from the client to the entry's location, else its pool's region; a client at an unknown place: the list's order",
    ),
    ...nodeOptions,
  },
  NODE,
);

const asn = mapping(
  {
    asn: keyedNodes("{64500: eu, default: us}").describe(
      "By the client's autonomous system, which the database of `geo.asn` knows: numbers and `default`",
    ),
    ...nodeOptions,
  },
  NODE,
);

const LATENCY = "a mapping, as {table: ../geo/latency.csv, of: [eu, us]}";
const latencyEntry = entryOf("node", "region", "location", "bias");
/** Made anew for every use, as the entry's node is: see entryNode. */
function latencyMapping() {
  return mapping(
    {
      table: z
        .string({ error: "the path of a latency table" })
        .min(1, { error: "the path of a latency table" })
        .describe("CSV file of round trips, relative to the zones folder; geo/README.md describes it"),
      of: z
        .array(latencyEntry, { error: "a list of pools and policies, as [eu, us]" })
        .min(1, { error: "at least one entry" })
        .describe("The entries: pools with a region, or mappings that name one"),
      tolerance: durationRow("0ms", "10s")
        .prefault("0ms")
        .describe("Entries whose round trip is at most this much longer than the best one are as good as it"),
      min_samples: integerRow(1, 1_000_000, "a number of measurements")
        .default(1)
        .describe("Rows of the table that say of fewer measurements do not count"),
    },
    LATENCY,
  );
}

/** What `latency` takes, for the reference. */
export const latencyOptions = latencyMapping();

const latency = mapping(
  {
    latency: latencyMapping().describe(
      "The lowest round trip in a table for the client's prefix, autonomous system, subdivision, country or continent; entries without one follow by distance",
    ),
    ...nodeOptions,
  },
  NODE,
);

/** A policy node of each kind, with the options of every node. */
export const nodeShapes: Record<PolicyKind, z.ZodType> = {
  failover,
  weighted,
  geo,
  subnets,
  nearest,
  round_robin: roundRobin,
  all,
  asn,
  latency,
  hash,
  least_response_time: leastResponseTime,
  least_connections: leastConnections,
  p2c,
  adaptive,
};

const anyNode: z.ZodType<NodeInput> = chosen<NodeInput>(
  [nodeName, ...Object.values(nodeShapes)],
  chooseNode,
  true,
);

/** Exactly one key of a mapping says what it is; the rest are options. */
function chooseNode(value: unknown): z.core.$ZodType | Refusal {
  if (!isMapping(value)) return nodeName;
  const keys = Object.keys(value);
  const kinds = POLICY_KINDS.filter((kind) => Object.hasOwn(value, kind));
  if (kinds.length === 1) return nodeShapes[kinds[0]!];
  const among = POLICY_KINDS.join(", ");
  if (kinds.length > 1)
    return {
      code: "CFG_POLICY_KIND",
      what: `has ${kinds.join(" and ")} side by side`,
      expected: "exactly one of them: nest one in the other",
      key: keys.find((key) => key === kinds[1])!,
    };
  const later = keys.find((key) => LATER_POLICY_KINDS.includes(key));
  if (later !== undefined) return notAvailable(later, POLICY_KINDS, later);
  const strange = keys.find((key) => !(NODE_OPTIONS as readonly string[]).includes(key));
  if (strange !== undefined) {
    const number = value[strange];
    if (keys.length === 1 && typeof number === "number")
      return {
        code: "CFG_KEY_UNKNOWN",
        what: `"${strange}" with a number is not a policy`,
        expected: `{node: ${strange}, weight: ${number}}, or a mapping of names to weights in place of the list`,
        key: strange,
      };
    const close = suggest(strange, POLICY_KINDS);
    return close === undefined
      ? {
          code: "CFG_KEY_UNKNOWN",
          what: `"${strange}" is not a policy`,
          expected: `one of ${among}`,
          key: strange,
        }
      : {
          code: "CFG_KEY_UNKNOWN",
          what: `"${strange}" is not a policy: did you mean ${close}?`,
          expected: "",
          key: strange,
        };
  }
  return { code: "CFG_POLICY_KIND", what: "says not what to pick", expected: `one of ${among}` };
}
