import * as z from "zod";
import type { TableModel } from "../geo/table.ts";
import type { Decider } from "../health/deciders.ts";
import type {
  AddressExplanation,
  EntryExplanation,
  Explanation,
  LoadExplanation,
  NodeExplanation,
  OperatorWord,
  PoolExplanation,
  TtlLimit,
} from "../policy/explanation.ts";
import type { NodeKind } from "../policy/model.ts";

/**
 * What `steerd explain --json` prints: `steerd schema explain`. The compiler holds it against the types of the explanation,
 * and a test against what is printed; every object is closed, so that a new field must be added here.
 */

const count = z.int().min(0);
const milliseconds = count.describe("milliseconds");
const seconds = count.describe("seconds");
const state = z.enum([
  "up",
  "held",
  "spared",
  "down",
  "unchecked",
  "unknown",
  "drained",
  "forced-up",
  "forced-down",
] satisfies AddressExplanation["state"][]);
/** Words that grow with the policies: which, is not part of the schema. */
const nodeKind = z.string().describe("the policy's key, or pool") as unknown as z.ZodType<NodeKind>;
const tableKind = z.string().describe("the policy's key") as unknown as z.ZodType<TableModel["kind"]>;

const oddsSchema = z
  .strictObject({
    chance: z.number().min(0).max(1),
    part: z.number().min(0).nullable(),
    of: z.number().min(0).nullable(),
  })
  .describe(
    "a probability: part of of, weights of what is up, or hits of draws; null: several throws or comparisons decide",
  );

const loadSchema = z
  .strictObject({
    by: z.string().describe("the policy's key") as unknown as z.ZodType<LoadExplanation["by"]>,
    responseMs: z.number().nullable(),
    load: z.number().nullable().describe("part of the capacity"),
    connections: z.number().nullable(),
    capacity: z.number().nullable(),
    p99Ms: z.number().nullable(),
    errors: z.number().nullable().describe("part of the requests"),
  })
  .describe("what a policy by load compares; null: nobody measured or reported it");

const takesSchema = z.number().min(0).max(1);

const deciderSchema: z.ZodType<Decider> = z.strictObject({
  operand: z.string().describe("a check, pool:[ZONE/]POOL[/ENDPOINT], or at_least"),
  state: z.enum(["up", "down", "unknown"]),
  reason: z.string().describe("why, where something was asked; empty: it is calculated itself, or a pool"),
  count: z
    .strictObject({ up: z.number(), of: z.number(), needed: z.number() })
    .exactOptional()
    .describe("of at_least: how many of its list are up; absent: it is none, or one or all are needed"),
});

const saidSchema: z.ZodType<OperatorWord> = z.strictObject({
  match: z.string().describe("what the entry of overrides.yaml is about"),
  weight: takesSchema.describe("part of the configured weight that it leaves"),
  author: z.string().nullable(),
  reason: z.string().nullable(),
  until: z.string().nullable().describe("RFC 3339; null: until it is cleared"),
  probed: z.enum(["up", "down"]).nullable().describe("what the probes say; null: nothing"),
});

const addressSchema: z.ZodType<AddressExplanation> = z.strictObject({
  address: z.string(),
  picked: z.boolean().describe("the answer has it"),
  odds: oddsSchema
    .nullable()
    .describe("how likely the pool picks it; null: no dice, or the pool was not asked"),
  takes: takesSchema.describe("part of its weight, or of its clients, that it takes for now"),
  load: loadSchema.nullable(),
  state,
  forSeconds: seconds.nullable().describe("seconds since the state last changed; null: unknown"),
  reason: z.string().describe("why it has its state, as logs and metrics name it"),
  deciders: z
    .array(deciderSchema)
    .describe("of a calculated state that is not up: the checks, pools and endpoints that decided"),
  said: saidSchema.nullable().describe("what an operator says of it; null: nothing"),
  run: count.describe("results in a row against the state"),
  flaps: count.describe("how often it went down again soon after it came back"),
  horizonMs: milliseconds.describe("milliseconds until the state can change; 0: settled"),
});

const leastSchema = z.union([z.strictObject({ count: z.number() }), z.strictObject({ percent: z.number() })]);

const poolSchema: z.ZodType<PoolExplanation> = z.strictObject({
  zone: z.string(),
  name: z.string(),
  region: z.string().nullable(),
  check: z.string().nullable(),
  hashOf: z.string().nullable().describe("the prefix that select: hash hashes; null: another select"),
  minHealthy: z.union([
    leastSchema,
    z.strictObject({
      families: z.strictObject({ ipv4: leastSchema.exactOptional(), ipv6: leastSchema.exactOptional() }),
    }),
  ]),
  failed: z.boolean().describe("the pool's own verdict"),
  takes: takesSchema.describe("part of its clients that it takes for now"),
  up: count.describe("endpoints that are up"),
  usable: count.describe("endpoints that are neither drained nor forced down"),
  horizonMs: milliseconds,
  draws: count
    .nullable()
    .describe("draws that the odds were counted in; null: they are exact, or there are none"),
  endpoints: z.array(
    z.strictObject({ name: z.string(), weight: z.number(), addresses: z.array(addressSchema) }),
  ),
});

