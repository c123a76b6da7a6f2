import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import type { CompiledConfig } from "../config/compile.ts";
import { explainSchema } from "../config/schema-explain.ts";
import { addressOption, prefixOption } from "./arguments.ts";
import { compileFiles } from "./configuration.ts";
import { explainOffline, stepLines, stepsAsJson } from "./explain.ts";
import { nameArgument, typeArgument } from "./names.ts";
import { runCommandLine } from "./program.ts";
import { type Supposition, suppositions } from "./suppose.ts";

const MASTER = `$TTL 300
@      SOA   ns1 host 1 1h 10m 1w 60
       NS    ns1
ns1    A     192.0.2.53
shop   CNAME www
loop   CNAME pool
child  NS    ns.child.elsewhere.example.
`;

const DYNAMIC = `ttl: {max: 60, min: 5}
checks:
  web: {type: http, port: 80, interval: 2s, timeout: 1s, fall: 3, rise: 2}
  slow: {type: http, port: 80, interval: 60s, timeout: 1s, fall: 3, rise: 10}
regions:
  dublin: {location: [53.3, -6.3]}
  tokyo: {location: [35.7, 139.7]}
pools:
  eu: {region: dublin, check: web, min_healthy: 2, endpoints: [198.51.100.1, 198.51.100.2]}
  jp: {region: tokyo, check: web, endpoints: [203.0.113.1, "2001:db8::1"]}
  lazy: {check: slow, endpoints: [{address: 203.0.113.7, weight: 3}, 203.0.113.8]}
  sorry: {endpoints: [192.0.2.99]}
  ring: {check: web, select: hash, endpoints: [203.0.113.11, 203.0.113.12]}
policies:
  closest: {nearest: [eu, jp]}
records:
  www:
    policy:
      geo:
        EU: {failover: [eu, jp]}
        AS-JP: jp
        default: closest
  share: {policy: {weighted: {eu: 1, jp: 3}}}
  turns: {policy: {round_robin: [{node: sorry, weight: 2}, {node: jp, weight: 1}]}}
  union: {policy: {all: [sorry, jp]}}
  networks: {policy: {subnets: {10.0.0.0/8: jp, 198.18.0.0/15: eu}}}
  both: {policy: {geo: {EU: {subnets: {193.0.6.0/24: eu, default: jp}}, default: jp}}}
  fast: {policy: {latency: {table: rtt.csv, of: [eu, jp], tolerance: 5ms}}}
  pool: {policy: lazy}
  same: {policy: {hash: {eu: 1, jp: 3}}}
  ring: {policy: ring}
  strict: {policy: eu, ttl: 30, last_resort: servfail}
  page: {policy: eu, last_resort: {pool: sorry}}
  empty: {policy: eu, last_resort: nodata}
  fixed: {policy: eu, last_resort: {addresses: [192.0.2.98]}}
  resident: {policy: {failover: [{failover: [eu], last_resort: servfail}, jp]}}
  closed: {policy: closest, ecs: false}
  service: {policy: {round_robin: [jp, sorry]}, https: {alpn: [h3, h2], port: 8443}}
  bare: {policy: {failover: [eu, jp]}, https: {}}
`;

let configFile = "";
let config: CompiledConfig;

beforeAll(() => {
  const folder = temporaryFolder("explain");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/t.example.zone"), MASTER);
  writeFileSync(join(folder, "zones/rtt.csv"), "client,region,rtt_ms\nEU,dublin,20\nEU,tokyo,25\n");
  writeFileSync(join(folder, "zones/t.example.yaml"), DYNAMIC);
  configFile = join(folder, "steerd.yaml");
  writeFileSync(configFile, "");
  const compiled = compileFiles(configFile);
  expect(compiled.findings.filter((finding) => finding.severity === "error")).toEqual([]);
  config = compiled as CompiledConfig;
});

/** What `explain` prints for a name of t.example. */
function explain(name: string, client: string, down: string[] = [], type = "A"): string[] {
  const subnet = prefixOption("client", client);
  const question = {
    name: nameArgument(name.includes(".") ? name : `${name}.t.example`),
    type: typeArgument(type),
    subnet,
    resolver: addressOption("resolver", "192.0.2.1"),
    clockS: 1_800_000_000,
    diceSeed: 7,
  };
  const supposedOf = suppositions(config, null, down) as Supposition[];
  const steps = explainOffline(config, question, supposedOf);
  // Whatever is explained here fits the published schema.
  expect(() => explainSchema.parse(JSON.parse(JSON.stringify(stepsAsJson(steps))))).not.toThrow();
  return stepLines(steps, config.geo, recordedTerminal());
}

