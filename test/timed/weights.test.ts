import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chiSquare, criticalValue } from "../support/chi-square.ts";
import { buildQuery } from "../support/packet.ts";
import { type Steerd, startSteerd } from "../support/steerd.ts";
import { askAgain } from "../support/udp-burst.ts";

/**
 * Weights as resolvers meet them: real datagrams to a started server. The dice within a pool are free; those between
 * nodes are a hash of name, resolver and second, so that every draw has a resolver of its own among 127.0.0.0/8, or
 * another name.
 */
const pool = (weights: number[], net: number): string =>
  `{endpoints: [${weights.map((weight, i) => `{address: 192.0.${net}.${i}, weight: ${weight}}`).join(", ")}]}`;
const NAMES = 25;
const ZONE = `
pools:
  uneven: ${pool([100, 50, 25], 2)}
  close: ${pool([25, 30, 41], 3)}
  rare: ${pool([10_000, 1], 4)}
  a: {endpoints: [192.0.5.0]}
  b: {endpoints: [192.0.5.1]}
  c: {endpoints: [192.0.5.2]}
policies:
  shares: {weighted: {a: 100, b: 50, c: 25}}
records:
  uneven: {policy: uneven}
  close: {policy: close}
  rare: {policy: rare}
${Array.from({ length: NAMES }, (_, i) => `  node${i}: {policy: shares}`).join("\n")}
`;

let server: Steerd;
beforeAll(async () => {
  server = await startSteerd({ "gslb.example.yaml": ZONE });
});
afterAll(() => server.stop());

/** Adds answers by the last octet of their only address, with which a reply without EDNS ends. */
async function count(counts: number[], name: string, queries: number, from?: string): Promise<void> {
  const packet = buildQuery({ name: `${name}.gslb.example.`, type: "A" });
  const onReply = (reply: Buffer): void => {
    expect(reply.readUInt16BE(6)).toBe(1);
    counts[reply[reply.length - 1]!]! += 1;
  };
  await askAgain(server, packet, queries, onReply, from);
}

describe("weights through UDP", () => {
  it.each([
    ["uneven", [100, 50, 25], [100, 50, 30]],
    ["close", [25, 30, 41], [30, 30, 41]],
  ])("within the pool %s: shares as %s, and not as %s", async (name, weights, wrong) => {
    const counts = [0, 0, 0];
    await count(counts, name, 30_000);
    expect(chiSquare(counts, weights), `${counts}`).toBeLessThan(criticalValue(2));
    // As many queries as it takes to tell weights apart that differ by a fifth.
    expect(chiSquare(counts, wrong), `${counts}`).toBeGreaterThan(criticalValue(2));
  });

  it("within a pool of 10000 and 1: the rare one neither too often nor never", async () => {
    const counts = [0, 0];
    await count(counts, "rare", 150_000);
    // 15 are expected. Of Poisson's distribution, 0 and more than 38 are each left once in a million runs or less often.
    expect(counts[1], `${counts}`).toBeGreaterThan(0);
    expect(counts[1], `${counts}`).toBeLessThanOrEqual(38);
  });

  it("between nodes: shares as 100, 50, 25 over many resolvers and names", async () => {
    const counts = [0, 0, 0];
    for (let resolver = 0; resolver < 400; resolver++) {
      const from = `127.${1 + (resolver >> 6)}.${resolver & 63}.7`;
      const asked = Array.from({ length: NAMES }, (_, i) => count(counts, `node${i}`, 1, from));
      await Promise.all(asked);
    }
    expect(counts[0]! + counts[1]! + counts[2]!).toBe(10_000);
    expect(chiSquare(counts, [100, 50, 25]), `${counts}`).toBeLessThan(criticalValue(2));
    expect(chiSquare(counts, [100, 50, 35]), `${counts}`).toBeGreaterThan(criticalValue(2));
  });
});
