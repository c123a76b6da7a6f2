import { describe, expect, it } from "vitest";
import { createWorld, latency, pool, record } from "../../test/support/policy.ts";
import { joinDatabases } from "../geo/databases.ts";

const eu = () => pool("eu", ["192.0.2.1", "2001:db8::1"]);
const us = () => pool("us", ["192.0.2.2", "2001:db8::2"]);
const jp = () => pool("jp", ["192.0.2.3", "2001:db8::3"]);

const NOWHERE = joinDatabases(null, null, null);
/** Three entries under the names of their regions; every client has the same round trips. */
const world = (rtts: Record<string, number>, toleranceMs: number) =>
  createWorld(
    [
      record(
        latency(
          [
            [eu(), "eu"],
            [us(), "us"],
            [jp(), "jp"],
          ],
          Object.entries(rtts).map(([region, rtt]) => `8.0.0.0/7,${region},${rtt}`),
          { toleranceMs },
        ),
      ),
    ],
    NOWHERE,
  );

const CLIENT = { ecs: "8.8.8.0/24" };

/** How often each address was answered in as many seconds. */
function counts(of: ReturnType<typeof world>, seconds: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (let second = 0; second < seconds; second++) {
    const [address = ""] = of.ask({ ...CLIENT, second }).addresses;
    found[address] = (found[address] ?? 0) + 1;
  }
  return found;
}

describe("latency", () => {
  it("answers from the lowest round trip, then the next", () => {
    const three = world({ eu: 30, us: 20, jp: 25 }, 0);
    expect(three.ask(CLIENT).addresses).toEqual(["192.0.2.2"]);
    three.set("us", "down");
    expect(three.ask(CLIENT).addresses).toEqual(["192.0.2.3"]);
    three.set("jp", "down");
    expect(three.ask(CLIENT).addresses).toEqual(["192.0.2.1"]);
  });

  it("spreads those within the tolerance evenly, and none beyond it", () => {
    const found = counts(world({ eu: 30, us: 20, jp: 24 }, 5), 2000);
    expect(Object.keys(found).sort()).toEqual(["192.0.2.2", "192.0.2.3"]);
    expect(Math.abs(found["192.0.2.2"]! - 1000)).toBeLessThan(150);
  });

  it("spreads the share of a failed one evenly over those that are tied with it", () => {
    const tied = world({ eu: 20, us: 20, jp: 20 }, 0);
    const before = counts(tied, 3000);
    for (const count of Object.values(before)) expect(Math.abs(count - 1000)).toBeLessThan(150);
    tied.set("us", "down");
    const after = counts(tied, 3000);
    expect(Object.keys(after).sort()).toEqual(["192.0.2.1", "192.0.2.3"]);
    for (const count of Object.values(after)) expect(Math.abs(count - 1500)).toBeLessThan(180);
  });

  it("agrees for A and AAAA in the same second, and is the same again", () => {
    const tied = world({ eu: 20, us: 20, jp: 20 }, 0);
    for (let second = 0; second < 200; second++) {
      const [ipv4] = tied.ask({ ...CLIENT, second }).addresses;
      const [ipv6] = tied.ask({ ...CLIENT, second, family: 6 }).addresses;
      expect(ipv6).toBe(ipv4!.replace("192.0.2.", "2001:db8::"));
      expect(tied.ask({ ...CLIENT, second }).addresses).toEqual([ipv4]);
    }
  });

  it("is the same for all of a tile in the same second: the dice do not see the client", () => {
    const tied = world({ eu: 20, us: 20, jp: 20 }, 0);
    for (let second = 0; second < 50; second++) {
      const answers = ["8.0.0.0/24", "8.8.8.0/24", "9.255.255.0/24"].map((ecs) => tied.ask({ ecs, second }));
      expect(answers.map(({ scope }) => scope)).toEqual([7, 7, 7]);
      expect(new Set(answers.flatMap(({ addresses }) => addresses)).size).toBe(1);
    }
  });

  it("explains what is tied, and what was drawn", () => {
    const { root, tables } = world({ eu: 30, us: 20, jp: 24 }, 5).explain({ ...CLIENT, second: 3 });
    expect(tables[0]).toMatchObject({ kind: "latency", matches: ["us", "jp (tied)", "eu"] });
    expect(root.entries[0]).toMatchObject({ status: "chosen", draw: { total: 2 } });
    expect(root.entries.slice(1).map(({ status }) => status)).toEqual(["not-drawn", "not-needed"]);
  });
});
