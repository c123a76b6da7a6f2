import { describe, expect, it } from "vitest";
import { chiSquare, criticalValue } from "../support/chi-square.ts";
import { adaptive, byLoad, createWorld, type Figures, pool, record, type World } from "../support/policy.ts";
import { type Random, seededRandom } from "../support/random.ts";

/** The same cases on every machine. */
const WORLDS = process.env.STEERD_LONG === undefined ? 300 : 10_000;
const KINDS = ["least_response_time", "least_connections", "p2c", "adaptive"] as const;
type Kind = (typeof KINDS)[number];

interface Case {
  kind: Kind;
  world: World;
  addresses: string[];
  weights: number[];
  figures: Figures[];
  up: boolean[];
}

/** A node over pools of one address, or a pool of as many endpoints; some without figures, some down, some of weight 0. */
function randomCase(random: Random, options: { isKnown?: boolean } = {}): Case {
  const count = 2 + random.below(random.chance(0.1) ? 90 : 5);
  const kind = random.pick(KINDS);
  const addresses = Array.from({ length: count }, (_, i) => `192.0.2.${i + 1}`);
  const weights = addresses.map(() => (random.chance(0.15) ? 0 : 1 + random.below(5)));
  weights[0] ||= 1;
  const up = addresses.map(() => random.chance(0.7));
  const figures = addresses.map((): Figures => {
    if (options.isKnown !== true && random.chance(0.2)) return {};
    const [responseMs, p99Ms, connections] = [1 + random.below(60), 1 + random.below(300), random.below(100)];
    return { responseMs, p99Ms, connections, load: random.below(100) / 100, errors: random.below(5) / 100 };
  });
  const parts = { connections: 1 + random.below(3), p99: random.below(3), errors: random.below(3) };
  const world = createWorld([
    record(
      random.chance(0.5)
        ? node(kind, addresses, weights, parts)
        : pool(
            "p",
            addresses.map((address, i) => ({ address, weight: weights[i]! })),
            { select: kind, maxAnswers: 1, parts: kind === "adaptive" ? parts : null },
          ),
    ),
  ]);
  for (const [i, address] of addresses.entries()) {
    world.setFigures(address, figures[i]!);
    if (!up[i]!) world.set(address, "down");
  }
  return { kind, world, addresses, weights, figures, up };
}

function node(kind: Kind, addresses: string[], weights: number[], parts: Record<string, number>) {
  const of = addresses.map((address, i) => [pool(address, [address]), weights[i]!] as [never, number]);
  return kind === "adaptive" ? adaptive(of, parts) : byLoad(kind, of);
}

/** Every address that dice and seconds lead to. */
function answers(world: World, asks: number): Set<string> {
  const found = new Set<string>();
  for (let i = 0; i < asks; i++)
    for (const address of world.ask({ second: 1 + i }).addresses) found.add(address);
  return found;
}

describe("policies by load over random figures", () => {
  it("answer nothing that is down, and weight 0 only, while something better is up", () => {
    const random = seededRandom(20_261);
    for (let n = 0; n < WORLDS; n++) {
      const { world, addresses, weights, up } = randomCase(random);
      const alive = addresses.filter((_, i) => up[i]!);
      const weighty = alive.filter((address) => weights[addresses.indexOf(address)]! > 0);
      const allowed = weighty.length > 0 ? weighty : alive.length > 0 ? alive : addresses;
      for (const address of answers(world, 20)) expect(allowed, `case ${n}`).toContain(address);
    }
  });

  it("are monotone: what gets better stays in the draw, and the answer is no worse than before", () => {
    const random = seededRandom(20_262);
    for (let n = 0; n < WORLDS; n++) {
      const { kind, world, addresses, figures } = randomCase(random, { isKnown: true });
      if (kind === "p2c" || addresses.length > 64) continue;
      const before = answers(world, 300);
      const better = random.pick([...before]);
      const old = figures[addresses.indexOf(better)]!;
      world.setFigures(better, {
        responseMs: old.responseMs! / 2,
        p99Ms: old.p99Ms! / 2,
        connections: Math.floor(old.connections! / 2),
        errors: old.errors! / 2,
      });
      const after = answers(world, 300);
      expect(after.has(better), `case ${n}, ${kind}`).toBe(true);
      for (const address of after) expect([...before], `case ${n}, ${kind}`).toContain(address);
    }
  });

  it("share by weight what nothing is known of", () => {
    const random = seededRandom(20_263);
    for (const kind of KINDS) {
      for (let n = 0; n < 4; n++) {
        const addresses = Array.from({ length: 4 }, (_, i) => `192.0.2.${i + 1}`);
        const weights = addresses.map(() => 1 + random.below(9));
        const parts = { connections: 1, p99: 1, errors: 1 };
        const world = createWorld([record(node(kind, addresses, weights, parts))]);
        const counts = addresses.map(() => 0);
        for (let i = 0; i < 4000; i++)
          counts[addresses.indexOf(world.ask({ second: 1 + i }).addresses[0]!)]!++;
        expect(chiSquare(counts, weights), `${kind} ${weights} ${counts}`).toBeLessThan(criticalValue(3));
      }
    }
  });
});
