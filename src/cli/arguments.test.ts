import { describe, expect, test } from "vitest";
import {
  addressOption,
  formatAddress,
  parseAddress,
  parsePrefix,
  portOption,
  prefixOption,
  serverOption,
} from "./arguments.ts";
import { UsageError } from "./command.ts";

describe("addresses", () => {
  test.each([
    ["192.0.2.1", 4, "192.0.2.1"],
    ["2001:DB8:0::1", 6, "2001:db8::1"],
    ["[::1]", 6, "::1"],
    ["::ffff:192.0.2.1", 6, "::ffff:c000:201"],
  ])("%s is read", (text, family, written) => {
    const address = parseAddress(text)!;
    expect(address.family).toBe(family);
    expect(address.octets).toHaveLength(family === 4 ? 4 : 16);
    expect(formatAddress(address.octets)).toBe(written);
  });

  test.each([
    "",
    "1.2.3",
    "010.1.1.1",
    "256.1.1.1",
    "fe80::1%eth0",
    "example.com",
    "1.2.3.4/8",
    "0x7f.1.1.1",
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeNull();
    expect(() => addressOption("client", text)).toThrow(UsageError);
  });
});

describe("prefixes", () => {
  test.each([
    ["192.0.2.129/25", "192.0.2.128", 25],
    ["192.0.2.255/9", "192.0.0.0", 9],
    ["192.0.2.1/0", "0.0.0.0", 0],
    ["192.0.2.1", "192.0.2.1", 32],
    ["2001:db8:ffff:ffff::1/36", "2001:db8:f000::", 36],
    ["2001:db8::1", "2001:db8::1", 128],
  ])("%s", (text, address, bits) => {
    const prefix = parsePrefix(text)!;
    expect([formatAddress(prefix.octets), prefix.bits]).toEqual([address, bits]);
  });

  test.each(["192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/-1", "x/8", "/8", "1.2.3.4/8/8"])(
    "%j is none",
    (text) => {
      expect(parsePrefix(text)).toBeNull();
      expect(() => prefixOption("subnet", text)).toThrow(`--subnet: "${text}" is not an address or a prefix`);
    },
  );
});

describe("servers", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1", 53],
    ["127.0.0.1:5300", "127.0.0.1", 5300],
    ["127.0.0.1#5300", "127.0.0.1", 5300],
    ["::1", "::1", 53],
    ["[::1]:5300", "::1", 5300],
    ["::1#5300", "::1", 5300],
  ])("%s", (text, host, port) => {
    expect(serverOption(text)).toEqual({ host, port });
  });

  test.each(["localhost", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:", "#53", ":53"])(
    "%j is none",
    (text) => {
      expect(() => serverOption(text)).toThrow(UsageError);
    },
  );
});

test("ports are whole numbers up to 65535", () => {
  expect(portOption("port", 65535)).toBe(65535);
  for (const value of [-1, 65536, 1.5, Number.NaN]) expect(() => portOption("port", value)).toThrow("--port");
});
