import { describe, expect, it } from "vitest";
import { addLogLine } from "./latency-log.ts";
import { aggregateSketch, createSketch } from "./latency-sketch.ts";

/** What becomes of one line: its kind, or `column what: expected ...`. */
function outcome(line: string, regions = new Map<string, number>()): string {
  const came = addLogLine(createSketch(), regions, line);
  if (came.kind !== "bad") return came.kind;
  expect(came.problem.code).toBe("GEO_LATENCY_LOG");
  return `${came.column} ${came.problem.what}: expected ${came.problem.expected}`;
}

describe("a line of an RTT log", () => {
  it.each([
    ["81.2.69.160,dublin,12.5", "sample"],
    ["81.2.69.160, dublin, 12.5", "sample"],
    ["81.2.69.160\tdublin\t12", "sample"],
    ["  2a00:1450::1  us-east  80 ", "sample"],
    ["::ffff:81.2.69.160 dublin 12", "sample"],
    ["", "nothing"],
    ["  ", "nothing"],
    ["# client region ms", "nothing"],
    ["10.1.2.3 dublin 12", "special"],
    ["::ffff:10.1.2.3 dublin 12", "special"],
    ["2001:db8::1 dublin 12", "special"],
    ["81.2.69.160 dublin", "1 the line has 2 words: expected 3: client address, region, milliseconds"],
    ["81.2.69.160 dublin 12 x", "1 the line has 4 words: expected 3: client address, region, milliseconds"],
    ["81.2.69 dublin 12", '1 "81.2.69" is no address: expected an IPv4 or IPv6 address'],
    [" 081.2.69.1 dublin 12", '2 "081.2.69.1" is no address: expected an IPv4 or IPv6 address'],
    ["81.2.69.160 Dublin 12", "13 \"Dublin\" is no region: expected a region's name, as in the zone's file"],
    ["81.2.69.160,dublin,0", '20 "0" is no round trip: expected milliseconds, above 0 and up to 60000'],
    ["81.2.69.160,dublin,-3", '20 "-3" is no round trip: expected milliseconds, above 0 and up to 60000'],
    ["81.2.69.160,dublin,12ms", '20 "12ms" is no round trip: expected milliseconds, above 0 and up to 60000'],
    ["\u0007\u0000 dublin 12", '1 "??" is no address: expected an IPv4 or IPv6 address'],
  ])("%j: %s", (line, expected) => {
    expect(outcome(line)).toBe(expected);
  });

  it("with a region beyond the 256th is bad", () => {
    const regions = new Map(Array.from({ length: 256 }, (_, at) => [`r${at}`, at]));
    expect(outcome("81.2.69.160 r255 12", regions)).toBe("sample");
    expect(outcome("81.2.69.160 more 12", regions)).toBe(
      '13 "more" is one region too many: expected at most 256',
    );
    expect(regions.size).toBe(256);
  });

  it("counts an IPv6 address that embeds an IPv4 one as the latter", () => {
    const sketch = createSketch();
    for (const client of ["81.2.69.1", "::ffff:81.2.69.2", "64:ff9b::5102:4503", "2002:5102:4504::1"])
      expect(addLogLine(sketch, new Map(), `${client} dublin 12`).kind).toBe("sample");
    const rows: string[] = [];
    aggregateSketch(
      sketch,
      1,
      ({ family, bits, samples }) => void rows.push(`${family} /${bits} ${samples}`),
    );
    expect(rows).toEqual(["4 /24 4"]);
  });
});
