import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { MAX_YAML_MARKS, MAX_YAML_OCTETS } from "../../src/config/load-yaml.ts";
import { readSteadyFile } from "../../src/config/steady-file.ts";
import { configFolder, zoneFindings } from "../support/config-folder.ts";

const ZONES = resolve(import.meta.dirname, "../../zones");
const ZONE = readFileSync(join(ZONES, "gslb.example.zone"), "utf8");
const YAML = readFileSync(join(ZONES, "gslb.example.yaml"), "utf8");
const errors = (lines: string[]): string[] => lines.filter((line) => !line.startsWith("warning "));

describe("row 49: a file that is cut", () => {
  test("row 49: a master file cut anywhere but behind a record is rejected whole", () => {
    const folder = configFolder({ "zones/gslb.example.yaml": YAML });
    let rejected = 0;
    for (let length = 1; length < ZONE.length; length += 7) {
      const cut = ZONE.slice(0, length);
      folder.write("zones/gslb.example.zone", cut);
      const compiled = folder.compile();
      // Behind a newline the file may be whole: then it is served as it is. A record that is cut never is.
      const endsWithLine = cut.endsWith("\n") || /(^|\n)\s*(;[^\n]*)?$/.test(cut);
      if (endsWithLine) continue;
      rejected++;
      expect("snapshot" in compiled, JSON.stringify(cut.slice(-40))).toBe(false);
    }
    expect(rejected).toBeGreaterThan(50);
  });

  test("row 49: a YAML file cut inside a value, a bracket or a quote is rejected whole", () => {
    const open = YAML.indexOf("{location: [50.1");
    for (const at of [
      open + 3,
      open + 14,
      YAML.indexOf('"2001:db8:a::10"') + 5,
      YAML.indexOf("policy:") + 3,
    ]) {
      const lines = errors(zoneFindings(YAML.slice(0, at)));
      expect(lines, YAML.slice(at - 20, at)).not.toEqual([]);
    }
  });

  test("row 49: nothing of the other files is served either", () => {
    const folder = configFolder({ "zones/a.example.zone": ZONE, "zones/b.example.zone": ZONE.slice(0, -5) });
    const compiled = folder.compile();
    expect("snapshot" in compiled).toBe(false);
    expect(compiled.findings.map(({ code }) => code)).toContain("ZONE_FILE_CUT");
  });
});

describe("row 52: huge files", () => {
  test("row 52: a YAML file over its limit is refused, with the limit", () => {
    const folder = configFolder({
      "zones/a.example.yaml": `# ${"x".repeat(MAX_YAML_OCTETS)}\n`,
      "zones/b.example.yaml": `# ${"x".repeat(MAX_YAML_OCTETS - 3)}\n`,
    });
    expect(folder.findings()).toEqual([
      `zones/a.example.yaml CFG_FILE_TOO_LARGE the file has ${MAX_YAML_OCTETS + 3} octets: expected at most ${MAX_YAML_OCTETS} (2 MiB)`,
    ]);
  });

  test("row 52: a small YAML file with too much in it is refused before it is parsed", () => {
    expect(zoneFindings(`records: [${"a,".repeat(MAX_YAML_MARKS)}]`)).toEqual([
      `z CFG_FILE_TOO_LARGE the file has ${MAX_YAML_MARKS + 2} lines, colons, commas and opening brackets: expected at most ${MAX_YAML_MARKS}`,
    ]);
  });

  test("row 52: any file over its limit is refused before it is read", () => {
    const folder = configFolder({ large: "12345" });
    expect(readSteadyFile(join(folder.root, "large"), 4)).toMatchObject({ code: "CFG_FILE_TOO_LARGE" });
    expect(readSteadyFile(join(folder.root, "large"), 5)).toMatchObject({
      octets: Uint8Array.from(Buffer.from("12345")),
    });
  });

  test("row 52: nesting without end is refused", () => {
    expect(zoneFindings(`records: ${"[".repeat(5000)}`)[0]).toContain("CFG_LIMIT_DEPTH");
  });
});

