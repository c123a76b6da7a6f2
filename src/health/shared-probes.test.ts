import { beforeEach, expect, it } from "vitest";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { targetOf } from "../../test/support/probing.ts";
import type { ProbeTarget } from "./plan.ts";
import { failedResult, type ProbeResult } from "./probe.ts";
import { REASON_OK } from "./reasons.ts";
import { createSharedProbes, probeKey, type SharedProbes } from "./shared-probes.ts";

const GOOD: ProbeResult = { ...failedResult(REASON_OK), ok: true };

let clock: FakeClock;
/** When each address was probed. */
let starts: Map<string, number[]>;
let results: string[];
let probes: SharedProbes;

beforeEach(() => {
  clock = new FakeClock();
  starts = new Map();
  results = [];
  probes = createSharedProbes({
    clock,
    random: () => 0.5,
    prepare: (target) => (done) => {
      starts.set(target.address, [...(starts.get(target.address) ?? []), clock.nowMs()]);
      done(GOOD);
      return { expire() {}, cancel() {} };
    },
    onResult: (row) => results.push(`${row}`),
    onTick() {},
  });
});

function http(row: number, more: Partial<ProbeTarget> = {}, check: object = {}): ProbeTarget {
  const spec = {
    type: "http",
    port: 80,
    path: "/",
    host: "",
    verify: true,
    expectStatus: [],
    expectBody: "",
  };
  return { ...targetOf({ ...spec, ...check } as never), row, ...more };
}

const count = (address = "127.0.0.1"): number => starts.get(address)?.length ?? 0;

it("two zones that probe the same target the same way share one probe, and each judges its results", () => {
  probes.set(http(1));
  probes.set(http(2, { zone: "other.", pool: "q", endpoint: "e" }, { name: "other", fall: 9, rise: 9 }));
  clock.advance(10_000);
  expect([9, 10]).toContain(count());
  expect(results.filter((row) => row === "1")).toHaveLength(count());
  expect(results.filter((row) => row === "2")).toHaveLength(count());
});

it.each([
  ["another address", { address: "127.0.0.2" }, {}],
  ["another path", {}, { path: "/other" }],
  ["another interval", {}, { intervalMs: 500 }],
  ["another deadline", {}, { timeoutMs: 100 }],
  ["an address that stands in", { probe: { address: "127.0.0.9", family: 4 as const } }, {}],
])("%s is another probe", (_what, more, check) => {
  expect(probeKey(http(1, more, check))).not.toBe(probeKey(http(1)));
});

it("the address that stands in is what counts", () => {
  const natted = http(1, { address: "192.0.2.1", probe: { address: "127.0.0.1", family: 4 } });
  expect(probeKey(natted)).toBe(probeKey(http(1)));
});

it("programs and files are asked for each target by itself", () => {
  for (const spec of [
    { type: "exec", command: ["/bin/true"] },
    { type: "file", path: "/run/state", maxAgeMs: 1_000 },
  ]) {
    const target = targetOf(spec as never);
    expect(probeKey({ ...target, pool: "q" })).not.toBe(probeKey(target));
  }
});

it("who joins gets a result soon, and who leaves takes nothing along", () => {
  const slow = { intervalMs: 60_000 };
  probes.set(http(1, {}, slow));
  clock.advance(1_000);
  expect(results).toEqual(["1"]);
  probes.set(http(2, {}, slow));
  clock.advance(1_000);
  expect(results).toEqual(["1", "1", "2"]);
  probes.remove(1);
  clock.advance(90_000);
  expect(results.slice(3)).toEqual(["2"]);
  probes.remove(2);
  const before = count();
  clock.advance(300_000);
  expect(count()).toBe(before);
});

it("a target that is set again as it was goes on in its rhythm", () => {
  probes.set(http(1));
  clock.advance(5_000);
  const before = count();
  for (let i = 0; i < 5; i++) probes.set(http(1, { zone: "renamed." }));
  clock.advance(2_000);
  expect(count() - before).toBe(2);
});

it("a target of another kind takes its row over", () => {
  probes.set(http(1));
  probes.set(http(1, { address: "127.0.0.2" }));
  clock.advance(5_000);
  expect(count()).toBe(0);
  expect(count("127.0.0.2")).toBeGreaterThan(3);
});

it("the shortest pace among those that share a probe counts", () => {
  probes.set(http(1));
  probes.set(http(2));
  clock.advance(5_000);
  let before = count();
  probes.pace(1, 100);
  clock.advance(1_000);
  expect(count() - before).toBe(10);
  probes.pace(2, 200);
  probes.pace(1, 1_000);
  clock.advance(500);
  before = count();
  clock.advance(1_000);
  expect(count() - before).toBe(5);
  probes.remove(2);
  clock.advance(2_000);
  before = count();
  clock.advance(5_000);
  expect(count() - before).toBe(5);
});
