import { describe, expect, it } from "vitest";
import { clearHostBits, formatPrefix, parseAddress } from "./prefix.ts";
import { EMBEDDED_BLOCKS, findBlock, isWithin, SPECIAL_BLOCKS } from "./special.ts";

describe("special-purpose blocks", () => {
  it("are canonical, sorted, apart from each other, and name their RFC", () => {
    for (const blocks of [SPECIAL_BLOCKS[4], SPECIAL_BLOCKS[6], EMBEDDED_BLOCKS]) {
      for (const block of blocks) {
        expect(formatPrefix(clearHostBits(block))).toBe(formatPrefix(block));
        expect(block.source).toMatch(/^RFC \d+/);
      }
    }
    for (const blocks of [SPECIAL_BLOCKS[4], [...SPECIAL_BLOCKS[6], ...EMBEDDED_BLOCKS]]) {
      for (const a of blocks) {
        for (const b of blocks)
          if (a !== b) expect(isWithin(a.octets, b), `${formatPrefix(a)} in ${formatPrefix(b)}`).toBe(false);
      }
    }
  });

  it.each([
    ["0.1.2.3", "0.0.0.0/8"],
    ["10.255.255.255", "10.0.0.0/8"],
    ["100.127.255.255", "100.64.0.0/10"],
    ["127.0.0.1", "127.0.0.0/8"],
    ["169.254.169.254", "169.254.0.0/16"],
    ["172.31.255.255", "172.16.0.0/12"],
    ["192.0.0.8", "192.0.0.0/24"],
    ["192.0.2.7", "192.0.2.0/24"],
    ["192.88.99.1", "192.88.99.0/24"],
    ["192.168.1.1", "192.168.0.0/16"],
    ["198.19.255.255", "198.18.0.0/15"],
    ["198.51.100.1", "198.51.100.0/24"],
    ["203.0.113.255", "203.0.113.0/24"],
    ["239.1.2.3", "224.0.0.0/4"],
    ["255.255.255.255", "240.0.0.0/4"],
    ["::", "::/128"],
    ["::1", "::1/128"],
    ["100::1", "100::/64"],
    ["64:ff9b:1:ffff::", "64:ff9b:1::/48"],
    ["2001:0:1::", "2001::/23"],
    ["2001:db8::1", "2001:db8::/32"],
    ["3fff:fff::", "3fff::/20"],
    ["fd00::1", "fc00::/7"],
    ["fe80::1", "fe80::/10"],
    ["ff02::1", "ff00::/8"],
  ])("%s lies in %s", (text, prefix) => {
    const address = parseAddress(text)!;
    expect(formatPrefix(findBlock(SPECIAL_BLOCKS[address.family], address.octets)!)).toBe(prefix);
  });

  it.each([
    "9.255.255.255",
    "11.0.0.0",
    "100.128.0.0",
    "172.32.0.0",
    "192.0.1.0",
    "198.20.0.0",
    "223.255.255.255",
  ])("%s lies in none", (text) =>
    expect(findBlock(SPECIAL_BLOCKS[4], parseAddress(text)!.octets)).toBeNull(),
  );

  it.each(["::2", "100:0:0:2::", "2001:200::", "2001:db9::", "fec0::", "2a00::1", "3fff:1000::"])(
    "%s lies in none",
    (text) => expect(findBlock(SPECIAL_BLOCKS[6], parseAddress(text)!.octets)).toBeNull(),
  );
});
