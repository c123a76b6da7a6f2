import { describe, expect, it } from "vitest";
import {
  foldReport,
  type Load,
  type LoadReport,
  NO_LOAD,
  reportFromRow,
  writeReport,
} from "./load-report.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_LOAD,
  ROW_P99_US,
} from "./rows.ts";

const RULE = { windowMs: 10_000, expireMs: 30_000 };
const NOTHING: LoadReport = { connections: -1, capacity: -1, p99Ms: -1, errorRate: -1 };

function wordsOf(load: Load): Record<string, number> {
  const rows = allocateHealthRows(2, 1);
  writeReport(rows, 1, load);
  const word = (index: number): number => rows.endpoints[ENDPOINT_ROW_WORDS + index]!;
  return {
    load: word(ROW_LOAD),
    connections: word(ROW_CONNECTIONS),
    capacity: word(ROW_CAPACITY),
    p99Us: word(ROW_P99_US),
    errors: word(ROW_ERRORS),
  };
}

describe("reports of load", () => {
  it("the first one counts in full", () => {
    const load = foldReport(
      NO_LOAD,
      { connections: 40, capacity: 200, p99Ms: 12.5, errorRate: 0.25 },
      0,
      RULE,
    );
    expect(wordsOf(load)).toEqual({
      load: 13_107,
      connections: 40,
      capacity: 200,
      p99Us: 12_500,
      errors: 16_384,
    });
  });

  it("later ones move the average by their age, however many come in between", () => {
    const zero = foldReport(NO_LOAD, { ...NOTHING, connections: 0 }, 0, RULE);
    const once = foldReport(zero, { ...NOTHING, connections: 1_000 }, 10_000, RULE);
    expect(wordsOf(once).connections).toBe(632);
    let often = zero;
    for (let ms = 100; ms <= 10_000; ms += 100)
      often = foldReport(often, { ...NOTHING, connections: 1_000 }, ms, RULE);
    expect(wordsOf(often).connections).toBe(632);
  });

  it("a capacity is true at once", () => {
    const before = foldReport(NO_LOAD, { ...NOTHING, connections: 50, capacity: 100 }, 0, RULE);
    const after = foldReport(before, { ...NOTHING, connections: 50, capacity: 200 }, 1_000, RULE);
    expect(wordsOf(after)).toMatchObject({ load: 16_384, capacity: 200 });
  });

  it("each figure expires by itself, and what comes after that counts in full", () => {
    const both = foldReport(NO_LOAD, { ...NOTHING, connections: 100, p99Ms: 5 }, 0, RULE);
    const one = foldReport(both, { ...NOTHING, p99Ms: 5 }, 30_000, RULE);
    expect(wordsOf(one)).toMatchObject({ connections: 100, p99Us: 5_000 });
    const later = foldReport(one, null, 30_001, RULE);
    expect(wordsOf(later)).toMatchObject({ connections: -1, p99Us: 5_000 });
    const anew = foldReport(later, { ...NOTHING, connections: 7 }, 60_000, RULE);
    expect(wordsOf(anew)).toMatchObject({ connections: 7, p99Us: 5_000 });
  });

  it("without news it is the same object", () => {
    const load = foldReport(NO_LOAD, { ...NOTHING, connections: 1 }, 0, RULE);
    expect(foldReport(load, null, 1_000, RULE)).toBe(load);
    expect(foldReport(load, NOTHING, 1_000, RULE)).toBe(load);
    expect(foldReport(NO_LOAD, null, 1_000, RULE)).toBe(NO_LOAD);
  });

  it("more than all of a capacity is more than 1, and a word holds no more than it can", () => {
    const over = foldReport(NO_LOAD, { ...NOTHING, connections: 300, capacity: 200 }, 0, RULE);
    expect(wordsOf(over).load).toBe(98_304);
    const huge = foldReport(NO_LOAD, { ...NOTHING, connections: 1e15, capacity: 1 }, 0, RULE);
    expect(wordsOf(huge)).toMatchObject({ connections: 2 ** 31 - 1, load: 2 ** 31 - 1 });
  });

  it("a prober that was restarted goes on from the row, and what nobody reports expires there too", () => {
    const rows = allocateHealthRows(2, 1);
    writeReport(rows, 1, foldReport(NO_LOAD, { ...NOTHING, connections: 12, capacity: 24 }, 0, RULE));
    const found = reportFromRow(rows, 1, 50_000);
    expect(wordsOf(found)).toEqual({ load: 32_768, connections: 12, capacity: 24, p99Us: -1, errors: -1 });
    expect(wordsOf(foldReport(found, null, 80_001, RULE)).connections).toBe(-1);
  });
});
