import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DnsSpec } from "../../src/health/plan.ts";
import { reasonText } from "../../src/health/reasons.ts";
import { hasCommand } from "../support/child.ts";
import { type Nsd, startNsd } from "../support/nsd.ts";
import { runProbe, targetOf } from "../support/probing.ts";

const TYPE_A = 1;
const TYPE_AAAA = 28;
const REFUSED = 5;
let nsd: Nsd;

const record = (owner: string, type: string, rdata: string) => ({ owner, ttl: 60, type, rdata });

beforeAll(async () => {
  if (!hasCommand("nsd")) return;
  const records = [
    record("probe.example.", "SOA", "ns.probe.example. host.probe.example. 1 3600 900 604800 60"),
    record("probe.example.", "NS", "ns.probe.example."),
    record("ns.probe.example.", "A", "192.0.2.53"),
    record("www.probe.example.", "A", "192.0.2.1"),
    record("www.probe.example.", "A", "192.0.2.2"),
    record("www.probe.example.", "AAAA", "2001:db8::1"),
  ];
  nsd = await startNsd([{ origin: "probe.example.", records }]);
});

afterAll(async () => {
  await nsd?.stop();
});

async function reasonOf(more: Partial<DnsSpec>): Promise<string> {
  const usual = { query: "www.probe.example.", queryType: TYPE_A, recursion: false, expectRcode: 0 };
  const check = { type: "dns", port: nsd.port, transport: "udp", expectAnswer: [], ...usual, ...more };
  return reasonText((await runProbe(targetOf(check as never))).reason);
}

describe.skipIf(!hasCommand("nsd")).each(["udp", "tcp"] as const)("nsd over %s", (transport) => {
  it.each([
    [{}, "ok"],
    [{ expectAnswer: ["192.0.2.2", "192.0.2.1"] }, "ok"],
    [{ queryType: TYPE_AAAA, expectAnswer: ["2001:db8::1"] }, "ok"],
    [{ expectAnswer: ["192.0.2.3"] }, "answer-mismatch"],
    [{ query: "nowhere.probe.example." }, "rcode-nxdomain"],
    [{ query: "nowhere.probe.example.", expectRcode: 3 }, "ok"],
    [{ query: "other.test." }, "rcode-refused"],
    [{ query: "other.test.", expectRcode: REFUSED }, "ok"],
  ])("%j: %s", async (more, reason) => {
    expect(await reasonOf({ transport, ...more })).toBe(reason);
  });
});
