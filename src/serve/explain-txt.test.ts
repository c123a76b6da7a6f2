import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type InProcess, serveSnapshot } from "../../test/support/in-process.ts";
import { type Message, readMessage } from "../../test/support/message.ts";
import { buildQuery, ecsOption } from "../../test/support/packet.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { compileFiles } from "../cli/configuration.ts";
import type { CompiledConfig } from "../config/compile.ts";
import { applyOffline } from "../health/offline.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { viewOf } from "../wire/octets.ts";
import { OUT_OCTETS } from "../wire/response.ts";
import { createExplainer, type Explainer } from "./explain-txt.ts";

const MASTER = `@ 60 SOA ns h 1 2 3 4 5
@ 60 NS ns
ns 60 A 192.0.2.53
_explain.taken 60 TXT "mine"
`;
const DYNAMIC = `ttl: {max: 60, min: 5}
checks:
  web: {type: tcp, port: 80, interval: 2s, timeout: 1s, fall: 3, rise: 2}
  both: {all: [web, "pool:eu"]}
regions: {a: {location: [53, -6]}, b: {location: [38, -77]}}
pools:
  eu: {region: a, check: web, endpoints: [198.51.100.1]}
  us: {region: b, endpoints: [192.0.2.1]}
  served: {check: both, endpoints: [198.51.100.7]}
  some: {select: p2c, max_answers: 2, endpoints: [203.0.113.1, 203.0.113.2, 203.0.113.3]}
  many: {select: p2c, max_answers: 2, endpoints: [${Array.from({ length: 250 }, (_, i) => `203.0.113.${i}`).join(", ")}]}
records:
  follows: {policy: {failover: [served, us]}}
  www: {policy: {subnets: {81.2.69.0/24: {failover: [eu, us]}, default: us}}}
  taken: {policy: us}
  long:
    policy:
      failover:
        - {failover: [eu], label: "a label that takes some room in a reply, one of several"}
        - {failover: [eu], label: "another label that takes some room in a reply"}
        - {failover: [us], label: "the last label that takes some room in a reply"}
  fast: {policy: {latency: {table: rtt.csv, of: [eu, us]}}}
  turns: {policy: {round_robin: [eu, us]}}
  some: {policy: some}
  many: {policy: many}
`;

let config: CompiledConfig;
let server: InProcess;
let explainer: Explainer;

beforeAll(() => {
  const folder = temporaryFolder("explain-txt");
  mkdirSync(join(folder, "zones"));
  writeFileSync(join(folder, "zones/t.example.zone"), MASTER);
  writeFileSync(join(folder, "zones/t.example.yaml"), DYNAMIC);
  writeFileSync(join(folder, "zones/rtt.csv"), "client,region,rtt_ms\n81.2.69.0/24,a,9\n81.2.69.0/24,b,5\n");
  writeFileSync(join(folder, "steerd.yaml"), 'explain: {allow: [127.0.0.0/8, "2001:db8::/33"]}\n');
  const compiled = compileFiles(join(folder, "steerd.yaml"));
  expect(compiled.findings.filter((finding) => finding.severity === "error")).toEqual([]);
  config = compiled as CompiledConfig;
  const rows = allocateHealthRows(64, 64);
  // Calculated addresses follow what is probed.
  applyOffline(rows, config.plan, ({ check }) => check.name !== "both");
  // As workers get it.
  server = serveSnapshot(structuredClone(config.snapshot), rows);
});

let second = 1_700_000_000;

interface Asked {
  type?: string;
  resolver?: string;
  ecs?: string;
  tcp?: boolean;
  edns?: boolean;
}

/** The explanation's reply, or null: the query is answered as ever. */
function ask(name: string, how: Asked = {}): Message | null {
  const { context } = server;
  const options = how.ecs === undefined ? [] : [ecsOption(how.ecs)];
  const edns = how.edns === false ? {} : { edns: { udpSize: 1232, options } };
  const packet = buildQuery({ name: `${name}.`, type: (how.type ?? "TXT") as "TXT", ...edns });
  // The transport's part: who asks, and when.
  context.clockS[0] = second++;
  server.ask(buildQuery({ name: "ns.t.example.", type: "A" }), {
    resolver: how.resolver ?? "127.0.0.1",
    tcp: how.tcp ?? true,
  });
  const out = new Uint8Array(OUT_OCTETS);
  explainer ??= createExplainer();
  const size = explainer(viewOf(packet), packet.length, context, viewOf(out));
  return size === 0 ? null : readMessage(out.slice(0, size));
}

function linesOf(reply: Message | null): string[] {
  const octets = reply!.answer[0]!.rdataOctets;
  const lines: string[] = [];
  for (let at = 0; at < octets.length; at += octets[at]! + 1)
    lines.push(new TextDecoder().decode(Uint8Array.from(octets.slice(at + 1, at + 1 + octets[at]!))));
  return lines;
}

