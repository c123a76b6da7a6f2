import dnsPacket from "dns-packet";
import { describe, expect, it } from "vitest";
import { columnsOf, wireName } from "../../test/support/columns.ts";
import { createAnswer } from "../wire/answer.ts";
import { TRANSPORT_TCP } from "../wire/constants.ts";
import { viewOf } from "../wire/octets.ts";
import { createQuery, parseQuery } from "../wire/query.ts";
import { encodeAnswer, OUT_OCTETS } from "../wire/response.ts";
import { addNegativeSoa, createLookup, lookup } from "./lookup.ts";
import { buildZones } from "./tree.ts";

const SOA = (zone: string) => [
  `${zone} 3600 SOA ns.${zone} host.${zone} 60`,
  `${zone} 3600 NS ns.elsewhere.test.`,
];

function zones(sources: Record<string, string[]>, dynamic: Record<string, [string, number][]> = {}) {
  const data = buildZones(
    Object.entries(sources).map(([origin, lines]) => ({
      columns: columnsOf(origin, [...SOA(origin), ...lines]),
      dynamic: (dynamic[origin] ?? []).map(([owner, record]) => ({
        owner: Uint8Array.from(wireName(owner)),
        record,
      })),
    })),
  );
  const state = createLookup(data);
  const query = createQuery();
  const answer = createAnswer();
  return (name: string, type = "A") => {
    const packet = dnsPacket.encode({ id: 1, questions: [{ name, type: type as "A" }] });
    expect(parseQuery(viewOf(packet), packet.length, query)).toBe(0);
    Object.assign(answer, { ...createAnswer() });
    lookup(state, query.qname, query.qtype, answer);
    if (state.record >= 0) addNegativeSoa(state, answer, 5);
    const out = new Uint8Array(OUT_OCTETS);
    const size = encodeAnswer(query, answer, data, TRANSPORT_TCP, viewOf(out));
    const message = dnsPacket.decode(Buffer.from(out.subarray(0, size)));
    const section = (records: readonly object[] = []) =>
      records.map((record) => {
        const {
          name: owner,
          type: kind,
          data: value,
        } = record as { name: string; type: string; data: unknown };
        return `${owner} ${kind} ${typeof value === "string" ? value : kind}`;
      });
    return {
      rcode: answer.rcode,
      aa: answer.aa,
      record: state.record,
      answer: section(message.answers),
      authority: section(message.authorities),
      additional: section(message.additionals),
      ttls: [...(message.answers ?? []), ...(message.authorities ?? [])].map((record) =>
        "ttl" in record ? record.ttl : undefined,
      ),
    };
  };
}

const negative = ["example.test SOA SOA"];

describe("RFC 1034 section 4.3.2", () => {
  const ask = zones({
    "example.test.": [
      "www.example.test. 300 A 192.0.2.1",
      "www.example.test. 300 A 192.0.2.2",
      "www.example.test. 200 A 192.0.2.1",
      "www.example.test. 300 TXT hello",
      "a.b.ent.example.test. 300 A 192.0.2.3",
      "alias.example.test. 300 CNAME www.example.test.",
      "far.example.test. 300 CNAME www.other.test.",
      "out.example.test. 300 CNAME www.elsewhere.example.",
      "gone.example.test. 300 CNAME missing.example.test.",
      "a.loop.example.test. 300 CNAME b.loop.example.test.",
      "b.loop.example.test. 300 CNAME a.loop.example.test.",
    ],
    "other.test.": ["www.other.test. 60 AAAA 7", "www.other.test. 60 A 192.0.2.9"],
  });

  it("answers with the RRset: its duplicates once, its least TTL (RFC 2181 section 5)", () => {
    expect(ask("www.example.test")).toMatchObject({
      rcode: 0,
      aa: 1,
      answer: ["www.example.test A 192.0.2.1", "www.example.test A 192.0.2.2"],
      authority: [],
      ttls: [200, 200],
    });
  });

  it("says NODATA for another type and for an empty non-terminal, NXDOMAIN for no name (RFC 8020)", () => {
    expect(ask("www.example.test", "MX")).toMatchObject({
      rcode: 0,
      aa: 1,
      answer: [],
      authority: negative,
      ttls: [60],
    });
    expect(ask("ent.example.test")).toMatchObject({ rcode: 0, answer: [], authority: negative });
    expect(ask("b.ent.example.test")).toMatchObject({ rcode: 0, answer: [], authority: negative });
    expect(ask("no.www.example.test")).toMatchObject({ rcode: 3, aa: 1, answer: [], authority: negative });
    expect(ask("x.b.ent.example.test")).toMatchObject({ rcode: 3 });
  });

  it("refuses what lies outside, without a referral upward", () => {
    expect(ask("www.example.com")).toMatchObject({ rcode: 5, aa: 0, answer: [], authority: [] });
    expect(ask("test")).toMatchObject({ rcode: 5 });
    expect(ask(".")).toMatchObject({ rcode: 5 });
  });

  it("follows aliases within and across zones, and stops at the border of what it serves", () => {
    expect(ask("alias.example.test").answer).toEqual([
      "alias.example.test CNAME www.example.test",
      "www.example.test A 192.0.2.1",
      "www.example.test A 192.0.2.2",
    ]);
    expect(ask("alias.example.test", "CNAME").answer).toEqual(["alias.example.test CNAME www.example.test"]);
    expect(ask("far.example.test").answer).toEqual([
      "far.example.test CNAME www.other.test",
      "www.other.test A 192.0.2.9",
    ]);
    expect(ask("out.example.test")).toMatchObject({
      rcode: 0,
      answer: ["out.example.test CNAME www.elsewhere.example"],
      authority: [],
    });
    expect(ask("gone.example.test")).toMatchObject({
      rcode: 3,
      answer: ["gone.example.test CNAME missing.example.test"],
      authority: negative,
    });
  });

  it("answers ANY with one RRset (RFC 8482)", () => {
    expect(ask("www.example.test", "ANY").answer).toEqual([
      "www.example.test A 192.0.2.1",
      "www.example.test A 192.0.2.2",
    ]);
    expect(ask("alias.example.test", "ANY").answer).toEqual(["alias.example.test CNAME www.example.test"]);
    expect(ask("ent.example.test", "ANY")).toMatchObject({ answer: [], authority: negative });
  });
});

