import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { configFolder } from "../../test/support/config-folder.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { compileConfig } from "../config/compile.ts";
import type { Discovered } from "../config/discovered.ts";
import { createRowRegistry } from "../config/rows.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { createHealthMemory } from "./health-memory.ts";
import { recallLists } from "./remembered-lists.ts";

const ZONE = "pools:\n  eu: {endpoints_file: eu.json}\nrecords:\n  www: {policy: eu}\n";
const LIST = '[{"address": "192.0.2.1", "weight": 3}, "192.0.2.2", "2001:db8::3"]';
const NOW_S = 1_700_000_000;

function compile(list: string | null, discovered?: Discovered) {
  const files = { "zones/a.example.yaml": ZONE, ...(list === null ? {} : { "zones/eu.json": list }) };
  const rows = createRowRegistry(allocateHealthRows(64, 64), 0);
  const options = { rows, previous: null, generation: 1, discovered };
  const compiled = compileConfig(configFolder(files).load(), options);
  if (!("plan" in compiled)) throw new Error(JSON.stringify(compiled.findings));
  const texts = compiled.names.policy.addresses.map(({ text }) => text).sort();
  return { ...compiled, texts, kept: compiled.findings.map(({ what }) => what.replace(/^.*not used: /, "")) };
}

/** What a server that had this list leaves behind. */
async function settingsAfter(list: string) {
  const settings = { path: join(temporaryFolder("lists"), "state.json"), maxAgeMs: 300_000 };
  const clock = new FakeClock();
  clock.wallOffsetMs = NOW_S * 1000 - clock.nowMs();
  const written: boolean[] = [];
  const memory = createHealthMemory({
    rows: allocateHealthRows(8, 8),
    ...{ settings, clock, log: () => undefined, onWritten: (isWritten: boolean) => written.push(isWritten) },
  });
  const { plan, discovered } = compile(list);
  memory.adopt(plan, discovered);
  memory.begin();
  await memory.stop();
  expect(written).toEqual([true]);
  return settings;
}

test("a file that is gone or empty when the server starts leaves the pool what it had", async () => {
  const settings = await settingsAfter(LIST);
  for (const list of [null, "[]", '["192.'])
    expect(compile(list, recallLists(settings, NOW_S + 10)).texts).toEqual([
      "192.0.2.1",
      "192.0.2.2",
      "2001:db8::3",
    ]);
  const { discovered, kept } = compile(null, recallLists(settings, NOW_S + 10));
  expect(kept).toEqual(["there is no such file; the 3 endpoints in use stay"]);
  const [pool] = discovered.values();
  expect(pool!.endpoints.map(({ weight }) => weight)).toEqual([3, undefined, undefined]);
});

test("a file that is good is used; one that has lost too much is not, unless the list is old", async () => {
  const settings = await settingsAfter(LIST);
  const good = '["192.0.2.1", "192.0.2.9"]';
  expect(compile(good, recallLists(settings, NOW_S + 10)).texts).toEqual(["192.0.2.1", "192.0.2.9"]);
  const shrunk = '["192.0.2.1"]';
  expect(compile(shrunk, recallLists(settings, NOW_S + 10)).texts).toHaveLength(3);
  expect(compile(shrunk, recallLists(settings, NOW_S + 400)).texts).toEqual(["192.0.2.1"]);
  expect(compile(null, recallLists(settings, NOW_S + 86_400)).texts).toHaveLength(3);
});

test("what somebody else wrote into the file is not believed", async () => {
  const settings = await settingsAfter(LIST);
  const text = readFileSync(settings.path, "utf8");
  writeFileSync(settings.path, text.replaceAll("192.0.2.2", "192.0.2.2222"));
  const [list] = recallLists(settings, NOW_S).values();
  expect(list!.endpoints).toHaveLength(2);
  writeFileSync(settings.path, text.replace('"weight":3', '"weight":"x"'));
  expect(recallLists(settings, NOW_S).size).toBe(0);
  expect(recallLists({ ...settings, path: `${settings.path}.none` }, NOW_S).size).toBe(0);
});
