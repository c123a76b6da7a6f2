import { describe, expect, it } from "vitest";
import { formatListener, formatListenFailure, judgeFailures, type Listener } from "./listener.ts";

const four: Listener = { host: "127.0.0.1", port: 53, family: 4 };
const six: Listener = { host: "::1", port: 53, family: 6 };

describe("listeners", () => {
  it("are written with brackets around IPv6", () => {
    expect(formatListener(four)).toBe("127.0.0.1:53");
    expect(formatListener(six)).toBe("[::1]:53");
  });

  it.each([
    ["EACCES", "listen 127.0.0.1:53/udp: permission denied: ports below 1024 need CAP_NET_BIND_SERVICE"],
    ["EADDRINUSE", "listen 127.0.0.1:53/udp: address in use: another server listens there"],
    ["EADDRNOTAVAIL", "listen 127.0.0.1:53/udp: address not available"],
    ["EWHATEVER", "listen 127.0.0.1:53/udp: EWHATEVER"],
  ])("a failure with %s says what to do", (code, start) => {
    expect(formatListenFailure({ listener: four, transport: "udp", code })).toMatch(start);
  });

  it.each([
    ["no IPv6 loopback beside IPv4", [{ listener: six, code: "EADDRNOTAVAIL" }], 2, 0],
    ["no IPv6 at all", [{ listener: six, code: "EAFNOSUPPORT" }], 2, 0],
    ["nothing else left", [{ listener: six, code: "EADDRNOTAVAIL" }], 1, 1],
    ["another reason", [{ listener: six, code: "EADDRINUSE" }], 2, 1],
    ["a certain IPv6 address", [{ listener: { ...six, host: "2001:db8::1" }, code: "EADDRNOTAVAIL" }], 2, 1],
    ["IPv4", [{ listener: four, code: "EADDRNOTAVAIL" }], 2, 1],
    [
      "one harmless, one not",
      [
        { listener: six, code: "EADDRNOTAVAIL" },
        { listener: four, code: "EACCES" },
      ],
      3,
      2,
    ],
    ["none", [], 1, 0],
  ])("%s: fatal or skipped", (_what, partial, count, fatal) => {
    const failures = partial.map((failure) => ({ ...failure, transport: "udp" as const }));
    const judged = judgeFailures(failures, count);
    expect(judged.fatal).toHaveLength(fatal);
    expect(judged.fatal.length + judged.skipped.length).toBe(failures.length);
  });
});
