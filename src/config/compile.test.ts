import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { makeMmdb } from "../../test/support/geo-fixtures.ts";
import { uint32 } from "../../test/support/mmdb-writer.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { RECORD_WORDS } from "../policy/data.ts";
import { TYPE_NS, TYPE_SOA } from "../wire/constants.ts";
import { formatRecord } from "../zone/check.ts";
import { ZONE_WORDS } from "../zone/zone-data.ts";
import { type CompiledConfig, compileConfig } from "./compile.ts";
import { withApexRecords } from "./generated-records.ts";
import { createRowRegistry } from "./rows.ts";

const ZONE = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n";
const YAML = `checks:
  web: {type: https, path: /up, host: app.example, expect_status: 204, expect_body: ok, interval: 1s, timeout: 500ms, fall: 4, rise: 5}
  tcp: {type: tcp, port: 7}
regions:
  dublin: {location: [53.3, -6.3]}
  virginia: {location: [38.9, -77]}
pools:
  eu: {region: dublin, check: web, endpoints: [{name: lb1, address: [192.0.2.1, "2001:db8::1"]}, 192.0.2.2], min_healthy: 2}
  us: {region: virginia, check: tcp, endpoints: [192.0.2.1]}
  fixed: {endpoints: [192.0.2.9]}
records:
  www: {policy: {geo: {EU: {failover: [eu, us]}, default: {nearest: [us, eu]}}}}
  app: {policy: {subnets: {10.0.0.0/8: fixed, default: eu}}, last_resort: {pool: fixed}}
`;

function compiled(config: ReturnType<ReturnType<typeof configFolder>["compile"]>): CompiledConfig {
  expect(config.findings).toEqual([]);
  if (!("snapshot" in config)) throw new Error("rejected");
  return config;
}

