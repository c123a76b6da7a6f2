import type { Socket } from "node:dgram";
import { beforeAll, describe, expect, test } from "vitest";
import { allocateCounters, COUNTER_DROPPED_PORT } from "../../src/counters.ts";
import { createClient } from "../../src/policy/client.ts";
import { receive } from "../../src/serve/udp.ts";
import { viewOf } from "../../src/wire/octets.ts";
import { type InProcess, serveZones } from "../support/in-process.ts";
import { type Message, readMessage } from "../support/message.ts";
import { buildQuery, nameOctets, record, TYPES } from "../support/packet.ts";
import { decodePacket } from "../support/second-opinion.ts";

const ZONE = `
@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60
@ 300 IN NS ns1
ns1 300 IN A 192.0.2.53
www 300 IN A 192.0.2.1
www 300 IN TXT "one"
a.b.between 300 IN A 192.0.2.2
odd\\.label 300 IN A 192.0.2.3
nul\\000label 300 IN A 192.0.2.4
high\\200label 300 IN A 192.0.2.5
loop1 300 IN CNAME loop2
loop2 300 IN CNAME loop1
self 300 IN CNAME self
${Array.from({ length: 20 }, (_, step) => `chain${step} 300 IN CNAME chain${step + 1}`).join("\n")}
chain20 300 IN A 192.0.2.6
${Array.from({ length: 60 }, (_, index) => `many 300 IN A 198.51.100.${index}`).join("\n")}
${Array.from({ length: 100 }, (_, index) => `large 300 IN TXT "${String(index).padStart(200, "x")}"`).join("\n")}
${Array.from({ length: 12 }, (_, index) => `sub 300 IN NS a-name-server-with-a-long-name-${index}.sub`).join("\n")}
${Array.from({ length: 12 }, (_, index) => `a-name-server-with-a-long-name-${index}.sub 300 IN AAAA 2001:db8::${index + 1}`).join("\n")}
`;

let server: InProcess;
beforeAll(() => {
  server = serveZones([{ origin: "example.test.", text: ZONE }]);
});

const FORMERR = 1;
const NOTIMP = 4;
const REFUSED = 5;

function replyTo(packet: Uint8Array, how: { tcp?: boolean } = {}): Message {
  const reply = server.ask(packet, how);
  expect(reply, "a reply").not.toBeNull();
  decodePacket(reply!);
  return readMessage(reply!);
}

/** RCODE of the reply; the reply must hold no record and repeat the id. */
function refusalOf(packet: Uint8Array): number {
  const reply = replyTo(packet);
  expect(reply.id).toBe((packet[0]! << 8) | packet[1]!);
  expect([...reply.answer, ...reply.authority, ...reply.additional]).toEqual([]);
  return reply.rcode;
}

const label = (size: number): number[] => [size, ...new Array<number>(size).fill(0x61)];

