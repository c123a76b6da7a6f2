import dnsPacket from "dns-packet";
import { describe, expect, it } from "vitest";
import {
  type Answer,
  addItem,
  createAnswer,
  ITEM_ADDRESSES,
  ITEM_HINFO,
  ITEM_HINTS,
  ITEM_OPTIONAL,
  ITEM_RRSET,
  ITEM_SYNTHESIZED_CNAME,
  keepHints,
  MAX_ADDRESSES,
  MAX_ITEMS,
  OWNER_OCTETS,
  OWNER_QNAME,
  OWNER_SCRATCH,
  resetAnswer,
  SECTION_ADDITIONAL,
  SECTION_ANSWER,
  SECTION_AUTHORITY,
} from "./answer.ts";
import {
  EDE_NOT_AUTHORITATIVE,
  RCODE_BADVERS,
  RCODE_FORMERR,
  RCODE_REFUSED,
  TRANSPORT_TCP,
  TRANSPORT_UDP,
  TYPE_A,
  TYPE_AAAA,
  TYPE_CNAME,
  TYPE_HINFO,
  TYPE_HTTPS,
  TYPE_MX,
  TYPE_NS,
  TYPE_SOA,
  TYPE_TXT,
} from "./constants.ts";
import { viewOf } from "./octets.ts";
import { createQuery, parseQuery, type Query } from "./query.ts";
import { encodeAnswer, isTruncated, MAX_UDP_PAYLOAD, OUT_OCTETS, OUT_SLACK } from "./response.ts";

type Question = Parameters<typeof dnsPacket.encode>[0];

function ask(name = "www.example.com", extra: Partial<Question> = {}): Query {
  const packet = dnsPacket.encode({
    id: 7,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ name, type: "A" }],
    ...extra,
  } as Question);
  const query = createQuery();
  parseQuery(viewOf(packet), packet.length, query);
  return query;
}

const opt = (options: object[] = [], extra: object = {}) =>
  ({
    additionals: [{ type: "OPT", name: ".", udpPayloadSize: 4096, options, ...extra }],
  }) as Partial<Question>;

const wireName = (text: string): number[] => [
  ...text.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]),
  ...(text === "" ? [] : [0]),
];

/** Octets that hold RR blocks and names, as a snapshot does. */
function heap() {
  const octets: number[] = [];
  return {
    octets: () => Uint8Array.from(octets),
    name: (text: string) => octets.push(...wireName(text)) - wireName(text).length,
    block(...rdatas: number[][]) {
      const at = octets.length;
      for (const rdata of rdatas) octets.push(rdata.length >> 8, rdata.length & 255, ...rdata);
      return at;
    },
  };
}

function encode(query: Query, answer: Answer, octets = new Uint8Array(), transport = TRANSPORT_UDP) {
  const out = new Uint8Array(OUT_OCTETS);
  const size = encodeAnswer(query, answer, { octets, view: viewOf(octets) }, transport, viewOf(out));
  return { size, out, message: dnsPacket.decode(Buffer.from(out.subarray(0, size))) };
}

const text = (octets: number) => [octets, ...Array<number>(octets).fill(0x61)];

