import { describe, expect, test } from "vitest";
import { zoneFindings } from "../../test/support/config-folder.ts";
import { nameOctets } from "../../test/support/packet.ts";
import type { NodeModel, PoolModel } from "../policy/model.ts";
import type { Finding } from "./findings.ts";
import { loadYaml, reporterOn } from "./load-yaml.ts";
import { type ResolvedZone, resolveZone } from "./resolve-zone.ts";
import { zoneSchema } from "./schema-zone.ts";

function resolved(text: string): ResolvedZone {
  const findings: Finding[] = [];
  const yaml = loadYaml(new TextEncoder().encode(text), "z", zoneSchema);
  expect(yaml.findings).toEqual([]);
  const zone = resolveZone(
    "example.com",
    Uint8Array.from(nameOctets("example.com.")),
    yaml.input!,
    reporterOn(yaml, findings),
  );
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
  return zone;
}

const errors = (text: string): string[] => zoneFindings(text).filter((line) => !line.startsWith("warning "));

const POOLS = `pools:
  us: {endpoints: [192.0.2.1]}
  eu: {endpoints: [192.0.2.2]}
`;
/** Errors of a record with this policy; the policy stands at 6:13. */
const inPolicy = (policy: string) => errors(`${POOLS}records:\n  www:\n    policy: ${policy}\n`);
const inPool = (pool: string) => errors(`pools:\n  p: ${pool}\n`);
const rootOf = (policy: string, more = "") =>
  resolved(`${POOLS}${more}records:\n  www:\n    policy: ${policy}\n`).records[0]!.model.root;
const poolOf = (pool: string): PoolModel =>
  resolved(`pools:\n  p: ${pool}\nrecords: {www: {policy: p}}\n`).pools[0]!;

/** A tree in one line. */
function outline(node: NodeModel): string {
  if (node.kind === "pool") return node.label;
  const children =
    "keys" in node
      ? node.keys.map(({ key, node: child }) => `${key}=${outline(child)}`)
      : node.of.map(({ node: child, weight }) => `${outline(child)}*${weight}`);
  return `${node.kind}${node.label === "" ? "" : `<${node.label}>`}(${children.join(" ")})`;
}

describe("hash", () => {
  test("takes entries in all three forms, also the same below different labels", () => {
    expect(outline(rootOf("{hash: [us, {node: eu, weight: 3}]}"))).toBe("hash(us*1 eu*3)");
    expect(outline(rootOf("{hash: {of: [us, eu]}}"))).toBe("hash(us*1 eu*1)");
    expect(outline(rootOf("{hash: {us: 5, eu: 0}}"))).toBe("hash(us*5 eu*0)");
    const labelled = rootOf("{hash: [{failover: [us], label: a}, {failover: [us], label: b}]}");
    expect(outline(labelled)).toBe("hash(failover<a>(us*1)*1 failover<b>(us*1)*1)");
    expect(outline(rootOf("{hash: [{failover: [us, eu]}, {failover: [eu, us]}]}"))).toContain("hash");
  });

  test("hashes a /24 and a /56 unless the record says otherwise", () => {
    const sticky = (more: string) =>
      resolved(`${POOLS}records: {www: {policy: {hash: [us, eu]}${more}}}`).records[0]!.model.sticky;
    expect(sticky("")).toEqual({ ipv4: 24, ipv6: 56 });
    expect(sticky(", sticky: {ipv4: 20}")).toEqual({ ipv4: 20, ipv6: 56 });
    expect(sticky(", sticky: {ipv4: 32, ipv6: 128}")).toEqual({ ipv4: 32, ipv6: 128 });
  });

  test("refuses prefixes that no address has", () => {
    const record = (sticky: string) =>
      zoneFindings(`${POOLS}records: {www: {policy: us, sticky: ${sticky}}}`);
    expect(record("{ipv4: 33}")[0]).toContain(
      "CFG_VALUE_INVALID www: sticky.ipv4 is 33: expected a prefix length from 1 to 32",
    );
    expect(record("{ipv6: 0}")[0]).toContain("www: sticky.ipv6 is 0: expected a prefix length from 1 to 128");
    expect(record("{ip4: 24}")[0]).toContain('"ip4" is not a key: did you mean ipv4?');
    expect(record("24")[0]).toContain("expected a mapping, as {ipv4: 24, ipv6: 56}");
  });
});