const entrySchema: z.ZodType<EntryExplanation> = z.lazy(() =>
  z.strictObject({
    key: z.string().describe("key of geo, subnets or asn; empty in lists"),
    weight: z.number().nullable(),
    share: z.number().nullable().describe("part of the weights of all entries"),
    odds: oddsSchema
      .nullable()
      .describe("how likely the entry is chosen; null: no dice, no turns and no load decide"),
    draw: z.strictObject({ roll: count, total: count }).nullable().describe("the throw that drew it"),
    hashOf: z.string().nullable(),
    load: loadSchema.nullable(),
    status: z.enum([
      "chosen",
      "failed",
      "not-needed",
      "not-matched",
      "not-drawn",
      "not-in-turn",
      "passed-over",
      "left-out",
    ]),
    node: nodeSchema,
  }),
);

const latchSchema = z.strictObject({
  entry: z.string(),
  sinceS: z.number().nullable().describe("seconds since 1970"),
  forSeconds: seconds.nullable(),
  afterSeconds: z.number().nullable(),
  healthy: z.strictObject({ entry: z.string(), forSeconds: seconds.nullable() }).nullable(),
  returnsInSeconds: z.number().nullable(),
});

const nodeSchema: z.ZodType<NodeExplanation> = z.lazy(() =>
  z.strictObject({
    kind: nodeKind,
    label: z.string().describe("name of the pool or policy, or its label; empty: none"),
    outcome: z.enum(["addresses", "nodata", "servfail", "failed", "unvisited"]),
    pass: z.enum(["normal", "one-up", "all"]).describe("what the walk took for up"),
    table: count.nullable().describe("number of the table that ordered the entries"),
    entries: z.array(entrySchema).describe("those that were tried, in their order, then the others"),
    pool: poolSchema.nullable(),
    latch: latchSchema.nullable(),
    earlier: z.array(nodeSchema).describe("walks of the same node before this one, which failed"),
  }),
);

const limitSchema: z.ZodType<TtlLimit> = z.strictObject({
  pool: z.string().nullable(),
  endpoint: z.string().nullable(),
  address: z.string().nullable(),
  failback: z.string().nullable().describe("node that goes back to an earlier entry"),
  horizonMs: milliseconds.describe("milliseconds until then, at least"),
  state: state.nullable(),
  run: count.nullable(),
  probes: z
    .strictObject({ needed: count, good: z.boolean() })
    .nullable()
    .describe("results that are missing until it changes"),
});

const tableSchema = z.strictObject({
  table: count,
  kind: tableKind,
  place: z.enum(["client", "resolver", "unknown"]).describe("whose place counted"),
  tile: z.string().describe("widest prefix around the client in which the table says the same"),
  tileBits: count,
  matches: z.array(z.string()).describe("keys, the narrowest first; entries or regions, the nearest first"),
  places: z
    .array(
      z.strictObject({
        latitude: z.number(),
        longitude: z.number(),
        bias: z.number(),
        distanceKm: z.number().nullable(),
      }),
    )
    .nullable(),
});

const explanationSchema = z.strictObject({
  zone: z.string(),
  owner: z.string(),
  family: z.literal([0, 4, 6]).describe("asked family; 0: a name"),
  decision: z.enum(["addresses", "target", "nodata", "servfail"]),
  addresses: z.array(
    z.strictObject({ address: z.string(), pool: z.string().nullable(), endpoint: z.string().nullable() }),
  ),
  ttl: z.strictObject({
    seconds,
    minSeconds: seconds,
    maxSeconds: seconds,
    reason: z.enum(["settled", "horizon", "min"]),
    limit: limitSchema.nullable().describe("what can change first of all that was read; null: it is settled"),
  }),
  scope: z.strictObject({
    bits: count,
    reason: z.enum(["tile", "sticky", "no-ecs", "ecs-off", "no-tables", "negative"]),
    table: count.nullable().describe("the table with the longest tile"),
  }),
  sticky: z
    .strictObject({
      prefix: z.string(),
      place: z.enum(["client", "resolver"]),
      tile: z.string(),
      tileBits: count,
    })
    .nullable()
    .describe("what is hashed of the client"),
  client: z.strictObject({
    address: z.string(),
    family: z.literal([4, 6]),
    source: z.enum(["ecs", "resolver"]),
    sourceBits: count,
    resolver: z.string(),
  }),
  tables: z.array(tableSchema),
  root: nodeSchema,
  lastResort: z
    .strictObject({
      kind: z.enum(["all", "pool", "addresses", "nodata", "servfail"]),
      of: z.strictObject({ kind: nodeKind, label: z.string() }).nullable(),
      pool: poolSchema.nullable(),
    })
    .nullable(),
  negative: z
    .strictObject({
      reason: z.enum(["no-key", "no-family", "last-resort", "withheld"]),
      node: z.string().nullable(),
    })
    .nullable()
    .describe("why there is nothing to answer"),
}) satisfies z.ZodType<Explanation>;

const recordSchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  ttl: count,
  data: z.string(),
});

const message = {
  id: count,
  rcode: z.string(),
  flags: z.array(z.string()),
  question: z.strictObject({ name: z.string(), type: z.string() }).nullable(),
  answer: z.array(recordSchema),
  authority: z.array(recordSchema),
  additional: z.array(recordSchema),
  subnet: z.strictObject({ address: z.string(), sourceBits: count, scopeBits: count }).nullable(),
  extendedError: z.strictObject({ code: count, text: z.string() }).nullable(),
};

const stepSchema = z.strictObject({
  ...message,
  explanation: explanationSchema.nullable().describe("null: the name is not steered"),
});

export const explainSchema = z
  .strictObject({
    ...message,
    steps: z
      .array(stepSchema)
      .describe("the query, and one more for each alias that leads to a steered name"),
  })
  .describe("What steerd explain --json prints");
