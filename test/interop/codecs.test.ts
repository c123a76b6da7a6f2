import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { serveFiles, serveZones } from "../support/in-process.ts";
import { buildQuery, ecsOption } from "../support/packet.ts";
import { decodePacket } from "../support/second-opinion.ts";

/** Our replies read, and our queries written, by two codecs that share nothing with ours. */
const require = createRequire(import.meta.url);
const dnsPacket = require("dns-packet") as { encode(message: object): Buffer };
const { Packet } = require("dns2") as { Packet: typeof import("dns2").Packet };

const server = serveZones([
  {
    origin: "example.test.",
    text: `
@ 300 IN SOA ns1 host\\.master 2026010101 3600 600 86400 60
@ 300 IN NS ns1
@ 300 IN NS ns2.elsewhere.test.
@ 300 IN MX 10 mail
@ 300 IN CAA 128 issue "ca.example; account=1"
@ 300 IN DS 4711 8 2 ${"0123456789abcdef".repeat(4)}
ns1 300 IN A 192.0.2.53
www 300 IN A 192.0.2.1
www 300 IN A 192.0.2.2
www 60 IN AAAA 2001:db8::1
www 300 IN TXT "first string" "second \\"string\\""
www 300 IN HINFO "PDP-11" "UNIX"
www 300 IN SSHFP 4 2 ${"ab".repeat(32)}
alias 300 IN CNAME www
old 300 IN DNAME new.example.test.
www.new 300 IN A 192.0.2.3
_sip._tcp 300 IN SRV 1 2 5060 sip.example.test.
sip 300 IN NAPTR 100 10 "s" "SIP+D2U" "" _sip._udp.example.test.
_443._tcp.www 300 IN TLSA 3 1 1 ${"cd".repeat(32)}
ptr 300 IN PTR www
`.replace("@ 300 IN DS", "child 300 IN NS ns.child\nns.child 300 IN A 192.0.2.77\nchild 300 IN DS"),
  },
]);

function ask(name: string, type: string | number, subnet?: string): Uint8Array {
  const options = subnet === undefined ? [] : [ecsOption(subnet)];
  return server.ask(buildQuery({ name, type, edns: { options } }))!;
}

const buffer = (text: string): Buffer => Buffer.from(text, "hex");

test("dns-packet reads an HTTPS record with decided hints, and the scope beside it", () => {
  const steered = serveFiles({
    "steerd.yaml": "nameservers: [ns1.example.net.]\n",
    "example.test.yaml": `pools:
  us: {endpoints: [{name: a, address: [192.0.2.1, "2001:db8::1"]}]}
  eu: {endpoints: [{name: a, address: [192.0.2.2, "2001:db8::2"]}]}
records:
  www: {policy: {subnets: {198.51.0.0/17: eu, default: us}}, https: {alpn: [h3, h2], port: 8443}}
`,
  });
  const query = buildQuery({
    name: "www.example.test.",
    type: "HTTPS",
    edns: { options: [ecsOption("198.51.99.0/24")] },
  });
  const { answers, additionals, rcode, flag_aa } = decodePacket(steered.ask(query)!);
  const params =
    "0001 0006 026833 026832  0003 0002 20fb  0004 0004 c0000202  0006 0010 20010db8000000000000000000000002";
  expect({ rcode, flag_aa }).toEqual({ rcode: "NOERROR", flag_aa: true });
  expect(answers).toMatchObject([
    { name: "www.example.test", type: "UNKNOWN_65", data: buffer(`000100${params.replaceAll(" ", "")}`) },
  ]);
  expect(additionals[0]!.options).toMatchObject([
    { type: "CLIENT_SUBNET", ip: "198.51.99.0", sourcePrefixLength: 24, scopePrefixLength: 17 },
  ]);
});

