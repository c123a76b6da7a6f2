import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../../test/support/temporary-folder.ts";
import { recordedTerminal } from "../../test/support/terminal.ts";
import { runCommandLine } from "./program.ts";

/** Writes files below a new folder, and runs `check` on its steerd.yaml. */
async function check(files: Record<string, string>, ...options: string[]) {
  const folder = temporaryFolder("check");
  for (const [path, text] of Object.entries({
    "steerd.yaml": "nameservers: [ns1.example.net.]\n",
    ...files,
  })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const terminal = recordedTerminal();
  const code = await runCommandLine(["check", "--config", join(folder, "steerd.yaml"), ...options], terminal);
  return { code, stdout: terminal.stdout.replaceAll(`${folder}/`, ""), stderr: terminal.stderr };
}

const GOOD = "pools:\n  us: {endpoints: [192.0.2.1]}\nrecords:\n  www: {policy: us}\n";
const UNKNOWN_POOL =
  "pools:\n  us-east: {endpoints: [192.0.2.1]}\nrecords:\n  www: {policy: us-esat}\n  api: {policy: us-east}\n";
const UNUSED_POOL = `${GOOD.replace("us:", "spare: {endpoints: [192.0.2.2]}\n  us:")}`;

describe("check", () => {
  test("good files: what they hold, exit code 0", async () => {
    expect(await check({ "zones/a.example.yaml": GOOD })).toEqual({
      code: 0,
      stdout: "1 zone, 2 static records, 1 steered name, 1 pool, 0 checked addresses: no errors\n",
      stderr: "",
    });
  });

  test("errors of several files at once, in columns, exit code 1", async () => {
    const { code, stdout } = await check({
      "zones/a.example.yaml": UNKNOWN_POOL,
      "zones/b.example.yaml": `${GOOD}rceords: {}\n`,
    });
    expect(code).toBe(1);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^zones\/a\.example\.yaml:4:\d+ {2}CFG_\w+ +www: "us-esat".*us-east/);
    expect(lines[1]).toMatch(/^zones\/b\.example\.yaml:5:1 {2,3}CFG_\w+ +"rceords".*records/);
    expect(lines[2]).toBe("2 errors in 2 files");
    expect(lines).toHaveLength(3);
  });

  test("a warning is told and is no error, unless --strict says so", async () => {
    const files = { "zones/a.example.yaml": UNUSED_POOL };
    const { code, stdout } = await check(files);
    expect(code).toBe(0);
    expect(stdout).toMatch(/CFG_UNUSED {2}warning: /);
    expect(stdout).toContain(
      "1 steered name, 1 pool, 0 checked addresses: no errors and 1 warning in 1 file\n",
    );
    expect((await check(files, "--strict")).code).toBe(1);
    expect((await check({ "zones/a.example.yaml": GOOD }, "--strict")).code).toBe(0);
  });

  test("--json: findings with their places", async () => {
    const { code, stdout } = await check({ "zones/a.example.yaml": UNKNOWN_POOL }, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: false,
      findings: [{ severity: "error", file: "zones/a.example.yaml", line: 4, column: expect.any(Number) }],
    });
    expect(JSON.parse((await check({ "zones/a.example.yaml": GOOD }, "--json")).stdout)).toMatchObject({
      ok: true,
      contents: { zones: 1, dynamicRecords: 1, pools: 1 },
      findings: [],
    });
  });

  test("a file that was asked for and is not there is an error", async () => {
    const terminal = recordedTerminal();
    expect(
      await runCommandLine(["check", "--config", join(temporaryFolder("check"), "none.yaml")], terminal),
    ).toBe(1);
    expect(terminal.stdout).toContain("none.yaml");
  });

  test("the example zones are in order, but for the one warning that an example is about", async () => {
    const terminal = recordedTerminal();
    expect(await runCommandLine(["check", "--json"], terminal)).toBe(0);
    const { findings } = JSON.parse(terminal.stdout);
    expect(findings).toMatchObject([{ code: "CFG_GEO_DEPTH", file: "zones/latency.example.yaml" }]);
  });

  test("--memory: what each index takes, the largest first", async () => {
    const policies = [
      "pools: {a: {endpoints: [192.0.2.1]}, b: {endpoints: [192.0.2.2]}}",
      "records:",
      "  www: {policy: {geo: {EU: a, default: b}}}",
      "  api: {policy: {geo: {EU: b, default: a}}}",
      '  "@": {policy: {subnets: {81.2.69.0/24: a, default: b}}}',
    ];
    const files = { "zones/a.example.yaml": `${policies.join("\n")}\n` };
    const lines = (await check(files, "--memory")).stdout.split("\n");
    expect(lines[0]).toMatch(
      /^ {3}\d\.\d MiB {2}geo of www\.a\.example and 1 more {2}\d+ IPv4 tiles to \/\d+, \d+ IPv6 tiles to \/\d+$/,
    );
    expect(lines[1]).toMatch(/^ {3}\d\.\d KiB {2}subnets of a\.example {2,}\d+ IPv4 tiles to \/24/);
    expect(lines[2]).toMatch(/^ {3}\d\.\d MiB {2}all indexes$/);
    const { indexes } = JSON.parse((await check(files, "--memory", "--json")).stdout);
    expect(indexes).toMatchObject([
      { kind: "geo", records: 2 },
      { kind: "subnets", records: 1, longest4: 24 },
    ]);
  });

  test("indexes that take more than index_memory are an error that names the largest", async () => {
    const policy = (keys: string) => `{policy: {geo: {${keys}}}}`;
    const zone = [
      "pools: {a: {endpoints: [192.0.2.1]}, b: {endpoints: [192.0.2.2]}}",
      "records:",
      `  www: ${policy("EU-DE: a, default: b")}`,
      `  api: ${policy("EU: b, default: a")}`,
      `  not-made: ${policy("AS: b, default: a")}`,
    ];
    const { code, stdout } = await check({
      "steerd.yaml": "nameservers: [ns1.example.net.]\nindex_memory: 6 MiB\n",
      "zones/a.example.yaml": `${zone.join("\n")}\n`,
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^steerd\.yaml {2}CFG_LIMIT_INDEX {2}the prefix indexes take \d+\.\d MiB or more, the largest of them geo of \w+\.a\.example \(\d\.\d MiB\), geo of \w+\.a\.example \(\d\.\d MiB\): expected at most 6\.0 MiB, which index_memory in steerd\.yaml can raise$/m,
    );
    expect(stdout).not.toContain("not-made");
  });
});
