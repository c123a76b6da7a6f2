import { describe, expect, test } from "vitest";
import { recordedTerminal } from "../../test/support/terminal.ts";
import type {
  AddressExplanation,
  EntryExplanation,
  LatchExplanation,
  NodeExplanation,
  PoolExplanation,
} from "../policy/explanation.ts";
import { durationWords, nodeLines } from "./explain-node.ts";

const up: AddressExplanation = {
  address: "192.0.2.1",
  picked: false,
  odds: null,
  takes: 1,
  load: null,
  state: "up",
  forSeconds: null,
  reason: "ok",
  deciders: [],
  said: null,
  run: 0,
  flaps: 0,
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
      hashOf: null,
      minHealthy: { percent: 50 },
      failed: false,
      takes: 1,
      up: 1,
      usable: 1,
      horizonMs: 0,
      draws: null,
      endpoints: addresses.map((address) => ({ name: address.address, weight: 1, addresses: [address] })),
      ...pool,
    },
    latch: null,
    earlier: [],
  };
}

describe("a latched failover", () => {
  const sinceS = Date.UTC(2026, 10, 21, 14, 3, 59) / 1000;
  const latch = { entry: "eu", sinceS, forSeconds: 3600, afterSeconds: 600, returnsInSeconds: 480 };
  const healthy = { entry: "us", forSeconds: 120 };
  const words = (given: Partial<LatchExplanation>): string => {
    const node: NodeExplanation = {
      ...poolNode([]),
      kind: "failover",
      label: "",
      pool: null,
      latch: { ...latch, healthy, ...given },
    };
    return nodeLines(node, true, recordedTerminal())[0]!;
  };

  test.each([
    [{}, "eu since 14:03 UTC: us has been healthy for 2 min, returns after 10 min"],
    [
      { forSeconds: 90_000 },
      "eu since 2026-11-21 14:03 UTC: us has been healthy for 2 min, returns after 10 min",
    ],
    [{ healthy: null }, "eu since 14:03 UTC: every earlier entry has failed, returns after 10 min"],
    [
      { afterSeconds: null, returnsInSeconds: null },
      "eu since 14:03 UTC: us has been healthy for 2 min, returns when it is released by hand",
    ],
    [
      { sinceS: null, forSeconds: null, healthy: { entry: "us", forSeconds: null } },
      "eu: us is healthy, returns after 10 min",
    ],
  ])("%j", (given, expected) => {
    expect(words(given)).toBe(`failover, latched on ${expected}`);
  });
});

describe("what is said of an address", () => {
  const said: AddressExplanation["said"] = {
    match: "pool:eu",
    weight: 1,
    author: "anna",
    reason: "kernel",
    until: "2026-03-01T18:00:00Z",
    probed: "down",
  };
  const noNotes = { author: null, reason: null, until: null };
  test.each<[Partial<AddressExplanation>, string]>([
    [{}, "up"],
    [{ forSeconds: 10_800 }, "up for 3 h"],
    [{ picked: true, forSeconds: 42 }, "answered, up for 42 s"],
    [{ state: "down", forSeconds: 42, reason: "timeout-connect" }, "down for 42 s: timeout-connect"],
    [
      { state: "held", forSeconds: 10_800, reason: "timeout-connect" },
      "up for 3 h as last known: the probes say timeout-connect, and are in doubt",
    ],
    [{ state: "unknown" }, "down: no probe has ended yet"],
    [{ state: "unchecked" }, "always up"],
    [{ state: "drained" }, "drained by hand"],
    [{ state: "forced-up" }, "forced up by hand"],
    [{ state: "forced-down" }, "forced down by hand"],
    [
      { state: "drained", said },
      "drained by hand (anna: kernel, until 2026-03-01T18:00:00Z): its probes say down",
    ],
    [{ state: "forced-up", said: { ...said, ...noNotes } }, "forced up by hand: its probes say down"],
    [
      { takes: 0.2, said: { ...said, weight: 0.2, probed: "up" } },
      "up, takes 20% by hand (anna: kernel, until 2026-03-01T18:00:00Z)",
    ],
    [
      { takes: 0.1, said: { ...said, ...noNotes, weight: 0.2, author: "anna" } },
      "up, takes 10% for now, of 20% by hand (anna)",
    ],
    [{ takes: 0.1 }, "up, takes 10% for now"],
    [{ takes: 0, said: { ...said, ...noNotes, weight: 0 } }, "up, takes 0% by hand"],
  ])("%j: %s", (address, words) => {
    expect(nodeLines(poolNode([{ ...up, ...address }]), true, recordedTerminal())).toEqual([
      address.state === "drained" ? "pool eu: all of it is taken out by hand" : "pool eu: 1 of 1 endpoint up",
      `192.0.2.1  ${words}`,
    ]);
  });
});

test("a pool that is drained as a whole is no failed one", () => {
  const statusOf = (...states: AddressExplanation["state"][]): string => {
    const node = poolNode(
      states.map((state) => ({ ...up, state })),
      { up: 0 },
    );
    const rest = { weight: null, share: null, odds: null, draw: null, hashOf: null, load: null };
    const entry = { key: "", ...rest, status: "failed" as const, node };
    const list = { ...poolNode([]), kind: "failover" as const, label: "", pool: null, entries: [entry] };
    return nodeLines(list, true, recordedTerminal())[1]!;
  };
  expect(statusOf("drained", "forced-down")).toBe("eu  drained: all of it is taken out by hand");
  expect(statusOf("drained", "down")).toBe("eu  failed: 0 of 2 endpoints up");
  expect(statusOf("forced-down")).toBe("eu  failed: 0 of 1 endpoint up");
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

test("a calculated state names those that it comes from, the first four of them", () => {
  const cache = { operand: "cache", state: "down", reason: "refused" } as const;
  const pool = { operand: "pool:db/a", state: "down", reason: "" } as const;
  const line = (deciders: AddressExplanation["deciders"]): string =>
    nodeLines(
      poolNode([{ ...up, state: "down", forSeconds: 3, reason: "calculated", deciders }]),
      false,
      recordedTerminal(),
    )[1]!;
  expect(line([])).toBe("192.0.2.1  down for 3 s: calculated");
  expect(line([cache, pool])).toBe(
    "192.0.2.1  down for 3 s: calculated (cache is down: refused, pool:db/a is down)",
  );
  expect(line([pool, pool, pool, pool, pool, pool])).toMatch(/\(pool:db\/a is down, .*, and 2 more\)$/);
});

test("entries whose pools take a part of their clients have that part as odds", () => {
  const entry = (label: string, chance: number, status: EntryExplanation["status"]): EntryExplanation => ({
    ...{ key: "", weight: null, share: null, draw: null, hashOf: null, load: null },
    odds: { chance, part: null, of: null },
    status,
    node: { ...poolNode([up]), label },
  });
  const entries = [entry("eu", 0.25, "left-out"), entry("us", 0.75, "chosen"), entry("jp", 0, "not-needed")];
  const root: NodeExplanation = { ...poolNode([]), kind: "failover", label: "", pool: null, entries };
  const lines = nodeLines(root, true, recordedTerminal());
  expect(lines.filter((line) => /^ *(eu|us|jp) /.test(line)).map((line) => line.split(":")[0])).toEqual([
    "eu  not yet for this client, 25% by dice",
    "us  chosen, 75% by dice",
    "jp  not needed",
  ]);
});
