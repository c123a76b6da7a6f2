import dnsPacket, { type SoaAnswer } from "dns-packet";
import { describe, expect, test } from "vitest";
import { serveZones } from "../support/in-process.ts";
import { buildQuery } from "../support/packet.ts";

/** Header, type and class of the question, a compressed owner and fixed fields, and an SOA's numbers. */
const FIXED_OCTETS = 12 + 4 + 2 + 10 + 20;

const zone = (origin: string, mname: string, rname: string) => ({
  origin,
  text: `@ 300 IN SOA ${mname} ${rname} 1 3600 600 86400 60\n@ 300 IN NS ns.example.net.\nhost 300 IN A 192.0.2.1\n`,
});

/** What the reply says, read by other people's decoder, and its length. */
function ask(origin: string, names: [string, string], name: string, type = "A") {
  const { ask: query } = serveZones([zone(origin, ...names)]);
  const reply = Buffer.from(query(buildQuery({ name, type }))!);
  const { authorities = [], rcode } = dnsPacket.decode(reply) as unknown as dnsPacket.Packet & {
    rcode: string;
  };
  const { name: owner, ttl, data } = authorities[0] as SoaAnswer;
  return {
    rcode,
    owner,
    ttl,
    mname: data.mname,
    rname: data.rname,
    serial: data.serial,
    octets: reply.length,
  };
}

describe("the SOA of a negative answer", () => {
  test.each<[string, [string, string], [string, string], number]>([
    ["names in the zone", ["ns1", "host.master"], ["ns1.example.test", "host.master.example.test"], 6 + 14],
    ["the apex itself", ["@", "@"], ["example.test", "example.test"], 2 + 2],
    ["names of others", ["ns.example.net.", "h.example.net."], ["ns.example.net", "h.example.net"], 16 + 4],
    ["one of each", ["ns.example.net.", "h"], ["ns.example.net", "h.example.test"], 16 + 4],
    ["other case", ["NS1.Example.TEST.", "H.EXAMPLE.test."], ["NS1.ExAmple.test", "H.ExAmple.test"], 6 + 4],
    [
      "a longer name that ends alike",
      ["a.xample.test.", "xexample.test."],
      ["a.xample.test", "xexample.test"],
      0,
    ],
  ])("has %s", (_, names, [mname, rname], octets) => {
    const asked = mname.includes("ExAmple") ? "gone.ExAmple.test." : "gone.example.test.";
    for (const [rcode, name, type] of [
      ["NXDOMAIN", asked, "A"],
      ["NOERROR", asked.replace("gone", "host"), "AAAA"],
    ] as const) {
      const reply = ask("example.test.", names, name, type);
      expect(reply).toMatchObject({ rcode, owner: name.slice(5, -1), ttl: 60, mname, rname, serial: 1 });
      if (octets > 0) expect(reply.octets).toBe(FIXED_OCTETS + name.length + 1 + octets);
    }
  });

  test("of a zone that an alias leads to is not QNAME's", () => {
    const { ask: query } = serveZones([
      {
        origin: "a.test.",
        text: "@ 9 IN SOA ns h 1 2 3 4 5\n@ 9 IN NS ns.b.test.\nwww 9 IN CNAME gone.b.test.\n",
      },
      zone("b.test.", "ns", "h"),
    ]);
    const { authorities = [] } = dnsPacket.decode(
      Buffer.from(query(buildQuery({ name: "www.a.test.", type: "A" }))!),
    );
    expect(authorities.map(({ name }) => name)).toEqual(["b.test"]);
    expect((authorities[0] as SoaAnswer).data).toMatchObject({
      mname: "ns.b.test",
      rname: "h.b.test",
    });
  });

  test("sets TC where it does not fit", () => {
    const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(40)}`;
    const { ask: query } = serveZones([zone("example.test.", long, long)]);
    const reply = Buffer.from(query(buildQuery({ name: `${long}.example.test.`, type: "A" }))!);
    expect([reply[2]! & 2, dnsPacket.decode(reply).authorities]).toEqual([2, []]);
  });

  test("of the root", () => {
    expect(ask(".", ["ns", "h"], "gone.")).toMatchObject({
      rcode: "NXDOMAIN",
      owner: ".",
      mname: "ns",
      rname: "h",
    });
  });
});
