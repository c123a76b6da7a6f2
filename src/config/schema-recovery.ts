import * as z from "zod";
import { mapping } from "./chosen.ts";
import { durationRow } from "./schema-rows.ts";

/** How a pool's endpoints come back, lose clients and go down: what a pool may say besides its check. */

const ONE = 65_536;

/** A percentage; yields 1/65536 of one. */
function partRow(most: number) {
  const error = `a percentage from 1% to ${most}%`;
  return z
    .string({ error })
    .regex(/^(?:[1-9]\d{0,2})%$/, { error, abort: true })
    .refine((text) => Number.parseInt(text, 10) <= most, { error })
    .meta({ title: "percentage" });
}

/** Reports may say more than all of the capacity. */
const loadRow = partRow(200).transform((text) => Math.round((Number.parseInt(text, 10) * ONE) / 100));

const shedOptions = mapping(
  {
    low: loadRow.describe(
      "Load from which on clients are moved away, of the capacity that the endpoint reports",
    ),
    high: loadRow.describe("Load at which it gives up all of them"),
  },
  "a mapping, as {low: 70%, high: 90%}",
).refine(({ low, high }) => low < high, { path: ["high"], error: "more than what low says" });

const budgetOptions = mapping(
  {
    share: partRow(100)
      .transform((text) => Number.parseInt(text, 10))
      .describe("Part of the pool's endpoints that may go down, at least one of them"),
    within: durationRow("10s", "24h").describe("Within this time"),
  },
  "a mapping, as {share: 50%, within: 10m}",
);

/** Mappings among them. */
export const recoveryParts = { shed: shedOptions, withdrawal_budget: budgetOptions };

export const recoveryRows = {
  slow_start: durationRow("1s", "1h")
    .optional()
    .describe(
      "Time in which an endpoint that comes back gets its clients, by growing slices; absent: at once",
    ),
  shed: shedOptions.optional().describe("Moves clients away from endpoints that report load; absent: never"),
  withdrawal_budget: budgetOptions
    .optional()
    .describe("How much of the pool may go down in a while; what fails beyond it stays up. Absent: no limit"),
};
