import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../support/steerd.ts";

interface Weighed {
  octetsPerCall: number;
  voidWindows: number;
}

/**
 * Octets are counted, not time: the same on a busy machine. It has to be a process of its own, with semi-spaces so large
 * that no collection falls into a window.
 */
test("answering allocates nothing, as far as a method sees that reads 16 octets for a stored number", () => {
  const run = spawnSync(process.execPath, [join(ROOT, "scripts/bench.mjs"), "micro/answer", "--json"], {
    encoding: "utf8",
    timeout: 110_000,
  });
  expect(run.status, run.stdout + run.stderr).toBe(0);
  const { control, allocations } = JSON.parse(run.stdout) as {
    control: Weighed;
    allocations: (Weighed & { name: string })[];
  };
  expect(control.octetsPerCall).toBeCloseTo(16, 1);
  expect(allocations.length).toBeGreaterThanOrEqual(6);
  // A number box or the smallest object is 16 octets a query; what remains below one octet is the compiler's.
  for (const { name, octetsPerCall } of allocations) expect(Math.abs(octetsPerCall), name).toBeLessThan(0.5);
});
