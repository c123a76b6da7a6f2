import { describe, expect, it } from "vitest";
import { chiSquare, criticalValue } from "../../test/support/chi-square.ts";
import { createWorld, type EndpointText, pool, record, type World } from "../../test/support/policy.ts";
import { ENDPOINT_ROW_WORDS, ROW_STATE } from "../health/rows.ts";
import { nextDie } from "./dice.ts";
import type { PoolModel } from "./model.ts";

const address = (i: number) => `192.0.${i >> 8}.${i & 255}`;
const addresses = (count: number) => Array.from({ length: count }, (_, i) => address(i));

function worldOf(endpoints: EndpointText[], options: Partial<PoolModel> = {}): World {
  return createWorld([record(pool("p", endpoints, options))]);
}

const weightedPool = (weights: number[], options: Partial<PoolModel> = {}) =>
  worldOf(
    weights.map((weight, i) => ({ address: address(i), weight })),
    { select: "weighted", maxAnswers: 1, ...options },
  );

/** How often each address was answered, at any place or at one. */
function tally(world: World, decisions: number, place?: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < decisions; i++) {
    const answer = world.ask().addresses;
    for (const text of place === undefined ? answer : [answer[place]!]) {
      counts.set(text, (counts.get(text) ?? 0) + 1);
    }
  }
  return counts;
}

function expectShares(counts: Map<string, number>, shares: number[]): void {
  const seen = shares.map((_, i) => counts.get(address(i)) ?? 0);
  for (const [i, share] of shares.entries()) if (share === 0) expect(seen[i]).toBe(0);
  const kept = seen.filter((_, i) => shares[i] !== 0);
  const wanted = shares.filter((share) => share !== 0);
  if (wanted.length > 1) expect(chiSquare(kept, wanted)).toBeLessThan(criticalValue(wanted.length - 1));
}