describe("encodeAnswer", () => {
  it("echoes id, RD, opcode and the question as it was asked", () => {
    const { message, out } = encode(ask("WwW.eXample.com"), createAnswer());
    expect(message).toMatchObject({ id: 7, type: "response", flag_rd: true, flag_aa: false, flag_ra: false });
    expect(message.questions).toEqual([{ name: "WwW.eXample.com", type: "A", class: "IN" }]);
    expect(out[3]).toBe(0);
  });

  it("says nothing of a question that could not be read", () => {
    const query = createQuery();
    parseQuery(viewOf(Uint8Array.from([0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])), 12, query);
    const answer = createAnswer();
    answer.rcode = RCODE_FORMERR;
    const { size, out } = encode(query, answer);
    expect([...out.subarray(0, size)]).toEqual([0, 9, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("writes an owner that is QNAME as a pointer to it", () => {
    const h = heap();
    const block = h.block([192, 0, 2, 1], [192, 0, 2, 2]);
    const answer = createAnswer();
    answer.aa = 1;
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_A, 300, block, 2);
    const { message, size } = encode(ask(), answer, h.octets());
    expect(message.flag_aa).toBe(true);
    expect(message.answers).toMatchObject([
      { name: "www.example.com", type: "A", ttl: 300, data: "192.0.2.1" },
      { name: "www.example.com", type: "A", ttl: 300, data: "192.0.2.2" },
    ]);
    expect(size).toBe(12 + 17 + 4 + 2 * 16);
  });

  it("compresses the names in NS, CNAME, MX and SOA against all that stands before", () => {
    const h = heap();
    const cname = h.block(wireName("a.other.example.com"));
    const target = cname + 2;
    const mx = h.block([0, 10, ...wireName("Mail.OTHER.example.com")]);
    const ns = h.block(wireName("ns1.example.com"), wireName("ns2.example.com"));
    const soa = h.block([
      ...wireName("ns1.example.com"),
      ...wireName("host.example.com"),
      ...Array(20).fill(1),
    ]);
    const apex = h.name("example.com");
    const answer = createAnswer();
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_CNAME, 1, cname, 1);
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_OCTETS, target, TYPE_MX, 2, mx, 1);
    addItem(answer, SECTION_AUTHORITY, ITEM_RRSET, OWNER_OCTETS, apex, TYPE_NS, 3, ns, 2);
    addItem(answer, SECTION_AUTHORITY, ITEM_RRSET, OWNER_OCTETS, apex, TYPE_SOA, 4, soa, 1);
    const { message, size } = encode(ask(), answer, h.octets());
    expect(message.answers).toMatchObject([
      { name: "www.example.com", data: "a.other.example.com" },
      { name: "a.other.example.com", data: { preference: 10, exchange: "Mail.other.example.com" } },
    ]);
    expect(message.authorities).toMatchObject([
      { name: "example.com", type: "NS", data: "ns1.example.com" },
      { name: "example.com", type: "NS", data: "ns2.example.com" },
      { name: "example.com", type: "SOA", data: { mname: "ns1.example.com", rname: "host.example.com" } },
    ]);
    const question = 17 + 4;
    const fixed = 10;
    const answers = 2 + fixed + 2 + 6 + 2 + (2 + fixed + 2 + 5 + 2);
    const authority = 2 + fixed + 4 + 2 + (2 + fixed + 4 + 2) + (2 + fixed + 2 + 5 + 2 + 20);
    expect(size).toBe(12 + question + answers + authority);
  });

  it("does not compress names in other types (RFC 3597 section 4)", () => {
    const h = heap();
    const srv = h.block([0, 1, 0, 1, 0, 80, ...wireName("www.example.com")]);
    const answer = createAnswer();
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, 33, 1, srv, 1);
    const { message, size } = encode(ask(), answer, h.octets());
    expect(message.answers?.[0]).toMatchObject({
      type: "SRV",
      data: { target: "www.example.com", port: 80 },
    });
    expect(size).toBe(12 + 21 + 12 + 6 + 17);
  });

  it("compares octets where hashes agree, and suffixes by their labels", () => {
    const h = heap();
    // QNAME ends in the same octets as the target, but not at a label.
    const cname = h.block(wireName("example.com"));
    const answer = createAnswer();
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_CNAME, 1, cname, 1);
    const query = ask("xexample.com");
    // Forged: the hash of QNAME is that of the target.
    const other = ask("example.com");
    query.qname.hashes[0] = other.qname.hashes[0]!;
    expect(encode(query, answer, h.octets()).message.answers).toMatchObject([{ data: "example.com" }]);
    const sameLength = ask("example.net");
    sameLength.qname.hashes[0] = other.qname.hashes[0]!;
    expect(encode(sameLength, answer, h.octets()).message.answers).toMatchObject([{ data: "example.com" }]);
  });

  it("answers for the root", () => {
    const h = heap();
    const ns = h.block([0]);
    const answer = createAnswer();
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_NS, 1, ns, 1);
    expect(encode(ask("."), answer, h.octets()).message.answers).toMatchObject([{ name: ".", data: "." }]);
  });

  it("writes decided addresses, synthesized aliases and the HINFO for ANY", () => {
    const answer = createAnswer();
    answer.addressOctets.set([192, 0, 2, 1, 192, 0, 2, 2]);
    answer.scratch.set(wireName("to.example.net"));
    addItem(answer, SECTION_ANSWER, ITEM_SYNTHESIZED_CNAME, OWNER_QNAME, 0, TYPE_CNAME, 5, 0, 1);
    addItem(answer, SECTION_ANSWER, ITEM_ADDRESSES, OWNER_SCRATCH, 0, TYPE_A, 30, 0, 2);
    addItem(answer, SECTION_ANSWER, ITEM_HINFO, OWNER_QNAME, 0, TYPE_HINFO, 3600, 0, 1);
    expect(encode(ask(), answer).message.answers).toMatchObject([
      { name: "www.example.com", type: "CNAME", data: "to.example.net" },
      { name: "to.example.net", type: "A", data: "192.0.2.1" },
      { name: "to.example.net", type: "A", data: "192.0.2.2" },
      { type: "HINFO", data: { cpu: "RFC8482", os: "" } },
    ]);
    resetAnswer(answer);
    answer.addressOctets.set(Array.from({ length: 16 }, (_, i) => i));
    addItem(answer, SECTION_ANSWER, ITEM_ADDRESSES, OWNER_QNAME, 0, TYPE_AAAA, 30, 0, 1);
    expect(encode(ask(), answer).message.answers).toMatchObject([
      { type: "AAAA", data: "1:203:405:607:809:a0b:c0d:e0f" },
    ]);
  });

  it.each([
    ["both families", 2, 1, "0004 0008 c0000201 c0000202 0006 0010 20010db8000000000000000000000001"],
    ["IPv4 alone", 1, 0, "0004 0004 c0000201"],
    ["IPv6 alone", 0, 1, "0006 0010 20010db8000000000000000000000001"],
  ])(
    "writes hints behind what an HTTPS record begins with (RFC 9460 section 2.2): %s",
    (_, ipv4, ipv6, hex) => {
      const h = heap();
      const start = [0, 1, 0, 0, 3, 0, 2, 0x20, 0xfb];
      const answer = createAnswer();
      answer.addressOctets.set([192, 0, 2, 1, 192, 0, 2, 2]);
      answer.addressCount = ipv4;
      keepHints(answer);
      answer.addressOctets.set([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
      answer.addressCount = ipv6;
      addItem(answer, SECTION_ANSWER, ITEM_HINTS, OWNER_QNAME, 0, TYPE_HTTPS, 30, h.block(start), 1);
      const [https] = encode(ask(), answer, h.octets()).message.answers as unknown as { data: Buffer }[];
      expect(https!.data.toString("hex")).toBe(Buffer.from(start).toString("hex") + hex.replaceAll(" ", ""));
    },
  );

  it("says TC where the hints do not fit, and never writes behind the buffer", () => {
    const h = heap();
    const answer = createAnswer();
    answer.addressCount = MAX_ADDRESSES;
    keepHints(answer);
    answer.addressCount = MAX_ADDRESSES;
    addItem(answer, SECTION_ANSWER, ITEM_HINTS, OWNER_QNAME, 0, TYPE_HTTPS, 30, h.block([0, 1, 0]), 1);
    const { out, message } = encode(ask("www.example.com", opt()), answer, h.octets());
    expect([isTruncated(viewOf(out)), message.answers]).toEqual([true, []]);
    const { message: whole } = encode(ask(), answer, h.octets(), TRANSPORT_TCP);
    expect((whole.answers as unknown as { data: Buffer }[])[0]!.data).toHaveLength(3 + 8 + 64 * 20);
  });
});

