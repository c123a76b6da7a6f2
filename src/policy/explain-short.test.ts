import { describe, expect, test } from "vitest";
import { byLoad, createWorld, failover, pool, record } from "../../test/support/policy.ts";
import { shortLines } from "./explain-short.ts";

describe("odds in short", () => {
  test("of the entries that were chosen", () => {
    const of = [pool("eu", ["192.0.2.1"]), pool("us", ["192.0.2.2"])] as const;
    const world = createWorld([
      record(
        byLoad("least_response_time", [
          [of[0], 1],
          [of[1], 1],
        ]),
      ),
    ]);
    world.setFigures("eu", { responseMs: 10 });
    world.setFigures("us", { responseMs: 40 });
    expect(shortLines(world.explain())).toContain("chosen: least_response_time > eu, 1 of 1 up (100%)");
    world.setFigures("us", { responseMs: 10 });
    expect(shortLines(world.explain()).join("\n")).toMatch(
      /least_response_time > (eu|us), 1 of 1 up \(50%\)/,
    );
  });

  test("of the addresses of the pool that was picked from, and of no other", () => {
    const endpoints = [
      { address: "192.0.2.1", weight: 3 },
      { address: "192.0.2.2", weight: 1 },
    ];
    const options = { select: "weighted", maxAnswers: 1 } as const;
    const us = pool("us", ["198.51.100.1", "198.51.100.2"], options);
    const world = createWorld([record(failover([pool("eu", endpoints, options), us]))]);
    const odds = (): string[] => shortLines(world.explain()).filter((line) => line.startsWith("odds"));
    expect(odds()).toEqual(["odds in eu: 192.0.2.1 75%, 192.0.2.2 25%"]);
    world.set("192.0.2.1", "down");
    expect(odds()).toEqual([]);
  });

  test("those that were counted say so, and of many ten are told", () => {
    const endpoints = Array.from({ length: 15 }, (_, i) => `192.0.${i}.1`);
    const world = createWorld([record(pool("p", endpoints, { maxAnswers: 2 }))]);
    const [line] = shortLines(world.explain()).filter((text) => text.startsWith("odds"));
    expect(line).toMatch(
      /^odds in p: (192\.0\.\d+\.1 [\d.]+%, ){9}192\.0\.9\.1 [\d.]+% and 5 more, of 10000 draws$/,
    );
  });
});

test("a pool that is drained by hand has not failed", () => {
  const world = createWorld([record(failover([pool("eu", ["192.0.2.1"]), pool("us", ["198.51.100.1"])]))]);
  const told = (): string[] => shortLines(world.explain()).filter((line) => /: eu/.test(line));
  world.set("eu", "drained");
  expect(told()).toEqual(["drained: eu, 0 of 1 up"]);
  world.set("eu", "forced-down");
  expect(told()).toEqual(["failed: eu, 0 of 1 up"]);
});
