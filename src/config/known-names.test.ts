import { describe, expect, test } from "vitest";
import { configFolder, serverOptions, zoneFindings } from "../../test/support/config-folder.ts";
import { serveSnapshot } from "../../test/support/in-process.ts";
import { readMessage } from "../../test/support/message.ts";
import { buildQuery } from "../../test/support/packet.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { type CompiledConfig, compileConfig } from "./compile.ts";
import { createRowRegistry } from "./rows.ts";
import { SELECTS } from "./vocabulary.ts";

const YAML = `checks: {web: {type: tcp, port: 9000}}
pools:
  p: {check: web, endpoints: [{name: lb, resolve: lb.example, interval: 5s}]}
  q: {endpoints: [{resolve: LB.example., max: 2}]}
records: {www: {policy: {failover: [p, q]}}}
`;

/** Compiles again and again, one generation after the other. */
function compiler(yaml = YAML): (known: Record<string, string[]>) => CompiledConfig {
  const folder = configFolder({ "zones/a.example.yaml": yaml });
  const rows = createRowRegistry(allocateHealthRows(256, 16), 0);
  const loaded = folder.load();
  let generation = 0;
  return (known) => {
    generation++;
    const options = { rows, previous: null, generation, known: new Map(Object.entries(known)) };
    const compiled = compileConfig(loaded, options);
    if (!("snapshot" in compiled)) throw new Error(JSON.stringify(compiled.findings));
    return compiled;
  };
}

const targetsOf = ({ plan }: CompiledConfig) => plan.targets.map(({ address, row }) => `${address} ${row}`);
const codesOf = ({ findings }: CompiledConfig) =>
  findings.map(({ code, line, what }) => `${line} ${code} ${what}`);

describe("addresses of a name", () => {
  test("keep their rows whatever comes, goes or changes places", () => {
    const compile = compiler();
    expect(targetsOf(compile({}))).toEqual([]);
    expect(targetsOf(compile({ "lb.example.": ["192.0.2.2", "192.0.2.1"] }))).toEqual([
      "192.0.2.1 0",
      "192.0.2.2 1",
    ]);
    expect(targetsOf(compile({ "lb.example.": ["192.0.2.1", "192.0.2.2"] }))).toEqual([
      "192.0.2.1 0",
      "192.0.2.2 1",
    ]);
    expect(targetsOf(compile({ "lb.example.": ["192.0.2.2", "192.0.2.0"] }))).toEqual([
      "192.0.2.0 2",
      "192.0.2.2 1",
    ]);
  });

  test("a name that two endpoints ask for is looked up once, as often as the quicker one asks", () => {
    const { wanted } = compiler()({});
    expect(wanted).toEqual([
      { name: "lb.example.", intervalMs: 5000, place: expect.stringMatching(/a\.example\.yaml:3$/) },
    ]);
  });

  test("row 63: of 1,000 addresses 64 are used at most, and a warning says so", () => {
    const many = Array.from({ length: 1000 }, (_, i) => `192.0.${2 + (i >> 8)}.${i & 255}`).reverse();
    const compiled = compiler(YAML.replace("interval: 5s", "max: 64"))({ "lb.example.": many });
    expect(compiled.plan.targets).toHaveLength(64);
    expect(compiled.plan.targets[0]!.address).toBe("192.0.2.0");
    expect(codesOf(compiled)[0]).toBe(
      "3 CFG_NAME_CAPPED pools.p: lb.example. has 1000 addresses, and 64 are used",
    );
    expect(zoneFindings(YAML.replace("interval: 5s", "max: 65"))).toEqual([
      expect.stringContaining("CFG_VALUE_INVALID"),
    ]);
  });

  test("row 64: link-local and metadata addresses are refused, and a warning names them", () => {
    const compiled = compiler()({ "lb.example.": ["169.254.169.254", "fd00:ec2::254", "192.0.2.1"] });
    expect(targetsOf(compiled)).toEqual(["192.0.2.1 0"]);
    expect(codesOf(compiled)[0]).toBe(
      "3 CFG_NAME_REFUSED pools.p: lb.example. leads to 169.254.169.254, in 169.254.0.0/16, link local, with metadata services: the address is not used",
    );
  });

  test("what is no address is left out", () => {
    expect(targetsOf(compiler()({ "lb.example.": ["192.0.2.1", "fe80::1%1", "x"] }))).toEqual([
      "192.0.2.1 0",
    ]);
  });
});

test.each(SELECTS)("select: %s takes a pool of which nothing is known yet", (select) => {
  const yaml = `pools: {p: {select: ${select}, endpoints: [{resolve: lb.example}]}}\nrecords: {www: {policy: p}}\n`;
  const ask = (known: Record<string, string[]>) => {
    const server = serveSnapshot(compiler(yaml)(known).snapshot);
    return readMessage(server.ask(buildQuery({ name: "www.a.example." }))!);
  };
  expect([ask({}).rcode, ask({}).answer.length]).toEqual([0, 0]);
  expect(ask({ "lb.example.": ["192.0.2.1"] }).answer.map(({ rdata }) => rdata)).toEqual(["c0000201"]);
});

describe("flatten", () => {
  test("names that no record answers are not probed", () => {
    const yaml =
      "checks: {web: {type: tcp, port: 9000}}\npools: {c: {check: web, endpoints: [{target: a.example.}]}}\n";
    const flat = `${yaml}records: {www: {policy: c, flatten: true}}\n`;
    expect(
      compiler(flat)({ "a.example.": ["192.0.2.1"] }).plan.targets.map(({ address }) => address),
    ).toEqual(["192.0.2.1"]);
    const both = `${yaml}records: {www: {policy: c, flatten: true}, name: {policy: c}}\n`;
    const { plan } = compiler(both)({ "a.example.": ["192.0.2.1"] });
    expect(plan.targets.map(({ address, pool }) => `${pool} ${address}`)).toEqual([
      "c a.example.",
      "c.flat 192.0.2.1",
    ]);
  });
});

test("resolvers are addresses, with a port where it is not 53", () => {
  expect(serverOptions('resolvers: [192.0.2.53, "127.0.0.1:5353", "[::1]:53"]\n').options!.resolvers).toEqual(
    ["192.0.2.53", "127.0.0.1:5353", "[::1]:53"],
  );
  expect(serverOptions("resolvers: [dns.example]\n").findings).toEqual([
    expect.stringContaining("1:13 CFG_VALUE_INVALID"),
  ]);
});
