import { describe, expect, test } from "vitest";
import { type Finding, formatFinding } from "./findings.ts";
import { loadHealthFile } from "./health-file.ts";

function load(text: string) {
  const findings: Finding[] = [];
  const lines = loadHealthFile(new TextEncoder().encode(text), "health.yaml", findings);
  return { lines, findings, texts: () => findings.map(formatFinding) };
}

const UP = {
  state: "up",
  run: 0,
  responseUs: -1,
  load: -1,
  connections: -1,
  capacity: -1,
  p99Us: -1,
  errors: -1,
  scale: 65_536,
};

describe("a health file", () => {
  test.each([
    ["pool:eu: down", { ...UP, state: "down" }],
    ["pool:eu: {run: 2}", { ...UP, run: 2 }],
    [
      "pool:eu: {state: forced-up, response: 35ms, load: 50%, scale: 12.5%}",
      { ...UP, state: "forced-up", responseUs: 35_000, load: 32_768, scale: 8192 },
    ],
    [
      "pool:eu: {connections: 40, capacity: 100, p99: 250ms, errors: 1%}",
      { ...UP, connections: 40, capacity: 100, p99Us: 250_000, errors: 655 },
    ],
    ['{"pool:eu": "drain"}', { ...UP, state: "drain" }],
  ])("%s", (text, health) => {
    const { lines, texts } = load(text);
    expect(texts()).toEqual([]);
    expect(lines.map(({ selector, health: read }) => [selector, read])).toEqual([["pool:eu", health]]);
  });

  test("that is empty supposes nothing", () => {
    expect(load("# nothing\n").lines).toEqual([]);
  });

  test("selectors may hold IPv6 addresses", () => {
    expect(load("pool:eu/2001:db8::1: down\n").lines[0]!.selector).toBe("pool:eu/2001:db8::1");
  });
});

describe("a health file with mistakes", () => {
  test("all at once, each with its place", () => {
    const { lines, texts } = load(
      ["pool:a: dwon", "pool:b: {sate: up}", "pool:c: {run: -1, load: 20}", "pool:d: {scale: 101%}"].join(
        "\n",
      ),
    );
    expect(lines).toEqual([]);
    expect(texts()).toEqual([
      'health.yaml:1:9 CFG_VALUE_INVALID pool:a is "dwon": expected one of up, down, drain, forced-up, forced-down',
      'health.yaml:2:10 CFG_KEY_UNKNOWN pool:b: "sate" is not a key: did you mean state?',
      "health.yaml:3:15 CFG_VALUE_INVALID pool:c.run is -1: expected a number of results from 0 to 1000",
      "health.yaml:3:25 CFG_VALUE_INVALID pool:c.load is 20: expected a percentage from 0% to 1000%",
      'health.yaml:4:17 CFG_VALUE_INVALID pool:d.scale is "101%": expected a percentage from 0% to 100%',
    ]);
  });

  test.each([
    [
      "- pool:a",
      "health.yaml:1:1 CFG_VALUE_INVALID the file is a list: expected selectors with states, as pool:eu: down",
    ],
    [
      "pool:a: [down]",
      "health.yaml:1:9 CFG_VALUE_INVALID pool:a is a list: expected one of up, down, drain, forced-up, forced-down",
    ],
    [
      "pool:a: down\npool:a: up\n",
      'health.yaml:2:1 CFG_YAML_DUPLICATE "pool:a" stands here again, first on line 1: expected it once',
    ],
  ])("%j", (text, finding) => {
    expect(load(text).texts()).toEqual([finding]);
  });

  test("who reads it can point at a line", () => {
    const { lines, texts } = load("pool:eu: up\npool:ue: {run: 2}\n");
    lines[1]!.report("CFG_SELECTOR_UNKNOWN", '"ue" is not a pool: did you mean eu?', "");
    lines[1]!.report("CFG_VALUE_INVALID", "run is 2", "at most 1");
    expect(texts()).toEqual([
      'health.yaml:2:1 CFG_SELECTOR_UNKNOWN "ue" is not a pool: did you mean eu?',
      "health.yaml:2:10 CFG_VALUE_INVALID run is 2: expected at most 1",
    ]);
  });
});