describe("a configuration", () => {
  test("becomes a snapshot, a plan, and the names of both", () => {
    const folder = configFolder({
      "zones/a.example.zone": ZONE,
      "zones/a.example.yaml": YAML,
      "zones/b.example.zone": ZONE,
    });
    const { snapshot, plan, names, report } = compiled(folder.compile());
    expect(snapshot.generation).toBe(1);
    expect(snapshot.zones.zones.length).toBe(2 * ZONE_WORDS);
    expect(snapshot.policy.records.length).toBe(2 * RECORD_WORDS);
    expect(names.zones).toEqual(["a.example", "b.example"]);
    expect(names.policy.records).toEqual([
      { zone: "a.example", owner: "www.a.example." },
      { zone: "a.example", owner: "app.a.example." },
    ]);
    expect(report).toMatchObject({ zones: 2, staticRecords: 6, dynamicRecords: 2, pools: 3, targets: 4 });
    expect(report.tables.map(({ kind }) => kind).sort()).toEqual(["geo", "nearest", "subnets"]);
    expect(
      plan.targets.map(({ row, pool, endpoint, address, family, check }) => [
        row,
        pool,
        endpoint,
        address,
        family,
        check.name,
      ]),
    ).toEqual([
      [0, "eu", "lb1", "192.0.2.1", 4, "web"],
      [1, "eu", "lb1", "2001:db8::1", 6, "web"],
      [2, "eu", "192.0.2.2", "192.0.2.2", 4, "web"],
      [3, "us", "192.0.2.1", "192.0.2.1", 4, "tcp"],
    ]);
    expect(plan.targets[0]!.check).toEqual({
      ...{ type: "https", name: "web", port: 443, path: "/up", host: "app.example", verify: true },
      ...{ expectStatus: [204], expectBody: "ok", intervalMs: 1000, timeoutMs: 500, fall: 4, rise: 5 },
      ...{ dampingMs: 600_000, returnJitterMs: 2000 },
    });
    expect(plan.targets[3]!.check).toEqual({
      ...{ type: "tcp", name: "tcp", port: 7, intervalMs: 2000, timeoutMs: 1000, fall: 3, rise: 2 },
      ...{ dampingMs: 600_000, returnJitterMs: 4000 },
    });
    expect(
      plan.pools.map(({ row, pool, endpoints, minHealthy }) => [row, pool, endpoints, minHealthy]),
    ).toEqual([
      [0, "eu", [[0, 1], [2]], { count: 2 }],
      [1, "us", [[3]], { count: 1 }],
    ]);
    expect(names.policy.pools.map(({ name, row }) => [name, row])).toEqual(
      expect.arrayContaining([
        ["eu", 0],
        ["us", 1],
        ["fixed", -1],
      ]),
    );
  });

  test("keeps rows and tables where nothing changed", () => {
    const folder = configFolder({ "zones/a.example.zone": ZONE, "zones/a.example.yaml": YAML });
    folder.age();
    const rows = createRowRegistry(allocateHealthRows(64, 8), 0);
    const compile = (previous: CompiledConfig | null, generation: number) =>
      compiled(compileConfig(folder.load(), { rows, previous, generation }));
    const first = compile(null, 1);
    folder.write(
      "zones/a.example.yaml",
      YAML.replace("192.0.2.1, ", "192.0.2.7, ")
        .replace("  fixed:", "  fixed: {endpoints: [192.0.2.9]}\n  other:")
        .replace("default: eu", "default: other"),
    );
    const second = compile(first, 2);
    expect(second.snapshot.generation).toBe(2);
    expect(second.tables).toBe(first.tables);
    expect(second.plan.targets.map(({ address, pool, row }) => [address, pool, row])).toEqual([
      ["192.0.2.7", "eu", 4],
      ["2001:db8::1", "eu", 1],
      ["192.0.2.2", "eu", 2],
      ["192.0.2.1", "us", 3],
    ]);
    expect(second.plan.targets[3]).toEqual(first.plan.targets[3]);
  });

  test("with no zones is served, and refuses everything", () => {
    const { report } = compiled(configFolder().compile());
    expect(report.zones).toBe(0);
  });

  test("has the findings of all files, in their order, warnings among them", () => {
    const folder = configFolder({
      "steerd.yaml": "nameservers: [ns1.example.net.]\nworkers: 0\ngeo: {country: countries.mmdb}\n",
      "zones/b.example.zone": `${ZONE}x A 192.0.2.300\nx AAAA 192.0.2.1\n`,
      "zones/b.example.yaml": "ttl: -1\npools: {unused: {endpoints: [192.0.2.1]}}\n",
      "zones/a.example.yaml":
        "pools:\n  unused: {endpoints: [192.0.2.1]}\n  bad: {endpoints: []}\nrecords: {www: {policy: nowhere}}\n",
    });
    expect(
      folder.findings().map((line) =>
        line
          .split(" ")
          .slice(0, line.startsWith("warning") ? 3 : 2)
          .join(" "),
      ),
    ).toEqual([
      "steerd.yaml:2:10 CFG_VALUE_INVALID",
      "warning zones/a.example.yaml:2:3 CFG_UNUSED",
      "warning zones/a.example.yaml:3:3 CFG_UNUSED",
      "zones/a.example.yaml:3:20 CFG_POOL_EMPTY",
      "zones/a.example.yaml:4:25 CFG_POOL_UNKNOWN",
      "zones/b.example.yaml:1:6 CFG_VALUE_INVALID",
      "zones/b.example.zone:5:5 ZONE_RDATA",
      "zones/b.example.zone:6:8 ZONE_ADDRESS_FAMILY",
    ]);
  });

  test("with more addresses than there are rows is refused", () => {
    const addresses = Array.from({ length: 9 }, (_, i) => `192.0.2.${i}`).join(", ");
    const folder = configFolder({
      "zones/a.example.yaml": `checks: {c: {type: tcp, port: 1}}\npools: {p: {check: c, endpoints: [${addresses}]}}\nrecords: {w: {policy: p}}\n`,
    });
    const rows = createRowRegistry(allocateHealthRows(8, 8), 0);
    const { findings } = compileConfig(folder.load(), { rows, previous: null, generation: 1 });
    expect(findings.map(({ code, line }) => [code, line])).toEqual([["CFG_LIMIT_ENDPOINTS", 0]]);
    const fewPools = createRowRegistry(allocateHealthRows(16, 0), 0);
    expect(
      compileConfig(folder.load(), { rows: fewPools, previous: null, generation: 1 }).findings,
    ).toHaveLength(1);
  });
});

