import { describe, expect, test } from "vitest";
import { parseAddress } from "./prefix.ts";
import { refusedBlock } from "./reachable.ts";

const refused = (text: string, allow: string[] = []) => refusedBlock(parseAddress(text)!, allow);

describe("row 64: addresses that a name must not lead to", () => {
  test.each([
    ["169.254.169.254", "169.254.0.0/16, link local, with metadata services"],
    ["fd00:ec2::254", "fc00::/7, unique local, with metadata services"],
    ["fe80::1", "fe80::/10, link local"],
    ["127.0.0.1", "127.0.0.0/8, loopback"],
    ["::1", "::1/128, loopback"],
    ["10.1.2.3", "10.0.0.0/8, private use"],
    ["172.31.255.255", "172.16.0.0/12, private use"],
    ["0.0.0.0", "0.0.0.0/8, this network"],
    ["::ffff:192.0.2.1", "::ffff:0:0/96, IPv4-mapped"],
    ["64:ff9b::169.254.169.254", "169.254.0.0/16, link local, with metadata services"],
    ["2002:a9fe:a9fe::", "169.254.0.0/16, link local, with metadata services"],
  ])("%s", (text, block) => {
    expect(refused(text)).toBe(block);
  });

  test.each(["192.0.2.1", "8.8.8.8", "2001:db8::1", "172.32.0.1", "64:ff9b::8.8.8.8"])(
    "%s is none",
    (text) => {
      expect(refused(text)).toBeNull();
    },
  );

  test("what is allowed is allowed, and no more", () => {
    expect(refused("10.1.2.3", ["10.1.0.0/16"])).toBeNull();
    expect(refused("10.2.2.3", ["10.1.0.0/16"])).toBe("10.0.0.0/8, private use");
    expect(refused("127.0.0.1", ["127.0.0.0/8", "::1/128"])).toBeNull();
    expect(refused("::1", ["127.0.0.0/8"])).toBe("::1/128, loopback");
  });

  test("multicast and the unspecified address are no hosts, whatever is allowed", () => {
    expect(refused("224.0.0.1", ["0.0.0.0/0"])).toBe("224.0.0.0/4, multicast");
    expect(refused("::", ["::/0"])).toBe("::/128, unspecified");
  });
});
