import * as z from "zod";
import { chosen, isMapping, mapping } from "./chosen.ts";
import type { Finding } from "./findings.ts";
import { type LoadedYaml, loadYaml, reporterOn } from "./load-yaml.ts";
import type { Reporter } from "./problem.ts";
import { durationRow, integerRow } from "./schema-rows.ts";

/** A health file: what `explain --at-health` is to take for the state of endpoints, by selector. */

export type SupposedState = "up" | "down" | "drain" | "forced-up" | "forced-down";

export interface SupposedHealth {
  state: SupposedState;
  /** Consecutive results against the state. */
  run: number;
  /** Smoothed response time in microseconds; -1: not measured. */
  responseUs: number;
  /** The report, in the units of health rows; -1: none. */
  load: number;
  connections: number;
  capacity: number;
  p99Us: number;
  errors: number;
  /** Factor on the weight, 0 to 65536 (1.0). */
  scale: number;
}

/** One line of the file: a selector, what is supposed of it, and a way to say that something is wrong with it. */
export interface HealthLine {
  selector: string;
  health: SupposedHealth;
  report(code: "CFG_SELECTOR_UNKNOWN" | "CFG_VALUE_INVALID", what: string, expected: string): void;
}

const STATES: SupposedState[] = ["up", "down", "drain", "forced-up", "forced-down"];
const STATE = `one of ${STATES.join(", ")}`;
const stateRow = z.enum(STATES, { error: STATE });

/** A part of 1, as `70%`; yields 65,536ths. */
function percentRow(most: number) {
  const error = `a percentage from 0% to ${most}%`;
  return z
    .string({ error })
    .regex(/^\d{1,4}(?:\.\d{1,2})?%$/, { error, abort: true })
    .refine((text) => Number.parseFloat(text) <= most, { error })
    .transform((text) => Math.round((Number.parseFloat(text) / 100) * 65_536));
}

const countRow = integerRow(0, 1_000_000_000, "a number of connections");

const HEALTH = `${STATE}, or a mapping, as {state: up, run: 2}`;
const healthMapping = mapping(
  {
    state: stateRow.default("up"),
    run: integerRow(0, 1000, "a number of results").default(0),
    response: durationRow("1ms", "60s")
      .transform((ms) => ms * 1000)
      .default(-1),
    load: percentRow(1000).default(-1),
    connections: countRow.default(-1),
    capacity: countRow.default(-1),
    p99: durationRow("1ms", "60s")
      .transform((ms) => ms * 1000)
      .default(-1),
    errors: percentRow(100).default(-1),
    scale: percentRow(100).default(65_536),
  },
  HEALTH,
).transform(
  ({ response, p99, ...health }): SupposedHealth => ({ ...health, responseUs: response, p99Us: p99 }),
);

/** Nothing but a state. */
export function supposed(state: SupposedState): SupposedHealth {
  return { ...healthMapping.parse({}), state };
}

const shorthand = stateRow.transform(supposed);
const FILE = "selectors with states, as pool:eu: down";
const fileSchema = z.record(
  z.string(),
  chosen<SupposedHealth>([shorthand, healthMapping], (value) =>
    isMapping(value) ? healthMapping : shorthand,
  ),
  { error: FILE },
);

/** Reads a health file, YAML or JSON. Its lines are empty when there are findings. */
export function loadHealthFile(octets: Uint8Array, file: string, findings: Finding[]): HealthLine[] {
  const yaml: LoadedYaml<Record<string, SupposedHealth>> = loadYaml(octets, file, fileSchema);
  findings.push(...yaml.findings);
  const reporter: Reporter = reporterOn(yaml, findings);
  return Object.entries(yaml.input ?? {}).map(([selector, health]) => ({
    selector,
    health,
    report: (code, what, expected) =>
      reporter.error([selector], code === "CFG_SELECTOR_UNKNOWN" ? "key" : "value", code, what, expected),
  }));
}