describe("wildcards (RFC 4592)", () => {
  const ask = zones({
    "example.test.": [
      "*.example.test. 300 A 192.0.2.1",
      "*.example.test. 300 MX host.example.test.",
      "sub.*.example.test. 300 TXT deep",
      "host.example.test. 300 A 192.0.2.2",
      "_ssh._tcp.host.example.test. 300 TXT ssh",
      "*.alias.example.test. 300 CNAME host.example.test.",
    ],
  });

  it("cover names without a closer ancestor, and only those (section 2.2.1)", () => {
    expect(ask("any.example.test").answer).toEqual(["any.example.test A 192.0.2.1"]);
    expect(ask("any.any.example.test").answer).toEqual(["any.any.example.test A 192.0.2.1"]);
    expect(ask("host.example.test", "MX")).toMatchObject({ rcode: 0, answer: [] });
    expect(ask("below.host.example.test")).toMatchObject({ rcode: 3 });
    expect(ask("_telnet._tcp.host.example.test")).toMatchObject({ rcode: 3 });
    expect(ask("any.example.test", "TXT")).toMatchObject({ rcode: 0, answer: [], authority: negative });
    expect(ask("*.example.test").answer).toEqual(["*.example.test A 192.0.2.1"]);
    expect(ask("ghost.*.example.test")).toMatchObject({ rcode: 3 });
  });

  it("may be aliases", () => {
    expect(ask("x.alias.example.test").answer).toEqual([
      "x.alias.example.test CNAME host.example.test",
      "host.example.test A 192.0.2.2",
    ]);
  });
});

describe("DNAME (RFC 6672)", () => {
  const long = `${"a".repeat(60)}.`.repeat(3);
  const ask = zones({
    "example.test.": [
      "old.example.test. 300 DNAME new.example.test.",
      "old.example.test. 300 A 192.0.2.1",
      "www.old.example.test. 300 A 192.0.2.66",
      "www.new.example.test. 60 A 192.0.2.2",
      `wide.example.test. 300 DNAME ${long}example.test.`,
      "away.example.test. 300 DNAME elsewhere.example.",
    ],
  });

  it("redirects what lies below its owner, occluded names too, and not the owner", () => {
    expect(ask("www.old.example.test").answer).toEqual([
      "old.example.test DNAME new.example.test",
      "www.old.example.test CNAME www.new.example.test",
      "www.new.example.test A 192.0.2.2",
    ]);
    expect(ask("old.example.test").answer).toEqual(["old.example.test A 192.0.2.1"]);
    expect(ask("x.away.example.test")).toMatchObject({
      rcode: 0,
      answer: ["away.example.test DNAME elsewhere.example", "x.away.example.test CNAME x.elsewhere.example"],
    });
    expect(ask("www.old.example.test", "CNAME").answer).toHaveLength(2);
  });

  it("says YXDOMAIN when the new name is too long (section 2.2)", () => {
    const left = `${"b".repeat(63)}.`;
    expect(ask(`${left}wide.example.test`)).toMatchObject({ rcode: 6, aa: 1 });
    expect(ask(`${left}wide.example.test`).answer).toHaveLength(1);
  });
});

