import { expect, it } from "vitest";
import type { LoadExplanation } from "../policy/explanation.ts";
import { loadWords } from "./explain-load.ts";

const NOTHING = {
  responseMs: null,
  load: null,
  connections: null,
  capacity: null,
  p99Ms: null,
  errors: null,
};

it.each<[by: LoadExplanation["by"], figures: Partial<LoadExplanation>, words: string]>([
  ["least_response_time", { responseMs: 12.434, connections: 3 }, "12.4 ms"],
  ["least_connections", { responseMs: 1, connections: 3, capacity: 100 }, "3 of 100 connections"],
  ["least_connections", { connections: 3 }, "3 connections"],
  ["p2c", { load: 0.42 }, "load 42%"],
  ["adaptive", { connections: 3, p99Ms: 120, errors: 0.005 }, "3 connections, p99 120 ms, 0.5% errors"],
  ["adaptive", { p99Ms: 120 }, "p99 120 ms"],
  ["p2c", {}, "no figure: counts as the mean"],
])("%s with %j reads %s", (by, figures, words) => {
  expect(loadWords({ ...NOTHING, ...figures, by })).toBe(words);
});
