import { describe, expect, test } from "vitest";
import { serverOptions, zoneFindings } from "../../test/support/config-folder.ts";

describe("steerd.yaml", () => {
  test("has a default for every key", () => {
    expect(serverOptions("").options).toEqual({
      listen: [
        { host: "127.0.0.1", family: 4, port: 5300 },
        { host: "::1", family: 6, port: 5300 },
      ],
      zones: "./zones",
      workers: "auto",
      geo: {},
      index_memory: 256 * 2 ** 20,
      api: { listen: { host: "127.0.0.1", family: 4, port: 8053 } },
      control: {},
      explain: { allow: [] },
      resolvers: [],
      state: { path: "", maxAgeMs: 300_000 },
      endpoint_folders: [],
      notify: [],
      probes: { programs: [], allow: [] },
      canaries: [],
      freeze: { within: 30_000 },
      nameservers: [],
    });
    expect(serverOptions("geo:\napi:\n").options).toEqual(serverOptions("").options);
  });

  test("takes every key of the design", () => {
    const { options, findings } = serverOptions(
      'listen: [0.0.0.0:53, "[::]:53"]\nzones: /etc/steerd\nworkers: 4\ngeo: {city: a, country: b, asn: c}\n' +
        "index_memory: 64 MiB\napi: {listen: 127.0.0.1:0}\nnameservers: [NS1.example.net., ns2.example.net]\n",
    );
    expect(findings).toEqual([]);
    expect(options).toMatchObject({
      listen: [
        { host: "0.0.0.0", family: 4, port: 53 },
        { host: "::", family: 6, port: 53 },
      ],
      workers: 4,
      geo: { city: "a", country: "b", asn: "c" },
      index_memory: 64 * 2 ** 20,
      api: { listen: { port: 0 } },
      nameservers: ["ns1.example.net.", "ns2.example.net."],
    });
  });

  test.each([
    [
      "listen: [127.0.0.1]",
      '1:10 CFG_VALUE_INVALID listen[0] is "127.0.0.1": expected an address and a port, as 127.0.0.1:53 or "[::1]:53"',
    ],
    [
      'listen: ["::1:53"]',
      '1:10 CFG_VALUE_INVALID listen[0] is "::1:53": expected an address and a port, as 127.0.0.1:53 or "[::1]:53"',
    ],
    [
      "listen: [10.1:53]",
      '1:10 CFG_VALUE_INVALID listen[0] is "10.1:53": expected an address and a port, as 127.0.0.1:53 or "[::1]:53"',
    ],
    [
      "listen: [127.0.0.1:65536]",
      '1:10 CFG_VALUE_INVALID listen[0] is "127.0.0.1:65536": expected a port from 0 to 65535 in place of "65536", as 127.0.0.1:53',
    ],
    [
      "listen: []",
      "1:9 CFG_VALUE_INVALID listen is an empty list: expected at least one address with a port",
    ],
    [
      "index_memory: 256",
      "1:15 CFG_VALUE_INVALID index_memory is 256: expected an amount of memory with its unit, 1 MiB to 512 MiB",
    ],
    [
      "index_memory: 1 GiB",
      '1:15 CFG_VALUE_INVALID index_memory is "1 GiB": expected an amount of memory with its unit, 1 MiB to 512 MiB',
    ],
    [
      "workers: 65",
      "1:10 CFG_VALUE_INVALID workers is 65: expected auto, or a number of workers from 1 to 64",
    ],
    [
      "workers: many",
      '1:10 CFG_VALUE_INVALID workers is "many": expected auto, or a number of workers from 1 to 64',
    ],
    ["api: 8053", "1:6 CFG_VALUE_INVALID api is 8053: expected a mapping, as {listen: 127.0.0.1:8053}"],
    ["geo: {contry: x}", '1:7 CFG_KEY_UNKNOWN geo: "contry" is not a key: did you mean country?'],
    ["geo: {city: 1}", "1:13 CFG_VALUE_INVALID geo.city is 1: expected the path of a file"],
    [
      "nameservers: [192.0.2.1]",
      `1:15 CFG_VALUE_INVALID nameservers[0] is "192.0.2.1": expected a name server's full name, as ns1.example.net.`,
    ],
    [
      "nameservers: [localhost]",
      `1:15 CFG_VALUE_INVALID nameservers[0] is "localhost": expected a name server's full name, as ns1.example.net.`,
    ],
    ["worker: 1", '1:1 CFG_KEY_UNKNOWN "worker" is not a key: did you mean workers?'],
    [
      "doh: 1",
      '1:1 CFG_NOT_AVAILABLE "doh" is not available in this version: expected one of listen, zones, overrides, workers, state, endpoint_folders, notify, geo, index_memory, api, control, resolvers and 5 more',
    ],
    [
      "- a",
      "1:1 CFG_VALUE_INVALID the file is a list: expected a mapping with any of listen, zones, overrides, workers, state, endpoint_folders, notify, geo, index_memory, api, control, resolvers, explain, probes, canaries, freeze, nameservers",
    ],
    [
      "a",
      '1:1 CFG_VALUE_INVALID the file is "a": expected a mapping with any of listen, zones, overrides, workers, state, endpoint_folders, notify, geo, index_memory, api, control, resolvers, explain, probes, canaries, freeze, nameservers',
    ],
  ])("%j", (text, finding) => {
    expect(serverOptions(text).findings).toEqual([finding]);
  });
});

