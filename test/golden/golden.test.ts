import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseGoldenFile } from "./case-file.ts";
import { serveGoldenFile } from "./golden-server.ts";
import { runCase, runLoss } from "./run-case.ts";

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((name) => name.endsWith(".golden"));
let count = 0;

describe.each(files)("%s", (name) => {
  const file = parseGoldenFile(readFileSync(join(folder, name), "utf8"));
  const server = serveGoldenFile(file);
  count += file.cases.length + file.losses.length;
  it.each(file.cases.map((found) => [found.title, found] as const))("%s", (_title, found) => {
    runCase(server, found, `${name}:${found.line}`);
  });
  it.each(file.losses.map((found) => [found.title, found] as const))("%s", (_title, found) => {
    runLoss(server, found, `${name}:${found.line}`);
  });
});

afterAll(() => expect(count).toBeGreaterThanOrEqual(200));
