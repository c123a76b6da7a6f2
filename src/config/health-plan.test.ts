import { expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import type { ProbeTarget } from "../health/plan.ts";
import { formatFinding } from "./findings.ts";

/** The plan's targets for one check and a list of endpoints, beside `server` in steerd.yaml. */
function planned(check: string, endpoints = "[192.0.2.1]", server = ""): ProbeTarget[] {
  const config = configFolder({
    "steerd.yaml": `nameservers: [ns1.example.net.]\n${server}`,
    "zones/a.example.yaml": `checks: {c: ${check}}\npools: {p: {check: c, endpoints: ${endpoints}}}\nrecords: {www: {policy: p}}\n`,
  }).compile();
  expect(config.findings.map(formatFinding)).toEqual([]);
  if (!("plan" in config)) throw new Error("rejected");
  return config.plan.targets;
}

const specOf = (check: string) => planned(check)[0]!.check;

const rules = { dampingMs: 600_000, returnJitterMs: 4000 };
const timing = { name: "c", intervalMs: 2000, timeoutMs: 1000, fall: 3, rise: 2, ...rules };
const http = { ...timing, path: "/", host: "", expectStatus: [], expectBody: "" };

test.each([
  ["{type: tcp, port: 7}", { ...timing, type: "tcp", port: 7 }],
  ["{type: http}", { ...http, type: "http", port: 80, verify: false }],
  [
    "{type: https, host: a.example, sni: b.example, method: HEAD, headers: {X-A: b}, expect_status: [200-202, 201, 404], redirects: 2}",
    {
      ...http,
      ...{ type: "https", port: 443, verify: true, host: "a.example", sni: "b.example", method: "HEAD" },
      ...{ headers: [["X-A", "b"]], expectStatus: [200, 201, 202, 404], redirects: 2 },
    },
  ],
  [
    "{type: http, expect_body_regex: ^up, expect_json: true}",
    {
      ...http,
      ...{ type: "http", port: 80, verify: false, expectPattern: "^up" },
      expectJson: {
        statusPath: ["status"],
        checksPath: ["checks"],
        healthy: ["healthy", "ok", "pass", "up", "true"],
      },
    },
  ],
  [
    "{type: http, expect_json: {status: data.state, checks: parts, healthy: [GREEN, 1]}}",
    {
      ...http,
      ...{ type: "http", port: 80, verify: false },
      expectJson: { statusPath: ["data", "state"], checksPath: ["parts"], healthy: ["green", "1"] },
    },
  ],
  [
    "{type: http, reuse: 10, window: 5s, load: true}",
    {
      ...{ ...http, type: "http", port: 80, verify: false, reuse: 10, windowMs: 5000 },
      load: { path: [], header: "", expireMs: 30_000 },
    },
  ],
  [
    "{type: http, interval: 20s, timeout: 1s, load: {header: X-Load}}",
    {
      ...{ ...http, type: "http", port: 80, verify: false, intervalMs: 20_000, returnJitterMs: 40_000 },
      load: { path: [], header: "x-load", expireMs: 60_000 },
    },
  ],
  [
    '{type: tls, warning_weight: "25%"}',
    {
      ...timing,
      ...{ type: "tls", port: 443, host: "", verify: true, warnDays: 14, warningScale: 16_384 },
    },
  ],
  [
    "{type: http2, host: a.example, method: HEAD}",
    { ...http, type: "http2", port: 443, host: "a.example", method: "HEAD", tls: true, verify: true },
  ],
  ["{type: http2, tls: false}", { ...http, type: "http2", port: 80, tls: false, verify: false }],
  [
    "{type: grpc, port: 50051, service: a.B, sni: c.example}",
    {
      ...timing,
      ...{ type: "grpc", port: 50051, service: "a.B", host: "", tls: true, verify: true, sni: "c.example" },
    },
  ],
  [
    "{type: dns, query: www.example, query_type: MX, expect_answer: ['10  MX.example.'], expect_rcode: nxdomain}",
    {
      ...timing,
      ...{ type: "dns", port: 53, query: "www.example.", queryType: 15, transport: "udp", recursion: false },
      ...{ expectRcode: 3, expectAnswer: ["10 mx.example."] },
    },
  ],
  ["{type: tls, warn_days: 7}", { ...timing, type: "tls", port: 443, host: "", verify: true, warnDays: 7 }],
  [
    "{type: file, path: '/run/health/{pool}', max_age: 10s}",
    { ...timing, type: "file", path: "/run/health/{pool}", maxAgeMs: 10_000 },
  ],
  ["{type: static, state: down}", { ...timing, type: "static", up: false }],
])("%s", (check, spec) => {
  expect(specOf(check)).toEqual(spec);
});

test("a probed address stands in for the one that is answered", () => {
  const endpoints = '[{address: [192.0.2.1, "2001:db8::1"], probe_address: [10.0.0.1, 10.0.0.2]}, 192.0.2.3]';
  const targets = planned("{type: http}", endpoints);
  expect(targets.map(({ address, family, probe }) => [address, family, probe])).toEqual([
    ["192.0.2.1", 4, { address: "10.0.0.1", family: 4 }],
    ["2001:db8::1", 6, { address: "10.0.0.2", family: 4 }],
    ["192.0.2.3", 4, undefined],
  ]);
});

test("timing: rules that a check does not use stay out", () => {
  const { intervalMs, timeoutMs, fall, rise, type, port, name, ...plain } = specOf(
    "{type: tcp, port: 7, damping: 0s, return_jitter: 0s}",
  ) as Extract<ProbeTarget["check"], { type: "tcp" }>;
  expect(plain).toEqual({});
  expect(
    specOf(
      "{type: tcp, port: 7, interval: 1s, fast_interval: 200ms, timeout: 200ms, ok_reset: 5, hold_down: {down: 30s, healthy: 10s}, start_grace: 20s, damping: 1h, return_jitter: 3s}",
    ),
  ).toMatchObject({
    fastIntervalMs: 200,
    okReset: 5,
    holdDownMs: 30_000,
    holdHealthyMs: 10_000,
    startGraceMs: 20_000,
    dampingMs: 3_600_000,
    returnJitterMs: 3_000,
  });
  expect(specOf("{type: tcp, port: 7, hold_down: 30s}")).toMatchObject({ holdDownMs: 30_000 });
});

test("programs that are allowed run with their arguments", () => {
  const check = "{type: exec, command: [/usr/bin/true, -H, '{address}']}";
  const [target] = planned(check, undefined, "probes: {programs: [/usr/bin/]}\n");
  expect(target!.check).toEqual({ ...timing, type: "exec", command: ["/usr/bin/true", "-H", "{address}"] });
});
