import { describe, expect, test } from "vitest";
import { type SelectablePool, selectAddresses, selectorProblemText } from "./selectors.ts";

let address = 0;
function pool(zone: string, name: string, region: string | null, endpoints: string[]): SelectablePool {
  return {
    zone,
    name,
    region,
    endpoints: endpoints.map((endpoint) => ({ name: endpoint, addresses: [address++] })),
  };
}

// Addresses 0 and 1, 2, 3, 4, 5.
const pools = [
  pool("a.example.", "eu", "dublin", ["lb1", "192.0.2.2"]),
  pool("a.example.", "us", "virginia", ["lb1"]),
  pool("b.example.", "us", "virginia", ["lb9"]),
  pool("b.example.", "asia", "tokyo", ["2001:db8::1"]),
  pool("b.example.", "office", null, ["lb1"]),
];

describe("what a selector names", () => {
  test.each([
    ["region:dublin", [0, 1], "region"],
    ["region:virginia", [2, 3], "region"],
    ["pool:eu", [0, 1], "pool"],
    ["pool:eu/192.0.2.2", [1], "endpoint"],
    ["pool:a.example/us", [2], "pool"],
    ["pool:b.example./us", [3], "pool"],
    ["pool:us/lb9", [3], "endpoint"],
    ["pool:a.example/eu/lb1", [0], "endpoint"],
    ["pool:asia/2001:db8::1", [4], "endpoint"],
    ["pool:office", [5], "pool"],
  ])("%s", (selector, addresses, breadth) => {
    expect(selectAddresses(selector, pools)).toEqual({ addresses, breadth });
  });
});

function refusal(selector: string, among: SelectablePool[]): string {
  const selection = selectAddresses(selector, among);
  return "what" in selection ? selectorProblemText(selection) : "";
}

describe("a selector that is refused", () => {
  test.each([
    ["pool:us", "pool:us is in 2 zones: expected one of pool:a.example./us, pool:b.example./us"],
    ["pool:asai", '"asai" is not a pool: did you mean asia?'],
    ["pool:eu/lb2", '"eu/lb2" is not a pool: did you mean eu/lb1?'],
    ["pool:c.example/eu", '"c.example/eu" is not a pool: did you mean a.example./eu?'],
    ["pool:eu/frobnicate", '"eu/frobnicate" is not a pool: expected one of eu/lb1, eu/192.0.2.2'],
    ["pool:frobnicate", '"frobnicate" is not a pool: expected one of eu, us, asia, office'],
    ["pool:lb9", '"lb9" is not a pool but an endpoint: expected POOL/ENDPOINT, as us/lb9'],
    [
      "pool:lb1",
      '"lb1" is not a pool but an endpoint: expected POOL/ENDPOINT, as eu/lb1, us/lb1, office/lb1',
    ],
    ["region:dubln", '"dubln" is not a region: did you mean dublin?'],
    ["region:x", '"x" is not a region: expected one of dublin, virginia, tokyo'],
    ["eu", '"eu" is not a selector: expected region:R or pool:[ZONE/]POOL[/ENDPOINT]'],
    ["zone:eu", '"zone:eu" is not a selector'],
  ])("%s", (selector, message) => {
    expect(refusal(selector, pools)).toContain(message);
  });

  test("nothing is known without pools", () => {
    expect(refusal("pool:eu", [])).toBe('"eu" is not a pool: expected one of none');
  });
});
