import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { serveSnapshot } from "../../test/support/in-process.ts";
import { readMessage } from "../../test/support/message.ts";
import { buildQuery } from "../../test/support/packet.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { type CompiledConfig, compileConfig } from "./compile.ts";
import { createRowRegistry } from "./rows.ts";

/** An included file whose pools are names: answered as aliases, by their addresses, or looked up. */
const COMMON = `checks:
  web: {type: tcp, port: 25}
  slow: {type: tcp, port: 81, interval: 30s}
pools:
  cdn:
    check: slow
    endpoints: [{target: a.cdn.example.}, {target: b.cdn.example.}]
    select: round_robin
  other: {check: web, endpoints: [{target: c.cdn.example.}]}
  lb: {check: web, endpoints: [{resolve: lb.example.net., allow: [192.0.2.0/24]}]}
policies:
  names: {failover: {of: [cdn, other], failback: manual}}
`;

const KNOWN = new Map([
  ["a.cdn.example.", ["9.9.9.1", "9.9.9.2"]],
  ["b.cdn.example.", ["9.9.9.3"]],
  ["lb.example.net.", ["8.8.8.8"]],
]);

const zone = (records: string): string => `include: [common.yaml]\nrecords: ${records}\n`;

/** Compiles the same folder again and again, one generation after the other. */
function compiler(files: Record<string, string>) {
  const folder = configFolder({ "zones/include/common.yaml": COMMON, ...files });
  const rows = createRowRegistry(allocateHealthRows(256, 16), 0);
  let generation = 0;
  return {
    folder,
    compile: (known: ReadonlyMap<string, string[]> = KNOWN): CompiledConfig => {
      generation++;
      const compiled = compileConfig(folder.load(), { rows, previous: null, generation, known });
      if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.findings));
      return compiled;
    },
  };
}

const targetsOf = ({ plan }: CompiledConfig) =>
  plan.targets.map(({ zone: of, pool, address }) => `${of} ${pool} ${address}`);
const poolsOf = ({ plan }: CompiledConfig) => plan.pools.map(({ zone: of, pool }) => `${of} ${pool}`);

const FLAT_TARGETS = [
  "common.yaml cdn.flat 9.9.9.1",
  "common.yaml cdn.flat 9.9.9.2",
  "common.yaml cdn.flat 9.9.9.3",
];

describe("include, where pools are names", () => {
  test("zones that flatten an included pool share one pool of its addresses, with the pool's check", () => {
    const { compile } = compiler({
      "zones/a.example.yaml": zone("{'@': {policy: cdn, flatten: true}}"),
      "zones/b.example.yaml": zone("{www: {policy: {failover: [cdn, lb]}, flatten: true}}"),
    });
    const compiled = compile();
    expect(targetsOf(compiled)).toEqual([...FLAT_TARGETS, "common.yaml lb 8.8.8.8"]);
    expect(poolsOf(compiled)).toEqual(["common.yaml cdn.flat", "common.yaml lb"]);
    const checks = compiled.plan.targets.map(({ check }) => (check.type === "tcp" ? check.port : 0));
    expect(checks).toEqual([81, 81, 81, 25]);
    expect(compiled.wanted.map(({ name }) => name)).toEqual([...KNOWN.keys()]);
    const places = compiled.wanted.map(({ place }) => place.replace(/^.*zones/, "zones"));
    expect(places).toEqual([7, 7, 10].map((line) => `zones/include/common.yaml:${line}`));
  });

  test("one zone answers the names, another their addresses: each is probed for its own", () => {
    const { compile } = compiler({
      "zones/a.example.yaml": zone("{www: {policy: cdn}}"),
      "zones/b.example.yaml": zone("{www: {policy: cdn, flatten: true}}"),
    });
    const compiled = compile();
    expect(targetsOf(compiled)).toEqual([
      "common.yaml cdn a.cdn.example.",
      "common.yaml cdn b.cdn.example.",
      ...FLAT_TARGETS,
    ]);
    const { ask } = serveSnapshot(compiled.snapshot);
    const first = (name: string) => readMessage(ask(buildQuery({ name }))!).answer[0];
    expect(first("www.a.example.")).toMatchObject({ type: 5 });
    expect(first("www.b.example.")).toMatchObject({ type: 1, rdata: expect.stringMatching(/^090909/) });
  });

  test("a latch of an included policy is one for all zones, and one more where it is flattened", () => {
    const { compile } = compiler({
      "zones/a.example.yaml": zone("{www: {policy: names, flatten: true}}"),
      "zones/b.example.yaml": zone("{www: {policy: names, flatten: true}}"),
      "zones/c.example.yaml": zone("{www: {policy: names}}"),
    });
    const latches = compile().plan.failback!.latches;
    expect(latches.map(({ zone: of, policy }) => `${of} ${policy}`)).toEqual([
      "common.yaml policies.names.flat",
      "common.yaml policies.names",
    ]);
    expect(new Set(latches.map(({ row }) => row)).size).toBe(2);
  });

  test("rows stay while addresses come and go, also where only one of the zones changes", () => {
    const { compile, folder } = compiler({
      "zones/a.example.yaml": zone("{www: {policy: cdn, flatten: true}}"),
      "zones/b.example.yaml": zone("{www: {policy: cdn, flatten: true}}"),
    });
    folder.age();
    const rowsOf = ({ plan }: CompiledConfig) =>
      Object.fromEntries(plan.targets.map(({ address, row }) => [address, row]));
    const before = rowsOf(compile());
    folder.write(
      "zones/a.example.yaml",
      zone("{www: {policy: cdn, flatten: true}, more: {policy: cdn, flatten: true}}"),
    );
    const after = compile(new Map([...KNOWN, ["b.cdn.example.", ["9.9.9.4"]]]));
    const { "9.9.9.3": _gone, ...kept } = before;
    expect(rowsOf(after)).toEqual({ ...kept, "9.9.9.4": 3 });
    expect(poolsOf(after)).toEqual(["common.yaml cdn.flat"]);
  });

  test("a tree may not mix included names with addresses of its own", () => {
    const folder = configFolder({
      "zones/include/common.yaml": COMMON,
      "zones/a.example.yaml":
        "include: [common.yaml]\npools: {own: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: {failover: [cdn, own]}}}\n",
    });
    expect(folder.findings()).toEqual([
      expect.stringMatching(
        /^zones\/a\.example\.yaml:3:17 CFG_TARGET_MIXED www: the pool cdn has targets, and the pool own has addresses/,
      ),
    ]);
  });
});
