import { beforeAll, describe, expect, test } from "vitest";
import { type InProcess, serveFiles } from "../support/in-process.ts";
import { type Message, readMessage } from "../support/message.ts";
import { buildQuery, type EdnsParts, ecsOption, type OptionOctets, optRecord } from "../support/packet.ts";
import { decodePacket } from "../support/second-opinion.ts";

const ZONE = `
@ 300 IN SOA ns1 hostmaster 1 3600 600 86400 60
@ 300 IN NS ns1
ns1 300 IN A 192.0.2.53
static 300 IN A 192.0.2.1
alias 300 IN CNAME static
sub 300 IN NS ns.sub
ns.sub 300 IN A 192.0.2.54
`;

const POLICY = `
ttl: 30
pools:
  us: {endpoints: [203.0.113.1]}
  eu: {endpoints: [203.0.113.2]}
  office: {endpoints: [203.0.113.3]}
records:
  www: {policy: {subnets: {198.51.100.0/24: eu, 10.1.0.0/16: office, "2001:db8:1::/48": eu, default: us}}}
  plain: {policy: us}
  deaf: {policy: {subnets: {198.51.100.0/24: eu, default: us}}, ecs: false}
`;

let server: InProcess;
beforeAll(() => {
  server = serveFiles({ "example.test.zone": ZONE, "example.test.yaml": POLICY });
});

const FORMERR = 1;
const REFUSED = 5;
const BADVERS = 16;
const US = "cb007101";
const EU = "cb007102";
const OFFICE = "cb007103";

function ask(
  edns: EdnsParts | undefined,
  name = "static",
  how: { type?: string; resolver?: string } = {},
): Message {
  const packet = buildQuery({ name: `${name}.example.test.`, type: how.type ?? "A", edns });
  const reply = server.ask(packet, how.resolver === undefined ? {} : { resolver: how.resolver });
  expect(reply, "a reply").not.toBeNull();
  decodePacket(reply!);
  return readMessage(reply!);
}

const withOptions = (...options: OptionOctets[]): EdnsParts => ({ options });
const optionsOf = (reply: Message): number[][] =>
  reply.opt!.options.map((option) => [option.code, ...option.data]);
const rdataOf = (reply: Message): string[] => reply.answer.map((found) => found.rdata);

describe("EDNS", () => {
  test("row 25: version 1 and above: BADVERS with OPT of version 0, and no answer", () => {
    for (const version of [1, 2, 100, 255]) {
      const reply = ask({ version });
      expect(reply.rcode, `version ${version}`).toBe(BADVERS);
      expect(reply.opt).toMatchObject({ version: 0, udpSize: 1232, options: [] });
      expect(reply.answer).toEqual([]);
    }
    expect(ask({ version: 0 }).rcode).toBe(0);
  });

  test("row 26: two OPTs: FORMERR", () => {
    const twice = [optRecord({}), optRecord({})];
    const reply = readMessage(server.ask(buildQuery({ name: "static.example.test.", additional: twice }))!);
    expect(reply.rcode).toBe(FORMERR);
    expect(reply.answer).toEqual([]);
  });

  test("row 27: an OPT that the root does not own: FORMERR", () => {
    expect(ask({ owner: [1, 0x61, 0] }).rcode).toBe(FORMERR);
    expect(ask({ owner: [0xc0, 12] }).rcode).toBe(FORMERR);
  });

  test("row 28: a payload size below 512 counts as 512; ours is announced", () => {
    for (const udpSize of [0, 1, 511, 512, 4096, 65_535]) {
      const reply = ask({ udpSize });
      expect([reply.rcode, reply.answer.length, reply.opt!.udpSize], `size ${udpSize}`).toEqual([0, 1, 1232]);
    }
  });

  test("row 29: an option that overruns the RDATA: FORMERR", () => {
    expect(ask({ rdata: [0, 100, 0, 5, 1, 2, 3, 4] }).rcode).toBe(FORMERR);
    expect(ask({ rdata: [0, 100, 0xff, 0xff] }).rcode).toBe(FORMERR);
    for (let length = 1; length < 4; length++) {
      expect(ask({ rdata: [0, 100, 0].slice(0, length) }).rcode, `${length} octets`).toBe(FORMERR);
    }
    expect(ask({ rdata: [0, 100, 0, 4, 1, 2, 3, 4] }).rcode).toBe(0);
    expect(ask({ rdlength: 40 }).rcode).toBe(FORMERR);
  });

  test("row 30: unknown options and flags are ignored and not repeated; DO is copied", () => {
    const reply = ask({
      options: [
        { code: 65_001, data: [1, 2] },
        { code: 100, data: [] },
      ],
      z: 0x7fff,
    });
    expect([reply.rcode, reply.answer.length, reply.opt!.flags]).toEqual([0, 1, 0]);
    expect(optionsOf(reply)).toEqual([]);
    expect(ask({ dnssecOk: true }).opt!.flags).toBe(0x8000);
  });

  test("row 31: NSID is not given out", () => {
    expect(optionsOf(ask(withOptions({ code: 3, data: [] })))).toEqual([]);
  });

  test("row 32: a COOKIE of a wrong length: FORMERR; of a right one: answered", () => {
    for (let length = 0; length <= 48; length++) {
      const valid = length === 8 || (length >= 16 && length <= 40);
      const reply = ask(withOptions({ code: 10, data: new Array(length).fill(0x5a) }));
      expect(reply.rcode, `${length} octets`).toBe(valid ? 0 : FORMERR);
    }
  });

  test("no OPT in the query, none in the reply", () => {
    expect(ask(undefined).opt).toBeNull();
  });
});

