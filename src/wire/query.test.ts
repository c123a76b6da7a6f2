import { describe, expect, it } from "vitest";
import { seededRandom } from "../../test/support/random.ts";
import {
  RCODE_BADVERS,
  RCODE_FORMERR,
  RCODE_NOERROR,
  RCODE_NOTIMP,
  RCODE_REFUSED,
  TYPE_A,
  TYPE_AAAA,
  TYPE_AXFR,
  TYPE_IXFR,
  TYPE_MAILA,
  TYPE_MAILB,
} from "./constants.ts";
import { createName, setName, suffixHash } from "./name.ts";
import { viewOf } from "./octets.ts";
import { createQuery, parseQuery, VERDICT_DROP } from "./query.ts";

const WWW = [3, 0x57, 0x77, 0x77, 2, 0x65, 0x78, 0];
const question = (type = TYPE_A, qclass = 1, name = WWW) => [
  ...name,
  type >> 8,
  type & 255,
  qclass >> 8,
  qclass & 255,
];

function header(
  changes: { flags?: number; qd?: number; an?: number; ns?: number; ar?: number } = {},
): number[] {
  const { flags = 0x0100, qd = 1, an = 0, ns = 0, ar = 0 } = changes;
  return [0x12, 0x34, flags, qd, an, ns, ar].flatMap((word, i) => (i < 2 ? [word] : [word >> 8, word & 255]));
}

function opt(options: number[] = [], { size = 1232, ttl = [0, 0, 0, 0], owner = [0] } = {}): number[] {
  return [
    ...owner,
    0,
    41,
    size >> 8,
    size & 255,
    ...ttl,
    options.length >> 8,
    options.length & 255,
    ...options,
  ];
}

const ecs = (family: number, source: number, scope: number, address: number[]) => [
  ...[0, 8, 0, 4 + address.length, family >> 8, family & 255, source, scope],
  ...address,
];

function parse(octets: number[]) {
  const query = createQuery();
  return { verdict: parseQuery(viewOf(Uint8Array.from(octets)), octets.length, query), query };
}

const parseWithOpt = (options: number[], extra?: Parameters<typeof opt>[1]) =>
  parse([...header({ ar: 1 }), ...question(), ...opt(options, extra)]);

