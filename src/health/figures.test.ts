import { describe, expect, it } from "vitest";
import { foldFigures } from "./figures.ts";
import {
  allocateHealthRows,
  ENDPOINT_ROW_WORDS,
  type HealthRows,
  POOL_ROW_CONNECTIONS,
  POOL_ROW_REPORTING,
  POOL_ROW_RESPONSE_US,
  ROW_CAPACITY,
  ROW_CONNECTIONS,
  ROW_ERRORS,
  ROW_LOAD,
  ROW_P99_US,
  ROW_RESPONSE_US,
  ROW_STATE,
} from "./rows.ts";
import { clearReport, writeEndpoint, writePool } from "./rows-writer.ts";
import { assumedState } from "./state.ts";

const TIMING = { intervalMs: 1000, fall: 3, rise: 2 };

/** Rows of addresses that are up and of which nothing is known. */
function upRows(count: number): HealthRows {
  const rows = allocateHealthRows(count, 1);
  for (let row = 0; row < count; row++) {
    writeEndpoint(rows, { row, keyHigh: 1, keyLow: row }, assumedState(true, 0, TIMING), 0);
  }
  return rows;
}

function set(rows: HealthRows, row: number, word: number, value: number): void {
  rows.endpoints[row * ENDPOINT_ROW_WORDS + word] = value;
}

describe("foldFigures", () => {
  it("knows nothing of a pool that nobody measures", () => {
    const none = { load: -1, responseUs: -1, p99Us: -1, errors: -1, connections: -1, capacity: -1 };
    expect(foldFigures(upRows(2), [[0], [1], [-1]])).toEqual({ ...none, reporting: 0 });
  });

  it("means over the endpoints that have a figure, and sums of connections and capacity", () => {
    const rows = upRows(3);
    for (const row of [0, 1]) {
      set(rows, row, ROW_LOAD, 1000 + 1001 * row);
      set(rows, row, ROW_RESPONSE_US, 20_000 + 20_000 * row);
      set(rows, row, ROW_P99_US, 50_000 + 10_000 * row);
      set(rows, row, ROW_ERRORS, 100 * row);
      set(rows, row, ROW_CONNECTIONS, 7 + row);
    }
    set(rows, 0, ROW_CAPACITY, 100);
    expect(foldFigures(rows, [[0], [1], [2]])).toEqual({
      load: 1501,
      responseUs: 30_000,
      p99Us: 55_000,
      errors: 50,
      connections: 15,
      capacity: 100,
      reporting: 2,
    });
  });

  it("counts a host of two addresses once, with the worse figure", () => {
    const rows = upRows(3);
    set(rows, 0, ROW_CONNECTIONS, 10);
    set(rows, 1, ROW_CONNECTIONS, 10);
    set(rows, 0, ROW_RESPONSE_US, 30);
    set(rows, 1, ROW_RESPONSE_US, 10);
    set(rows, 2, ROW_RESPONSE_US, 70);
    expect(foldFigures(rows, [[0, 1], [2]])).toMatchObject({ connections: 10, reporting: 1, responseUs: 50 });
  });

  it("leaves out what is not up, and keeps sums within a word", () => {
    const rows = upRows(3);
    for (const row of [0, 1, 2]) set(rows, row, ROW_CONNECTIONS, 0x7fff_ffff);
    set(rows, 2, ROW_STATE, 0);
    expect(foldFigures(rows, [[0], [1], [2]])).toMatchObject({ connections: 0x7fff_ffff, reporting: 2 });
    for (const row of [0, 1]) set(rows, row, ROW_STATE, 0);
    expect(foldFigures(rows, [[0], [1], [2]])).toMatchObject({ connections: -1, reporting: 0 });
  });

  it("is published with the verdict", () => {
    const rows = upRows(2);
    set(rows, 1, ROW_CONNECTIONS, 9);
    const figures = foldFigures(rows, [[0], [1]]);
    const verdict = { failed: false, up: 2, usable: 2, horizonMs: 0, lack: 0, uneven: false, figures };
    writePool(rows, { row: 0, keyHigh: 1, keyLow: 1 }, verdict, 0);
    const words = [POOL_ROW_CONNECTIONS, POOL_ROW_REPORTING, POOL_ROW_RESPONSE_US];
    expect(words.map((word) => rows.pools[word])).toEqual([9, 1, -1]);
  });
});

describe("a report in a row", () => {
  const words = [ROW_LOAD, ROW_CONNECTIONS, ROW_CAPACITY, ROW_P99_US, ROW_ERRORS];
  const read = (rows: HealthRows): number[] => words.map((word) => rows.endpoints[word]!);

  it("is not there in a new row, stays when the state changes, and leaves with the address", () => {
    const rows = upRows(1);
    expect(read(rows)).toEqual([-1, -1, -1, -1, -1]);
    for (const word of words) set(rows, 0, word, 5);
    writeEndpoint(rows, { row: 0, keyHigh: 1, keyLow: 0 }, assumedState(false, 0, TIMING), 0);
    expect(read(rows)).toEqual([5, 5, 5, 5, 5]);
    writeEndpoint(rows, { row: 0, keyHigh: 2, keyLow: 0 }, assumedState(true, 0, TIMING), 0);
    expect(read(rows)).toEqual([-1, -1, -1, -1, -1]);
  });

  it("can be taken back", () => {
    const rows = upRows(1);
    for (const word of words) set(rows, 0, word, 5);
    clearReport(rows, 0);
    expect(read(rows)).toEqual([-1, -1, -1, -1, -1]);
  });
});
