import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type ConfigFolder, configFolder } from "../../test/support/config-folder.ts";
import { removeFolder, temporaryFolder } from "../../test/support/temporary-folder.ts";
import { createConfigCache } from "./cache.ts";
import { loadConfig } from "./load.ts";

const ZONE = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.53\n";
const YAML = "pools: {us: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: us}}\n";

const zoneNames = (folder: ConfigFolder): string[] => folder.load().zones.map(({ name }) => name);

/** Files that were read and parsed by `work`. */
function parsedBy(folder: ConfigFolder, work: () => unknown): number {
  const before = folder.cache.parsed;
  work();
  return folder.cache.parsed - before;
}

describe("the state file", () => {
  test.each(["overrides.yaml", "steerd.yaml", "zones/a.example.yaml"])("is not %s", (file) => {
    const folder = configFolder({
      "zones/a.example.yaml": YAML,
      "steerd.yaml": `state: {file: ./${file}}\n`,
    });
    const [finding] = folder.load().findings;
    expect(finding).toMatchObject({ code: "CFG_VALUE_INVALID", line: 1, column: 15 });
    expect(finding!.what).toContain("would be overwritten");
  });
});

test("the usual state file may lie in the zones folder", () => {
  const folder = configFolder({ "steerd.yaml": "zones: .\n" });
  expect(folder.load().findings.filter(({ what }) => what.includes("overwritten"))).toEqual([]);
});

describe("the zones folder", () => {
  test("has a zone for each name of a .zone or .yaml file", () => {
    const folder = configFolder({
      "zones/b.example.zone": ZONE,
      "zones/B.example.yaml": YAML,
      "zones/a.example.yaml": YAML,
      "zones/0\\04725.2.0.192.in-addr.arpa.zone": ZONE,
    });
    expect(zoneNames(folder)).toEqual(["0\\04725.2.0.192.in-addr.arpa", "b.example", "a.example"]);
    const { zones } = folder.load();
    expect(zones[1]!.apex).toEqual(Uint8Array.from([1, 98, 7, ...Buffer.from("example"), 0]));
    expect([zones[1]!.master !== null, zones[1]!.dynamic !== null]).toEqual([true, true]);
    expect(zones[0]!.apex[0]).toBe(4);
  });

  test("other files in it are none of ours", () => {
    const folder = configFolder({
      "zones/.a.zone.swp": "x",
      "zones/.a.zone": "x",
      "zones/a.zone~": "x",
      "zones/#a.zone#": "x",
      "zones/a.zone.bak": "x",
      "zones/README.md": "x",
      "zones/more/b.zone": "x",
    });
    expect(zoneNames(folder)).toEqual([]);
    expect(folder.findings()).toEqual([]);
  });

  test("a .yml file is told to be ignored", () => {
    expect(configFolder({ "zones/a.example.yml": YAML }).findings()).toEqual([
      "warning zones/a.example.yml CFG_FILE_IGNORED the file is ignored because of its name: expected a name that ends in .yaml",
    ]);
  });

  test("names that are no origins, and two files for one zone, are errors", () => {
    const folder = configFolder({
      "zones/a..b.zone": ZONE,
      "zones/A.example.zone": ZONE,
      "zones/a.example.zone": ZONE,
      "zones/B.example.yaml": YAML,
      "zones/b.example.yaml": YAML,
      "zones/b.example.zone": ZONE,
    });
    expect(folder.findings()).toEqual([
      "zones/a..b.zone CFG_ORIGIN_INVALID the file's name is the zone's origin, and \"a..b\" has an empty label: expected one dot between labels",
      "zones/a.example.zone CFG_ZONE_DUPLICATE a.example has a second .zone file, the first is zones/A.example.zone: expected one for each zone; names do not differ by case",
      "zones/b.example.yaml CFG_ZONE_DUPLICATE b.example has a second .yaml file, the first is zones/B.example.yaml: expected one for each zone; names do not differ by case",
    ]);
  });

  test("that is not there is an error", () => {
    const folder = configFolder({ "steerd.yaml": "zones: ./zonse\ngeo: {country: countries.mmdb}\n" });
    expect(folder.findings()).toEqual([
      "steerd.yaml:1:8 CFG_ZONES_FOLDER zones: zonse: the zones folder cannot be used: there is no such file: expected a folder of zone files",
    ]);
  });

  test("a folder, a pipe or a missing target in place of a file is an error", () => {
    const folder = configFolder();
    mkdirSync(join(folder.root, "zones/a.example.zone"));
    symlinkSync("nowhere", join(folder.root, "zones/b.example.yaml"));
    symlinkSync("c.example.yaml", join(folder.root, "zones/c.example.yaml"));
    expect(folder.findings()).toEqual([
      "zones/a.example.zone CFG_FILE_UNREADABLE this is a folder: expected a file",
      "zones/b.example.yaml CFG_FILE_UNREADABLE there is no such file: expected a file that this user may read",
      "zones/c.example.yaml CFG_FILE_UNREADABLE its symbolic links lead in a circle: expected a file that this user may read",
    ]);
    expect(folder.findings()).toHaveLength(3);
  });
});