/** Findings of a zone in which everything else is sound. */
const inCheck = (check: string) =>
  zoneFindings(`checks:\n  c: ${check}\n`).filter((line) => !line.includes("CFG_UNUSED"));
const inPool = (pool: string) =>
  zoneFindings(`pools:\n  p: ${pool}\n`).filter((line) => !line.includes("CFG_UNUSED"));
const inPolicy = (policy: string) =>
  zoneFindings(
    `pools: {us: {endpoints: [192.0.2.1]}, eu: {endpoints: [192.0.2.2]}}\nrecords:\n  www:\n    policy: ${policy}\n`,
  ).filter((line) => !line.includes("CFG_UNUSED"));
const inRecord = (record: string) =>
  zoneFindings(`pools: {us: {endpoints: [192.0.2.1]}}\nrecords:\n  www: ${record}\n`).filter(
    (line) => !line.includes("CFG_UNUSED"),
  );

describe("checks", () => {
  const KEYS =
    "type, port, path, host, method, headers, expect_status, expect_body, expect_body_regex, expect_json, redirects, reuse and 12 more";
  const STATUS = "a status code from 100 to 599, a range as 200-299, or a list of them";
  test.each([
    [
      "{type: htps}",
      '2:13 CFG_VALUE_INVALID checks.c: type is "htps": expected one of tcp, http, https, http2, grpc, dns, tls, icmp, exec, file, static',
    ],
    [
      "{type: udp}",
      '2:13 CFG_NOT_AVAILABLE checks.c: "udp" is not available in this version: expected one of tcp, http, https, http2, grpc, dns, tls, icmp, exec, file, static',
    ],
    [
      "{port: 1}",
      "2:3 CFG_KEY_MISSING checks.c: type is missing: expected one of tcp, http, https, http2, grpc, dns, tls, icmp, exec, file, static",
    ],
    ["{type: tcp}", "2:3 CFG_KEY_MISSING checks.c: port is missing: expected a port from 1 to 65535"],
    ["{type: tcp, prt: 1}", '2:18 CFG_KEY_UNKNOWN checks.c: "prt" is not a key: did you mean port?'],
    ["{type: tcp, port: 0}", "2:24 CFG_VALUE_INVALID checks.c.port is 0: expected a port from 1 to 65535"],
    [
      '{type: tcp, port: "80"}',
      '2:24 CFG_VALUE_INVALID checks.c.port is "80": expected a port from 1 to 65535',
    ],
    [
      "{type: tcp, port: 1.5}",
      "2:24 CFG_VALUE_INVALID checks.c.port is 1.5: expected a port from 1 to 65535",
    ],
    [
      "{type: http, interval: 5}",
      "2:29 CFG_VALUE_INVALID checks.c.interval is 5: expected a duration with its unit, 100ms to 1h: 5s",
    ],
    [
      "{type: http, interval: 5 s}",
      '2:29 CFG_VALUE_INVALID checks.c.interval is "5 s": expected a duration with its unit, 100ms to 1h, as 250ms, 1s, 2m',
    ],
    ["{type: http, interval: 2h}", '2:29 CFG_VALUE_INVALID checks.c.interval is "2h": expected 100ms to 1h'],
    [
      "{type: http, interval: 1s, timeout: 2s}",
      '2:42 CFG_VALUE_INVALID checks.c.timeout is "2s": expected at most what interval says',
    ],
    [
      "{type: http, fall: 0}",
      "2:25 CFG_VALUE_INVALID checks.c.fall is 0: expected a number of probes from 1 to 100",
    ],
    [
      "{type: http, path: healthz}",
      '2:25 CFG_VALUE_INVALID checks.c.path is "healthz": expected a path that begins with "/", without spaces, line breaks or other control characters',
    ],
    [
      "{type: http, expect_status: 99}",
      `2:34 CFG_VALUE_INVALID checks.c.expect_status is 99: expected ${STATUS}`,
    ],
    [
      "{type: http, expect_status: [200, x]}",
      `2:40 CFG_VALUE_INVALID checks.c.expect_status[1] is "x": expected ${STATUS}`,
    ],
    [
      "{type: http, expect_status: [200-299, 304-302]}",
      `2:44 CFG_VALUE_INVALID checks.c.expect_status[1] is "304-302": expected ${STATUS}`,
    ],
    [
      "{type: http, method: get}",
      '2:27 CFG_VALUE_INVALID checks.c.method is "get": expected one of GET, HEAD, OPTIONS, POST',
    ],
    [
      "{type: http, method: HEAD, expect_json: true}",
      '2:27 CFG_VALUE_INVALID checks.c.method is "HEAD": expected GET, because expect_json wants a body',
    ],
    // Row 65: what could end a line of the request's head.
    [
      '{type: http, headers: {X-A: "1\\r\\nX-B: 2"}}',
      "2:34 CFG_VALUE_INVALID checks.c.headers.X-A is not shown, as it may be secret: expected a text without line breaks or other control characters",
    ],
    [
      "{type: http, headers: {Host: a}}",
      '2:29 CFG_NAME_INVALID checks.c.headers: "Host" is not a name: expected the name of a header, other than host, connection, content-length, transfer-encoding, accept-encoding, te, upgrade',
    ],
    [
      '{type: http, expect_body_regex: "(a"}',
      '2:38 CFG_VALUE_INVALID checks.c.expect_body_regex is "(a": expected a regular expression: a "(" is not closed: a ")", or "\\("',
    ],
    [
      "{type: http, expect_json: {status: a..b}}",
      '2:41 CFG_VALUE_INVALID checks.c.expect_json.status is "a..b": expected keys with dots between them, as data.status',
    ],
    [
      "{type: http, expect_json: {sttus: a}}",
      '2:33 CFG_KEY_UNKNOWN checks.c.expect_json: "sttus" is not a key: did you mean status?',
    ],
    [
      "{type: tls, warning_weight: 0%}",
      '2:34 CFG_VALUE_INVALID checks.c.warning_weight is "0%": expected a percentage from "1%" to "100%"',
    ],
    [
      "{type: http, method: HEAD, load: true}",
      '2:27 CFG_VALUE_INVALID checks.c.method is "HEAD": expected GET, because load wants a body',
    ],
    [
      "{type: http, load: {path: a, header: X-Load}}",
      '2:32 CFG_VALUE_INVALID checks.c.load.path is "a": expected nothing, because header is given',
    ],
    [
      "{type: http, interval: 1m, load: {expire: 30s}}",
      '2:48 CFG_VALUE_INVALID checks.c.load.expire is "30s": expected at least what interval says',
    ],
    [
      "{type: http, redirects: 1, reuse: 2}",
      "2:40 CFG_VALUE_INVALID checks.c.reuse is 2: expected 1, because redirects are followed",
    ],
    [
      "{type: http, redirects: 4}",
      "2:30 CFG_VALUE_INVALID checks.c.redirects is 4: expected a number of redirects from 0 to 3",
    ],
    [
      '{type: http, expect_body: ""}',
      '2:32 CFG_VALUE_INVALID checks.c.expect_body is "": expected a text of at most 1024 characters',
    ],
    ["{type: https, verify: no}", '2:28 CFG_VALUE_INVALID checks.c.verify is "no": expected true or false'],
    [
      "{type: http, interval: 1s, fast_interval: 2s}",
      '2:48 CFG_VALUE_INVALID checks.c.fast_interval is "2s": expected at most what interval says',
    ],
    [
      "{type: http, damping: 30s}",
      '2:28 CFG_VALUE_INVALID checks.c.damping is "30s": expected 0s, or 1m to 24h',
    ],
    [
      "{type: http, hold_down: {up: 3s}}",
      '2:31 CFG_KEY_UNKNOWN checks.c.hold_down: "up" is not a key: expected one of down, healthy',
    ],
    [
      "{type: http, verify: true}",
      `2:19 CFG_KEY_UNKNOWN checks.c: "verify" is not a key: expected one of ${KEYS}`,
    ],
    ["web", '2:6 CFG_VALUE_INVALID checks.c is "web": expected a mapping, as {type: http, path: /healthz}'],
    ["", "2:3 CFG_VALUE_INVALID checks.c is empty: expected a mapping, as {type: http, path: /healthz}"],
  ])("%s", (check, finding) => {
    expect(inCheck(check)).toEqual([finding]);
  });

  test("a name of another form is told at the name", () => {
    expect(zoneFindings("checks:\n  Web: {type: tcp, port: 1}\n")).toEqual([
      '2:3 CFG_NAME_INVALID checks: "Web" is not a name: expected a name of lower-case letters, digits, _ and -, at most 63 of them',
    ]);
  });
});

