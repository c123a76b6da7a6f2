import { spawn, spawnSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { serveFiles } from "../support/in-process.ts";
import { buildQuery, ecsOption } from "../support/packet.ts";
import { type DecodedPacket, decodePacket } from "../support/second-opinion.ts";

/** Answers that differ by client, with their scopes (RFC 7871), read by three codecs that share nothing with ours. */
const { Packet } = createRequire(import.meta.url)("dns2") as { Packet: typeof import("dns2").Packet };
const withoutDig = spawnSync("dig", ["-v"]).error !== undefined;

const server = serveFiles({
  "example.test.zone": `
@ 300 IN SOA ns1 host 1 3600 600 86400 60
@ 300 IN NS ns1
ns1 300 IN A 192.0.2.53
alias 300 IN CNAME www
`,
  "example.test.yaml": `
ttl: 25
pools:
  a: {endpoints: [{name: one, address: [192.0.2.1, "2001:db8::1"]}]}
  b: {select: all, max_answers: 2, endpoints: [192.0.2.2, 192.0.2.3, "2001:db8::2"]}
  four: {endpoints: [192.0.2.4]}
  away: {endpoints: [{target: edge.elsewhere.test.}]}
records:
  www: {policy: {subnets: {198.51.100.0/25: a, 198.51.100.128/26: b, "2001:db8:1200::/41": b, default: a}}}
  cdn: {policy: away}
  mixed: {policy: {subnets: {198.51.100.0/22: b, default: a}}}
  app:
    policy: {subnets: {198.51.100.0/25: a, 198.51.100.128/26: b, default: four}}
    https:
      - {alpn: [h3, h2], port: 8443}
      - {priority: 2, alpn: [h2], hints: ipv4}
      - {priority: 3, alpn: [h2], no_default_alpn: true, hints: ipv6}
      - {priority: 4, hints: none, port: 444}
  _dns.app:
    policy: {subnets: {198.51.100.0/25: a, 198.51.100.128/26: b, default: four}}
    svcb: [{alpn: [dot], port: 853}, {priority: 1, alpn: [doq], hints: ipv6}]
`,
});

/** What is asked, and what every codec has to find in the reply. */
interface Case {
  name: string;
  type: "A" | "AAAA";
  subnet: string;
  scope: number;
  /** In the order of the reply; those behind a rotated RRset sorted. */
  data: string[];
}

const CASES: Case[] = [
  { name: "www.example.test", type: "A", subnet: "198.51.100.0/24", scope: 25, data: ["192.0.2.1"] },
  {
    name: "www.example.test",
    type: "A",
    subnet: "198.51.100.130/32",
    scope: 26,
    data: ["192.0.2.2", "192.0.2.3"],
  },
  { name: "www.example.test", type: "A", subnet: "198.51.100.192/26", scope: 26, data: ["192.0.2.1"] },
  { name: "www.example.test", type: "AAAA", subnet: "198.51.100.0/24", scope: 25, data: ["2001:db8::1"] },
  { name: "www.example.test", type: "AAAA", subnet: "2001:db8:1200::/56", scope: 41, data: ["2001:db8::2"] },
  { name: "www.example.test", type: "A", subnet: "2001:db8:1280::/48", scope: 41, data: ["192.0.2.1"] },
  {
    name: "mixed.example.test",
    type: "A",
    subnet: "198.51.100.0/24",
    scope: 22,
    data: ["192.0.2.2", "192.0.2.3"],
  },
  // A chain that reaches a tailored name ends before it, so that the resolver asks for that one with the client's subnet.
  { name: "alias.example.test", type: "A", subnet: "198.51.100.0/24", scope: 0, data: ["www.example.test"] },
  { name: "cdn.example.test", type: "A", subnet: "198.51.100.0/24", scope: 0, data: ["edge.elsewhere.test"] },
];

function ask({ name, type, subnet }: Case): Uint8Array {
  return server.ask(buildQuery({ name, type, edns: { options: [ecsOption(subnet)] } }))!;
}

/** Aliases stay where they are; the addresses behind them may come in any order. */
function settled(data: string[]): string[] {
  const isAddress = (text: string): boolean => text.includes(":") || /^[\d.]+$/.test(text);
  return [...data.filter((text) => !isAddress(text)), ...data.filter(isAddress).sort()];
}

describe("an answer for a client subnet", () => {
  test.each(CASES)("dns-packet: $name $type for $subnet", (asked) => {
    const decoded: DecodedPacket = decodePacket(ask(asked));
    expect(decoded.rcode).toBe("NOERROR");
    expect(settled(decoded.answers.map((answer) => answer.data as string))).toEqual(asked.data);
    const [ip, length] = asked.subnet.split("/");
    expect(decoded.additionals).toHaveLength(1);
    expect(decoded.additionals[0]!.options).toMatchObject([
      { code: 8, sourcePrefixLength: Number(length), scopePrefixLength: asked.scope, ip },
    ]);
  });

  // dns2 throws the OPT record away when the client subnet is of IPv6.
  test.each(CASES.filter(({ subnet }) => !subnet.includes(":")))("dns2: $name $type for $subnet", (asked) => {
    const decoded = Packet.parse(Buffer.from(ask(asked)));
    const data = decoded.answers.map((answer) => answer.address ?? answer.domain);
    expect(settled(data as string[])).toEqual(asked.data);
    const [ip, length] = asked.subnet.split("/");
    expect(decoded.additionals).toMatchObject([
      {
        type: 41,
        rdata: [
          { ednsCode: 8, family: 1, sourcePrefixLength: Number(length), scopePrefixLength: asked.scope, ip },
        ],
      },
    ]);
  });
});

describe.skipIf(withoutDig)("dig", () => {
  let socket: Socket;
  let port = 0;

  beforeAll(async () => {
    socket = createSocket("udp4");
    socket.on("message", (message, { port: from, address }) => {
      const reply = server.ask(message, { resolver: address });
      if (reply !== null) socket.send(reply, from, address);
    });
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    port = (socket.address() as AddressInfo).port;
  });

  afterAll(() => socket.close());

  async function dig(name: string, type: string, subnet: string): Promise<string> {
    const server = ["@127.0.0.1", "-p", String(port)];
    const args = [...server, name, type, `+subnet=${subnet}`, "+norecurse", "+tries=1", "+time=10"];
    const process = spawn("dig", args, { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    process.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    await once(process, "close");
    expect(out).not.toMatch(/malformed|warning|bad packet/i);
    return out;
  }

  /** What stands behind the type in the answer section, in the order of the reply; a last point left out. */
  function dataOf(out: string, types: string): string[] {
    const lines = out.matchAll(new RegExp(`^[^;\\s]\\S*\\s+\\d+\\s+IN\\s+(?:${types})\\s+(.+?)\\.?$`, "gm"));
    return [...lines].map(([, value]) => value!);
  }

  test.each(CASES)("$name $type for $subnet", async ({ name, type, subnet, scope, data }) => {
    const out = await dig(name, type, subnet);
    expect(out).toContain(`; CLIENT-SUBNET: ${subnet}/${scope}\n`);
    expect(settled(dataOf(out, "A|AAAA|CNAME"))).toEqual(data);
  });

  /** Priority, target and parameters of a record as dig shows it; addresses of hints sorted. */
  function serviceOf(text: string): Record<string, string> {
    const [priority, target, ...params] = text.split(" ");
    const pairs = params.map((param): [string, string] => {
      const [key, value = ""] = param.split("=");
      return [key!, key!.endsWith("hint") ? value.split(",").sort().join() : value];
    });
    return { priority: priority!, target: target!, ...Object.fromEntries(pairs) };
  }

  /** The hints that a record of these families has to have beside what A and AAAA say; no family, no hint. */
  async function hintsLike(name: string, subnet: string, families: "both" | "ipv4" | "ipv6" | "none") {
    const a = dataOf(await dig(name, "A", subnet), "A")
      .sort()
      .join();
    const aaaa = dataOf(await dig(name, "AAAA", subnet), "AAAA")
      .sort()
      .join();
    return {
      ...(a !== "" && (families === "both" || families === "ipv4") ? { ipv4hint: a } : {}),
      ...(aaaa !== "" && (families === "both" || families === "ipv6") ? { ipv6hint: aaaa } : {}),
    };
  }

  describe.each([
    ["198.51.100.0/25", 25, "192.0.2.1", "2001:db8::1"],
    ["198.51.100.128/26", 26, "192.0.2.2,192.0.2.3", "2001:db8::2"],
    ["203.0.112.0/24", 24, "192.0.2.4", undefined],
  ])("lists of services for %s", (subnet, scope, ipv4hint, ipv6hint) => {
    test("HTTPS: every record has the hints of its families, as A and AAAA say", async () => {
      const name = "app.example.test";
      const out = await dig(name, "HTTPS", subnet);
      const both = await hintsLike(name, subnet, "both");
      expect(both).toEqual(ipv6hint === undefined ? { ipv4hint } : { ipv4hint, ipv6hint });
      const services = dataOf(out, "HTTPS").map(serviceOf);
      expect(services.sort((x, y) => x.priority!.localeCompare(y.priority!))).toEqual([
        { priority: "1", target: ".", alpn: '"h3,h2"', port: "8443", ...both },
        { priority: "2", target: ".", alpn: '"h2"', ...(await hintsLike(name, subnet, "ipv4")) },
        {
          ...{ priority: "3", target: ".", alpn: '"h2"', "no-default-alpn": "" },
          ...(await hintsLike(name, subnet, "ipv6")),
        },
        { priority: "4", target: ".", port: "444" },
      ]);
    });

    test("SVCB: two of one priority", async () => {
      const name = "_dns.app.example.test";
      const services = dataOf(await dig(name, "SVCB", subnet), "SVCB").map(serviceOf);
      expect(services.sort((x, y) => x.alpn!.localeCompare(y.alpn!))).toEqual([
        { priority: "1", target: ".", alpn: '"doq"', ...(await hintsLike(name, subnet, "ipv6")) },
        {
          priority: "1",
          target: ".",
          alpn: '"dot"',
          port: "853",
          ...(await hintsLike(name, subnet, "both")),
        },
      ]);
    });

    test("scope and TTL are those of the addresses", async () => {
      for (const [name, type] of [
        ["app.example.test", "HTTPS"],
        ["_dns.app.example.test", "SVCB"],
      ] as const) {
        const [service, addresses] = [await dig(name, type, subnet), await dig(name, "A", subnet)];
        const facts = (out: string, of: string) => [
          /CLIENT-SUBNET: (\S+)/.exec(out)?.[1],
          new Set(
            [...out.matchAll(new RegExp(`^[^;\\s]\\S*\\s+(\\d+)\\s+IN\\s+${of}\\s`, "gm"))].map(
              ([, ttl]) => ttl,
            ),
          ),
        ];
        expect(facts(service, type)).toEqual(facts(addresses, "A"));
        expect(facts(service, type)[0]).toBe(`${subnet}/${scope}`);
      }
    });
  });
});