describe("_explain.NAME TXT", () => {
  test("tells the story in short, for both families, with TTL 0", () => {
    const reply = ask("_explain.www.t.example", { ecs: "81.2.69.0/24" });
    expect(reply!.answer.map(({ ttl }) => ttl)).toEqual([0]);
    expect(linesOf(reply)).toEqual([
      "www.t.example. A: 192.0.2.1",
      "client: 81.2.69.0, client subnet /24",
      "subnets: 81.2.69.0/24, default (81.2.69.0/24)",
      "failed: eu, 0 of 1 up: assumed",
      "chosen: subnets > 81.2.69.0/24: failover > us, no check",
      "ttl: 5 s of 5 to 60, 198.51.100.1 can change in 4 s",
      "scope: /24, subnets /24",
      "www.t.example. AAAA: nodata",
      "client: 81.2.69.0, client subnet /24",
      "subnets: 81.2.69.0/24, default (81.2.69.0/24)",
      "failed: eu, 0 of 1 up: assumed",
      "chosen: subnets > 81.2.69.0/24: failover > us, no check",
      "nodata: no-family us",
      "ttl: 5 s of 5 to 60, 198.51.100.1 can change in 4 s",
      "scope: /0, negative",
    ]);
  });

  test("names what a calculated address is down for", () => {
    const lines = linesOf(ask("_explain.follows.t.example"));
    expect(lines).toContain("failed: served, 0 of 1 up: calculated (web is down: assumed, pool:eu is down)");
  });

  test("without a client subnet the resolver is the client", () => {
    expect(linesOf(ask("_EXPLAIN.www.t.example"))).toContain("client: 127.0.0.1, resolver");
    expect(linesOf(ask("_explain.www.t.example", { resolver: "2001:db8::1" }))).toContain(
      "client: 2001:db8::1, resolver",
    );
  });

  test("latency tables come without their measurements", () => {
    expect(linesOf(ask("_explain.fast.t.example", { ecs: "81.2.69.0/24" }))[2]).toBe(
      "latency: b, a (81.2.69.0/24)",
    );
    expect(JSON.stringify(config.snapshot.explain)).not.toContain("rttMs");
  });

  test("turns stay as they are", () => {
    const before = server.context.entryTurns.slice();
    expect(linesOf(ask("_explain.turns.t.example"))[0]).toBe("turns.t.example. A: 192.0.2.1");
    expect(server.context.entryTurns).toEqual(before);
  });

  test("over UDP the reply is empty and says TC, and only to who is on the list and asks for TXT", () => {
    const reply = ask("_explain.www.t.example", { tcp: false });
    expect([reply!.rcode, reply!.tc, reply!.answer, reply!.authority]).toEqual([0, true, [], []]);
    expect(reply!.qname).toBe("_explain.www.t.example.");
    expect(ask("_explain.www.t.example", { tcp: false, type: "A" })).toBeNull();
    expect(ask("_explain.www.t.example", { tcp: false, resolver: "192.0.2.9" })).toBeNull();
  });

  test("odds of a few endpoints are told, those of many are left to the command", () => {
    const odds = (name: string) => linesOf(ask(name)).filter((line) => line.startsWith("odds"));
    expect(odds("_explain.some.t.example")).toHaveLength(1);
    expect(odds("_explain.many.t.example")).toEqual([]);
  });
});

describe("what is answered as ever", () => {
  test.each<[string, string, Asked]>([
    ["another type", "_explain.www.t.example", { type: "A" }],
    ["another name", "www.t.example", {}],
    ["a name that is not steered", "_explain.ns.t.example", {}],
    ["a name that is not there", "_explain.nope.t.example", {}],
    ["a name of no zone here", "_explain.www.example.net", {}],
    ["a name that the zone has", "_explain.taken.t.example", {}],
    ["someone who is not on the list", "_explain.www.t.example", { resolver: "192.0.2.9" }],
    ["someone just beside it", "_explain.www.t.example", { resolver: "2001:db8:8000::1" }],
    ["a longer name", "_explains.www.t.example", {}],
  ])("%s", (_what, name, how) => {
    expect(ask(name, how)).toBeNull();
  });

  test("a list that is wrong is an error with its place", () => {
    const folder = temporaryFolder("explain-txt");
    mkdirSync(join(folder, "zones"));
    writeFileSync(join(folder, "steerd.yaml"), "explain: {allow: [127.0.0.0/33], alow: []}\n");
    const { findings } = compileFiles(join(folder, "steerd.yaml"));
    expect(findings.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([
      "1:19 CFG_VALUE_INVALID",
      "1:34 CFG_KEY_UNKNOWN",
    ]);
  });

  test("a list that is not there: nothing is looked at", () => {
    const { explain: _, ...snapshot } = config.snapshot;
    const other = serveSnapshot(snapshot);
    other.ask(buildQuery({ name: "ns.t.example.", type: "A" }), { resolver: "127.0.0.1" });
    const packet = buildQuery({ name: "_explain.www.t.example.", type: "TXT" });
    expect(
      createExplainer()(viewOf(packet), packet.length, other.context, viewOf(new Uint8Array(OUT_OCTETS))),
    ).toBe(0);
  });

  test("what comes too often: five in a second", () => {
    const packet = buildQuery({ name: "_explain.www.t.example.", type: "TXT" });
    const out = new Uint8Array(OUT_OCTETS);
    ask("_explain.www.t.example");
    const { context } = server;
    const ten = () =>
      Array.from({ length: 10 }, () => explainer(viewOf(packet), packet.length, context, viewOf(out)) > 0);
    context.clockS[0] = second++;
    expect(ten().filter(Boolean)).toHaveLength(5);
    context.clockS[0] = second++;
    expect(ten().filter(Boolean)).toHaveLength(5);
  });

  test("cut and broken packets never throw", () => {
    const packet = buildQuery({
      name: "_explain.www.t.example.",
      type: "TXT",
      edns: { options: [ecsOption("81.2.69.0/24")] },
    });
    const out = new Uint8Array(OUT_OCTETS);
    for (let length = 0; length <= packet.length; length++) {
      server.context.clockS[0] = second++;
      explainer(viewOf(packet), length, server.context, viewOf(out));
      const broken = packet.slice();
      broken[Math.min(length, packet.length - 1)]! ^= 0xff;
      expect(() => explainer(viewOf(broken), broken.length, server.context, viewOf(out))).not.toThrow();
    }
  });
});