describe("packet", () => {
  test("row 1: under 12 octets: dropped and counted", () => {
    const before = server.counter("dropped.short");
    const packet = buildQuery({ name: "www.example.test." });
    for (let length = 0; length < 12; length++) expect(server.ask(packet.subarray(0, length))).toBeNull();
    expect(server.counter("dropped.short") - before).toBe(12);
  });

  test("row 2: QR set: dropped always, even when malformed", () => {
    const before = server.counter("dropped.response");
    expect(server.ask(buildQuery({ name: "www.example.test.", flags: 0x8000 }))).toBeNull();
    expect(server.ask(buildQuery({ name: "www.example.test.", flags: 0xa800 }))).toBeNull();
    expect(server.ask(buildQuery({ question: false, flags: 0x8000 }))).toBeNull();
    expect(server.counter("dropped.response") - before).toBe(3);
  });

  test("row 3: QDCOUNT 0: FORMERR", () => {
    expect(refusalOf(buildQuery({ question: false }))).toBe(FORMERR);
    expect(refusalOf(buildQuery({ question: false, edns: {} }))).toBe(FORMERR);
  });

  test("row 4: QDCOUNT above 1: FORMERR", () => {
    const second = [...nameOctets("ns1.example.test."), 0, 1, 0, 1];
    expect(refusalOf(buildQuery({ name: "www.example.test.", counts: [2], trailing: second }))).toBe(FORMERR);
    expect(refusalOf(buildQuery({ name: "www.example.test.", counts: [65_535] }))).toBe(FORMERR);
  });

  test("row 5: QDCOUNT 1 and no octets: FORMERR", () => {
    expect(refusalOf(buildQuery({ question: false, counts: [1] }))).toBe(FORMERR);
  });

  test.each([
    ["itself", [0xc0, 12]],
    ["the header", [0xc0, 0]],
    ["forward", [0xc0, 14, 1, 0x61, 0]],
    ["a loop behind a label", [1, 0x61, 0xc0, 12]],
    ["the octet before itself", [1, 0x61, 0xc0, 13]],
    ["the end of the packet", [0xff, 0xff]],
    ["half a pointer", [0xc0]],
  ])("row 6: a pointer in the question to %s: FORMERR", (_, name) => {
    expect(refusalOf(buildQuery({ name }))).toBe(FORMERR);
  });

  test("row 6: pointers of additional records go backward only, and their work is bounded", () => {
    const at = buildQuery({ name: "www.example.test." }).length;
    const owned = (owner: number[]): Uint8Array => record(owner, "A", 0, [1, 2, 3, 4]);
    const query = (...additional: Uint8Array[]): Uint8Array =>
      buildQuery({ name: "www.example.test.", additional });
    expect(replyTo(query(owned([0xc0, 12]))).rcode).toBe(0);
    expect(refusalOf(query(owned([0xc0, at])))).toBe(FORMERR);
    expect(refusalOf(query(owned([0xc0, at + 16]), owned([0])))).toBe(FORMERR);
    expect(refusalOf(query(owned([1, 0x61, 0xc0, at])))).toBe(FORMERR);
    // 1,300 records that all point at the longest legal name: quadratic work for whoever follows each of them.
    const long = [...label(63), ...label(63), ...label(63), ...label(61), 0];
    const packet = buildQuery({
      name: long,
      additional: Array.from({ length: 1300 }, () => owned([0xc0, 12])),
    });
    expect([0, FORMERR, REFUSED]).toContain(replyTo(packet, { tcp: true }).rcode);
  });

  test("row 7: label types 0x40 and 0x80: FORMERR", () => {
    for (const type of [0x40, 0x41, 0x7f, 0x80, 0xbf]) {
      expect(refusalOf(buildQuery({ name: [type, 0x61, 0] }))).toBe(FORMERR);
      expect(refusalOf(buildQuery({ name: [1, 0x61, type, 0x61, 0] }))).toBe(FORMERR);
    }
  });

  test("row 8: a name over 255 octets: FORMERR; of 255 octets: looked up", () => {
    const threeLabels = [...label(63), ...label(63), ...label(63)];
    expect(refusalOf(buildQuery({ name: [...threeLabels, ...label(61), 0] }))).toBe(REFUSED);
    expect(refusalOf(buildQuery({ name: [...threeLabels, ...label(62), 0] }))).toBe(FORMERR);
    expect(refusalOf(buildQuery({ name: [...threeLabels, ...label(63), ...label(63), 0] }))).toBe(FORMERR);
    const shortLabels = new Array<number[]>(127).fill([1, 0x61]).flat();
    expect(refusalOf(buildQuery({ name: [...shortLabels, 0] }))).toBe(REFUSED);
    expect(refusalOf(buildQuery({ name: [...shortLabels, 1, 0x61, 0] }))).toBe(FORMERR);
  });

  test("row 9: QTYPE or QCLASS cut: FORMERR", () => {
    const packet = buildQuery({ name: "www.example.test." });
    for (let length = 12; length < packet.length; length++) {
      expect(refusalOf(packet.subarray(0, length)), `${length} octets`).toBe(FORMERR);
    }
  });

  test("row 10: counts of 65535 in a small packet: FORMERR", () => {
    for (const section of [0, 1, 2, 3]) {
      const counts = [1, 0, 0, 0];
      counts[section] = 65_535;
      expect(refusalOf(buildQuery({ name: "www.example.test.", counts }))).toBe(FORMERR);
    }
    const all = [65_535, 65_535, 65_535, 65_535];
    expect(refusalOf(buildQuery({ name: "www.example.test.", counts: all }))).toBe(FORMERR);
    expect(refusalOf(buildQuery({ name: "www.example.test.", counts: [1, 0, 0, 1] }))).toBe(FORMERR);
  });

  test("row 11: answer or authority records in a QUERY: FORMERR, but for an IXFR's one SOA", () => {
    const extra = record("www.example.test.", "A", 0, [192, 0, 2, 1]);
    const soa = record("example.test.", "SOA", 0, [0, 0, ...new Array<number>(20).fill(0)]);
    const name = "www.example.test.";
    expect(refusalOf(buildQuery({ name, answer: [extra] }))).toBe(FORMERR);
    expect(refusalOf(buildQuery({ name, authority: [extra] }))).toBe(FORMERR);
    expect(refusalOf(buildQuery({ name: "example.test.", type: "IXFR", authority: [soa] }))).toBe(REFUSED);
    expect(refusalOf(buildQuery({ name: "example.test.", type: "IXFR", authority: [soa, soa] }))).toBe(
      FORMERR,
    );
    expect(refusalOf(buildQuery({ name: "example.test.", type: "IXFR", answer: [soa] }))).toBe(FORMERR);
  });

  test("row 12: octets after the message are ignored", () => {
    const reply = replyTo(buildQuery({ name: "www.example.test.", trailing: [1, 2, 3, 0xff] }));
    expect(reply.rcode).toBe(0);
    expect(reply.answer).toHaveLength(1);
    expect(reply.trailing).toBe(0);
  });

  test("row 13: other opcodes: NOTIMP with the question; NOTIFY: REFUSED", () => {
    for (let opcode = 1; opcode < 16; opcode++) {
      const packet = buildQuery({ name: "Www.Example.test.", flags: (opcode << 11) | 0x100 });
      const reply = replyTo(packet);
      expect(reply.rcode, `opcode ${opcode}`).toBe(opcode === 4 ? REFUSED : NOTIMP);
      expect(reply.opcode).toBe(opcode);
      expect(reply.qname).toBe("Www.Example.test.");
      expect(reply.answer).toEqual([]);
      expect(reply.aa).toBe(false);
    }
    // UPDATE (RFC 2136): its sections mean something else and may hold records.
    const update = record("new.example.test.", "A", 60, [192, 0, 2, 9]);
    expect(
      refusalOf(buildQuery({ name: "example.test.", type: "SOA", flags: 5 << 11, authority: [update] })),
    ).toBe(NOTIMP);
    const notify = buildQuery({ name: "example.test.", type: "SOA", flags: (4 << 11) | 0x400 });
    expect(refusalOf(notify)).toBe(REFUSED);
    expect(refusalOf(buildQuery({ question: false, flags: 2 << 11 }))).toBe(NOTIMP);
    expect(refusalOf(buildQuery({ name: [0xc0, 12], flags: 2 << 11 }))).toBe(NOTIMP);
  });

  test("row 14: TC, AA, RA, Z, AD, CD and a non-zero rcode in a query are ignored, only RD is repeated", () => {
    for (const bit of [0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010, 0x0001, 0x000f, 0x07ff]) {
      const reply = replyTo(buildQuery({ name: "www.example.test.", flags: bit }));
      expect(reply.rcode, `flags 0x${bit.toString(16)}`).toBe(0);
      expect(reply.answer).toHaveLength(1);
      expect(reply.flags).toBe(0x8400 | (bit & 0x0100));
    }
  });

  test.each([
    ["mixed case", "wWw.eXaMpLe.TeSt.", "c0000201"],
    ["NUL", "nul\\000LABEL.example.test.", "c0000204"],
    ["a dot within a label", "odd\\.Label.example.test.", "c0000203"],
    ["8-bit octets", "HIGH\\200label.example.test.", "c0000205"],
  ])(
    "row 15: %s in the name: echoed octet for octet, matched without regard to ASCII case",
    (_, name, rdata) => {
      const reply = server.ask(buildQuery({ name }))!;
      const octets = nameOctets(name);
      expect([...reply.subarray(12, 12 + octets.length)]).toEqual(octets);
      expect(readMessage(reply).answer.map((found) => found.rdata)).toEqual([rdata]);
    },
  );

  test("row 15: only ASCII letters are folded", () => {
    expect(replyTo(buildQuery({ name: "high\\232label.example.test." })).rcode).toBe(3);
    expect(replyTo(buildQuery({ name: "odd.label.example.test." })).rcode).toBe(3);
  });

  test("row 16: QTYPE 0, 65535 and unknown: NODATA", () => {
    for (const type of [0, 41, 54, 128, 249, 250, 256, 4711, 65_280, 65_535]) {
      const reply = replyTo(buildQuery({ name: "www.example.test.", type }));
      expect([reply.rcode, reply.answer.length, reply.authority[0]?.type], `type ${type}`).toEqual([0, 0, 6]);
      expect(reply.authority[0]!.ttl).toBe(60);
    }
  });

  test("row 17: AXFR, IXFR, MAILA and MAILB: REFUSED", () => {
    for (const type of ["AXFR", "IXFR", "MAILA", "MAILB"]) {
      expect(refusalOf(buildQuery({ name: "example.test.", type })), type).toBe(REFUSED);
    }
  });

  test("row 18: ANY: one RRset", () => {
    const reply = replyTo(buildQuery({ name: "www.example.test.", type: "ANY" }));
    expect(reply.rcode).toBe(0);
    expect(new Set(reply.answer.map((found) => found.type)).size).toBe(1);
    expect(replyTo(buildQuery({ name: "b.between.example.test.", type: "ANY" })).answer).toEqual([]);
    expect(replyTo(buildQuery({ name: "absent.example.test.", type: "ANY" })).rcode).toBe(3);
  });

  test("row 19: out of zone: REFUSED with EDE 20, and no upward referral", () => {
    for (const name of [".", "test.", "other.test.", "xexample.test.", "example.test.invalid."]) {
      expect(refusalOf(buildQuery({ name })), name).toBe(REFUSED);
      const reply = replyTo(buildQuery({ name, edns: {} }));
      expect(reply.rcode).toBe(REFUSED);
      expect(reply.aa).toBe(false);
      expect(reply.opt!.options.map((option) => [option.code, ...option.data])).toEqual([[15, 0, 20]]);
    }
  });

  test("row 20: class other than IN: REFUSED, also version.bind and id.server", () => {
    for (const recordClass of [0, 2, 3, 4, 254, 255, 65_535]) {
      expect(refusalOf(buildQuery({ name: "www.example.test.", class: recordClass }))).toBe(REFUSED);
    }
    for (const name of ["version.bind.", "id.server.", "hostname.bind.", "version.server."]) {
      expect(refusalOf(buildQuery({ name, type: "TXT", class: 3 }))).toBe(REFUSED);
    }
  });

  test("row 21: an empty non-terminal: NODATA, not NXDOMAIN", () => {
    for (const name of ["between.example.test.", "b.between.example.test."]) {
      const reply = replyTo(buildQuery({ name }));
      expect([reply.rcode, reply.aa, reply.answer.length, reply.authority[0]!.type]).toEqual([
        0,
        true,
        0,
        TYPES.SOA,
      ]);
    }
    expect(replyTo(buildQuery({ name: "c.between.example.test." })).rcode).toBe(3);
  });

  test("row 22: a CNAME loop ends with what was found, each record once", () => {
    const loop = replyTo(buildQuery({ name: "loop1.example.test.", edns: {} }));
    expect(loop.rcode).toBe(0);
    expect(loop.answer.map((found) => found.owner)).toEqual(["loop1.example.test.", "loop2.example.test."]);
    const self = replyTo(buildQuery({ name: "self.example.test." }));
    expect(self.answer.map((found) => found.owner)).toEqual(["self.example.test."]);
  });

  test("row 22: a chain is followed for at most 16 steps", () => {
    const packet = buildQuery({ name: "chain0.example.test." });
    const reply = replyTo(packet, { tcp: true });
    expect(reply.rcode).toBe(0);
    expect(reply.answer.map((found) => found.type)).toEqual(new Array(16).fill(TYPES.CNAME));
    const short = replyTo(buildQuery({ name: "chain5.example.test." }), { tcp: true });
    expect(short.answer.map((found) => found.type)).toEqual([...new Array(15).fill(TYPES.CNAME), TYPES.A]);
  });

  test("row 23: source ports of services that answer anything: dropped and counted", () => {
    const sent: number[] = [];
    const counters = allocateCounters();
    const plane = {
      client: createClient(),
      clockS: new Uint32Array(1),
      counters,
      answer: () => 12,
      log: () => {},
    };
    const socket = {
      getSendQueueCount: () => 0,
      send: (_octets: Uint8Array, _offset: number, _length: number, port: number) => sent.push(port),
    } as unknown as Socket;
    const out = new Uint8Array(512);
    const receiver = { plane, socket, out, outView: viewOf(out), afterSend: () => {} };
    const packet = buildQuery({ name: "www.example.test." });
    for (const port of [0, 7, 13, 17, 19, 37, 1, 36, 38, 53, 1024, 65_535]) {
      receive(receiver, packet, { address: "192.0.2.9", family: "IPv4", port, size: packet.length });
    }
    expect(sent).toEqual([1, 36, 38, 53, 1024, 65_535]);
    expect(counters[COUNTER_DROPPED_PORT]).toBe(6);
  });

  test("row 24: an answer over the UDP limit: TC, cut at an RRset, OPT kept", () => {
    for (const [udpSize, limit] of [
      [undefined, 512],
      [512, 512],
      [513, 513],
      [900, 900],
      [1232, 1232],
      [4096, 1232],
      [65_535, 1232],
    ] as const) {
      const edns = udpSize === undefined ? undefined : { udpSize };
      for (const [name, type] of [
        ["large.example.test.", "TXT"],
        ["many.example.test.", "A"],
        ["sub.example.test.", "A"],
      ] as const) {
        const packet = buildQuery({ name, type, edns });
        const octets = server.ask(packet)!;
        expect(octets.length).toBeLessThanOrEqual(limit);
        const reply = replyTo(packet);
        const whole = replyTo(packet, { tcp: true });
        const total = whole.answer.length + whole.authority.length + whole.additional.length;
        const given = reply.answer.length + reply.authority.length + reply.additional.length;
        expect(reply.tc, `${name} at ${limit}`).toBe(given < total);
        expect(reply.opt === null).toBe(udpSize === undefined);
        expect([0, whole.answer.length]).toContain(reply.answer.length);
        expect([0, whole.authority.length]).toContain(reply.authority.length);
      }
    }
  });

  test("row 24: in-domain glue that does not fit sets TC (RFC 9471)", () => {
    const packet = buildQuery({ name: "www.sub.example.test.", edns: { udpSize: 512 } });
    const reply = replyTo(packet);
    expect(reply.additional.length).toBeLessThan(12);
    expect(reply.tc).toBe(true);
    const whole = replyTo(packet, { tcp: true });
    expect([whole.tc, whole.authority.length, whole.additional.length]).toEqual([false, 12, 12]);
  });

  test("row 24: over TCP an answer has up to 65,535 octets", () => {
    const reply = server.ask(buildQuery({ name: "large.example.test.", type: "TXT" }), { tcp: true })!;
    expect(reply.length).toBeGreaterThan(20_000);
    expect(readMessage(reply).answer).toHaveLength(100);
    expect(readMessage(reply).tc).toBe(false);
  });
});