describe("steerd.yaml", () => {
  test("paths in it are relative to its folder", () => {
    const folder = configFolder({
      "sub/steerd.yaml": "zones: ../zones\ngeo: {country: ../countries.mmdb}\n",
      "zones/a.example.yaml": YAML,
    });
    const loaded = loadConfig({ configFile: join(folder.root, "sub/steerd.yaml"), cache: folder.cache });
    expect(loaded.findings).toEqual([]);
    expect(loaded.zones.map(({ name }) => name)).toEqual(["a.example"]);
    expect(loaded.server.zones).toBe(join(folder.root, "zones"));
  });

  test("that was asked for by name has to be there", () => {
    const folder = configFolder();
    rmSync(join(folder.root, "steerd.yaml"));
    expect(folder.findings()).toEqual([
      "steerd.yaml CFG_FILE_UNREADABLE there is no such file: expected a file that this user may read",
    ]);
  });

  test("may be absent where nobody asked for it: the defaults stand in, with the embedded database", () => {
    const folder = temporaryFolder("config");
    onTestFinished(() => removeFolder(folder));
    const cwd = vi.spyOn(process, "cwd").mockReturnValue(folder);
    onTestFinished(() => cwd.mockRestore());
    mkdirSync(join(folder, "zones"));
    writeFileSync(join(folder, "zones/a.example.yaml"), YAML);
    const loaded = loadConfig({ configFile: null, cache: createConfigCache() });
    expect(loaded.findings).toEqual([]);
    expect(loaded.configFile).toBe("steerd.yaml");
    expect(loaded.zones[0]!.dynamic!.file).toBe("zones/a.example.yaml");
    expect([loaded.geo.city, loaded.geo.country?.name]).toEqual([null, "country database"]);
  });

  test("with errors does not hide those of the zones", () => {
    const folder = configFolder({
      "steerd.yaml": "listne: 1\nnameservers: [ns.a.example.]\n",
      "zones/a.example.yaml": "recrods: 1\n",
    });
    expect(folder.findings()).toEqual([
      'steerd.yaml:1:1 CFG_KEY_UNKNOWN "listne" is not a key: did you mean listen?',
      'zones/a.example.yaml:1:1 CFG_KEY_UNKNOWN "recrods" is not a key: did you mean records?',
    ]);
  });

  test("a database that is not there is an error of steerd.yaml, and one that is none of its own file", () => {
    const folder = configFolder({
      "steerd.yaml": "geo: {city: city.mmdb, asn: x.mmdb}\n",
      "x.mmdb": "nothing",
    });
    const lines = folder.findings();
    expect(lines[0]).toBe(
      "steerd.yaml:1:13 CFG_FILE_UNREADABLE geo.city: city.mmdb: there is no such file: expected a file that this user may read",
    );
    expect(lines[1]).toMatch(/^x\.mmdb GEO_DB_FORMAT /);
    expect(lines).toHaveLength(2);
  });

  test("every file to be watched is named", () => {
    const folder = configFolder({
      "zones/a.example.zone": `${ZONE}$INCLUDE parts/more.inc\n`,
      "zones/parts/more.inc": "x A 192.0.2.1\n",
    });
    expect(folder.load().watched.map((path) => path.replace(`${folder.root}/`, ""))).toEqual([
      ...["steerd.yaml", "zones", "countries.mmdb", "zones/parts/more.inc"],
    ]);
  });
});

