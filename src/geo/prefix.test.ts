import { describe, expect, it } from "vitest";
import { clearHostBits, formatAddress, formatPrefix, parseAddress, parsePrefix } from "./prefix.ts";

describe("addresses", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8::", "2001:db8::"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["10:0:0:1::", "10:0:0:1::"],
    ["0:0:10:0:0:0:1:0", "0:0:10::1:0"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ])("%s reads and writes as %s (RFC 5952)", (text, canonical) => {
    const parsed = parseAddress(text)!;
    expect(formatAddress(parsed.family, parsed.octets)).toBe(canonical);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4.5",
    "1::2::3",
    ":1",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
  ])("%j is no address", (text) => expect(parseAddress(text)).toBeNull());

  it.each(["1:2:3:4:5:6:7::8", "::1.2.3.4:5", "g::", "12345::", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4"])(
    "%j is no address",
    (text) => expect(parseAddress(text)).toBeNull(),
  );
});

describe("prefixes", () => {
  it.each(["0.0.0.0/0", "198.51.100.0/24", "2001:db8::/32", "::/0", "::1/128"])("%s is canonical", (text) => {
    expect(formatPrefix(clearHostBits(parsePrefix(text)!))).toBe(text);
  });

  it("clears the bits beyond its length", () => {
    expect(formatPrefix(clearHostBits(parsePrefix("198.51.101.7/23")!))).toBe("198.51.100.0/23");
    expect(formatPrefix(clearHostBits(parsePrefix("2001:db8:ffff::1/33")!))).toBe("2001:db8:8000::/33");
  });

  it.each(["198.51.100.0", "198.51.100.0/33", "::/129", "1.2.3.4/", "1.2.3.4/08", "/8", "1.2.3/8"])(
    "%j is no prefix",
    (text) => expect(parsePrefix(text)).toBeNull(),
  );
});
