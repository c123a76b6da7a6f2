import { beforeEach, describe, expect, it } from "vitest";
import { type ConfigFolder, configFolder } from "../../test/support/config-folder.ts";
import { type CompiledConfig, compileConfig } from "../config/compile.ts";
import { createRowRegistry } from "../config/rows.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { allocateBlocks, type SharedBlocks, WORD_GENERATION, WORD_OPEN } from "../serve/blocks.ts";
import { createExpiries, type Expiries } from "./expiries.ts";

const ZONE = `
ttl: 30
checks: {web: {type: http}}
pools:
  eu: {check: web, endpoints: [192.0.2.1]}
  us: {check: web, endpoints: [198.51.100.1]}
records:
  www: {policy: {failover: [eu, us]}}
  slow: {policy: us, ttl: 5m}
`;

let folder: ConfigFolder;
let blocks: SharedBlocks;
let expiries: Expiries;
let nowMs: number;
let generation: number;

function compile(): CompiledConfig {
  const rows = createRowRegistry(allocateHealthRows(64, 16), 0);
  const config = compileConfig(folder.load(), { rows, previous: null, generation: ++generation });
  if (!("snapshot" in config)) throw new Error(JSON.stringify(config.findings));
  return config;
}

/** Of the addresses by their text, as seconds from now. */
function letGo(config: CompiledConfig): Record<string, number> {
  return Object.fromEntries(
    config.names.policy.addresses.map(({ text }, i) => [text, (expiries.letGoMs(i) - nowMs) / 1000]),
  );
}

function swap(): void {
  for (const { words } of [blocks.stream, ...blocks.udp]) {
    words[WORD_OPEN] = 1;
    words[WORD_GENERATION] = generation;
  }
}

beforeEach(() => {
  folder = configFolder({ "zones/example.com.yaml": ZONE });
  blocks = allocateBlocks(2);
  nowMs = 1_700_000_000_000;
  generation = 0;
  expiries = createExpiries(blocks, () => nowMs);
});

describe("when resolvers have let go", () => {
  it("is after the longest TTL at first: nobody knows what a process before this one gave out", () => {
    const config = compile();
    expiries.adopt(config);
    swap();
    expect(letGo(config)).toEqual({ "192.0.2.1": 32, "198.51.100.1": 302 });
    nowMs += 400_000;
    expect(letGo(config)).toEqual({ "192.0.2.1": -368, "198.51.100.1": -98 });
  });

  it("is the greatest expiry over all workers, to the end of its second", () => {
    const config = compile();
    expiries.adopt(config);
    swap();
    nowMs += 400_000;
    const [row] = config.plan.targets.map((target) => target.row);
    blocks.stream.expiries[row!] = nowMs / 1000 + 3;
    blocks.udp[1]!.expiries[row!] = nowMs / 1000 + 7;
    expect(letGo(config)["192.0.2.1"]).toBe(8);
  });

  it("is not moved by a reload, but is again the longest TTL for an address that gets another row", () => {
    expiries.adopt(compile());
    swap();
    nowMs += 400_000;
    const same = compile();
    expiries.adopt(same);
    swap();
    expect(letGo(same)["192.0.2.1"]).toBe(-368);
    folder.write("zones/example.com.yaml", ZONE.replaceAll("web", "other"));
    const renamed = compile();
    expiries.adopt(renamed);
    swap();
    expect(letGo(renamed)["192.0.2.1"]).toBe(32);
  });

  it("stays ahead while a worker may still answer from the snapshot before", () => {
    expiries.adopt(compile());
    swap();
    nowMs += 400_000;
    const next = compile();
    expiries.adopt(next);
    expect(letGo(next)["192.0.2.1"]).toBe(30);
    nowMs += 10_000;
    expect(letGo(next)["192.0.2.1"]).toBe(30);
    swap();
    expect(letGo(next)["192.0.2.1"]).toBe(-378);
  });
});
