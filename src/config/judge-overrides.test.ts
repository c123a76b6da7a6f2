import { describe, expect, it } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { formatFinding } from "./findings.ts";
import { judgeLast, judgementFindings, readElsewhere, unjudged } from "./judge-overrides.ts";
import { parseMatch } from "./override-match.ts";
import type { OverrideInput } from "./schema-overrides.ts";

const ZONE = `
checks: {web: {type: http}}
pools:
  eu: {check: web, endpoints: [{name: lb1, address: 192.0.2.1}, {name: lb2, address: ["192.0.2.2", "2001:db8::2"]}]}
  us: {check: web, endpoints: [198.51.100.1]}
records:
  www: {policy: {failover: [eu, us]}}
  world: {policy: {geo: {EU: {failover: [eu], last_resort: nodata}, default: us}}}
`;

const entry = (match: string, state: OverrideInput["state"] = "drain", force = false): OverrideInput => ({
  match: parseMatch(match)!,
  state,
  force,
});

/** `down`: addresses that probes say are down. */
function judge(
  before: OverrideInput[],
  last: OverrideInput,
  down: string[] | null = [],
  zones = ["example.com"],
): string[] {
  const files = Object.fromEntries(zones.map((zone) => [`zones/${zone}.yaml`, ZONE]));
  const config = configFolder(files).compile();
  if (!("snapshot" in config)) throw new Error(JSON.stringify(config.findings));
  const { snapshot, names } = config;
  const ground = { policy: snapshot.policy, tables: snapshot.tables, names: names.policy };
  const { addresses } = names.policy;
  const isUp = down === null ? null : (address: number) => !down.includes(addresses[address]!.text);
  const judgement = judgeLast(before, [...before, last], ground, 0, isUp);
  return judgementFindings(judgement, last, last.force).map(formatFinding);
}

const losing = (records: string): string =>
  `refused CFG_OVERRIDE_EMPTIES drain of pool:us would leave some clients without a live address: ${records}: expected --force, if that is meant`;

describe("an entry that is to be written", () => {
  it("is refused where a class of clients loses its last live address", () => {
    expect(judge([], entry("pool:us"))).toEqual([losing("world.example.com. (A)")]);
    expect(judge([], entry("pool:eu/lb1"))).toEqual([]);
    // Both records have AAAA from lb2 alone.
    expect(judge([], entry("pool:eu/lb2", "down"))[0]).toContain(
      "www.example.com. (AAAA), world.example.com. (AAAA)",
    );
  });

  it("is judged by what probes say now", () => {
    expect(judge([], entry("pool:us"), ["192.0.2.1", "192.0.2.2", "2001:db8::2"])).toEqual([
      losing("www.example.com. (A), world.example.com. (A)"),
    ]);
    expect(judge([], entry("pool:eu/lb1"), ["192.0.2.2", "2001:db8::2"])[0]).toContain(
      "world.example.com. (A)",
    );
    // What is down already is not lost.
    expect(judge([], entry("pool:us"), ["198.51.100.1"])).toEqual([losing("world.example.com. (A)")]);
  });

  it("is judged beside the entries that hold", () => {
    expect(judge([entry("pool:eu/lb1", "down")], entry("pool:eu/lb2"))[0]).toContain("(AAAA)");
    expect(judge([entry("pool:us", "up")], entry("pool:us", "up"))).toEqual([]);
    expect(judge([], entry("pool:us", "drain", true))).toEqual([]);
  });

  it("is refused when it names nothing, or several things", () => {
    expect(judge([], entry("pool:ue"))).toEqual([
      "refused CFG_OVERRIDE_UNMATCHED no endpoint is called pool:ue: expected pool:eu",
    ]);
    const zones = ["example.com", "example.org"];
    expect(judge([], entry("pool:eu/lb1"), [], zones)).toEqual([
      "refused CFG_OVERRIDE_AMBIGUOUS pool:eu/lb1 is in several zones: expected one of pool:example.com/eu/lb1, pool:example.org/eu/lb1",
    ]);
    expect(judge([], entry("pool:example.org/eu/lb1"), [], zones)).toEqual([]);
    expect(judge([], entry("pool:e*/lb1"), [], zones)).toEqual([]);
  });

  it("is not written when nobody can judge it", () => {
    expect(formatFinding(unjudged("no server answers", "one"))).toBe(
      "refused CFG_OVERRIDE_UNJUDGED no server answers: expected one",
    );
  });

  it("is of no use in a file that the server does not read", () => {
    expect(formatFinding(readElsewhere("a.yaml", "s.sock", "b.yaml"))).toBe(
      "a.yaml CFG_OVERRIDE_ELSEWHERE the server on s.sock reads b.yaml: expected one file for both: steerd.yaml has changed since the server last took it over",
    );
  });
});
