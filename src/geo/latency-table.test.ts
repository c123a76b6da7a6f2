import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { COUNTRIES } from "./country.ts";
import { formatLatencyTable, type LatencyTable, parseLatencyTable } from "./latency-table.ts";
import { formatPrefix } from "./prefix.ts";

function tableOf(text: string): LatencyTable {
  const parsed = parseLatencyTable(text, "id");
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.table;
}

/** Problems as `line:column CODE what: expected ...`. */
function problemsOf(text: string): string[] {
  const parsed = parseLatencyTable(text, "id");
  if ("table" in parsed) return [];
  return parsed.problems.map(
    ({ line, column, code, what, expected }) => `${line}:${column} ${code} ${what}: expected ${expected}`,
  );
}

const inRow = (row: string) => problemsOf(`client,region,rtt_ms,samples,date\n${row}\n`);

describe("a latency table", () => {
  it("has a row for each client and region, of every kind of client", () => {
    const table = tableOf(
      [
        "\uFEFFregion, client ,rtt_ms",
        "# measured in July",
        "",
        "dublin,81.2.64.0/20,12.5",
        "virginia,81.2.64.0/20,80",
        "dublin,2a00:1450::/32,9",
        "dublin,AS64500,10",
        "dublin,EU,20",
        "dublin,EU-GB,21\r",
        "dublin, NA-US-CA ,140",
      ].join("\n"),
    );
    expect(table.id).toBe("id");
    expect(table.regions).toEqual(["dublin", "virginia"]);
    expect(
      table.clients.map(({ key }) => (key.kind === "prefix" ? formatPrefix(key.prefix) : key.kind)),
    ).toEqual(["81.2.64.0/20", "2a00:1450::/32", "asn", "continent", "country", "subdivision"]);
    expect(table.clients[0]!.rows).toEqual([
      { region: 0, rttMs: 12.5, samples: null },
      { region: 1, rttMs: 80, samples: null },
    ]);
    expect(table.clients[5]!.key).toEqual({ kind: "subdivision", code: "US-CA" });
  });

  it("may say how many samples there are, and of when", () => {
    const { clients } = tableOf(
      "client,region,rtt_ms,samples,date\nEU,dublin,20,37,2026-07-31\nEU-GB,dublin,9,,\n",
    );
    expect(clients.map(({ rows }) => rows[0]!.samples)).toEqual([37, null]);
  });

  it.each([
    [
      "",
      "1:1 GEO_LATENCY_HEADER the table is empty: expected client,region,rtt_ms, and optionally samples and date",
    ],
    [
      "EU,dublin,20",
      '1:1 GEO_LATENCY_HEADER "EU" is no column of a latency table: expected client,region,rtt_ms, and optionally samples and date',
    ],
    [
      "client,region,client",
      '1:15 GEO_LATENCY_HEADER the column "client" stands here again: expected client,region,rtt_ms, and optionally samples and date',
    ],
    [
      "client,date",
      "1:1 GEO_LATENCY_HEADER there is no column region, rtt_ms: expected client,region,rtt_ms, and optionally samples and date",
    ],
  ])("with the header %j is refused", (text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });

  it.each([
    [
      "EU,dublin,20",
      "2:1 GEO_LATENCY_ROW the row has 3 cells: expected 5: client,region,rtt_ms,samples,date",
    ],
    ["EU", "2:1 GEO_LATENCY_ROW the row has 1 cell: expected 5: client,region,rtt_ms,samples,date"],
    [
      "EU,Dublin,20,,",
      "2:4 GEO_LATENCY_ROW region is \"Dublin\": expected a region's name, as in the zone's file",
    ],
    ["EU,dublin,0,,", '2:11 GEO_LATENCY_ROW rtt_ms is "0": expected milliseconds, above 0 and up to 60000'],
    ["EU,dublin,-3,,", '2:11 GEO_LATENCY_ROW rtt_ms is "-3": expected milliseconds, above 0 and up to 60000'],
    [
      "EU,dublin,60001,,",
      '2:11 GEO_LATENCY_ROW rtt_ms is "60001": expected milliseconds, above 0 and up to 60000',
    ],
    [
      "EU,dublin,NaN,,",
      '2:11 GEO_LATENCY_ROW rtt_ms is "NaN": expected milliseconds, above 0 and up to 60000',
    ],
    ["EU,dublin,9,0,", '2:13 GEO_LATENCY_ROW samples is "0": expected a number of measurements from 1'],
    ["EU,dublin,9,,2026-02-30", '2:14 GEO_LATENCY_ROW date is "2026-02-30": expected a date, as 2026-07-31'],
    ["EU,dublin,9,,31.7.26", '2:14 GEO_LATENCY_ROW date is "31.7.26": expected a date, as 2026-07-31'],
    [
      "81.2.69.1/24,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "81.2.69.1/24" is not written as prefixes are: expected 81.2.69.0/24',
    ],
    [
      "2A00::/16,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "2A00::/16" is not written as prefixes are: expected 2a00::/16',
    ],
    [
      "81.2.69.1,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "81.2.69.1" is not a prefix: expected an IPv4 or IPv6 prefix, as 81.2.64.0/20',
    ],
    [
      "81.2.69.0/33,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "81.2.69.0/33" is not a prefix: expected an IPv4 or IPv6 prefix, as 81.2.64.0/20',
    ],
    [
      "::ffff:81.2.69.0/120,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "::ffff:81.2.69.0/120" is read as the IPv4 prefix within: expected 81.2.69.0/24',
    ],
    [
      "2002:5102:4500::/40,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "2002:5102:4500::/40" is read as the IPv4 prefix within: expected 81.2.69.0/24',
    ],
    ["AS0,dublin,9,,", '2:1 GEO_LATENCY_CLIENT "AS0" is no autonomous system: expected AS1 to AS4294967295'],
    [
      "AS4294967296,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "AS4294967296" is no autonomous system: expected AS1 to AS4294967295',
    ],
    ["UK,dublin,9,,", '2:1 GEO_LATENCY_CLIENT "UK" is not a continent: expected EU-GB'],
    [
      "default,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "default" is no client of a latency table: expected a prefix, AS and a number, or a continent, country or subdivision',
    ],
    [
      "eu-union,dublin,9,,",
      '2:1 GEO_LATENCY_CLIENT "eu-union" is no client of a latency table: expected a prefix, AS and a number, or a continent, country or subdivision',
    ],
  ])("with the row %j is refused", (row, problem) => {
    expect(inRow(row)).toEqual([problem]);
  });

  it("says that private prefixes are never looked up", () => {
    expect(inRow("10.1.0.0/16,dublin,9,,")[0]).toMatch(
      /^2:1 GEO_LATENCY_CLIENT "10.1.0.0\/16" is never looked up/,
    );
    expect(inRow("0.0.0.0/1,dublin,9,,")).toEqual([]);
  });

  it("knows the days of every year", () => {
    for (const date of ["2024-02-29", "2000-02-29", "2026-12-31"])
      expect(inRow(`EU,dublin,9,,${date}`)).toEqual([]);
    for (const date of ["2026-02-29", "1900-02-29", "2026-13-01", "2026-04-31", "2026-04-00"])
      expect(inRow(`EU,dublin,9,,${date}`), date).toHaveLength(1);
  });

  it("lists everything that is wrong, and where a pair stood first", () => {
    expect(inRow("EU,dublin,9,,\nEU,Dub,x,y,z\n\nEU,dublin,8,,")).toEqual([
      "3:4 GEO_LATENCY_ROW region is \"Dub\": expected a region's name, as in the zone's file",
      '3:8 GEO_LATENCY_ROW rtt_ms is "x": expected milliseconds, above 0 and up to 60000',
      '3:10 GEO_LATENCY_ROW samples is "y": expected a number of measurements from 1',
      '3:12 GEO_LATENCY_ROW date is "z": expected a date, as 2026-07-31',
      '5:1 GEO_LATENCY_DUPLICATE "EU" has a row for dublin already, in line 2: expected each pair once',
    ]);
  });
});

