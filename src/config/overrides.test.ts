import { describe, expect, it } from "vitest";
import { type ConfigFolder, configFolder } from "../../test/support/config-folder.ts";
import { ADDRESS_ROW, ADDRESS_WORDS } from "../policy/data.ts";
import type { CompiledConfig } from "./compile.ts";
import { parseMoment } from "./schema-overrides.ts";

const ZONE = `
checks: {web: {type: http}}
regions: {dublin: {location: [53, -6]}, virginia: {location: [39, -77]}}
pools:
  eu: {region: dublin, check: web, endpoints: [{name: lb1, address: 192.0.2.1}, {name: lb2, address: 192.0.2.2}]}
  us: {region: virginia, check: web, endpoints: [198.51.100.1]}
  fixed: {region: dublin, endpoints: [203.0.113.1, 203.0.113.2]}
records:
  www: {policy: {failover: [eu, us]}}
  eu: {policy: eu}
  fixed: {policy: fixed}
`;

function folderWith(overrides: string, zone = ZONE): ConfigFolder {
  return configFolder({ "zones/example.com.yaml": zone, "overrides.yaml": overrides });
}

function compiled(folder: ConfigFolder): CompiledConfig {
  const config = folder.compile();
  if (!("snapshot" in config)) throw new Error(JSON.stringify(config.findings));
  return config;
}

/** What is said of each address, as `192.0.2.1 drain`; without a row `none`. */
function said(folder: ConfigFolder): string[] {
  const { overrides, forced, names, snapshot, plan } = compiled(folder);
  const told = new Map((plan.forced ?? []).map((entry) => [entry.row, entry]));
  return names.policy.addresses.flatMap(({ text }, address) => {
    const entry = overrides.entries![forced.deciding[address]!];
    if (entry === undefined) return [];
    const row = told.get(snapshot.policy.addresses[address * ADDRESS_WORDS + ADDRESS_ROW]!);
    return [`${text} ${entry.state ?? "-"} ${row === undefined ? "no row" : row.scale / 65_536}`];
  });
}

