import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConfigFolder, configFolder } from "../../test/support/config-folder.ts";
import { FakeClock } from "../../test/support/fake-clock.ts";
import { type CompiledConfig, compileConfig } from "../config/compile.ts";
import { createRowRegistry } from "../config/rows.ts";
import { forcedWord } from "../health/forced.ts";
import type { ForcedPlan } from "../health/plan.ts";
import { allocateHealthRows } from "../health/rows.ts";
import { createOverrides, type Overrides } from "./overrides.ts";

const ZONE = `
checks: {web: {type: http}}
pools:
  eu: {check: web, endpoints: [192.0.2.1, 192.0.2.2]}
  us: {check: web, endpoints: [198.51.100.1]}
  fixed: {endpoints: [203.0.113.1]}
records: {www: {policy: {failover: [eu, us, fixed]}}}
`;
const QUICK = { quietMs: 5, patienceMs: 50, pollMs: 60_000 };

let clock: FakeClock;
let folder: ConfigFolder;
let forced: string[];
let log: string[];
let wanted: number;
let overrides: Overrides;

/** As `192.0.2.1 drain` for each address. */
function words(config: CompiledConfig, plan: readonly ForcedPlan[]): string {
  const address = new Map(config.plan.targets.map((target) => [target.row, target.address]));
  return plan.map((entry) => `${address.get(entry.row)} ${forcedWord(entry)}`).join(", ");
}

function compile(): CompiledConfig {
  const rows = createRowRegistry(allocateHealthRows(64, 16), 0);
  const loaded = overrides.inUse()?.loaded;
  const config = compileConfig(folder.load(), {
    rows,
    previous: null,
    generation: 1,
    ...(loaded && { overrides: loaded }),
  });
  if (!("snapshot" in config)) throw new Error(JSON.stringify(config.findings));
  return config;
}

function adopt(): void {
  overrides.adopt(compile());
}

const write = (text: string): void => folder.write("overrides.yaml", text);

beforeEach(() => {
  clock = new FakeClock();
  clock.wallOffsetMs = Date.parse("2026-03-01T12:00:00Z") - 1000;
  folder = configFolder({ "zones/example.com.yaml": ZONE });
  forced = [];
  log = [];
  wanted = 0;
  overrides = createOverrides({
    clock,
    log: (level, message) => log.push(`${level} ${message}`.replaceAll(`${folder.root}/`, "")),
    onForced: (plan) => forced.push(words(compile(), plan)),
    onRowsWanted: () => wanted++,
    watch: QUICK,
  });
});
afterEach(() => overrides.stop());

describe("forced states in a server", () => {
  it("follow their file, without another configuration", () => {
    adopt();
    write("overrides: [{match: pool:eu, state: drain}]\n");
    expect(overrides.reload()).toEqual([]);
    write("overrides: [{match: pool:eu/192.0.2.2, state: down}]\n");
    overrides.reload();
    write("");
    overrides.reload();
    expect(forced).toEqual(["192.0.2.1 drain, 192.0.2.2 drain", "192.0.2.2 down", ""]);
    expect(wanted).toBe(0);
  });

  it("are read again when somebody edits the file by hand", async () => {
    adopt();
    write("overrides: [{match: pool:us, state: drain}]\n");
    await expect.poll(() => forced).toEqual(["198.51.100.1 drain"]);
  });

  it("that are wrong change nothing: every mistake is told, once", () => {
    write("overrides: [{match: pool:eu, state: drain}]\n");
    adopt();
    log = [];
    write("overrides:\n  - {match: eu, state: drain}\n  - {match: pool:eu, state: dran}\n");
    expect(overrides.reload().map(({ line, column }) => `${line}:${column}`)).toEqual(["2:13", "3:29"]);
    overrides.reload();
    expect(forced).toEqual([]);
    expect(log).toEqual([
      expect.stringContaining("error overrides.yaml:2:13 CFG_VALUE_INVALID"),
      expect.stringContaining("error overrides.yaml:3:29 CFG_VALUE_INVALID"),
      "error overrides.yaml rejected: forced states stay as they were",
    ]);
    expect(overrides.inUse()).toMatchObject({ isSound: false, loaded: { entries: [{ state: "drain" }] } });
    // Zones may change meanwhile: what held goes on holding.
    adopt();
    expect(words(compile(), compile().plan.forced!)).toBe("192.0.2.1 drain, 192.0.2.2 drain");
    write("overrides: [{match: pool:us, state: drain}]\n");
    overrides.reload();
    expect(overrides.inUse()!.isSound).toBe(true);
    expect(forced).toEqual(["198.51.100.1 drain"]);
  });

  it("end when they say, and the entry before them counts again", () => {
    adopt();
    write(`overrides:
  - {match: pool:eu, state: down}
  - {match: pool:eu, state: drain, until: "2026-03-01T12:00:30Z"}
  - {match: pool:us, state: up, until: "2026-03-01T14:00:00+01:00"}
`);
    overrides.reload();
    clock.advance(29_900);
    expect(forced).toEqual(["192.0.2.1 drain, 192.0.2.2 drain, 198.51.100.1 up"]);
    clock.advance(200);
    expect(forced[1]).toBe("192.0.2.1 down, 192.0.2.2 down, 198.51.100.1 up");
    clock.advance(3_600_000);
    expect(forced[2]).toBe("192.0.2.1 down, 192.0.2.2 down");
    expect(clock.pending).toBe(0);
  });

  it("are resolved again when a configuration is adopted: an entry may have ended while it was compiled", () => {
    // By the clock of the compiler, which is the real one, this entry is over; by the one here it is not.
    write('overrides: [{match: pool:us, state: drain, until: "2026-03-01T12:00:30Z"}]\n');
    adopt();
    expect(forced).toEqual(["198.51.100.1 drain"]);
    clock.advance(31_000);
    expect(forced).toEqual(["198.51.100.1 drain", ""]);
  });

  it("row 70: end soon after the wall clock was set beyond their end", () => {
    adopt();
    write('overrides: [{match: pool:eu, state: drain, until: "2026-03-05T00:00:00Z"}]\n');
    overrides.reload();
    clock.wallOffsetMs += 7 * 86_400_000;
    clock.advance(10_000);
    expect(forced).toEqual(["192.0.2.1 drain, 192.0.2.2 drain", ""]);
  });

  it("ask for rows where a pool has none", () => {
    adopt();
    write("overrides: [{match: pool:fixed, state: drain}]\n");
    overrides.reload();
    expect([forced, wanted]).toEqual([[], 1]);
    adopt();
    expect(words(compile(), compile().plan.forced!)).toBe("203.0.113.1 drain");
    write("");
    overrides.reload();
    expect(forced).toEqual([""]);
  });

  it("that would empty a record are ignored one by one, with an alarm", () => {
    adopt();
    write('overrides: [{match: pool:us, state: drain}, {match: "pool:*", state: down}]\n');
    overrides.reload();
    adopt();
    expect(overrides.inUse()!.resolved.ignored.size).toBe(1);
    expect(words(compile(), compile().plan.forced!)).toBe("198.51.100.1 drain");
  });
});
