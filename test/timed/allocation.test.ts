import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../support/steerd.ts";

interface Weighed {
  octetsPerCall: number;
  voidWindows: number;
}

/** Decisions of every kind take a minute and more: with the long draws. */
const isLong = process.env.STEERD_LONG === "1";

/**
 * Octets are counted, not time: the same on a busy machine. It has to be a process of its own, with semi-spaces so large
 * that no collection falls into a window.
 */
function weigh(
  name: string,
  ...options: string[]
): { control: Weighed; allocations: (Weighed & { name: string })[] } {
  const run = spawnSync(process.execPath, [join(ROOT, "scripts/bench.mjs"), name, "--json", ...options], {
    encoding: "utf8",
    timeout: isLong ? 1_800_000 : 170_000,
  });
  expect(run.status, run.stdout + run.stderr).toBe(0);
  return JSON.parse(run.stdout);
}

test("answering allocates nothing, as far as a method sees that reads 16 octets for a stored number", () => {
  const { control, allocations } = weigh("micro/answer");
  expect(control.octetsPerCall).toBeCloseTo(16, 1);
  expect(allocations.length).toBeGreaterThanOrEqual(6);
  // A number box or the smallest object is 16 octets a query; what remains below one octet is the compiler's.
  for (const { name, octetsPerCall } of allocations) expect(Math.abs(octetsPerCall), name).toBeLessThan(0.5);
});

test.runIf(isLong)(
  "a decision of any kind allocates nothing, not even where no functions are made one",
  () => {
    const { control, allocations } = weigh("micro/decide", "--no-inlining");
    expect(control.octetsPerCall).toBeCloseTo(16, 1);
    expect(allocations.length).toBeGreaterThanOrEqual(30);
    for (const { name, octetsPerCall } of allocations) expect(Math.abs(octetsPerCall), name).toBeLessThan(1);
  },
);
