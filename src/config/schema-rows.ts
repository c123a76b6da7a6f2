import ipaddr from "ipaddr.js";
import * as z from "zod";
import type { Listener } from "../serve/listener.ts";
import { chosen, isMapping, mapping, type Refusal } from "./chosen.ts";

// zod would write a program for each mapping and have it compiled: 8 ms of the start, and no quicker with 8,000 records.
z.config({ jitless: true });

/** Rows that several options share. The error text of a row is what was expected, in words. */

/** Name of a check, region, pool, policy or endpoint. */
export const NAME = /^[a-z0-9][a-z0-9_-]*$/;
const MAX_NAME_LENGTH = 63;

export const NAME_EXPECTED = "a name of lower-case letters, digits, _ and -, at most 63 of them";

export const nameRow = z
  .string({ error: NAME_EXPECTED })
  .regex(NAME, { error: NAME_EXPECTED })
  .max(MAX_NAME_LENGTH, { error: NAME_EXPECTED })
  .meta({ title: "name" });

const PATH = "the path of a file";
export const pathRow = z
  .string({ error: PATH })
  .min(1, { error: PATH })
  .refine((text) => !text.includes("\0"), { error: `${PATH}: no path has a NUL in it` })
  .meta({ title: "path" });

/** Integer of a closed range; `noun` as in "a port". */
export function integerRow(least: number, most: number, noun: string) {
  const error = `${noun} from ${least} to ${most}`;
  return z.int({ error }).min(least, { error }).max(most, { error });
}

export const portRow = integerRow(1, 65535, "a port");

const UNIT_MS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h)$/;

/** Milliseconds of `250ms`, `1.5s`, `2m`, `1h`; NaN for anything else. */
export function durationMs(text: string): number {
  const match = DURATION.exec(text);
  return match === null ? Number.NaN : Math.round(Number(match[1]) * UNIT_MS[match[2]!]!);
}

/** A duration with its unit, within the bounds (which are durations too); yields milliseconds. */
export function durationRow(least: string, most: string) {
  const expected = (issue: { input?: unknown }): string => {
    // Where a unit is missing, it is most often one of these.
    const meant =
      typeof issue.input === "number"
        ? ["s", "ms"].map((unit) => `${issue.input}${unit}`).filter(within)
        : [];
    const [first, second] = meant;
    const hint =
      first === undefined ? `, as ${examples}` : `: ${first}${second === undefined ? "" : `, or ${second}`}`;
    return `a duration with its unit, ${least} to ${most}${hint}`;
  };
  const within = (text: string) =>
    durationMs(text) >= durationMs(least) && durationMs(text) <= durationMs(most);
  const usual = ["250ms", "1s", "2m", "1h", "24h"].filter(within);
  const examples = (usual.length === 0 ? [least] : usual.slice(0, 3)).join(", ");
  return z
    .string({ error: expected })
    .regex(DURATION, { error: expected, abort: true })
    .refine(within, { error: `${least} to ${most}` })
    .meta({ title: `duration, ${least} to ${most}` })
    .transform(durationMs);
}

const UNIT_OCTETS: Record<string, number> = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 };
const OCTETS = /^(\d{1,6}) ?(KiB|MiB|GiB)$/;

/** Octets of `256 MiB`; NaN for anything else. */
function octetsOf(text: string): number {
  const match = OCTETS.exec(text);
  return match === null ? Number.NaN : Number(match[1]) * UNIT_OCTETS[match[2]!]!;
}

/** An amount of memory with its unit, within the bounds (which are amounts too); yields octets. */
export function memoryRow(least: string, most: string) {
  const error = `an amount of memory with its unit, ${least} to ${most}`;
  return z
    .string({ error })
    .regex(OCTETS, { error, abort: true })
    .refine((text) => octetsOf(text) >= octetsOf(least) && octetsOf(text) <= octetsOf(most), { error })
    .meta({ title: `memory, ${least} to ${most}` })
    .transform(octetsOf);
}

/** RFC 2181 section 8: a TTL has 31 bits. */
const MAX_TTL_SECONDS = 2 ** 31 - 1;
const TTL_EXPECTED = "seconds from 0 to 2147483647, or a duration in whole seconds, as 30, 5m, 1h";

const ttlNumber = z
  .int({ error: TTL_EXPECTED })
  .min(0, { error: TTL_EXPECTED })
  .max(MAX_TTL_SECONDS, { error: TTL_EXPECTED })
  .meta({ title: "seconds" });
