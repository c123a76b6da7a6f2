import { expect, it } from "vitest";
import { createName, LOWER, lowerWord, nameLength, setName } from "./name.ts";

const wire = (...labels: number[][]) =>
  Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0]);

it("lowers every octet in every place of a word, and no other (RFC 4343 section 3)", () => {
  for (let octet = 0; octet < 256; octet++) {
    for (const beside of [0, 0x40, 0x41, 0x5a, 0x5b, 0x7f, 0x80, 0xff]) {
      for (let shift = 0; shift < 32; shift += 8) {
        const others = (beside * 0x01010101) & ~(0xff << shift);
        const lower = lowerWord(others | (octet << shift));
        expect((lower >>> shift) & 255).toBe(LOWER[octet]);
      }
    }
  }
});

it("gives names that count hashes of their own", () => {
  const name = createName();
  const hashesOf = (label: (i: number) => string): number => {
    const hashes = new Set<number>();
    for (let i = 0; i < 100_000; i++) {
      setName(name, wire([...Buffer.from(label(i))], [...Buffer.from("example")]), 0);
      hashes.add(name.hashes[0]!);
    }
    return hashes.size;
  };
  // Of 100,000 random words of 32 bits, one pair is equal.
  expect(hashesOf((i) => `host-${String(i).padStart(7, "0")}`)).toBeGreaterThan(99_950);
  expect(hashesOf((i) => i.toString(16).padStart(8, "0"))).toBeGreaterThan(99_950);
  expect(hashesOf((i) => `ip-10-${i >> 16}-${(i >> 8) & 255}-${i & 255}`)).toBeGreaterThan(99_950);
  const reverse = (digits: string) =>
    wire(...[...digits].map((digit) => [digit.charCodeAt(0)]), [...Buffer.from("ip6")]);
  const hashes = new Set<number>();
  for (let i = 0; i < 100_000; i++) {
    setName(name, reverse([...(i * 4096).toString(16).padStart(20, "0")].reverse().join("")), 0);
    hashes.add(name.hashes[0]!);
  }
  expect(hashes.size).toBeGreaterThan(99_950);
});

it("takes names apart: labels of any length, hashes that depend on length, order and every octet", () => {
  const name = createName();
  const hashes = new Set<number>();
  for (let size = 1; size <= 63; size++) {
    const label = Array<number>(size).fill(0x61);
    setName(name, Uint8Array.from([9, ...wire(label, [0x42])]), 1);
    expect(name).toMatchObject({ labelCount: 2, length: size + 4 });
    expect([...name.lower.subarray(0, name.length)]).toEqual([...wire(label, [0x62])]);
    expect([...name.labelOffsets.subarray(0, 3)]).toEqual([0, size + 1, size + 3]);
    hashes.add(name.hashes[0]!);
    for (let place = 0; place < size; place++) {
      setName(name, wire(label.with(place, 0x7a), [0x42]), 0);
      hashes.add(name.hashes[0]!);
    }
  }
  expect(hashes.size).toBe(63 + (63 * 64) / 2);
  const swapped = [wire([1], [2]), wire([2], [1])].map((octets) => {
    setName(name, octets, 0);
    return name.hashes[0];
  });
  expect(swapped[0]).not.toBe(swapped[1]);
});

it("measures names", () => {
  expect(nameLength(Uint8Array.of(0), 0)).toBe(1);
  expect(nameLength(Uint8Array.of(7, ...wire([1, 2], [3])), 1)).toBe(6);
});
