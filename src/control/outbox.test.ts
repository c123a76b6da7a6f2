import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type HealthEvent, isBad, subjectOf } from "./health-event.ts";
import { MAX_QUEUED, Outbox } from "./outbox.ts";

function event(address: string, from: string, to: string): HealthEvent {
  const about = { zone: "z.example", pool: "eu", endpoint: "lb1", address, policy: "" };
  return { kind: "endpoint", ...about, from, to, reason: "", summary: "", durationMs: 0, atMs: 0 };
}

const text = (events: readonly HealthEvent[]): string[] =>
  events.map(({ address, from, to }) => `${address} ${from} ${to}`);

describe("what waits", () => {
  test("goes out in order, one request at a time", () => {
    const outbox = new Outbox();
    outbox.push(event("a", "up", "down"), 0);
    outbox.push(event("b", "up", "down"), 0);
    expect(outbox.dueInMs(0)).toBe(0);
    expect(text(outbox.take(1, 0))).toEqual(["a up down"]);
    expect(outbox.dueInMs(0)).toBeNull();
    outbox.sent();
    expect(text(outbox.take(5, 0))).toEqual(["b up down"]);
    outbox.sent();
    expect(outbox.dueInMs(0)).toBeNull();
    expect(outbox.counts).toEqual({ sent: 2, refused: 0, dropped: 0, merged: 0 });
  });

  test("two events about one subject are one, and none when they say nothing together", () => {
    const outbox = new Outbox();
    outbox.push(event("a", "unknown", "up"), 0);
    expect(outbox.queued).toBe(0);
    outbox.push(event("a", "up", "down"), 0);
    outbox.push(event("a", "down", "up"), 0);
    expect(outbox.queued).toBe(0);
    outbox.push(event("a", "unknown", "down"), 0);
    outbox.push(event("a", "down", "up"), 0);
    expect(outbox.queued).toBe(0);
    outbox.push(event("a", "up", "down"), 0);
    outbox.push(event("a", "up", "down"), 0);
    expect(text(outbox.take(5, 0))).toEqual(["a up down"]);
  });

  test("what the receiver may have although it did not say so is never taken back in silence", () => {
    const outbox = new Outbox();
    outbox.push(event("a", "up", "down"), 0);
    outbox.take(1, 0);
    outbox.push(event("a", "down", "up"), 10);
    outbox.failed(20, () => 0);
    expect(text(outbox.take(5, 2000))).toEqual(["a down up"]);
    outbox.failed(2000, () => 0);
    outbox.push(event("a", "up", "down"), 2001);
    outbox.push(event("a", "down", "up"), 2002);
    expect(text(outbox.take(5, 10_000))).toEqual(["a down up"]);
  });

  test("what is told late is not taken back, and says where it began to those that follow", () => {
    const outbox = new Outbox();
    outbox.push({ ...event("a", "up", "down"), isLate: true, sequence: 5 }, 0);
    outbox.push({ ...event("a", "down", "up"), isLate: true, sequence: 6 }, 0);
    expect(outbox.queued).toBe(1);
    expect(outbox.oldest).toBe(5);
    outbox.push({ ...event("a", "up", "down"), sequence: 7 }, 0);
    outbox.push({ ...event("b", "up", "down"), sequence: 8 }, 0);
    expect(text(outbox.take(5, 0))).toEqual(["a up down", "b up down"]);
    expect(outbox.oldest).toBe(5);
    outbox.sent();
    expect(outbox.oldest).toBeNull();
  });

  test("is bounded: the oldest goes", () => {
    const outbox = new Outbox();
    for (let index = 0; index < MAX_QUEUED + 5; index++) outbox.push(event(`a${index}`, "up", "down"), 0);
    expect(outbox.queued).toBe(MAX_QUEUED);
    expect(outbox.counts.dropped).toBe(5);
    expect(text(outbox.take(1, 0))).toEqual(["a5 up down"]);
  });

  test("for more than an hour is no news", () => {
    const outbox = new Outbox();
    outbox.push(event("a", "up", "down"), 0);
    outbox.push(event("b", "up", "down"), 1000);
    expect(text(outbox.take(5, 3_600_500))).toEqual(["b up down"]);
    expect(outbox.counts.dropped).toBe(1);
  });
});

describe("after failures", () => {
  test("waits twice as long each time, up to five minutes, between half and all of it", () => {
    const waits = (random: number): number[] => {
      const outbox = new Outbox();
      outbox.push(event("a", "up", "down"), 0);
      return Array.from({ length: 11 }, () => {
        outbox.take(1, 0);
        outbox.failed(0, () => random);
        return outbox.dueInMs(0)!;
      });
    };
    const whole = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000];
    expect(waits(0)).toEqual(whole.map((ms) => ms / 2));
    expect(waits(0.5)).toEqual(whole.map((ms) => ms * 0.75));
  });

  test("waits as long as the receiver asks for, where that is longer, up to half an hour", () => {
    const waits = (askedMs: number): number => {
      const outbox = new Outbox();
      outbox.push(event("a", "up", "down"), 0);
      outbox.take(1, 0);
      outbox.failed(0, () => 0, askedMs);
      return outbox.dueInMs(0)!;
    };
    expect([0, 200, 120_000, 86_400_000].map(waits)).toEqual([500, 500, 120_000, 1_800_000]);
  });

  test("a success makes the next failure a first one; a refusal is no failure", () => {
    const outbox = new Outbox();
    outbox.push(event("a", "up", "down"), 0);
    outbox.take(1, 0);
    outbox.failed(0, () => 1);
    expect(outbox.isFailing).toBe(true);
    outbox.take(1, 0);
    outbox.sent();
    expect(outbox.isFailing).toBe(false);
    outbox.push(event("a", "down", "up"), 0);
    outbox.take(1, 0);
    outbox.refused();
    expect(outbox.queued).toBe(0);
    expect(outbox.counts.refused).toBe(1);
  });
});

/**
 * Whatever happens between, a receiver that works in the end believes of every subject what is true, unless something was
 * dropped. A failure may hide a delivery.
 */
test("in the end the receiver knows what is true", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ what: fc.constant("turn" as const), subject: fc.nat(3) }),
      fc.record({
        what: fc.constantFrom("sent" as const, "lost" as const, "failed" as const),
        count: fc.nat(3),
      }),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(steps, (script) => {
      const outbox = new Outbox();
      const isDown = [false, false, false, false];
      const believed = new Map<string, boolean>();
      let nowMs = 0;
      const deliver = (count: number, outcome: "sent" | "lost" | "failed"): void => {
        nowMs += 300_000;
        const events = outbox.take(count + 1, nowMs);
        if (outcome !== "failed") for (const each of events) believed.set(subjectOf(each), isBad(each));
        if (outcome === "sent") outbox.sent();
        else outbox.failed(nowMs, () => 0.5);
      };
      for (const step of script) {
        if (step.what === "turn") {
          const from = isDown[step.subject]! ? "down" : "up";
          isDown[step.subject] = !isDown[step.subject];
          outbox.push(event(String(step.subject), from, from === "up" ? "down" : "up"), nowMs);
        } else if (outbox.dueInMs(nowMs + 300_000) !== null) deliver(step.count, step.what);
      }
      while (outbox.queued > 0) deliver(10, "sent");
      fc.pre(outbox.counts.dropped === 0);
      for (const [subject, down] of isDown.entries())
        expect(believed.get(subjectOf(event(String(subject), "", ""))) ?? false).toBe(down);
    }),
    { seed: 20_261_121, numRuns: 2000 },
  );
});
