import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFakePort, type FakePort, isKind } from "../../test/support/fake-port.ts";
import type { Prober, ProberOptions } from "../health/prober.ts";
import { REASON_OK, REASON_REFUSED } from "../health/reasons.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { allocateWords, WORD_FROZEN, WORD_STOP } from "./blocks.ts";
import type { FromProbe, ToProbe } from "./messages.ts";
import { formatDuration, runProbeWorker } from "./probe-runner.ts";

let port: FakePort<ToProbe, FromProbe>;
let calls: string[];
let hooks: Pick<
  ProberOptions,
  "onTransition" | "onPoolTransition" | "onLatchMove" | "onFreeze" | "onRoundDone"
>;
let words: Int32Array;

beforeEach(() => {
  port = createFakePort();
  calls = [];
  words = allocateWords();
  const prober: Prober = {
    setPlan: () => calls.push("setPlan"),
    setForced: (forced) => calls.push(`forced ${forced.length}`),
    releaseRetired: () => calls.push("release"),
    releaseLatch: (zone, policy) => {
      calls.push(`releaseLatch ${zone} ${policy}`);
      return policy === "www: policy";
    },
    thaw: () => calls.push("thaw") === 1,
    stop: () => calls.push("stop"),
    history: () => [],
    stats: () => ({ started: 0, inFlight: 0, waiting: 0, voided: 0, lateByMs: new Uint32Array(1) }),
  };
  runProbeWorker({ rows: allocateHealthRows(8, 8), words, state: null }, port, (options) => {
    hooks = options;
    return prober;
  });
});
afterEach(() => {
  port.deliver({ kind: "stop" });
});