describe("truncation", () => {
  const big = (h: ReturnType<typeof heap>, records: number, octets = 200) =>
    h.block(...Array.from({ length: records }, () => text(octets)));

  it("ends at the boundary of an RRset that does not fit, and says TC (RFC 2181 section 9)", () => {
    const h = heap();
    const answer = createAnswer();
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_TXT, 1, big(h, 2), 2);
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_TXT, 2, big(h, 1), 1);
    addItem(answer, SECTION_AUTHORITY, ITEM_RRSET, OWNER_QNAME, 0, TYPE_TXT, 3, big(h, 1, 1), 1);
    const { message, out, size } = encode(ask(), answer, h.octets());
    expect(isTruncated(viewOf(out))).toBe(true);
    expect(message.answers?.map((record) => ("ttl" in record ? record.ttl : 0))).toEqual([1, 1]);
    expect(message.authorities).toEqual([]);
    expect(size).toBeLessThanOrEqual(512);
  });

  it.each([
    ["512 without EDNS", {}, 512],
    ["512 where less is announced", opt([], { udpPayloadSize: 100 }), 512],
    ["the requestor's size", opt([], { udpPayloadSize: 700 }), 700],
    ["1232 at most", opt([], { udpPayloadSize: 4096 }), 1232],
  ])("keeps to %s, OPT included", (_what, extra, limit) => {
    const h = heap();
    const answer = createAnswer();
    for (let i = 0; i < 30; i++)
      addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_TXT, i, big(h, 1, 50), 1);
    const { message, size, out } = encode(ask("www.example.com", extra), answer, h.octets());
    expect(isTruncated(viewOf(out))).toBe(true);
    expect(size).toBeLessThanOrEqual(limit);
    expect(size).toBeGreaterThan(limit - 63);
    expect(message.additionals?.length).toBe("additionals" in extra ? 1 : 0);
  });

  it("leaves optional glue out without TC, and in-domain glue not (RFC 9471)", () => {
    for (const [optional, truncated] of [
      [ITEM_OPTIONAL, false],
      [0, true],
    ] as const) {
      const h = heap();
      const answer = createAnswer();
      const first = h.name("ns.elsewhere.example");
      addItem(
        answer,
        SECTION_AUTHORITY,
        ITEM_RRSET,
        OWNER_QNAME,
        0,
        TYPE_NS,
        1,
        h.block(wireName("ns.example.com")),
        1,
      );
      addItem(
        answer,
        SECTION_ADDITIONAL,
        ITEM_RRSET,
        OWNER_OCTETS,
        first,
        TYPE_TXT,
        2,
        big(h, 3),
        3 | optional,
      );
      addItem(
        answer,
        SECTION_ADDITIONAL,
        ITEM_RRSET,
        OWNER_OCTETS,
        first,
        TYPE_A,
        3,
        h.block([192, 0, 2, 1]),
        1,
      );
      const { message, out } = encode(ask(), answer, h.octets());
      expect(isTruncated(viewOf(out))).toBe(truncated);
      expect(message.additionals?.map((record) => record.name)).toEqual(
        truncated ? [] : ["ns.elsewhere.example"],
      );
    }
  });

  it("fills 65,535 octets over TCP and no more", () => {
    const h = heap();
    const answer = createAnswer();
    for (let i = 0; i < 300; i++)
      addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_TXT, i, big(h, 1, 250), 1);
    const { size, out } = encode(ask(), answer, h.octets(), TRANSPORT_TCP);
    expect(isTruncated(viewOf(out))).toBe(true);
    expect(size).toBeGreaterThan(65_535 - 263);
    expect(size).toBeLessThanOrEqual(65_535);
  });

  it("never writes behind a small buffer", () => {
    const h = heap();
    const answer = createAnswer();
    addItem(
      answer,
      SECTION_ANSWER,
      ITEM_RRSET,
      OWNER_QNAME,
      0,
      65280,
      1,
      h.block(Array<number>(4000).fill(1)),
      1,
    );
    const out = new Uint8Array(MAX_UDP_PAYLOAD + OUT_SLACK);
    const octets = h.octets();
    const size = encodeAnswer(ask(), answer, { octets, view: viewOf(octets) }, TRANSPORT_UDP, viewOf(out));
    expect(size).toBe(12 + 21);
    expect(isTruncated(viewOf(out))).toBe(true);
  });

  it("says TC where the addresses do not fit", () => {
    const answer = createAnswer();
    answer.addressCount = MAX_ADDRESSES;
    addItem(answer, SECTION_ANSWER, ITEM_ADDRESSES, OWNER_QNAME, 0, TYPE_AAAA, 30, 0, MAX_ADDRESSES);
    expect(encode(ask(), answer).size).toBe(12 + 21);
    expect(encode(ask(), answer, undefined, TRANSPORT_TCP).message.answers).toHaveLength(MAX_ADDRESSES);
  });

  it("gives addresses to an alias's target", () => {
    const h = heap();
    const owner = h.name("cdn.example.net");
    const answer = createAnswer();
    answer.addressOctets.set([0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    addItem(answer, SECTION_ANSWER, ITEM_ADDRESSES, OWNER_OCTETS, owner, TYPE_AAAA, 30, 0, 1);
    expect(encode(ask(), answer, h.octets()).message.answers).toMatchObject([
      { name: "cdn.example.net", type: "AAAA", ttl: 30, data: "2001:db8::1" },
    ]);
  });

  it("never writes behind the slack, whatever stands at the limit", () => {
    const name = `${"o".repeat(63)}.${"p".repeat(63)}.${"q".repeat(63)}.${"r".repeat(61)}`;
    const query = ask("www.example.com", opt());
    const room = MAX_UDP_PAYLOAD + OUT_SLACK;
    for (let size = MAX_UDP_PAYLOAD - 300; size <= room; size++) {
      const h = heap();
      const owner = h.name(name);
      const answer = createAnswer();
      const block = h.block(Array<number>(size).fill(1));
      addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_OCTETS, owner, 65280, 30, block, 1);
      const octets = h.octets();
      const out = viewOf(new Uint8Array(room));
      encodeAnswer(query, answer, { octets, view: viewOf(octets) }, TRANSPORT_UDP, out);
      // Header, question, OPT, owner, fixed fields.
      expect(isTruncated(out)).toBe(12 + 21 + 11 + 254 + 10 + size > MAX_UDP_PAYLOAD);
    }
  });

  it("says TC when there are more RRsets than an answer holds", () => {
    const answer = createAnswer();
    for (let i = 0; i <= MAX_ITEMS; i++)
      addItem(answer, SECTION_ANSWER, ITEM_HINFO, OWNER_QNAME, 0, TYPE_HINFO, 1, 0, 1);
    expect(answer.itemCount).toBe(MAX_ITEMS);
    const { out, message } = encode(ask(), answer, new Uint8Array(), TRANSPORT_TCP);
    expect(isTruncated(viewOf(out))).toBe(true);
    expect(message.answers?.length).toBe(MAX_ITEMS);
  });

  it("goes on compressing behind the names that it can remember", () => {
    const h = heap();
    const names = Array.from({ length: 300 }, (_, i) => wireName(`ns${i}.host${i}.example.com`));
    const answer = createAnswer();
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_NS, 1, h.block(...names), 300);
    addItem(answer, SECTION_ANSWER, ITEM_RRSET, OWNER_QNAME, 0, TYPE_TXT, 1, big(h, 80), 80);
    const far = h.block(wireName("a.far.example.org"), wireName("b.far.example.org"));
    addItem(answer, SECTION_AUTHORITY, ITEM_RRSET, OWNER_QNAME, 0, TYPE_NS, 1, far, 2);
    const { message } = encode(ask(), answer, h.octets(), TRANSPORT_TCP);
    expect(
      message.answers
        ?.filter((record) => record.type === "NS")
        .map((record) => (record as { data: string }).data),
    ).toEqual(Array.from({ length: 300 }, (_, i) => `ns${i}.host${i}.example.com`));
    expect(message.authorities).toMatchObject([{ data: "a.far.example.org" }, { data: "b.far.example.org" }]);
  });
});

