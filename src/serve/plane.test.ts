import { expect, it } from "vitest";
import { allocateCounters, COUNTER_DROPPED_FAULT } from "../counters.ts";
import { viewOf } from "../wire/octets.ts";
import type { Log } from "./messages.ts";
import { containFaults } from "./plane.ts";

it("a message whose answering throws gets no reply, is counted, and is logged once a minute", () => {
  const lines: [string, Record<string, unknown> | undefined][] = [];
  const log: Log = (level, _message, fields) => lines.push([level, fields]);
  const counters = allocateCounters();
  let nowMs = 0;
  const answer = containFaults(
    (_packet, length) => {
      if (length === 3) throw new RangeError("defect");
      if (length === 4) throw "not an Error";
      return length;
    },
    counters,
    log,
    () => nowMs,
  );
  const packet = viewOf(new Uint8Array([1, 2, 3, 4]));
  const out = viewOf(new Uint8Array(8));
  expect(answer(packet, 2, out)).toBe(2);
  expect(answer(packet, 3, out)).toBe(0);
  nowMs = 59_999;
  expect(answer(packet, 3, out)).toBe(0);
  expect(counters[COUNTER_DROPPED_FAULT]).toBe(2);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toEqual(["error", { error: expect.stringContaining("defect"), message: "010203" }]);
  nowMs = 60_000;
  answer(packet, 4, out);
  expect(lines[1]).toEqual(["error", { error: "not an Error", message: "01020304" }]);
});
