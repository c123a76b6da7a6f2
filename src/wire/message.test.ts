import { decode, encode, RECURSION_DESIRED } from "dns-packet";
import { describe, expect, test } from "vitest";
import { parsePrefix } from "../cli/arguments.ts";
import { nameArgument } from "../cli/names.ts";
import { TYPE_AAAA, TYPE_SOA } from "./constants.ts";
import { decodeMessage, encodeQuery } from "./message.ts";
import { formatName } from "./name-text.ts";

describe("encodeQuery, read by another codec", () => {
  test("a question, RD clear, and an OPT record with the subnet", () => {
    const octets = encodeQuery({
      id: 0xabcd,
      name: nameArgument("Www.Example"),
      type: TYPE_AAAA,
      subnet: parsePrefix("193.0.6.129/22"),
    });
    const read = decode(Buffer.from(octets));
    expect(read).toMatchObject({
      id: 0xabcd,
      type: "query",
      questions: [{ name: "Www.Example", type: "AAAA", class: "IN" }],
    });
    expect((read.flags ?? 0) & RECURSION_DESIRED).toBe(0);
    expect(read.additionals?.[0]).toMatchObject({
      type: "OPT",
      udpPayloadSize: 1232,
      options: [{ code: 8, family: 1, sourcePrefixLength: 22, scopePrefixLength: 0, ip: "193.0.4.0" }],
    });
  });

  test("an IPv6 subnet carries only the octets that SOURCE needs", () => {
    const octets = encodeQuery({
      id: 1,
      name: Uint8Array.of(0),
      type: 1,
      subnet: parsePrefix("2001:db8:1::/41"),
    });
    expect(Buffer.from(octets).toString("hex")).toMatch(/0008000a00022900(20010db80000)$/);
  });

  test("no option without a subnet", () => {
    const octets = encodeQuery({ id: 1, name: Uint8Array.of(0), type: 1, subnet: null });
    expect(decode(Buffer.from(octets)).additionals?.[0]).toMatchObject({ options: [] });
  });
});

describe("decodeMessage, written by another codec", () => {
  const response = encode({
    type: "response",
    id: 7,
    flags: 0x0400,
    questions: [{ type: "MX", class: "IN", name: "example.com" }],
    answers: [
      { type: "MX", name: "example.com", ttl: 300, data: { preference: 10, exchange: "mail.example.com" } },
    ],
    authorities: [
      {
        type: "SOA",
        name: "example.com",
        ttl: 0x80000000,
        data: {
          mname: "ns.example.com",
          rname: "host.example.com",
          serial: 1,
          refresh: 2,
          retry: 3,
          expire: 4,
          minimum: 5,
        },
      },
    ],
    additionals: [
      {
        type: "SRV",
        name: "_x._tcp.example.com",
        data: { port: 1, target: "t.example.com", priority: 2, weight: 3 },
      },
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: 1400,
        extendedRcode: 1,
        ednsVersion: 0,
        flags: 0x8000,
        flag_do: true,
        options: [{ code: 15, data: Buffer.from([0, 20]) }],
      },
    ],
  } as never);

  test("sections, names and the OPT record", () => {
    const message = decodeMessage(response)!;
    expect(message).toMatchObject({ id: 7, flags: 0x8400, rcode: 16 });
    expect(message.edns).toEqual({
      version: 0,
      udpSize: 1400,
      dnssecOk: true,
      options: [{ code: 15, data: new Uint8Array([0, 20]) }],
    });
    expect(formatName(message.question!.name, 0)).toBe("example.com.");
    expect(formatName(message.answer[0]!.rdata, 2)).toBe("mail.example.com.");
    expect(message.authority[0]).toMatchObject({ type: TYPE_SOA, ttlSeconds: 0x80000000 });
    expect(formatName(message.authority[0]!.rdata, 16)).toBe("host.example.com.");
    expect(formatName(message.additional[0]!.rdata, 6)).toBe("t.example.com.");
    expect(message.additional).toHaveLength(1);
  });

  test("names that point back are written out whole", () => {
    // Answer owner and MX target both point to the question's name at offset 12.
    const hex = `00078400000100010000000007${Buffer.from("example").toString("hex")}00000f0001c00c000f00010000012c0007000a026d78c00c`;
    const message = decodeMessage(Buffer.from(hex, "hex"))!;
    expect(formatName(message.answer[0]!.owner, 0)).toBe("example.");
    expect(formatName(message.answer[0]!.rdata, 2)).toBe("mx.example.");
  });

  test("cut anywhere it is no message, never an exception", () => {
    for (let length = 0; length < response.length; length++) {
      expect(decodeMessage(response.subarray(0, length))).toBeNull();
    }
  });

  test.each([
    ["a pointer to itself", "c00c"],
    ["a pointer forward", "c020"],
    ["a label type that is not in use", "8001"],
    ["a name without an end", "3f"],
  ])("%s is no message", (_what, name) => {
    const octets = Buffer.from(`000784000001000000000000${name}00010001`, "hex");
    expect(decodeMessage(octets)).toBeNull();
  });

  test("a pointer that ends with the message is no message", () => {
    expect(decodeMessage(Buffer.from("000784000001000000000000c0", "hex"))).toBeNull();
  });

  test("RDATA that is longer than its names is no message", () => {
    const octets = Buffer.from(`000784000000000100000000${"00"}00020001000000000000`, "hex");
    expect(decodeMessage(octets)).toBeNull();
  });
});
