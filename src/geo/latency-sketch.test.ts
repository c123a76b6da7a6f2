import { describe, expect, it } from "vitest";
import { seededRandom } from "../../test/support/random.ts";
import {
  addSample,
  aggregateSketch,
  createSketch,
  type LatencySketch,
  type SketchRow,
} from "./latency-sketch.ts";
import { clearHostBits, formatPrefix, parseAddress } from "./prefix.ts";

function add(sketch: LatencySketch, address: string, rttMs: number, times = 1, region = 0): boolean {
  const { family, octets } = parseAddress(address)!;
  let hasRoom = true;
  for (let time = 0; time < times; time++) hasRoom &&= addSample(sketch, family, octets, region, rttMs);
  return hasRoom;
}

function prefixOf({ family, high, low, bits }: SketchRow): string {
  const octets = new Uint8Array(family === 4 ? 4 : 16);
  const view = new DataView(octets.buffer);
  view.setUint32(0, high);
  if (family === 6) view.setUint32(4, low);
  return formatPrefix({ family, octets, bits });
}

/** Rows as `prefix region samples`. */
function rowsOf(sketch: LatencySketch, minSamples: number): string[] {
  const rows: string[] = [];
  aggregateSketch(
    sketch,
    minSamples,
    (row) => void rows.push(`${prefixOf(row)} ${row.region} ${row.samples}`),
  );
  return rows.sort();
}

describe("medians", () => {
  it("are within 1% of the exact lower median, whatever the distribution", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 50; round++) {
      const scale = 10 ** (random.below(6) - 1);
      const samples = Array.from({ length: 1 + random.below(400) }, () => {
        return Math.min(60_000, Math.max(0.02, scale * (0.1 + (random.below(10_000) / 10_000) ** 3 * 9)));
      });
      const sketch = createSketch();
      for (const rttMs of samples) add(sketch, "81.2.69.1", rttMs);
      const exact = samples.sort((a, b) => a - b)[Math.ceil(samples.length / 2) - 1]!;
      const medians: number[] = [];
      aggregateSketch(sketch, 1, ({ medianMs }) => void medians.push(medianMs));
      expect(medians).toHaveLength(1);
      expect(Math.abs(medians[0]! / exact - 1)).toBeLessThan(0.01);
    }
  });
});

describe("prefixes", () => {
  it("are the longest with enough; what is too little goes outward, without what narrower ones took", () => {
    const sketch = createSketch();
    add(sketch, "81.2.69.1", 10, 5);
    add(sketch, "81.2.68.1", 10, 2);
    add(sketch, "81.2.70.1", 10, 3);
    add(sketch, "81.9.0.1", 10, 4);
    expect(rowsOf(sketch, 5)).toEqual(["81.2.68.0/22 0 5", "81.2.69.0/24 0 5"]);
    expect(aggregateSketch(sketch, 5, () => undefined)).toEqual({ samples: 4, pairs: 1 });
    expect(rowsOf(sketch, 11)).toEqual(["81.0.0.0/12 0 14"]);
    expect(aggregateSketch(sketch, 15, () => undefined)).toEqual({ samples: 14, pairs: 1 });
  });

  it("are chosen for each region on its own", () => {
    const sketch = createSketch();
    add(sketch, "81.2.69.1", 10, 5, 1);
    add(sketch, "81.2.69.1", 10, 4, 2);
    add(sketch, "81.2.68.1", 10, 1, 2);
    expect(rowsOf(sketch, 5)).toEqual(["81.2.68.0/23 2 5", "81.2.69.0/24 1 5"]);
  });

  it("of IPv6 run from /56 to /20, by whole digits", () => {
    const sketch = createSketch();
    add(sketch, "2a00:1450:4001:100::1", 10, 3);
    add(sketch, "2a00:1450:4001:1ff::1", 10, 3);
    add(sketch, "2a00:1fff::1", 10, 1);
    add(sketch, "2a00:2000::1", 10, 1);
    expect(rowsOf(sketch, 3)).toEqual(["2a00:1450:4001:100::/56 0 6"]);
    expect(rowsOf(sketch, 7)).toEqual(["2a00:1000::/20 0 7"]);
    expect(aggregateSketch(sketch, 7, () => undefined)).toEqual({ samples: 1, pairs: 1 });
  });

  it("agree with a plain count of random clients: every sample counts once, no prefix could be longer", () => {
    const random = seededRandom(3);
    const sketch = createSketch();
    const clients: { octets: Uint8Array; region: number }[] = [];
    for (let at = 0; at < 3000; at++) {
      const octets = Uint8Array.of(81, random.below(3), random.below(256) & random.below(256), 1);
      const region = random.below(2);
      clients.push({ octets, region });
      addSample(sketch, 4, octets, region, 10);
    }
    const wanted = new Map<string, number>();
    for (const region of [0, 1]) {
      let left = clients.filter((client) => client.region === region).map(({ octets }) => octets);
      for (let bits = 24; bits >= 8; bits--) {
        const groups = new Map<string, Uint8Array[]>();
        for (const octets of left) {
          const prefix = formatPrefix(clearHostBits({ family: 4, octets, bits }));
          groups.set(prefix, [...(groups.get(prefix) ?? []), octets]);
        }
        for (const [prefix, group] of groups)
          if (group.length >= 20) wanted.set(`${prefix} ${region}`, group.length);
        left = [...groups.values()].filter((group) => group.length < 20).flat();
      }
    }
    expect(rowsOf(sketch, 20)).toEqual([...wanted].map(([key, count]) => `${key} ${count}`).sort());
  });
});

describe("memory", () => {
  it("is bounded: prefixes get shorter, and no sample is lost", () => {
    const sketch = createSketch(4096);
    const random = seededRandom(1);
    for (let at = 0; at < 20_000; at++) {
      const octets = Uint8Array.of(1 + random.below(200), random.below(256), random.below(256), 1);
      expect(addSample(sketch, 4, octets, 0, 10)).toBe(true);
    }
    expect(sketch.slots.length).toBe(4096 * 4);
    expect(sketch.leafBits[4]).toBeLessThan(16);
    expect(sketch.leafBits[6]).toBe(56);
    let samples = 0;
    const rest = aggregateSketch(sketch, 5, (row) => {
      samples += row.samples;
    });
    expect(samples + rest.samples).toBe(20_000);
  });

  it("that is not enough for the shortest prefixes is said", () => {
    const sketch = createSketch(64);
    let hasRoom = true;
    for (let first = 1; first < 100; first++) hasRoom &&= add(sketch, `${first}.0.0.1`, 10);
    expect(hasRoom).toBe(false);
  });

  it("goes to the other family when one cannot be shortened further", () => {
    const sketch = createSketch(64);
    for (let first = 1; first <= 30; first++) expect(add(sketch, `${first}.0.0.1`, 10)).toBe(true);
    for (let at = 0; at < 40; at++) expect(add(sketch, `2a00:${at.toString(16)}::1`, 10)).toBe(true);
    expect(sketch.leafBits).toEqual({ 4: expect.any(Number), 6: expect.any(Number) });
    expect(sketch.leafBits[6]).toBeLessThan(32);
  });
});
