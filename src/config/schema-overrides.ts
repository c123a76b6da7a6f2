import * as z from "zod";
import { chosen, mapping } from "./chosen.ts";
import { MATCH_EXPECTED, type OverrideMatch, parseMatch } from "./override-match.ts";

/** overrides.yaml: what operators say of endpoints, whatever their probes say. */

/** More entries than anybody keeps in mind; each is tried on every endpoint. */
const MAX_OVERRIDES = 1000;

const STATES = ["up", "down", "drain"] as const;
const STATE = `one of ${STATES.join(", ")}`;

const matchRow = z
  .string({ error: MATCH_EXPECTED })
  .refine((text) => parseMatch(text) !== null, { error: MATCH_EXPECTED, abort: true })
  .meta({ title: "selector" })
  .transform((text): OverrideMatch => parseMatch(text)!);

const WEIGHT = 'a percentage of the configured weight from 0% to 100%, as "25%"';
const weightRow = z
  .string({ error: WEIGHT })
  .regex(/^\d{1,3}(?:\.\d{1,2})?%$/, { error: WEIGHT, abort: true })
  .refine((text) => Number.parseFloat(text) <= 100, { error: WEIGHT })
  .meta({ title: "percentage" })
  .transform((text) => Number.parseFloat(text) / 100);

const MOMENT = "a moment with its offset, as 2026-03-01T18:00:00Z or 2026-03-01T18:00:00+01:00";
const momentRow = z
  .string({ error: MOMENT })
  .refine((text) => !Number.isNaN(parseMoment(text)), { error: MOMENT, abort: true })
  .meta({ title: "RFC 3339 date and time" })
  .transform(parseMoment);

/** Milliseconds since 1970 of an RFC 3339 timestamp, seconds optional; NaN for anything else. */
export function parseMoment(text: string): number {
  const match =
    /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?:Z|[+-](\d\d):(\d\d))$/i.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second = "0", offsetHour = "0", offsetMinute = "0"] = match;
  // Date would take the 30th of February for one in March.
  const last = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
  const fits =
    Number(month) >= 1 &&
    Number(month) <= 12 &&
    Number(day) >= 1 &&
    Number(day) <= last &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60 &&
    Number(offsetHour) < 24 &&
    Number(offsetMinute) < 60;
  return fits ? Date.parse(text.toUpperCase().replace(" ", "T")) : Number.NaN;
}

const MAX_NOTE_LENGTH = 200;
const NOTE = `a text of one line, at most ${MAX_NOTE_LENGTH} characters`;
/** Goes to terminals and logs as it is. */
const noteRow = z
  .string({ error: NOTE })
  .min(1, { error: NOTE })
  .max(MAX_NOTE_LENGTH, { error: NOTE })
  .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, { error: NOTE });

const ENTRY = "a mapping, as {match: pool:eu, state: drain}";
export const overrideRow = mapping(
  {
    match: matchRow.describe(
      "What the entry is about: region:R or pool:[ZONE/]POOL[/ENDPOINT]; `*` stands for any letters, `?` for one",
    ),
    state: z
      .enum(STATES, { error: STATE })
      .optional()
      .describe(
        "up: as if probes succeeded. down: never answered. drain: never answered, and left out of `min_healthy`. Absent: `weight` is what the entry says, and probes decide, unless an entry before it says down or drain",
      ),
    weight: weightRow.optional().describe("Part of the configured weight that is left; absent: all of it"),
    until: momentRow.optional().describe("When the entry ends by itself; absent: when it is taken away"),
    reason: noteRow.optional().describe("Why, for whoever asks later"),
    author: noteRow.optional().describe("Who says so"),
    since: momentRow.optional().describe("Since when; `steerd drain` and `steerd force` write it"),
    force: z
      .boolean({ error: "true or false" })
      .default(false)
      .describe("Holds even where it leaves a record without any address to answer"),
  },
  ENTRY,
)
  .refine(({ state, weight }) => state !== undefined || weight !== undefined, {
    path: ["state"],
    error: `${STATE}, or a weight`,
  })
  .refine(({ state, weight }) => weight === undefined || state === undefined || state === "up", {
    path: ["weight"],
    error: "no weight beside down or drain",
  });

/** One entry of the file. */
export interface OverrideInput {
  match: OverrideMatch;
  state?: "up" | "down" | "drain" | undefined;
  /** 0 to 1. */
  weight?: number | undefined;
  /** Milliseconds since 1970. */
  until?: number | undefined;
  since?: number | undefined;
  reason?: string | undefined;
  author?: string | undefined;
  force: boolean;
}

const LIST = "a list of entries, as [{match: pool:eu, state: drain}]";
const overrideList = z
  .array(overrideRow, { error: LIST })
  .max(MAX_OVERRIDES, { error: `at most ${MAX_OVERRIDES} entries` });
const noOverrides = z.null().transform((): OverrideInput[] => []);

export const overridesSchema = mapping(
  {
    overrides: chosen<OverrideInput[]>([overrideList, noOverrides], (value) =>
      value === null ? noOverrides : overrideList,
    )
      .prefault([])
      .describe(
        "Entries in order: of those that are about an endpoint the last one counts, wholly; a weight alone takes no `down` or `drain` back",
      ),
  },
  "a mapping, as {overrides: [{match: pool:eu, state: drain}]}",
).describe("What operators say of endpoints: overrides.yaml");

export type OverridesInput = { overrides: OverrideInput[] };
