import { describe, expect, it } from "vitest";
import { readPlainServe } from "./plain-serve.ts";

describe("readPlainServe", () => {
  it.each([
    ["serve", { "log-level": "info" }],
    ["serve --config a.yaml", { config: "a.yaml", "log-level": "info" }],
    ["serve --log-level warn --config a.yaml", { config: "a.yaml", "log-level": "warn" }],
  ])("%s", (line, given) => {
    expect(readPlainServe(line.split(" "))).toEqual(given);
  });

  it.each([
    "check",
    "--config a.yaml serve",
    "serve --help",
    "serve --config",
    "serve --config --log-level",
    "serve --config=a.yaml",
    "serve --config a.yaml --config b.yaml",
    "serve --log-level loud",
    "serve --log-level info --log-level info",
    "serve a.yaml",
    "serve --verbose yes",
  ])("leaves %j to yargs", (line) => {
    expect(readPlainServe(line.split(" "))).toBeNull();
  });
});
