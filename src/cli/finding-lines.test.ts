import { expect, test } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import type { Finding } from "../config/findings.ts";
import { countFindings, findingLines, plural } from "./finding-lines.ts";

const error: Finding = {
  severity: "error",
  code: "CFG_POOL_UNKNOWN",
  file: "zones/gslb.example.yaml",
  line: 14,
  column: 9,
  what: 'www: "eu-wset" is not a pool',
  expected: "one of eu-west, us-east",
};
const warning: Finding = {
  ...error,
  severity: "warning",
  code: "CFG_X",
  line: 2,
  column: 0,
  what: "odd",
  expected: "",
};
const whole: Finding = { ...error, file: "zones/b.zone", line: 0, what: "cut", expected: "" };

test("places and codes stand in columns", () => {
  expect(findingLines([warning, error, whole], recordedTerminal())).toEqual([
    "zones/gslb.example.yaml:2     CFG_X             warning: odd",
    'zones/gslb.example.yaml:14:9  CFG_POOL_UNKNOWN  www: "eu-wset" is not a pool: expected one of eu-west, us-east',
    "zones/b.zone                  CFG_POOL_UNKNOWN  cut",
  ]);
});

test("errors are red and warnings yellow where colours show", () => {
  const [first, second] = findingLines([error, warning], recordedTerminal(true));
  expect(first).toContain("\u001b[31mCFG_POOL_UNKNOWN\u001b[0m");
  expect(second).toContain("\u001b[33mCFG_X           \u001b[0m");
});

test.each<[Finding[], string]>([
  [[], "no errors"],
  [[error], "1 error in 1 file"],
  [[error, error, whole], "3 errors in 2 files"],
  [[warning], "no errors and 1 warning in 1 file"],
  [[error, warning, warning], "1 error and 2 warnings in 1 file"],
])("the count of %#", (findings, words) => {
  expect(countFindings(findings)).toBe(words);
});

test("a plural that is not made with an s", () => {
  expect([plural(1, "address", "addresses"), plural(2, "address", "addresses")]).toEqual([
    "1 address",
    "2 addresses",
  ]);
});
