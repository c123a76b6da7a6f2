import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { serveFiles } from "../../test/support/in-process.ts";
import { decide } from "../policy/decide.ts";
import type { Trace } from "../policy/trace.ts";
import { DECIDED_ADDRESSES } from "../wire/answer.ts";

const WEB = "checks: {web: {type: tcp, port: 25}}\n";

/** Policies in which each names the one below it several times. */
function nested(depth: number, shape: (name: string) => string): string {
  let text = `${WEB}pools: {p0: {check: web, endpoints: [192.0.2.1]}, other: {check: web, endpoints: [192.0.2.2]}}\npolicies:\n`;
  for (let i = 1; i <= depth; i++) text += `  p${i}: ${shape(`p${i - 1}`)}\n`;
  return `${text}records: {www: {policy: p${depth}}}\n`;
}

/** Nodes that a decision walks while every checked address is down. Counted, not timed: the same on a busy machine. */
function walksWhenDown(yaml: string): number {
  const { context } = serveFiles({
    "steerd.yaml": "nameservers: [ns1.example.net.]\n",
    "a.example.yaml": yaml,
  });
  let walks = 0;
  const ignore = () => {};
  const trace: Trace = {
    table: ignore,
    pass: ignore,
    enter: () => {
      walks++;
      if (walks > 10_000) throw new Error("endless");
    },
    draw: ignore,
    outdone: ignore,
    entry: ignore,
    again: ignore,
    leftOut: ignore,
    leave: ignore,
    latch: ignore,
    pool: ignore,
    lastResort: ignore,
    picked: ignore,
    ttl: ignore,
  };
  context.trace = trace;
  decide(context, 0, 1, 4);
  context.trace = null;
  expect(context.answer.decision).toBe(DECIDED_ADDRESSES);
  return walks;
}

describe("a decision while everything is down", () => {
  // Without a memory of what has failed, 2^15 walks or more in each of two passes.
  test.each([
    ["failover", (name: string) => `{failover: [${name}, ${name}]}`],
    ["weighted", (name: string) => `{weighted: [${name}, {node: ${name}, weight: 2}]}`],
    ["round_robin", (name: string) => `{round_robin: [${name}, ${name}]}`],
    ["geo", (name: string) => `{geo: {EU: ${name}, NA: ${name}, default: {failover: [${name}, ${name}]}}}`],
    ["p2c", (name: string) => `{p2c: [${name}, ${name}]}`],
    ["least_connections", (name: string) => `{least_connections: [${name}, ${name}]}`],
  ])("does not walk what %s nodes share again and again", (_, shape) => {
    expect(walksWhenDown(nested(15, shape))).toBeLessThan(300);
  });
});

test("what failed is forgotten also where the numbers of decisions begin again", () => {
  const yaml = "pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: {failover: [{all: [us]}]}}}\n";
  const { context } = serveFiles({
    "steerd.yaml": "nameservers: [ns1.example.net.]\n",
    "a.example.yaml": yaml,
  });
  context.walkMark = 0x7ffffff0;
  context.failures.fill(0x7ffffff2);
  for (let i = 0; i < 3; i++) decide(context, 0, 1, 4);
  expect([context.answer.decision, context.walkMark]).toEqual([DECIDED_ADDRESSES, 12]);
});

describe("unions of unions", () => {
  const found = (depth: number) =>
    configFolder({ "zones/a.example.yaml": nested(depth, (name) => `{all: [${name}, ${name}]}`) })
      .findings()
      .filter((line) => !line.includes("CFG_UNUSED"));

  test("are refused where every decision would walk them too often", () => {
    expect(found(6)).toEqual([]);
    expect(found(7)).toEqual([
      "zones/a.example.yaml:11:17 CFG_LIMIT_UNION www: every decision would walk 255 policies and pools, since all walks each of its own every time: expected at most 128",
    ]);
  });

  test("however deep", () => {
    expect(found(31)).toEqual([expect.stringContaining("CFG_LIMIT_UNION")]);
  });
});

test("more alternatives than a query has time for are refused, keys not counted", () => {
  const found = (count: number) => {
    const names = Array.from({ length: count }, (_, i) => `p${i}`);
    const pools = names.map((name, i) => `  ${name}: {endpoints: [10.0.${i >> 8}.${i & 255}]}\n`).join("");
    const policy = `{geo: {EU: many, default: {weighted: {many: 1, p0: 1}}}}`;
    return configFolder({
      "zones/a.example.yaml": `pools:\n${pools}policies:\n  many: {failover: [${names.join(", ")}]}\nrecords:\n  www: {policy: ${policy}}\n`,
    }).findings();
  };
  expect(found(1998)).toEqual([]);
  expect(found(1999)).toEqual([
    "zones/a.example.yaml:2004:9 CFG_LIMIT_ALTERNATIVES www: its policy has 2001 alternatives, and with everything down a decision tries them all: expected at most 2000",
  ]);
});

test("what unions walk again and again counts each time", () => {
  const pools = Array.from({ length: 200 }, (_, i) => `p${i}`);
  const text = (unions: number) =>
    `pools: {${pools.map((name, i) => `${name}: {endpoints: [10.0.0.${i}]}`).join(", ")}}\npolicies:\n  x: {hash: [${pools.join(", ")}]}\n` +
    `${Array.from({ length: unions }, (_, i) => `  y${i}: {failover: [x]}\n`).join("")}records:\n  www: {policy: {all: [${Array.from({ length: unions }, (_, i) => `y${i}`).join(", ")}]}}\n`;
  const found = (unions: number) => configFolder({ "zones/a.example.yaml": text(unions) }).findings();
  expect(found(9)).toEqual([]);
  expect(found(10)).toEqual([
    expect.stringContaining("CFG_LIMIT_ALTERNATIVES www: its policy has 2020 alternatives"),
  ]);
});