describe("pools", () => {
  test("have the design's defaults", () => {
    const pool = poolOf("{endpoints: [192.0.2.1, 2001:db8::1]}");
    expect(pool).toMatchObject({
      ...{ zone: "example.com", name: "p", region: null, check: null, select: "all", maxAnswers: 8 },
      ...{ minHealthy: { count: 1 }, dualStack: "any", row: -1 },
    });
    expect(pool.endpoints.map(({ name, weight }) => [name, weight])).toEqual([
      ["192.0.2.1", 1],
      ["2001:db8::1", 1],
    ]);
    expect(pool.endpoints[1]!.addresses[0]).toEqual({
      family: 6,
      octets: Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
      row: -1,
    });
  });

  test("with a weight anywhere are weighted, with one answer", () => {
    const pool = poolOf("{endpoints: [192.0.2.1, {address: 192.0.2.2, weight: 3}]}");
    expect([pool.select, pool.maxAnswers]).toEqual(["weighted", 1]);
    expect(pool.endpoints.map(({ weight }) => weight)).toEqual([1, 3]);
    const all = poolOf("{endpoints: [{address: 192.0.2.2, weight: 3}], select: all, max_answers: 64}");
    expect([all.select, all.maxAnswers]).toEqual(["all", 64]);
  });

  test("an endpoint may have addresses of both families", () => {
    const pool = poolOf(
      '{endpoints: [{name: lb1, address: [192.0.2.1, "2001:db8::"]}], min_healthy: "50%", dual_stack: strict}',
    );
    expect(pool.endpoints[0]!.addresses.map(({ family }) => family)).toEqual([4, 6]);
    expect(pool.endpoints[0]!.name).toBe("lb1");
    expect([pool.minHealthy, pool.dualStack]).toEqual([{ percent: 50 }, "strict"]);
  });

  test.each([
    ["{endpoints: []}", "2:18 CFG_POOL_EMPTY pools.p: the pool is empty: expected at least one endpoint"],
    [
      "{endpoints: [192.0.2.1], check: web}",
      '2:38 CFG_CHECK_UNKNOWN pools.p: "web" is not a check: expected none: there are none in this file',
    ],
    [
      "{endpoints: [192.0.2.1], region: dublni}",
      '2:39 CFG_REGION_UNKNOWN pools.p: "dublni" is not a region: expected none: there are none in this file',
    ],
    [
      "{endpoints: [192.0.2.1, 192.0.2.2], min_healthy: 3}",
      "2:55 CFG_MIN_HEALTHY pools.p.min_healthy is 3, and the pool has 2 endpoints: expected at most 2",
    ],
    [
      "{endpoints: [{address: 192.0.2.1, weight: 0}]}",
      "2:7 CFG_WEIGHTS_ZERO pools.p: every weight is 0: expected at least one above 0",
    ],
    [
      "{endpoints: [192.0.2.1, 192.0.2.1]}",
      "2:30 CFG_ADDRESS_DUPLICATE pools.p: 192.0.2.1 stands here again, first as pools.p.endpoints[0]: expected each address once",
    ],
    [
      '{endpoints: [2001:DB8::1, {address: ["2001:db8:0::1"]}]}',
      "2:42 CFG_ADDRESS_DUPLICATE pools.p: 2001:db8::1 stands here again, first as pools.p.endpoints[0]: expected each address once",
    ],
    [
      "{endpoints: [{name: a, address: 192.0.2.1}, {name: a, address: 192.0.2.2}]}",
      '2:57 CFG_ENDPOINT_DUPLICATE pools.p: "a" names two endpoints, first pools.p.endpoints[0]: expected names that differ',
    ],
  ])("%s", (pool, finding) => {
    expect(inPool(pool)).toEqual([finding]);
  });

  test.each([
    ["192.0.2.256", "is not an address", "an IPv4 or IPv6 address"],
    ["192.0.2.1/32", "is not an address", "an IPv4 or IPv6 address without a prefix length"],
    ["192.0.2.1:80", "is not an address", "an IPv4 or IPv6 address without a port; the check has the port"],
    ["[2001:db8::1]", "is not an address", "an IPv4 or IPv6 address without a port; the check has the port"],
    [
      "192.0.2.01",
      "is not an address",
      "an IPv4 or IPv6 address; no leading zeros, which some read as octal",
    ],
    ["fe80::1%eth0", "is not an address", "an IPv4 or IPv6 address without a zone"],
    ["lb.example.com", "is not an address", "an IPv4 or IPv6 address, not a name"],
    ["", "is not an address", "an IPv4 or IPv6 address"],
    ["0.0.0.0", "is the unspecified address", "the address of one host"],
    ["::", "is the unspecified address", "the address of one host"],
    ["224.0.0.1", "is a multicast address", "the address of one host"],
    ["ff02::1", "is a multicast address", "the address of one host"],
    ["255.255.255.255", "is the broadcast address", "the address of one host"],
    ["::ffff:192.0.2.1", "is an IPv4-mapped address", "the IPv4 address, 192.0.2.1"],
  ])("the address %j %s", (address, what, expected) => {
    expect(inPool(`{endpoints: ["${address}"]}`)).toEqual([
      `2:19 CFG_ADDRESS_INVALID pools.p: "${address}" ${what}: expected ${expected}`,
    ]);
  });

  test("an unknown check or region is told what there is", () => {
    const lines = errors(
      "checks: {web: {type: http}, tls: {type: https}}\nregions: {dublin: {}}\npools:\n  p: {endpoints: [192.0.2.1], check: wbe, region: dublni}\nrecords: {w: {policy: p}}",
    );
    expect(lines).toEqual([
      '4:38 CFG_CHECK_UNKNOWN pools.p: "wbe" is not a check: did you mean web?',
      '4:51 CFG_REGION_UNKNOWN pools.p: "dublni" is not a region: did you mean dublin?',
    ]);
  });
});

