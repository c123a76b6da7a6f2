import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { checkIndexMemory, formatOctets, type IndexSize, largestIndexes } from "./index-memory.ts";

function size(name: string, octets: number): IndexSize {
  return {
    kind: "geo",
    name,
    octets,
    records: 1,
    reused: false,
    tiles4: 1,
    tiles6: 1,
    longest4: 0,
    longest6: 0,
    fine4: 0,
    fine6: 0,
  };
}

describe("the budget of all indexes", () => {
  test("is kept up to its last octet", () => {
    expect(checkIndexMemory([size("a", 600), size("b", 424)], 1024, "steerd.yaml")).toBeNull();
  });

  test("exceeded is an error that names the three largest", () => {
    const sizes = [size("a", 10 * 2 ** 20), size("b", 512), size("c", 2048), size("d", 3 * 2 ** 20)];
    expect(checkIndexMemory(sizes, 13 * 2 ** 20, "steerd.yaml")).toMatchObject({
      severity: "error",
      code: "CFG_LIMIT_INDEX",
      file: "steerd.yaml",
      what: "the prefix indexes take 13.0 MiB or more, the largest of them a (10.0 MiB), d (3.0 MiB), c (2.0 KiB)",
      expected: "at most 13.0 MiB, which index_memory in steerd.yaml can raise",
    });
  });

  test("is told in units that people read", () => {
    expect([0, 1024, 2 ** 20 - 1, 2 ** 20, 17_000_000].map(formatOctets)).toEqual([
      "0.0 KiB",
      "1.0 KiB",
      "1024.0 KiB",
      "1.0 MiB",
      "16.2 MiB",
    ]);
    expect(largestIndexes([size("a", 1), size("b", 2)], 1).map(({ name }) => name)).toEqual(["b"]);
  });
});

test("each index is named after the first record that reads it, and knows how many do", () => {
  const folder = configFolder({
    "zones/a.example.yaml": [
      "pools: {a: {endpoints: [192.0.2.1]}, b: {endpoints: [192.0.2.2]}}",
      "policies: {near: {geo: {EU: a, default: b}}}",
      "records:",
      "  www: {policy: near}",
      "  api: {policy: {subnets: {81.2.69.0/24: near, default: b}}}",
      '  "@": {policy: {geo: {EU: b, default: a}}}',
      "",
    ].join("\n"),
  });
  const compiled = folder.compile();
  if (!("report" in compiled)) throw new Error(JSON.stringify(compiled.findings));
  const { tables } = compiled.report;
  expect(tables.map(({ name, records }) => `${name} ${records}`).sort()).toEqual([
    "geo of www.a.example 3",
    "subnets of api.a.example 1",
  ]);
  expect(tables.every(({ octets }) => octets > 0)).toBe(true);
});

test("with too small a budget the configuration is refused, and what is beyond it is not made", () => {
  const keys = Array.from({ length: 40_000 }, (_, at) => `81.${at >> 8}.${at & 255}.128/25: a`);
  const policy = (first: string) => `{policy: {subnets: {${first}: b, ${keys.join(", ")}, default: b}}}`;
  const folder = configFolder({
    "steerd.yaml": "geo: {country: countries.mmdb}\nnameservers: [ns1.example.net.]\nindex_memory: 1 MiB\n",
    "zones/a.example.yaml":
      "pools: {a: {endpoints: [192.0.2.1]}, b: {endpoints: [192.0.2.2]}}\nrecords:\n" +
      `  www: ${policy("9.0.0.0/8")}\n  api: {policy: {subnets: {8.0.0.0/8: a, default: b}}}\n`,
  });
  const found = folder.findings().filter((line) => !line.startsWith("warning"));
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(
    /^steerd\.yaml CFG_LIMIT_INDEX the prefix indexes take \d+\.\d MiB or more.*subnets of www\.a\.example \(/,
  );
  expect(found[0]).not.toContain("api.a.example");
});