const SELECTS = "all, weighted, round_robin, hash, least_response_time, least_connections, p2c, adaptive";

describe("what stands in the wrong place", () => {
  const ZONE = "pools:\n  us: {endpoints: [192.0.2.1]}\n";
  test.each([
    [
      `${ZONE}records:\n  www: {policy: {failover: [us], failback: manual}}\n`,
      '4:34 CFG_KEY_UNKNOWN www: policy: "failback" stands in the wrong place: expected it inside failover, as {failover: {of: [...], failback: ...}}',
    ],
    [
      `${ZONE}records:\n  www: {policy: {weighted: [us], weights: [1]}}\n`,
      '4:34 CFG_KEY_UNKNOWN www: policy: "weights" stands in the wrong place: expected weights inside weighted, as {weighted: {eu: 80, us: 20}}',
    ],
    [
      `${ZONE}records:\n  www: {policy: {weighted: [{us: 80}]}}\n`,
      '4:30 CFG_KEY_UNKNOWN www: policy.weighted[0]: "us" with a number is not a policy: expected {node: us, weight: 80}, or a mapping of names to weights in place of the list',
    ],
    [
      `${ZONE}records:\n  www: {failover: [us]}\n`,
      '4:9 CFG_KEY_UNKNOWN www: "failover" stands in the wrong place: expected it inside policy, as policy: {failover: [...]}',
    ],
    [
      `${ZONE}records:\n  www: {type: A, policy: us}\n`,
      '4:9 CFG_KEY_UNKNOWN www: "type" stands in the wrong place: expected no type: a record answers A and AAAA, and what its pools have beside them',
    ],
    [
      `${ZONE}  records:\n`,
      "3:3 CFG_VALUE_INVALID pools.records is empty: expected a mapping, as {endpoints: [192.0.2.10]}; or, for the records of the file, no spaces before it",
    ],
  ])("%j", (text, finding) => {
    expect(zoneFindings(text)).toEqual([finding]);
  });
});

