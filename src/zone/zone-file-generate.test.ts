import { describe, expect, it } from "vitest";
import { nameFromText } from "../wire/name-text.ts";
import { formatRecord } from "./check.ts";
import { parseZoneFile } from "./zone-file.ts";

const ORIGIN = nameFromText("example.com.") as Uint8Array;

function generate(directive: string): { records: string[]; said: string[] } {
  const { columns, findings } = parseZoneFile(
    Buffer.from(`$TTL 5\n\n$GENERATE ${directive}\nend A 192.0.2.255\n`),
    {
      origin: ORIGIN,
      file: "z",
      readInclude: () => ({ error: "" }),
    },
  );
  const records = Array.from({ length: columns.count }, (_, i) => formatRecord(columns, i));
  expect(records.pop()).toBe("end.example.com. 5 IN A 192.0.2.255");
  for (let i = 0; i < columns.count - 1; i++) expect(columns.line[i]).toBe(3);
  return {
    records: records.map((record) => record.replaceAll(".example.com.", "").replace(" 5 IN", "")),
    said: findings.map(({ line, column, code, what }) => `${line}:${column} ${code} ${what}`),
  };
}

/** Reads "$<" as "${", which a linter would take for a forgotten template. */
function template(text: string): string {
  return text.replaceAll("$<", "$" + "{").replaceAll(">", "}");
}

describe("$GENERATE, as BIND has it", () => {
  it.each([
    ["1-3 h$ A 192.0.2.$", ["h1 A 192.0.2.1", "h2 A 192.0.2.2", "h3 A 192.0.2.3"]],
    ["0-9/4 $ CNAME $.0", ["0 CNAME 0.0", "4 CNAME 4.0", "8 CNAME 8.0"]],
    ["7-7 a 60 IN MX 10 m$", ["a 60 IN MX 10 m7"]],
    ["7-7 a IN 60 MX 10 m$", ["a 60 IN MX 10 m7"]],
    ['7-7 a MX "10 m$"', ["a MX 10 m7"]],
    ['7-7 a TXT "b $"', ['a TXT "b" "7"']],
    ['7-7 a TXT "b $" c', ['a TXT "b 7" "c"']],
    ['7-7 a TXT b "c $"', ['a TXT "b" "c 7"']],
    ["7-7 a TXT $$ \\$ x$$y $", ['a TXT "$" "$" "x$y" "7"']],
    ["7-7 $$a TXT b", ['\\$a TXT "b"']],
    ["7-7 h$<3> A 192.0.2.$<-7>", ["h10 A 192.0.2.0"]],
    ["7-7 h$<+3> A 192.0.2.1", ["h10 A 192.0.2.1"]],
    ["7-7 h$<0,3> A 192.0.2.1", ["h007 A 192.0.2.1"]],
    ["7-7 h$<0,3,d> A 192.0.2.1", ["h007 A 192.0.2.1"]],
    ["8-8 h$<0,3,o> A 192.0.2.1", ["h010 A 192.0.2.1"]],
    ["171-171 h$<0,3,x>-$<0,0,X> TXT $<0,4,X>", ['h0ab-ab TXT "00AB"']],
    [
      "171-171 a TXT $<0,3,n> $<0,4,N> $<0,7,n> $<0,1,n> $<0,8,n>",
      ['a TXT "b.a" "B.A." "b.a.0.0" "b.a" "b.a.0.0."'],
    ],
  ])("%s", (directive, records) => {
    expect(generate(template(directive))).toEqual({ records, said: [] });
  });

  it.each([
    ["1-2 a A", "3:18 ZONE_GENERATE something is missing behind $GENERATE"],
    ["x a A 192.0.2.1", "3:11 ZONE_GENERATE the range is malformed"],
    ["2-1 a A 192.0.2.1", "3:11 ZONE_GENERATE the range is malformed"],
    ["1-2147483648 a A 192.0.2.1", "3:11 ZONE_GENERATE the range is malformed"],
    ["1-2/0 a A 192.0.2.1", "3:11 ZONE_GENERATE the range is malformed"],
    ["1-2 $<x> A 192.0.2.1", "3:15 ZONE_GENERATE the template is malformed for 1"],
    ["1-2 $<1 A 192.0.2.1", "3:15 ZONE_GENERATE the template is malformed for 1"],
    ["1-2 $<0,256> A 192.0.2.1", "3:15 ZONE_GENERATE the template is malformed for 1"],
    ["1-2 $<0,1,q> A 192.0.2.1", "3:15 ZONE_GENERATE the template is malformed for 1"],
    ["1-2 a A 192.0.2.$<2147483647>", "3:19 ZONE_GENERATE the template is malformed for 1"],
    ['1-2 a TXT "x ( y"', "3:21 ZONE_GENERATE the RDATA has a parenthesis without its counterpart"],
    ['1-2 a TXT "x ) y"', "3:21 ZONE_GENERATE the RDATA has a parenthesis without its counterpart"],
    ["1-2 a FOO x", '3:1 ZONE_TYPE_UNKNOWN "FOO" is not a record type'],
    ["1-2 x.example.net. A 192.0.2.1", "3:1 ZONE_OWNER_OUTSIDE x.example.net. is outside of the zone"],
  ])("refuses %s", (directive, said) => {
    expect(generate(template(directive))).toEqual({ records: [], said: [said] });
  });

  it("ends at the first record that is wrong", () => {
    const { records, said } = generate("254-300 h$ A 192.0.2.$");
    expect(records).toEqual(["h254 A 192.0.2.254", "h255 A 192.0.2.255"]);
    expect(said).toEqual(['3:1 ZONE_RDATA A: "192.0.2.256" is not an IPv4 address']);
    expect(generate(template("0-2 h$ A 192.0.2.$<-1>")).said).toEqual([
      "3:20 ZONE_GENERATE the template is malformed for 0",
    ]);
  });

  it("does not make directives", () => {
    expect(generate("1-1 $$GENERATE TXT x")).toEqual({ records: ['\\$generate TXT "x"'], said: [] });
  });
});
