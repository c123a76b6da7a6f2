import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";

/** Errors of one zone file, as `line:column CODE ...`; warnings begin with `warning`. */
function findingsOf(text: string, more: Record<string, string> = {}): string[] {
  const folder = configFolder({ "zones/a.example.yaml": text, ...more });
  return folder.findings().map((line) => line.replace("zones/a.example.yaml:", ""));
}

const short = (lines: string[]) => lines.map((line) => line.replace(/: expected .*/s, ""));

const SOUND = `checks:
  web: {type: http, interval: 2s, timeout: 1s}
regions:
  dublin: {location: [53.3, -6.3]}
pools:
  eu: {region: dublin, check: web, endpoints: [198.51.100.10]}
  us: {endpoints: [192.0.2.10]}
records:
  www: {policy: {failover: [eu, us]}}
`;

describe("mistakes of several stages in one file", () => {
  test("are all told in one run, each once", () => {
    expect(
      short(
        findingsOf(`ttl: soon
checks:
  web: {type: http, intervall: 1s}
  api: {type: tcp, port: 70000}
regions:
  dublin: {location: [95, -6.3]}
  oslo: {location: [59.9, 10.7]}
groups:
  alps: [CH, AT, XX]
pools:
  eu: {region: dublin, check: web, endpoints: [198.51.100.10], select: best}
  us: {region: ohio, check: api, endpoints: [192.0.2.300]}
  asia: {region: oslo, check: wbe, enpoints: [203.0.113.9]}
  spare: {endpoints: [{address: 203.0.113.7, weight: heavy}, 203.0.113.7.1]}
policies:
  near: {nearest: [eu, us, {node: asia, location: north}]}
  far: {failver: [near, us]}
records:
  www:
    policy: {geo: {EU: near, QQ: us, default: {weighted: {us: 1, spare: lots}}}}
    ttl: never
  api: {policy: {failover: [far, nowhere, {geo: {EU: 5}}]}}
  a..b: {policy: us}
  old: {polcy: us}
`),
      ),
    ).toEqual([
      '1:6 CFG_VALUE_INVALID ttl is "soon"',
      '3:21 CFG_KEY_UNKNOWN checks.web: "intervall" is not a key: did you mean interval?',
      "4:26 CFG_VALUE_INVALID checks.api.port is 70000",
      "6:23 CFG_VALUE_INVALID regions.dublin.location[0] is 95",
      '9:18 CFG_COUNTRY_UNKNOWN groups.alps: "XX" is not a country',
      '11:72 CFG_VALUE_INVALID pools.eu.select is "best"',
      '12:16 CFG_REGION_UNKNOWN pools.us: "ohio" is not a region',
      '12:46 CFG_ADDRESS_INVALID pools.us: "192.0.2.300" is not an address',
      '13:31 CFG_CHECK_UNKNOWN pools.asia: "wbe" is not a check: did you mean web?',
      '13:36 CFG_KEY_UNKNOWN pools.asia: "enpoints" is not a key: did you mean endpoints?',
      '14:54 CFG_VALUE_INVALID pools.spare.endpoints[0].weight is "heavy"',
      '14:62 CFG_ADDRESS_INVALID pools.spare: "203.0.113.7.1" is not an address',
      '16:51 CFG_VALUE_INVALID policies.near.nearest[2].location is "north"',
      '17:9 CFG_KEY_UNKNOWN policies.far: "failver" is not a policy: did you mean failover?',
      '20:30 CFG_GEO_KEY www: policy.geo: "QQ" is not a continent',
      '20:73 CFG_VALUE_INVALID www: policy.geo.default.weighted.spare is "lots"',
      '21:10 CFG_VALUE_INVALID www: ttl is "never"',
      '22:34 CFG_POOL_UNKNOWN api: "nowhere" is not a pool or policy',
      "22:54 CFG_VALUE_INVALID api: policy.failover[2].geo.EU is 5",
      '23:3 CFG_OWNER_INVALID records: "a..b" has an empty label',
      '24:9 CFG_KEY_UNKNOWN old: "polcy" is not a key: did you mean policy?',
    ]);
  });
});

