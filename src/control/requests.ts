import * as z from "zod";
import { formatMatch, type OverrideMatch, parseMatch } from "../config/override-match.ts";
import type { OverrideInput } from "../config/schema-overrides.ts";
import { BadRequest, type Handler } from "./socket-server.ts";

/** What requests on the control socket hold, besides their `op`. */

const part = z.string().max(400);
const match: z.ZodType<OverrideMatch> = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("region"), region: part }),
    z.object({ kind: z.literal("pool"), zone: part.nullable(), pool: part, endpoint: part.nullable() }),
  ])
  .refine((value) => parseMatch(formatMatch(value)) !== null, { error: "expected a selector in its parts" });

const moment = z.number().optional();
const note = z.string().max(200).optional();
const entry: z.ZodType<OverrideInput> = z.object({
  match,
  state: z.enum(["up", "down", "drain"]).optional(),
  weight: z.number().min(0).max(1).optional(),
  until: moment,
  since: moment,
  reason: note,
  author: note,
  force: z.boolean(),
});
/** One more than a file may hold, so that the command can tell what is wrong with it. */
const MAX_ENTRIES = 1001;

export const judgeRequest = z.object({ entries: z.array(entry).min(1).max(MAX_ENTRIES) });
export const drainsRequest = z.object({ match });
export const failbackRequest = z.object({ name: z.string().max(1000) });
export const eventsRequest = z.object({
  last: z.int().min(0).max(100_000).default(0),
  follow: z.boolean().default(false),
});

type Rest<T> = T extends [unknown, ...infer R] ? R : never;

/** A handler of requests of this shape. Others are answered with what is wrong with them. */
export function taking<T>(
  shape: z.ZodType<T>,
  handler: (request: T, ...rest: Rest<Parameters<Handler>>) => unknown,
): Handler {
  return (request, ...rest) => {
    const { success, data, error } = shape.safeParse(request);
    if (success) return handler(data, ...rest);
    const { path, message } = error.issues[0]!;
    throw new BadRequest(`${request.op}: ${path.length === 0 ? "the request" : path.join(".")}: ${message}`);
  };
}