describe("select: all", () => {
  it("answers every address that is up, rotated evenly", () => {
    const world = worldOf(addresses(5));
    world.set(address(2), "down");
    expect(world.ask().addresses.sort()).toEqual([0, 1, 3, 4].map(address));
    expectShares(tally(world, 20_000, 0), [1, 1, 0, 1, 1]);
  });

  it("keeps the order of the file round the circle", () => {
    const world = worldOf(addresses(4));
    for (let i = 0; i < 20; i++) {
      const answer = world.ask().addresses;
      const first = addresses(4).indexOf(answer[0]!);
      expect(answer).toEqual([0, 1, 2, 3].map((step) => address((first + step) % 4)));
    }
  });

  it("answers max_answers of more, each as often as the others, however the ones that are down lie", () => {
    const world = worldOf(addresses(12), { maxAnswers: 3 });
    for (const i of [3, 4, 5, 6, 7]) world.set(address(i), "down");
    expect(world.ask().addresses).toHaveLength(3);
    const shares = addresses(12).map((_, i) => (i >= 3 && i <= 7 ? 0 : 1));
    expectShares(tally(world, 20_000, 0), shares);
    expectShares(tally(world, 20_000), shares);
  });

  it("finds the few that are up among many, evenly", () => {
    const world = worldOf(addresses(400), { maxAnswers: 2 });
    world.set("p", "down");
    const up = [7, 120, 250];
    for (const i of up) world.set(address(i), "up");
    const shares = addresses(400).map((_, i) => (up.includes(i) ? 1 : 0));
    expectShares(tally(world, 2000, 0), shares);
    expectShares(tally(world, 2000), shares);
  });

  it("leaves weight 0 out unless nothing else is up", () => {
    const world = worldOf([{ address: address(0), weight: 0 }, address(1), address(2)]);
    expect(world.ask().addresses.sort()).toEqual([address(1), address(2)]);
    world.set(address(1), "down");
    world.set(address(2), "down");
    expect(world.ask().addresses).toEqual([address(0)]);
  });

  it("finds the one of positive weight among many of weight 0", () => {
    const drained = addresses(300).map((text) => ({ address: text, weight: 0 }));
    const world = worldOf([...drained, address(300)]);
    for (let i = 0; i < 50; i++) expect(world.ask().addresses).toEqual([address(300)]);
  });

  it("answers different subnets first, and each of their addresses as often", () => {
    const six = [0, 1, 2, 256, 257, 512];
    const world = worldOf(six.map(address), { maxAnswers: 3 });
    for (let i = 0; i < 50; i++) {
      expect(new Set(world.ask().addresses.map((text) => text.split(".")[2])).size).toBe(3);
    }
    const counts = tally(world, 12_000);
    const seen = six.map((i) => counts.get(address(i)) ?? 0);
    expect(chiSquare(seen.slice(0, 3), [1, 1, 1])).toBeLessThan(criticalValue(2));
    expect(chiSquare(seen.slice(3, 5), [1, 1])).toBeLessThan(criticalValue(1));
    expect(seen[5]).toBe(12_000);
  });

  it("finds different subnets in a pool too large to look at all of it", () => {
    const world = worldOf(addresses(2000), { maxAnswers: 7 });
    for (let i = 0; i < 20; i++) {
      expect(new Set(world.ask().addresses.map((text) => text.split(".")[2])).size).toBe(7);
    }
  });

  it("answers all of the few that are up in a large pool, whatever their subnets", () => {
    const drained = { address: address(1001), weight: 0 };
    const world = worldOf([...addresses(1000), drained], { maxAnswers: 4 });
    world.set("p", "down");
    const up = [3, 4, 700];
    for (const i of [...up, 1001]) world.set(address(i), "up");
    for (let i = 0; i < 20; i++) expect(world.ask().addresses.sort()).toEqual(up.map(address).sort());
  });

  it("never answers more than MAX_ADDRESSES", () => {
    const world = worldOf(addresses(100), { maxAnswers: 100 });
    const answer = world.ask().addresses;
    expect(answer).toHaveLength(64);
    expect(new Set(answer).size).toBe(64);
  });

  it("spreads evenly over the addresses of one endpoint", () => {
    const world = worldOf([{ address: addresses(6) }], { maxAnswers: 4 });
    world.set(address(1), "down");
    world.set(address(2), "down");
    world.set(address(0), "down");
    expectShares(tally(world, 9000, 0), [0, 0, 0, 1, 1, 1]);
    const few = worldOf([{ address: addresses(6) }], { maxAnswers: 2 });
    few.set(address(1), "down");
    expectShares(tally(few, 9000), [1, 0, 1, 1, 1, 1]);
    for (let i = 0; i < 50; i++) expect(new Set(few.ask().addresses).size).toBe(2);
  });
});