describe("dns-packet reads our records", () => {
  test.each<[string, string, unknown[]]>([
    ["www.example.test.", "A", ["192.0.2.1", "192.0.2.2"]],
    ["www.example.test.", "AAAA", ["2001:db8::1"]],
    ["example.test.", "NS", ["ns1.example.test", "ns2.elsewhere.test"]],
    [
      "example.test.",
      "SOA",
      [
        {
          mname: "ns1.example.test",
          rname: "host\\.master.example.test",
          serial: 2_026_010_101,
          refresh: 3600,
          retry: 600,
          expire: 86_400,
          minimum: 60,
        },
      ],
    ],
    ["example.test.", "MX", [{ preference: 10, exchange: "mail.example.test" }]],
    [
      "example.test.",
      "CAA",
      [{ flags: 128, tag: "issue", value: "ca.example; account=1", issuerCritical: true }],
    ],
    ["www.example.test.", "TXT", [[Buffer.from("first string"), Buffer.from('second "string"')]]],
    ["www.example.test.", "HINFO", [{ cpu: "PDP-11", os: "UNIX" }]],
    ["www.example.test.", "SSHFP", [{ algorithm: 4, hash: 2, fingerprint: "AB".repeat(32) }]],
    ["_sip._tcp.example.test.", "SRV", [{ priority: 1, weight: 2, port: 5060, target: "sip.example.test" }]],
    [
      "sip.example.test.",
      "NAPTR",
      [
        {
          order: 100,
          preference: 10,
          flags: "s",
          services: "SIP+D2U",
          regexp: "",
          replacement: "_sip._udp.example.test",
        },
      ],
    ],
    [
      "_443._tcp.www.example.test.",
      "TLSA",
      [{ usage: 3, selector: 1, matchingType: 1, certificate: buffer("cd".repeat(32)) }],
    ],
    ["ptr.example.test.", "PTR", ["www.example.test"]],
    [
      "child.example.test.",
      "DS",
      [{ keyTag: 4711, algorithm: 8, digestType: 2, digest: buffer("0123456789abcdef".repeat(4)) }],
    ],
    ["alias.example.test.", "A", ["www.example.test", "192.0.2.1", "192.0.2.2"]],
    ["www.old.example.test.", "A", ["new.example.test", "www.new.example.test", "192.0.2.3"]],
  ])("%s %s", (name, type, data) => {
    const decoded = decodePacket(ask(name, type));
    expect(decoded.rcode).toBe("NOERROR");
    expect(decoded.flag_aa).toBe(true);
    expect(decoded.questions).toEqual([{ name: name.slice(0, -1), type, class: "IN" }]);
    expect(decoded.answers.map((answer) => answer.data)).toEqual(data);
  });

  test("a referral", () => {
    const decoded = decodePacket(ask("www.child.example.test.", "A"));
    expect(decoded.flag_aa).toBe(false);
    expect(decoded.authorities.map(({ name, type, data }) => [name, type, data])).toEqual([
      ["child.example.test", "NS", "ns.child.example.test"],
    ]);
    expect(decoded.additionals.map(({ name, type, data }) => [name, type, data])).toContainEqual([
      "ns.child.example.test",
      "A",
      "192.0.2.77",
    ]);
  });

  test("the OPT record with client subnet and extended error", () => {
    const decoded = decodePacket(ask("elsewhere.invalid.", "A", "2001:db8:1200::/40"));
    expect(decoded.rcode).toBe("REFUSED");
    const opt = decoded.additionals[0]!;
    expect(opt).toMatchObject({
      type: "OPT",
      name: ".",
      udpPayloadSize: 1232,
      ednsVersion: 0,
      extendedRcode: 0,
    });
    expect(opt.options![0]).toMatchObject({
      code: 8,
      family: 2,
      sourcePrefixLength: 40,
      scopePrefixLength: 0,
      ip: "2001:db8:1200::",
    });
    expect(opt.options![1]).toMatchObject({ code: 15, data: buffer("0014") });
  });

  test("BADVERS in its two halves", () => {
    const reply = server.ask(buildQuery({ name: "www.example.test.", edns: { version: 1 } }))!;
    expect(decodePacket(reply).additionals[0]).toMatchObject({ type: "OPT", extendedRcode: 1 });
    expect(reply[3]! & 15).toBe(0);
  });
});

describe("dns2 reads our records", () => {
  test("addresses, aliases, mail exchangers and the OPT record", () => {
    const alias = Packet.parse(Buffer.from(ask("alias.example.test.", "A", "198.51.100.0/24")));
    expect(alias.header).toMatchObject({ id: 0x1234, qr: 1, aa: 1, tc: 0, rcode: 0, ancount: 3, arcount: 1 });
    expect(alias.answers).toMatchObject([
      { name: "alias.example.test", domain: "www.example.test", ttl: 300 },
      { name: "www.example.test", address: "192.0.2.1", ttl: 300 },
      { name: "www.example.test", address: "192.0.2.2", ttl: 300 },
    ]);
    expect(alias.additionals).toMatchObject([
      {
        type: 41,
        class: 1232,
        rdata: [{ ednsCode: 8, family: 1, sourcePrefixLength: 24, scopePrefixLength: 0, ip: "198.51.100.0" }],
      },
    ]);
    const mail = Packet.parse(Buffer.from(ask("example.test.", "MX")));
    expect(mail.answers).toMatchObject([{ exchange: "mail.example.test", priority: 10 }]);
    const none = Packet.parse(Buffer.from(ask("absent.example.test.", "A")));
    expect(none.header.rcode).toBe(3);
    expect(none.authorities).toMatchObject([{ name: "example.test", type: 6, ttl: 60 }]);
  });
});

describe("queries of other writers", () => {
  test("dns-packet: question and client subnet", () => {
    const packet = dnsPacket.encode({
      type: "query",
      id: 77,
      flags: 256,
      questions: [{ type: "A", name: "www.example.test" }],
      additionals: [
        {
          type: "OPT",
          name: ".",
          udpPayloadSize: 4096,
          flags: 0x8000,
          options: [{ code: "CLIENT_SUBNET", ip: "198.51.100.0", sourcePrefixLength: 22 }],
        },
      ],
    });
    const decoded = decodePacket(server.ask(packet)!);
    expect([decoded.id, decoded.rcode, decoded.answers.length]).toEqual([77, "NOERROR", 2]);
    expect(decoded.additionals[0]).toMatchObject({
      flags: 0x8000,
      options: [{ family: 1, sourcePrefixLength: 22, scopePrefixLength: 0, ip: "198.51.100.0" }],
    });
  });

  test("dns2: question", () => {
    const query = new Packet();
    query.header.id = 78;
    query.questions.push(
      new Packet.Question({ name: "www.example.test", type: Packet.TYPE.AAAA, class: Packet.CLASS.IN }),
    );
    const decoded = decodePacket(server.ask(query.toBuffer())!);
    expect([decoded.id, decoded.rcode]).toEqual([78, "NOERROR"]);
    expect(decoded.answers.map((answer) => answer.data)).toEqual(["2001:db8::1"]);
  });
});
