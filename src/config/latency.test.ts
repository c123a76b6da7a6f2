import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import type { CompiledConfig } from "./compile.ts";

const TABLE = "client,region,rtt_ms\nEU,dublin,20\nEU,virginia,90\n";
const zone = (policy: string) => `regions:
  dublin: {location: [53.3, -6.3]}
  virginia: {}
pools:
  eu: {region: dublin, endpoints: [192.0.2.1]}
  us: {region: virginia, endpoints: [192.0.2.2]}
  bare: {endpoints: [192.0.2.3]}
records:
  www:
    policy: ${policy}
  other: {policy: {failover: [eu, us, bare]}}
`;

const folderOf = (policy: string, table = TABLE) =>
  configFolder({ "zones/a.example.yaml": zone(policy), "geo/rtt.csv": table });

function sound(config: ReturnType<ReturnType<typeof configFolder>["compile"]>): CompiledConfig {
  expect(config.findings).toEqual([]);
  if (!("snapshot" in config)) throw new Error("rejected");
  return config;
}

describe("latency", () => {
  test("takes regions, places and options from the file", () => {
    const policy =
      "{latency: {table: ../geo/rtt.csv, of: [eu, {node: us, bias: 5}], tolerance: 10ms, min_samples: 3}}";
    const [model] = sound(folderOf(policy).compile()).names.policy.tables;
    expect(model).toMatchObject({
      ...{ kind: "latency", regions: ["dublin", "virginia"], toleranceMs: 10, minSamples: 3 },
      places: [{ latitude: 53.3, longitude: -6.3 }, null],
    });
  });

  test("an entry may say region and location itself", () => {
    const policy =
      "{latency: {table: ../geo/rtt.csv, of: [{node: bare, region: dublin}, {node: us, location: [1, 2], bias: 7}]}}";
    expect(sound(folderOf(policy).compile()).names.policy.tables[0]).toMatchObject({
      ...{ regions: ["dublin", "virginia"], toleranceMs: 0, minSamples: 1 },
      places: [
        { latitude: 53.3, longitude: -6.3 },
        { latitude: 1, longitude: 2, bias: 7 },
      ],
    });
  });

  test.each([
    [
      "{latency: {table: ../geo/rtt.csv, of: [bare]}}",
      'zones/a.example.yaml:10:52 CFG_REGION_MISSING www: policy.latency: "bare" has no region: expected a region on the entry, or on its pool',
    ],
    [
      "{latency: {table: ../geo/rtt.csv, of: [{failover: [eu, us]}]}}",
      "zones/a.example.yaml:10:52 CFG_REGION_MISSING www: policy.latency: this entry has no region: expected a region on the entry, or on its pool",
    ],
    [
      "{latency: {table: ../geo/rtt.csv, of: [{node: us, region: dubln}]}}",
      'zones/a.example.yaml:10:71 CFG_REGION_UNKNOWN www: policy.latency: "dubln" is not a region: did you mean dublin?',
    ],
    [
      "{latency: {table: ../geo/rtt.csv, of: [eu, nowhere]}}",
      'zones/a.example.yaml:10:56 CFG_POOL_UNKNOWN www: "nowhere" is not a pool or policy: expected one of bare, eu, us',
    ],
  ])("%s is refused", (policy, finding) => {
    expect(folderOf(policy).findings()).toEqual([finding]);
  });

  test("a region that the table does not know draws a warning", () => {
    const folder = folderOf(
      "{latency: {table: ../geo/rtt.csv, of: [eu, us]}}",
      "client,region,rtt_ms\nEU,dublin,9\n",
    );
    expect(folder.findings()).toEqual([
      'warning zones/a.example.yaml:10:56 CFG_LATENCY_REGION www: policy.latency: "../geo/rtt.csv" has no row for the region "virginia": expected one of dublin',
    ]);
  });

  test("prefixes longer than what resolvers tell draw one warning", () => {
    const table = `${TABLE}9.9.9.0/25,dublin,10\n9.9.9.0/24,dublin,10\n2a00::/57,virginia,10\n`;
    const findings = folderOf("{latency: {table: ../geo/rtt.csv, of: [eu, us]}}", table).findings();
    expect(findings).toEqual([
      'warning zones/a.example.yaml:10:31 CFG_TILE_FINE www: policy.latency: "../geo/rtt.csv" has 2 prefixes longer than what resolvers tell of a client: expected at most /24 and /56',
    ]);
  });

  test("rows of autonomous systems without a database draw a warning", () => {
    const folder = folderOf("{latency: {table: ../geo/rtt.csv, of: [eu, us]}}", `${TABLE}AS64500,dublin,9\n`);
    expect(folder.findings()).toEqual([
      "warning zones/a.example.yaml:10:14 CFG_ASN_DATABASE www: policy.latency: no database knows the autonomous systems of clients: expected geo.asn in steerd.yaml, as {asn: ./GeoLite2-ASN.mmdb}",
    ]);
  });

  test("what is wrong in a table is listed once, however many name it", () => {
    const policy =
      "{latency: {table: ../geo/rtt.csv, of: [eu, {latency: {table: ../geo/rtt.csv, of: [us]}}]}}";
    const folder = folderOf(policy, `${TABLE}EU,dublin,9\nXX,dublin,x\n`);
    folder.write("zones/b.example.yaml", zone("{latency: {table: ../geo/rtt.csv, of: [eu]}}"));
    const findings = folder.findings().filter((line) => line.startsWith("geo/"));
    expect(findings.map((line) => line.split(" ", 2).join(" "))).toEqual([
      "geo/rtt.csv:4:1 GEO_LATENCY_DUPLICATE",
      "geo/rtt.csv:5:1 GEO_LATENCY_CLIENT",
      "geo/rtt.csv:5:11 GEO_LATENCY_ROW",
    ]);
  });

  test("more problems than anyone reads are cut", () => {
    const rows = Array.from({ length: 150 }, (_, i) => `EU,dublin,x${i}`).join("\n");
    const folder = folderOf(
      "{latency: {table: ../geo/rtt.csv, of: [eu, us]}}",
      `client,region,rtt_ms\n${rows}\n`,
    );
    const findings = folder.findings();
    expect(findings).toHaveLength(101);
    expect(findings[0]).toContain("CFG_FINDINGS_CUT geo/rtt.csv".split(" ")[0]);
  });

  test("a table that is not there is an error of its own", () => {
    const folder = folderOf("{latency: {table: missing.csv, of: [eu, us]}}");
    expect(folder.findings()).toEqual([expect.stringMatching(/^zones\/missing\.csv CFG_FILE_UNREADABLE /)]);
    folder.write("zones/missing.csv", TABLE);
    sound(folder.compile());
  });

  test("tables are watched, and read again only when they change", () => {
    const folder = folderOf("{latency: {table: ../geo/rtt.csv, of: [eu, us]}}");
    expect(folder.load().watched).toContain(`${folder.root}/geo/rtt.csv`);
    folder.age();
    const { parsed } = folder.cache;
    const table = () => sound(folder.compile()).names.policy.tables[0]! as { table?: unknown };
    const before = table().table;
    expect(table().table).toBe(before);
    expect(folder.cache.parsed).toBe(parsed);
    folder.write("geo/rtt.csv", TABLE.replace("20", "99"));
    expect(table().table).not.toBe(before);
    folder.write("geo/rtt.csv", TABLE.replace("20", "x"));
    expect(folder.findings()[0]).toMatch(/^geo\/rtt\.csv:2:11 GEO_LATENCY_ROW rtt_ms is "x"/);
  });
});
