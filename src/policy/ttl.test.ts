import { describe, expect, it } from "vitest";
import { NO_HORIZON, nearerHorizon, shapeTtl } from "./ttl.ts";

describe("the nearer horizon", () => {
  it("takes 0 for settled", () => {
    expect(nearerHorizon(NO_HORIZON, 0)).toBe(NO_HORIZON);
    expect(nearerHorizon(5000, 0)).toBe(5000);
  });

  it("is the least of what is not settled", () => {
    expect(nearerHorizon(NO_HORIZON, 7000)).toBe(7000);
    expect(nearerHorizon(5000, 7000)).toBe(5000);
    expect(nearerHorizon(5000, 1)).toBe(1);
  });
});

describe("the TTL", () => {
  it.each([
    ["settled", NO_HORIZON, 60],
    ["beyond the maximum", 61_000, 60],
    ["exactly the maximum", 60_000, 60],
    ["just under it, in whole seconds", 59_999, 59],
    ["between the bounds", 20_500, 20],
    ["exactly the minimum", 5000, 5],
    ["under the minimum", 4999, 5],
    ["a millisecond", 1, 5],
  ])("with a horizon %s", (_what, leastMs, seconds) => {
    expect(shapeTtl(leastMs, 5, 60)).toBe(seconds);
  });

  it("does not move when minimum and maximum are one", () => {
    for (const leastMs of [1, 29_000, 30_000, 31_000, NO_HORIZON]) expect(shapeTtl(leastMs, 30, 30)).toBe(30);
  });
});
