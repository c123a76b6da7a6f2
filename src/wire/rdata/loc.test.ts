import { describe, expect, it } from "vitest";
import { TYPE_LOC } from "../constants.ts";
import { formatRdata } from "./format.ts";
import { parseRdata } from "./parse.ts";

function hexOf(text: string): string {
  const rdata = parseRdata(TYPE_LOC, text);
  return rdata instanceof Uint8Array ? Buffer.from(rdata).toString("hex") : `${rdata.word} ${rdata.what}`;
}

function textOf(hex: string): string {
  return formatRdata(TYPE_LOC, Buffer.from(hex, "hex"), 0, hex.length / 2);
}

describe("LOC (RFC 1876)", () => {
  it.each([
    [
      "42 21 54 N 71 06 18 W -24m 30m",
      "0033161389172dd070be15f000988d20",
      "42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m",
    ],
    [
      "42 21 43.952 N 71 5 6.344 W -24m 1m 200m",
      "001224138917069070bf2dd800988d20",
      "42 21 43.952 N 71 5 6.344 W -24.00m 1m 200m 10m",
    ],
    [
      "0 s 0 E -100000",
      "00121613800000008000000000000000",
      "0 0 0.000 N 0 0 0.000 E -100000.00m 1m 10000m 10m",
    ],
  ])("%s", (text, hex, shown) => {
    expect(hexOf(text)).toBe(hex);
    expect(textOf(hex)).toBe(shown);
    expect(hexOf(shown)).toBe(hex);
  });

  it("takes the greatest values", () => {
    const text = "90 N 180 w 42849672.95 90000000.00M 0 0.01m";
    expect(textOf(hexOf(text))).toBe("90 0 0.000 N 180 0 0.000 W 42849672.95m 90000000m 0m 0.01m");
  });

  it("cuts sizes off behind the first digit", () => {
    expect(textOf(hexOf("1 N 1 E 0 35m 199.99 0.09"))).toBe("1 0 0.000 N 1 0 0.000 E 0.00m 30m 100m 0.09m");
  });

  it.each([
    ["", "0 the latitude is missing"],
    ["1", "1 the latitude is missing"],
    ["91 N 0 E 0", '0 "91" does not fit into a latitude'],
    ["90 1 N 0 E 0", '1 "1" does not fit into a latitude'],
    ["1 60 N 0 E 0", '1 "60" does not fit into a latitude'],
    ["1 59 60 N 0 E 0", '2 "60" does not fit into a latitude'],
    ["1 59 59.9999 N 0 E 0", '2 "59.9999" does not fit into a latitude'],
    ["1 59 59.x N 0 E 0", '2 "59.x" does not fit into a latitude'],
    ["1 2 3 4 N 0 E 0", '3 "4" does not fit into a latitude'],
    ["N 0 E 0", '0 "N" does not fit into a latitude'],
    ["1.5 N 0 E 0", '0 "1.5" does not fit into a latitude'],
    ["1 E", '1 "E" does not fit into a latitude'],
    ["1 NN", '1 "NN" does not fit into a latitude'],
    ["1 N 181 E 0", '2 "181" does not fit into a longitude'],
    ["1 N 1 E", "4 the altitude is missing"],
    ["1 N 1 E -100000.01", '4 "-100000.01" is not an altitude'],
    ["1 N 1 E 42849672.96m", '4 "42849672.96m" is not an altitude'],
    ["1 N 1 E high", '4 "high" is not an altitude'],
    ["1 N 1 E 1.234", '4 "1.234" is not an altitude'],
    ["1 N 1 E 0 -1", '5 "-1" is not a size or precision'],
    ["1 N 1 E 0 90000000.01", '5 "90000000.01" is not a size or precision'],
    ["1 N 1 E 0 1 2 3 4", '8 "4" stands behind the RDATA of LOC'],
  ])("refuses %s", (text, fault) => {
    expect(hexOf(text)).toBe(fault);
  });

  it.each([
    ["another version", "01121613800000008000000000989680"],
    ["a digit over 9", "00a21613800000008000000000989680"],
    ["a power over 9", "001a1613800000008000000000989680"],
    ["a latitude over 90 degrees", "00121613934fd9018000000000989680"],
    ["cut", "001216138000000080000000009896"],
  ])("shows %s as RFC 3597 has it", (_name, hex) => {
    expect(textOf(hex)).toBe(`\\# ${hex.length / 2} ${hex.toUpperCase()}`);
  });
});
