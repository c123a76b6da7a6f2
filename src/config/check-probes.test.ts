import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { parseAddress } from "../geo/prefix.ts";
import { findPing } from "../health/probes/icmp.ts";
import { refusedTarget } from "./check-probes.ts";
import { formatFinding } from "./findings.ts";

function findingsOf(check: string, endpoints = "[192.0.2.1]", server = ""): string[] {
  const config = configFolder({
    "steerd.yaml": `nameservers: [ns1.example.net.]\n${server}`,
    "zones/a.example.yaml": `checks: {c: ${check}}\npools: {p: {check: c, endpoints: ${endpoints}}}\nrecords: {www: {policy: p}}\n`,
  }).compile();
  return config.findings.map((finding) => formatFinding(finding).replace(/^\S*\/(?=zones\/)/, ""));
}

describe("programs", () => {
  const check = "{type: exec, command: [/usr/lib/nagios/plugins/check_tcp, -H, '{address}']}";

  test("run only when steerd.yaml allows it", () => {
    expect(findingsOf(check)).toEqual([
      expect.stringMatching(
        /CFG_PROGRAM_DENIED checks\.c: \/usr\/lib\/nagios\/plugins\/check_tcp may not be run: expected it, or \/usr\/lib\/nagios\/plugins\/, among probes\.programs in steerd\.yaml$/,
      ),
    ]);
    const allowed = (program: string) => findingsOf(check, undefined, `probes: {programs: [${program}]}\n`);
    expect(allowed("/usr/lib/nagios/plugins/check_tcp")).toEqual([]);
    expect(allowed("/usr/lib/nagios/plugins/")).toEqual([]);
    expect(allowed("/usr/lib/nagios/plugins")).toHaveLength(1);
    expect(allowed("/usr/lib/nagios/")).toHaveLength(1);
  });

  test.each(["[check_tcp]", "[./check]", "[/usr/lib/../bin/id]", "[/usr//bin/id]", "[]", "[/usr/]"])(
    "%s is no command",
    (command) => {
      const found = findingsOf(
        `{type: exec, command: ${command}}`,
        undefined,
        "probes: {programs: [/usr/]}\n",
      );
      expect(found).toEqual([expect.stringContaining("CFG_VALUE_INVALID checks.c.command")]);
    },
  );

  test("ping must be there for icmp, or the file says so at once", () => {
    const found = findingsOf("{type: icmp}").map((line) => /CFG_\w+/.exec(line)?.[0]);
    expect(found).toEqual(findPing() === null ? ["CFG_PING_MISSING"] : []);
  });
});

describe("row 64: link-local and metadata addresses", () => {
  test("are refused unless allowed, also when probed in place of another", () => {
    const at = (endpoints: string, server = "") => findingsOf("{type: http}", endpoints, server);
    const refused = expect.stringMatching(
      /CFG_PROBE_TARGET pools\.p\.endpoints\[1\]: 169\.254\.169\.254 lies in 169\.254\.0\.0\/16, link local, with metadata services: expected /,
    );
    expect(at("[192.0.2.1, 169.254.169.254]")).toEqual([refused]);
    expect(at("[192.0.2.1, {address: 192.0.2.2, probe_address: 169.254.169.254}]")).toEqual([refused]);
    expect(at("[169.254.169.254]", "probes: {allow: [169.254.169.0/24]}\n")).toEqual([]);
    expect(at("[169.254.169.254]", "probes: {allow: [169.254.1.1]}\n")).toHaveLength(1);
    expect(findingsOf("{type: static, state: up}", "[169.254.169.254]")).toEqual([]);
  });

  test.each([
    ["169.254.0.1", true],
    ["fe80::1", true],
    ["fd00:ec2::254", true],
    ["100.100.100.200", true],
    ["168.63.129.16", true],
    ["64:ff9b::a9fe:a9fe", true],
    ["2002:a9fe:a9fe::1", true],
    ["::ffff:169.254.169.254", true],
    ["::169.254.169.254", true],
    ["::1", false],
    ["::2:0:0", false],
    ["127.0.0.1", false],
    ["10.0.0.1", false],
    ["fd00::1", false],
    ["192.0.2.1", false],
  ])("%s: %s", (text, isRefused) => {
    expect(refusedTarget(parseAddress(text)!, []) !== null).toBe(isRefused);
  });
});

describe("probe_address", () => {
  test("is one for each address", () => {
    const found = findingsOf("{type: http}", "[{address: [192.0.2.1, 192.0.2.2], probe_address: 10.0.0.1}]");
    expect(found).toEqual([
      expect.stringContaining(
        "CFG_PROBE_ADDRESS pools.p: 1 probe_address for 2 addresses: expected one for each, in their order",
      ),
    ]);
    expect(findingsOf("{type: http}", "[{address: 192.0.2.1, probe_address: lb}]")).toEqual([
      expect.stringContaining('CFG_ADDRESS_INVALID pools.p: "lb" is not an address'),
    ]);
  });
});

describe("aggressive settings are warned of", () => {
  test("a timeout as long as the interval, when it is written", () => {
    expect(findingsOf("{type: http, interval: 1s, timeout: 1s}")).toEqual([
      expect.stringContaining("CFG_PROBE_TIMING checks.c: a probe may last as long as the interval, 1000 ms"),
    ]);
    expect(findingsOf("{type: http, interval: 1s}")).toEqual([]);
    expect(findingsOf("{type: http, interval: 1s, timeout: 900ms}")).toEqual([]);
  });

  test("many addresses, probed fast", () => {
    const endpoints = (count: number) =>
      `[${Array.from({ length: count }, (_, i) => `10.0.0.${i + 1}`).join(", ")}]`;
    const check = "{type: http, interval: 200ms, timeout: 100ms}";
    expect(findingsOf(check, endpoints(101))).toEqual([
      expect.stringContaining(
        "CFG_PROBE_LOAD checks.c: 101 addresses are probed every 200 ms, 505 probes a second",
      ),
    ]);
    expect(findingsOf(check, endpoints(100))).toEqual([]);
    expect(findingsOf("{type: http, interval: 250ms, timeout: 100ms}", endpoints(101))).toEqual([]);
  });

  test("tcp where a check speaks the protocol of the port", () => {
    expect(findingsOf("{type: tcp, port: 443}")).toEqual([
      expect.stringMatching(/CFG_PROBE_TCP checks\.c: a connection to port 443 opens .*: expected https$/),
    ]);
    expect(findingsOf("{type: tcp, port: 25}")).toEqual([]);
  });
});
