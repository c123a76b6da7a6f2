import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import * as z from "zod";
import { jsonSchema, type SchemaName } from "./json-schema.ts";
import { referencePage } from "./reference.ts";

const root = resolve(import.meta.dirname, "../..");

/** Whether a document fits a schema, by a reading of the schema that is not ours. */
function fits(name: SchemaName, text: string): boolean {
  return z.fromJSONSchema(jsonSchema(name) as never).safeParse(parse(text)).success;
}

const POOLS = "pools: {us: {endpoints: [192.0.2.1]}}\n";

describe("the JSON Schemas", () => {
  test("take the examples", () => {
    expect(fits("zone", readFileSync(resolve(root, "zones/gslb.example.yaml"), "utf8"))).toBe(true);
    expect(
      fits("server", "listen: [127.0.0.1:53]\nworkers: auto\ngeo: {city: a}\nnameservers: [ns1.example.]\n"),
    ).toBe(true);
    expect(fits("zone", "{}")).toBe(true);
    expect(fits("include", `include: [base.yaml]\n${POOLS}`)).toBe(true);
    expect(fits("overrides", "overrides: [{match: pool:eu, state: drain, weight: 50%}]")).toBe(true);
    expect(fits("server", "{}")).toBe(true);
  });

  test.each([
    ["server", "listne: [127.0.0.1:53]"],
    ["server", "workers: 0"],
    ["overrides", "overrides: [{match: pool:eu, state: dran}]"],
    ["overrides", "overrides: [{state: drain}]"],
    ["include", "records: {www: {policy: us}}"],
    ["zone", "include: [../common.yaml]"],
    ["zone", "pools: {us: {enpoints: [192.0.2.1]}}"],
    ["zone", "pools: {Us: {endpoints: [192.0.2.1]}}"],
    ["zone", "checks: {web: {type: udp}}"],
    ["zone", "checks: {web: {type: tcp}}"],
    ["zone", `${POOLS}records: {www: {policy: {falover: [us]}}}`],
    ["zone", `${POOLS}records: {www: {policy: {failover: [us], weighted: {us: 1}}}}`],
    ["zone", `${POOLS}records: {www: {policy: {failover: []}}}`],
    ["zone", `${POOLS}records: {www: {policy: {failover: [{geo: {EU: {nearst: [us]}}}]}}}`],
    ["zone", `${POOLS}records: {www: {policy: us, last_resort: none}}`],
  ] as const)("%s refuses %s", (name, text) => {
    expect(fits(name, text)).toBe(false);
  });

  test("name policies once, however deep they nest", () => {
    const { $defs, $schema, title } = jsonSchema("zone") as { $defs: object; $schema: string; title: string };
    expect(Object.keys($defs)).toContain("policy");
    expect([$schema, title]).toEqual([
      "https://json-schema.org/draft/2020-12/schema",
      "steerd zones/<origin>.yaml",
    ]);
    expect(JSON.stringify(jsonSchema("zone"))).not.toContain(String(Number.MAX_SAFE_INTEGER));
  });
});

describe("docs/reference.md", () => {
  const path = resolve(root, "docs/reference.md");
  const page = referencePage((section) =>
    readFileSync(resolve(root, `docs/examples/${section}.yaml`), "utf8"),
  );

  test("is what the schema says: run node scripts/reference.mjs", () => {
    expect(readFileSync(path, "utf8")).toBe(page);
  });

  test("says something of every key", () => {
    const rows = page.split("\n").filter((line) => line.startsWith("| `"));
    expect(rows.length).toBeGreaterThan(60);
    for (const row of rows) expect(row.split(" | ").at(-1)!.length, row).toBeGreaterThan(10);
  });

  test("has an example of every key, and no example that no section shows", () => {
    const sections = page.split(/^(?=##)/m).slice(1);
    for (const section of sections) {
      const [, example] = section.match(/^```yaml\n([\s\S]*?)^```$/m)!;
      for (const [, key] of section.matchAll(/^\| `(\w+)`/gm))
        expect(example, section.split("\n", 1)[0]).toMatch(new RegExp(`(^|[\\s{])${key}:\\s`, "m"));
    }
    expect(readdirSync(resolve(root, "docs/examples"))).toHaveLength(sections.length);
  });

  test("shows defaults, required keys and ranges", () => {
    expect(page).toContain("| `interval` | duration, 100ms to 1h | `2s` |");
    expect(page).toContain("| `port` | integer from 1 to 65535 | required |");
    expect(page).toContain("| `listen` | list of address:port | `127.0.0.1:5300`, `[::1]:5300` |");
  });
});
