import { describe, expect, it } from "vitest";
import {
  allocateCounters,
  COUNTER_COUNT,
  COUNTER_LATENCIES,
  COUNTER_LATENCY_SUM,
  COUNTER_SWAPS,
  countBatch,
  counterFamilies,
  counterNames,
  countLatency,
  countReply,
  LATENCY_BUCKETS_S,
  readCounters,
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
    // Those that are counted one by one, the histogram and spare slots between them, and the sums over replies.
    const single = [...taken].filter((slot) => slot < COUNTER_COUNT);
    expect(Math.max(...single)).toBe(COUNTER_LATENCIES - 1);
    expect(single).toHaveLength(COUNTER_LATENCIES);
    expect(taken.size - single.length).toBe(counterNames.length - COUNTER_COUNT);
  });

  it("the histogram of latencies lies before the replies", () => {
    expect(COUNTER_LATENCY_SUM).toBe(COUNTER_LATENCIES + LATENCY_BUCKETS_S.length + 1);
    expect(COUNTER_LATENCY_SUM).toBeLessThan(COUNTER_COUNT);
  });

  it("no two slots share a name", () => {
    const names = counterNames.filter((name) => name !== "");
    expect(new Set(names).size).toBe(names.length);
  });

  /** Names of the slots that are not zero, with what they count. */
  const readNames = (...blocks: Float64Array[]): Record<string, number> =>
    Object.fromEntries(
      [...readCounters(blocks)].flatMap((count, slot) => (count === 0 ? [] : [[counterNames[slot]!, count]])),
    );

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
    countReply(counters, 0, qtype, 0, 0, 0);
    expect(readNames(counters)).toEqual({ "queries.udp.ipv4": 1, "rcode.noerror": 1, [name]: 1 });
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
    countReply(counters, 3, -1, 0, 0, rcode);
    expect(readNames(counters)).toEqual({ "queries.tcp.ipv6": 1, [name]: 1 });
  });

  it("every slot is read as what was counted there, and no two replies share one without being alike", () => {
    const counters = allocateCounters();
    const types = [...counterFamilies.find(({ name }) => name === "qtype")!.values.keys()];
    const numbers = [13, 1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 43, 64, 65, 255, 257];
    let expected: Record<string, number> = {};
    const add = (...names: string[]) => {
      for (const name of names) expected = { ...expected, [name]: (expected[name] ?? 0) + 1 };
    };
    for (const sender of [0, 1, 2, 3])
      for (const type of [-1, ...types])
        for (const options of [0, 1, 2])
          for (const truncated of [0, 1])
            for (let result = 0; result < 13; result++) {
              countReply(
                counters,
                sender,
                type < 0 ? -1 : numbers[type]!,
                options,
                truncated,
                result < 11 ? result : result === 11 ? 16 : 23,
              );
              add(`queries.${sender < 2 ? "udp" : "tcp"}.${sender % 2 === 0 ? "ipv4" : "ipv6"}`);
              if (type >= 0)
                add(`qtype.${counterFamilies.find(({ name }) => name === "qtype")!.values[type]}`);
              if (options > 0) add("edns.any");
              if (options === 2) add("edns.ecs");
              if (truncated === 1) add("truncated");
              add(`rcode.${counterFamilies.find(({ name }) => name === "rcode")!.values[result]}`);
            }
    expect(readNames(counters)).toEqual(expected);
    const written = counters.subarray(COUNTER_COUNT).filter((count) => count !== 0);
    expect(written.length).toBe(4 * 17 * 3 * 2 * 13);
    expect(Math.max(...written)).toBe(1);
  });

  it("the sums are over all blocks", () => {
    const [one, other] = [allocateCounters(), allocateCounters()];
    countReply(one, 0, 1, 2, 0, 0);
    countReply(other, 0, 1, 2, 1, 0);
    one[COUNTER_SWAPS]! += 2;
    other[COUNTER_SWAPS]! += 3;
    expect(readNames(one, other)).toEqual({
      swaps: 5,
      "queries.udp.ipv4": 2,
      "qtype.a": 2,
      "edns.any": 2,
      "edns.ecs": 2,
      truncated: 1,
      "rcode.noerror": 2,
    });
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
    expect(readCounters([counters])[counterNames.indexOf("batches")]).toBe(200);
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