describe("delegations (RFC 1034 section 4.2)", () => {
  const ask = zones({
    "example.test.": [
      "child.example.test. 300 NS ns.child.example.test.",
      "child.example.test. 300 NS ns.sibling.example.test.",
      "child.example.test. 300 NS ns.elsewhere.test.",
      "child.example.test. 300 NS www.example.test.",
      "child.example.test. 300 DS -",
      "ns.child.example.test. 300 A 192.0.2.1",
      "ns.child.example.test. 300 AAAA 1",
      "sibling.example.test. 300 NS ns.sibling.example.test.",
      "ns.sibling.example.test. 300 A 192.0.2.2",
      "www.example.test. 300 A 192.0.2.3",
      "hidden.child.example.test. 300 TXT occluded",
      "into.example.test. 300 CNAME x.child.example.test.",
      "served.example.test. 300 NS ns.elsewhere.test.",
      "served.example.test. 300 DS -",
    ],
    "served.example.test.": ["www.served.example.test. 60 A 192.0.2.4"],
  });
  const referral = {
    rcode: 0,
    aa: 0,
    answer: [],
    authority: [
      "child.example.test NS ns.child.example.test",
      "child.example.test NS ns.sibling.example.test",
      "child.example.test NS ns.elsewhere.test",
      "child.example.test NS www.example.test",
    ],
    additional: [
      "ns.child.example.test A 192.0.2.1",
      "ns.child.example.test AAAA 2001:db8::1",
      "ns.sibling.example.test A 192.0.2.2",
      "www.example.test A 192.0.2.3",
    ],
  };

  it("refers at the cut and below, with in-domain glue first, then what else the zone knows (RFC 9471)", () => {
    expect(ask("child.example.test")).toMatchObject(referral);
    expect(ask("a.b.child.example.test")).toMatchObject(referral);
    expect(ask("hidden.child.example.test", "TXT")).toMatchObject(referral);
    expect(ask("ns.child.example.test")).toMatchObject(referral);
  });

  it("answers DS at the cut itself (RFC 4035 section 3.1.4.1), also where the child is served", () => {
    expect(ask("child.example.test", "DS")).toMatchObject({ aa: 1, answer: ["child.example.test DS DS"] });
    expect(ask("served.example.test", "DS")).toMatchObject({ aa: 1, answer: ["served.example.test DS DS"] });
    expect(ask("sibling.example.test", "DS")).toMatchObject({ aa: 1, answer: [], authority: negative });
    expect(ask("example.test", "DS")).toMatchObject({ aa: 1, answer: [], authority: negative });
    expect(ask("x.child.example.test", "DS")).toMatchObject(referral);
  });

  it("answers from the child zone where it is served", () => {
    expect(ask("www.served.example.test")).toMatchObject({
      aa: 1,
      answer: ["www.served.example.test A 192.0.2.4"],
    });
  });

  it("ends a chain with a referral", () => {
    expect(ask("into.example.test")).toMatchObject({
      aa: 1,
      answer: ["into.example.test CNAME x.child.example.test"],
      authority: referral.authority,
    });
  });
});

