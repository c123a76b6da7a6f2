import { describe, expect, it } from "vitest";
import { cityRecord, makeCountryDatabase, makeMmdb, openOrThrow } from "../../test/support/geo-fixtures.ts";
import { addressOctets } from "../../test/support/packet.ts";
import { type CompiledTables, compileTables } from "./compile-tables.ts";
import { joinDatabases } from "./databases.ts";
import { parseLatencyTable } from "./latency-table.ts";
import { locate } from "./prefix-index.ts";
import {
  CELL_CLASS_MASK,
  CELL_LENGTH_SHIFT,
  CHAIN_ENTRY_MASK,
  CHAIN_TIED,
  type TableModel,
} from "./table.ts";

const COUNTRIES = makeCountryDatabase({ "81.2.0.0/16": "GB", "60.0.0.0/8": "JP", "2a00::/16": "GB" });
const SYSTEMS = openOrThrow(
  makeMmdb({ "81.2.64.0/18": { asn: "AS64500" }, "9.0.0.0/8": { asn: "AS64500" } }),
  "asn",
  "asn",
);
const SOURCES = joinDatabases(null, COUNTRIES, SYSTEMS);

function model(rows: string[], options: Partial<Extract<TableModel, { kind: "latency" }>> = {}): TableModel {
  const parsed = parseLatencyTable(["client,region,rtt_ms,samples", ...rows].join("\n"), rows.join());
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  const places = [{ latitude: 38.9, longitude: -77 }, { latitude: 53.3, longitude: -6.3 }, null];
  const regions = ["us", "eu", "jp"];
  return { kind: "latency", table: parsed.table, regions, places, toleranceMs: 0, minSamples: 1, ...options };
}

/** `/16 1 0~2`: the tile, and the chain with `~` before an entry that is tied with the one before it. */
function ask(compiled: CompiledTables, client: string, table = 0): string {
  const octets = Uint8Array.from(addressOctets(client));
  const leaf = locate(compiled.data, table, octets.length === 4 ? 4 : 6, octets);
  const { chains } = compiled.data;
  const start = leaf & CELL_CLASS_MASK;
  const chain = [...chains.subarray(start + 1, start + 1 + chains[start]!)];
  const text = chain
    .map((word) => `${(word & CHAIN_TIED) === 0 ? " " : "~"}${word & CHAIN_ENTRY_MASK}`)
    .join("");
  return `/${leaf >>> CELL_LENGTH_SHIFT}${text}`;
}

const compile = (rows: string[], options = {}) => compileTables([model(rows, options)], SOURCES);

describe("latency tables", () => {
  it("order entries by round trip, and those without a row behind them by distance", () => {
    const compiled = compile(["EU,jp,10,5", "AS,eu,10,5"]);
    expect(ask(compiled, "81.2.0.1")).toBe("/16 2 1 0");
    expect(ask(compiled, "60.0.0.1")).toBe("/8 1 0 2");
    expect(ask(compiled, "2a00::1")).toBe("/16 2 1 0");
    expect(ask(compiled, "8.8.8.8")).toBe("/7 0 1 2");
  });

  it("take each region's row from the most specific client that has one", () => {
    const rows = ["EU,us,50,5", "EU,eu,60,5", "EU,jp,70,5", "EU-GB,eu,40,5", "AS64500,jp,30,5"];
    const compiled = compile([...rows, "81.2.68.0/22,us,20,5", "81.2.69.0/24,eu,10,5"]);
    expect(ask(compiled, "81.2.0.1")).toBe("/18 1 0 2");
    expect(ask(compiled, "81.2.100.1")).toBe("/19 2 1 0");
    expect(ask(compiled, "81.2.70.1")).toBe("/23 0 2 1");
    expect(ask(compiled, "81.2.69.1")).toBe("/24 1 0 2");
    // A system counts where the place is not known.
    expect(ask(compiled, "9.1.2.3")).toBe("/8 2 0 1");
  });

  it("leave out rows of too few samples, not those that do not say how many", () => {
    const rows = ["EU,jp,10,4", "EU,us,20,", "EU,eu,30,5"];
    expect(ask(compile(rows), "81.2.0.1")).toBe("/16 2 0 1");
    expect(ask(compile(rows, { minSamples: 5 }), "81.2.0.1")).toBe("/3 0 1 2");
  });

  it("tie what lies within the tolerance of the best, group by group, in the list's order", () => {
    const rows = ["EU,us,25,", "EU,eu,20,", "EU,jp,31,"];
    expect(ask(compile(rows, { toleranceMs: 4 }), "81.2.0.1")).toBe("/16 1 0 2");
    expect(ask(compile(rows, { toleranceMs: 5 }), "81.2.0.1")).toBe("/16 0~1 2");
    expect(ask(compile(rows, { toleranceMs: 6 }), "81.2.0.1")).toBe("/16 0~1 2");
    expect(ask(compile(rows, { toleranceMs: 11 }), "81.2.0.1")).toBe("/16 0~1~2");
    expect(ask(compile(["EU,us,9,", "EU,eu,20,", "EU,jp,20,"]), "81.2.0.1")).toBe("/16 0 1~2");
  });

  it("know subdivisions, the inner before the outer", () => {
    const city = openOrThrow(
      makeMmdb({
        "1.0.0.0/8": cityRecord({ country: "GB", subdivisions: ["ENG", "LND"], latitude: 51, longitude: 0 }),
      }),
      "city",
      "city",
    );
    const rows = ["EU-GB-LND,us,1,", "EU-GB-ENG,us,90,", "EU-GB-ENG,jp,2,", "EU-GB,jp,90,", "EU-GB,eu,3,"];
    const compiled = compileTables([model(rows)], joinDatabases(city, null, null));
    expect(ask(compiled, "1.2.3.4")).toBe("/8 0 2 1");
  });

  it("without databases go by prefixes alone", () => {
    const compiled = compileTables([model(["81.2.69.0/24,jp,10,"])], joinDatabases(null, null, null));
    expect(ask(compiled, "81.2.69.1")).toBe("/24 2 0 1");
    expect(ask(compiled, "81.2.70.1")).toBe("/23 0 1 2");
  });

  it("say the same to everybody where no row counts and nobody's place is known", () => {
    expect(ask(compileTables([model([])], joinDatabases(null, null, null)), "8.8.8.8")).toBe("/0 0 1 2");
  });

  it("are taken over with the same rows and databases, and made anew with others", () => {
    const rows = ["EU,jp,10,5", "EU,eu,10,5"];
    const first = compile(rows);
    const geo: TableModel = { kind: "geo", keys: ["EU", "default"] };
    const more = compileTables([geo, model(rows)], SOURCES, first);
    expect(more.reports.map(({ reused }) => reused)).toEqual([false, true]);
    expect(ask(more, "81.2.0.1", 1)).toBe("/16 1~2 0");
    expect(compileTables([model(["EU,us,10,5"])], SOURCES, first).reports[0]!.reused).toBe(false);
    const other = joinDatabases(null, COUNTRIES, null);
    expect(compileTables([model(rows)], other, first).reports[0]!.reused).toBe(false);
  });
});
