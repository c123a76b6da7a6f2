import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";

const root = resolve(import.meta.dirname, "../..");
const { version, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  dependencies: Record<string, string>;
};

describe("the packed tarball", () => {
  let files: string[] = [];
  let unpacked = "";

  function steerd(...args: string[]) {
    return spawnSync(process.execPath, [join(unpacked, "bin/steerd"), ...args], {
      encoding: "utf8",
      cwd: unpacked,
    });
  }

  beforeAll(() => {
    const folder = temporaryFolder("package");
    // Built by the test command; building again here would pull files away from tests that run beside this one.
    const packed = execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
      encoding: "utf8",
      cwd: root,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [tarball] = JSON.parse(packed) as { filename: string; files: { path: string }[] }[];
    files = tarball!.files.map((file) => file.path);
    execFileSync("tar", ["-xzf", join(folder, tarball!.filename), "-C", folder]);
    unpacked = join(folder, "package");
    symlinkSync(join(root, "node_modules"), join(unpacked, "node_modules"));
  });

  test("runs", () => {
    expect(steerd("version")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`steerd ${version} `),
    });
  });

  test("brings its example zones, and they are in order, but for the one warning that an example is about", () => {
    const checked = steerd("check");
    expect(checked).toMatchObject({ status: 0, stderr: "" });
    expect(checked.stdout).toContain(": no errors and 1 warning in 1 file");
    expect(checked.stdout).toContain("zones/latency.example.yaml:27:14  CFG_GEO_DEPTH");
  });

  test("decides with the embedded database", () => {
    const explained = steerd("explain", "www.gslb.example", "A", "--client", "193.0.6.1", "--json");
    expect(explained).toMatchObject({ status: 0, stderr: "" });
    expect(explained.stdout).toContain("127.0.0.11");
  });

  test("has what the README links to, and no sources, tests or build leftovers", () => {
    const links = [...readFileSync(join(unpacked, "README.md"), "utf8").matchAll(/\]\((?!https?:)([^)#]+)/g)];
    expect(links.length).toBeGreaterThan(5);
    for (const [, target] of links) expect(existsSync(join(unpacked, target!)), target).toBe(true);
    expect(
      files.filter((path) => /^(src|test|bench|coverage)\/|\.tsbuildinfo$|\.test\.js$/.test(path)),
    ).toEqual([]);
  });

  test("depends on exact versions only", () => {
    for (const [name, range] of Object.entries(dependencies)) expect(range, name).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