describe("OPT", () => {
  const subnet = { code: "CLIENT_SUBNET", ip: "198.51.96.0", sourcePrefixLength: 20, family: 1 };

  it("is returned when asked, with our size and the DO bit (RFC 3225)", () => {
    const { message } = encode(ask("www.example.com", opt([], { flags: 0x8000 })), createAnswer());
    expect(message.additionals).toMatchObject([
      { type: "OPT", udpPayloadSize: 1232, flag_do: true, options: [] },
    ]);
  });

  it("echoes the client subnet with the scope", () => {
    const octets = [...wireName("www.example.com"), 0, 1, 0, 1];
    const ecsV6 = [0, 8, 0, 11, 0, 2, 56, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 1];
    const packet = Uint8Array.from(
      [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1].concat(octets, [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 15], ecsV6),
    );
    const query = createQuery();
    expect(parseQuery(viewOf(packet), packet.length, query)).toBe(0);
    const answer = createAnswer();
    answer.scopeBits = 48;
    const { out, size } = encode(query, answer);
    ecsV6[7] = 48;
    expect([...out.subarray(size - 15, size)]).toEqual(ecsV6);
  });

  it("carries no option on FORMERR and the upper rcode bits on BADVERS", () => {
    const query = ask("www.example.com", opt([subnet]));
    expect(query.hasEcs).toBe(1);
    const answer = createAnswer();
    answer.rcode = RCODE_FORMERR;
    const formerr = encode(query, answer);
    expect(formerr.message.additionals).toMatchObject([{ type: "OPT", options: [] }]);
    answer.rcode = RCODE_BADVERS;
    const badvers = encode(ask("www.example.com", opt([], { ednsVersion: 1 })), answer);
    expect(badvers.out[3]! & 15).toBe(0);
    expect(badvers.message.additionals).toMatchObject([{ extendedRcode: 1, ednsVersion: 0 }]);
  });

  it("carries an extended error (RFC 8914)", () => {
    const answer = createAnswer();
    answer.rcode = RCODE_REFUSED;
    answer.ede = EDE_NOT_AUTHORITATIVE;
    const { out, size } = encode(ask("www.example.com", opt()), answer);
    expect([...out.subarray(size - 8, size)]).toEqual([0, 6, 0, 15, 0, 2, 0, 20]);
    expect(encode(ask(), answer).message.additionals).toEqual([]);
  });
});
