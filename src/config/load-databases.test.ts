import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { makeMmdb } from "../../test/support/geo-fixtures.ts";
import { createConfigCache, turnCache } from "./cache.ts";
import type { Finding } from "./findings.ts";
import { loadDatabases } from "./load-databases.ts";

let folder: string;
let path: string;

beforeEach(() => {
  // A file is known again once its last change lies behind the kernel's last tick.
  vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ["Date"] });
  folder = mkdtempSync(join(tmpdir(), "steerd-databases-"));
  path = join(folder, "country.mmdb");
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

/** A file of so many seconds ago. */
function place(country: string, agoS: number): void {
  writeFileSync(path, makeMmdb({ "1.0.0.0/8": { country_code: country } }));
  const seconds = Date.now() / 1000 - agoS;
  utimesSync(path, seconds, seconds);
}

function load(cache = createConfigCache()) {
  const findings: Finding[] = [];
  const sources = loadDatabases({ country: path }, cache, findings);
  turnCache(cache);
  expect(findings).toEqual([]);
  return sources;
}

it("a database that was released is the same object to the next load, and is read again", () => {
  place("GB", 60);
  const cache = createConfigCache();
  const sources = load(cache);
  const { steps } = sources;
  sources.release();
  expect(load(cache)).toBe(sources);
  expect(cache.parsed).toBe(1);
  expect(sources.steps).not.toBe(steps);
  expect(sources.steps[4].count).toBe(steps[4].count);
});

it("a database that was released is not taken from another file that has its place", () => {
  place("GB", 60);
  const sources = load();
  sources.release();
  place("FR", 30);
  expect(() => sources.steps).toThrow(/country\.mmdb is not the file any more that it was/);
});
