import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const COMMANDS = ["serve", "check", "query", "explain", "schema"];

test.each([
  ["sreve", "serve", "two letters swapped"],
  ["chek", "check", "one left out"],
  ["querry", "query", "one inserted"],
  ["explane", "explain", "two replaced in a long word"],
  ["check", "check", "the word itself"],
])("%s means %s: %s", (word, meant) => {
  expect(nearest(word, COMMANDS)).toBe(meant);
});

test.each(["start", "x", "", "quarrel"])("%j is near to none", (word) => {
  expect(nearest(word, COMMANDS)).toBeNull();
});

test("the nearer of two wins, whatever their order", () => {
  expect(nearest("europa", ["euroqa2", "europe"])).toBe("europe");
  expect(nearest("europa", ["europe", "euroqa2"])).toBe("europe");
});
