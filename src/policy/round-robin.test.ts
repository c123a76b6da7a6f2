import { describe, expect, it } from "vitest";
import {
  createWorld,
  type EndpointText,
  failover,
  pool,
  record,
  roundRobin,
  type World,
} from "../../test/support/policy.ts";
import { adoptSnapshot } from "./context.ts";
import type { PoolModel } from "./model.ts";

const texts = (world: World, times: number): string =>
  Array.from({ length: times }, () =>
    world
      .ask()
      .addresses.map((text) => text.split(".")[3])
      .join("+"),
  ).join(" ");
const regions = ["1", "2", "3"].map((host) => pool(`p${host}`, [`192.0.2.${host}`]));
const turnsOf = (weights: number[]): World =>
  createWorld([record(roundRobin(weights.map((weight, i) => [regions[i]!, weight])))]);

describe("round_robin", () => {
  it("goes through the list in its order when all weigh the same", () => {
    expect(texts(turnsOf([1, 1, 1]), 7)).toBe("1 2 3 1 2 3 1");
    expect(texts(turnsOf([9, 9, 9]), 4)).toBe("1 2 3 1");
  });

  it("spreads the turns of the heavy one, as nginx does", () => {
    expect(texts(turnsOf([5, 1, 1]), 14)).toBe("1 1 2 1 3 1 1 1 1 2 1 3 1 1");
  });

  it("passes over what has failed, and counts no turn for it", () => {
    const world = turnsOf([1, 1, 1]);
    world.set("p2", "down");
    // The second turn is still another's gain; from then on the two alternate.
    expect(texts(world, 8)).toBe("1 3 3 1 3 1 3 1");
  });

  it("lets one that recovers begin with a turn, and then go on evenly", () => {
    const world = turnsOf([1, 1, 1]);
    world.set("p2", "down");
    texts(world, 100);
    world.set("p2", "up");
    expect(texts(world, 1)).toBe("2");
    const later = texts(world, 30).split(" ");
    expect(["1", "2", "3"].map((host) => later.filter((text) => text === host).length)).toEqual([10, 10, 10]);
  });

  it("gives weight 0 turns only when nothing else is left, and then evenly", () => {
    const world = turnsOf([0, 2, 0]);
    expect(texts(world, 3)).toBe("2 2 2");
    world.set("p2", "down");
    expect(texts(world, 4)).toBe("1 3 1 3");
  });

  it("counts one turn a decision where it stands below another node, and one below another's failure", () => {
    const [a, b, c] = regions as [PoolModel, PoolModel, PoolModel];
    const pairs = roundRobin([
      [failover([a, c]), 1],
      [failover([b, c]), 1],
    ]);
    const world = createWorld([record(failover([pairs]))]);
    expect(texts(world, 4)).toBe("1 2 1 2");
    world.set("p1", "down");
    expect(texts(world, 4)).toBe("3 2 3 2");
  });

  it("takes turns in the last resort as well", () => {
    const world = turnsOf([1, 1, 1]);
    for (const { name } of regions) world.set(name, "down");
    expect(texts(world, 6)).toBe("1 2 3 1 2 3");
  });

  it("begins anew with another snapshot", () => {
    const world = turnsOf([1, 1, 1]);
    expect(texts(world, 2)).toBe("1 2");
    const { policy, tables } = world.context;
    adoptSnapshot(world.context, policy, tables);
    expect(texts(world, 2)).toBe("1 2");
  });

  it("explains whose turn it is, and the shares", () => {
    const world = turnsOf([3, 1, 0]);
    const { root } = world.explain();
    expect(root.kind).toBe("round_robin");
    expect(root.entries.map(({ status, weight, share, draw }) => ({ status, weight, share, draw }))).toEqual([
      { status: "chosen", weight: 3, share: 0.75, draw: null },
      { status: "not-in-turn", weight: 1, share: 0.25, draw: null },
      { status: "not-in-turn", weight: 0, share: 0, draw: null },
    ]);
  });
});

describe("select: round_robin", () => {
  const within = (endpoints: EndpointText[], options: Partial<PoolModel> = {}): World =>
    createWorld([record(pool("p", endpoints, { select: "round_robin", maxAnswers: 1, ...options }))]);
  const four = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"];
  const weigh = (weights: number[], options: Partial<PoolModel> = {}): World =>
    within(
      weights.map((weight, i) => ({ address: four[i]!, weight })),
      options,
    );

  it("answers one endpoint after the other", () => {
    expect(texts(within(four), 6)).toBe("1 2 3 4 1 2");
  });

  it("passes over what is down, and shares its turns evenly", () => {
    const world = within(four);
    world.set("192.0.2.2", "down");
    expect(texts(world, 6)).toBe("1 3 4 1 3 4");
  });

  it("answers several of one subnet as a window that moves on by one", () => {
    expect(texts(within(four, { maxAnswers: 2 }), 5)).toBe("1+2 2+3 3+4 4+1 1+2");
    expect(texts(within(four, { maxAnswers: 8 }), 2)).toBe("1+2+3+4 2+3+4+1");
  });

  it("keeps the turn in the first place where the others come from other subnets", () => {
    const world = within(["192.0.2.1", "192.0.2.2", "198.51.100.3"], { maxAnswers: 2 });
    expect(texts(world, 2)).toBe("1+3 2+3");
    expect(["3+1", "3+2"]).toContain(texts(world, 1));
  });

  it("spreads the turns of heavy endpoints", () => {
    expect(texts(weigh([5, 1, 1]), 7)).toBe("1 1 2 1 3 1 1");
  });

  it("answers several by weight with those that are next after the one whose turn it is", () => {
    expect(texts(weigh([3, 2, 1], { maxAnswers: 2 }), 3)).toBe("1+2 2+3 1+3");
  });

  it("gives weight 0 turns only when nothing else is up", () => {
    const world = weigh([2, 1, 0, 0]);
    expect(texts(world, 3)).toBe("1 2 1");
    world.set("192.0.2.1", "down");
    world.set("192.0.2.2", "down");
    expect(texts(world, 4)).toBe("3 4 3 4");
  });

  it("lets an endpoint that is scaled down have that part of its turns", () => {
    const plain = within(four.slice(0, 2));
    plain.setScale("192.0.2.2", 16_384);
    const smooth = weigh([2, 1]);
    smooth.setScale("192.0.2.1", 8_192);
    const share = (world: World): number =>
      texts(world, 5000)
        .split(" ")
        .filter((text) => text === "2").length / 5000;
    expect(share(plain)).toBeCloseTo(0.2, 1);
    expect(share(smooth)).toBeCloseTo(0.8, 3);
  });

  it("ignores the scale when nothing weighs anything", () => {
    for (const world of [within(four), weigh([2, 1, 1, 1])]) {
      for (const text of four) world.setScale(text, 0);
      const seen = texts(world, 8).split(" ").sort().join("");
      expect(seen).toBe("11223344");
    }
  });

  it("ignores the scale in the last resort", () => {
    for (const world of [within(four), weigh([1, 1, 1, 0])]) {
      world.setScale("192.0.2.1", 0);
      world.set("p", "down");
      expect(texts(world, 1)).toBe("1");
    }
  });

  it("takes turns of its own for AAAA", () => {
    const world = within([
      { address: ["192.0.2.1", "2001:db8::1"] },
      { address: ["192.0.2.2", "2001:db8::2"] },
    ]);
    const six = () => world.ask({ family: 6 }).addresses.join();
    expect([texts(world, 1), six(), texts(world, 1), six()]).toEqual([
      "1",
      "2001:db8::1",
      "2",
      "2001:db8::2",
    ]);
  });
});
