import * as z from "zod";
import { isCut } from "./cut.ts";

/** Why no schema was chosen: becomes a finding of its own (validate.ts). */
export interface Refusal {
  code: string;
  /** What was found, without the path. */
  what: string;
  expected: string;
  /** Key that is at fault; absent: the value itself. */
  key?: string;
  /** What is pointed at: the key, or what it holds. Absent: the key where `key` is given, else the value. */
  part?: "key" | "value";
}

type Choose = (value: unknown) => z.core.$ZodType | Refusal;

interface ChosenDef extends z.core.$ZodUnionDef {
  choose: Choose;
  /** What was taken out of the file passes in place of a value. */
  takesCut: boolean;
}

interface ChosenSchema extends z.ZodType {
  _zod: z.core.$ZodTypeInternals & { def: ChosenDef };
}

const initUnion: (schema: ChosenSchema, def: ChosenDef) => void = z.ZodUnion.init as never;

/**
 * A union for the types and the JSON Schema, but the alternative is chosen by looking at the value before anything is
 * validated. A plain union tries them all, and a misspelt key would draw an error from each.
 */
const Chosen = z.core.$constructor<ChosenSchema, ChosenDef>("SteerdChosen", (schema, def) => {
  initUnion(schema, def);
  schema._zod.parse = (payload, context) => {
    if (def.takesCut && isCut(payload.value)) return payload;
    const choice = def.choose(payload.value);
    if ("_zod" in choice) return choice._zod.run(payload, context);
    payload.issues.push(refusedAs(choice, payload.value));
    return payload;
  };
});

/** The issue that validate.ts turns back into the refusal. */
function refusedAs(refusal: Refusal, input: unknown): z.core.$ZodRawIssue {
  return { code: "custom", input, params: { refusal }, message: refusal.expected };
}

/** A schema of type T that validates with whatever `choose` returns for the value; `alternatives` are all it may return. */
export function chosen<T>(
  alternatives: readonly z.core.$ZodType[],
  choose: Choose,
  takesCut = false,
): z.ZodType<T> {
  return new Chosen({ type: "union", options: alternatives, choose, takesCut }) as unknown as z.ZodType<T>;
}

/** The same schema, which lets pass what was taken out of the file: whoever resolves it has to look for that. */
export function cuttable<T>(schema: z.ZodType<T>): z.ZodType<T> {
  return chosen<T>([schema], () => schema, true);
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A mapping with these keys and no others. `expected` says what it looks like; an unknown key's issue lists the known ones. */
export function mapping<S extends z.core.$ZodLooseShape>(
  shape: S,
  expected: string,
): z.ZodObject<S, z.core.$strict> {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? Object.keys(shape).join(" ") : expected),
  });
}
