import * as z from "zod";
import type { StateSettings } from "../serve/health-memory.ts";
import { chosen, mapping } from "./chosen.ts";
import { durationRow, pathRow } from "./schema-rows.ts";

/** `state` of steerd.yaml: what outlives a restart. */

const STATE = "none, or a mapping, as {file: /var/lib/steerd/health.json, max_age: 5m}";

const stateMapping = mapping(
  {
    file: pathRow
      .optional()
      .describe(
        "File that is written; relative to steerd.yaml. Absent: beside steerd.yaml and named after it, steerd.state.json, or in the folder that systemd's StateDirectory= names",
      ),
    max_age: durationRow("1s", "24h")
      .prefault("5m")
      .describe("States that no probe has stood behind for longer than this are not used"),
  },
  STATE,
).transform(({ file, max_age }): StateSettings => ({ path: file ?? USUAL_PLACE, maxAgeMs: max_age }));
const stateNone = z.literal("none", { error: STATE }).transform((): StateSettings | null => null);

/** In place of a path: where the file lies unless steerd.yaml says otherwise. */
export const USUAL_PLACE = "";

/** Null: nothing is remembered. */
export const stateRow = chosen<StateSettings | null>([stateMapping, stateNone], (value) =>
  typeof value === "string" ? stateNone : stateMapping,
);