describe("runProbeWorker", () => {
  it("releases a latch as it is told, and says whether there was one", () => {
    port.deliver({ kind: "releaseLatch", zone: "z", policy: "www: policy" });
    port.deliver({ kind: "releaseLatch", zone: "z", policy: "old: policy" });
    expect(calls).toEqual(["releaseLatch z www: policy", "releaseLatch z old: policy"]);
    hooks.onLatchMove({ zone: "z", policy: "www: policy", from: "eu", to: "us" });
    expect(port.posted.filter(isKind("log")).map(({ level, message }) => [level, message])).toEqual([
      ["info", "www: policy was released by hand"],
      ["warn", "old: policy has no latch"],
      ["warn", "www: policy goes from eu to us"],
    ]);
  });

  it("takes over a plan, and says when every target has a verdict", () => {
    port.deliver({ kind: "plan", plan: { targets: [], pools: [] }, generation: 4 });
    expect(calls).toEqual(["setPlan"]);
    expect(port.posted).toEqual([{ kind: "planned" }]);
    hooks.onRoundDone();
    expect(port.posted).toEqual([{ kind: "planned" }, { kind: "roundDone", generation: 4 }]);
    port.deliver({ kind: "release" });
    expect(calls).toEqual(["setPlan", "release"]);
  });

  it.each([
    ["the message", () => port.deliver({ kind: "stop" })],
    ["the word", () => Atomics.store(words, WORD_STOP, 1)],
  ])("stops on %s, once", async (_what, stop) => {
    stop();
    await port.expect(isKind<FromProbe, "stopped">("stopped"));
    port.deliver({ kind: "stop" });
    expect(calls).toEqual(["stop"]);
    expect(port.closed).toBe(true);
  });

  const where = { zone: "z.example", pool: "eu", endpoint: "lb1", address: "192.0.2.1" };

  it.each([
    ["unknown", "up", REASON_OK, "info", "eu/lb1 192.0.2.1 is up: ok, first verdict"],
    ["up", "down", REASON_REFUSED, "warn", "eu/lb1 192.0.2.1 is down: refused, after 42 s up"],
    ["down", "up", REASON_OK, "info", "eu/lb1 192.0.2.1 is up: ok, after 42 s down"],
  ] as const)("an endpoint that goes from %s to %s is one line", (from, to, reason, level, message) => {
    hooks.onTransition({ ...where, from, to, reason, durationMs: 42_123.4, held: false });
    expect(port.posted).toEqual([
      {
        kind: "log",
        level,
        message,
        fields: expect.objectContaining({ ...where, event: "endpoint", from, to, durationMs: 42_123 }),
      },
    ]);
  });

  it("one that is kept up says so, and a canary is told apart", () => {
    const transition = { from: "down", to: "up", reason: REASON_REFUSED, durationMs: 2_000 } as const;
    hooks.onTransition({ ...where, ...transition, held: true });
    hooks.onTransition({ ...where, zone: "", pool: "canaries", ...transition, held: false });
    hooks.onTransition({
      ...where,
      endpoint: "",
      address: "",
      pool: "region:eu",
      ...transition,
      held: false,
    });
    hooks.onTransition({ ...where, ...transition, held: false, part: "web" });
    expect(port.posted.filter(isKind("log")).map(({ message, fields }) => [message, fields.event])).toEqual([
      ["eu/lb1 192.0.2.1 is kept up: refused, after 2 s down", "endpoint"],
      ["canaries/lb1 192.0.2.1 is up: refused, after 2 s down", "canary"],
      ["region:eu is up: refused, after 2 s down", "region"],
      ["eu/lb1 192.0.2.1 is up by web: refused, after 2 s down", "part"],
    ]);
  });

  it("a freeze is an alarm, and a word for metrics", () => {
    const move = { failing: 9, live: 10, regions: ["eu", "us"], restored: 2 };
    hooks.onFreeze!({ ...move, frozen: true, cause: "", canaries: "none", durationMs: 0 });
    expect(words[WORD_FROZEN]).toBe(1);
    hooks.onFreeze!({ ...move, frozen: false, cause: "recovered", canaries: "none", durationMs: 61_000 });
    expect(words[WORD_FROZEN]).toBe(0);
    hooks.onFreeze!({ ...move, frozen: true, cause: "", canaries: "failing", durationMs: 0 });
    expect(port.posted.filter(isKind("log")).map(({ level, message }) => [level, message])).toEqual([
      [
        "error",
        "states are frozen: 9 of 10 addresses fail, in 2 regions at once; the network of this server is in doubt",
      ],
      ["warn", "states follow the probes again, after 61 s: endpoints answer again"],
      [
        "error",
        "states are frozen: 9 of 10 addresses fail, and so do all canaries; the network of this server is in doubt",
      ],
    ]);
  });

  it("thaws as it is told, and says so when there was nothing to thaw", () => {
    port.deliver({ kind: "thaw" });
    calls.push("again");
    port.deliver({ kind: "thaw" });
    expect(calls).toEqual(["thaw", "again", "thaw"]);
    expect(port.posted.filter(isKind("log")).map(({ message }) => message)).toEqual([
      "thaw: states are not frozen",
    ]);
  });

  it.each([
    ["healthy", "failed", "warn", "pool eu has failed: 1 of 3 up, after 2 min healthy"],
    ["unknown", "healthy", "info", "pool eu is healthy: 1 of 3 up, first verdict"],
  ] as const)("a pool that goes from %s to %s is one line", (from, to, level, message) => {
    const counts = { up: 1, usable: 3, withheld: false };
    hooks.onPoolTransition({ zone: "z", pool: "eu", from, to, ...counts, durationMs: 120_000 });
    expect(port.posted).toEqual([
      { kind: "log", level, message, fields: expect.objectContaining({ event: "pool", up: 1, usable: 3 }) },
    ]);
  });

  it("a pool that an operator has taken out has not failed by itself, and its line says so", () => {
    const counts = { up: 0, usable: 0, withheld: true };
    const states = { from: "healthy", to: "failed" } as const;
    hooks.onPoolTransition({ zone: "z", pool: "eu", ...states, ...counts, durationMs: 120_000 });
    const message = "pool eu is taken out by hand, all of it drained or forced down, after 2 min healthy";
    const fields = expect.objectContaining({ event: "pool", to: "failed", withheld: true });
    expect(port.posted).toEqual([{ kind: "log", level: "warn", message, fields }]);
  });
});

it.each([
  [0, "0 ms"],
  [1999, "1999 ms"],
  [2000, "2 s"],
  [119_999, "119 s"],
  [120_000, "2 min"],
  [7_200_000, "2 h"],
  [172_800_000, "2 d"],
])("%i ms is written as %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
