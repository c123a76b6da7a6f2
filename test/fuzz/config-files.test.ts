import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../src/config/findings.ts";
import { loadYaml, reporterOn } from "../../src/config/load-yaml.ts";
import { resolveZone } from "../../src/config/resolve-zone.ts";
import { zoneSchema } from "../../src/config/schema-zone.ts";
import { buildPolicy } from "../../src/policy/build.ts";
import { nameOctets } from "../support/packet.ts";
import { type Random, seededRandom } from "../support/random.ts";

const example = readFileSync(resolve(import.meta.dirname, "../../zones/gslb.example.yaml"), "utf8");
const errorPage = readFileSync(resolve(import.meta.dirname, "../../docs/errors.md"), "utf8");
const apex = Uint8Array.from(nameOctets("gslb.example."));
const RUNS = process.env.STEERD_LONG === "1" ? 30_000 : 1000;

/** What people type by mistake, and what YAML gives a meaning to. */
const PIECES = [
  ..."{}[]:,-&*!|>'\"%@`#?\t\n \\\r\u0000\u00e9",
  "\n  ",
  "- ",
  ": ",
  "*a",
  "&a ",
  "<<: ",
  "null",
  "~",
  "-1",
  "1e999",
  ".nan",
  "0x1f",
  "!!binary ",
  "---\n",
  "...\n",
  "::",
  "[::1]:53",
  "__proto__: ",
  "constructor: ",
  "failover: ",
  "of: ",
  "node: ",
  "weight: 0",
  "us",
  "default: ",
  "policies:\n",
  "1s",
  "\uFEFF",
  "😀",
];

function mutate(text: string, random: Random): string {
  let mutated = text;
  for (let round = random.below(4); round >= 0; round--) {
    const at = random.below(mutated.length);
    const length = random.below(random.chance(0.2) ? 200 : 6);
    const piece = random.chance(0.3) ? text.slice(at, at + random.below(60)) : random.pick(PIECES);
    mutated = mutated.slice(0, at) + piece + mutated.slice(at + length);
  }
  return mutated;
}

describe("a zone's YAML file with anything in it", () => {
  test("gives a policy that can be built, or errors with a place and an entry in the documentation", () => {
    const random = seededRandom(20_260_101);
    let sound = 0;
    const codes = new Set<string>();
    for (let run = 0; run < RUNS; run++) {
      const text = mutate(example, random);
      const findings: Finding[] = [];
      const yaml = loadYaml(new TextEncoder().encode(text), "zone.yaml", zoneSchema);
      findings.push(...yaml.findings);
      const zone =
        yaml.input === null
          ? null
          : resolveZone("gslb.example", apex, yaml.input, reporterOn(yaml, findings));
      const errors = findings.filter(({ severity }) => severity === "error");
      const lines = text.split(/\r\n|\r|\n/).length + 1;
      for (const { code, line, column, what } of findings) {
        codes.add(code);
        expect(what).not.toMatch(/undefined|\[object|Invalid input/);
        expect(line, `${code} ${what}`).toBeLessThanOrEqual(lines);
        expect(line === 0 ? code : "", what).toMatch(line === 0 ? /^CFG_FINDINGS_CUT$/ : /^$/);
        expect(column).toBeGreaterThanOrEqual(line === 0 ? 0 : 1);
      }
      if (yaml.input === null) expect(errors, text).not.toEqual([]);
      if (zone === null || errors.length > 0) continue;
      sound++;
      buildPolicy(zone.records.map(({ model }) => model));
    }
    expect(sound).toBeGreaterThan(RUNS / 50);
    expect(codes.size).toBeGreaterThan(12);
    for (const code of codes) expect(errorPage).toContain(`## ${code}\n`);
  });
});
