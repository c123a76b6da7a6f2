import { describe, expect, test } from "vitest";
import { configFolder, serverOptions } from "../../test/support/config-folder.ts";

const zone = `checks:
  web: {type: tcp, port: 8081}
regions:
  dublin: {}
pools:
  eu: {region: dublin, check: web, endpoints: [192.0.2.1]}
  bare: {check: web, endpoints: [192.0.2.2]}
records:
  www: {policy: {failover: [eu, bare]}}
`;

function planOf(server: string) {
  const folder = configFolder({
    "steerd.yaml": `nameservers: [ns1.example.net.]\n${server}`,
    "zones/a.example.yaml": zone,
  });
  const config = folder.compile();
  expect(config.findings).toEqual([]);
  if (!("plan" in config)) throw new Error("rejected");
  return config.plan;
}

describe("canaries", () => {
  test("have rows and checks of their own; half of the addresses have to fail with them", () => {
    const { doubt, targets } = planOf(
      `canaries:\n  - {name: dns1, address: 192.0.2.53, check: {type: dns, query: example.com, interval: 1s}}\n` +
        `  - {address: "2001:DB8::1", check: {type: tcp, port: 443}}\n`,
    );
    expect(doubt).toMatchObject({
      share: 0.5,
      withinMs: 30_000,
      canaries: [
        { zone: "", pool: "canaries", endpoint: "dns1", address: "192.0.2.53", check: { intervalMs: 1000 } },
        { endpoint: "2001:DB8::1", address: "2001:db8::1", family: 6, check: { type: "tcp" } },
      ],
    });
    const rows = [...targets, ...doubt!.canaries].map(({ row }) => row);
    expect(new Set(rows).size).toBe(4);
    expect(targets.map(({ region }) => region)).toEqual(["dublin", undefined]);
  });

  test("without them nine of ten have to fail, unless share says otherwise", () => {
    expect(planOf("").doubt).toEqual({ share: 0.9, withinMs: 30_000, canaries: [] });
    expect(planOf("freeze: {share: 75%, within: 1m}\n").doubt).toMatchObject({
      share: 0.75,
      withinMs: 60_000,
    });
    const canary = "canaries: [{address: 192.0.2.53, check: {type: tcp, port: 53}}]\n";
    expect(planOf(`${canary}freeze: {share: 80%}\n`).doubt!.share).toBe(0.8);
  });

  test.each([
    [
      "canaries: 5",
      "1:11 CFG_VALUE_INVALID canaries is 5: expected a list of canaries, as [{address: 192.0.2.53, check: {type: tcp, port: 53}}]",
    ],
    [
      "canaries: [192.0.2.53]",
      '1:12 CFG_VALUE_INVALID canaries[0] is "192.0.2.53": expected a mapping, as {address: 192.0.2.53, check: {type: dns, query: example.com}}',
    ],
    [
      "canaries: [{address: gateway, check: {type: tcp, port: 53}}]",
      '1:22 CFG_VALUE_INVALID canaries[0].address is "gateway": expected the IPv4 or IPv6 address of one host',
    ],
    [
      "canaries: [{address: 192.0.2.53}]",
      "1:12 CFG_KEY_MISSING canaries[0]: check is missing: expected a mapping, as {type: http, path: /healthz}",
    ],
    [
      "canaries: [{address: 192.0.2.53, check: {type: exec, command: [/bin/true]}}]",
      '1:48 CFG_VALUE_INVALID canaries[0].check: type is "exec": expected one of tcp, http, https, http2, grpc, dns, tls: checks of a network',
    ],
    [
      "canaries: [{address: 192.0.2.53, check: {type: tpc, port: 53}}]",
      '1:48 CFG_VALUE_INVALID canaries[0].check: type is "tpc": expected one of tcp, http, https, http2, grpc, dns, tls, icmp, exec, file, static',
    ],
    [
      "canaries: [{adress: 192.0.2.53, check: {type: tcp, port: 53}}]",
      '1:13 CFG_KEY_UNKNOWN canaries[0]: "adress" is not a key: did you mean address?',
    ],
    [
      "canaries: [{address: 192.0.2.53, check: {type: tcp, port: 53}}, {address: 192.0.2.53, check: {type: tcp, port: 54}}]",
      "1:11 CFG_VALUE_INVALID canaries is a list: expected names that differ",
    ],
    [
      "freeze: {share: 0%}",
      '1:17 CFG_VALUE_INVALID freeze.share is "0%": expected a percentage from "1%" to "100%"',
    ],
    [
      "freeze: {share: 0.9}",
      '1:17 CFG_VALUE_INVALID freeze.share is 0.9: expected a percentage from "1%" to "100%"',
    ],
    [
      "freeze: {within: 30}",
      "1:18 CFG_VALUE_INVALID freeze.within is 30: expected a duration with its unit, 1s to 10m: 30s",
    ],
    ["freeze: {within: 1h}", '1:18 CFG_VALUE_INVALID freeze.within is "1h": expected 1s to 10m'],
  ])("%s", (text, finding) => {
    expect(serverOptions(text).findings).toEqual([finding]);
  });
});
