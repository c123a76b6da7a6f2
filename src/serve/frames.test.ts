import { describe, expect, it } from "vitest";
import { createFrameReader, FRAME_BAD, FRAME_NONE, feed, hasPartial, nextFrame } from "./frames.ts";

function frame(length: number, fill: number): Uint8Array {
  const octets = new Uint8Array(length + 2).fill(fill);
  octets[0] = length >> 8;
  octets[1] = length & 255;
  return octets;
}

/** Feeds the stream cut at the given places; returns the messages as [length, octet] pairs. */
function readCut(stream: Uint8Array, cuts: number[]): [number, number][] {
  const reader = createFrameReader();
  const found: [number, number][] = [];
  const places = [0, ...cuts, stream.length];
  for (let i = 0; i + 1 < places.length; i++) {
    feed(reader, stream.subarray(places[i], places[i + 1]));
    for (let length = nextFrame(reader); length !== FRAME_NONE; length = nextFrame(reader)) {
      if (length === FRAME_BAD) return [...found, [FRAME_BAD, 0]];
      expect(reader.message.length).toBe(length);
      expect(reader.message.every((octet) => octet === reader.message[0])).toBe(true);
      found.push([length, reader.message[0]!]);
    }
  }
  return found;
}

describe("frames", () => {
  const stream = Buffer.concat([frame(12, 1), frame(40, 2), frame(700, 3), frame(13, 4)]);
  const whole: [number, number][] = [
    [12, 1],
    [40, 2],
    [700, 3],
    [13, 4],
  ];

  it("finds pipelined messages in one chunk", () => {
    expect(readCut(stream, [])).toEqual(whole);
  });

  it("finds the same messages wherever the stream is cut once", () => {
    for (let cut = 1; cut < stream.length; cut++) expect(readCut(stream, [cut]), `cut ${cut}`).toEqual(whole);
  });

  it("finds the same messages octet by octet", () => {
    const cuts = Array.from({ length: stream.length - 1 }, (_, i) => i + 1);
    expect(readCut(stream, cuts)).toEqual(whole);
  });

  it("reads the longest message, and lets its buffer go", () => {
    const reader = createFrameReader();
    const long = frame(65535, 9);
    feed(reader, long.subarray(0, 60000));
    expect(nextFrame(reader)).toBe(FRAME_NONE);
    feed(reader, long.subarray(60000));
    expect(nextFrame(reader)).toBe(65535);
    expect(reader.partial.length).toBe(0);
  });

  it("announcing 65,535 octets reserves no memory for them", () => {
    const reader = createFrameReader();
    feed(reader, frame(65535, 9).subarray(0, 3));
    expect(nextFrame(reader)).toBe(FRAME_NONE);
    expect(hasPartial(reader)).toBe(true);
    expect(reader.partial.length).toBe(512);
  });

  it.each([0, 1, 11])("length %i is bad, in one piece or cut", (length) => {
    const bad = Buffer.concat([frame(12, 1), frame(length, 0), frame(12, 2)]);
    expect(readCut(bad, [])).toEqual([
      [12, 1],
      [FRAME_BAD, 0],
    ]);
    expect(readCut(bad, [15])).toEqual([
      [12, 1],
      [FRAME_BAD, 0],
    ]);
  });
});
