import { expect, it } from "vitest";
import { decodeRuns, encodeRuns } from "./runs-file.ts";
import type { Steps } from "./steps.ts";

const ipv4: Steps = {
  words: 1,
  count: 3,
  starts: Uint32Array.of(0, 0x0100_0000, 0xffff_ffff),
  values: Int32Array.of(0, 2, 1),
};
const ipv6: Steps = {
  words: 4,
  count: 4,
  starts: Uint32Array.of(
    ...[0, 0, 0, 0],
    ...[0x2001_0db8, 0, 0, 0],
    ...[0x2001_0db8, 0, 0, 0x8000_0001],
    ...[0x2001_0db8, 0xffff_ffff, 7, 0],
  ),
  values: Int32Array.of(1, 0xffff, 3, 0),
};
const offsets = Uint32Array.of(4096, 70_000, 9);

it("runs come back as they were, wherever they lie in an IPv6 address", () => {
  const octets = encodeRuns({ offsets, steps: { 4: ipv4, 6: ipv6 } })!;
  expect(decodeRuns(octets)).toEqual({ offsets, steps: { 4: ipv4, 6: ipv6 } });
});

it("drafts with room to spare are written as far as they count", () => {
  const roomy: Steps = {
    ...ipv4,
    starts: Uint32Array.of(...ipv4.starts, 5),
    values: Int32Array.of(0, 2, 1, 9),
  };
  expect(decodeRuns(encodeRuns({ offsets, steps: { 4: roomy, 6: ipv6 } })!)?.steps[4]).toEqual(ipv4);
});

it("octets of another form or length are not read", () => {
  const octets = encodeRuns({ offsets, steps: { 4: ipv4, 6: ipv6 } })!;
  expect(decodeRuns(octets.slice(0, octets.length - 1))).toBeNull();
  expect(decodeRuns(Uint8Array.of(...octets, 0))).toBeNull();
  expect(decodeRuns(octets.slice(0, 8))).toBeNull();
  expect(decodeRuns(Uint8Array.of(octets[0]! ^ 1, ...octets.subarray(1)))).toBeNull();
});

it("more locations than 16 bits can name are not written", () => {
  const steps = { 4: ipv4, 6: ipv6 };
  expect(encodeRuns({ offsets: new Uint32Array(65_535), steps })).not.toBeNull();
  expect(encodeRuns({ offsets: new Uint32Array(65_536), steps })).toBeNull();
});