describe("parseQuery", () => {
  it("reads the question octet for octet, and in lower case beside it (RFC 4343)", () => {
    const { verdict, query } = parse([...header(), ...question(TYPE_AAAA)]);
    expect(verdict).toBe(RCODE_NOERROR);
    expect(Array.from(WWW, (_octet, i) => query.packet.getUint8(12 + i))).toEqual(WWW);
    expect([...query.qname.lower.subarray(0, 8)]).toEqual([3, 0x77, 0x77, 0x77, 2, 0x65, 0x78, 0]);
    expect(query).toMatchObject({
      id: 0x1234,
      qtype: TYPE_AAAA,
      qclass: 1,
      hasQuestion: 1,
      hasEdns: 0,
      udpSize: 512,
    });
    expect([...query.qname.labelOffsets.subarray(0, 3)]).toEqual([0, 4, 7]);
    expect(query.qname).toMatchObject({ labelCount: 2, length: 8 });
  });

  it("gives equal hashes to names that differ in case, and others to their suffixes", () => {
    const hashesOf = (...octets: number[]): number[] => {
      const { qname } = parse([...header(), ...question(1, 1, octets)]).query;
      return [0, 1, 2].map((label) => suffixHash(qname, label));
    };
    const hashes = hashesOf(3, 0x77, 0x57, 0x77, 2, 0x65, 0x78, 0);
    expect(hashesOf(3, 0x57, 0x77, 0x77, 2, 0x45, 0x58, 0)).toEqual(hashes);
    expect(new Set(hashes).size).toBe(3);
  });

  it("hashes a name as setName does, and a suffix as a name of its own", () => {
    const random = seededRandom(7);
    const name = createName();
    for (let draw = 0; draw < 2_000; draw++) {
      const octets: number[] = [];
      for (let label = random.below(6); label > 0; label--) {
        const size = 1 + random.below(9);
        octets.push(size, ...Array.from({ length: size }, () => random.below(256)));
      }
      octets.push(0);
      const { qname } = parse([...header(), ...question(1, 1, octets)]).query;
      for (let label = 0; label <= qname.labelCount; label++) {
        setName(name, Uint8Array.from([99, ...octets]), 1 + qname.labelOffsets[label]!);
        expect(suffixHash(qname, label)).toBe(suffixHash(name, 0));
        expect([...name.lower.subarray(0, name.length)]).toEqual([
          ...qname.lower.subarray(qname.labelOffsets[label], qname.length),
        ]);
      }
    }
  });

  it("leaves nothing of an earlier query behind", () => {
    const query = createQuery();
    const first = [
      ...header({ ar: 1 }),
      ...question(),
      ...opt(ecs(1, 24, 0, [192, 0, 2]), { ttl: [0, 0, 128, 0] }),
    ];
    expect(parseQuery(viewOf(Uint8Array.from(first)), first.length, query)).toBe(RCODE_NOERROR);
    expect(query).toMatchObject({ hasEdns: 1, hasEcs: 1, dnssecOk: 1, udpSize: 1232 });
    const second = [...header(), ...question()];
    expect(parseQuery(viewOf(Uint8Array.from(second)), second.length, query)).toBe(RCODE_NOERROR);
    expect(query).toMatchObject({ hasEdns: 0, hasEcs: 0, dnssecOk: 0, hasCookie: 0, udpSize: 512 });
  });

  it.each([
    ["fewer than 12 octets", header().slice(0, 11), VERDICT_DROP],
    ["a response", [...header({ flags: 0x8100 }), ...question()], VERDICT_DROP],
    ["no question", header({ qd: 0 }), RCODE_FORMERR],
    ["two questions", [...header({ qd: 2 }), ...question(), ...question()], RCODE_FORMERR],
    ["a question of no octets", header(), RCODE_FORMERR],
    ["a name that is cut", [...header(), 3, 0x77], RCODE_FORMERR],
    ["a label that ends with the message", [...header(), 2, 0x77, 0x77], RCODE_FORMERR],
    ["a cut QTYPE", [...header(), ...WWW, 0], RCODE_FORMERR],
    ["a cut QCLASS", [...header(), ...WWW, 0, 1, 0], RCODE_FORMERR],
    ["a pointer to itself", [...header(), 0xc0, 12, 0, 1, 0, 1], RCODE_FORMERR],
    ["label type 0x40", [...header(), 0x41, 0, 0, 1, 0, 1], RCODE_FORMERR],
    ["label type 0x80", [...header(), 0x81, 0, 0, 1, 0, 1], RCODE_FORMERR],
    ["an answer record", [...header({ an: 1 }), ...question()], RCODE_FORMERR],
    ["an authority record", [...header({ ns: 1 }), ...question()], RCODE_FORMERR],
    ["counts that the octets cannot hold", [...header({ ar: 65535 }), ...question()], RCODE_FORMERR],
    ["opcode STATUS", [...header({ flags: 0x1000 }), ...question()], RCODE_NOTIMP],
    ["opcode UPDATE", [...header({ flags: 0x2800 }), ...question()], RCODE_NOTIMP],
    ["opcode NOTIFY", [...header({ flags: 0x2000 }), ...question()], RCODE_REFUSED],
    ["class CH", [...header(), ...question(16, 3)], RCODE_REFUSED],
    ["AXFR", [...header(), ...question(TYPE_AXFR)], RCODE_REFUSED],
    ["MAILA", [...header(), ...question(TYPE_MAILA)], RCODE_REFUSED],
    ["MAILB", [...header(), ...question(TYPE_MAILB)], RCODE_REFUSED],
    ["trailing octets", [...header(), ...question(), 1, 2, 3], RCODE_NOERROR],
  ])("%s", (_what, octets, verdict) => {
    expect(parse(octets).verdict).toBe(verdict);
  });

  it("reads IXFR's SOA and refuses the transfer (RFC 1995)", () => {
    const soa = [0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0];
    expect(parse([...header({ ns: 1 }), ...question(TYPE_IXFR), ...soa]).verdict).toBe(RCODE_REFUSED);
  });

  it("measures names: 255 octets are one, 256 are not", () => {
    const label = (size: number) => [size, ...Array<number>(size).fill(0x61)];
    const longest = [...label(63), ...label(63), ...label(63), ...label(61), 0];
    expect(longest.length).toBe(255);
    expect(parse([...header(), ...question(1, 1, longest)]).verdict).toBe(RCODE_NOERROR);
    const beyond = [...label(63), ...label(63), ...label(63), ...label(62), 0];
    expect(parse([...header(), ...question(1, 1, beyond)]).verdict).toBe(RCODE_FORMERR);
    const deepest = [...Array<number[]>(127).fill([1, 0x61]).flat(), 0];
    const { verdict, query } = parse([...header(), ...question(1, 1, deepest)]);
    expect(verdict).toBe(RCODE_NOERROR);
    expect(query.qname.labelCount).toBe(127);
  });
});

