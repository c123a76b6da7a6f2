import { expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import type { timingRows } from "../config/schema-timing.ts";
import type { CheckSpec } from "./plan.ts";
import { isTiming } from "./timing.ts";

/** Every option of a check's timing, at a value that is not its default, and what it becomes. */
const OPTIONS: Record<keyof typeof timingRows | "warning_weight", [value: string, words: string[]]> = {
  interval: ["3s", ["intervalMs"]],
  fast_interval: ["1s", ["fastIntervalMs"]],
  timeout: ["900ms", ["timeoutMs"]],
  fall: ["4", ["fall"]],
  ok_reset: ["2", ["okReset"]],
  rise: ["5", ["rise"]],
  hold_down: ["{down: 30s, healthy: 20s}", ["holdDownMs", "holdHealthyMs"]],
  damping: ["5m", ["dampingMs"]],
  return_jitter: ["7s", ["returnJitterMs"]],
  start_grace: ["8s", ["startGraceMs"]],
  window: ["9s", ["windowMs"]],
  warning_weight: ["50%", ["warningScale"]],
};

function specOf(options: string): CheckSpec {
  const compiled = configFolder({
    "zones/a.example.yaml": `
checks: {web: {type: https, path: /up${options}}}
pools: {eu: {check: web, endpoints: [192.0.2.1]}}
records: {www: {policy: eu}}
`,
  }).compile();
  if (!("plan" in compiled)) throw new Error(JSON.stringify(compiled.findings));
  return compiled.plan.targets[0]!.check;
}

test("each option of a timing becomes words that count as timing, and none is left out", () => {
  const plain = specOf("");
  for (const [option, [value, words]] of Object.entries(OPTIONS)) {
    const given = specOf(`, ${option}: ${value}`);
    const keys = new Set([...Object.keys(plain), ...Object.keys(given)]) as Set<keyof CheckSpec>;
    const changed = [...keys].filter((key) => JSON.stringify(plain[key]) !== JSON.stringify(given[key]));
    expect(changed, option).toEqual(expect.arrayContaining(words));
    for (const key of changed) expect(isTiming(key), `${option}: ${key}`).toBe(true);
  }
  expect(["type", "name", "path", "expectStatus", "load"].some((key) => isTiming(key))).toBe(false);
  expect([isTiming("intervalMs", "judged"), isTiming("fall", "judged")]).toEqual([false, true]);
});
