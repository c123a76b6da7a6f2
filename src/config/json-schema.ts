import * as z from "zod";
import { serverSchema } from "./schema-server.ts";
import { zoneSchema } from "./schema-zone.ts";

/** A JSON Schema (draft 2020-12), as editors read it. */
export type JsonSchema = Record<string, unknown>;

/** Which file a schema is for: `steerd schema server`, `steerd schema zone`. */
export type SchemaName = "server" | "zone";

/** The JSON Schema of steerd.yaml or of zones/<origin>.yaml. Pools and names that are not there are found by `check` only. */
export function jsonSchema(name: SchemaName): JsonSchema {
  const schema = z.toJSONSchema(name === "server" ? serverSchema : zoneSchema, { io: "input" });
  const title = name === "server" ? "steerd.yaml" : "steerd zones/<origin>.yaml";
  const { $schema, ...rest } = schema;
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