describe("additional records", () => {
  const txt = (owner: number[]) => [...owner, 0, 16, 0, 1, 0, 0, 0, 0, 0, 1, 0];
  const withRecord = (owner: number[]) => parse([...header({ ar: 1 }), ...question(), ...txt(owner)]).verdict;

  it("are skipped over, whatever their type", () => {
    expect(withRecord([0xc0, 12])).toBe(RCODE_NOERROR);
    expect(withRecord([1, 0x61, 0xc0, 16])).toBe(RCODE_NOERROR);
    const { verdict, query } = parse([...header({ ar: 2 }), ...question(), ...txt([0xc0, 12]), ...opt()]);
    expect(verdict).toBe(RCODE_NOERROR);
    expect(query.hasEdns).toBe(1);
  });

  it.each([
    ["a pointer to itself", [0xc0, 24]],
    ["a pointer forward", [0xc0, 30]],
    ["a pointer into the header", [0xc0, 4]],
    ["a label and a pointer back to it", [1, 0x61, 0xc0, 24]],
    ["label type 0x40", [0x41, 0]],
  ])("are refused with %s", (_what, owner) => {
    expect(withRecord(owner)).toBe(RCODE_FORMERR);
  });

  it("are refused where they are cut", () => {
    const whole = [...header({ ar: 1 }), ...question(), ...txt([1, 0x61, 0xc0, 12])];
    for (let size = 24; size < whole.length; size++) {
      const cut = whole.slice(0, size).concat();
      expect(parse(cut).verdict, `${size} octets`).toBe(RCODE_FORMERR);
    }
  });

  it("cannot make work that grows faster than the message", () => {
    // Each record's owner is one label and a pointer to the record before it: followed freely, n records cost n*n steps.
    const records: number[] = [];
    let previous = 12;
    let count = 0;
    for (; count < 100; count++) {
      const at = 24 + records.length;
      records.push(...txt([1, 0x61, 0xc0 | (previous >> 8), previous & 255]));
      previous = at;
    }
    expect(parse([...header({ ar: count }), ...question(), ...records]).verdict).toBe(RCODE_FORMERR);
  });

  it("refuses a name that its pointers make longer than 255 octets", () => {
    const long = [63, ...Array<number>(63).fill(0x61)];
    const qname = [...long, ...long, ...long, 0];
    const owner = [...long, 0xc0, 12];
    const octets = [...header({ ar: 1 }), ...question(1, 1, qname), ...txt(owner)];
    expect(parse(octets).verdict).toBe(RCODE_FORMERR);
  });
});

