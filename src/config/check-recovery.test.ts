import { expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { formatFinding } from "./findings.ts";

/** Findings about a pool with a check, without their places. */
function findings(check: string, pool: string): string[] {
  const { findings: found } = configFolder({
    "steerd.yaml": "nameservers: [ns1.example.net.]\n",
    "zones/a.example.yaml": `checks: {c: {type: static, state: up${check}}}\npools: {p: {endpoints: [192.0.2.1, 192.0.2.2, 192.0.2.3]${pool}}}\nrecords: {www: {policy: p}}\n`,
  }).compile();
  return found
    .map(formatFinding)
    .filter((line) => !line.includes("CFG_UNUSED"))
    .map((line) => line.replace(/^\S+ /, ""));
}

const USED = ", check: c";

test.each([
  ["", USED, []],
  [", hold_down: {down: 30s, healthy: 10s}, damping: 10m", USED, []],
  [
    ", hold_down: {healthy: 3s}, rise: 3",
    USED,
    [
      "CFG_HOLD_UNUSED checks.c: rise takes 4000 ms, longer than hold_down.healthy: expected a longer time, or none",
    ],
  ],
  [
    ", hold_down: 5m, damping: 5m",
    USED,
    [
      "CFG_HOLD_UNUSED checks.c: damping never asks for more than hold_down does: expected a longer damping, or 0s",
    ],
  ],
  [
    ", fast_interval: 500ms, timeout: 800ms",
    USED,
    [
      "CFG_HOLD_UNUSED checks.c: a probe that gets no answer lasts 800 ms, longer than fast_interval: expected at least the timeout",
    ],
  ],
  [
    "",
    ", slow_start: 60s, shed: {low: 70%, high: 90%}",
    [
      "CFG_RECOVERY_UNUSED pools.p: slow_start does nothing, as nobody probes a pool without a check: expected a check for the pool",
      "CFG_RECOVERY_UNUSED pools.p: shed does nothing, as nobody probes a pool without a check: expected a check for the pool",
    ],
  ],
  ["", `${USED}, withdrawal_budget: {share: 67%, within: 10m}, min_healthy: 2`, []],
  [
    "",
    `${USED}, withdrawal_budget: {share: 67%, within: 10m}`,
    [
      "CFG_BUDGET pools.p: 1 of 3 endpoints stay up for 600 s whatever the probes say, and the pool fails below 1: nobody is sent elsewhere meanwhile: expected a larger share, or a higher min_healthy",
    ],
  ],
  [
    "",
    `${USED}, withdrawal_budget: {share: 20%, within: 10m}, min_healthy: 100%`,
    [
      "CFG_BUDGET pools.p: 20% of 3 endpoints is less than one, and one may go down in any case: expected 34% or more",
    ],
  ],
])("%s%s", (check, pool, expected) => {
  expect(findings(check, pool)).toEqual(expected);
});
