import { describe, expect, it } from "vitest";
import { createWorld, type EndpointText, pool, record, type World } from "../../test/support/policy.ts";
import type { PoolModel } from "./model.ts";

const HASH: Partial<PoolModel> = { select: "hash", maxAnswers: 1 };
const world = (endpoints: EndpointText[], options: Partial<PoolModel> = {}) =>
  createWorld([record(pool("p", endpoints, { ...HASH, ...options }))]);

/** Prefix number `i` of as many /24 as one likes. */
const prefix = (i: number) => `${20 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`;

function answers(of: World, clients: number): string[] {
  return Array.from({ length: clients }, (_, i) => of.ask({ ecs: prefix(i) }).addresses.join());
}

describe("select: hash", () => {
  const four = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];

  it("gives a client the same endpoint in every second, from every resolver, in either order", () => {
    const there = world(four);
    const back = world([...four].reverse());
    for (let i = 0; i < 200; i++) {
      const ecs = prefix(i);
      const { addresses } = there.ask({ ecs, second: 1 });
      expect(there.ask({ ecs, second: 2, resolver: "8.8.4.4" }).addresses).toEqual(addresses);
      expect(back.ask({ ecs }).addresses).toEqual(addresses);
    }
  });

  it("moves only the clients of an endpoint that is down, and brings them back", () => {
    const there = world(four);
    const before = answers(there, 2000);
    there.set("192.0.2.2", "down");
    const during = answers(there, 2000);
    for (const [i, address] of before.entries())
      if (address !== "192.0.2.2") expect(during[i]).toBe(address);
      else expect(during[i]).not.toBe(address);
    there.set("192.0.2.2", "up");
    expect(answers(there, 2000)).toEqual(before);
  });

  it("gives the clients of a slow starter back by its scale, and no others", () => {
    const there = world(four);
    const whole = answers(there, 4000);
    let fewer = whole.filter((address) => address === "192.0.2.3").length;
    for (const scale of [32_768, 6_554, 0]) {
      there.setScale("192.0.2.3", scale);
      const scaled = answers(there, 4000);
      for (const [i, address] of scaled.entries())
        if (address !== whole[i]) expect(whole[i]).toBe("192.0.2.3");
      const left = scaled.filter((address) => address === "192.0.2.3").length;
      expect(left).toBeLessThan(fewer);
      fewer = left;
    }
    expect(fewer).toBe(0);
  });

  it("takes what weighs nothing only when nothing else is up", () => {
    const there = world([
      { address: "192.0.2.1", weight: 0 },
      { address: "192.0.2.2", weight: 5 },
      { address: "192.0.2.3", weight: 0 },
    ]);
    expect(new Set(answers(there, 300))).toEqual(new Set(["192.0.2.2"]));
    there.set("192.0.2.2", "down");
    expect(new Set(answers(there, 300))).toEqual(new Set(["192.0.2.1", "192.0.2.3"]));
  });

  it("answers several in the client's order: who comes next takes over", () => {
    const there = world(four, { maxAnswers: 3 });
    for (let i = 0; i < 200; i++) {
      const ecs = prefix(i);
      const { addresses } = there.ask({ ecs });
      expect(addresses).toHaveLength(3);
      there.set(addresses[0]!, "down");
      expect(there.ask({ ecs }).addresses.slice(0, 2)).toEqual(addresses.slice(1));
      there.set(addresses[0]!, "up");
    }
  });

  it("prefers other subnets for the second answer", () => {
    const there = world(["192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1"], { maxAnswers: 2 });
    for (const answer of answers(there, 300)) expect(answer).toContain("198.51.100.1");
  });

  it("leads A and AAAA to one endpoint", () => {
    const there = world([1, 2, 3].map((i) => ({ address: [`192.0.2.${i}`, `2001:db8::${i}`] })));
    for (let i = 0; i < 100; i++) {
      const [ipv4] = there.ask({ ecs: prefix(i) }).addresses;
      expect(there.ask({ ecs: prefix(i), family: 6 }).addresses).toEqual([
        ipv4!.replace("192.0.2.", "2001:db8::"),
      ]);
    }
  });
});
