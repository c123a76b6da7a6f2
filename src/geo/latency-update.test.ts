import { describe, expect, it } from "vitest";
import { formatLatencyTable, type LatencyTable, parseLatencyTable } from "./latency-table.ts";
import { type Gain, updateLatency } from "./latency-update.ts";

function tableOf(rows: string[]): LatencyTable {
  const parsed = parseLatencyTable(["client,region,rtt_ms,samples", ...rows].join("\n"), "id");
  if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.table;
}

const TEN_MS: Gain = { kind: "ms", least: 10 };

/** Rows of the updated table; earlier ones end with `old`, others with `new`. */
function update(previous: string[], next: string[], gain = TEN_MS) {
  const { table, earlier, moved, kept, carried } = updateLatency(tableOf(next), tableOf(previous), gain);
  const text = formatLatencyTable(table, [], (row) => (earlier.has(row) ? "old" : "new"));
  return { rows: text.trimEnd().split("\n").slice(1), moved, kept, carried };
}

describe("a client", () => {
  it("keeps its earlier rows when another region is not nearer by more than the gain", () => {
    expect(
      update(
        ["81.2.0.0/16,dublin,20,9", "81.2.0.0/16,paris,25,9"],
        ["81.2.0.0/16,dublin,22,9", "81.2.0.0/16,paris,12,9"],
      ),
    ).toEqual({
      rows: ["81.2.0.0/16,dublin,20,9,old", "81.2.0.0/16,paris,25,9,old"],
      moved: 0,
      kept: 1,
      carried: 0,
    });
  });

  it("moves when it is", () => {
    expect(
      update(
        ["81.2.0.0/16,dublin,20,9", "81.2.0.0/16,paris,25,9"],
        ["81.2.0.0/16,dublin,22,9", "81.2.0.0/16,paris,11.9,9"],
      ),
    ).toEqual({
      rows: ["81.2.0.0/16,dublin,22,9,new", "81.2.0.0/16,paris,11.9,9,new"],
      moved: 1,
      kept: 0,
      carried: 0,
    });
  });

  it("takes a share of the way for a gain too", () => {
    const before = ["81.2.0.0/16,dublin,20,9", "81.2.0.0/16,paris,25,9"];
    const measured = (paris: number) => ["81.2.0.0/16,dublin,20,9", `81.2.0.0/16,paris,${paris},9`];
    const gain: Gain = { kind: "percent", least: 15 };
    expect(update(before, measured(17), gain)).toMatchObject({ moved: 0, kept: 1 });
    expect(update(before, measured(16.9), gain)).toMatchObject({ moved: 1, kept: 0 });
  });

  it("whose best region stays gets the new rows", () => {
    expect(
      update(["81.2.0.0/16,dublin,20,9"], ["81.2.0.0/16,dublin,40,9", "81.2.0.0/16,paris,41,9"]).rows,
    ).toEqual(["81.2.0.0/16,dublin,40,9,new", "81.2.0.0/16,paris,41,9,new"]);
  });

  it("keeps the row of a region that was not measured again, and is compared with it", () => {
    expect(update(["81.2.0.0/16,dublin,20,9"], ["81.2.0.0/16,paris,12,9"])).toMatchObject({
      moved: 0,
      kept: 1,
    });
    expect(update(["81.2.0.0/16,dublin,20,9"], ["81.2.0.0/16,paris,9,9"])).toEqual({
      rows: ["81.2.0.0/16,dublin,20,9,old", "81.2.0.0/16,paris,9,9,new"],
      moved: 1,
      kept: 0,
      carried: 0,
    });
  });

  it("that is kept does not move to a region that the earlier table did not know", () => {
    expect(
      update(["81.2.0.0/16,dublin,20,9"], ["81.2.0.0/16,dublin,25,9", "81.2.0.0/16,paris,18,9"]).rows,
    ).toEqual(["81.2.0.0/16,dublin,20,9,old", "81.2.0.0/16,paris,20.01,9,new"]);
  });
});

describe("prefixes of different lengths", () => {
  it("are compared with what the prefixes around them say", () => {
    // The /24 had rows of its own; now only the /16 is measured, whose gain is too small for the /24 alone.
    const { rows, moved, kept } = update(
      [
        "81.2.0.0/16,dublin,40,9",
        "81.2.0.0/16,paris,45,9",
        "81.2.3.0/24,dublin,18,9",
        "81.2.3.0/24,paris,60,9",
      ],
      ["81.2.0.0/16,dublin,40,9", "81.2.0.0/16,paris,20,9"],
    );
    expect({ moved, kept }).toEqual({ moved: 2, kept: 0 });
    expect(rows).toEqual(["81.2.0.0/16,dublin,40,9,new", "81.2.0.0/16,paris,20,9,new"]);
  });

  it("inside a kept one get rows for all regions, so that they inherit nothing of it", () => {
    const { rows, moved, kept } = update(
      ["81.2.0.0/16,dublin,20,9", "81.2.0.0/16,paris,25,9"],
      ["81.2.0.0/16,dublin,22,9", "81.2.0.0/16,paris,15,9", "81.2.3.0/24,paris,5,9"],
    );
    expect({ moved, kept }).toEqual({ moved: 1, kept: 1 });
    expect(rows).toEqual([
      "81.2.0.0/16,dublin,20,9,old",
      "81.2.0.0/16,paris,25,9,old",
      "81.2.3.0/24,dublin,22,9,new",
      "81.2.3.0/24,paris,5,9,new",
    ]);
  });
});

describe("what the logs say nothing of", () => {
  it("stays as it was: prefixes, systems, countries and subdivisions", () => {
    const previous = [
      "81.2.0.0/16,dublin,20,9",
      "2a00::/16,dublin,30,9",
      "AS64500,dublin,10,",
      "EU,dublin,20,",
      "EU-GB,paris,9,",
      "NA-US-CA,dublin,140,",
    ];
    const { rows, carried } = update(previous, ["9.0.0.0/8,paris,12,30"]);
    expect(carried).toBe(2);
    expect(rows).toEqual(["9.0.0.0/8,paris,12,30,new", ...previous.map((row) => `${row},old`)]);
  });
});
