import { describe, expect, test } from "vitest";
import { configFolder, zoneFindings } from "../../test/support/config-folder.ts";

const errors = (text: string): string[] => zoneFindings(text).filter((line) => !line.startsWith("warning "));

const POOLS = `pools:
  cdn: {endpoints: [{target: a.cdn.example.}]}
  other: {endpoints: [{target: b.cdn.example.}]}
  us: {endpoints: [192.0.2.1]}
`;
const record = (text: string, owner = "www") => errors(`${POOLS}records:\n  ${owner}: ${text}\n`);
const inPool = (pool: string) => errors(`pools:\n  p: ${pool}\nrecords: {www: {policy: p}}\n`);

describe("a record that reaches a target", () => {
  test("may reach several, and its last resort too", () => {
    expect(record("{policy: {failover: [cdn, other]}, last_resort: {pool: other}}")).toEqual([]);
  });

  test.each([
    [
      "in a list",
      "{policy: {failover: [cdn, us]}}",
      "the pool cdn has targets, and the pool us has addresses",
    ],
    [
      "as a pool of last resort",
      "{policy: cdn, last_resort: {pool: us}}",
      "the pool cdn has targets, and the pool us has addresses",
    ],
    [
      "as addresses of last resort",
      "{policy: cdn, last_resort: {addresses: [192.0.2.9]}}",
      "the pool cdn has targets, and a last resort has addresses",
    ],
    [
      "as the last resort of a node",
      "{policy: {geo: {default: {failover: [cdn], last_resort: {addresses: [192.0.2.9]}}}}}",
      "the pool cdn has targets, and a last resort has addresses",
    ],
  ])("does not reach addresses: %s", (_, text, what) => {
    expect(record(text)).toEqual([
      expect.stringContaining(`CFG_TARGET_MIXED www: ${what}: expected targets only, or addresses only`),
    ]);
  });

  test("is not the apex", () => {
    expect(record("{policy: cdn}", '"@"')).toEqual([
      expect.stringMatching(
        /^6:9 CFG_TARGET_APEX @: .* cannot be an alias: expected flatten: true on the record, .*$/,
      ),
    ]);
  });

  test("picks one: a name has one CNAME", () => {
    expect(record("{policy: {all: [cdn, other]}}")).toEqual([
      expect.stringContaining("CFG_TARGET_ONE www: the pool cdn has targets, and all gives several"),
    ]);
  });

  test.each(["TXT text", "HTTPS 1 .", "CNAME elsewhere", "A 192.0.2.1"])(
    "owns its name: no static %s",
    (rdata) => {
      const folder = configFolder({
        "zones/a.example.zone": `$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\nwww ${rdata}\n`,
        "zones/a.example.yaml": `${POOLS}records:\n  www: {policy: cdn}\n  more: {policy: {failover: [us]}}\n  last: {policy: other}\n`,
      });
      expect(folder.findings()).toEqual([
        expect.stringMatching(
          /^zones\/a\.example\.zone:5 ZONE_DYNAMIC_AND_STATIC www\.a\.example\. .*a\.example\.yaml:6/,
        ),
      ]);
    },
  );
});

describe("a pool of targets", () => {
  test.each([
    [
      "{endpoints: [{target: cdn.example}]}",
      'CFG_TARGET_INVALID pools.p: "cdn.example" is relative: expected a name that ends with a dot',
    ],
    ["{endpoints: [{target: 192.0.2.1.}]}", 'CFG_TARGET_INVALID pools.p: "192.0.2.1." is an address'],
    ["{endpoints: [{target: 'a..b.'}]}", 'CFG_TARGET_INVALID pools.p: "a..b." has an empty label'],
    [
      "{endpoints: [{target: a.example.}, 192.0.2.1]}",
      "CFG_TARGET_MIXED pools.p: an address beside a target",
    ],
    [
      "{endpoints: [{target: a.example.}, {target: A.example.}]}",
      "CFG_ADDRESS_DUPLICATE pools.p: a.example. stands here again",
    ],
    ["{endpoints: [{target: a.example.}], max_answers: 2}", "CFG_TARGET_ONE pools.p.max_answers is 2"],
    ["{endpoints: [{target: a.example., address: 192.0.2.1}]}", "CFG_KEY_UNKNOWN"],
    ["{endpoints: [{target: a.example., allow: [10.0.0.0/40]}]}", "CFG_VALUE_INVALID"],
  ])("%s", (pool, message) => {
    expect(inPool(pool)).toEqual([expect.stringContaining(message)]);
  });
});

test("flatten without any target draws a warning", () => {
  const found = (record: string) =>
    zoneFindings(`${POOLS}records:\n  www: ${record}\n`).filter((line) => line.includes("FLATTEN"));
  expect(found("{policy: us, flatten: true}")).toEqual([
    "warning 6:30 CFG_FLATTEN_IDLE www: flatten is true, and nothing that the record reaches is a target: expected no flatten, or a pool of targets",
  ]);
  expect(found("{policy: {failover: [us, cdn]}, flatten: true}")).toEqual([]);
  expect(found("{policy: us, last_resort: {pool: cdn}, flatten: true}")).toEqual([]);
});