describe("the AWS example", () => {
  const table = tableOf(readFileSync(join(import.meta.dirname, "../../geo/aws-latency.csv"), "utf8"));
  const rtt = (client: number, region: string) =>
    table.clients[client]!.rows.find((row) => row.region === table.regions.indexOf(region))!.rttMs;
  const find = (kind: "country" | "subdivision", code: string) =>
    table.clients.findIndex(({ key }) =>
      key.kind === "country"
        ? kind === "country" && COUNTRIES[key.country - 1]!.code === code
        : "code" in key && key.code === code,
    );

  it("has a row for each client and region, and every client's best region is that around which it lies", () => {
    expect(table.regions).toHaveLength(13);
    for (const { rows } of table.clients) {
      expect(rows).toHaveLength(13);
      const best = rows.filter(({ rttMs }) => rttMs === 2);
      expect(best).toHaveLength(1);
      expect(Math.min(...rows.map(({ rttMs }) => rttMs))).toBe(2);
    }
  });

  it("has both ways of what the source has one way: 38 ms from N. Virginia to London, 16 to Seoul and 17 back", () => {
    expect(rtt(find("subdivision", "US-VA"), "eu-west-2")).toBe(76);
    expect(rtt(find("country", "GB"), "us-east-1")).toBe(76);
    expect(rtt(find("country", "JP"), "ap-northeast-2")).toBe(33);
    expect(rtt(find("country", "KR"), "ap-northeast-1")).toBe(33);
  });

  it("is the same when it is written again", () => {
    expect(tableOf(formatLatencyTable(table, [], () => ""))).toEqual(table);
  });
});