describe("a steered name", () => {
  test("the answer with its scope, then client, tables, tree, TTL and scope", () => {
    const lines = explain("www", "193.0.6.1");
    expect(lines.slice(0, 3).sort()).toEqual(
      [
        "",
        expect.stringMatching(/^www\.t\.example\. 60 IN A 198\.51\.100\.[12] {3}scope 193\.0\.0\.0\/\d+$/),
        expect.stringMatching(/^www\.t\.example\. 60 IN A 198\.51\.100\.[12]$/),
      ].sort((a, b) => (String(a) < String(b) ? -1 : 1)),
    );
    expect(lines.slice(3)).toEqual([
      "client       193.0.6.1 is EU-NL (country database, 193.0.0.0/20)",
      "nearest      by distance eu, 810 km; jp, 9,300 km (193.0.0.0/19)",
      expect.stringMatching(/^geo {10}matches EU, default \(193\.0\.0\.0\/\d+\)$/),
      "policy       geo",
      "  EU       chosen: failover",
      "    eu  chosen: 2 of 2 endpoints up",
      "      198.51.100.1  answered, up",
      "      198.51.100.2  answered, up",
      "    jp  not needed: 2 of 2 endpoints up",
      "  default  not needed: closest, nearest",
      "  AS-JP    not for this client",
      "ttl          60 s: the maximum; nothing that was read can change sooner",
      "next         nothing that was read can change sooner than a new failure",
      "scope        /19: the nearest table has 193.0.0.0/19 as one tile; geo too",
    ]);
  });

  test("what goes in turn: the turn of the answer, not the next one", () => {
    const lines = explain("turns", "193.0.6.1");
    expect(lines[0]).toMatch(/^turns\.t\.example\. 60 IN A 192\.0\.2\.99(\s|$)/);
    expect(lines.slice(lines.indexOf("policy       round_robin"), -3)).toEqual([
      "policy       round_robin",
      "  sorry  chosen, 66.7% of turns (weight 2 of 3 that are up): no check, always up",
      "    192.0.2.99  answered, always up",
      expect.stringMatching(/^ {2}jp {5}not in turn, 33\.3% of turns \(weight 1 of 3 that are up\): /),
    ]);
  });

  test("hints: the answer has both families, and both are told in one tree", () => {
    const lines = explain("service", "193.0.6.1", [], "HTTPS");
    expect(lines[0]).toMatch(
      /^service\.t\.example\. 60 IN HTTPS 1 \. alpn="h3,h2" port=8443 ipv4hint=203\.0\.113\.1 ipv6hint=2001:db8::1(\s|$)/,
    );
    expect(lines.slice(lines.indexOf("policy       round_robin") + 1, -3)).toEqual([
      expect.stringMatching(/^ {2}jp {5}chosen, 50% of turns/),
      "    203.0.113.1  answered, up",
      "    2001:db8::1  answered, up",
      expect.stringMatching(/^ {2}sorry {2}not in turn, 50% of turns/),
    ]);
  });

  test("hints of one family alone, and none at all", () => {
    const lines = explain("bare", "193.0.6.1", ["pool:eu", "pool:jp/203.0.113.1"], "HTTPS");
    expect(lines[0]).toMatch(/IN HTTPS 1 \. ipv6hint=2001:db8::1(\s|$)/);
    expect(lines).toContainEqual(expect.stringMatching(/^ +2001:db8::1 +answered, up$/));
    expect(explain("service", "193.0.6.1", [], "SVCB").join()).not.toContain("hint");
  });

  test("a union: every child that adds to it, and those that have failed", () => {
    const lines = explain("union", "193.0.6.1", ["pool:jp"]);
    expect(lines).toContain("policy       all");
    expect(lines.filter((line) => /^ {2}(sorry|jp) /.test(line)).sort()).toEqual([
      expect.stringMatching(/^ {2}jp {5}failed: /),
      expect.stringMatching(/^ {2}sorry {2}chosen: /),
    ]);
  });

  test("a pool below min_healthy says so, and the next takes over", () => {
    const lines = explain("www", "193.0.6.1", ["pool:eu/198.51.100.2"]);
    expect(lines[0]).toMatch(/^www\.t\.example\. \d+ IN A 203\.0\.113\.1 /);
    expect(lines).toContain("    eu  failed: 1 of 2 endpoints up, fewer than min_healthy: 2");
    expect(lines).toContain("      198.51.100.2  down: as asked");
    expect(lines).toContain("    jp  chosen: 2 of 2 endpoints up");
    expect(lines).toContain("      203.0.113.1  answered, up");
    expect(lines).toContain("      2001:db8::1  up");
    expect(lines.find((line) => line.startsWith("ttl"))).toBe(
      "ttl          5 s: the minimum; eu/198.51.100.2 can change in 4 s",
    );
  });

  test("a pool behind a geo key is named", () => {
    const lines = explain("www", "133.11.0.1", [], "AAAA");
    expect(lines[0]).toMatch(/^www\.t\.example\. 60 IN AAAA 2001:db8::1 {3}scope 133\./);
    expect(lines).toContain("  AS-JP    chosen: jp, 2 of 2 endpoints up");
  });

  test("weights show their share and the throw", () => {
    const lines = explain("share", "193.0.6.1").join("\n");
    expect(lines).toMatch(
      /\n {2}(eu|jp) {2}chosen, (25|75)% \(weight [13] of 4 that are up\), drawn with \d of 4: 2 of 2 endpoints up\n/,
    );
    expect(lines).toMatch(
      /\n {2}(eu|jp) {2}not drawn, (25|75)% \(weight [13] of 4 that are up\): 2 of 2 endpoints up\n/,
    );
    expect(lines).toContain("scope        /0: every client gets the same");
  });

  test("a hash names the prefix that chose, and who would be next", () => {
    const lines = explain("same", "193.0.6.1").join("\n");
    expect(lines).toContain("\nhash         of 193.0.6.0/24\n");
    expect(lines).toMatch(
      /\n {2}(eu|jp) {2}chosen, weight [13] \((25|75)%\), by hash of 193\.0\.6\.0\/24: 2 of 2 endpoints up\n/,
    );
    expect(lines).toMatch(/\n {2}(eu|jp) {2}not needed, weight [13] \((25|75)%\): 2 of 2 endpoints up\n/);
    expect(lines).toContain("scope        /24: the prefix that is hashed");
  });

  test("a pool that hashes says so, and for a private client whose prefix it is", () => {
    expect(explain("ring", "193.0.6.1")).toContain(
      "policy       pool ring: 2 of 2 endpoints up, by hash of 193.0.6.0/24",
    );
    const lines = explain("ring", "10.1.2.3");
    expect(lines).toContain("hash         of 192.0.2.0/24, for the resolver 192.0.2.1 (10.0.0.0/8)");
    expect(lines).toContain("scope        /8: the prefix that is hashed");
  });

  test("round trips name regions, and what is tied", () => {
    const lines = explain("fast", "193.0.6.1");
    expect(lines.join("\n")).toMatch(/\nlatency {6}by round trip dublin, tokyo \(tied\) \(193\./);
    expect(lines.join("\n")).toMatch(
      /\n {2}(eu|jp) {2}chosen, 50% \(1 of 2 tied that are up\), drawn with [01] of 2: 2 of 2 endpoints up\n/,
    );
    expect(lines.join("\n")).toMatch(/\n {2}(eu|jp) {2}not drawn, 50% \(1 of 2 tied that are up\): /);
  });

  test("weights within a pool stand at its addresses", () => {
    const lines = explain("pool", "193.0.6.1").join("\n");
    expect(lines).toContain("policy       pool lazy: 2 of 2 endpoints up\n");
    expect(lines).toMatch(
      / {2}203\.0\.113\.7 {2}.*up, 75% \(weight 3 of 4 that are up\)\n {2}203\.0\.113\.8 {2}.*up, 25% \(weight 1 of 4 that are up\)\n/,
    );
  });

  test("odds are those of what is up; what has failed shows its weight alone", () => {
    const one = explain("share", "193.0.6.1", ["pool:jp"]).join("\n");
    expect(one).toMatch(/\n {2}eu {2}chosen, 100% \(weight 1 of 1 that are up\), drawn with /);
    const pool = explain("pool", "193.0.6.1", ["pool:lazy/203.0.113.7"]).join("\n");
    expect(pool).toContain("203.0.113.7  down: as asked, weight 3\n");
  });

  test.each([
    ["pool:lazy/203.0.113.7", "in 600 s at the earliest: 203.0.113.7 needs 10 more good probes"],
    ["pool:lazy", "in 600 s at the earliest: 203.0.113.7 needs 10 more good probes"],
  ])("what changes next, with %s down", (down, sentence) => {
    expect(explain("pool", "193.0.6.1", [down])).toContain(`next         ${sentence}`);
  });

  test("the tiles of several tables: the longest makes the scope", () => {
    const scope = explain("both", "193.0.6.1").find((line) => line.startsWith("scope"));
    expect(scope).toMatch(/^scope {8}\/24: the subnets table has 193\.0\.6\.0\/24 as one tile; geo \/1\d$/);
  });

  test("a change that is far away leaves the maximum; one that is near enough sets the TTL", () => {
    expect(
      explain("pool", "193.0.6.1", ["pool:lazy/203.0.113.7"]).find((line) => line.startsWith("ttl")),
    ).toBe("ttl          60 s: the maximum; lazy/203.0.113.7 can change in 600 s");
    expect(explain("strict", "193.0.6.1").find((line) => line.startsWith("ttl"))).toBe(
      "ttl          30 s: fixed",
    );
  });

  test("networks: a private client, and one that no key is for", () => {
    const matched = explain("networks", "10.1.2.3").join("\n");
    expect(matched).toContain("client       10.1.2.3 is RFC 1918: private use (10.0.0.0/8)");
    expect(matched).toContain("subnets      matches 10.0.0.0/8 (10.0.0.0/8)");
    const nothing = explain("networks", "193.0.6.1").join("\n");
    expect(nothing).toContain("subnets      no key matches (");
    expect(nothing).toContain("last resort  all, of the record: but nothing is left to answer\n");
    expect(nothing).toContain(
      "nodata       no key of subnets is for this client, and it has no default; resolvers keep that for every client, scope 0\n",
    );
  });

  test("a private client without a key: the resolver's place counts", () => {
    const lines = explain("closed", "10.1.2.3").join("\n");
    expect(lines).toContain("client       192.0.2.1 is ");
    expect(lines).toContain(": the resolver, as no client subnet counts");
    expect(lines).toContain("scope        /0: the record does not heed client subnets");
    expect(explain("www", "10.1.2.3").join("\n")).toMatch(
      /nearest {6}in the list's order eu, jp: nothing is known of the place/,
    );
  });
});

describe("when everything is down", () => {
  const DOWN = ["pool:eu", "pool:jp"];

  test("all, the default: the walks that failed are folded", () => {
    const lines = explain("www", "193.0.6.1", DOWN);
    expect(lines).toContain("             again, with min_healthy: 1: failed too");
    expect(lines).toContain("             again, as if every endpoint were up:");
    expect(lines).toContain(
      "last resort  all, of the record: everything has failed, so that everything is answered",
    );
    expect(lines.filter((line) => line.includes("198.51.100.1  answered"))).toHaveLength(1);
  });

  test("half of a pool: min_healthy: 1 is enough in the second walk", () => {
    const lines = explain("www", "193.0.6.1", ["pool:eu/198.51.100.2", "pool:jp"]);
    expect(lines[0]).toContain("198.51.100.1");
    expect(lines).toContain("             again, with min_healthy: 1:");
    expect(lines.join("\n")).not.toContain("last resort");
  });

  test.each([
    ["strict", "strict.t.example. A: SERVFAIL", "servfail, of the record: everything has failed"],
    ["empty", "empty.t.example. A: no A record (NODATA)", "nodata, of the record: everything has failed"],
    ["page", "page.t.example. 5 IN A 192.0.2.99", "pool sorry, of the record: everything else has failed"],
    ["fixed", "fixed.t.example. 5 IN A 192.0.2.98", "addresses, of the record: everything else has failed"],
    ["resident", "resident.t.example. A: SERVFAIL", "servfail, of the node failover: everything has failed"],
  ])("%s: %s", (name, answer, sentence) => {
    const lines = explain(name, "193.0.6.1", DOWN);
    expect(lines[0]).toBe(answer);
    expect(lines).toContain(`last resort  ${sentence}`);
  });

  test("a family that the picked pool lacks", () => {
    expect(explain("www", "193.0.6.1", [], "AAAA").join("\n")).toContain(
      "nodata       eu was picked, and has no IPv6 address that is up; ",
    );
  });

  test("a negative answer has scope 0", () => {
    const lines = explain("empty", "193.0.6.1", DOWN);
    expect(lines.at(-1)).toMatch(/^scope {8}\/0: /);
  });
});

describe("names that are not steered", () => {
  test.each([
    ["ns1", "ns1.t.example. 300 IN A 192.0.2.53", "ns1.t.example. is static: every client gets the same."],
    [
      "nope",
      "nope.t.example. A: NXDOMAIN",
      "nope.t.example. does not exist in its zone, and no wildcard stands for it.",
    ],
    ["a.test", "a.test. A: REFUSED", "a.test. lies in no zone that is served here."],
    ["t.example", "t.example. A: no A record (NODATA)", "t.example. exists, but has no record of this type."],
    ["x.child", "x.child. A: REFUSED", "x.child. lies in no zone that is served here."],
    [
      "x.child.t.example",
      "x.child.t.example. A: delegated to ns.child.elsewhere.example.",
      "The zone delegates child.t.example.: the name servers named here answer for it.",
    ],
  ])("%s", (name, answer, sentence) => {
    const lines = explain(name, "193.0.6.1");
    expect(lines).toEqual([answer, "", sentence]);
  });

  test("an alias of a steered name: both steps", () => {
    const lines = explain("shop", "193.0.6.1");
    expect(lines[0]).toBe("shop.t.example. 300 IN CNAME www.t.example.");
    expect(lines[1]).toMatch(/^www\.t\.example\. 60 IN A 198\.51\.100\.\d {3}scope /);
    expect(lines).toContain("shop.t.example. is static: every client gets the same.");
    expect(lines).toContain("www.t.example.");
    expect(lines).toContain("  EU       chosen: failover");
  });

  test("an alias of a name that is the same for everyone: one step", () => {
    const lines = explain("loop", "193.0.6.1");
    expect(lines[0]).toBe("loop.t.example. 300 IN CNAME pool.t.example.");
    expect(lines).toContain("policy       pool lazy: 2 of 2 endpoints up");
  });
});

describe("the command", () => {
  async function run(...args: string[]) {
    const terminal = recordedTerminal();
    const code = await runCommandLine(["explain", ...args, "--config", configFile], terminal);
    return { code, stdout: terminal.stdout, stderr: terminal.stderr };
  }

  test("--json holds answer, steps and explanation", async () => {
    const { code, stdout } = await run("shop.t.example", "A", "--client", "193.0.6.1", "--json");
    expect(code).toBe(0);
    const read = JSON.parse(stdout) as { answer: unknown[]; steps: { explanation: unknown }[] };
    expect(read.answer).toHaveLength(3);
    expect(read.steps).toHaveLength(2);
    expect(read.steps[0]!.explanation).toBeNull();
    expect(read.steps[1]!.explanation).toMatchObject({
      owner: "www.t.example.",
      decision: "addresses",
      client: { address: "193.0.6.1", source: "ecs", sourceBits: 32 },
    });
  });

  test("--resolver alone: a query without client subnet", async () => {
    const { code, stdout } = await run("www.t.example", "A", "--resolver", "133.11.0.1");
    expect(code).toBe(0);
    expect(stdout).toContain("client       133.11.0.1 is AS-JP");
    expect(stdout).toContain("scope        none: the query carries no client subnet");
  });

  test.each([
    [["www.t.example"], "--client is missing: whose answer is to be explained?"],
    [["www.t.example", "--client", "home"], '--client: "home" is not an address or a prefix'],
    [["www.t.example", "--client", "::1", "--resolver", "::/8"], '--resolver: "::/8" is not an address'],
    [["www.t.example", "--client", "::1", "--down", "pool:ue"], '--down: "ue" is not a pool: '],
  ])("%j is a usage error", async (args, message) => {
    const { code, stderr } = await run(...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test("a configuration with errors is told on standard error, exit code 1", async () => {
    const folder = temporaryFolder("explain");
    writeFileSync(join(folder, "steerd.yaml"), "lisen: []\n");
    const terminal = recordedTerminal();
    const args = ["explain", "a.example", "--client", "::1", "--config", join(folder, "steerd.yaml")];
    expect(await runCommandLine(args, terminal)).toBe(1);
    expect(terminal.stdout).toBe("");
    expect(terminal.stderr).toContain("lisen");
    expect(terminal.stderr).toMatch(/\n\d errors? in \d files?\n$/);
  });
});
