import * as z from "zod";
import { chosen, isMapping, mapping } from "./chosen.ts";
import { durationRow, integerRow } from "./schema-rows.ts";

/** When endpoints are probed, and how results become states: what every type of check takes. */

/** How long what went down stays down at least. */
export interface HoldInput {
  down: number;
  healthy: number;
}

const NONE = "0s";
const holdRow = durationRow(NONE, "24h");
const holdShort = holdRow.transform((down): HoldInput => ({ down, healthy: 0 }));
export const holdOptions = mapping(
  {
    down: holdRow.prefault(NONE).describe("Least time down"),
    healthy: holdRow
      .prefault(NONE)
      .describe("Least time of successes alone before the return; a failure begins it anew"),
  },
  "a duration, or {down: 30s, healthy: 10s}",
);

const DAMPING = "0s, or 1m to 24h";
const LEAST_DAMPING_MS = 60_000;
const dampingRow = durationRow(NONE, "24h").refine((ms) => ms === 0 || ms >= LEAST_DAMPING_MS, {
  error: DAMPING,
});

export const timingRows = {
  interval: durationRow("100ms", "1h")
    .prefault("2s")
    .describe("Time between the starts of two probes of one address"),
  fast_interval: durationRow("100ms", "1h")
    .optional()
    .describe("The same while results count against the state; at most the interval. Absent: the interval"),
  timeout: durationRow("10ms", "1m")
    .optional()
    .describe(
      "One deadline for the whole probe; at most the interval. Absent: 1s, or the interval where that is shorter",
    ),
  fall: integerRow(1, 100, "a number of probes")
    .default(3)
    .describe("Failures that take an address down: in a row, unless `ok_reset` says otherwise"),
  ok_reset: integerRow(1, 100, "a number of probes")
    .default(1)
    .describe("Successes in a row after which earlier failures no longer count"),
  rise: integerRow(1, 100, "a number of probes")
    .default(2)
    .describe("Consecutive successes that bring it back"),
  hold_down: chosen<HoldInput>([holdShort, holdOptions], (value) =>
    isMapping(value) ? holdOptions : holdShort,
  )
    .prefault(NONE)
    .describe("How long an address that went down stays down at least"),
  damping: dampingRow
    .prefault("10m")
    .describe(
      "Longest downtime of an address that keeps going up and down: at first 1m, doubled each time; 0s: none",
    ),
  return_jitter: durationRow(NONE, "10m")
    .optional()
    .describe("Time over which returns are spread; absent: twice the interval"),
  start_grace: durationRow(NONE, "1h")
    .prefault(NONE)
    .describe("Time from an address's first probe in which failures are no verdict"),
  window: durationRow("100ms", "1h")
    .optional()
    .describe(
      "Time over which the response time is smoothed, and the figures that endpoints report. Absent: over about four probes, and 10s",
    ),
};

const WARNING_WEIGHT = 'a percentage from "1%" to "100%"';
/** In 1/65536, as rows have it. */
const WHOLE = 65_536;
export const warningWeightRow = z
  .string({ error: WARNING_WEIGHT })
  .regex(/^(?:[1-9][0-9]?|100)%$/, { error: WARNING_WEIGHT, abort: true })
  .meta({ title: "percentage" })
  .transform((text) => Math.round((Number.parseInt(text, 10) * WHOLE) / 100))
  .optional()
  .describe("Part of its weight that an address keeps while its probes warn; absent: all of it");

const DEFAULT_TIMEOUT_MS = 1000;

interface Timing {
  interval: number;
  fast_interval?: number | undefined;
  timeout?: number | undefined;
}

export function withTimeout<T extends Timing>(check: T): T & { timeout: number; isTimeoutGiven: boolean } {
  const timeout = check.timeout ?? Math.min(DEFAULT_TIMEOUT_MS, check.interval);
  return { ...check, timeout, isTimeoutGiven: check.timeout !== undefined };
}

/** A probe never overlaps the next one of the same address, and what is fast is not slower. */
export function timingFits(check: Timing, context: z.RefinementCtx): void {
  // Of an interval that is wrong itself nothing more is said.
  if (typeof check.interval !== "number") return;
  for (const key of ["timeout", "fast_interval"] as const) {
    if ((check[key] ?? 0) <= check.interval) continue;
    context.addIssue({ code: "custom", path: [key], message: "at most what interval says" });
  }
}