describe("what is no more than a consequence is not told", () => {
  test.each<[title: string, from: string, into: string, expected: string]>([
    ["a check without its type", "{type: http, ", "{", "2:3 CFG_KEY_MISSING checks.web: type is missing"],
    [
      "a check that is no mapping",
      "{type: http, interval: 2s, timeout: 1s}",
      "5",
      "2:8 CFG_VALUE_INVALID checks.web is 5",
    ],
    [
      "an interval that the timeout is longer than by default",
      "interval: 2s",
      "interval: 2",
      "2:31 CFG_VALUE_INVALID checks.web.interval is 2",
    ],
    [
      "a region without a place",
      "{location: [53.3, -6.3]}",
      "[]",
      "4:11 CFG_VALUE_INVALID regions.dublin is an empty list",
    ],
    [
      "regions that are a list",
      "  dublin: {location: [53.3, -6.3]}",
      "  - dublin",
      "4:3 CFG_VALUE_INVALID regions is a list",
    ],
    [
      "pools under another name",
      "pools:",
      "polls:",
      '5:1 CFG_KEY_UNKNOWN "polls" is not a key: did you mean pools?',
    ],
    ["pools under a strange name", "pools:", "hosts:", '5:1 CFG_KEY_UNKNOWN "hosts" is not a key'],
    [
      "checks that are nothing",
      "checks:\n  web: {type: http, interval: 2s, timeout: 1s}",
      "checks: 5\n",
      "1:9 CFG_VALUE_INVALID checks is 5",
    ],
    ["a pool's name", "  eu: {region", "  Eu: {region", '6:3 CFG_NAME_INVALID pools: "Eu" is not a name'],
    [
      "endpoints that are a text",
      "endpoints: [198.51.100.10]",
      "endpoints: 198.51.100.10",
      '6:47 CFG_VALUE_INVALID pools.eu.endpoints is "198.51.100.10"',
    ],
    [
      "the only endpoint",
      "[198.51.100.10]",
      "[{addres: 198.51.100.10}]",
      '6:49 CFG_KEY_UNKNOWN pools.eu.endpoints[0]: "addres" is not a key: did you mean address?',
    ],
    [
      "a pool that is nothing",
      "{region: dublin, check: web, endpoints: [198.51.100.10]}",
      "",
      "6:3 CFG_VALUE_INVALID pools.eu is empty",
    ],
    [
      "a record's policy",
      "{failover: [eu, us]}",
      "{failover: []}",
      "9:28 CFG_VALUE_INVALID www: policy.failover is an empty list",
    ],
    ["a record that is nothing", "{policy: {failover: [eu, us]}}", "", "9:3 CFG_VALUE_INVALID www is empty"],
    [
      "records that are nothing",
      "  www: {policy: {failover: [eu, us]}}",
      "  - www",
      "9:3 CFG_VALUE_INVALID records is a list",
    ],
  ])("%s", (_title, from, into, expected) => {
    expect(findingsOf(SOUND)).toEqual([]);
    const lines = short(findingsOf(SOUND.replace(from, into)));
    expect(lines).toEqual([expected]);
  });
});

describe("mistakes of several files", () => {
  const MASTER = "$TTL 60\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1.example.net.\n";

  test("are told together: of steerd.yaml, of master files, of zones, and of what they include", () => {
    const folder = configFolder({
      "steerd.yaml": "workers: 65\ngeo: {country: countries.mmdb, cty: x}\nnameservers: [ns1.example.net.]\n",
      "zones/a.example.zone": `${MASTER}www A 192.0.2.300\nx CNAME\n`,
      "zones/a.example.yaml": `include: [common.yaml, 5, gone.yaml]\n${SOUND.replace("2s", "2").replace("eu, us", "eu, shared, other, more, 5")}`,
      "zones/b.example.zone": `${MASTER}www A 192.0.2.1\n`,
      "zones/b.example.yaml": "pools: {eu: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: eu, ttl: x}}\n",
      "zones/c.example.yaml": "records: {www: {policy: {failover: [eu]}}\n",
      "zones/include/common.yaml":
        "include: [more.yaml]\npools:\n  shared: {endpoints: [192.0.2.1], region: nowhere}\n  other: {endpoint: x}\n",
      "zones/include/more.yaml": "pools: {more: {endpoints: [x], check: y, min_healthy: 0}}\n",
    });
    expect(short(folder.findings())).toEqual([
      "steerd.yaml:1:10 CFG_VALUE_INVALID workers is 65",
      'steerd.yaml:2:32 CFG_KEY_UNKNOWN geo: "cty" is not a key: did you mean city?',
      "zones/a.example.yaml:1:24 CFG_VALUE_INVALID include[1] is 5",
      "zones/a.example.yaml:1:27 CFG_INCLUDE include: zones/include/gone.yaml cannot be used: there is no such file",
      "zones/a.example.yaml:3:31 CFG_VALUE_INVALID checks.web.interval is 2",
      "zones/a.example.yaml:10:54 CFG_VALUE_INVALID www: policy.failover[4] is 5",
      'zones/a.example.zone:4:7 ZONE_RDATA A: "192.0.2.300" is not an IPv4 address',
      "zones/a.example.zone:5:8 ZONE_RDATA_MISSING CNAME: the canonical name is missing",
      'zones/b.example.yaml:2:34 CFG_VALUE_INVALID www: ttl is "x"',
      "zones/b.example.zone:4 ZONE_DYNAMIC_AND_STATIC www.b.example. A: the name is dynamic (zones/b.example.yaml:2:11)",
      "zones/c.example.yaml:1:10 CFG_YAML_SYNTAX a mapping in brackets is not closed",
      'zones/include/common.yaml:3:44 CFG_REGION_UNKNOWN pools.shared: "nowhere" is not a region',
      'zones/include/common.yaml:4:11 CFG_KEY_UNKNOWN pools.other: "endpoint" is not a key: did you mean endpoints?',
      'zones/include/more.yaml:1:28 CFG_ADDRESS_INVALID pools.more: "x" is not an address',
      'zones/include/more.yaml:1:39 CFG_CHECK_UNKNOWN pools.more: "y" is not a check',
      "zones/include/more.yaml:1:55 CFG_VALUE_INVALID pools.more.min_healthy is 0",
    ]);
  });
});

