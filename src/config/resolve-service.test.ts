import { describe, expect, test } from "vitest";
import { configFolder, zoneFindings } from "../../test/support/config-folder.ts";
import { SERVICE_LENGTH_MASK, SERVICE_NO_IPV4, SERVICE_NO_IPV6 } from "../wire/answer.ts";
import { parseRdata } from "../wire/rdata/parse.ts";
import { SERVICE_COUNT, SERVICE_OFFSET, SERVICE_WORDS } from "../zone/zone-data.ts";
import type { CompiledConfig } from "./compile.ts";

const POOLS =
  "pools: {us: {endpoints: [192.0.2.1]}, eu: {endpoints: [192.0.2.2]}, cdn: {endpoints: [{target: a.cdn.example.}]}}\n";
const found = (record: string): string[] =>
  zoneFindings(`${POOLS}records:\n  www: ${record}\n`).filter((line) => !line.includes("CFG_UNUSED"));

describe("https and svcb of a record", () => {
  test("become RDATA without hints, and those that are alike are kept once", () => {
    const folder = configFolder({
      "zones/a.example.yaml": `${POOLS}records:
  www: {policy: us, https: {alpn: [h3, h2], no_default_alpn: true, port: 8443}}
  same: {policy: eu, https: {alpn: [h3, h2], no_default_alpn: true, port: 8443, priority: 1}}
  _dns.www: {policy: us, svcb: {priority: 16, alpn: [http/1.1]}}
  bare: {policy: us, https: {}}
  several:
    policy: us
    https: [{alpn: [h3], port: 8443, hints: ipv6}, {priority: 2, alpn: [h2], hints: ipv4}, {priority: 3, hints: none}]
  again: {policy: eu, svcb: [{}]}
`,
    });
    const { services, octets, view } = (folder.compile() as CompiledConfig).snapshot.zones;
    const found: [number, Uint8Array][][] = [];
    for (let at = 0; at < services.length; at += SERVICE_WORDS) {
      let offset = services[at + SERVICE_OFFSET]!;
      found.push(
        Array.from({ length: services[at + SERVICE_COUNT]! }, () => {
          const length = view.getUint16(offset);
          const rdata = octets.slice(offset + 2, offset + 2 + (length & SERVICE_LENGTH_MASK));
          offset += 2 + rdata.length;
          return [length & ~SERVICE_LENGTH_MASK, rdata];
        }),
      );
    }
    const rdata = (text: string) => parseRdata(65, text);
    expect(found).toEqual([
      [[0, rdata("1 . alpn=h3,h2 no-default-alpn port=8443")]],
      [[0, rdata("16 . alpn=http/1.1")]],
      [[0, rdata("1 .")]],
      [
        [SERVICE_NO_IPV4, rdata("1 . alpn=h3 port=8443")],
        [SERVICE_NO_IPV6, rdata("2 . alpn=h2")],
        [SERVICE_NO_IPV4 | SERVICE_NO_IPV6, rdata("3 .")],
      ],
    ]);
  });

  test.each([
    [
      "{policy: us, https: {target: b.example.}}",
      'CFG_KEY_UNKNOWN www: https: "target" is not a key: expected no target: it is the name itself, as the hints are the addresses that the policy picks; a record with another target goes into the master file',
    ],
    ["{policy: us, htps: {}}", 'CFG_KEY_UNKNOWN www: "htps" is not a key: did you mean https?'],
    [
      "{policy: us, https: true}",
      "CFG_VALUE_INVALID www: https is true: expected a mapping, as {alpn: [h3, h2]}",
    ],
    [
      "{policy: us, https: []}",
      "CFG_VALUE_INVALID www: https is an empty list: expected at least one record",
    ],
    [
      "{policy: us, https: [{}, h2]}",
      'CFG_VALUE_INVALID www: https[1] is "h2": expected a mapping, as {alpn: [h3, h2]}',
    ],
    [
      "{policy: us, https: [{priority: 1}, {priority: 0}]}",
      "CFG_VALUE_INVALID www: https[1].priority is 0: expected a priority from 1 to 65535",
    ],
    [
      "{policy: us, https: [{priority: 1}, {alpn: [h2]}, {priority: 1, hints: none}]}",
      "CFG_SERVICE_DUPLICATE www: https[2] is the same record as https[0]: expected a priority, port or alpn that differs",
    ],
    [
      "{policy: us, svcb: [{}, {priority: 2, no_default_alpn: true}]}",
      "CFG_ALPN_MISSING www: svcb[1] has no_default_alpn and no alpn: expected alpn with at least one protocol id",
    ],
    [
      "{policy: us, https: [{alpn: [h2, h2]}]}",
      "CFG_ALPN_DUPLICATE www: https[0].alpn names a protocol twice: expected each protocol id once",
    ],
    [
      "{policy: us, https: {hints: ipv5}}",
      'CFG_VALUE_INVALID www: https.hints is "ipv5": expected one of both, ipv4, ipv6, none',
    ],
    [
      `{policy: us, https: [${Array.from({ length: 9 }, (_, i) => `{port: ${i + 1}}`).join(", ")}]}`,
      "CFG_VALUE_INVALID www: https is a list: expected at most 8 records",
    ],
    [
      "{policy: cdn, https: [{}, {priority: 2}]}",
      "CFG_TARGET_MIXED www: https beside a CNAME: its pools have targets: expected no other type there, or flatten: true on the record, which answers the addresses of its targets",
    ],
    [
      "{policy: us, https: {priority: 0}}",
      "CFG_VALUE_INVALID www: https.priority is 0: expected a priority from 1 to 65535",
    ],
    [
      "{policy: us, https: {port: 70000}}",
      "CFG_VALUE_INVALID www: https.port is 70000: expected a port from 1 to 65535",
    ],
    [
      "{policy: us, https: {alpn: h2}}",
      'CFG_VALUE_INVALID www: https.alpn is "h2": expected a list of ALPN protocol ids, as [h3, h2]',
    ],
    [
      '{policy: us, https: {alpn: ["h2,h3"]}}',
      'CFG_VALUE_INVALID www: https.alpn[0] is "h2,h3": expected an ALPN protocol id, as h2',
    ],
    [
      "{policy: us, https: {alpn: []}}",
      "CFG_VALUE_INVALID www: https.alpn is an empty list: expected at least one protocol id",
    ],
    [
      "{policy: us, https: {alpn: [h2, h3, h2]}}",
      "CFG_ALPN_DUPLICATE www: https.alpn names a protocol twice: expected each protocol id once",
    ],
    [
      "{policy: us, svcb: {no_default_alpn: true}}",
      "CFG_ALPN_MISSING www: svcb has no_default_alpn and no alpn: expected alpn with at least one protocol id",
    ],
    [
      "{policy: cdn, https: {}}",
      "CFG_TARGET_MIXED www: https beside a CNAME: its pools have targets: expected no other type there, or flatten: true on the record, which answers the addresses of its targets",
    ],
  ])("%s", (record, expected) => {
    expect(found(record).map((line) => line.replace(/^\d+:\d+ /, ""))).toEqual([expected]);
  });

  test("goes with the addresses of targets that are flattened", () => {
    expect(found("{policy: cdn, flatten: true, https: {alpn: [h2]}}")).toEqual([]);
  });
});