describe("pools", () => {
  test.each([
    [
      "{enpoints: [192.0.2.1]}",
      '2:7 CFG_KEY_UNKNOWN pools.p: "enpoints" is not a key: did you mean endpoints?',
    ],
    [
      "{region: x}",
      "2:3 CFG_KEY_MISSING pools.p: endpoints is missing: expected a list of addresses or endpoints, as [192.0.2.10]",
    ],
    [
      "{endpoints: 192.0.2.1}",
      '2:18 CFG_VALUE_INVALID pools.p.endpoints is "192.0.2.1": expected a list of addresses or endpoints, as [192.0.2.10]',
    ],
    [
      "{endpoints: [{adress: 192.0.2.1}]}",
      '2:20 CFG_KEY_UNKNOWN pools.p.endpoints[0]: "adress" is not a key: did you mean address?',
    ],
    [
      "{endpoints: [{address: []}]}",
      "2:29 CFG_VALUE_INVALID pools.p.endpoints[0].address is an empty list: expected at least one address",
    ],
    [
      "{endpoints: [5]}",
      "2:19 CFG_VALUE_INVALID pools.p.endpoints[0] is 5: expected an address, or {name: NAME, address: ADDRESS, weight: N}",
    ],
    [
      "{endpoints: [{address: 192.0.2.1, weight: 65536}]}",
      "2:48 CFG_VALUE_INVALID pools.p.endpoints[0].weight is 65536: expected a weight from 0 to 65535",
    ],
    [
      "{endpoints: [192.0.2.1], select: most}",
      `2:39 CFG_VALUE_INVALID pools.p.select is "most": expected one of ${SELECTS}`,
    ],
    [
      "{endpoints: [192.0.2.1], max_answers: 65}",
      "2:44 CFG_VALUE_INVALID pools.p.max_answers is 65: expected a number of answers from 1 to 64",
    ],
    [
      '{endpoints: [192.0.2.1], min_healthy: "0%"}',
      '2:44 CFG_VALUE_INVALID pools.p.min_healthy is "0%": expected a number of endpoints from 1, or a percentage from "1%" to "100%"',
    ],
    [
      "{endpoints: [192.0.2.1], min_healthy: 0}",
      '2:44 CFG_VALUE_INVALID pools.p.min_healthy is 0: expected a number of endpoints from 1, or a percentage from "1%" to "100%"',
    ],
    [
      "{endpoints: [192.0.2.1], dual_stack: both}",
      '2:43 CFG_VALUE_INVALID pools.p.dual_stack is "both": expected any or strict',
    ],
    [
      "{endpoints: [192.0.2.1], slow_start: 0.5s}",
      '2:43 CFG_VALUE_INVALID pools.p.slow_start is "0.5s": expected 1s to 1h',
    ],
    [
      "{endpoints: [192.0.2.1], shed: {low: 90%, high: 70%}}",
      '2:54 CFG_VALUE_INVALID pools.p.shed.high is "70%": expected more than what low says',
    ],
    [
      "{endpoints: [192.0.2.1], withdrawal_budget: {share: 0%, within: 10m}}",
      '2:58 CFG_VALUE_INVALID pools.p.withdrawal_budget.share is "0%": expected a percentage from 1% to 100%',
    ],
  ])("%s", (pool, finding) => {
    expect(inPool(pool)).toEqual([finding]);
  });
});

