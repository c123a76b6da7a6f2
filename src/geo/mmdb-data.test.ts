import { describe, expect, it } from "vitest";
import {
  createDataReader,
  DataFault,
  enter,
  numberAt,
  readString,
  readValue,
  skipValue,
} from "./mmdb-data.ts";

function reader(...octets: number[]) {
  return createDataReader(Uint8Array.from(octets), 0, octets.length);
}

describe("values of the data section", () => {
  it.each<[string, number[], unknown]>([
    ["a 16-bit number", [0xa2, 1, 2], 258],
    ["a negative 32-bit number", [0x04, 1, 255, 255, 255, 254], -2],
    ["a short signed number is positive", [0x01, 1, 255], 255],
    ["a 64-bit number", [0x03, 2, 1, 0, 0], 65536],
    ["a large 64-bit number", [0x08, 2, 255, 255, 255, 255, 255, 255, 255, 255], 2n ** 64n - 1n],
    ["a 128-bit number", [0x02, 3, 1, 0], 256n],
    ["a float", [0x04, 8, 0x3f, 0xc0, 0, 0], 1.5],
    ["true", [0x01, 7], true],
    ["a pointer", [0x20, 2, 0x41, 0x61], "a"],
    ["a pointer of four octets", [0x38, 0, 0, 0, 5, 0x41, 0x62], "b"],
  ])("%s", (_, octets, value) => expect(readValue(reader(...octets), 0)).toEqual(value));

  it("a pointer with an offset base", () => {
    const octets = new Uint8Array(530_000);
    octets.set([0x28, 0, 0]);
    octets.set([0x41, 0x63], 2048);
    octets.set([0x30, 0, 0, 0], 8);
    octets.set([0x41, 0x64], 526_336);
    const data = createDataReader(octets, 0, octets.length);
    expect(readValue(data, 0)).toBe("c");
    expect(readValue(data, 8)).toBe("d");
  });

  it.each<[string, number[], string]>([
    ["nothing", [], "a value outside the data at 0"],
    ["a cut string", [0x43, 0x61], "a cut value"],
    ["a cut extended type", [0x00], "a cut value"],
    ["a cut size", [0x5e, 0], "a cut value"],
    ["a cut pointer", [0x28, 0], "a cut pointer"],
    ["a pointer to a pointer", [0x20, 2, 0x20, 0], "a pointer to a pointer"],
    ["a pointer out of the section", [0x20, 99], "a value outside the data at 99"],
    ["an unknown type", [0x00, 9], "an unknown type 16"],
    ["an extended type that is none", [0x00, 0], "an unknown type 7"],
    ["a container", [0x00, 5], "a value of type 12"],
    ["a double of four octets", [0x64, 0, 0, 0, 0], "a value of type 3"],
    ["a number of 9 octets", [0xc9, 0, 0, 0, 0, 0, 0, 0, 0, 1], "a value of type 6 with 9 octets"],
    [
      "a 128-bit number of 17 octets",
      [0x11, 3, ...Array<number>(17).fill(1)],
      "a value of type 10 with 17 octets",
    ],
    ["a map with a number for a key", [0xe1, 0xa1, 1, 0xa1, 1], "no string"],
    ["a map that contains itself", [0xe1, 0x41, 0x61, 0x20, 0], "nested deeper"],
    ["a map with more pairs than octets", [0xfd, 0], "a cut value"],
  ])("%s is a fault", (_, octets, message) => {
    expect(() => readValue(reader(...octets), 0)).toThrow(DataFault);
    expect(() => readValue(reader(...octets), 0)).toThrow(message);
  });

  it("containers that share their parts run out of budget, not out of time", () => {
    // Twelve arrays of 28 pointers, each to the next array: 28^12 values.
    const octets: number[] = [];
    for (let level = 0; level < 12; level++) {
      octets.push(28, 4);
      const next = octets.length + 56;
      for (let element = 0; element < 28; element++) octets.push(0x20 | (next >> 8), next & 255);
    }
    octets.push(0x41, 0x61);
    expect(() => readValue(reader(...octets), 0)).toThrow("share their parts");
  });

  it("skips what it does not read", () => {
    const data = reader(0xe2, 0x41, 0x61, 0x02, 4, 0x01, 7, 0x20, 0, 0x41, 0x62, 0xa1, 5, 0x41, 0x7a);
    expect(skipValue(data, 0)).toBe(13);
    expect(readString(data, 13)).toBe("z");
    expect(() =>
      skipValue(reader(...new Array<number>(80).fill(1).map((_, at) => (at % 2 === 0 ? 1 : 4))), 0),
    ).toThrow("nested deeper");
  });

  it("a number that is none is NaN", () => {
    const data = reader(0x41, 0x61, 0x02, 8, 0, 0);
    enter(data, 0);
    expect(numberAt(data)).toBeNaN();
    enter(data, 2);
    expect(numberAt(data)).toBeNaN();
  });
});
