import { describe, expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { makeMmdb } from "../../test/support/geo-fixtures.ts";
import { type MmdbInput, uint32 } from "../../test/support/mmdb-writer.ts";

const ZONE = `pools: {p: {endpoints: [192.0.2.1]}, q: {endpoints: [192.0.2.2]}}
records:
  www: {policy: {geo: {EU: p, default: q}}}
  app: {policy: {geo: {EU-DE: p, EU: q, default: p}}}
`;

const country = (code: string): MmdbInput => ({ country_code: code });

function findings(role: string, networks: Record<string, MmdbInput>, zone = ZONE): string[] {
  const folder = configFolder({ "zones/a.example.yaml": zone });
  folder.write("own.mmdb", makeMmdb(networks));
  folder.write("steerd.yaml", `geo: {${role}: own.mmdb}\nnameservers: [ns1.example.net.]\n`);
  return folder.findings();
}

/** 1.0.0.0/24 in two halves: of one continent, and of two countries, which one of the indexes tells apart. */
const HALVES = { "1.0.0.0/25": country("DE"), "1.0.0.128/25": country("FR") };

describe("a database that is finer than what resolvers tell", () => {
  test.each(["country", "city"])("geo.%s: the index with the most such tiles is named", (role) => {
    const [warning, ...others] = findings(role, { "1.0.1.0/24": country("DE"), ...HALVES });
    expect(warning).toMatch(
      /^warning own\.mmdb CFG_TILE_FINE 2 of \d+ tiles \(\d+\.\d%\) of the index "geo of app\.a\.example" are longer than what resolvers tell of a client: expected at most \/24 and \/56$/,
    );
    expect(others).toEqual([]);
  });

  test("what no index tells apart is not counted, nor are tiles of clients of whom nothing is known", () => {
    const one = { "1.0.0.0/24": country("DE"), "2a00::/56": country("FR") };
    expect(findings("country", one)).toEqual([]);
    const zone =
      "pools: {p: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: {geo: {EU: p, default: p}}}}\n";
    expect(findings("country", { ...one, ...HALVES }, zone)).toEqual([]);
  });

  test("IPv6 beyond /56", () => {
    const [warning] = findings("country", { "2a00::/57": country("DE"), "2a00:0:0:80::/57": country("US") });
    expect(warning).toMatch(/^warning own\.mmdb CFG_TILE_FINE 1 of /);
  });

  test("geo.asn, for asn", () => {
    const system = (number: number): MmdbInput => ({ autonomous_system_number: uint32(number) });
    const networks = { "1.0.0.0/26": system(64_500), "1.0.0.64/26": system(64_501) };
    const zone = "pools: {p: {endpoints: [192.0.2.1]}, q: {endpoints: [192.0.2.2]}}\n";
    const records = "records: {www: {policy: {asn: {64500: p, default: q}}}}\n";
    expect(findings("asn", networks, zone + records)).toEqual([
      expect.stringMatching(/^warning own\.mmdb CFG_TILE_FINE 1 of \d+ tiles .* "asn of www\.a\.example"/),
    ]);
    // Nobody looks.
    expect(findings("asn", networks, `${zone}records: {www: {policy: p}, app: {policy: q}}\n`)).toEqual([]);
  });

  test("prefixes of subnets are told of where they stand, not here", () => {
    const zone = "pools: {p: {endpoints: [192.0.2.1]}, q: {endpoints: [192.0.2.2]}}\n";
    const records = "records: {www: {policy: {subnets: {1.0.0.0/25: p, default: q}}}}\n";
    expect(findings("country", { "1.0.0.0/24": country("DE") }, zone + records)).toEqual([
      expect.stringMatching(/^warning zones\/a\.example\.yaml:/),
    ]);
  });
});