describe("OPT (RFC 6891)", () => {
  it("raises small payload sizes to 512 and keeps large ones", () => {
    expect(parseWithOpt([], { size: 100 }).query.udpSize).toBe(512);
    expect(parseWithOpt([], { size: 65535 }).query.udpSize).toBe(65535);
  });

  it.each([
    ["version 1", () => parseWithOpt([], { ttl: [0, 1, 0, 0] }).verdict, RCODE_BADVERS],
    [
      "two of them",
      () => parse([...header({ ar: 2 }), ...question(), ...opt(), ...opt()]).verdict,
      RCODE_FORMERR,
    ],
    ["an owner that is not the root", () => parseWithOpt([], { owner: [1, 0x61, 0] }).verdict, RCODE_FORMERR],
    ["a cut option header", () => parseWithOpt([0, 8, 0]).verdict, RCODE_FORMERR],
    ["an option that overruns", () => parseWithOpt([0, 9, 0, 2, 1]).verdict, RCODE_FORMERR],
    ["an unknown option", () => parseWithOpt([0xff, 0, 0, 1, 1]).verdict, RCODE_NOERROR],
  ])("%s", (_what, run, verdict) => {
    expect(run()).toBe(verdict);
  });

  it.each([
    [7, RCODE_FORMERR],
    [8, RCODE_NOERROR],
    [9, RCODE_FORMERR],
    [15, RCODE_FORMERR],
    [16, RCODE_NOERROR],
    [40, RCODE_NOERROR],
    [41, RCODE_FORMERR],
  ])("COOKIE of %i octets (RFC 7873)", (size, verdict) => {
    const { verdict: got, query } = parseWithOpt([0, 10, 0, size, ...Array<number>(size).fill(1)]);
    expect(got).toBe(verdict);
    expect(query.hasCookie).toBe(verdict === RCODE_NOERROR ? 1 : 0);
  });
});

describe("client subnet (RFC 7871)", () => {
  it("reads both families and pads with zeros", () => {
    const v4 = parseWithOpt(ecs(1, 20, 0, [198, 51, 96])).query;
    expect(v4).toMatchObject({ hasEcs: 1, ecsFamily: 1, ecsSourceBits: 20 });
    expect([...v4.ecsAddress]).toEqual([198, 51, 96, ...Array<number>(13).fill(0)]);
    const v6 = parseWithOpt(ecs(2, 128, 0, Array<number>(16).fill(9))).query;
    expect([...v6.ecsAddress]).toEqual(Array<number>(16).fill(9));
  });

  it.each([
    ["short", [0, 8, 0, 3, 0, 1, 0], RCODE_FORMERR],
    ["twice", [...ecs(1, 0, 0, []), ...ecs(1, 0, 0, [])], RCODE_FORMERR],
    ["family 3", ecs(3, 8, 0, [1]), RCODE_FORMERR],
    ["family 0 with /0", ecs(0, 0, 0, []), RCODE_NOERROR],
    ["family 0 with an address", ecs(0, 8, 0, [1]), RCODE_FORMERR],
    ["/33", ecs(1, 33, 0, [1, 2, 3, 4, 0]), RCODE_FORMERR],
    ["/129", ecs(2, 129, 0, Array<number>(17).fill(0)), RCODE_FORMERR],
    ["scope set", ecs(1, 24, 24, [1, 2, 3]), RCODE_FORMERR],
    ["an octet too many", ecs(1, 24, 0, [1, 2, 3, 0]), RCODE_FORMERR],
    ["an octet too few", ecs(1, 24, 0, [1, 2]), RCODE_FORMERR],
    ["bits behind SOURCE", ecs(1, 20, 0, [1, 2, 0x18]), RCODE_FORMERR],
    ["/0", ecs(1, 0, 0, []), RCODE_NOERROR],
  ])("%s", (_what, options, verdict) => {
    expect(parseWithOpt(options).verdict).toBe(verdict);
  });
});