describe("policies", () => {
  const KINDS =
    "failover, weighted, geo, subnets, nearest, round_robin, all, asn, latency, hash, " +
    "least_response_time, least_connections, p2c, adaptive";
  const NODE = `a pool's or policy's name, or a mapping with one of ${KINDS}`;
  test.each([
    [
      "{falover: [us, eu]}",
      '4:14 CFG_KEY_UNKNOWN www: policy: "falover" is not a policy: did you mean failover?',
    ],
    [
      "{pick: [us, eu]}",
      `4:14 CFG_KEY_UNKNOWN www: policy: "pick" is not a policy: expected one of ${KINDS}`,
    ],
    [
      "{latency: {table: x}}",
      "4:14 CFG_KEY_MISSING www: policy.latency: of is missing: expected a list of pools and policies, as [eu, us]",
    ],
    [
      "{latency: [us, eu]}",
      "4:23 CFG_VALUE_INVALID www: policy.latency is a list: expected a mapping, as {table: ../geo/latency.csv, of: [eu, us]}",
    ],
    [
      "{latency: {table: x, of: [us], tolerance: 10}}",
      "4:55 CFG_VALUE_INVALID www: policy.latency.tolerance is 10: expected a duration with its unit, 0ms to 10s: 10s, or 10ms",
    ],
    [
      "{latency: {table: x, of: [us], tolerence: 10ms}}",
      '4:44 CFG_KEY_UNKNOWN www: policy.latency: "tolerence" is not a key: did you mean tolerance?',
    ],
    [
      "{latency: {table: x, of: [us], min_samples: 0}}",
      "4:57 CFG_VALUE_INVALID www: policy.latency.min_samples is 0: expected a number of measurements from 1 to 1000000",
    ],
    [
      "{latency: {table: x, of: [{node: us, weight: 2}]}}",
      '4:50 CFG_KEY_UNKNOWN www: policy.latency.of[0]: "weight" is not a key: expected one of node, region, location, bias',
    ],
    [
      "{target: x.example.}",
      `4:14 CFG_NOT_AVAILABLE www: policy: "target" is not available in this version: expected one of ${KINDS}`,
    ],
    [
      "{failover: [us], weighted: {us: 1}}",
      "4:30 CFG_POLICY_KIND www: policy: has failover and weighted side by side: expected exactly one of them: nest one in the other",
    ],
    ["{label: x}", `4:13 CFG_POLICY_KIND www: policy: says not what to pick: expected one of ${KINDS}`],
    [
      "{failover: []}",
      "4:24 CFG_VALUE_INVALID www: policy.failover is an empty list: expected at least one entry",
    ],
    [
      "{failover: us}",
      '4:24 CFG_VALUE_INVALID www: policy.failover is "us": expected a list of pools and policies, as failover: [eu, us]',
    ],
    [
      "{failover: [us], lable: x}",
      '4:30 CFG_KEY_UNKNOWN www: policy: "lable" is not a key: did you mean label?',
    ],
    [
      "{failover: {off: [us]}}",
      '4:25 CFG_KEY_UNKNOWN www: policy.failover: "off" is not a key: did you mean of?',
    ],
    [
      "{failover: {of: [us], failback: never}}",
      '4:45 CFG_VALUE_INVALID www: policy.failover.failback is "never": expected auto, manual or {after: 10m}',
    ],
    [
      "{failover: {of: [us], failback: {after: 10}}}",
      "4:53 CFG_VALUE_INVALID www: policy.failover.failback.after is 10: expected a duration with its unit, 1s to 168h: 10s",
    ],
    [
      "{failover: {of: [us], failback: {after: 8d}}}",
      '4:53 CFG_VALUE_INVALID www: policy.failover.failback.after is "8d": expected a duration with its unit, 1s to 168h, as 1s, 2m, 1h',
    ],
    [
      "{failover: {of: [us], failback: {afer: 10m}}}",
      '4:46 CFG_KEY_UNKNOWN www: policy.failover.failback: "afer" is not a key: did you mean after?',
    ],
    [
      "{failover: {of: [us], failback: 10m}}",
      '4:45 CFG_VALUE_INVALID www: policy.failover.failback is "10m": expected auto, manual or {after: 10m}',
    ],
    [
      "{all: {of: [us], failback: manual}}",
      '4:30 CFG_KEY_UNKNOWN www: policy.all: "failback" is not a key: expected one of of, max_answers',
    ],
    [
      "{failover: [us, {falover: [eu]}]}",
      '4:30 CFG_KEY_UNKNOWN www: policy.failover[1]: "falover" is not a policy: did you mean failover?',
    ],
    [
      "{failover: [{node: us, weight: 1}]}",
      '4:36 CFG_KEY_UNKNOWN www: policy.failover[0]: "weight" is not a key: expected one of node',
    ],
    [
      "{weighted: {us: -1}}",
      "4:29 CFG_VALUE_INVALID www: policy.weighted.us is -1: expected a weight from 0 to 65535",
    ],
    [
      "{weighted: {}}",
      "4:24 CFG_VALUE_INVALID www: policy.weighted is an empty mapping: expected at least one entry",
    ],
    [
      "{weighted: [{node: us, bias: 2}]}",
      '4:36 CFG_KEY_UNKNOWN www: policy.weighted[0]: "bias" is not a key: expected one of node, weight',
    ],
    [
      "{nearest: [{node: us, bias: 100}]}",
      "4:41 CFG_VALUE_INVALID www: policy.nearest[0].bias is 100: expected a bias from -99 to 99",
    ],
    [
      "{nearest: [{node: us, bias: -99.5}]}",
      "4:41 CFG_VALUE_INVALID www: policy.nearest[0].bias is -99.5: expected a bias from -99 to 99",
    ],
    ["{asn: {}}", "4:19 CFG_VALUE_INVALID www: policy.asn is an empty mapping: expected at least one key"],
    [
      "{weighted: [{nod: us, weight: 2}]}",
      '4:26 CFG_KEY_UNKNOWN www: policy.weighted[0]: "nod" is not a key: did you mean node?',
    ],
    [
      "{weighted: [{weight: 2}]}",
      `4:25 CFG_KEY_MISSING www: policy.weighted[0]: node is missing: expected ${NODE}`,
    ],
    [
      "{round_robin: {us: 70000}}",
      "4:32 CFG_VALUE_INVALID www: policy.round_robin.us is 70000: expected a weight from 0 to 65535",
    ],
    [
      "{round_robin: us}",
      '4:27 CFG_VALUE_INVALID www: policy.round_robin is "us": expected a list of pools and policies, as round_robin: [eu, us]',
    ],
    [
      "{all: {of: [us], max_answers: 65}}",
      "4:43 CFG_VALUE_INVALID www: policy.all.max_answers is 65: expected a number of answers from 1 to 64",
    ],
    [
      "{all: {of: [us], max_answer: 2}}",
      '4:30 CFG_KEY_UNKNOWN www: policy.all: "max_answer" is not a key: did you mean max_answers?',
    ],
    [
      "{all: [{node: us, weight: 2}]}",
      '4:31 CFG_KEY_UNKNOWN www: policy.all[0]: "weight" is not a key: expected one of node',
    ],
    [
      "{failover: {of: [us], max_answers: 2}}",
      '4:35 CFG_KEY_UNKNOWN www: policy.failover: "max_answers" is not a key: expected one of of, failback',
    ],
    [
      "{geo: [us]}",
      "4:19 CFG_VALUE_INVALID www: policy.geo is a list: expected a mapping of keys to nodes, as {EU: eu, default: us}",
    ],
    ["{geo: {}}", "4:19 CFG_VALUE_INVALID www: policy.geo is an empty mapping: expected at least one key"],
    [
      "{geo: {EU: {failver: [us]}}}",
      '4:25 CFG_KEY_UNKNOWN www: policy.geo.EU: "failver" is not a policy: did you mean failover?',
    ],
    [
      "{nearest: [{node: us, location: [91, 0]}]}",
      "4:46 CFG_VALUE_INVALID www: policy.nearest[0].location[0] is 91: expected a latitude from -90 to 90, north positive, and the longitude behind it",
    ],
    [
      "{nearest: [{node: us, location: 3}]}",
      "4:45 CFG_VALUE_INVALID www: policy.nearest[0].location is 3: expected [latitude, longitude] in degrees, as [53.3, -6.3]",
    ],
    ["5", `4:13 CFG_VALUE_INVALID www: policy is 5: expected ${NODE}`],
    ["", `4:5 CFG_VALUE_INVALID www: policy is empty: expected ${NODE}`],
  ])("%s", (policy, finding) => {
    expect(inPolicy(policy)).toEqual([finding]);
  });
});

