import { describe, expect, it } from "vitest";
import { combineOverride, type SaidOverride } from "./combine-override.ts";
import { parseMatch } from "./override-match.ts";
import type { OverrideInput } from "./schema-overrides.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const LATER = Date.parse("2026-03-01T18:00:00Z");
const EARLIER = Date.parse("2026-03-01T06:00:00Z");

const standing = (more: Partial<OverrideInput>, match = "pool:eu"): OverrideInput => ({
  match: parseMatch(match)!,
  force: false,
  since: EARLIER,
  author: "anna",
  ...more,
});

/** What becomes of an entry beside what stands, without its selector. */
function combine(said: Partial<SaidOverride>, ...entries: OverrideInput[]) {
  const { entry, kept } = combineOverride({ match: parseMatch("pool:eu")!, ...said }, entries, "bob", NOW);
  const { match: _, ...rest } = entry;
  return { ...rest, kept };
}

describe("what a command says of a selector that an entry stands for", () => {
  const drained = standing({ state: "drain", reason: "kernel", until: LATER, force: true });

  it("said again, it stays as it is", () => {
    expect(combine({ state: "drain" }, drained)).toEqual({
      state: "drain",
      until: LATER,
      reason: "kernel",
      author: "anna",
      since: EARLIER,
      force: true,
      kept: ["until", "reason", "author"],
    });
  });

  it("keeps what is not given anew", () => {
    expect(combine({ state: "drain", reason: "disk" }, drained)).toMatchObject({
      reason: "disk",
      author: "anna",
      kept: ["until", "author"],
    });
    expect(combine({ state: "drain", author: "carl", until: NOW + 1000 }, drained)).toMatchObject({
      until: NOW + 1000,
      author: "carl",
      kept: ["reason"],
    });
    expect(combine({ state: "drain", until: null }, drained)).not.toHaveProperty("until");
  });

  it.each([
    ["another state", { state: "down" as const }, [drained]],
    ["another selector", { state: "drain" as const }, [standing({ state: "drain", reason: "r" }, "pool:us")]],
    ["what has ended", { state: "drain" as const }, [standing({ state: "drain", until: NOW })]],
    ["a weight beside a drain", { weight: 0.2 }, [drained]],
    ["a drain over a weight", { state: "drain" as const }, [standing({ weight: 0.2, reason: "r" })]],
    ["up over a drain", { state: "up" as const }, [drained]],
  ])("%s: nothing of it is kept", (_, said, entries) => {
    expect(combine(said, ...entries)).toEqual({ ...said, author: "bob", since: NOW, kept: [] });
  });

  it("a weight leaves forced up, up leaves a weight, with the end; who adds to it is its author", () => {
    const up = standing({ state: "up", until: LATER, reason: "canary" });
    expect(combine({ weight: 0.2 }, up)).toEqual({
      state: "up",
      weight: 0.2,
      until: LATER,
      reason: "canary",
      author: "bob",
      since: NOW,
      kept: ["state", "until", "reason"],
    });
    expect(combine({ state: "up" }, standing({ weight: 0.2, until: LATER }))).toMatchObject({
      state: "up",
      weight: 0.2,
      until: LATER,
      kept: ["weight", "until"],
    });
  });

  it("of several entries the last one with a state says it", () => {
    const up = standing({ state: "up" });
    expect(combine({ weight: 0.2 }, up, drained)).not.toHaveProperty("state");
    expect(combine({ weight: 0.2 }, drained, up)).toMatchObject({ state: "up" });
  });
});
