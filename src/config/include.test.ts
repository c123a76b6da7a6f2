import { symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { selectAddresses, selectablePools } from "../cli/selectors.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { type CompiledConfig, compileConfig } from "./compile.ts";
import { createRowRegistry } from "./rows.ts";

const COMMON = `checks:
  web: {type: tcp, port: 25}
regions:
  dublin: {location: [53.3, -6.3]}
groups:
  dach: [DE, AT, CH]
pools:
  eu: {region: dublin, check: web, endpoints: [198.51.100.10]}
  us: {check: web, endpoints: [192.0.2.10]}
policies:
  both: {failover: {of: [eu, us], failback: manual}}
`;
const zone = (policy: string, more = "", include = "common.yaml"): string =>
  `include: [${include}]\n${more}records:\n  www: {policy: ${policy}}\n`;

function compiled(result: ReturnType<typeof compileConfig>): CompiledConfig {
  if (!("snapshot" in result)) throw new Error(JSON.stringify(result.findings));
  return result;
}

describe("include", () => {
  test("makes a pool one object for all zones: one row set, one plan, one selector", () => {
    const folder = configFolder({
      "zones/include/common.yaml": COMMON,
      "zones/a.example.yaml": zone("{geo: {dach: both, default: us}}"),
      "zones/b.example.yaml": zone("both"),
      "zones/c.example.yaml": zone("us"),
    });
    const { plan, names, findings, report } = compiled(folder.compile());
    expect(findings).toEqual([]);
    expect(report).toMatchObject({ zones: 3, pools: 2, targets: 2 });
    expect(plan.targets.map(({ zone: of, pool, address }) => [of, pool, address])).toEqual([
      ["common.yaml", "us", "192.0.2.10"],
      ["common.yaml", "eu", "198.51.100.10"],
    ]);
    expect(plan.pools.map(({ zone: of, pool }) => [of, pool])).toEqual([
      ["common.yaml", "us"],
      ["common.yaml", "eu"],
    ]);
    expect(plan.failback?.latches.map(({ zone: of, policy }) => [of, policy])).toEqual([
      ["common.yaml", "policies.both"],
    ]);
    const pools = selectablePools(names.policy);
    for (const selector of ["pool:us", "pool:common.yaml/us", "pool:common.yaml/us/192.0.2.10"])
      expect(selectAddresses(selector, pools), selector).toMatchObject({ addresses: [expect.any(Number)] });
    expect(selectAddresses("pool:a.example/us", pools)).toHaveProperty("what");
  });

  test("checks and regions of an included file serve the zone's own pools, and groups its keys", () => {
    const more = "pools: {own: {region: dublin, check: web, endpoints: [203.0.113.1]}}\n";
    const folder = configFolder({
      "zones/include/common.yaml": COMMON,
      "zones/a.example.yaml": zone("{nearest: [own, {node: us, location: [38.9, -77]}]}", more),
    });
    const { plan } = compiled(folder.compile());
    expect(plan.targets.map(({ zone: of, pool, check }) => [of, pool, check.type])).toEqual([
      ["a.example", "own", "tcp"],
      ["common.yaml", "us", "tcp"],
    ]);
  });

  test("an included file can include others; what several of them include is no clash", () => {
    const folder = configFolder({
      "zones/include/base.yaml": "checks: {web: {type: tcp, port: 25}}\n",
      "zones/include/eu.yaml": "include: [base.yaml]\npools: {eu: {check: web, endpoints: [192.0.2.1]}}\n",
      "zones/include/us.yaml": "include: [base.yaml]\npools: {us: {check: web, endpoints: [192.0.2.2]}}\n",
      "zones/a.example.yaml": zone("{failover: [eu, us]}", "", "eu.yaml, us.yaml"),
    });
    expect(compiled(folder.compile()).plan.targets).toHaveLength(2);
  });

  test("files of the folder are no zones, and those that nobody includes are not read", () => {
    const folder = configFolder({
      "zones/include/common.yaml": COMMON,
      "zones/include/broken.yaml": "pools: [",
      "zones/a.example.yaml": zone("us"),
    });
    expect(compiled(folder.compile()).names.zones).toEqual(["a.example"]);
  });

  test("a changed file is read again, and nothing else; rows stay with what stays", () => {
    const folder = configFolder({
      "zones/include/common.yaml": COMMON,
      "zones/a.example.yaml": zone("both"),
      "zones/b.example.yaml": zone("us"),
    });
    folder.age();
    const rows = createRowRegistry(allocateHealthRows(64, 8), 0);
    const compile = (previous: CompiledConfig | null, generation: number) =>
      compiled(compileConfig(folder.load(), { rows, previous, generation }));
    const first = compile(null, 1);
    const parsed = folder.cache.parsed;
    folder.write("zones/include/common.yaml", COMMON.replace("[192.0.2.10]", "[192.0.2.10, 192.0.2.11]"));
    const second = compile(first, 2);
    expect(folder.cache.parsed).toBe(parsed + 1);
    expect(second.plan.targets.map(({ address, row }) => [address, row])).toEqual([
      ["198.51.100.10", 0],
      ["192.0.2.10", 1],
      ["192.0.2.11", 2],
    ]);
    expect(second.plan.failback?.latches[0]?.row).toBe(first.plan.failback?.latches[0]?.row);
  });

  test("the generated SOA changes with an included file", () => {
    const folder = configFolder({ "zones/include/common.yaml": COMMON, "zones/a.example.yaml": zone("us") });
    const octets = () => Buffer.from(compiled(folder.compile()).snapshot.zones.octets).toString("hex");
    const before = octets();
    folder.write("zones/include/common.yaml", COMMON.replace("192.0.2.10", "192.0.2.12"));
    expect(octets()).not.toBe(before);
  });
});

describe("bad includes", () => {
  test.each([
    [
      "a missing file, with what there is",
      { "zones/a.example.yaml": zone("us", "", "comon.yaml") },
      [
        "zones/a.example.yaml:1:11 CFG_INCLUDE include: zones/include/comon.yaml cannot be used: there is no such file: expected one of common.yaml",
      ],
    ],
    [
      "a way out by ..",
      { "zones/a.example.yaml": zone("us", "", "../b.example.yaml") },
      [
        'zones/a.example.yaml:1:11 CFG_VALUE_INVALID include[0] is "../b.example.yaml": expected the name of a file in the folder include of the zones folder, as common.yaml',
      ],
    ],
    [
      "an absolute path",
      { "zones/a.example.yaml": zone("us", "", "/etc/passwd.yaml") },
      [
        'zones/a.example.yaml:1:11 CFG_VALUE_INVALID include[0] is "/etc/passwd.yaml": expected the name of a file in the folder include of the zones folder, as common.yaml',
      ],
    ],
    [
      "a file twice",
      { "zones/a.example.yaml": zone("us", "", "common.yaml, common.yaml") },
      [
        "zones/a.example.yaml:1:24 CFG_INCLUDE include: common.yaml stands here again: expected each file once",
      ],
    ],
    [
      "a circle",
      {
        "zones/a.example.yaml": zone("us", "", "x.yaml"),
        "zones/include/x.yaml": "include: [y.yaml]\n",
        "zones/include/y.yaml": "include: [x.yaml]\n",
      },
      [
        "zones/include/y.yaml:1:11 CFG_INCLUDE_CYCLE include: the files lead in a circle: x.yaml -> y.yaml -> x.yaml: expected files that end somewhere",
      ],
    ],
    [
      "a name that the zone has too",
      {
        "zones/a.example.yaml": zone(
          "us",
          "pools: {us: {endpoints: [192.0.2.1]}, both: {endpoints: [192.0.2.1]}}\n",
        ).replace("policy: us", "policy: {all: [us, both]}"),
      },
      [
        'zones/a.example.yaml:2:9 CFG_NAME_DUPLICATE pools.us: "us" is a pool of an included file too, at zones/include/common.yaml:9: expected names that differ',
        'zones/a.example.yaml:2:39 CFG_NAME_DUPLICATE pools.both: "both" is a policy of an included file too, at zones/include/common.yaml:11: expected names that differ',
      ],
    ],
    [
      "a name of two included files",
      {
        "zones/a.example.yaml": zone("us", "", "common.yaml, other.yaml"),
        "zones/include/other.yaml":
          "policies: {us: {failover: [here]}}\npools: {here: {endpoints: [192.0.2.1]}}\n",
      },
      [
        'zones/a.example.yaml:1:24 CFG_NAME_DUPLICATE include: "us" is a pool, at zones/include/common.yaml:9, and a policy, at zones/include/other.yaml:1: expected names that differ',
      ],
    ],
    [
      "mistakes in an included file, once for all zones",
      {
        "zones/a.example.yaml": zone("us", "", "bad.yaml"),
        "zones/b.example.yaml": zone("us", "", "bad.yaml"),
        "zones/include/bad.yaml": "pools:\n  us: {check: nope, endpoints: [192.0.2.1]}\n",
      },
      [
        'zones/include/bad.yaml:2:15 CFG_CHECK_UNKNOWN pools.us: "nope" is not a check: expected none: there are none in this file',
      ],
    ],
    [
      "a program that may not be run, and addresses that must not be probed, wherever the check stands",
      {
        "zones/a.example.yaml": zone(
          "{failover: [met, own]}",
          "pools: {own: {check: http, endpoints: [169.254.0.2]}}\n",
          "bad.yaml",
        ),
        "zones/include/bad.yaml":
          "checks: {run: {type: exec, command: [/bin/id]}, http: {type: http}}\npools: {met: {check: http, endpoints: [169.254.169.254]}}\n",
      },
      [
        "zones/a.example.yaml:2:40 CFG_PROBE_TARGET pools.own.endpoints[0]: 169.254.0.2 lies in 169.254.0.0/16, link local, with metadata services: expected an address that may be probed, or its prefix among probes.allow in steerd.yaml",
        "zones/include/bad.yaml:1:37 CFG_PROGRAM_DENIED checks.run: /bin/id may not be run: expected it, or /bin/, among probes.programs in steerd.yaml",
        "zones/include/bad.yaml:2:40 CFG_PROBE_TARGET pools.met.endpoints[0]: 169.254.169.254 lies in 169.254.0.0/16, link local, with metadata services: expected an address that may be probed, or its prefix among probes.allow in steerd.yaml",
      ],
    ],
    [
      "records in an included file",
      {
        "zones/a.example.yaml": zone("us", "", "bad.yaml"),
        "zones/include/bad.yaml": "pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: us}}\n",
      },
      [
        'zones/include/bad.yaml:2:1 CFG_KEY_UNKNOWN "records" is not a key: expected one of include, checks, groups, regions, pools, policies',
      ],
    ],
    [
      "a name that no file has",
      { "zones/a.example.yaml": zone("uss") },
      ['zones/a.example.yaml:3:17 CFG_POOL_UNKNOWN www: "uss" is not a pool or policy: did you mean us?'],
    ],
    [
      "an included file cannot see the zone's names",
      {
        "zones/a.example.yaml": zone("p", "pools: {own: {endpoints: [192.0.2.1]}}\n", "bad.yaml"),
        "zones/include/bad.yaml": "policies: {p: {failover: [own]}}\n",
      },
      [
        'zones/include/bad.yaml:1:27 CFG_POOL_UNKNOWN policies.p: "own" is not a pool or policy: expected one of p',
      ],
    ],
    [
      "no list",
      { "zones/a.example.yaml": "include: common.yaml\nrecords: {}\n" },
      [
        'zones/a.example.yaml:1:10 CFG_VALUE_INVALID include is "common.yaml": expected a list of file names, as [common.yaml]',
      ],
    ],
  ])("%s", (_title, files, expected) => {
    const folder = configFolder({ "zones/include/common.yaml": COMMON, ...files });
    expect(folder.findings().filter((line) => !line.includes("CFG_UNUSED"))).toEqual(expected);
  });

  test("a link that leads out of the zones folder", () => {
    const folder = configFolder({ "outside.yaml": COMMON, "zones/a.example.yaml": zone("us", "", "x.yaml") });
    folder.write("zones/include/common.yaml", COMMON);
    symlinkSync(join(folder.root, "outside.yaml"), join(folder.root, "zones/include/x.yaml"));
    expect(folder.findings()).toEqual([
      "zones/a.example.yaml:1:11 CFG_INCLUDE include: zones/include/x.yaml leads out of the zones folder: expected one of common.yaml",
    ]);
    unlinkSync(join(folder.root, "zones/include/x.yaml"));
    folder.write("zones/real.txt", COMMON);
    symlinkSync("../real.txt", join(folder.root, "zones/include/x.yaml"));
    expect(folder.findings()).toEqual([]);
  });

  test("a chain that is too long", () => {
    const files: Record<string, string> = { "zones/a.example.yaml": zone("us", "", "f0.yaml") };
    for (let i = 0; i < 30; i++) files[`zones/include/f${i}.yaml`] = `include: [f${i + 1}.yaml]\n`;
    expect(configFolder(files).findings()).toEqual([
      "zones/include/f19.yaml:1:11 CFG_INCLUDE include: f20.yaml is included over 20 others: expected at most 20",
    ]);
  });
});
