import { describe, expect, it } from "vitest";
import {
  allocateCounters,
  COUNTER_COUNT,
  COUNTER_LATENCIES,
  COUNTER_LATENCY_SUM,
  COUNTER_RCODES,
  countBatch,
  counterFamilies,
  counterNames,
  countLatency,
  countRcode,
  countType,
  LATENCY_BUCKETS_S,
} from "./counters.ts";

describe("counters", () => {
  it("families lie side by side and overlap nowhere", () => {
    const taken = new Set<number>();
    for (const family of counterFamilies) {
      for (const [i, values] of family.values.entries()) {
        expect(values.length, family.name).toBe(family.labels.length);
        expect(taken.has(family.first + i), `${family.name} slot ${i}`).toBe(false);
        taken.add(family.first + i);
      }
    }
    expect(taken.size).toBe(Math.max(...taken) + 1);
    expect(Math.max(...taken)).toBeLessThan(COUNTER_COUNT);
  });

  it("the histogram of latencies lies between the families and the end", () => {
    const last = Math.max(...counterFamilies.map((family) => family.first + family.values.length - 1));
    expect(COUNTER_LATENCIES).toBe(last + 1);
    expect(COUNTER_LATENCY_SUM).toBe(COUNTER_LATENCIES + LATENCY_BUCKETS_S.length + 1);
    expect(COUNTER_LATENCY_SUM).toBeLessThan(COUNTER_COUNT);
  });

  it("no two slots share a name", () => {
    const names = counterNames.filter((name) => name !== "");
    expect(new Set(names).size).toBe(names.length);
    expect(counterNames.length).toBe(COUNTER_COUNT);
  });

  it.each([
    [1, "qtype.a"],
    [28, "qtype.aaaa"],
    [65, "qtype.https"],
    [257, "qtype.caa"],
    [0, "qtype.other"],
    [13, "qtype.other"],
    [511, "qtype.other"],
    [65535, "qtype.other"],
  ])("QTYPE %i is counted as %s", (qtype, name) => {
    const counters = allocateCounters();
    countType(counters, qtype);
    expect(counters[counterNames.indexOf(name)]).toBe(1);
    expect(counters.reduce((sum, value) => sum + value, 0)).toBe(1);
  });

  it.each([
    [0, "rcode.noerror"],
    [3, "rcode.nxdomain"],
    [6, "rcode.yxdomain"],
    [10, "rcode.notzone"],
    [16, "rcode.badvers"],
    [23, "rcode.other"],
  ])("rcode %i is counted as %s", (rcode, name) => {
    const counters = allocateCounters();
    countRcode(counters, rcode);
    expect(counters[counterNames.indexOf(name)]).toBe(1);
    expect(counters.subarray(COUNTER_RCODES).reduce((sum, value) => sum + value, 0)).toBe(1);
  });

  it("a block is shared memory", () => {
    expect(allocateCounters().buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});

describe("latencies", () => {
  it("of every 64th batch the time is taken, of the first one too", () => {
    const counters = allocateCounters();
    const sampled = Array.from({ length: 200 }, () => countBatch(counters));
    expect(sampled.flatMap((is, at) => (is ? [at] : []))).toEqual([0, 64, 128, 192]);
    expect(counters[counterNames.indexOf("batches")]).toBe(200);
  });

  it.each([
    [0, 0],
    [1e-6, 0],
    [1.1e-6, 1],
    [2e-6, 1],
    [0.5, 19],
    [0.6, 20],
    [1e9, 20],
  ])("%d s count in bucket %d", (seconds, bucket) => {
    const counters = allocateCounters();
    countLatency(counters, seconds);
    expect(counters[COUNTER_LATENCIES + bucket]).toBe(1);
    expect(counters[COUNTER_LATENCY_SUM]).toBe(seconds);
  });
});