describe("a name in both files", () => {
  test("is an error with both places", () => {
    const folder = configFolder({
      "zones/a.example.zone": `${ZONE}www A 192.0.2.1\n`,
      "zones/a.example.yaml":
        "pools: {us: {endpoints: [192.0.2.1]}}\nrecords:\n  www: {policy: us}\n  txt: {policy: us}\n",
    });
    const place = `(${folder.root}/zones/a.example.yaml:3:3)`.replace(`${folder.root}/`, "");
    expect(folder.findings()).toEqual([
      `zones/a.example.zone:5 ZONE_DYNAMIC_AND_STATIC www.a.example. A: the name is dynamic ${place}: expected no static A, AAAA or CNAME there`,
    ]);
  });

  test("is fine with other types", () => {
    const folder = configFolder({
      "zones/a.example.zone": `${ZONE}www TXT "x"\n@ MX 10 www\n`,
      "zones/a.example.yaml":
        'pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: us}, "@": {policy: us}}\n',
    });
    expect(folder.findings()).toEqual([]);
  });

  test("is found when the record is added later, to a file that did not change", () => {
    const folder = configFolder({ "zones/a.example.zone": `${ZONE}www A 192.0.2.1\n` });
    expect(folder.findings()).toEqual([]);
    folder.write(
      "zones/a.example.yaml",
      "pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: us}}\n",
    );
    expect(folder.findings()).toEqual([expect.stringContaining("ZONE_DYNAMIC_AND_STATIC")]);
  });

  test("a static alias of a dynamic name is sound, also while the record is wrong", () => {
    const folder = configFolder({
      "zones/a.example.zone": `${ZONE}shop CNAME www\nmx MX 10 www\n`,
      "zones/a.example.yaml":
        "pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: nowhere}, x: {policy: us}}\n",
    });
    expect(folder.findings()).toEqual([expect.stringContaining("CFG_POOL_UNKNOWN")]);
    folder.write(
      "zones/a.example.yaml",
      "pools: {us: {endpoints: [192.0.2.1]}}\nrecrods: {www: {policy: us}}\n",
    );
    expect(folder.findings()).toEqual([expect.stringContaining("CFG_KEY_UNKNOWN")]);
  });
});