describe("select: weighted", () => {
  it.each([[[100, 50, 25]], [[25, 30, 41]], [[10_000, 1]], [[1, 1]], [[5]]])(
    "answers one address in proportion to %j",
    (weights) => {
      const counts = tally(weightedPool(weights), 40_000);
      if (weights.length > 1) expectShares(counts, weights);
      else expect(counts.get(address(0))).toBe(40_000);
    },
  );

  it("keeps the proportion among those that are up", () => {
    const world = weightedPool([100, 50, 25, 10]);
    world.set(address(0), "down");
    expectShares(tally(world, 20_000), [0, 50, 25, 10]);
  });

  it("keeps the proportion when nearly all of the weight is down", () => {
    const world = weightedPool([60_000, 3, 1]);
    world.set(address(0), "down");
    expectShares(tally(world, 20_000), [0, 3, 1]);
  });

  it("multiplies the weight by the row's scale", () => {
    const world = weightedPool([10, 10, 10]);
    world.setScale(address(0), 32_768);
    world.setScale(address(1), 6554);
    expectShares(tally(world, 20_000), [5, 1.00006, 10]);
    world.setScale(address(2), 0);
    expectShares(tally(world, 20_000), [5, 1.00006, 0]);
  });

  it("answers what weighs nothing only when nothing else is up, evenly", () => {
    const world = weightedPool([3, 0, 0]);
    expectShares(tally(world, 1000), [1, 0, 0]);
    world.set(address(0), "down");
    expectShares(tally(world, 10_000), [0, 1, 1]);
    world.set(address(0), "up");
    world.setScale(address(0), 0);
    expectShares(tally(world, 10_000), [1, 1, 1]);
  });

  it("ignores the scale when nothing is up", () => {
    const world = weightedPool([3, 1]);
    world.set("p", "down");
    world.setScale(address(0), 0);
    expectShares(tally(world, 20_000), [3, 1]);
  });

  it("answers several without replacement, the first in proportion", () => {
    const world = weightedPool([60, 30, 10, 10], { maxAnswers: 2 });
    expectShares(tally(world, 20_000, 0), [60, 30, 10, 10]);
    const second = [0, 0, 0, 0];
    const weights = [60, 30, 10, 10];
    for (const [i, first] of weights.entries()) {
      for (const [j, next] of weights.entries()) {
        if (i !== j) second[j]! += (first / 110) * (next / (110 - first));
      }
    }
    expectShares(tally(world, 20_000, 1), second);
  });

  it("answers several of different subnets first", () => {
    const weights = [90, 50, 1].map((weight, i) => ({ address: address(i), weight }));
    const endpoints = [
      ...weights,
      { address: address(300), weight: 2 },
      { address: address(600), weight: 1 },
    ];
    const world = worldOf(endpoints, { select: "weighted", maxAnswers: 3 });
    for (let i = 0; i < 100; i++) {
      expect(new Set(world.ask().addresses.map((text) => text.split(".")[2])).size).toBe(3);
    }
    world.set(address(600), "down");
    for (let i = 0; i < 100; i++) expect(world.ask().addresses).toContain(address(300));
  });

  it("answers all in random order by weight when max_answers allows", () => {
    const world = weightedPool([6, 3, 1], { maxAnswers: 8 });
    for (let i = 0; i < 20; i++) expect(world.ask().addresses.sort()).toEqual(addresses(3));
    expectShares(tally(world, 20_000, 0), [6, 3, 1]);
  });

  it("answers the few that are up when more were wanted", () => {
    const world = weightedPool(new Array<number>(50).fill(4), { maxAnswers: 3 });
    world.set("p", "down");
    world.set(address(11), "up");
    world.set(address(12), "up");
    for (let i = 0; i < 20; i++) expect(world.ask().addresses.sort()).toEqual([address(11), address(12)]);
    expectShares(
      tally(world, 10_000, 0),
      addresses(50).map((_, i) => (i === 11 || i === 12 ? 1 : 0)),
    );
  });

  it("keeps the best keys when many compete for few places", () => {
    const weights = Array.from({ length: 40 }, (_, i) => 1 + (i % 4));
    const world = weightedPool([65_535, 65_535, ...weights], { maxAnswers: 3 });
    world.set(address(0), "down");
    world.set(address(1), "down");
    expectShares(tally(world, 15_000, 0), [0, 0, ...weights]);
  });

  it("weighs an endpoint once, however many addresses it has", () => {
    const world = worldOf(
      [
        { address: [address(0), address(1)], weight: 1 },
        { address: address(2), weight: 1 },
      ],
      { select: "weighted", maxAnswers: 1 },
    );
    expectShares(tally(world, 20_000), [1, 1, 2]);
  });

  it("weighs one endpoint after the other where the sum fits no word", () => {
    const world = weightedPool(new Array<number>(32_770).fill(65_535));
    world.set("p", "down");
    world.set(address(5), "up");
    expect(world.ask().addresses).toEqual([address(5)]);
  });

  it("passes over what is down in a large pool without looking at all of it", () => {
    const world = weightedPool(new Array<number>(10_000).fill(7));
    for (let row = 0; row < 10_000; row += 2) world.rows.endpoints[row * ENDPOINT_ROW_WORDS + ROW_STATE] = 0;
    for (let i = 0; i < 20; i++) {
      // A look at every endpoint throws a die for each that is up; a throw at the weights takes two for 53 bits.
      const dice = world.context.dice.slice();
      expect(world.ask().addresses).toHaveLength(1);
      let thrown = 0;
      while (dice[0] !== world.context.dice[0]) {
        nextDie(dice);
        thrown++;
      }
      expect(thrown).toBeLessThanOrEqual(32);
    }
  });
});
