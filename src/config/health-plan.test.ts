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

const timing = { name: "c", intervalMs: 2000, timeoutMs: 1000, fall: 3, rise: 2 };
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
])("%s", (check, spec) => {
  expect(specOf(check)).toEqual(spec);
});
