import { expect, it } from "vitest";
import * as data from "../../src/policy/data.ts";
import { NODE_DRAWS } from "../support/random-trees.ts";

it("random trees know every kind of node: a new one needs a row in test/support/random-trees.ts", () => {
  const words = Object.keys(data).filter((name) => name.startsWith("NODE_KIND_"));
  const kinds = words.map((name) => name.slice("NODE_KIND_".length).toLowerCase());
  expect(Object.keys(NODE_DRAWS).sort()).toEqual(kinds.sort());
});