describe("a second load", () => {
  test("parses what changed and nothing else", () => {
    const folder = configFolder({
      "zones/a.example.zone": ZONE,
      "zones/a.example.yaml": YAML,
      "zones/b.example.yaml": YAML,
    });
    expect(parsedBy(folder, folder.load)).toBe(4);
    folder.age();
    const first = folder.load();
    expect(parsedBy(folder, folder.load)).toBe(0);
    expect(folder.load().zones[0]!.master).toBe(first.zones[0]!.master);
    expect(folder.load().geo).toBe(first.geo);

    folder.write("zones/b.example.yaml", YAML.replace("192.0.2.1", "192.0.2.2"));
    expect(parsedBy(folder, folder.load)).toBe(1);
    folder.write("zones/c.example.zone", ZONE);
    rmSync(join(folder.root, "zones/a.example.yaml"));
    expect(
      parsedBy(folder, () => expect(zoneNames(folder)).toEqual(["a.example", "b.example", "c.example"])),
    ).toBe(1);
  });

  test("sees a file of the same size and time in its place", () => {
    const folder = configFolder({ "zones/a.example.yaml": YAML });
    folder.age();
    folder.load();
    const path = join(folder.root, "zones/a.example.yaml");
    writeFileSync(`${path}.new`, YAML.replace("192.0.2.1", "192.0.2.2"));
    utimesSync(`${path}.new`, 1_000_000_000, 1_000_000_000);
    utimesSync(path, 1_000_000_000, 1_000_000_000);
    folder.load();
    renameSync(`${path}.new`, path);
    expect(parsedBy(folder, folder.load)).toBe(1);
  });

  test("does not trust the stamp of a file that changed a moment ago", () => {
    const folder = configFolder({ "zones/a.example.yaml": YAML });
    vi.useFakeTimers({ now: Date.now(), toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    folder.write("zones/a.example.yaml", YAML);
    folder.load();
    expect(parsedBy(folder, folder.load)).toBeGreaterThan(0);
  });

  test("sees that an included file changed, came or went", () => {
    const folder = configFolder({
      "zones/a.example.zone": `${ZONE}$INCLUDE more.inc\n`,
      "zones/more.inc": "x A 192.0.2.1\n",
    });
    folder.age();
    folder.load();
    expect(parsedBy(folder, folder.load)).toBe(0);
    folder.write("zones/more.inc", "x A 192.0.2.1\ny A 192.0.2.2\n");
    expect(folder.load().zones[0]!.master!.columns!.count).toBe(5);
    rmSync(join(folder.root, "zones/more.inc"));
    expect(folder.findings()).toEqual([
      expect.stringContaining('ZONE_INCLUDE "more.inc" cannot be included'),
    ]);
    folder.write("zones/more.inc", "x A 192.0.2.1\n");
    expect(folder.findings()).toEqual([]);
  });

  test("tells the errors of unchanged files again", () => {
    const folder = configFolder({
      "zones/a.example.zone": "@ A 192.0.2.300\n",
      "zones/b.example.yaml": "recrods: 1\n",
    });
    folder.age();
    const lines = folder.findings();
    expect(lines.length).toBeGreaterThan(1);
    expect(parsedBy(folder, () => expect(folder.findings()).toEqual(lines))).toBe(0);
  });

  test("keeps the warnings about what was settled in the records", () => {
    const folder = configFolder({ "zones/a.example.zone": `${ZONE}x A 192.0.2.1\nx A 192.0.2.1\n` });
    folder.age();
    const lines = folder.findings();
    expect(lines).toEqual([expect.stringContaining("ZONE_DUPLICATE")]);
    expect(folder.findings()).toEqual(lines);
    folder.write("zones/a.example.yaml", YAML);
    expect(folder.findings()).toEqual(lines);
  });
});

describe("a folder as Kubernetes mounts it", () => {
  test("is read through its symbolic links, and again when they are swapped", () => {
    const folder = configFolder();
    const zones = join(folder.root, "zones");
    const version = (name: string, address: string): void => {
      mkdirSync(join(zones, name));
      writeFileSync(join(zones, name, "a.example.zone"), `${ZONE}$INCLUDE common.inc\n`);
      writeFileSync(join(zones, name, "common.inc"), `x A ${address}\n`);
    };
    version("..2026_1", "192.0.2.1");
    symlinkSync("..2026_1", join(zones, "..data"));
    symlinkSync("..data/a.example.zone", join(zones, "a.example.zone"));
    symlinkSync("..data/common.inc", join(zones, "common.inc"));
    folder.age();
    expect(folder.findings()).toEqual([]);
    expect(parsedBy(folder, folder.load)).toBe(0);

    version("..2026_2", "192.0.2.2");
    symlinkSync("..2026_2", join(zones, "..data_tmp"));
    renameSync(join(zones, "..data_tmp"), join(zones, "..data"));
    expect(parsedBy(folder, folder.load)).toBe(1);
    const { octets, rdata } = folder.load().zones[0]!.master!.columns!;
    expect(octets[rdata[3]! + 3]).toBe(2);
  });
});

describe("$INCLUDE", () => {
  const include = (path: string) => ({
    "zones/a.example.zone": `${ZONE}$INCLUDE ${path}\n`,
    "secret.inc": "x A 192.0.2.1\n",
  });

  test.each(["../secret.inc", "/etc/passwd", "parts/../../secret.inc"])("of %s is refused", (path) => {
    const folder = configFolder(include(path));
    mkdirSync(join(folder.root, "zones/parts"));
    expect(folder.findings()).toEqual([
      `zones/a.example.zone:5:10 ZONE_INCLUDE "${path}" cannot be included: expected a file in the zones folder; this one lies outside`,
    ]);
  });

  test("through a symbolic link out of the folder is refused", () => {
    const folder = configFolder(include("link.inc"));
    symlinkSync("../secret.inc", join(folder.root, "zones/link.inc"));
    expect(folder.findings()).toEqual([expect.stringContaining("this one lies outside")]);
  });

  test("of a folder is refused", () => {
    const folder = configFolder(include("parts"));
    mkdirSync(join(folder.root, "zones/parts"));
    expect(folder.findings()).toEqual([expect.stringContaining("this is a folder")]);
  });

  test("is seen from the file that includes", () => {
    const folder = configFolder({
      "zones/a.example.zone": `${ZONE}$INCLUDE parts/one.inc\n`,
      "zones/parts/one.inc": "$INCLUDE two.inc\n",
      "zones/parts/two.inc": "x A 192.0.2.1\n",
    });
    expect(folder.findings()).toEqual([]);
  });
});

describe("text", () => {
  test("that is not UTF-8 is told where", () => {
    const octets = Buffer.concat([Buffer.from("ttl: 30\n# caf"), Buffer.from([0xe9]), Buffer.from("\n")]);
    expect(configFolder({ "zones/a.example.yaml": octets }).findings()).toEqual([
      "zones/a.example.yaml:2:6 CFG_FILE_ENCODING the file is not UTF-8 from here on: expected text in UTF-8",
    ]);
  });
});

test("what is wrong with a name under nameservers has its line there", () => {
  const folder = configFolder({
    "steerd.yaml": "zones: ./zones\nnameservers:\n  - ns1.example.net.\n  - ns2.a.example.\n",
    "zones/a.example.yaml": "pools: {p: {endpoints: [192.0.2.1]}}\nrecords: {www: {policy: p}}\n",
  });
  expect(folder.findings()).toEqual([
    "warning steerd.yaml:4 ZONE_TARGET_ADDRESS a.example. NS: ns2.a.example. has no address: expected A or AAAA records of it in this zone",
  ]);
});
