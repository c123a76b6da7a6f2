import { describe, expect, test } from "vitest";
import { zoneFindings } from "../../test/support/config-folder.ts";

const POOLS = `pools:
  four: {endpoints: [192.0.2.1]}
  six: {endpoints: ["2001:db8::1"]}
  found: {endpoints: [192.0.2.3, {resolve: lb.example.}]}
  both: {endpoints: [{name: b, address: [192.0.2.2, "2001:db8::2"]}]}
`;
const findings = (record: string): string[] =>
  zoneFindings(`${POOLS}records:\n  www: ${record}\n`).filter((line) => !line.includes("CFG_UNUSED"));
const LEFT_OUT = (kind: string): string =>
  `warning 7:9 CFG_DEFAULT_MISSING www: clients that no key of ${kind} matches get no address, and resolvers keep that for every client: expected a default`;
const MIXED =
  "warning 7:9 CFG_FAMILY_MIXED www: some clients get no A and others no AAAA: it chooses between IPv4 pools and IPv6 pools: expected pools with addresses of both families, or of one";

describe("a table at the root", () => {
  test.each([
    ["{policy: {geo: {EU: four}}}", [LEFT_OUT("geo")]],
    ["{policy: {subnets: {192.0.2.0/24: four}}}", [LEFT_OUT("subnets")]],
    ["{policy: {asn: {64500: four}}}", [LEFT_OUT("asn")]],
    ["{policy: {geo: {EU: four}}, last_resort: servfail}", [LEFT_OUT("geo")]],
    ["{policy: {geo: {EU: four, default: both}}}", []],
    ["{policy: {subnets: {0.0.0.0/0: four, ::/0: four}}}", []],
    ["{policy: {subnets: {0.0.0.0/0: four}}}", [LEFT_OUT("subnets")]],
    ["{policy: {geo: {EU: four}}, last_resort: {pool: both}}", []],
    ["{policy: {geo: {EU: four}}, last_resort: {addresses: [192.0.2.9]}}", []],
    ["{policy: {geo: {EU: four}, last_resort: servfail}}", []],
    ["{policy: {failover: [{geo: {EU: four}}, both]}}", []],
  ])("%s", (record, expected) => {
    expect(findings(record)).toEqual(expected);
  });
});

describe("families", () => {
  test.each([
    ["{policy: {failover: [four, six]}}", [MIXED]],
    ["{policy: {geo: {EU: {weighted: {four: 1, both: 1}}, default: six}}}", [MIXED]],
    ["{policy: {all: [four, six]}}", []],
    ["{policy: {failover: [{all: [four, six]}, both]}}", []],
    ["{policy: {failover: [four, both]}}", []],
    ["{policy: {failover: [six, both]}}", []],
    ["{policy: {failover: [found, six]}}", []],
  ])("%s", (record, expected) => {
    expect(findings(record)).toEqual(expected);
  });
});

describe("a misspelt name", () => {
  test.each([
    ["pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: uss}}\n", "CFG_POOL_UNKNOWN"],
    [
      "checks: {web: {type: tcp, port: 80}}\npools: {us: {check: wbe, endpoints: [192.0.2.1]}}\nrecords: {www: {policy: us}}\n",
      "CFG_CHECK_UNKNOWN",
    ],
    [
      "regions: {dublin: {}}\npools: {us: {region: dubln, endpoints: [192.0.2.1]}}\nrecords: {www: {policy: us}}\n",
      "CFG_REGION_UNKNOWN",
    ],
  ])("is one finding, and not a second for what it was meant to be: %s", (text, code) => {
    expect(zoneFindings(text).map((line) => line.replace("warning ", "").split(" ")[1])).toEqual([code]);
  });

  test("says nothing of names that it is not like", () => {
    const text = "pools: {far: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: nowhere}}\n";
    expect(zoneFindings(text).join()).toContain("CFG_UNUSED pools.far");
  });
});