describe("policies", () => {
  test("nest, and pools that are named twice are one node", () => {
    const root = rootOf("{geo: {EU: {failover: [eu, us]}, NA-US-CA: us, default: {failover: [us, eu]}}}");
    expect(outline(root)).toBe("geo(EU=failover(eu*1 us*1) NA-US-CA=us default=failover(us*1 eu*1))");
    const [eu, ca] = root.kind === "geo" ? root.keys : [];
    expect(eu!.node.kind === "failover" && eu!.node.of[1]!.node).toBe(ca!.node);
  });

  test("lists, lists with options, and maps are the same", () => {
    expect(outline(rootOf("{weighted: {us: 3, eu: 1}}"))).toBe("weighted(us*3 eu*1)");
    expect(outline(rootOf("{weighted: [{node: us, weight: 3}, eu]}"))).toBe("weighted(us*3 eu*1)");
    expect(outline(rootOf("{weighted: {of: [{node: us, weight: 3}, eu]}}"))).toBe("weighted(us*3 eu*1)");
    expect(outline(rootOf("{failover: {of: [us, {node: eu}]}}"))).toBe("failover(us*1 eu*1)");
  });

  test("a pool called `of` can have a weight", () => {
    const { records } = resolved(
      "pools: {of: {endpoints: [192.0.2.1]}}\nrecords: {w: {policy: {weighted: {of: 2}}}}",
    );
    expect(outline(records[0]!.model.root)).toBe("weighted(of*2)");
  });

  test("named ones carry their name, and are shared", () => {
    const more =
      "policies:\n  both: {failover: [us, eu]}\n  labelled: {failover: [both], label: Both}\n  same: both\n";
    const root = rootOf("{failover: [both, labelled, same]}", more);
    expect(outline(root)).toBe(
      "failover(failover<both>(us*1 eu*1)*1 failover<Both>(failover<both>(us*1 eu*1)*1)*1 failover<both>(us*1 eu*1)*1)",
    );
    expect(root.kind === "failover" && root.of[0]!.node === root.of[2]!.node).toBe(true);
  });

  test("nearest takes the entry's place, else the node's, else that of its pool's region", () => {
    const root = resolved(`regions: {dublin: {location: [53, -6]}}
pools:
  eu: {region: dublin, endpoints: [192.0.2.1]}
  us: {endpoints: [192.0.2.2]}
records:
  w: {policy: {nearest: [eu, {node: eu, location: [1, 2]}, {failover: [us], location: [3, 4]}, {node: us, location: [5, 6]}]}}
`).records[0]!.model.root;
    expect(
      root.kind === "nearest" && root.of.map(({ location }) => [location.latitude, location.longitude]),
    ).toEqual([
      ...[
        [53, -6],
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ]);
  });

  test("subnets become canonical", () => {
    const root = rootOf(
      '{subnets: {192.0.2.1: us, "2001:DB8:0::/32": eu, "2001:db8:1::1": us, 0.0.0.0/0: eu, default: us}}',
    );
    expect(root.kind === "subnets" && root.keys.map(({ key }) => key)).toEqual([
      ...["192.0.2.1/32", "2001:db8::/32", "2001:db8:1::1/128", "0.0.0.0/0", "default"],
    ]);
  });

  test.each([
    ["eu-wset", '6:13 CFG_POOL_UNKNOWN www: "eu-wset" is not a pool or policy: expected one of eu, us'],
    [
      "{failover: [us, ue]}",
      '6:29 CFG_POOL_UNKNOWN www: "ue" is not a pool or policy: expected one of eu, us',
    ],
    [
      "{weighted: {us: 1, ap: 1}}",
      '6:32 CFG_POOL_UNKNOWN www: "ap" is not a pool or policy: expected one of eu, us',
    ],
    [
      "{weighted: {us: 0, eu: 0}}",
      "6:14 CFG_WEIGHTS_ZERO www: policy.weighted: every weight is 0: expected at least one above 0",
    ],
    [
      "{weighted: [{node: us, weight: 0}]}",
      "6:14 CFG_WEIGHTS_ZERO www: policy.weighted: every weight is 0: expected at least one above 0",
    ],
    [
      "{hash: {us: 0, eu: 0}}",
      "6:14 CFG_WEIGHTS_ZERO www: policy.hash: every weight is 0: expected at least one above 0",
    ],
    [
      "{hash: [us, eu, us]}",
      '6:29 CFG_HASH_DUPLICATE www: policy.hash: "us" is the same as entry 1: expected each entry once, with a weight, or labels that differ',
    ],
    [
      "{hash: [{failover: [us, eu]}, {node: {failover: [us, eu]}, weight: 2}]}",
      "6:50 CFG_HASH_DUPLICATE www: policy.hash: entry 2 is the same as entry 1: expected each entry once, with a weight, or labels that differ",
    ],
    [
      "{hash: [{failover: [us], label: a}, {weighted: [eu], label: a}]}",
      '6:49 CFG_HASH_DUPLICATE www: policy.hash: "a" is the same as entry 1: expected each entry once, with a weight, or labels that differ',
    ],
    [
      "{nearest: [us]}",
      '6:24 CFG_LOCATION_MISSING www: policy.nearest: "us" has no location: expected a location on the entry, on the node, or on the region of its pool',
    ],
    [
      "{nearest: [{failover: [us]}]}",
      "6:24 CFG_LOCATION_MISSING www: policy.nearest: this entry has no location: expected a location on the entry, on the node, or on the region of its pool",
    ],
    [
      "{geo: {dach: eu}}",
      '6:20 CFG_GEO_KEY www: policy.geo: "dach" is not a geo key: expected a continent, country or subdivision as EU, EU-GB, NA-US-CA; city:ID; default; or a group: eu-union',
    ],
    [
      "{asn: {AS64500: eu}}",
      '6:20 CFG_ASN_INVALID www: policy.asn: "AS64500" is not the number of an autonomous system: expected 64500',
    ],
    [
      "{asn: {4294967296: us}}",
      '6:20 CFG_ASN_INVALID www: policy.asn: "4294967296" is not the number of an autonomous system: expected default, or a number from 1 to 4294967295, as 64500',
    ],
    [
      "{asn: {0: us}}",
      '6:20 CFG_ASN_INVALID www: policy.asn: "0" is not the number of an autonomous system: expected default, or a number from 1 to 4294967295, as 64500',
    ],
    [
      "{asn: {64500: nowhere}}",
      '6:27 CFG_POOL_UNKNOWN www: "nowhere" is not a pool or policy: expected one of eu, us',
    ],
    ["{geo: {UK: eu}}", '6:20 CFG_GEO_KEY www: policy.geo: "UK" is not a continent: expected EU-GB'],
    [
      "{subnets: {192.0.2.1/24: us}}",
      '6:24 CFG_SUBNET_INVALID www: policy.subnets: "192.0.2.1/24" has bits set beyond its 24: expected 192.0.2.0/24',
    ],
    [
      "{subnets: {192.0.2.0/33: us}}",
      '6:24 CFG_SUBNET_INVALID www: policy.subnets: "192.0.2.0/33" is not a prefix: expected an IPv4 or IPv6 prefix, as 192.0.2.0/24, or default',
    ],
    [
      "{subnets: {office: us}}",
      '6:24 CFG_SUBNET_INVALID www: policy.subnets: "office" is not a prefix: expected an IPv4 or IPv6 prefix, as 192.0.2.0/24, or default',
    ],
    [
      '{subnets: {"::ffff:192.0.2.0/120": us}}',
      '6:24 CFG_SUBNET_INVALID www: policy.subnets: "::ffff:192.0.2.0/120" lies in ::ffff:0:0/96, whose addresses are read as the IPv4 address within: expected 192.0.2.0/24',
    ],
    [
      '{subnets: {"2002:c000:200::/40": us}}',
      '6:24 CFG_SUBNET_INVALID www: policy.subnets: "2002:c000:200::/40" lies in 2002::/16, whose addresses are read as the IPv4 address within: expected 192.0.2.0/24',
    ],
    [
      "{subnets: {192.0.2.1: us, 192.0.2.1/32: eu}}",
      '6:39 CFG_SUBNET_DUPLICATE www: policy.subnets: "192.0.2.1/32" is the same prefix as "192.0.2.1": expected each prefix once',
    ],
    [
      "{failover: [us], last_resort: {pool: ap}}",
      '6:50 CFG_POOL_UNKNOWN www: "ap" is not a pool: expected one of us, eu',
    ],
    [
      "{failover: [us], last_resort: {addresses: [x]}}",
      '6:56 CFG_ADDRESS_INVALID www: policy.last_resort: "x" is not an address: expected an IPv4 or IPv6 address, not a name',
    ],
  ])("%s", (policy, finding) => {
    expect(inPolicy(policy)).toEqual([finding]);
  });

  test("an unknown name among many is told the one that was probably meant", () => {
    const many = Array.from({ length: 20 }, (_, i) => `  pool-${i}x: {endpoints: [192.0.2.1]}\n`).join("");
    const record = (name: string) => errors(`pools:\n${many}records: {w: {policy: ${name}}}\n`)[0];
    expect(record("poool-7x")).toContain("is not a pool or policy: did you mean pool-7x?");
    expect(record("elsewhere")).toContain(": expected one of pool-0x, pool-10x,");
    expect(record("elsewhere")).toContain("and 8 more");
  });

  test("every wrong name is told, not the first alone", () => {
    expect(inPolicy("{failover: [a1, {weighted: {b1: 1, us: 1}}, {geo: {EU: c1, XX: d1}}]}")).toHaveLength(5);
  });

  test("circles are told with their path, once each", () => {
    const text = `${POOLS}policies:\n  a: {failover: [us, b]}\n  b: {failover: [c]}\n  c: {failover: [eu, a]}\n  d: d\nrecords: {w: {policy: a}}\n`;
    expect(errors(text)).toEqual([
      "7:22 CFG_POLICY_CYCLE policies.c.failover[1]: the policies lead in a circle: a -> b -> c -> a: expected a tree that ends in pools",
      "8:6 CFG_POLICY_CYCLE policies.d: the policies lead in a circle: d -> d: expected a tree that ends in pools",
    ]);
  });

  test("a name cannot be a pool and a policy", () => {
    expect(errors(`${POOLS}policies:\n  us: {failover: [eu]}\nrecords: {w: {policy: us}}\n`)).toEqual([
      '5:3 CFG_NAME_DUPLICATE policies.us: "us" is a pool too, at z:2: expected names that differ',
    ]);
  });

  test("a tree has at most 32 levels, however it is written", () => {
    const chain = (length: number) =>
      Array.from({ length }, (_, i) => `  p${i}: {failover: [${i === 0 ? "us" : `p${i - 1}`}]}\n`).join("");
    const text = (length: number) =>
      `${POOLS}policies:\n${chain(length)}records: {w: {policy: p${length - 1}}}\n`;
    expect(errors(text(31))).toEqual([]);
    expect(errors(text(32))).toEqual([
      "36:8 CFG_LIMIT_DEPTH policies.p31: the policy has 33 levels: expected at most 32",
    ]);
  });

  test("nodata inside a branch, long prefixes and unused names draw warnings", () => {
    const text = `checks: {c: {type: tcp, port: 1}}
regions: {r: {}}
${POOLS}policies: {p: {failover: [us]}}
records:
  w: {policy: {failover: [{failover: [us], last_resort: nodata}, us]}, last_resort: nodata}
  x: {policy: {subnets: {193.0.6.0/25: us, 10.0.0.1: us, "2a00:1450:4000::/57": us, default: us}}}
`;
    expect(zoneFindings(text)).toEqual([
      "warning 8:57 CFG_NODATA_BRANCH w: policy.failover[0]: last_resort is nodata inside a branch, and resolvers cache that for every client: expected servfail, or no last_resort, so that the failure goes outward",
      'warning 9:26 CFG_TILE_FINE x: policy.subnets: "193.0.6.0/25" is longer than what resolvers tell of a client: expected at most /24',
      'warning 9:58 CFG_TILE_FINE x: policy.subnets: "2a00:1450:4000::/57" is longer than what resolvers tell of a client: expected at most /56',
      "warning 1:10 CFG_UNUSED checks.c: nothing uses it: expected a record that reaches it, or its removal",
      "warning 2:11 CFG_UNUSED regions.r: nothing uses it: expected a record that reaches it, or its removal",
      "warning 5:3 CFG_UNUSED pools.eu: nothing uses it: expected a record that reaches it, or its removal",
      "warning 6:12 CFG_UNUSED policies.p: nothing uses it: expected a record that reaches it, or its removal",
    ]);
  });
});

describe("groups", () => {
  const withGroups = (groups: string, key = "dach") =>
    errors(
      `groups: ${groups}\npools:\n  us: {endpoints: [192.0.2.1]}\nrecords: {www: {policy: {geo: {${key}: us}}}}\n`,
    );

  test("are keys of geo, and go with it", () => {
    const root = rootOf("{geo: {dach: eu, eu-union: us}}", "groups: {dach: [DE, AT, CH], other: [US]}\n");
    expect(root).toMatchObject({ kind: "geo", groups: { dach: ["DE", "AT", "CH"] } });
    expect(rootOf("{geo: {eu-union: us}}")).not.toHaveProperty("groups");
  });

  test.each([
    ["{dach: [DE, UK]}", '1:21 CFG_COUNTRY_UNKNOWN groups.dach: "UK" is not a country: expected GB'],
    ["{dach: [de]}", '1:17 CFG_COUNTRY_UNKNOWN groups.dach: "de" is not a country: expected DE'],
    ["{dach: [EU-AT]}", '1:17 CFG_COUNTRY_UNKNOWN groups.dach: "EU-AT" is not a country: expected AT'],
    [
      "{dach: [EU]}",
      '1:17 CFG_COUNTRY_UNKNOWN groups.dach: "EU" is not a country: expected countries; the geo key EU is the continent',
    ],
    ["{dach: [XX]}", '1:17 CFG_COUNTRY_UNKNOWN groups.dach: "XX" is not a country: expected one of XK'],
    [
      '{dach: ["?"]}',
      '1:17 CFG_COUNTRY_UNKNOWN groups.dach: "?" is not a country: expected an ISO 3166-1 code, as DE',
    ],
    [
      "{dach: [DE, DE]}",
      '1:21 CFG_COUNTRY_DUPLICATE groups.dach: "DE" stands here again: expected each country once',
    ],
    [
      "{dach: [DE], eu-union: [DE]}",
      '1:22 CFG_GROUP_RESERVED groups.eu-union: "eu-union" has a meaning of its own: expected another name',
    ],
    [
      "{dach: [DE], default: [DE]}",
      '1:22 CFG_GROUP_RESERVED groups.default: "default" has a meaning of its own: expected another name',
    ],
    ["{dach: []}", "1:16 CFG_VALUE_INVALID groups.dach is an empty list: expected at least one country"],
    [
      "{dach: DE}",
      '1:16 CFG_VALUE_INVALID groups.dach is "DE": expected a list of ISO 3166-1 codes, as [DE, AT, CH]',
    ],
  ])("%s", (groups, finding) => {
    expect(withGroups(groups)).toEqual([finding]);
  });

  test("a misspelt one is told what there is", () => {
    expect(withGroups("{dach: [DE]}", "Dach")).toEqual([
      '4:32 CFG_GEO_KEY www: policy.geo: "Dach" is not a geo key: expected dach',
    ]);
  });
});

describe("records", () => {
  test("owners are relative, the apex, wildcards, or absolute", () => {
    const { records, owners } = resolved(
      `${POOLS}records:\n  WWW: {policy: us}\n  "@": {policy: eu}\n  "*.a": {policy: us}\n  b.example.com.: {policy: us}\n  10: {policy: us}\n`,
    );
    expect(records.map(({ model }) => model.owner).sort()).toEqual(
      ["www.example.com.", "example.com.", "*.a.example.com.", "b.example.com.", "10.example.com."].sort(),
    );
    expect(owners.find(({ text }) => text === "www.example.com.")!.owner).toEqual(
      Uint8Array.from(nameOctets("www.example.com.")),
    );
  });

  test("take the file's TTL unless they have one", () => {
    const { records } = resolved(
      `ttl: {max: 60, min: 5}\n${POOLS}records:\n  a: {policy: us}\n  b: {policy: us, ttl: 1m, ecs: false, last_resort: servfail}\n`,
    );
    expect(
      records.map(({ model: { ttlMaxSeconds, ttlMinSeconds, ecs, lastResort } }) => [
        ttlMaxSeconds,
        ttlMinSeconds,
        ecs,
        lastResort.kind,
      ]),
    ).toEqual([
      [60, 5, true, "all"],
      [60, 60, false, "servfail"],
    ]);
  });

  test("last resorts are resolved, with their pools", () => {
    const { records, pools } = resolved(
      `${POOLS}records:\n  a: {policy: us, last_resort: {pool: eu}}\n  b: {policy: us, last_resort: {addresses: [192.0.2.9, 2001:db8::9]}}\n`,
    );
    expect(pools.map(({ name }) => name)).toEqual(["us", "eu"]);
    expect(records[0]!.model.lastResort).toMatchObject({ kind: "pool", pool: { name: "eu" } });
    expect(records[1]!.model.lastResort).toMatchObject({
      kind: "addresses",
      addresses: [{ family: 4 }, { family: 6 }],
    });
  });

  test.each([
    ["a..b", '4:11 CFG_OWNER_INVALID records: "a..b" has an empty label: expected one dot between labels'],
    [
      `${"x".repeat(64)}`,
      `4:11 CFG_OWNER_INVALID records: "${"x".repeat(64)}" has a label of more than 63 octets: expected labels of at most 63 octets`,
    ],
    [
      "www.example.org.",
      '4:11 CFG_OWNER_OUTSIDE records: "www.example.org." lies outside the zone: expected a name that ends in example.com.',
    ],
  ])("the owner %s", (owner, finding) => {
    expect(errors(`${POOLS}records: {${owner}: {policy: us}}\n`)).toEqual([finding]);
  });

  test("one name in two spellings is told with both places", () => {
    expect(errors(`${POOLS}records:\n  www: {policy: us}\n  WWW.example.com.: {policy: us}\n`)).toEqual([
      '6:3 CFG_OWNER_DUPLICATE records: "WWW.example.com." is the same name as "www", at z:5: expected each name once',
    ]);
  });

  test("a name that repeats the zone's draws a warning", () => {
    expect(
      zoneFindings("pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www.example.com: {policy: us}}\n"),
    ).toEqual([
      'warning 2:11 CFG_OWNER_DOUBLED records: "www.example.com" is read as www.example.com.example.com.: expected a name without the zone\'s, or one with a final dot',
    ]);
  });

  test("that a longer prefix is hashed than resolvers tell of", () => {
    const text = `${POOLS}records:
  w: {policy: {hash: [us, eu]}, sticky: {ipv4: 25, ipv6: 64}}
  x: {policy: {hash: [us, eu]}, sticky: {ipv4: 16, ipv6: 56}}
`;
    expect(zoneFindings(text)).toEqual([
      "warning 5:48 CFG_TILE_FINE w: sticky.ipv4 is 25, longer than what resolvers tell of a client: expected at most 24",
      "warning 5:58 CFG_TILE_FINE w: sticky.ipv6 is 64, longer than what resolvers tell of a client: expected at most 56",
    ]);
  });

  test("a record that is wrong still has its owner", () => {
    const findings: Finding[] = [];
    const yaml = loadYaml(new TextEncoder().encode("records: {a: {policy: x}}"), "z", zoneSchema);
    const zone = resolveZone(
      "example.com",
      Uint8Array.from(nameOctets("example.com.")),
      yaml.input!,
      reporterOn(yaml, findings),
    );
    expect([zone.records.length, zone.owners.map(({ text }) => text)]).toEqual([0, ["a.example.com."]]);
  });
});
