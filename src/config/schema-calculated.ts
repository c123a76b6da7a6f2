import * as z from "zod";
import { chosen, isMapping, mapping, type Refusal } from "./chosen.ts";
import { type CheckInput, checkRow, checkRows } from "./schema-checks.ts";
import { integerRow, NAME } from "./schema-rows.ts";

/** Checks that ask nobody: what they say is calculated from others. */

export type Calculation = "all" | "any" | "at_least" | "not";

export interface CalculatedInput {
  calculated: Calculation;
  /** How many of them must be up; `not`: that one must not be. */
  atLeast: number;
  /** Names of checks, or pools and endpoints as `pool:[ZONE/]POOL[/ENDPOINT]`. */
  of: string[];
}

export type AnyCheckInput = CheckInput | CalculatedInput;

export function isCalculated(check: AnyCheckInput): check is CalculatedInput {
  return "calculated" in check;
}

/** Begins an operand that is not a check. */
export const POOL_OPERAND = "pool:";

const OPERAND = "the name of a check, or pool:[ZONE/]POOL[/ENDPOINT]";
const isOperand = (text: string): boolean => NAME.test(text) || /^pool:[^\s/]+(?:\/[^\s/]+){0,2}$/.test(text);
const operandRow = z
  .string({ error: OPERAND })
  .refine(isOperand, { error: OPERAND })
  .meta({ title: "check, or pool:[ZONE/]POOL[/ENDPOINT]" });
const MAX_OPERANDS = 64;
const OPERANDS = `a list of 1 to ${MAX_OPERANDS}, as [web, pool:db]`;
const operandsRow = z
  .array(operandRow, { error: OPERANDS })
  .min(1, { error: OPERANDS })
  .max(MAX_OPERANDS, { error: OPERANDS });

const CALCULATED = "a mapping, as {all: [web, pool:db]}";

const allCheck = mapping({ all: operandsRow.describe("Up while all of them are") }, CALCULATED).transform(
  ({ all }): CalculatedInput => ({ calculated: "all", atLeast: all.length, of: all }),
);
const anyCheck = mapping({ any: operandsRow.describe("Up while one of them is") }, CALCULATED).transform(
  ({ any }): CalculatedInput => ({ calculated: "any", atLeast: 1, of: any }),
);
const atLeastCheck = mapping(
  {
    at_least: integerRow(1, MAX_OPERANDS, "a number of those in `of`").describe(
      "Up while so many of those in `of` are",
    ),
    of: operandsRow.describe("What is counted"),
  },
  CALCULATED,
)
  .refine(({ at_least, of }) => at_least <= of.length, {
    path: ["at_least"],
    error: "at most as many as `of` has",
  })
  .transform(({ at_least: atLeast, of }): CalculatedInput => ({ calculated: "at_least", atLeast, of }));
const notCheck = mapping({ not: operandRow.describe("Up while that one is down") }, CALCULATED).transform(
  ({ not }): CalculatedInput => ({ calculated: "not", atLeast: 1, of: [not] }),
);

export const calculatedRows: Record<Calculation, z.ZodType<CalculatedInput>> = {
  all: allCheck,
  any: anyCheck,
  at_least: atLeastCheck,
  not: notCheck,
};
const CALCULATIONS = Object.keys(calculatedRows) as Calculation[];

/** Which of them would count is a guess that nobody should have to make. */
function twoAtOnce(key: Calculation, other: Calculation): Refusal {
  return {
    code: "CFG_VALUE_INVALID",
    what: `${key} and ${other} stand in one check`,
    expected: `one of them; the other in a check of its own, whose name ${key} can take`,
    key: other,
  };
}

/** A check of either kind. */
export const anyCheckRow = chosen<AnyCheckInput>(
  [...Object.values(checkRows), ...Object.values(calculatedRows)],
  (value) => {
    if (!isMapping(value) || "type" in value) return checkRow;
    const [key, other] = CALCULATIONS.filter((name) => name in value);
    if (key === undefined) return checkRow;
    return other === undefined ? calculatedRows[key] : twoAtOnce(key, other);
  },
);

/** Path of an operand in the file. */
export function operandPath(
  name: string,
  { calculated }: CalculatedInput,
  index: number,
): (string | number)[] {
  const path = ["checks", name, calculated === "at_least" ? "of" : calculated];
  return calculated === "not" ? path : [...path, index];
}

/** Those that ask somebody. */
export function probingChecks(checks: Record<string, AnyCheckInput>): Record<string, CheckInput> {
  const own = Object.entries(checks).filter((each): each is [string, CheckInput] => !isCalculated(each[1]));
  return Object.fromEntries(own);
}
