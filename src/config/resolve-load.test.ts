import { describe, expect, it } from "vitest";
import { zoneFindings } from "../../test/support/config-folder.ts";

const HEAD = `checks: {web: {type: http, load: true}, ping: {type: http}, both: {all: [web, ping]}}
regions: {dublin: {}, oslo: {}}
pools:
  a: {region: dublin, check: web, endpoints: [192.0.2.1]}
  b: {region: oslo, check: web, endpoints: [192.0.2.2]}
  c: {region: oslo, check: web, endpoints: [192.0.2.3]}
  parts: {check: web, endpoints: [192.0.2.4]}
  bare: {endpoints: [192.0.2.5]}
  quiet: {check: ping, endpoints: [192.0.2.6]}
  mute: {check: ping, endpoints: [192.0.2.7]}
records:
  all: {policy: {all: [a, b, c, parts, bare, quiet, mute]}}
`;
const isOther = (line: string): boolean => !line.includes("CFG_UNUSED");
const inPolicy = (policy: string): string[] =>
  zoneFindings(`${HEAD}  www: {policy: ${policy}}\n`).filter(isOther);
const inPool = (pool: string): string[] =>
  zoneFindings(
    `checks: {web: {type: http, load: true}, ping: {type: http}, both: {all: [web, ping]}}\npools:\n  p: ${pool}\nrecords: {www: {policy: p}}\n`,
  ).filter(isOther);

describe("policies by load", () => {
  it.each([
    "{least_connections: [a, b]}",
    "{least_connections: {a: 2, b: 1}}",
    "{least_response_time: [b, {node: c, weight: 2}]}",
    "{p2c: {of: [a, b], }}",
    "{adaptive: [a, b]}",
    "{adaptive: {a: 1, parts: 2}}",
    "{adaptive: {of: [a, b], parts: {connections: 1, errors: 2}}}",
    "{p2c: [{failover: [a, b]}, {adaptive: [b, c]}]}",
    "{least_response_time: [quiet, mute]}",
  ])("takes %s", (policy) => {
    expect(inPolicy(policy)).toEqual([]);
  });

  it.each([
    [
      "{adaptive: {of: [a, b], parts: {p99: 0}}}",
      "13:41 CFG_ADAPTIVE_PARTS www: policy.adaptive.parts: no part weighs anything: expected weights from 0 to 100, one above 0",
    ],
    [
      "{adaptive: {of: [a, b], parts: {p99: -1, errors: 2}}}",
      "13:54 CFG_ADAPTIVE_PARTS www: policy.adaptive.parts.p99: the part weighs -1: expected weights from 0 to 100, one above 0",
    ],
    [
      "{adaptive: {of: [a, b], parts: {p99: 101}}}",
      "13:54 CFG_VALUE_INVALID www: policy.adaptive.parts.p99 is 101: expected a weight from 0 to 100",
    ],
    [
      "{adaptive: {of: [a, b], parts: {latency: 1}}}",
      '13:49 CFG_KEY_UNKNOWN www: policy.adaptive.parts: "latency" is not a key: expected one of connections, p99, errors',
    ],
    [
      "{p2c: {a: 0, b: 0}}",
      "13:18 CFG_WEIGHTS_ZERO www: policy.p2c: every weight is 0: expected at least one above 0",
    ],
    [
      "{least_connections: [a, bare]}",
      'warning 13:18 CFG_LOAD_UNCHECKED www: policy.least_connections: goes by load, and nothing measures the pool "bare", which has no check: expected a check for the pool, or weighted for least_connections',
    ],
    [
      "{least_connections: [a, quiet, mute]}",
      'warning 13:18 CFG_LOAD_UNREPORTED www: policy.least_connections: goes by what endpoints report, and the check "ping" of mute, quiet reads no reports: expected load in the check, or weighted for least_connections',
    ],
    [
      "{least_response_time: [a, {failover: [b, c]}]}",
      "warning 13:18 CFG_RESPONSE_REGIONS www: policy.least_response_time: compares the regions dublin, oslo by how fast they answer probes from here, not clients: expected latency or nearest between regions, least_response_time within one",
    ],
  ])("says what is wrong with %s", (policy, finding) => {
    expect(inPolicy(policy)).toEqual([finding]);
  });
});

describe("select by load", () => {
  it.each([
    "least_response_time",
    "least_connections",
    "p2c",
    "adaptive",
    "{adaptive: {}}",
    "{adaptive: {parts: {p99: 3}}}",
  ])("takes %s", (select) => {
    expect(inPool(`{check: web, endpoints: [192.0.2.1], select: ${select}}`)).toEqual([]);
  });

  it.each([
    [
      "{check: web, endpoints: [192.0.2.1], select: {adaptive: {parts: {}}}}",
      "3:63 CFG_ADAPTIVE_PARTS pools.p.select.adaptive.parts: no part weighs anything: expected weights from 0 to 100, one above 0",
    ],
    [
      "{endpoints: [192.0.2.1], select: p2c}",
      'warning 3:31 CFG_LOAD_UNCHECKED pools.p.select: goes by load, and nothing measures the pool "p", which has no check: expected a check for the pool, or weighted for p2c',
    ],
    [
      "{check: ping, endpoints: [192.0.2.1], select: least_connections}",
      'warning 3:44 CFG_LOAD_UNREPORTED pools.p.select: goes by what endpoints report, and the check "ping" of p reads no reports: expected load in the check, or weighted for least_connections',
    ],
    [
      "{check: both, endpoints: [192.0.2.1], select: p2c}",
      'warning 3:44 CFG_LOAD_UNREPORTED pools.p.select: goes by what endpoints report, and the check "both" of p reads no reports: expected load in the check, or weighted for p2c',
    ],
    [
      "{check: ping, endpoints: [192.0.2.1], shed: {low: 70%, high: 90%}}",
      'warning 3:44 CFG_LOAD_UNREPORTED pools.p.shed: goes by what endpoints report, and the check "ping" of p reads no reports: expected load in the check',
    ],
    [
      "{check: web, endpoints: [192.0.2.1], select: {p2c: {}}}",
      '3:52 CFG_KEY_UNKNOWN pools.p.select: "p2c" is not a key: expected one of adaptive',
    ],
  ])("says what is wrong with %s", (pool, finding) => {
    expect(inPool(pool)).toEqual([finding]);
  });
});