describe("overrides.yaml", () => {
  it("may be absent, empty, or hold comments only", () => {
    expect(configFolder({ "zones/example.com.yaml": ZONE }).findings()).toEqual([]);
    for (const text of ["", "# nothing\n", "overrides:\n", "overrides: []\n"]) {
      const folder = folderWith(text);
      expect(folder.findings()).toEqual([]);
      expect(compiled(folder).plan.forced).toBeUndefined();
    }
  });

  it("tells every mistake at once, with line and column", () => {
    const folder = folderWith(`overrides:
  - {match: eu, state: drain}
  - {match: pool:eu, state: dran}
  - {match: pool:eu}
  - {match: pool:eu, state: down, weight: 50%}
  - {match: pool:eu, weight: 120%}
  - {match: pool:eu, state: up, until: 2026-02-30T00:00:00Z}
  - {match: pool:eu, state: up, until: 2026-02-03 12:00}
  - {match: pool:a/b/c/d, state: up}
  - {macth: pool:eu, state: up, reason: "two\\nlines"}
  - state: up
`);
    expect(folder.findings()).toEqual([
      'overrides.yaml:2:13 CFG_VALUE_INVALID overrides[0].match is "eu": expected region:R or pool:[ZONE/]POOL[/ENDPOINT], in which * stands for any letters and ? for one',
      'overrides.yaml:3:29 CFG_VALUE_INVALID overrides[1].state is "dran": expected one of up, down, drain',
      "overrides.yaml:4:5 CFG_KEY_MISSING overrides[2]: state is missing: expected one of up, down, drain, or a weight",
      'overrides.yaml:5:43 CFG_VALUE_INVALID overrides[3].weight is "50%": expected no weight beside down or drain',
      'overrides.yaml:6:30 CFG_VALUE_INVALID overrides[4].weight is "120%": expected a percentage of the configured weight from 0% to 100%, as "25%"',
      'overrides.yaml:7:40 CFG_VALUE_INVALID overrides[5].until is "2026-02-30T00:00:00Z": expected a moment with its offset, as 2026-03-01T18:00:00Z or 2026-03-01T18:00:00+01:00',
      'overrides.yaml:8:40 CFG_VALUE_INVALID overrides[6].until is "2026-02-03 12:00": expected a moment with its offset, as 2026-03-01T18:00:00Z or 2026-03-01T18:00:00+01:00',
      'overrides.yaml:9:13 CFG_VALUE_INVALID overrides[7].match is "pool:a/b/c/d": expected region:R or pool:[ZONE/]POOL[/ENDPOINT], in which * stands for any letters and ? for one',
      'overrides.yaml:10:6 CFG_KEY_UNKNOWN overrides[8]: "macth" is not a key: did you mean match?',
      'overrides.yaml:10:41 CFG_VALUE_INVALID overrides[8].reason is "two\\nlines": expected a text of one line, at most 200 characters',
      "overrides.yaml:11:5 CFG_KEY_MISSING overrides[9]: match is missing: expected region:R or pool:[ZONE/]POOL[/ENDPOINT], in which * stands for any letters and ? for one",
    ]);
  });

  it.each([
    ["row 49: cut in the middle", 'overrides:\n  - {match: "pool:eu", sta', "CFG_YAML_SYNTAX"],
    ["row 53: a key twice", "overrides: []\noverrides: []\n", "CFG_YAML_DUPLICATE"],
    ["row 53: __proto__", "__proto__: []\n", "CFG_YAML_KEY"],
    ["row 53: a tab", "overrides:\n\t- {match: pool:eu, state: up}\n", "CFG_YAML_TAB"],
    ["a list on top", "- {match: pool:eu, state: drain}\n", "CFG_VALUE_INVALID"],
    ["octets that are not UTF-8", "overrides: \xff", "CFG_FILE_ENCODING"],
  ])("%s: an error, and no configuration", (_name, text, code) => {
    const folder = configFolder({ "zones/example.com.yaml": ZONE });
    folder.write("overrides.yaml", Buffer.from(text, "latin1"));
    const config = folder.compile();
    expect("snapshot" in config).toBe(false);
    expect(config.findings.map((finding) => [finding.code, finding.file.endsWith("overrides.yaml")])).toEqual(
      [[code, true]],
    );
  });

  it("takes a link that leads nowhere for a mistake, not for an absent file", async () => {
    const folder = configFolder({ "zones/example.com.yaml": ZONE });
    const { symlinkSync } = await import("node:fs");
    symlinkSync("gone.yaml", `${folder.root}/overrides.yaml`);
    expect(folder.findings()).toEqual([
      "overrides.yaml CFG_FILE_UNREADABLE there is no such file: expected a file that this user may read",
    ]);
  });

  it("lets the last entry that is about an endpoint count, wholly", () => {
    const folder = folderWith(`overrides:
  - {match: region:dub*, weight: 50%}
  - {match: pool:eu/lb?, state: drain}
  - {match: pool:example.com/eu/lb2, state: up, weight: 25%}
`);
    expect(said(folder)).toEqual([
      "192.0.2.1 drain 1",
      "192.0.2.2 up 0.25",
      "203.0.113.1 - 0.5",
      "203.0.113.2 - 0.5",
    ]);
    expect(folder.findings()).toEqual([]);
  });

  it("lets a weight alone take no drain or down back, but for what was brought up in between", () => {
    const folder = folderWith(`overrides:
  - {match: pool:eu, state: drain}
  - {match: pool:us, state: down}
  - {match: pool:fixed, state: up, weight: 20%}
  - {match: pool:eu/lb2, state: up}
  - {match: "pool:*", weight: 50%}
`);
    expect(said(folder)).toEqual([
      "192.0.2.1 drain 1",
      "192.0.2.2 - 0.5",
      "198.51.100.1 down 1",
      "203.0.113.1 - 0.5",
      "203.0.113.2 - 0.5",
    ]);
    const ended = folderWith(`overrides:
  - {match: pool:eu, state: drain, until: 2020-01-01T00:00:00Z}
  - {match: pool:eu, weight: 50%}
`);
    expect(said(ended)).toEqual(["192.0.2.1 - 0.5", "192.0.2.2 - 0.5"]);
  });

  it("gives rows to a pool without a check as long as an entry is about it", () => {
    const folder = folderWith("overrides: [{match: pool:fixed/203.0.113.1, state: drain}]");
    const { plan, report, names } = compiled(folder);
    const fixed = plan.pools.find(({ pool }) => pool === "fixed")!;
    expect(fixed.endpoints.flat().every((row) => row >= 0)).toBe(true);
    expect(plan.targets.filter(({ pool }) => pool === "fixed").map(({ check }) => check.type)).toEqual([
      "static",
      "static",
    ]);
    expect([report.targets, names.policy.pools.find(({ name }) => name === "fixed")!.check]).toEqual([
      3,
      null,
    ]);
    expect(said(folder)).toEqual(["203.0.113.1 drain 1"]);
    folder.write("overrides.yaml", "");
    expect(compiled(folder).plan.pools.map(({ pool }) => pool)).toEqual(["eu", "us"]);
  });

  it("row 80: ignores the one entry that would leave a record without any address, and says so", () => {
    const folder = folderWith(`overrides:
  - {match: pool:us, state: drain}
  - {match: pool:eu/lb1, state: down}
  - {match: "pool:eu/*", state: drain}
`);
    // Without the last entry lb2 is left; the others stay.
    expect(said(folder)).toEqual(["192.0.2.1 down 1", "198.51.100.1 drain 1"]);
    expect(folder.findings()).toEqual([
      "warning overrides.yaml:4:5 CFG_OVERRIDE_EMPTIES overrides[2]: drain of pool:eu/* would leave www.example.com. without any address, and is ignored: expected force: true, if that is meant",
    ]);
  });

  it("does not turn on an earlier entry when a later one says force", () => {
    const folder = folderWith(`overrides:
  - {match: pool:eu/lb1, state: drain}
  - {match: pool:eu/lb2, state: drain, force: true}
`);
    expect(said(folder)).toEqual(["192.0.2.1 drain 1", "192.0.2.2 drain 1"]);
    expect(folder.findings()).toEqual([]);
    folder.write(
      "overrides.yaml",
      "overrides: [{match: pool:eu/lb2, state: drain, force: true}, {match: pool:eu, state: drain}]",
    );
    expect(said(folder)).toEqual(["192.0.2.2 drain 1"]);
  });

  it("keeps such an entry that says force", () => {
    const folder = folderWith("overrides: [{match: pool:*, state: drain, force: true}]");
    expect(said(folder)).toHaveLength(5);
    expect(folder.findings()).toEqual([]);
  });

  it("counts what a later entry brings back", () => {
    const folder = folderWith(
      'overrides: [{match: "pool:*", state: drain}, {match: "pool:*/*1", state: up}, {match: pool:fixed, state: up}]',
    );
    expect(folder.findings()).toEqual([]);
    expect(said(folder)).toContain("192.0.2.2 drain 1");
  });

  it("ends with its date, and is no warning then", () => {
    const folder = folderWith(`overrides:
  - {match: pool:us, state: drain, until: 2020-01-01T00:00:00Z}
  - {match: pool:eu, state: down, until: 2020-01-01T00:00:00+02:00}
`);
    expect(said(folder)).toEqual([]);
    expect(folder.findings()).toEqual([]);
  });

  it("warns of entries that nothing is called by, and changes nothing else", () => {
    const folder = folderWith(`overrides:
  - {match: pool:ue, state: drain}
  - {match: region:dublinn, state: drain}
  - {match: "pool:example.org/*", state: drain}
`);
    expect(folder.findings()).toEqual([
      "warning overrides.yaml:2:13 CFG_OVERRIDE_UNMATCHED overrides[0]: no endpoint is called pool:ue: expected pool:eu",
      "warning overrides.yaml:3:13 CFG_OVERRIDE_UNMATCHED overrides[1]: no endpoint is called region:dublinn: expected region:dublin",
      "warning overrides.yaml:4:13 CFG_OVERRIDE_UNMATCHED overrides[2]: no endpoint is called pool:example.org/*: expected one of pool:eu, pool:example.com/eu, pool:us, pool:example.com/us, pool:fixed, pool:example.com/fixed, pool:eu/lb1, pool:eu/lb2, ...",
    ]);
  });

  it("may be another file", () => {
    const folder = configFolder({
      "zones/example.com.yaml": ZONE,
      "steerd.yaml": "nameservers: [ns.example.net.]\noverrides: ./hand/forced.yaml\n",
      "hand/forced.yaml": "overrides: [{match: pool:us, state: up}]\n",
    });
    expect(said(folder)).toEqual(["198.51.100.1 up 1"]);
    expect(compiled(folder).server.overrides).toBe(`${folder.root}/hand/forced.yaml`);
  });
});

describe("moments", () => {
  it.each([
    ["2026-03-01T18:00:00Z", "2026-03-01T18:00:00.000Z"],
    ["2026-03-01T18:00Z", "2026-03-01T18:00:00.000Z"],
    ["2026-03-01 18:00:00.5+01:30", "2026-03-01T16:30:00.500Z"],
    ["2028-02-29T00:00:00-00:00", "2028-02-29T00:00:00.000Z"],
  ])("%s", (text, iso) => {
    expect(new Date(parseMoment(text)).toISOString()).toBe(iso);
  });

  it.each([
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01",
    "2026-01-01T24:00:00Z",
    "2026-01-01T10:60Z",
    "2026-01-01T10:00:00",
    "tomorrow",
  ])("%s is none", (text) => expect(parseMoment(text)).toBeNaN());
});
