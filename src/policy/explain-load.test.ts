import { describe, expect, it } from "vitest";
import { byLoad, createWorld, pool, record } from "../../test/support/policy.ts";
import type { PoolModel } from "./model.ts";

const [A, B, C] = ["192.0.2.1", "192.0.2.2", "192.0.2.3"] as const;
const three = () => [A, B, C].map((address, i): [PoolModel, number] => [pool(`p${i}`, [address]), 1]);

describe("the explanation of policies by load", () => {
  it("says what was compared between nodes, and who was passed over", () => {
    const world = createWorld([record(byLoad("least_response_time", three()))]);
    world.setFigures(A, { responseMs: 12.4 });
    world.setFigures(B, { responseMs: 80 });
    const { root } = world.explain();
    const seen = root.entries.map(({ node, status, load }) => [node.label, status, load?.responseMs]);
    expect(seen).toEqual([
      ["p0", "chosen", 12.4],
      ["p1", "passed-over", 80],
      ["p2", "passed-over", null],
    ]);
  });

  it("says whom the chosen one of a pair has outdone", () => {
    const world = createWorld([record(byLoad("p2c", three()))]);
    for (const [i, address] of [A, B, C].entries()) world.setFigures(address, { load: 0.2 + i / 10 });
    for (let i = 0; i < 20; i++) {
      const statuses = world.explain().root.entries.map(({ status }) => status);
      expect(statuses.sort()).toEqual(["chosen", "not-drawn", "passed-over"]);
    }
  });

  it("says what was compared within a pool", () => {
    const world = createWorld([record(pool("p", [A, B], { select: "least_connections", maxAnswers: 1 }))]);
    world.setFigures(A, { connections: 3, capacity: 100 });
    world.setFigures(B, { connections: 9 });
    const [a, b] = world.explain().root.pool!.endpoints.map(({ addresses }) => addresses[0]!);
    expect([a!.picked, a!.load, b!.load!.connections]).toEqual([
      true,
      {
        by: "least_connections",
        responseMs: null,
        load: null,
        connections: 3,
        capacity: 100,
        p99Ms: null,
        errors: null,
      },
      9,
    ]);
  });
});
