import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createWheel } from "./wheel.ts";

describe("createWheel", () => {
  it("fires in the tick after the moment, once", () => {
    const wheel = createWheel(10, 1_000);
    const fired: number[] = [];
    wheel.add(3, 1_025);
    wheel.add(4, 900);
    wheel.advance(1_009, (id) => fired.push(id));
    expect(fired).toEqual([]);
    wheel.advance(1_010, (id) => fired.push(id));
    expect(fired).toEqual([4]);
    wheel.advance(1_029, (id) => fired.push(id));
    expect(fired).toEqual([4]);
    wheel.advance(1_500, (id) => fired.push(id));
    wheel.advance(99_000, (id) => fired.push(id));
    expect(fired).toEqual([4, 3]);
  });

  it("does not fire what the firing of another removed or moved", () => {
    const wheel = createWheel(10, 0);
    const fired: number[] = [];
    for (const id of [0, 1, 2]) wheel.add(id, 5);
    wheel.advance(10, (id) => {
      fired.push(id);
      for (const other of [0, 1, 2]) {
        if (other === id) continue;
        if (other === 1) wheel.add(other, 50);
        else wheel.remove(other);
      }
      if (id === 1) wheel.add(1, 50);
    });
    expect(fired).toHaveLength(1);
    wheel.advance(60, (id) => fired.push(id));
    expect(fired.slice(1)).toEqual([1]);
  });

  it("removes what it never held", () => {
    const wheel = createWheel(10, 0);
    wheel.remove(5);
    wheel.add(1, 5);
    wheel.remove(5);
    wheel.remove(1);
    wheel.advance(100, () => expect.unreachable());
  });

  it("agrees with a sorted list over random steps, revolutions and stalls", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("add" as const),
        id: fc.integer({ min: 0, max: 1_500 }),
        ms: fc.integer({ min: 0, max: 100_000 }),
      }),
      fc.record({
        kind: fc.constant("remove" as const),
        id: fc.integer({ min: 0, max: 1_500 }),
        ms: fc.constant(0),
      }),
      fc.record({
        kind: fc.constant("advance" as const),
        id: fc.constant(0),
        ms: fc.integer({ min: 0, max: 60_000 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const wheel = createWheel(10, 7);
        const armed = new Map<number, number>();
        let nowMs = 7;
        for (const { kind, id, ms } of steps) {
          if (kind === "add") {
            wheel.add(id, nowMs + ms);
            armed.set(id, Math.max(Math.floor(nowMs / 10) + 1, Math.ceil((nowMs + ms) / 10)) * 10);
          } else if (kind === "remove") {
            wheel.remove(id);
            armed.delete(id);
          } else {
            nowMs += ms;
            const due = [...armed].filter(([, atMs]) => atMs <= nowMs).map(([due]) => due);
            for (const one of due) armed.delete(one);
            const fired: number[] = [];
            wheel.advance(nowMs, (one) => fired.push(one));
            expect(fired.sort((a, b) => a - b)).toEqual(due.sort((a, b) => a - b));
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
