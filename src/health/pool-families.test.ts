import { describe, expect, it } from "vitest";
import { seededRandom } from "../../test/support/random.ts";
import type { Least, PoolPlan } from "./plan.ts";
import { foldPool } from "./pool.ts";
import { allocateHealthRows, ENDPOINT_ROW_WORDS, ROW_STATE, STATE_DRAINED, STATE_UP } from "./rows.ts";

/** One word an endpoint: `4u6d` has an IPv4 address that is up and an IPv6 one that is down; `x` drained. */
function hasFailed(
  text: string,
  families: { ipv4?: Least; ipv6?: Least },
  dualStack: PoolPlan["dualStack"] = "any",
): boolean {
  const rows = allocateHealthRows(64, 1);
  const words = text.split(" ").map((word) => [...word.matchAll(/([46])([udx])/g)]);
  let row = 0;
  const endpoints = words.map((addresses) =>
    addresses.map(([, , state]) => {
      const bits = state === "u" ? STATE_UP : state === "x" ? STATE_DRAINED : 0;
      rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE] = bits;
      return row++;
    }),
  );
  const ofRows = words.map((addresses) => addresses.map(([, family]) => (family === "4" ? 4 : 6)));
  return foldPool(rows, { endpoints, families: ofRows, minHealthy: { families }, dualStack }).failed;
}

describe("min_healthy by family", () => {
  it.each<[string, { ipv4?: Least; ipv6?: Least }, boolean]>([
    ["4u6u 4u", { ipv4: { count: 2 }, ipv6: { count: 1 } }, false],
    ["4u6d 4u", { ipv4: { count: 2 }, ipv6: { count: 1 } }, true],
    ["4u6d 4u", { ipv4: { count: 2 } }, false],
    ["4d6u 4u", { ipv4: { percent: 50 } }, false],
    ["4d6u 4u", { ipv4: { percent: 51 } }, true],
    // Drained addresses leave the count; a family of which nothing is left asks for nothing.
    ["4u6x 4u", { ipv6: { count: 1 } }, false],
    ["4x 4u", { ipv4: { count: 2 } }, false],
    // Nothing is up at all.
    ["4d6x", { ipv6: { count: 1 } }, true],
  ])("%s with %j: %s", (text, families, failed) => {
    expect(hasFailed(text, families)).toBe(failed);
  });

  it("agrees with lists that are filtered", () => {
    const random = seededRandom(7_411);
    let failures = 0;
    for (let draw = 0; draw < 3_000; draw++) {
      const words = Array.from({ length: 1 + random.below(5) }, () =>
        random.pick(["4u", "4d", "6u", "6d", "4u6u", "4u6d", "4d6u", "4d6d", "4x6u", "4u6x", "4x"]),
      );
      const least = (): Least =>
        random.chance(0.5) ? { count: 1 + random.below(4) } : { percent: 1 + random.below(100) };
      const families = random.chance(0.5) ? { ipv4: least(), ipv6: least() } : { ipv6: least() };
      const strict = random.chance(0.4);
      const sound = words.filter((word) => word.includes("u") && !(strict && word.includes("d")));
      const misses = (["ipv4", "ipv6"] as const).some((name) => {
        const wanted = (families as Record<string, Least | undefined>)[name];
        const digit = name.at(-1)!;
        const counted = words.filter((word) => new RegExp(`${digit}[ud]`).test(word)).length;
        if (wanted === undefined || counted === 0) return false;
        const up = sound.filter((word) => word.includes(`${digit}u`)).length;
        return "count" in wanted ? up < Math.min(wanted.count, counted) : up * 100 < wanted.percent * counted;
      });
      const failed = sound.length === 0 || misses;
      if (failed) failures++;
      expect(
        hasFailed(words.join(" "), families, strict ? "strict" : "any"),
        `${words}, ${JSON.stringify(families)}, ${strict}`,
      ).toBe(failed);
    }
    expect(failures).toBeGreaterThan(500);
  });
});