describe("row 53: YAML's traps", () => {
  test("row 53: a bomb of aliases", () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `  p${i + 1}: &p${i + 1} [${Array(9).fill(`*p${i}`).join(", ")}]\n`,
    );
    const lines = zoneFindings(`pools:\n  p0: &p0 [x, x, x, x, x, x, x, x, x]\n${levels.join("")}`);
    expect(lines).toEqual([
      expect.stringContaining("CFG_YAML_ALIAS with *p4 the aliases of this file repeat too much"),
    ]);
  });

  test("row 53: keys that mean something to JavaScript", () => {
    expect(zoneFindings('records:\n  __proto__: {policy: us}\n  "constructor": {policy: us}\n')).toEqual([
      '2:3 CFG_YAML_KEY "__proto__" is reserved and cannot be a key: expected another name',
      '3:3 CFG_YAML_KEY "constructor" is reserved and cannot be a key: expected another name',
    ]);
  });

  test("row 53: a key that stands twice", () => {
    expect(zoneFindings("pools:\n  us: {endpoints: [192.0.2.1]}\n  us: {endpoints: [192.0.2.2]}\n")).toEqual([
      '3:3 CFG_YAML_DUPLICATE "us" stands here again, first on line 2: expected it once',
    ]);
  });

  test("row 53: tabs", () => {
    expect(zoneFindings("pools:\n\tus: {endpoints: [192.0.2.1]}\n")).toEqual([
      "2:1 CFG_YAML_TAB a tab is used as indentation: expected spaces",
    ]);
  });
});

describe("row 54: policies that cannot work", () => {
  const POOLS = "pools:\n  us: {endpoints: [192.0.2.1]}\n";
  test.each([
    [
      "a circle",
      `${POOLS}policies:\n  a: {failover: [us, b]}\n  b: {failover: [a]}\nrecords: {w: {policy: a}}\n`,
      "5:18 CFG_POLICY_CYCLE",
    ],
    ["an unknown pool", `${POOLS}records: {w: {policy: ux}}\n`, "3:23 CFG_POOL_UNKNOWN"],
    ["an empty pool", "pools:\n  us: {endpoints: []}\nrecords: {w: {policy: us}}\n", "2:19 CFG_POOL_EMPTY"],
    ["a negative weight", `${POOLS}records: {w: {policy: {weighted: {us: -1}}}}\n`, "3:39 CFG_VALUE_INVALID"],
    [
      "weights that are all zero",
      `${POOLS}records: {w: {policy: {weighted: {us: 0}}}}\n`,
      "3:24 CFG_WEIGHTS_ZERO",
    ],
  ])("row 54: %s", (_, text, start) => {
    const lines = errors(zoneFindings(text));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(new RegExp(`^${start} `));
  });
});

describe("row 56: a file that changes while it is read", () => {
  test("row 56: replaced by a rename, it is the whole old or the whole new one", () => {
    const folder = configFolder({ file: "a".repeat(100_000) });
    const path = join(folder.root, "file");
    const file = readSteadyFile(path, 1_000_000, {
      afterOpen: () => {
        writeFileSync(`${path}.new`, "b".repeat(50_000));
        renameSync(`${path}.new`, path);
      },
    });
    expect("octets" in file && new Set(file.octets)).toEqual(new Set([0x61]));
    expect("octets" in file && file.octets.length).toBe(100_000);
  });

  test("row 56: written to in place, it is read again until it holds still", () => {
    const folder = configFolder({ file: "aaaa" });
    const path = join(folder.root, "file");
    let writes = 0;
    const file = readSteadyFile(path, 100, {
      afterStat: () => {
        if (writes++ < 2) writeFileSync(path, "b".repeat(10 + writes));
      },
    });
    expect("octets" in file && Buffer.from(file.octets).toString()).toBe("bbbbbbbbbbbb");
    expect(writes).toBe(3);
  });

  test("row 56: cut short meanwhile, it is read again", () => {
    const folder = configFolder({ file: "a".repeat(1000) });
    const path = join(folder.root, "file");
    let cuts = 0;
    const file = readSteadyFile(path, 10_000, {
      afterStat: () => {
        if (cuts++ === 0) writeFileSync(path, "b");
      },
    });
    expect("octets" in file && Buffer.from(file.octets).toString()).toBe("b");
  });

  test("row 56: one that never holds still is an error", () => {
    const folder = configFolder({ file: "a" });
    const path = join(folder.root, "file");
    let size = 1;
    const file = readSteadyFile(path, 100, { afterStat: () => writeFileSync(path, "b".repeat(++size)) });
    expect(file).toEqual({
      code: "CFG_FILE_CHANGING",
      what: "the file changed while it was read, 5 times in a row",
      expected: "a file that is put in place with a rename",
    });
  });
});

describe("row 65: what goes into a request's head", () => {
  test.each([
    ['path: "/a\\r\\nX: y"', "path"],
    ['host: "a\\nb"', "host"],
  ])("row 65: CR and LF in %s", (option, key) => {
    const lines = errors(zoneFindings(`checks: {c: {type: http, ${option}}}\n`));
    expect(lines).toEqual([expect.stringContaining(`CFG_VALUE_INVALID checks.c.${key} is`)]);
  });
});