describe("client subnet", () => {
  test.each<[string, number[]]>([
    ["no octet at all", []],
    ["three octets", [0, 1, 24]],
    ["an unknown family", [0, 3, 24, 0, 192, 0, 2]],
    ["family 0 with a prefix", [0, 0, 8, 0, 10]],
    ["SOURCE over 32 for IPv4", [0, 1, 33, 0, 192, 0, 2, 1, 0]],
    ["SOURCE over 128 for IPv6", [0, 2, 129, 0, ...new Array<number>(17).fill(0)]],
    ["a SCOPE that is not zero", [0, 1, 24, 1, 192, 0, 2]],
    ["one octet too few", [0, 1, 24, 0, 192, 0]],
    ["one octet too many", [0, 1, 24, 0, 192, 0, 2, 0]],
    ["a bit beyond SOURCE", [0, 1, 23, 0, 192, 0, 3]],
    ["bits beyond SOURCE in IPv6", [0, 2, 44, 0, 0x20, 1, 0x0d, 0xb8, 0, 0x1f]],
  ])("row 33: %s: FORMERR, without the option", (_, data) => {
    const reply = ask(withOptions({ code: 8, data }), "www");
    expect([reply.rcode, reply.answer.length, optionsOf(reply)]).toEqual([FORMERR, 0, []]);
  });

  test("row 33: the option twice: FORMERR", () => {
    expect(ask(withOptions(ecsOption("192.0.2.0/24"), ecsOption("192.0.2.0/24")), "www").rcode).toBe(FORMERR);
  });

  test("row 33: family 0 with /0 is taken for no address", () => {
    const reply = ask(withOptions({ code: 8, data: [0, 0, 0, 0] }), "www");
    expect([reply.rcode, rdataOf(reply)]).toEqual([0, [US]]);
    expect(optionsOf(reply)).toEqual([[8, 0, 0, 0, 0]]);
  });

  test.each([
    ["0.0.0.0/0", [8, 0, 1, 0, 0]],
    ["::/0", [8, 0, 2, 0, 0]],
  ])("row 34: %s: the resolver's address is the client, scope 0", (prefix, echoed) => {
    const european = ask(withOptions(ecsOption(prefix)), "www", { resolver: "198.51.100.9" });
    expect(rdataOf(european)).toEqual([EU]);
    expect(optionsOf(european)).toEqual([echoed]);
    expect(rdataOf(ask(withOptions(ecsOption(prefix)), "www", { resolver: "192.88.98.9" }))).toEqual([US]);
  });

  test("row 35: a private ADDRESS that `subnets` covers applies, with its tile", () => {
    const reply = ask(withOptions(ecsOption("10.1.2.0/24")), "www", { resolver: "198.51.100.9" });
    expect(rdataOf(reply)).toEqual([OFFICE]);
    expect(optionsOf(reply)).toEqual([[8, 0, 1, 24, 16, 10, 1, 2]]);
  });

  test.each([
    ["10.2.3.0/24", [8, 0, 1, 24], 15],
    ["127.0.0.0/8", [8, 0, 1, 8], 8],
    ["192.168.1.0/24", [8, 0, 1, 24], 16],
    ["fd00:1::/32", [8, 0, 2, 32], 7],
  ])(
    "row 35: %s that nothing covers: the resolver's address counts, scope within that block",
    (prefix, head, least) => {
      const reply = ask(withOptions(ecsOption(prefix)), "www", { resolver: "198.51.100.9" });
      expect(rdataOf(reply)).toEqual([EU]);
      const [option] = optionsOf(reply);
      expect(option!.slice(0, 4)).toEqual(head);
      expect(option![4]).toBeGreaterThanOrEqual(least);
    },
  );

  test("row 36: the option is repeated with its tile where the answer depends on it", () => {
    const inside = ask(withOptions(ecsOption("198.51.100.0/24")), "www");
    expect([rdataOf(inside), optionsOf(inside)]).toEqual([[EU], [[8, 0, 1, 24, 24, 198, 51, 100]]]);
    const wide = ask(withOptions(ecsOption("2001:db8:1:2::/56")), "www", { type: "AAAA" });
    expect(optionsOf(wide)[0]!.slice(0, 4)).toEqual([8, 0, 2, 56]);
  });

  test.each([
    ["static data", "static", "A", 0],
    ["an alias to static data", "alias", "A", 0],
    ["NODATA", "static", "TXT", 0],
    ["NXDOMAIN", "absent", "A", 3],
    ["a referral", "host.sub", "A", 0],
    ["NODATA at a dynamic name", "www", "TXT", 0],
    ["no address of the family", "www", "AAAA", 0],
    ["a record that does not depend on the client", "plain", "A", 0],
    ["a record with `ecs: false`", "deaf", "A", 0],
  ])("row 36: %s: the option is repeated with scope 0", (_, name, type, rcode) => {
    const reply = ask(withOptions(ecsOption("198.51.100.0/24")), name, { type });
    expect(reply.rcode).toBe(rcode);
    expect(optionsOf(reply)).toEqual([[8, 0, 1, 24, 0, 198, 51, 100]]);
  });

  test("row 36: a refusal repeats the option with scope 0, beside the extended error", () => {
    const packet = buildQuery({ name: "other.invalid.", edns: withOptions(ecsOption("198.51.100.0/24")) });
    const reply = readMessage(server.ask(packet)!);
    expect(reply.rcode).toBe(REFUSED);
    expect(optionsOf(reply)).toEqual([
      [8, 0, 1, 24, 0, 198, 51, 100],
      [15, 0, 20],
    ]);
  });

  test("row 36: FORMERR does not repeat it", () => {
    const packet = buildQuery({
      name: "static.example.test.",
      edns: withOptions(ecsOption("198.51.100.0/24"), { code: 10, data: [1] }),
    });
    const reply = readMessage(server.ask(packet)!);
    expect([reply.rcode, reply.opt === null || reply.opt.options.length]).toEqual([FORMERR, 0]);
  });

  test("no option asked, none returned", () => {
    expect(optionsOf(ask({}, "www"))).toEqual([]);
  });

  test("ecs: false: the resolver's address counts", () => {
    const reply = ask(withOptions(ecsOption("198.51.100.0/24")), "deaf", { resolver: "192.88.98.9" });
    expect(rdataOf(reply)).toEqual([US]);
  });
});