describe("generated SOA and NS records", () => {
  const apex = Uint8Array.from([1, 97, 7, ...Buffer.from("example"), 0]);
  const from = {
    apex,
    nameservers: ["ns1.example.net.", "ns2.example.net."],
    lines: [],
    ttlMaxSeconds: 30,
    text: YAML,
    file: "steerd.yaml",
  };
  const lines = (columns: ReturnType<typeof withApexRecords>) =>
    Array.from({ length: columns.count }, (_, record) => formatRecord(columns, record));

  test("are those of nameservers, with short negative answers", () => {
    const columns = withApexRecords(null, from);
    expect(lines(columns)).toEqual([
      expect.stringMatching(
        /^a\.example\. 3600 IN SOA ns1\.example\.net\. hostmaster\.a\.example\. \d+ 7200 900 1209600 30$/,
      ),
      "a.example. 3600 IN NS ns1.example.net.",
      "a.example. 3600 IN NS ns2.example.net.",
    ]);
    expect(lines(withApexRecords(null, { ...from, ttlMaxSeconds: 86_400 }))[0]).toMatch(/ 60$/);
  });

  test("have a serial that says what the zone's files say", () => {
    const serial = (text: string) =>
      Number(lines(withApexRecords(null, { ...from, text }))[0]!.split(" ")[6]);
    expect(serial(YAML)).toBe(serial(YAML));
    expect(serial(YAML)).not.toBe(serial(`${YAML} `));
    expect(serial(YAML)).toBeGreaterThan(0);
  });

  test("fill in what a master file leaves out, and nothing else", () => {
    const folder = configFolder({
      "zones/none.example.zone": "$TTL 60\nwww A 192.0.2.1\n",
      "zones/soa.example.zone": "@ 60 SOA ns1 hostmaster 1 3600 600 86400 60\n",
      "zones/ns.example.zone": "@ 60 NS ns.example.org.\n",
      "zones/whole.example.zone": ZONE,
      "zones/yaml.example.yaml": "pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: us}}\n",
    });
    const { report } = compiled(folder.compile());
    expect(report.staticRecords).toBe(1 + 3 + (1 + 2) + (1 + 1) + 3 + 3);
    const { zones, server } = folder.load();
    const types = zones.map(({ master, apex, name }) => {
      const columns = withApexRecords(master?.columns ?? null, {
        ...from,
        apex,
        nameservers: server.nameservers,
      });
      const count = (type: number) =>
        columns.type.subarray(0, columns.count).filter((other) => other === type).length;
      return [name, count(TYPE_SOA), count(TYPE_NS)];
    });
    expect(types.sort()).toEqual([
      ...[
        ["none.example", 1, 2],
        ["ns.example", 1, 1],
        ["soa.example", 1, 2],
        ["whole.example", 1, 1],
        ["yaml.example", 1, 2],
      ],
    ]);
  });

  test("are the same on every node, and change when a record does", () => {
    const serial = (zone: string) => {
      const { zones } = configFolder({ "zones/a.example.zone": zone }).load();
      return lines(withApexRecords(zones[0]!.master!.columns, from)).find((line) => line.includes(" SOA "));
    };
    expect(serial("x 60 A 192.0.2.1\n")).toBe(serial("; a comment\nx 60 IN A 192.0.2.1\n"));
    expect(serial("x 60 A 192.0.2.1\n")).not.toBe(serial("x 60 A 192.0.2.2\n"));
  });

  test("have no mailbox below a name that leaves no room for one", () => {
    const labels = Array.from({ length: 4 }, () => [62, ...Buffer.from("x".repeat(62))]).flat();
    const long = Uint8Array.from([...labels, 0]);
    expect(lines(withApexRecords(null, { ...from, apex: long }))[0]).toContain(
      `ns1.example.net. ${"x".repeat(62)}.`,
    );
  });

  test("without nameservers a zone without them is an error", () => {
    const folder = configFolder({
      "steerd.yaml": "geo: {country: countries.mmdb}\n",
      "zones/a.example.yaml": "",
      "zones/b.example.zone": "x 60 A 192.0.2.1\n",
    });
    expect(folder.findings()).toEqual(
      ["a.example.yaml", "b.example.zone"].flatMap((file) => [
        `zones/${file} ZONE_SOA_MISSING ${file[0]}.example. has no SOA record: expected SOA at the apex, or nameservers in steerd.yaml`,
        `zones/${file} ZONE_NS_MISSING ${file[0]}.example. has no NS record: expected NS at the apex, or nameservers in steerd.yaml`,
      ]),
    );
  });

  test("asn wants a database, and is told so at every place", () => {
    const yaml = "pools: {p: {endpoints: [192.0.2.1]}}\npolicies: {n: {asn: {64500: p, default: p}}}\n";
    const records = "records: {a: {policy: n}, b: {policy: {asn: {64501: p, default: p}}}}\n";
    const folder = configFolder({ "zones/a.example.yaml": yaml + records });
    const expected = "expected geo.asn in steerd.yaml, as {asn: ./GeoLite2-ASN.mmdb}";
    const line = (place: string) => `no database knows the autonomous systems of clients: ${place}`;
    expect(folder.findings()).toEqual([
      `zones/a.example.yaml:2:16 CFG_ASN_DATABASE policies.n.asn: ${line(expected)}`,
      `zones/a.example.yaml:3:40 CFG_ASN_DATABASE b: policy.asn: ${line(expected)}`,
    ]);
    folder.write("asn.mmdb", makeMmdb({ "1.0.0.0/8": { autonomous_system_number: uint32(64_500) } }));
    folder.write("steerd.yaml", "geo: {asn: asn.mmdb}\nnameservers: [ns1.example.net.]\n");
    expect(folder.findings()).toEqual([]);
  });

  test("groups of the same name in two zones are two tables", () => {
    const zone = (country: string) =>
      `groups: {home: [${country}]}\npools: {p: {endpoints: [192.0.2.1]}}\nrecords: {a: {policy: {geo: {home: p, default: p}}}}\n`;
    const folder = configFolder({
      "zones/a.example.yaml": zone("GB"),
      "zones/b.example.yaml": zone("US"),
      "zones/c.example.yaml": zone("GB"),
    });
    expect(compiled(folder.compile()).names.policy.tables).toHaveLength(2);
  });
});
