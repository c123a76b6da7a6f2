import * as z from "zod";
import { explainSchema } from "./schema-explain.ts";
import { overridesSchema } from "./schema-overrides.ts";
import { serverSchema } from "./schema-server.ts";
import { fragmentSchema, zoneSchema } from "./schema-zone.ts";

/** A JSON Schema (draft 2020-12), as editors read it. */
export type JsonSchema = Record<string, unknown>;

/** What a schema is for: `steerd schema server`, `steerd schema zone`, `steerd schema include`, `steerd schema overrides`, `steerd schema explain`. */
export type SchemaName = "server" | "zone" | "include" | "overrides" | "explain";

const SCHEMAS = {
  server: { schema: serverSchema, title: "steerd.yaml", io: "input" },
  zone: { schema: zoneSchema, title: "steerd zones/<origin>.yaml", io: "input" },
  include: { schema: fragmentSchema, title: "steerd zones/include/<name>.yaml", io: "input" },
  overrides: { schema: overridesSchema, title: "steerd overrides.yaml", io: "input" },
  explain: { schema: explainSchema, title: "steerd explain --json", io: "output" },
} as const;

/** The JSON Schema of one kind of file, or of what `explain --json` prints. Pools and names that are not there are found by `check` only. */
export function jsonSchema(name: SchemaName): JsonSchema {
  const { schema, title, io } = SCHEMAS[name];
  const { $schema, ...rest } = z.toJSONSchema(schema, { io });
  return { $schema, title, ...(withoutSafeBounds(rest) as JsonSchema) };
}

/** Integers without a bound of their own get the language's: no limit of ours, and noise to a reader. */
function withoutSafeBounds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSafeBounds);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([, bound]) => bound !== Number.MAX_SAFE_INTEGER && bound !== Number.MIN_SAFE_INTEGER,
  );
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutSafeBounds(inner)]));
}