describe("mistakes of YAML that leave the rest of the file readable", () => {
  test("do not hide what is wrong with its values and names", () => {
    const lines = findingsOf(`pools:
  eu: {endpoints: [198.51.100.10]}
  eu: {endpoints: [198.51.100.11]}
  us: {endpoints: [192.0.2.10], weight: !!int 5}
  asia: {endpoints: [*asia]}
  six: {endpoints: [2001:db8::], region: nowhere}
records:
  @: {policy: {failover: [eu, us, asia, six, gone]}, ttl: never}
  *.edge: {policy: {geo: {EU: eu, default: {failover: [us, 5]}}}}
  www: {policy: {failover: [eu]}, policy: {failover: [nowhere]}, ttl: 1x}
`);
    expect(short(lines)).toEqual([
      '3:3 CFG_YAML_DUPLICATE "eu" stands here again, first on line 2',
      '4:33 CFG_KEY_UNKNOWN pools.us: "weight" is not a key',
      "4:47 CFG_YAML_TAG tag:yaml.org,2002:int is a tag",
      "5:22 CFG_YAML_ALIAS *asia names an anchor that is not there",
      "6:21 CFG_YAML_QUOTE 2001:db8:: stands without quotes, and YAML gives that a meaning of its own",
      '6:42 CFG_REGION_UNKNOWN pools.six: "nowhere" is not a region',
      "8:3 CFG_YAML_QUOTE @ stands without quotes, and YAML gives that a meaning of its own",
      '8:46 CFG_POOL_UNKNOWN @: "gone" is not a pool or policy',
      '8:59 CFG_VALUE_INVALID @: ttl is "never"',
      "9:3 CFG_YAML_QUOTE *.edge stands without quotes, and YAML gives that a meaning of its own",
      "9:60 CFG_VALUE_INVALID *.edge: policy.geo.default.failover[1] is 5",
      '10:35 CFG_YAML_DUPLICATE "policy" stands here again, first on line 10',
      '10:71 CFG_VALUE_INVALID www: ttl is "1x"',
    ]);
  });

  test("where brackets are not closed, nothing else is told of the file", () => {
    expect(short(findingsOf("pools:\n  eu: {endpoints: [198.51.100.10]\n  us: {endpoints: 5}\n"))).toEqual([
      "2:7 CFG_YAML_SYNTAX a mapping in brackets is not closed",
    ]);
  });
});

test("what a file says cannot look like another finding, nor reach a terminal", () => {
  const [line] = findingsOf('records: {www: {"x\\nzones/a.yaml:1:1 FAKE \\e[31m": 1, policy: us}}\n');
  expect(line).toContain('"x\\u000azones/a.yaml:1:1 FAKE \\u001b[31m" is not a key');
});

test("a name that JavaScript's objects have means nothing where the section that may have it is wrong", () => {
  const file =
    "checks: {constructor: {type: http}}\npools: {eu: {check: constructor, endpoints: [192.0.2.1]}}\n";
  expect(short(findingsOf(`${file}records: {www: {policy: eu}}\n`))).toEqual([
    '1:10 CFG_YAML_KEY "constructor" is reserved and cannot be a key',
  ]);
});

test("of more mistakes in one entry than are listed, none is taken out: that would take minutes", () => {
  const keys = Array.from({ length: 10_000 }, (_, i) => `key-${i}: 1`).join(", ");
  const lines = findingsOf(`pools: {eu: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: eu, ${keys}}}\n`);
  expect(lines).toHaveLength(101);
  expect(lines[0]).toContain("CFG_FINDINGS_CUT");
});
