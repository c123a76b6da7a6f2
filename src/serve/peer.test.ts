import { describe, expect, it } from "vitest";
import { createClient } from "../policy/client.ts";
import { setResolver } from "./peer.ts";

function read(family: string, address: string): { family: number; resolver: number; hex: string } {
  const client = createClient();
  client.resolverAddress.fill(0xee);
  const result = setResolver(client, family, address);
  return {
    family: result,
    resolver: client.resolverFamily,
    hex: Buffer.from(client.resolverAddress).toString("hex"),
  };
}

describe("setResolver", () => {
  it.each([
    ["0.0.0.0", "00000000"],
    ["127.0.0.1", "7f000001"],
    ["255.255.255.255", "ffffffff"],
    ["198.51.100.7", "c6336407"],
  ])("reads IPv4 %s", (text, hex) => {
    expect(read("IPv4", text)).toEqual({ family: 4, resolver: 4, hex: hex.padEnd(32, "0") });
  });

  it.each([
    ["::", "0".repeat(32)],
    ["::1", "1".padStart(32, "0")],
    ["2001:db8::", "20010db8".padEnd(32, "0")],
    ["2001:db8::1:2", `20010db8${"0".repeat(16)}00010002`],
    ["2001:db8:1:2:3:4:5:6", "20010db8000100020003000400050006"],
    ["fe80::a:B%eth0", `fe80${"0".repeat(20)}000a000b`],
    ["::ffff:198.51.100.7", `${"0".repeat(20)}ffffc6336407`],
    ["64:ff9b::192.0.2.1%lo", `0064ff9b${"0".repeat(16)}c0000201`],
    ["1::2:3:4:5:6:7", "00010000000200030004000500060007"],
  ])("reads IPv6 %s", (text, hex) => {
    expect(read("IPv6", text)).toEqual({ family: 6, resolver: 6, hex });
  });

  it.each([
    ["IPv4", ""],
    ["IPv4", "1.2.3"],
    ["IPv4", "1.2.3.4.5"],
    ["IPv4", "1.2.3.256"],
    ["IPv4", "1..2.3"],
    ["IPv4", "a.b.c.d"],
    ["IPv6", ""],
    ["IPv6", "1"],
    ["IPv6", ":1::"],
    ["IPv6", "1:2:3:4:5:6:7:"],
    ["IPv6", "1:2:3:4:5:6:7"],
    ["IPv6", "1:2:3:4:5:6:7:8:9"],
    ["IPv6", "::1::2"],
    ["IPv6", "12345::"],
    ["IPv6", "1:2:3:4:5:6:7:1.2.3.4"],
    ["IPv6", "::1.2.3"],
    ["IPv6", "::g"],
    ["IPv6", "1::2:3:4:5:6:7:8"],
  ])("refuses %s %j and leaves 0.0.0.0", (family, text) => {
    expect(read(family, text)).toEqual({ family: 0, resolver: 4, hex: "0".repeat(32) });
  });
});
