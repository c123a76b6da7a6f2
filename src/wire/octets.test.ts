import { expect, it } from "vitest";
import { copyOctets, equalOctets, viewOf } from "./octets.ts";

const octets = Uint8Array.from({ length: 40 }, (_, i) => i);

it("copies any length from and to any offset, and nothing beside it", () => {
  for (let length = 0; length < 13; length++) {
    const to = new Uint8Array(32).fill(255);
    expect(copyOctets(viewOf(octets), 3, length, viewOf(to), 5)).toBe(5 + length);
    expect([...to.subarray(5, 5 + length)]).toEqual([...octets.subarray(3, 3 + length)]);
    expect([...to.subarray(0, 5), ...to.subarray(5 + length)].every((octet) => octet === 255)).toBe(true);
  }
});

it("sees a difference in each place, and none behind the end", () => {
  for (let length = 0; length < 13; length++) {
    const other = octets.slice();
    other[7 + length] = 255;
    expect(equalOctets(viewOf(octets), 7, viewOf(other), 7, length)).toBe(true);
    for (let i = 0; i < length; i++) {
      const changed = octets.slice();
      changed[7 + i] = 255;
      expect(equalOctets(viewOf(octets), 7, viewOf(changed), 7, length)).toBe(false);
    }
  }
});

it("a view covers just the octets of its array", () => {
  const view = viewOf(octets.subarray(4, 9));
  expect(view.byteLength).toBe(5);
  expect(view.getUint8(0)).toBe(4);
});
