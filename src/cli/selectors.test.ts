import { describe, expect, test } from "vitest";
import { UsageError } from "./command.ts";
import { type SelectablePool, selectRows } from "./selectors.ts";

let row = 0;
function pool(
  zone: string,
  name: string,
  region: string | null,
  endpoints: string[],
  checked = true,
): SelectablePool {
  return {
    zone,
    name,
    region,
    endpoints: endpoints.map((endpoint) => ({ name: endpoint, rows: [checked ? row++ : -1] })),
  };
}

// Rows 0 and 1, 2, 3, 4.
const pools = [
  pool("a.example.", "eu", "dublin", ["lb1", "192.0.2.2"]),
  pool("a.example.", "us", "virginia", ["lb1"]),
  pool("b.example.", "us", "virginia", ["lb9"]),
  pool("b.example.", "asia", "tokyo", ["2001:db8::1"]),
  pool("b.example.", "office", null, ["lb1"], false),
];

describe("what a selector names", () => {
  test.each([
    ["region:dublin", [0, 1]],
    ["region:virginia", [2, 3]],
    ["pool:eu", [0, 1]],
    ["pool:eu/192.0.2.2", [1]],
    ["pool:a.example/us", [2]],
    ["pool:b.example./us", [3]],
    ["pool:us/lb9", [3]],
    ["pool:a.example/eu/lb1", [0]],
    ["pool:asia/2001:db8::1", [4]],
  ])("%s", (selector, rows) => {
    expect(selectRows(selector, pools)).toEqual(rows);
  });
});

describe("a selector that is refused", () => {
  test.each([
    ["pool:us", "pool:us is in 2 zones: expected one of pool:a.example./us, pool:b.example./us"],
    ["pool:asai", '"asai" is not a pool: did you mean asia?'],
    ["pool:eu/lb2", '"eu/lb2" is not a pool: did you mean eu/lb1?'],
    ["pool:c.example/eu", '"c.example/eu" is not a pool: did you mean a.example./eu?'],
    ["pool:eu/frobnicate", '"eu/frobnicate" is not a pool: expected one of eu/lb1, eu/192.0.2.2'],
    ["pool:frobnicate", '"frobnicate" is not a pool: expected one of eu, us, asia, office'],
    ["region:dubln", '"dubln" is not a region: did you mean dublin?'],
    ["region:x", '"x" is not a region: expected one of dublin, virginia, tokyo'],
    ["pool:office", "pool:office has no check: it is always up"],
    ["eu", '"eu" is not a selector: expected region:R or pool:[ZONE/]POOL[/ENDPOINT]'],
    ["zone:eu", '"zone:eu" is not a selector'],
  ])("%s", (selector, message) => {
    expect(() => selectRows(selector, pools)).toThrow(UsageError);
    expect(() => selectRows(selector, pools)).toThrow(`--down: ${message}`);
  });

  test("nothing is known without pools", () => {
    expect(() => selectRows("pool:eu", [])).toThrow('"eu" is not a pool: expected one of none');
  });
});