const ttlDuration = z
  .string()
  .regex(DURATION, { error: TTL_EXPECTED, abort: true })
  .refine((text) => durationMs(text) % 1000 === 0 && durationMs(text) / 1000 <= MAX_TTL_SECONDS, {
    error: TTL_EXPECTED,
  })
  .meta({ title: "duration" })
  .transform((text) => durationMs(text) / 1000);

/** Seconds, as a bare number or as a duration. */
const ttlSeconds = chosen<number>([ttlNumber, ttlDuration], (value) =>
  typeof value === "string" ? ttlDuration : ttlNumber,
);

export interface TtlRange {
  max: number;
  min: number;
}

const ttlFixed = ttlSeconds.transform((seconds): TtlRange => ({ max: seconds, min: seconds }));
export const ttlRange = mapping(
  {
    max: ttlSeconds.describe("TTL while all that a decision read is settled"),
    min: ttlSeconds
      .optional()
      .describe("Least TTL while something is about to change; absent: the same as `max`"),
  },
  TTL_EXPECTED,
)
  .meta({ title: "{max, min}" })
  .refine(({ max, min }) => min === undefined || min <= max, {
    path: ["min"],
    error: "at most what max says",
  })
  .transform(({ max, min }): TtlRange => ({ max, min: min ?? max }));

/** A fixed TTL, or `{max, min}`. */
export const ttlRow = chosen<TtlRange>([ttlFixed, ttlRange], (value) =>
  isMapping(value) ? ttlRange : ttlFixed,
);

const LATITUDE = "a latitude from -90 to 90, north positive, and the longitude behind it";
const LONGITUDE = "a longitude from -180 to 180, east positive";
const LOCATION = "[latitude, longitude] in degrees, as [53.3, -6.3]";

/** Where something stands, for `nearest`. */
export const locationRow = z
  .tuple(
    [
      z.number({ error: LATITUDE }).min(-90, { error: LATITUDE }).max(90, { error: LATITUDE }),
      z.number({ error: LONGITUDE }).min(-180, { error: LONGITUDE }).max(180, { error: LONGITUDE }),
    ],
    { error: LOCATION },
  )
  .meta({ title: "[latitude, longitude]" })
  .transform(([latitude, longitude]) => ({ latitude, longitude }));

/** `127.0.0.1:53` or `[::1]:53`; null when it is neither. */
function parseSocketAddress(text: string): Listener | null {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[3]) > 65535) return null;
  const [, six, four] = match;
  const port = Number(match[3]);
  if (four !== undefined)
    return ipaddr.IPv4.isValidFourPartDecimal(four) ? { host: four, family: 4, port } : null;
  return ipaddr.IPv6.isValid(six!) ? { host: six!, family: 6, port } : null;
}

const SOCKET_EXPECTED = 'an address and a port, as 127.0.0.1:53 or "[::1]:53"';

/** What is wrong is named where it is the port alone. */
function socketExpected(text: string): string {
  const [, host, port] = /^(.*):([^:\]]*)$/.exec(text) ?? [];
  if (host === undefined || port === undefined || parseSocketAddress(`${host}:53`) === null)
    return SOCKET_EXPECTED;
  return `a port from 0 to 65535 in place of "${port}", as ${host}:53`;
}

export const socketAddressRow = z
  .string({ error: SOCKET_EXPECTED })
  .refine((text) => parseSocketAddress(text) !== null, {
    error: ({ input }) => socketExpected(String(input)),
    abort: true,
  })
  .meta({ title: "address:port" })
  .transform((text) => parseSocketAddress(text)!);

/** A section that may be left empty: `pools:` with nothing below it is no pools. */
export function sectionOf<T>(schema: z.ZodType<T>): z.ZodType<T> {
  const empty = z.null().transform(() => schema.parse({}));
  return chosen<T>([schema, empty], (value) => (value === null ? empty : schema));
}

/** Says that an option is known but belongs to a later version. */
export function notAvailable(word: string, available: readonly string[], key?: string): Refusal {
  const refusal = {
    code: "CFG_NOT_AVAILABLE",
    what: `"${word}" is not available in this version`,
    expected: available.length === 1 ? available[0]! : `one of ${available.join(", ")}`,
  };
  return key === undefined ? refusal : { ...refusal, key };
}