describe("the same name in the master file", () => {
  const compiled = (record: string, line: string) =>
    configFolder({
      "zones/a.example.yaml": `${POOLS}records:\n  www: ${record}\n`,
      "zones/a.example.zone": `@ 300 IN SOA ns1 h 1 2 3 4 5\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\n${line}\n`,
    })
      .findings()
      .filter((found) => !found.includes("CFG_UNUSED"));

  test("may not have the types that the record gives", () => {
    expect(compiled("{policy: us, https: {}}", "www 300 IN HTTPS 1 .")).toEqual([
      "zones/a.example.zone:4 ZONE_DYNAMIC_AND_STATIC www.a.example. HTTPS: the name is dynamic (zones/a.example.yaml:3:3): expected no static A, AAAA, HTTPS or CNAME there",
    ]);
    expect(compiled("{policy: us, https: {}}", "www 300 IN SVCB 1 .")).toEqual([]);
    expect(compiled("{policy: us, svcb: {}}", "www 300 IN SVCB 1 .")).toHaveLength(1);
    expect(compiled("{policy: us}", "www 300 IN HTTPS 1 .")).toEqual([]);
  });
});

test("a reload that adds https to a record is noticed by the checks of the zone", () => {
  const folder = configFolder({
    "zones/a.example.yaml": `${POOLS}records: {www: {policy: us}}\n`,
    "zones/a.example.zone":
      "@ 300 IN SOA ns1 h 1 2 3 4 5\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\nwww 300 IN HTTPS 1 .\n",
  });
  const errors = () => folder.findings().filter((line) => !line.startsWith("warning"));
  expect(errors()).toEqual([]);
  folder.write("zones/a.example.yaml", `${POOLS}records: {www: {policy: us, https: {}}}\n`);
  expect(errors()).toEqual([expect.stringContaining("ZONE_DYNAMIC_AND_STATIC")]);
});
