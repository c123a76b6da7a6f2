import { describe, expect, test } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import type { AddressExplanation, NodeExplanation, PoolExplanation } from "../policy/explanation.ts";
import { durationWords, nodeLines } from "./explain-node.ts";

const up: AddressExplanation = {
  address: "192.0.2.1",
  picked: false,
  state: "up",
  forSeconds: null,
  reason: "ok",
  run: 0,
  horizonMs: 0,
};

function poolNode(addresses: AddressExplanation[], pool: Partial<PoolExplanation> = {}): NodeExplanation {
  return {
    kind: "pool",
    label: "eu",
    outcome: "addresses",
    pass: "normal",
    table: null,
    entries: [],
    pool: {
      zone: "a.example",
      name: "eu",
      region: null,
      check: "web",
      minHealthy: { percent: 50 },
      failed: false,
      up: 1,
      usable: 1,
      horizonMs: 0,
      endpoints: addresses.map((address) => ({ name: address.address, weight: 1, addresses: [address] })),
      ...pool,
    },
    earlier: [],
  };
}

describe("what is said of an address", () => {
  test.each<[Partial<AddressExplanation>, string]>([
    [{}, "up"],
    [{ forSeconds: 10_800 }, "up for 3 h"],
    [{ picked: true, forSeconds: 42 }, "answered, up for 42 s"],
    [{ state: "down", forSeconds: 42, reason: "timeout-connect" }, "down for 42 s: timeout-connect"],
    [{ state: "unknown" }, "down: no probe has ended yet"],
    [{ state: "unchecked" }, "always up"],
    [{ state: "drained" }, "drained by hand"],
    [{ state: "forced-up" }, "forced up by hand"],
    [{ state: "forced-down" }, "forced down by hand"],
  ])("%j: %s", (address, words) => {
    expect(nodeLines(poolNode([{ ...up, ...address }]), true, recordedTerminal())).toEqual([
      "pool eu: 1 of 1 endpoint up",
      `192.0.2.1  ${words}`,
    ]);
  });
});

test("a percentage that is missed is named", () => {
  expect(nodeLines(poolNode([up, up, up], { failed: true }), true, recordedTerminal())[0]).toBe(
    "pool eu: 1 of 3 endpoints up, fewer than min_healthy: 50%",
  );
});

test("what is good is green, what is bad is red, the rest recedes", () => {
  const terminal = recordedTerminal(true);
  const answered = nodeLines(poolNode([{ ...up, picked: true }]), true, terminal)[1];
  expect(answered).toContain("\u001b[32manswered\u001b[0m");
  const desperate = nodeLines(poolNode([{ ...up, picked: true, state: "down" }]), true, terminal)[1];
  expect(desperate).toContain("\u001b[31manswered\u001b[0m");
});

test("addresses of a walk that failed are not marked", () => {
  expect(nodeLines(poolNode([{ ...up, picked: true }]), false, recordedTerminal())[1]).toBe("192.0.2.1  up");
});

test.each([
  [0, "0 s"],
  [59, "59 s"],
  [60, "1 min"],
  [3_599, "59 min"],
  [3_600, "1 h"],
  [86_399, "23 h"],
  [86_400, "1 day"],
  [200_000, "2 days"],
])("%i seconds are %s", (seconds, words) => {
  expect(durationWords(seconds)).toBe(words);
});
