import { describe, expect, it } from "vitest";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address.ts";

function ipv4(text: string): string | false {
  const out = new Uint8Array(6);
  const octets = Buffer.from(`x${text}x`);
  return parseIpv4(octets, 1, text.length + 1, out, 1) && formatIpv4(out, 1);
}

function ipv6(text: string): string | false {
  const out = new Uint8Array(18).fill(0xee);
  const octets = Buffer.from(`x${text}x`);
  if (!parseIpv6(octets, 1, text.length + 1, out, 1)) return false;
  expect([out[0], out[17]]).toEqual([0xee, 0xee]);
  return formatIpv6(out, 1);
}

describe("IPv4", () => {
  it.each(["192.0.2.1", "0.0.0.0", "255.255.255.255", "10.0.200.30"])("%s", (text) => {
    expect(ipv4(text)).toBe(text);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.04",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "1.2.3.a",
    "1.2.3./",
  ])("refuses %j", (text) => {
    expect(ipv4(text)).toBe(false);
  });
});

describe("IPv6 (RFC 4291 section 2.2, RFC 5952)", () => {
  it.each([
    ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["1:2:3::6:7:8", "1:2:3::6:7:8"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
    ["fe80::0001", "fe80::1"],
  ])("%s is %s", (text, shown) => {
    expect(ipv6(text)).toBe(shown);
    expect(ipv6(shown)).toBe(shown);
  });

  it.each([
    "",
    ":",
    ":::",
    "1",
    "1:",
    ":1",
    "1::2::3",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8::",
    "12345::",
    "g::",
    "1::%eth0",
    "::1.2.3",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:8:",
  ])("refuses %j", (text) => {
    expect(ipv6(text)).toBe(false);
  });
});
