import { describe, expect, it } from "vitest";
import { createWorld, failover, node, pool, record, union } from "../../test/support/policy.ts";

const eu = pool("eu", [{ address: ["192.0.2.1", "2001:db8:1::1"] }]);
const us = pool("us", [{ address: ["198.51.100.1", "2001:db8:2::1"] }]);
const farm = pool("farm", ["203.0.113.1", "203.0.113.2", "203.0.113.3"]);
const run = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}.${i + 1}`);

describe("all", () => {
  it("begins with each child as often, and A and AAAA with the same", () => {
    const world = createWorld([record(union([eu, us]))]);
    const first = new Set<string>();
    for (let second = 1; second <= 40; second++) {
      const ipv4 = world.ask({ second }).addresses;
      const ipv6 = world.ask({ second, family: 6 }).addresses;
      expect(ipv4).toHaveLength(2);
      expect(ipv6[0]).toBe(ipv4[0] === "192.0.2.1" ? "2001:db8:1::1" : "2001:db8:2::1");
      first.add(ipv4[0]!);
    }
    expect(first.size).toBe(2);
  });

  it("takes the least TTL of all that was read, chosen or not", () => {
    const world = createWorld([record(union([eu, farm], 1))]);
    world.set("192.0.2.1", "up", 9_000);
    world.set("203.0.113.2", "down", 7_000);
    for (let second = 1; second < 9; second++) expect(world.ask({ second }).ttl).toBe(7);
  });

  it("cuts to one of each child before a second of any", () => {
    const world = createWorld([record(union([farm, pool("b", run("203.0.113", 6).slice(3))], 2))]);
    for (let second = 1; second < 20; second++) {
      const hosts = world.ask({ second }).addresses.map((text) => Number(text.split(".")[3]));
      expect(hosts.filter((host) => host <= 3)).toHaveLength(1);
    }
  });

  it("tells subnets apart by /24 and /48", () => {
    const six = pool("six", ["2001:db8:1::1", "2001:db8:1:ffff::2", "2001:db8:2::3"]);
    const four = pool("four", ["10.0.0.1", "10.0.0.200", "10.0.1.1"]);
    for (let second = 1; second < 30; second++) {
      const world = createWorld([record(union([six, four], 2))]);
      expect(world.ask({ second, family: 6 }).addresses).toContain("2001:db8:2::3");
      expect(world.ask({ second }).addresses).toContain("10.0.1.1");
    }
  });

  it("has room for 128 candidates and answers 64 of them at most", () => {
    const many = Array.from({ length: 4 }, (_, i) => pool(`p${i}`, run(`10.0.${i}`, 60), { maxAnswers: 60 }));
    const { addresses } = createWorld([record(union(many, 64))]).ask();
    expect(addresses).toHaveLength(64);
    expect(new Set(addresses).size).toBe(64);
    expect(new Set(addresses.map((text) => text.split(".")[2])).size).toBe(3);
  });

  it("has room for a last resort's addresses behind others", () => {
    const addresses = run("10.9.9", 70).map((text) => ({
      family: 4 as const,
      octets: Uint8Array.from(text.split("."), Number),
      row: -1,
    }));
    const guarded = failover([eu], { lastResort: { kind: "addresses", addresses } });
    const rest = pool("rest", run("10.0.0", 64), { maxAnswers: 64 });
    const more = pool("more", run("10.0.1", 40), { maxAnswers: 40 });
    const world = createWorld([record(union([rest, more, guarded], 64))]);
    world.set("eu", "down");
    for (let second = 1; second < 20; second++) expect(world.ask({ second }).addresses).toHaveLength(64);
  });

  it("explains every child: what is in the answer and what has failed", () => {
    const guarded = failover([us], { lastResort: { kind: "servfail" } });
    const world = createWorld([record(union([eu, farm, guarded]))]);
    world.set("eu", "down");
    world.set("us", "down");
    const { root, decision } = world.explain();
    expect(decision).toBe("addresses");
    const statuses = root.entries.map(({ status, node: { kind, label } }) => `${label || kind} ${status}`);
    expect(statuses.sort()).toEqual(["eu failed", "failover chosen", "farm chosen"]);
  });

  it("fails, as a branch, only when every child has", () => {
    const world = createWorld([record(failover([union([eu, us]), farm]))]);
    world.set("eu", "down");
    expect(world.ask().addresses).toEqual(["198.51.100.1"]);
    world.set("us", "down");
    expect(world.ask().addresses).toHaveLength(3);
    expect(world.explain().root.entries[0]!.status).toBe("failed");
  });

  it("is SERVFAIL when every child says so", () => {
    const guarded = { ...node(eu), lastResort: { kind: "servfail" as const } };
    const world = createWorld([record(union([guarded]))]);
    world.set("eu", "down");
    expect(world.ask().decision).toBe("servfail");
  });
});