describe("dynamic names", () => {
  const ask = zones(
    {
      "example.test.": [
        "alias.example.test. 300 CNAME dyn.example.test.",
        "mixed.example.test. 300 TXT static",
        "*.wild.example.test. 300 TXT static",
      ],
      "apex.test.": [],
    },
    {
      "example.test.": [
        ["dyn.example.test.", 1],
        ["mixed.example.test.", 2],
        ["*.wild.example.test.", 3],
        ["deep.ent.example.test.", 4],
      ],
      "apex.test.": [["apex.test.", 5]],
    },
  );

  it("are found like static ones: apex, wildcard, end of a chain", () => {
    expect(ask("dyn.example.test").record).toBe(1);
    expect(ask("dyn.example.test", "AAAA").record).toBe(1);
    expect(ask("alias.example.test")).toMatchObject({
      record: 1,
      answer: ["alias.example.test CNAME dyn.example.test"],
    });
    expect(ask("x.wild.example.test").record).toBe(3);
    expect(ask("x.wild.example.test", "TXT")).toMatchObject({
      record: -1,
      answer: ["x.wild.example.test TXT TXT"],
    });
    expect(ask("deep.ent.example.test").record).toBe(4);
    expect(ask("apex.test").record).toBe(5);
  });

  it("own A and AAAA only", () => {
    expect(ask("mixed.example.test", "TXT")).toMatchObject({
      record: -1,
      answer: ["mixed.example.test TXT TXT"],
    });
    expect(ask("dyn.example.test", "MX")).toMatchObject({
      record: -1,
      rcode: 0,
      answer: [],
      authority: negative,
    });
    expect(ask("ent.example.test")).toMatchObject({ record: -1, rcode: 0 });
    expect(ask("dyn.example.test", "ANY").answer).toEqual(["dyn.example.test HINFO HINFO"]);
    expect(ask("mixed.example.test", "ANY").answer).toEqual(["mixed.example.test TXT TXT"]);
  });

  it("cap the TTL of a negative answer", () => {
    expect(ask("dyn.example.test").ttls).toEqual([5]);
  });
});

describe("buildZones", () => {
  it("tells thousands of names, types and duplicates apart", () => {
    const lines = Array.from(
      { length: 3000 },
      (_, i) => `h${i}.example.test. 60 A 10.0.${i >> 8}.${i & 255}`,
    );
    const wide = Array.from({ length: 300 }, (_, i) => `wide.example.test. 60 A 10.1.0.${i % 150}`);
    const ask = zones({ "example.test.": [...lines, ...wide] });
    for (let i = 0; i < 3000; i += 7) {
      expect(ask(`H${i}.example.test`).answer).toEqual([`H${i}.example.test A 10.0.${i >> 8}.${i & 255}`]);
    }
    expect(ask("wide.example.test").answer).toHaveLength(150);
    expect(ask("h3000.example.test").rcode).toBe(3);
  });

  it("gives a name to the innermost zone that is served, wherever else it stands, in every set of nested zones", () => {
    const apexes = [".", "test.", "b.test.", "a.b.test.", "c.b.test.", "x.a.b.test.", "other."];
    const names = [
      "a.b.test.",
      "n.a.b.test.",
      "n.x.a.b.test.",
      "n.b.test.",
      "n.c.b.test.",
      "n.test.",
      "n.other.",
    ];
    const isWithin = (name: string, apex: string) => apex === "." || `.${name}`.endsWith(`.${apex}`);
    for (let set = 1; set < 1 << apexes.length; set++) {
      const served = apexes.filter((_, index) => (set & (1 << index)) !== 0);
      // No zone delegates, and each has an address for every name, told by its number.
      const address = (apex: string) => `192.0.2.${apexes.indexOf(apex)}`;
      const ask = zones(
        Object.fromEntries(
          served.map((apex) => [
            apex,
            names.filter((name) => isWithin(name, apex)).map((name) => `${name} 60 A ${address(apex)}`),
          ]),
        ),
      );
      for (const name of names) {
        const homes = served
          .filter((apex) => isWithin(name, apex))
          .sort((one, two) => two.length - one.length);
        const [home] = homes;
        const asked = name.slice(0, -1);
        expect(ask(asked), `${asked} of ${served}`).toMatchObject(
          home === undefined
            ? { rcode: 5, aa: 0, answer: [] }
            : { aa: 1, answer: [`${asked} A ${address(home)}`] },
        );
        expect(ask(`absent.${asked}`).rcode, `absent.${asked} of ${served}`).toBe(home === undefined ? 5 : 3);
        const parent = homes.find((apex) => apex !== name);
        if (parent !== undefined)
          expect(ask(asked, "DS").authority, `DS ${asked} of ${served}`).toEqual([
            `${parent.slice(0, -1) || "."} SOA SOA`,
          ]);
      }
    }
  });

  it("serves the root zone", () => {
    const ask = zones({ ".": ["test. 60 NS ns.test.", "ns.test. 60 A 192.0.2.1"] });
    expect(ask("www.test")).toMatchObject({
      aa: 0,
      authority: ["test NS ns.test"],
      additional: ["ns.test A 192.0.2.1"],
    });
    expect(ask("missing").rcode).toBe(3);
  });

  it("cuts a chain after 16 aliases", () => {
    const lines = Array.from(
      { length: 40 },
      (_, i) => `c${i}.example.test. 60 CNAME c${i + 1}.example.test.`,
    );
    const ask = zones({ "example.test.": lines });
    expect(ask("c0.example.test").answer).toHaveLength(16);
  });
});
