import * as z from "zod";
import type { ForcedBefore, HeldAddress, Judgement } from "../config/judge-overrides.ts";
import type { DrainStatus, LiveRows } from "../control/commands.ts";
import type { EndpointStatus, EntryStatus, PoolStatus } from "../control/live-status.ts";
import { ENDPOINT_ROW_WORDS, LATCH_ROW_WORDS, POOL_ROW_WORDS } from "../health/rows.ts";
import type { ControlEvent } from "../serve/messages.ts";
import type { ServerStatus } from "./status-text.ts";

/** What a server of this version replies on the control socket. What listens there may be another version, or no server. */

const text = z.string();
const texts = z.array(text);
/** Milliseconds and seconds since 1970: of others no Date can be made (ECMA-262 section 21.4.1.1). */
const LAST_MS = 8.64e15;
const moment = z.number().min(0).max(LAST_MS);
const seconds = z
  .number()
  .min(0)
  .max(LAST_MS / 1000);
const finding = z.looseObject({
  severity: z.enum(["error", "warning"]),
  code: text,
  file: text,
  line: z.number(),
  column: z.number(),
  what: text,
  expected: text,
});

const entry: z.ZodType<EntryStatus> = z.looseObject({
  match: text,
  reason: text.nullable(),
  author: text.nullable(),
  since: moment.nullable(),
  until: moment.nullable(),
});
const endpoint: z.ZodType<EndpointStatus> = z.looseObject({
  endpoint: text,
  address: text,
  up: z.boolean(),
  probed: z.enum(["up", "down", "unknown", "unchecked"]),
  forced: z.enum(["up", "down", "drain"]).nullable(),
  entry: entry.nullable(),
  since: seconds.nullable(),
  reason: text,
  because: text,
  phases: z
    .looseObject({
      connectMs: z.number().nullable(),
      tlsMs: z.number().nullable(),
      firstOctetMs: z.number().nullable(),
    })
    .nullable(),
  weight: z.number(),
  drainedUntil: moment.nullable(),
});
const pool: z.ZodType<PoolStatus> = z.looseObject({
  zone: text,
  pool: text,
  region: text.nullable(),
  check: text.nullable(),
  state: z.enum(["healthy", "failed", "drained", "unchecked"]),
  up: z.number(),
  usable: z.number(),
  since: seconds.nullable(),
  endpoints: z.array(endpoint),
});
const status: z.ZodType<ServerStatus> = z.looseObject({
  version: text,
  startedMs: moment,
  nowMs: moment,
  generation: z.number(),
  reloadOk: z.boolean(),
  frozen: z.boolean(),
  stateFileOk: z.boolean(),
  overrides: z.looseObject({
    file: text,
    isSound: z.boolean(),
    entries: z.number(),
    ignored: z.array(z.number()),
  }),
  pools: z.array(pool),
});

/** A hundred thousand rows are looked through by hand: zod would take seconds. */
function rowsOf(words: number) {
  const isRow = (row: unknown): boolean =>
    Array.isArray(row) && row.length === words && row.every((word) => Number.isInteger(word));
  return z.custom<number[][]>((value) => Array.isArray(value) && value.every(isRow), {
    error: `expected rows of ${words} words`,
  });
}
const rows: z.ZodType<LiveRows> = z.looseObject({
  generation: z.number(),
  endpoints: rowsOf(ENDPOINT_ROW_WORDS),
  pools: rowsOf(POOL_ROW_WORDS),
  latches: rowsOf(LATCH_ROW_WORDS),
  known: z.array(z.tuple([text, texts])),
});

const held: z.ZodType<HeldAddress> = z.looseObject({
  address: text,
  state: z.enum(["down", "drain"]),
  by: text,
});
const was: z.ZodType<ForcedBefore> = z.looseObject({
  address: text,
  state: z.enum(["up", "down", "drain"]).nullable(),
  weight: z.number(),
  by: text,
});
const judge: z.ZodType<Judgement> = z.looseObject({
  unmatched: text.nullable(),
  ambiguous: texts,
  losses: texts,
  addresses: texts,
  held: z.array(held),
  was: z.array(was),
});

const drain: z.ZodType<DrainStatus> = z.looseObject({
  zone: text,
  pool: text,
  endpoint: text,
  address: text,
  withheld: z.boolean(),
  letGo: moment,
  alsoAt: texts,
});

/** One line of the log that is an event. */
export const eventReply: z.ZodType<ControlEvent> = z.looseObject({
  timeMs: moment,
  level: z.enum(["debug", "info", "warn", "error"]),
  message: text,
  fields: z.record(text, z.unknown()),
});

/** By what was asked. */
export const REPLIES: Readonly<Record<string, z.ZodType>> = {
  status,
  rows,
  judge,
  overrides: z.looseObject({ file: text, findings: z.array(finding), ignored: z.array(z.number()) }),
  drains: z.looseObject({ nowMs: moment, drains: z.array(drain) }),
  failback: z.looseObject({ zone: text, policy: text, current: text, first: text }),
  thaw: z.looseObject({ frozen: z.boolean() }),
  events: z.looseObject({ events: z.array(eventReply) }),
};
