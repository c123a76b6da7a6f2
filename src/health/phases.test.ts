import { expect, test } from "vitest";
import { clearPhases, foldPhases, phasesOf } from "./phases.ts";
import { failedResult, type ProbeResult } from "./probe.ts";
import { REASON_OK } from "./reasons.ts";
import { allocateHealthRows } from "./rows.ts";

const result = (connectMs: number, tlsMs: number, firstOctetMs: number): ProbeResult => ({
  ...failedResult(REASON_OK),
  ...{ ok: true, connectMs, tlsMs, firstOctetMs },
});

test("each phase has the time from the end of the one before it", () => {
  const rows = allocateHealthRows(4, 1);
  expect(phasesOf(rows, 2)).toBeNull();
  foldPhases(rows, 2, result(1, 4, 9), 0.25);
  expect(phasesOf(rows, 2)).toEqual({ connectMs: 1, tlsMs: 3, firstOctetMs: 5 });
  expect([phasesOf(rows, 1), phasesOf(rows, 3)]).toEqual([null, null]);
  clearPhases(rows, 2);
  expect(phasesOf(rows, 2)).toBeNull();
});

test("times are smoothed, and a kept connection leaves those of its beginning alone", () => {
  const rows = allocateHealthRows(1, 1);
  foldPhases(rows, 0, result(1, 4, 9), 0.25);
  foldPhases(rows, 0, result(-1, -1, 13), 0.25);
  expect(phasesOf(rows, 0)).toEqual({ connectMs: 1, tlsMs: 3, firstOctetMs: 7 });
  foldPhases(rows, 0, result(5, 8, 15), 0.25);
  expect(phasesOf(rows, 0)).toEqual({ connectMs: 2, tlsMs: 3, firstOctetMs: 7 });
});

test("a phase that a check does not have is not measured, one too short for the clock is", () => {
  const rows = allocateHealthRows(1, 1);
  foldPhases(rows, 0, result(0, -1, -1), 0.25);
  expect(phasesOf(rows, 0)).toEqual({ connectMs: 0.001, tlsMs: null, firstOctetMs: null });
});