describe("records", () => {
  const TTL = "seconds from 0 to 2147483647, or a duration in whole seconds, as 30, 5m, 1h";
  const LAST_RESORT = "all, nodata, servfail, {pool: NAME} or {addresses: [ADDRESS, ...]}";
  test.each([
    ["us", '3:8 CFG_VALUE_INVALID www is "us": expected a mapping, as {policy: eu}'],
    ["{polcy: us}", '3:9 CFG_KEY_UNKNOWN www: "polcy" is not a key: did you mean policy?'],
    ["{policy: us, ttl: -1}", `3:26 CFG_VALUE_INVALID www: ttl is -1: expected ${TTL}`],
    ["{policy: us, ttl: 1.5s}", `3:26 CFG_VALUE_INVALID www: ttl is "1.5s": expected ${TTL}`],
    ["{policy: us, ttl: 2147483648}", `3:26 CFG_VALUE_INVALID www: ttl is 2147483648: expected ${TTL}`],
    [
      "{policy: us, ttl: {max: 5, min: 6}}",
      "3:40 CFG_VALUE_INVALID www: ttl.min is 6: expected at most what max says",
    ],
    ["{policy: us, ttl: {min: 6}}", `3:21 CFG_KEY_MISSING www: ttl: max is missing: expected ${TTL}`],
    ["{policy: us, ecs: no}", '3:26 CFG_VALUE_INVALID www: ecs is "no": expected true or false'],
    [
      "{policy: us, last_resort: none}",
      `3:34 CFG_VALUE_INVALID www: last_resort is "none": expected ${LAST_RESORT}`,
    ],
    [
      "{policy: us, last_resort: {pol: us}}",
      '3:35 CFG_KEY_UNKNOWN www: last_resort: "pol" is not a key: did you mean pool?',
    ],
    [
      "{policy: us, last_resort: {addresses: []}}",
      "3:46 CFG_VALUE_INVALID www: last_resort.addresses is an empty list: expected at least one address",
    ],
  ])("%s", (record, finding) => {
    expect(inRecord(record)).toEqual([finding]);
  });

  test("durations and bare seconds are the same TTL", () => {
    expect(inRecord("{policy: us, ttl: 90s}")).toEqual([]);
    expect(inRecord("{policy: us, ttl: {max: 1.5m, min: 5}}")).toEqual([]);
  });
});

describe("a file with many errors", () => {
  test("has them all listed, in place", () => {
    const lines = zoneFindings(
      "ttll: 1\nchecks: {a: {type: x}}\npools: {p: {endpoints: 1}}\nrecords: {w: {}}\n",
    );
    expect(lines.map((line) => line.split(" ", 2).join(" ")).sort()).toEqual([
      ...["1:1 CFG_KEY_UNKNOWN", "2:20 CFG_VALUE_INVALID", "3:24 CFG_VALUE_INVALID", "4:11 CFG_KEY_MISSING"],
    ]);
  });

  test("is cut after a hundred of them", () => {
    const pools = Array.from({ length: 150 }, (_, i) => `  p${i}: {endpoints: 1}\n`).join("");
    const lines = zoneFindings(`pools:\n${pools}`);
    expect(lines).toHaveLength(101);
    expect(lines[100]).toBe(
      "z CFG_FINDINGS_CUT the file has more than 100 errors, and the rest is not listed",
    );
  });
});
